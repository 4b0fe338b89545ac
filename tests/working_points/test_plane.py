"""Two cuts at once against a search of all pairs."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from lepid.working_points.plane import Plane, best

Floats = npt.NDArray[np.float64]


def planes(seed: int, n: int) -> tuple[Plane, Plane]:
    rng = np.random.default_rng(seed)
    signal = rng.normal(size=(2, n))
    flips = np.stack([rng.normal(-0.7, 1, n), rng.normal(-1.0, 1, n)])
    return Plane(signal, np.ones(n)), Plane(flips, np.ones(n))


def left(plane: Plane, cuts: tuple[float, float]) -> float:
    return (
        sum(1.0 for a, b in plane.values.T if a > cuts[0] and b > cuts[1]) / plane.values.shape[1]
    )


def test_no_pair_of_cuts_leaves_much_less() -> None:
    signal, flips = planes(1, 400)
    pair = best(signal, flips, 0.8, strict=True)
    assert left(signal, pair.cuts) == pytest.approx(0.8, abs=1 / 400)
    assert pair.efficiency == pytest.approx(left(signal, pair.cuts))
    every = []
    for a in np.sort(signal.values[0])[:90]:
        for b in np.sort(signal.values[1])[:90]:
            if abs(left(signal, (a, b)) - 0.8) <= 1 / 400:
                every.append(left(flips, (a, b)))
    assert min(every) <= left(flips, pair.cuts) <= min(every) + 0.02


def test_the_pair_rejects_better_than_either_cut_alone() -> None:
    signal, flips = planes(2, 20_000)
    pair = best(signal, flips, 0.7, strict=True)
    alone = [
        left(flips, (np.quantile(signal.values[0], 0.3), -np.inf)),
        left(flips, (-np.inf, np.quantile(signal.values[1], 0.3))),
    ]
    assert left(flips, pair.cuts) < 0.95 * min(alone)
    assert all(0 < spread < 0.1 for spread in pair.spreads)


def test_no_cut_goes_below_the_floor() -> None:
    signal, flips = planes(3, 5_000)
    for floor in ((-1.0, -1.0), (-2.0, -0.8), (-0.7, -3.0)):
        assert left(signal, floor) > 0.6
        pair = best(signal, flips, 0.6, strict=True, floor=floor)
        assert pair.cuts[0] >= floor[0]
        assert pair.cuts[1] >= floor[1]
        assert pair.efficiency == pytest.approx(0.6, abs=2e-3)
