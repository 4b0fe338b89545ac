"""Confidence intervals of an efficiency, with and without weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.special import betaincinv, ndtri

from lepid.errors import BadInput, UnknownName

Array: TypeAlias = npt.NDArray[np.float64]

ONE_SIGMA = 0.6826894921370859
CLOPPER_PEARSON = "clopper-pearson"
EFFECTIVE_COUNTS = "clopper-pearson, effective counts"
NORMAL = "normal"
NEGATIVE_WEIGHTS = "normal, negative weights"
ASKABLE = (CLOPPER_PEARSON, EFFECTIVE_COUNTS, NORMAL)


@dataclass(frozen=True)
class Sums:
    """Sums of weights and of squared weights of the leptons that passed and that failed.

    Attributes
    ----------
    passed, failed : [...], sums of weights
    passed_squares, failed_squares : [...], sums of squared weights
    """

    passed: Array
    failed: Array
    passed_squares: Array
    failed_squares: Array

    @property
    def total(self) -> Array:
        """[...], sum of weights of all leptons."""
        return self.passed + self.failed

    @property
    def value(self) -> Array:
        """[...], efficiency; NaN where there are no leptons."""
        return _ratio(self.passed, self.total)


@dataclass(frozen=True)
class Efficiency:
    """Efficiency of one working point for one choice of classes.

    Attributes
    ----------
    value : [*bins]; NaN where there are no leptons
    low, high : [*bins], ends of the interval
    passed, total : [*bins], sums of weights
    edges : one [n_bin + 1] array for each variable it is binned in (pt in GeV); empty: inclusive
    interval : name of the interval
    """

    value: Array
    low: Array
    high: Array
    passed: Array
    total: Array
    edges: tuple[Array, ...]
    interval: str


def clopper_pearson(passed: Array, total: Array, coverage: float) -> tuple[Array, Array]:
    """Lower and upper end of the central Clopper-Pearson interval; 0 and 1 where `total` is 0.

    Parameters
    ----------
    passed, total : [...] counts; they need not be whole numbers
    coverage : between 0 and 1

    Source
    ------
    C. Clopper and E. Pearson, Biometrika 26 (1934) 404, as quantiles of the beta distribution.
    """
    tail = (1.0 - coverage) / 2.0
    failed = total - passed
    low, high = np.zeros(np.shape(total)), np.ones(np.shape(total))
    some_passed, some_failed = passed > 0.0, failed > 0.0
    # The beta quantile is undefined at the ends, where the interval is closed by 0 and by 1.
    low[some_passed] = betaincinv(passed[some_passed], failed[some_passed] + 1.0, tail)
    high[some_failed] = betaincinv(passed[some_failed] + 1.0, failed[some_failed], 1.0 - tail)
    return low, high


def normal(sums: Sums, coverage: float) -> tuple[Array, Array]:
    """Lower and upper end of the normal interval, not cut at 0 and 1; NaN without leptons.

    sigma^2 = [S_pass (1 - e)^2 + S_fail e^2] / S^2 with S_pass and S_fail the sums of squared
    weights and S the sum of weights.

    Source
    ------
    Ours: linear propagation of the two independent sums.
    """
    value = sums.value
    variance = sums.passed_squares * (1.0 - value) ** 2 + sums.failed_squares * value**2
    sigma = _ratio(np.sqrt(variance), np.abs(sums.total))
    width = ndtri((1.0 + coverage) / 2.0) * sigma
    return value - width, value + width


def choose(interval: str | None, *, weighted: bool, negative: bool) -> str:
    """Name of the interval to use: the asked one if it is valid for these weights, or the default.

    Parameters
    ----------
    interval : one of `ASKABLE`, or None for the default
    weighted : whether any weight differed from 1
    negative : whether any weight was negative

    Raises
    ------
    UnknownName : no interval has this name
    BadInput : the asked one is not defined for these weights
    """
    if interval is not None and interval not in ASKABLE:
        raise UnknownName.of("efficiency", "interval", interval, ASKABLE)
    if negative:
        if interval in (CLOPPER_PEARSON, EFFECTIVE_COUNTS):
            wrong = f"interval {interval!r} is not defined with negative weights"
            raise BadInput("efficiency", wrong, (NORMAL,), "leave the interval to lepid")
        return NEGATIVE_WEIGHTS
    if weighted and interval == CLOPPER_PEARSON:
        wrong = f"interval {interval!r} needs counts, and these leptons have weights"
        raise BadInput(
            "efficiency", wrong, (EFFECTIVE_COUNTS, NORMAL), "leave the interval to lepid"
        )
    return interval or (EFFECTIVE_COUNTS if weighted else CLOPPER_PEARSON)


def evaluate(sums: Sums, interval: str, coverage: float) -> tuple[Array, Array]:
    """Lower and upper end of the interval called `interval`, as named by `choose`.

    With effective counts, n = S^2 / S_2 and k = e n take the place of the counts, with S the sum
    of weights and S_2 the sum of squared weights of all leptons.

    Raises
    ------
    BadInput : `coverage` is not between 0 and 1

    Source
    ------
    Effective counts: ours. A toy with exponential weights (efficiency 0.9, 60 leptons) covers
    0.82 where 0.68 is asked: too wide rather than too narrow.
    """
    if not 0.0 < coverage < 1.0:
        raise BadInput("efficiency", f"coverage is {coverage!r}, not between 0 and 1")
    if interval == CLOPPER_PEARSON:
        return clopper_pearson(sums.passed, sums.total, coverage)
    if interval == EFFECTIVE_COUNTS:
        squares = sums.passed_squares + sums.failed_squares
        total = np.nan_to_num(_ratio(sums.total**2, squares))
        passed = np.minimum(np.nan_to_num(sums.value) * total, total)
        return clopper_pearson(passed, total, coverage)
    return normal(sums, coverage)


def _ratio(above: Array, below: Array) -> Array:
    result = np.full(np.shape(below), np.nan)
    np.divide(above, below, out=result, where=below != 0.0)
    return result
