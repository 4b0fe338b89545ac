"""Where the bins of an efficiency stand on a finite axis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

# Edges that span more than this factor are drawn on a logarithmic axis where one makes sense.
LOGARITHMIC_FROM = 12.0


@dataclass(frozen=True)
class End:
    """End of an axis in a bin that is drawn shorter than it is.

    Attributes
    ----------
    true, drawn : where the bin ends, and where it is drawn to end
    edge : its other edge
    """

    true: float
    drawn: float
    edge: float


@dataclass(frozen=True)
class Axis:
    """Finite axis over the bins that hold leptons.

    Attributes
    ----------
    edges : [n_bin + 1], finite, where all bins are drawn
    limits : ends of the axis
    logarithmic : bool
    ends : those of the axis that are not where the bin ends: infinite, or 0 on a logarithm
    """

    edges: npt.NDArray[np.float64]
    limits: tuple[float, float]
    logarithmic: bool
    ends: tuple[End, ...]

    @classmethod
    def of(
        cls, edges: Sequence[float], filled: npt.NDArray[np.bool_], may_be_logarithmic: bool
    ) -> Self:
        """Axis from the first to the last bin that is `filled`.

        Parameters
        ----------
        edges : [n_bin + 1]; the last may be infinite
        filled : [n_bin] bool, at least one
        """
        places = np.flatnonzero(filled)
        first, last = int(places[0]), int(places[-1])
        drawn = list(closed(edges))
        positive = drawn[first] if drawn[first] > 0.0 else drawn[first + 1] / 2.0
        logarithmic = may_be_logarithmic and drawn[last + 1] > LOGARITHMIC_FROM * positive > 0.0
        ends = []
        if logarithmic and drawn[0] <= 0.0:
            drawn[0] = drawn[1] / 2.0
            if first == 0:
                ends.append(End(edges[0], drawn[0], drawn[1]))
        if math.isinf(edges[-1]) and last == len(edges) - 2:
            ends.append(End(edges[-1], drawn[-1], drawn[-2]))
        limits = (drawn[first], drawn[last + 1])
        return cls(np.asarray(drawn), limits, logarithmic, tuple(ends))

    def places(self, number: int, of: int) -> npt.NDArray[np.float64]:
        """[n_bin], where in each bin marker `number` out of `of` stands."""
        # Side by side, so that error bars in one bin can be told apart.
        share = 0.5 + (number - (of - 1) / 2.0) * min(0.12, 0.7 / of)
        low, high = self.edges[:-1], self.edges[1:]
        if not self.logarithmic:
            return low + (high - low) * share
        result = np.full(len(low), np.nan)
        # Bins below the axis can start below 0.
        shown = low > 0.0
        result[shown] = low[shown] * (high[shown] / low[shown]) ** share
        return result

    def shows(self, value: float) -> bool:
        """Whether `value` stands where the axis says: inside, and not in a shortened bin."""
        if not self.limits[0] <= value <= self.limits[1]:
            return False
        return not any(
            min(end.drawn, end.edge) <= value <= max(end.drawn, end.edge) and value != end.edge
            for end in self.ends
        )


def closed(edges: Sequence[float]) -> tuple[float, ...]:
    """The edges with an infinite last one replaced by twice the one before, for drawing."""
    if math.isfinite(edges[-1]):
        return tuple(edges)
    return (*edges[:-1], 2.0 * edges[-2] if edges[-2] > 0.0 else edges[-2] + 1.0)
