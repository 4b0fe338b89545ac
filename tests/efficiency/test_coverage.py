"""How often each interval holds the true efficiency, in toys; docs/efficiency.md has the ranges."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest

from lepid.efficiency import intervals
from lepid.efficiency.intervals import ONE_SIGMA, Array, Sums

N_TOY = 10_000


def ones(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
    return np.ones(shape)


def exponential(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
    return rng.exponential(1.0, shape)


def mixed(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
    """One weight in ten is negative."""
    return np.where(rng.random(shape) < 0.1, -1.0, 1.0)


class Case(NamedTuple):
    """An interval, the weights that it is used with, and the range of its coverage."""

    interval: str
    weights: Callable[[np.random.Generator, tuple[int, int]], Array]
    lowest: float
    highest: float


CASES = (
    Case(intervals.CLOPPER_PEARSON, ones, ONE_SIGMA - 0.01, 0.97),
    Case(intervals.EFFECTIVE_COUNTS, exponential, ONE_SIGMA - 0.01, 0.97),
    Case(intervals.NORMAL, ones, 0.09, 0.73),
    Case(intervals.NORMAL, exponential, 0.07, 0.69),
    Case(intervals.NEGATIVE_WEIGHTS, mixed, 0.09, 0.69),
)


def coverage(case: Case, efficiency: float, n: int, level: float) -> float:
    """Share of toys of `n` leptons whose interval holds `efficiency`."""
    rng = np.random.default_rng([n, int(1000 * efficiency)])
    weight = case.weights(rng, (N_TOY, n))
    passed = rng.random((N_TOY, n)) < efficiency
    sums = Sums(
        *((weight**power * chosen).sum(axis=1) for power in (1, 2) for chosen in (passed, ~passed))
    )
    low, high = intervals.evaluate(sums, case.interval, level)
    return float(np.mean((low <= efficiency) & (efficiency <= high)))


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c.interval}, {c.weights.__name__}")
def test_coverage_in_toys(case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    lines, found = [], []
    for efficiency in (0.5, 0.8, 0.95, 0.99):
        row = [coverage(case, efficiency, n, ONE_SIGMA) for n in (10, 30, 100, 300)]
        found += row
        lines.append(f"{efficiency:10g}  " + "  ".join(f"{value:.3f}" for value in row))
    first = f"{case.interval}, weights {case.weights.__name__}: asked {ONE_SIGMA:.3f}"
    last = f"from {min(found):.3f} to {max(found):.3f}"
    with capsys.disabled():
        text = "\n".join(["", first, "efficiency  n = 10, 30, 100, 300", *lines, last, ""])
        sys.stdout.write(text)
    assert case.lowest <= min(found)
    assert max(found) <= case.highest


@pytest.mark.slow
@pytest.mark.parametrize("level", [0.5, 0.9, 0.95])
def test_clopper_pearson_at_other_levels(level: float) -> None:
    for efficiency in (0.5, 0.8, 0.95, 0.99):
        for n in (10, 30, 100):
            assert coverage(CASES[0], efficiency, n, level) >= level - 0.01
