"""What a card says about scores, discriminants and decisions."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, FiniteFloat, model_validator

from lepid.taggers.part import Part, Unit

_ATOM = r"(\d+(?:\.\d+)?|[A-Za-z]\w*)"
TERM = re.compile(rf"\s*([+-]?)\s*{_ATOM}")
_SUM = re.compile(rf"\s*[+-]?\s*{_ATOM}(\s*[+-]\s*{_ATOM})*\s*")


def _weight(text: str) -> str:
    if not _SUM.fullmatch(text):
        raise ValueError(f"{text!r} is not a sum of numbers and fractions, such as '1 - f_CF'")
    return text


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
    absent: float | None = Field(
        default=None,
        description="stored value that means: not evaluated; what a network gives the next one "
        "for a lepton without tracks",
    )


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
    mask: tuple[str, ...] = Field(
        default=(), description="columns of masks that say what was failed, first found"
    )


class Bits(Part):
    """Requirements behind the bits of the masks beside stored decisions; 1 means failed."""

    names: tuple[str, ...] = Field(min_length=1, description="in the order of the bits")
    beside: tuple[str, ...] = Field(
        default=(),
        description="columns of the leptons that only these files have; none: the others",
    )
    source: str
