"""What a card says about a likelihood: how the densities of its file are used."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, FiniteFloat, model_validator

from lepid.taggers.part import Part

# Its input nodes, and its output node.
VARIABLES, BINS, PILEUP = "variables", "bins", "pileup"
DISCRIMINANT = "discriminant"


def _ascending(plateaus: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
    ends = [end for plateau in plateaus for end in plateau]
    if not all(low <= high for low, high in pairwise(ends)):
        raise ValueError("the plateaus do not ascend")
    return plateaus


Plateaus = Annotated[tuple[tuple[float, float], ...], AfterValidator(_ascending)]


class Skip(Part):
    """Where a variable is left out: at either of the two."""

    feature: str
    from_abseta: float = Field(default=float("inf"), description="|eta| from which")
    above_et: float = Field(default=float("inf"), description="GeV, E_T above which")


class PileUp(Part):
    """How the discriminant is corrected for pile-up, with the references in the file."""

    plateaus: Plateaus = Field(default=(), description="as those of the likelihood")
    most: FiniteFloat = Field(default=50.0, gt=0, description="more counts as that")
    largest: FiniteFloat = Field(default=2.0, description="discriminants above stay as they are")


class Likelihood(Part):
    """How densities in bins of E_T and |eta| become a discriminant.

    The node `variables` takes the variables, by the names of the densities, `bins` E_T and |eta|,
    and `pileup`, if it is corrected for, the number of vertices. The output is at the node
    `discriminant`.
    """

    plateaus: Plateaus = Field(
        default=(),
        description="GeV, [low, high] of each bin in E_T: between them the density of the bin, "
        "outside a straight line to half the way to the neighbour; none: no interpolation",
    )
    neighbour: Literal["value", "index"] = Field(
        default="value",
        description="the bin of the neighbour: where the value lies, or, as in Athena, the bin of "
        "the same number, the first if the numbers of bins differ",
    )
    empty: FiniteFloat | None = Field(
        default=None,
        description="discriminant where a density is empty and nothing is interpolated; "
        "if not given, such a lepton has no score",
    )
    skip: tuple[Skip, ...] = ()
    pileup: PileUp | None = None

    @model_validator(mode="after")
    def _once(self) -> Self:
        names = [skip.feature for skip in self.skip]
        if len(set(names)) < len(names):
            raise ValueError("skip names a variable twice")
        return self
