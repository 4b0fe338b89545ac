"""What a card says about networks: where they are, what they take, for which leptons."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, FiniteFloat, model_validator

from lepid.features.definitions import SWITCHES
from lepid.features.tracks import BESIDE_JETS, PLIT_ALONE
from lepid.taggers.card_likelihood import BINS, PILEUP, VARIABLES, Likelihood
from lepid.taggers.card_outputs import Output
from lepid.taggers.card_valid import Valid
from lepid.taggers.part import Part, Unit, hint, repeated


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
    optional: bool = Field(
        default=False, description="files may lack its columns: all leptons then get the default"
    )
    nan: bool = Field(default=False, description="the network knows what to do with NaN")
    infinite: bool = Field(default=False, description="the network knows what to do with infinity")

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        return {"feature": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _sourced(self) -> Self:
        if self.default is not None and not self.default_source:
            raise ValueError(f"the default of {self.feature} needs default_source")
        if self.optional and self.default is None:
            raise ValueError(f"{self.feature} is optional, which needs a default and its source")
        odd = "nan" if self.nan else "infinite"
        if self.default is not None and (self.nan or self.infinite):
            raise ValueError(f"{self.feature} has a default, so that {odd} cannot occur")
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
    switches: tuple[str, ...] = Field(
        default=(), description="properties of Athena's tool that are true and change inputs"
    )
    tracks: Literal["plit", "pliv"] = Field(
        default="plit",
        description="which tracks, in which order: those of PLIT, around the lepton; those of "
        "PLIV, around its own track, which comes first, for leptons next to a track jet",
    )

    @model_validator(mode="after")
    def _ragged(self) -> Self:
        ragged = self.minimum, self.maximum, self.mask, self.own_track != "link"
        if self.per == "lepton" and any((*ragged, self.tracks != "plit")):
            wrong = "minimum, maximum, mask, own_track and tracks are for nodes that take one row "
            raise ValueError(f"{wrong}per track")
        if self.per in ("lepton", "track") and (self.cone or self.order != "nearest"):
            raise ValueError("cone and order are for candidates and secondary vertices")
        if self.per != "lepton" and any(e.nan or e.infinite or e.optional for e in self.inputs):
            raise ValueError("nan, infinite and optional are for inputs of leptons")
        if self.maximum is not None and self.maximum < self.minimum:
            raise ValueError(f"maximum {self.maximum} is below minimum {self.minimum}")
        if isinstance(self.pad, tuple) and len(self.pad) != len(self.inputs):
            raise ValueError(f"pad has {len(self.pad)} values for {len(self.inputs)} inputs")
        return self

    @model_validator(mode="after")
    def _switched(self) -> Self:
        features = {entry.feature for entry in self.inputs}
        for name in self.switches:
            if name not in SWITCHES:
                raise ValueError(f"unknown switch {name!r}{hint(name, SWITCHES)}")
            if features.isdisjoint(SWITCHES[name]) or self.per != "lepton":
                changes = ", ".join(SWITCHES[name])
                raise ValueError(f"{name} changes {changes}, which the node does not take")
        return self

    @model_validator(mode="after")
    def _around(self) -> Self:
        pliv = self.tracks == "pliv"
        if pliv and self.own_track == "never":
            raise ValueError("the tracks of PLIV begin with the lepton's own, which is never")
        lost = PLIT_ALONE if pliv else BESIDE_JETS
        unknown = [e.feature for e in self.inputs if self.per == "track" and e.feature in lost]
        if unknown:
            raise ValueError(f"{unknown[0]} is not known for the tracks of {self.tracks}")
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
    valid: tuple[Valid, ...] = Field(
        default=(), description="conditions on a lepton, without any of which it is not scored"
    )
    training: Training | None = Field(default=None, description="where `in_training` is true")
    gives: tuple[Output, ...] = Field(
        default=(),
        description="columns of the leptons for the networks after it, instead of the outputs of "
        "the card",
    )

    @model_validator(mode="after")
    def _placed(self) -> Self:
        if bool(self.file) == bool(self.path):
            raise ValueError("a network has either `file` or `path`")
        if self.file and not self.sha256:
            raise ValueError("a network with `file` states its sha256")
        if self.abseta and not self.abseta[0] < self.abseta[1]:
            raise ValueError("abseta is not [low, high] with low < high")
        masks = [node.mask for node in self.nodes if node.mask]
        twice = repeated([*(node.name for node in self.nodes), *masks])
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
            raise ValueError(wrong + hint(unknown[0], features))
        return self

    @model_validator(mode="after")
    def _layout(self) -> Self:
        if not self.batched and any(node.transposed for node in self.nodes):
            raise ValueError("transposed is for networks with a batch axis")
        return self

    @model_validator(mode="after")
    def _given(self) -> Self:
        twice = repeated(given.name for given in self.gives)
        if twice:
            raise ValueError(f"gives the same twice: {twice}")
        for given in self.gives:
            if given.per != "lepton" or given.stored or not given.node:
                wrong = "is one number per lepton, from a node, and not stored"
                raise ValueError(f"what a network gives the next, {given.name}, {wrong}")
            if given.absent is not None and not self.ragged:
                raise ValueError(f"{given.name} has absent, and the network takes no tracks")
        if self.gives and self.likelihood:
            raise ValueError("a likelihood gives a score, and nothing to another network")
        return self

    @property
    def forest(self) -> bool:
        """Whether the file holds decision trees that `lepid convert` wrote."""
        return (self.file or self.path).endswith(".npz")

    @property
    def conf(self) -> bool:
        """Whether it is a configuration of Athena, out of which a network has to be made first."""
        return self.path.endswith(".conf")

    @property
    def given(self) -> tuple[str, ...]:
        """Columns of the leptons that it gives the networks after it."""
        return tuple(output.name for output in self.gives)

    @property
    def ragged(self) -> tuple[Node, ...]:
        """Nodes that take one row per track or other constituent."""
        return tuple(node for node in self.nodes if node.per != "lepton")
