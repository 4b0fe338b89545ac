"""Leptons in the order of a value: the cut at an efficiency, and how well it is known."""

from __future__ import annotations

from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
# Published cuts have six decimals: a file reads back what was derived.
DECIMALS = 6
# The density of the values at a cut is that within this many uncertainties of the efficiency.
REACH = 2.0


class Curve(NamedTuple):
    """Leptons in ascending order of a value; the larger ones pass.

    Attributes
    ----------
    rows : [n], which leptons they are, before they were ordered
    order : [n], places of the ordered leptons in `rows`
    values, weights : [n], in order
    failed, squares : [n + 1], sums of the weights and squared weights of the first k leptons
    signed : whether a weight is negative
    """

    rows: npt.NDArray[np.intp]
    order: npt.NDArray[np.intp]
    values: Floats
    weights: Floats
    failed: Floats
    squares: Floats
    signed: bool

    @classmethod
    def of(cls, rows: npt.NDArray[np.intp], values: Floats, weights: Floats) -> Self:
        """Curve of leptons in any order; all numbers are finite."""
        order = np.argsort(values)
        own = weights.take(order)
        failed, squares = np.zeros(len(values) + 1), np.zeros(len(values) + 1)
        np.cumsum(own, out=failed[1:])
        np.cumsum(own * own, out=squares[1:])
        return cls(rows, order, values.take(order), own, failed, squares, bool(own.min() < 0.0))

    def below(self, efficiency: float) -> int:
        """Number of leptons below the cut whose efficiency is nearest to `efficiency`.

        Leptons of one value stay together. With negative weights the efficiency can cross its
        target several times: the middle crossing is taken, which no direction prefers.
        """
        goal = (1.0 - efficiency) * self.failed[-1]
        if self.signed:
            under = self.failed <= goal
            crossings = np.flatnonzero(under[:-1] != under[1:])
            place = int(crossings[len(crossings) // 2])
        else:
            place = int(self.failed.searchsorted(goal, side="right")) - 1
        value = self.values[min(max(place, 0), len(self.values) - 1)]
        low = int(self.values.searchsorted(value, side="left"))
        high = low + 1
        if high < len(self.values) and self.values[high] == value:
            high = int(self.values.searchsorted(value, side="right"))
        return low if abs(self.failed[low] - goal) <= abs(self.failed[high] - goal) else high

    def cut(self, efficiency: float) -> float:
        """Value halfway between the leptons that fail and those that pass."""
        k = self.below(efficiency)
        if k == 0:
            return float(self.values[0]) - 1.0
        if k == len(self.values):
            return float(self.values[-1]) + 1.0
        low, high = float(self.values[k - 1]), float(self.values[k])
        return low + (high - low) / 2.0

    def at(self, cut: float, *, strict: bool) -> int:
        """Number of leptons that fail ``value > cut``, or ``value >= cut`` if not `strict`."""
        return int(self.values.searchsorted(cut, side="right" if strict else "left"))

    def efficiency(self, k: int) -> float:
        """Efficiency of the cut that `k` leptons fail."""
        return float(1.0 - self.failed[k] / self.failed[-1])

    def uncertainty(self, k: int, target: Floats | float) -> float:
        """Uncertainty of the efficiency of the cut that `k` leptons fail, less its target.

        sigma^2 = sum w^2 (p - t)^2 / (sum w)^2 with p = 1 for a lepton that passes and t its
        target: for one number the binomial variance with weights, for the decisions of another
        working point that of the leptons on which the two differ.

        Parameters
        ----------
        target : one number, or one per lepton of the sample; `rows` takes those of the curve

        Source
        ------
        Ours: linear propagation, as `lepid.efficiency.intervals.normal`.
        """
        if isinstance(target, np.ndarray):
            wanted = target[self.rows[self.order]]
            misses = self.weights * np.concatenate([wanted[:k], 1.0 - wanted[k:]])
            variance = float((misses * misses).sum())
        else:
            lost = float(self.squares[k])
            kept = float(self.squares[-1]) - lost
            variance = lost * target**2 + kept * (1.0 - target) ** 2
        return float(np.sqrt(variance) / abs(self.failed[-1]))

    def spread(self, efficiency: float, sigma: float) -> float:
        """Uncertainty of the cut at `efficiency`, which is known to `sigma`.

        sigma_cut = sigma / f, where f is the density of the values at the cut: the part of the
        weights within two `sigma` of the efficiency over the distance of the cuts there.

        Source
        ------
        R. Bahadur, Ann. Math. Statist. 37 (1966) 577 for sigma / f; M. Siddiqui, J. Res. Natl.
        Bur. Stand. 64B (1960) 145 for the density from two quantiles; inverting the interval of
        the efficiency, R. Woodruff, J. Am. Stat. Assoc. 47 (1952) 635, gives the same.
        """
        low = max(efficiency - REACH * sigma, efficiency / 2.0)
        high = min(efficiency + REACH * sigma, (1.0 + efficiency) / 2.0)
        if low == high:
            return 0.0
        return sigma * abs(self.cut(low) - self.cut(high)) / (high - low)
