"""Cuts of the likelihood beside Athena's interpolation in plain Python."""

from __future__ import annotations

import math
import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lepid.errors import BadTable
from lepid.tables import Tables, assemble, correction
from lepid.working_points import cuts

TOY = runpy.run_path(str(Path(__file__).resolve().parent.parent / "likelihoods.py"))
PLATEAUS = [(float(low), float(high)) for low, high in TOY["CUT_PLATEAUS"]]
EDGES = [float(n) for n in (6, 7, 8.5, 10, 12.5, 22.5, 30, 45, 47.5, 50, 125, 6000)]


def table(node: Any, *names: str) -> Tables:
    inputs = dict.fromkeys(names, "d")
    entry = correction("cut", "d", inputs, ("cut", "d"), node)
    return assemble(Path("cuts.json"), "d", [entry])


def random_et(seed: int, n: int = 300) -> Any:
    rng = np.random.default_rng(seed)
    # At 7 GeV itself Athena takes the width of another bin.
    edges = [edge for edge in EDGES if edge != 7]
    return np.where(rng.random(n) < 0.3, rng.choice(edges, n), rng.uniform(4, 60, n))


@pytest.mark.parametrize("seed", range(3))
def test_the_slow_twin(seed: int) -> None:
    rng = np.random.default_rng(seed)
    grids = TOY["references"](seed)
    cut, slope = (grids[f"pileup_{k}"] for k in ("hard", "slope"))
    et, abseta, number = random_et(seed), rng.uniform(0, 2.6, 300), rng.integers(0, 60, 300)
    shape = (TOY["CUT_EDGES"], PLATEAUS, TOY["CUT_ABSETA"])
    plain = table(cuts.smoothed(*shape, cut.content), "et", "abseta")
    expected = [TOY["cut"](cut, *place) for place in zip(et, abseta, strict=True)]
    np.testing.assert_allclose(plain.look_up("cut", et, abseta), expected, rtol=1e-9, atol=1e-12)
    node = cuts.smoothed(*shape, cut.content, slopes=slope.content)
    shifted = table(node, "et", "abseta", "pileup")
    moved = [
        low + n * TOY["cut"](slope, *place)
        for low, n, *place in zip(expected, number, et, abseta, strict=True)
    ]
    found = shifted.look_up("cut", et, abseta, number.astype(np.float64))
    np.testing.assert_allclose(found, moved, rtol=1e-9, atol=1e-12)


def test_an_extra_bin_begins_with_a_step() -> None:
    edges = [0.0, 45.0, 125.0, math.inf]
    node = cuts.smoothed(edges, [(0, 42.5), (47.5, 125), (125, math.inf)], [0, 3], [[1], [2], [5]])
    made = table(node, "et", "abseta")
    et = np.array([40, 45, 46, 47.5, 124.9, 125, 6000])
    found = made.look_up("cut", et, np.zeros(7))
    assert found.tolist() == pytest.approx([1, 1.5, 1.7, 2, 2, 5, 5])


def test_a_cut_above_a_threshold() -> None:
    made = table(cuts.above(125.0, [0, 1, 3], [0.7, 0.1234567890123]), "et", "abseta")
    et = np.array([10.0, 125.0, np.nextafter(125.0, 200), 300.0, 300.0])
    found = made.look_up("cut", et, np.array([0.5, 0.5, 0.5, 0.5, 2.0]))
    assert found[:2].min() > 1e29
    assert found[2:].tolist() == [0.7, 0.7, 0.1234567890123]


@pytest.mark.parametrize(
    "plateaus", [[(0, 5)], [(0, 5), (9, 15)], [(0, 12), (15, 15)], [(5, 4), (15, 15)]]
)
def test_plateaus_that_do_not_fit(plateaus: Any) -> None:
    with pytest.raises(BadTable, match="plateaus: expected one inside each of the 2 bins"):
        cuts.smoothed([0, 10, 20], plateaus, [0, 3], [[1], [2]])


def test_cuts_that_do_not_fit() -> None:
    with pytest.raises(BadTable, match=r"shape \(1, 1\), expected one cut for each of \(2, 1\)"):
        cuts.smoothed([0, 10, 20], [(5, 5), (15, 15)], [0, 3], [[1]])
    with pytest.raises(BadTable, match="nan is not a finite number"):
        cuts.smoothed([0, 10, 20], [(5, 5), (15, 15)], [0, 3], [[1], [math.nan]])
    with pytest.raises(BadTable, match="inf is not a finite number"):
        cuts.above(125, [0, 3], [math.inf])
