"""Which leptons a network is for, as a card says it."""

from __future__ import annotations

from typing import Self

import numpy as np
import numpy.typing as npt
from pydantic import Field, FiniteFloat, model_validator

from lepid.taggers.part import Part, Unit


class Valid(Part):
    """One condition on leptons, ``low <= feature <= high``; without it they are not scored."""

    feature: str
    unit: Unit = ""
    low: FiniteFloat | None = None
    high: FiniteFloat | None = None
    doc: str = Field(description="the condition in words")

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        low, high = self.bounds
        if (low, high) == (-np.inf, np.inf) or low > high:
            raise ValueError(f"the condition on {self.feature} needs low or high, low <= high")
        return self

    @property
    def bounds(self) -> tuple[float, float]:
        """Smallest and largest value, infinite where the card has none."""
        low = -np.inf if self.low is None else self.low
        return low, np.inf if self.high is None else self.high

    def holds(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
        """Whether values in `unit` fulfil it, [n]; NaN does not."""
        low, high = self.bounds
        held: npt.NDArray[np.bool_] = (values >= low) & (values <= high)
        return held
