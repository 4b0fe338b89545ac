"""The tagger card: all that lepid knows about one network of one tagger, as data.

A card is a TOML file `models/<tagger>/<network>/card.toml`. The classes below say what it may
hold; an unknown key, a wrong type or two parts that contradict each other is a `BadCard`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, FiniteFloat, model_validator

from lepid.errors import near_misses
from lepid.taggers.card_likelihood import BINS, DISCRIMINANT, PILEUP, VARIABLES, Likelihood
from lepid.taggers.part import Part, Unit

_ATOM = r"(\d+(?:\.\d+)?|[A-Za-z]\w*)"
TERM = re.compile(rf"\s*([+-]?)\s*{_ATOM}")
EVERY = (0.0, float("inf"))
_SUM = re.compile(rf"\s*[+-]?\s*{_ATOM}(\s*[+-]\s*{_ATOM})*\s*")


def _weight(text: str) -> str:
    if not _SUM.fullmatch(text):
        raise ValueError(f"{text!r} is not a sum of numbers and fractions, such as '1 - f_CF'")
    return text


def _twice(names: Iterable[str]) -> str:
    found = list(names)
    return ", ".join(sorted({name for name in found if found.count(name) > 1}))


def _hint(name: str, known: Iterable[str]) -> str:
    near = near_misses(name, known)
    return f" (near: {', '.join(near)})" if near else ""


Weight = Annotated[str, BeforeValidator(_weight)]


class Output(Part):
    """One number that the tagger gives for each lepton."""

    name: str = Field(description="lepid's name of the score, the field that users see")
    doc: str = Field(default="", description="what it is")
    stored: tuple[str, ...] = Field(
        default=(), description="column names that may hold it, first found"
    )
    unit: Unit = Field(default="", description="unit of the score")
    node: str = Field(default="", description="output node of the network")
    index: int | None = Field(
        default=None, ge=0, description="column of the node, if it has several"
    )
    per: Literal["lepton", "track"] = Field(
        default="lepton", description="one number per lepton, or one per track around it"
    )
    absent: float | None = Field(default=None, description="stored value that means: not evaluated")


class Form(Part):
    """One way to turn outputs into a discriminant.

    `log_ratio`: ln(numerator / denominator); `ratio`: the same without ln; `score`: the output
    itself; `logit`: -ln(1/s - 1) / scale. Numerator and denominator map an output to its weight,
    a sum of numbers and fractions such as ``"1 - f_CF"``. A zero denominator gives the limit.
    """

    kind: Literal["log_ratio", "ratio", "score", "logit"]
    numerator: dict[str, Weight] = Field(default_factory=dict)
    denominator: dict[str, Weight] = Field(default_factory=dict)
    output: str = Field(default="", description="the output of a score or logit")
    scale: FiniteFloat = Field(default=1.0, gt=0, description="what a logit is divided by")
    source: str = Field(default="", description="paper or file that defines it")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        ratio = self.kind in ("log_ratio", "ratio")
        if ratio != bool(self.numerator and self.denominator) or ratio == bool(self.output):
            needs = "numerator and denominator" if ratio else "output"
            raise ValueError(f"a {self.kind} takes {needs} and nothing else")
        return self

    @property
    def outputs(self) -> set[str]:
        """Names of the outputs that it uses."""
        return {*self.numerator, *self.denominator} or {self.output}

    @property
    def fractions(self) -> set[str]:
        """Names of the fractions in its weights."""
        weights = [*self.numerator.values(), *self.denominator.values()]
        return {name for w in weights for _, name in TERM.findall(w) if not name[0].isdigit()}


class Fractions(Part):
    """Class fractions that discriminants use: which bins they have, and values if published."""

    abseta_edges: tuple[float, ...] = Field(
        default=(), description="upper edges; |eta| >= the last but one is in the last bin"
    )
    abseta: str = Field(default="abseta", description="feature that is |eta| here")
    values: dict[str, FiniteFloat | tuple[FiniteFloat, ...]] = Field(default_factory=dict)
    source: str = ""

    @model_validator(mode="after")
    def _binned(self) -> Self:
        if any(low >= high for low, high in pairwise(self.abseta_edges)):
            raise ValueError("abseta_edges do not ascend")
        bins = len(self.abseta_edges)
        for name, value in self.values.items():
            if isinstance(value, tuple) and len(value) != bins:
                raise ValueError(f"{name} has {len(value)} values for {bins} bins of |eta|")
        return self


class Decision(Part):
    """A working point whose decision files may already hold."""

    name: str = Field(description="published name, the field that users see")
    stored: tuple[str, ...] = Field(min_length=1, description="column names, first found")


class Input(Part):
    """One column of an input node: a feature, (x - mean) / std, clipped, as float32."""

    feature: str
    unit: Unit = ""
    mean: FiniteFloat = 0.0
    std: FiniteFloat = Field(default=1.0, gt=0)
    lower: FiniteFloat | None = Field(default=None, description="(x - mean) / std is at least this")
    upper: FiniteFloat | None = Field(default=None, description="and at most this")
    default: FiniteFloat | None = Field(
        default=None, description="value for an input that is not finite, or beyond 1e32"
    )
    default_source: str = ""
    nan: bool = Field(default=False, description="the network knows what to do with NaN")

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        return {"feature": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _sourced(self) -> Self:
        if self.default is not None and not self.default_source:
            raise ValueError(f"the default of {self.feature} needs default_source")
        if self.default is not None and self.nan:
            raise ValueError(f"{self.feature} has a default, so that nan cannot occur")
        low, high = self.lower, self.upper
        if low is not None and high is not None and not low < high:
            raise ValueError(f"{self.feature}: lower is not below upper")
        return self

    @property
    def clipped(self) -> bool:
        """Whether it has a lower or an upper bound."""
        return self.lower is not None or self.upper is not None


class Node(Part):
    """One input node of a network and what it is fed."""

    name: str
    per: Literal["lepton", "track", "candidate", "secondary_vertex"] = Field(
        default="lepton", description="one row per lepton, or one per constituent around it"
    )
    cone: FiniteFloat | None = Field(
        default=None, gt=0, lt=3, description="candidates and vertices: largest distance, 0.4"
    )
    order: Literal["nearest", "stored", "pt"] = Field(
        default="nearest", description="candidates and vertices: which of them comes first"
    )
    inputs: tuple[Input, ...] = Field(min_length=1)
    transposed: bool = Field(
        default=False,
        description="the node is [n_lepton, n_input, n_track], or [n_lepton, n_input, 1]",
    )
    minimum: int = Field(default=0, ge=0, description="tracks that the network needs at least")
    maximum: int | None = Field(default=None, ge=1, description="tracks beyond are left out")
    pad: FiniteFloat | tuple[FiniteFloat, ...] | Literal["wrap"] = Field(
        default=0.0,
        description="what a missing track has: one value, one per input, or those that are there"
        " once more",
    )
    mask: str = Field(
        default="", description="input node [n_track, 1] that is 1 for a track and 0 for padding"
    )
    own_track: Literal["link", "never"] = Field(
        default="link",
        description="which tracks are flagged as the lepton's own: those that it links to, or none",
    )

    @model_validator(mode="after")
    def _ragged(self) -> Self:
        lengths = self.minimum or self.maximum or self.mask
        if self.per == "lepton" and (lengths or self.own_track != "link"):
            wrong = "minimum, maximum, mask and own_track are for nodes that take one row per track"
            raise ValueError(wrong)
        if self.per in ("lepton", "track") and (self.cone or self.order != "nearest"):
            raise ValueError("cone and order are for candidates and secondary vertices")
        if self.per != "lepton" and any(entry.nan for entry in self.inputs):
            raise ValueError("nan is for inputs of leptons: lists with NaN are not scored")
        if self.maximum is not None and self.maximum < self.minimum:
            raise ValueError(f"maximum {self.maximum} is below minimum {self.minimum}")
        if isinstance(self.pad, tuple) and len(self.pad) != len(self.inputs):
            raise ValueError(f"pad has {len(self.pad)} values for {len(self.inputs)} inputs")
        return self


class Training(Part):
    """Which leptons a network was trained on; others are evaluated and flagged."""

    pt: tuple[float, float] = Field(
        default=(0.0, float("inf")), description="GeV, low <= pt < high"
    )
    abseta: tuple[float, float] = Field(
        default=(0.0, float("inf")), description="low <= |eta| < high"
    )
    source: str

    @model_validator(mode="after")
    def _ranges(self) -> Self:
        if any(not low < high for low, high in (self.pt, self.abseta)):
            raise ValueError("a range is not [low, high] with low < high")
        return self


class Network(Part):
    """Where a file is, ONNX, decision trees (.npz) or densities, what it takes, and for whom."""

    likelihood: Likelihood | None = Field(
        default=None, description="the file holds densities, and this is how they are used"
    )
    file: str = Field(default="", description="file name beside the card or below LEPID_MODELS")
    path: str = Field(default="", description="path below LEPID_CALIBRATION")
    sha256: str = Field(default="", pattern="^([0-9a-f]{64})?$")
    nodes: tuple[Node, ...] = Field(min_length=1)
    batched: bool = Field(default=True, description="false: the graph takes one lepton per call")
    abseta: tuple[float, float] | None = Field(default=None, description="low <= |eta| < high")
    training: Training | None = Field(default=None, description="where `in_training` is true")

    @model_validator(mode="after")
    def _placed(self) -> Self:
        if bool(self.file) == bool(self.path):
            raise ValueError("a network has either `file` or `path`")
        if self.file and not self.sha256:
            raise ValueError("a network with `file` states its sha256")
        if self.abseta and not self.abseta[0] < self.abseta[1]:
            raise ValueError("abseta is not [low, high] with low < high")
        masks = [node.mask for node in self.nodes if node.mask]
        twice = _twice([*(node.name for node in self.nodes), *masks])
        if twice:
            raise ValueError(f"the input node twice: {twice}")
        return self

    @model_validator(mode="after")
    def _densities(self) -> Self:
        if self.likelihood is None:
            return self
        if self.ragged or not self.batched:
            raise ValueError("a likelihood takes one row per lepton")
        sizes = {node.name: len(node.inputs) for node in self.nodes}
        wanted = {VARIABLES, BINS} | ({PILEUP} if self.likelihood.pileup else set())
        if wanted != set(sizes) or sizes[BINS] != 2 or sizes.get(PILEUP, 1) != 1:
            wrong = f"{VARIABLES}, {BINS} (E_T and |eta|) and, with pileup, {PILEUP}"
            raise ValueError(f"the nodes of a likelihood are {wrong}")
        features = [e.feature for n in self.nodes if n.name == VARIABLES for e in n.inputs]
        unknown = [skip.feature for skip in self.likelihood.skip if skip.feature not in features]
        if unknown:
            wrong = f"skip names {unknown[0]!r}, which is no variable"
            raise ValueError(wrong + _hint(unknown[0], features))
        return self

    @model_validator(mode="after")
    def _layout(self) -> Self:
        if not self.batched and any(node.transposed for node in self.nodes):
            raise ValueError("transposed is for networks with a batch axis")
        return self

    @property
    def forest(self) -> bool:
        """Whether the file holds decision trees that `lepid convert` wrote."""
        return (self.file or self.path).endswith(".npz")

    @property
    def ragged(self) -> tuple[Node, ...]:
        """Nodes that take one row per track or other constituent."""
        return tuple(node for node in self.nodes if node.per != "lepton")


class Card(Part):
    """One network of one tagger."""

    tagger: str = Field(pattern="^[a-z0-9]+(_[a-z0-9]+)*$")
    network: str = Field(pattern=r"^[A-Za-z0-9][\w.-]*$")
    flavour: Literal["electron", "muon"]
    experiment: Literal["atlas", "cms", ""] = ""
    description: str
    source: str = Field(description="paper or file that defines the tagger, or 'ours'")
    reference: bool = Field(
        default=False, description="trained on lepid's simulation: runs only by name"
    )
    outputs: tuple[Output, ...] = ()
    fractions: Fractions = Fractions()
    discriminants: dict[str, tuple[Form, ...]] = Field(default_factory=dict)
    decisions: tuple[Decision, ...] = ()
    working_points: tuple[str, ...] = Field(default=(), description="tables, <tagger>/<file>.json")
    networks: tuple[Network, ...] = Field(
        default=(), description="parts, for disjoint ranges of |eta|"
    )
    notes: tuple[str, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _one_form(cls, value: Any) -> Any:
        if isinstance(value, dict) and isinstance(value.get("discriminants"), dict):
            forms = value["discriminants"]
            single = {k: (v if isinstance(v, list | tuple) else [v]) for k, v in forms.items()}
            return {**value, "discriminants": single}
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not (self.outputs or self.decisions):
            raise ValueError("a card has outputs or decisions")
        twice = _twice(self.fields)
        if twice:
            raise ValueError(f"the same field twice: {twice}")
        outputs = [output.name for output in self.outputs if output.per == "lepton"]
        for name, forms in self.discriminants.items():
            if not forms:
                raise ValueError(f"discriminant {name} has no form")
            unknown = set().union(*(form.outputs for form in forms)) - set(outputs)
            if unknown:
                wrong = f"discriminant {name} uses unknown output {min(unknown)!r}"
                raise ValueError(wrong + _hint(min(unknown), outputs))
            signatures = [frozenset(form.fractions) for form in forms]
            if len(set(signatures)) < len(signatures):
                raise ValueError(f"forms of discriminant {name} do not differ in their fractions")
        unused = set(self.fractions.values) - self.known_fractions
        if unused:
            wrong = f"no discriminant uses the fraction {min(unused)!r}"
            raise ValueError(wrong + _hint(min(unused), self.known_fractions))
        return self

    @model_validator(mode="after")
    def _readable(self) -> Self:
        if not self.networks:
            lost = [output.name for output in self.outputs if not output.stored]
            if lost:
                wrong = "has no stored column, and the card no network"
                raise ValueError(f"output {', '.join(lost)} {wrong}")
            return self
        if not self.outputs or not all(output.node for output in self.outputs):
            raise ValueError("a network has outputs, and each names its node")
        each = [output.name for output in self.outputs if output.per != "lepton"]
        lists = [[node.per for node in network.ragged] for network in self.networks]
        if each and any(kinds != ["track"] for kinds in lists):
            wrong = "is one number per track, and a network does not take exactly one list of them"
            raise ValueError(f"output {', '.join(each)} {wrong}")
        wrong_node = [o.node for o in self.outputs if o.node != DISCRIMINANT]
        if any(network.likelihood for network in self.networks) and wrong_node:
            raise ValueError(f"a likelihood has one output, at the node {DISCRIMINANT!r}")
        places = [f"{output.node}[{output.index or 0}]" for output in self.outputs]
        if _twice(places):
            raise ValueError(f"two outputs read the same number: {_twice(places)}")
        if len(self.networks) > 1:
            ranges = sorted(part.abseta for part in self.networks if part.abseta)
            if len(ranges) < len(self.networks):
                raise ValueError("several networks in a card each need a range of abseta")
            if any(left[1] > right[0] for left, right in pairwise(ranges)):
                raise ValueError("the ranges of abseta of the networks overlap")
        if len({network.training is None for network in self.networks}) > 1:
            raise ValueError("all networks of a card state their training, or none")
        return self

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of all fields that it gives a lepton, but for those of tables."""
        points = (decision.name for decision in self.decisions)
        return (*(o.name for o in self.outputs), *self.discriminants, *points, *self.flags)

    @property
    def flags(self) -> tuple[str, ...]:
        """Names of the fields that say what became of a lepton, and which tracks it has."""
        trained = any(network.training for network in self.networks)
        each = any(output.per == "track" for output in self.outputs)
        return ("scored", *["in_training"] * trained, *["track_index"] * each)

    @property
    def known_fractions(self) -> set[str]:
        """Fractions that its discriminants use."""
        return {
            f for forms in self.discriminants.values() for form in forms for f in form.fractions
        }

    @property
    def name(self) -> str:
        """`tagger@network`, as users type it."""
        return f"{self.tagger}@{self.network}"

    @property
    def stored_columns(self) -> tuple[str, ...]:
        """Every column name that may hold one of its scores."""
        return tuple(column for output in self.outputs for column in output.stored)
