"""The tagger card: all that lepid knows about one network of one tagger, as data.

A card is a TOML file `models/<tagger>/<network>/card.toml`. The classes below say what it may
hold; an unknown key, a wrong type or two parts that contradict each other is a `BadCard`.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from lepid.errors import BadCard, near_misses
from lepid.units import FACTORS

TERM = re.compile(r"\s*([+-]?)\s*(\d+(?:\.\d+)?|[A-Za-z]\w*)")


def _unit(name: str) -> str:
    if name not in FACTORS:
        known = ", ".join(unit for unit in FACTORS if unit)
        raise ValueError(f"unknown unit {name!r}, known: {known}")
    return name


def _weight(text: str) -> str:
    if not re.fullmatch(rf"(?:{TERM.pattern})+\s*", text):
        raise ValueError(f"{text!r} is not a sum of numbers and fractions, such as '1 - f_CF'")
    return text


Unit = Annotated[str, BeforeValidator(_unit)]
Weight = Annotated[str, BeforeValidator(_weight)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class Output(_Part):
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
    absent: float | None = Field(default=None, description="stored value that means: not evaluated")


class Form(_Part):
    """One way to turn outputs into a discriminant.

    `log_ratio`: ln(numerator / denominator); `ratio`: the same without ln; `score`: the output
    itself; `logit`: -ln(1/s - 1) / scale. Numerator and denominator map an output to its weight,
    a sum of numbers and fractions such as ``"1 - f_CF"``. A zero denominator gives the limit.
    """

    kind: Literal["log_ratio", "ratio", "score", "logit"]
    numerator: dict[str, Weight] = Field(default_factory=dict)
    denominator: dict[str, Weight] = Field(default_factory=dict)
    output: str = Field(default="", description="the output of a score or logit")
    scale: float = Field(default=1.0, gt=0, description="what a logit is divided by")
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


class Fractions(_Part):
    """Class fractions that discriminants use: which bins they have, and values if published."""

    abseta_edges: tuple[float, ...] = Field(
        default=(), description="upper edges; |eta| >= the last but one is in the last bin"
    )
    abseta: str = Field(default="abseta", description="feature that is |eta| here")
    values: dict[str, float | tuple[float, ...]] = Field(default_factory=dict)
    source: str = ""


class Decision(_Part):
    """A working point whose decision files may already hold."""

    name: str = Field(description="published name, the field that users see")
    stored: tuple[str, ...] = Field(min_length=1, description="column names, first found")


class Input(_Part):
    """One column of an input node: a feature, (x - mean) / std, as float32."""

    feature: str
    unit: Unit = ""
    mean: float = 0.0
    std: float = Field(default=1.0, gt=0)
    default: float | None = Field(default=None, description="value for a non-finite input")
    default_source: str = ""

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        return {"feature": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _sourced(self) -> Self:
        if self.default is not None and not self.default_source:
            raise ValueError(f"the default of {self.feature} needs default_source")
        return self


class Node(_Part):
    """One input node of a network and what it is fed."""

    name: str
    per: Literal["lepton", "track"] = Field(
        default="lepton", description="one row per lepton, or one per track around it"
    )
    inputs: tuple[Input, ...] = Field(min_length=1)


class Network(_Part):
    """Where one ONNX file is, what it takes, and for which leptons."""

    file: str = Field(default="", description="file name beside the card or below LEPID_MODELS")
    path: str = Field(default="", description="path below LEPID_CALIBRATION")
    sha256: str = Field(default="", pattern="^([0-9a-f]{64})?$")
    nodes: tuple[Node, ...] = Field(min_length=1)
    batched: bool = Field(default=True, description="false: the graph takes one lepton per call")
    abseta: tuple[float, float] | None = Field(default=None, description="low <= |eta| < high")

    @model_validator(mode="after")
    def _placed(self) -> Self:
        if bool(self.file) == bool(self.path):
            raise ValueError("a network has either `file` or `path`")
        if self.file and not self.sha256:
            raise ValueError("a network with `file` states its sha256")
        return self


class Card(_Part):
    """One network of one tagger."""

    tagger: str = Field(pattern="^(electron|muon|cms_electron|cms_muon|[a-z0-9]+)(_[a-z0-9]+)*$")
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
        outputs = [output.name for output in self.outputs]
        points = [decision.name for decision in self.decisions]
        names = [*outputs, *self.discriminants, *points, "scored"]
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise ValueError(f"the same field twice: {', '.join(sorted(twice))}")
        for name, forms in self.discriminants.items():
            unknown = set().union(*(form.outputs for form in forms)) - set(outputs)
            if unknown:
                near = near_misses(min(unknown), outputs)
                hint = f" (near: {', '.join(near)})" if near else ""
                raise ValueError(f"discriminant {name} uses unknown output {min(unknown)!r}{hint}")
            signatures = [frozenset(form.fractions) for form in forms]
            if len(set(signatures)) < len(signatures):
                raise ValueError(f"forms of discriminant {name} do not differ in their fractions")
        if self.networks and not all(output.node for output in self.outputs):
            raise ValueError("each output of a network names its node")
        if len(self.networks) > 1 and not all(part.abseta for part in self.networks):
            raise ValueError("several networks in a card each need a range of abseta")
        if not (outputs or points):
            raise ValueError("a card has outputs or decisions")
        return self

    @property
    def name(self) -> str:
        """`tagger@network`, as users type it."""
        return f"{self.tagger}@{self.network}"

    @property
    def stored_columns(self) -> tuple[str, ...]:
        """Every column name that may hold one of its scores."""
        return tuple(column for output in self.outputs for column in output.stored)


def load(path: Path) -> Card:
    """The card in the TOML file at `path`; its folders must be named tagger and network.

    Raises
    ------
    BadCard : not TOML, an unknown or missing key, a wrong type, parts that contradict
    """
    try:
        data = tomllib.loads(path.read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadCard.of(str(path), [str(error)]) from error
    try:
        card = Card.model_validate(data)
    except ValidationError as error:
        raise _explain(path, error) from error
    if (card.tagger, card.network) != (path.parent.parent.name, path.parent.name):
        place = f"{path.parent.parent.name}/{path.parent.name}"
        raise BadCard.of(str(path), [f"the card of {card.name} lies in the folder {place}"])
    return card


def _explain(path: Path, error: ValidationError) -> BadCard:
    problems, near = [], []
    for item in error.errors():
        location = [part for part in item["loc"] if not str(part).startswith("function-")]
        place = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in location).lstrip(".")
        if item["type"] == "extra_forbidden":
            problems.append(f"{place}: unknown key {str(location[-1])!r}")
            near += near_misses(str(location[-1]), _keys_at(location))
        elif item["type"] == "missing":
            problems.append(f"{place}: required key is missing")
        else:
            message = item["msg"].removeprefix("Value error, ")
            problems.append(f"{place}: {message}" if place else message)
    return BadCard.of(str(path), problems, list(dict.fromkeys(near)))


def _keys_at(location: list[int | str]) -> list[str]:
    parts: dict[str, type[_Part]] = {
        "outputs": Output, "discriminants": Form, "fractions": Fractions, "decisions": Decision,
        "networks": Network, "nodes": Node, "inputs": Input,
    }  # fmt: skip
    owners = [parts[str(step)] for step in location[:-1] if str(step) in parts]
    return list((owners[-1] if owners else Card).model_fields)
