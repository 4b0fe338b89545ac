"""Efficiency and rejection in bins against a loop over the leptons of each bin."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lepid.efficiency.roc.bins import binned, places
from lepid.efficiency.roc.curves import roc
from lepid.errors import BadInput

EDGES = (10.0, 20.0, 30.0, 50.0, np.inf)


def leptons(seed: int, kind: str, n: int = 800) -> tuple[Any, Any, Any, Any]:
    rng = np.random.default_rng(seed)
    signal = rng.random(n) < 0.5
    pt = rng.exponential(25.0, n)
    score = np.round(rng.normal(signal * (1.0 + pt / 50.0), 1.0), 1)
    signs = np.where(rng.random(n) < 0.1, -1.0, 1.0) if kind == "mixed" else 1.0
    weight = None if kind == "none" else signs * rng.uniform(0.5, 1.5, n)
    return score, signal, pt, weight


@pytest.mark.parametrize("kind", ["none", "positive", "mixed"])
@pytest.mark.parametrize("per_bin", [False, True])
def test_against_a_loop(kind: str, per_bin: bool) -> None:
    score, signal, pt, weight = leptons(1, kind)
    found = binned(score, signal, pt, EDGES, efficiency=0.8, weight=weight, per_bin=per_bin)
    ones = np.ones(len(pt)) if weight is None else weight
    whole = roc(score, signal, weight).at(0.8).cut[0]
    rejection, low, high = found.rejection
    for place, start in enumerate(EDGES[:-1]):
        here = (pt >= start) & (pt < EDGES[place + 1])
        cut = whole
        if per_bin:
            cut = roc(score[here], signal[here], None if weight is None else weight[here]).at(0.8)
            cut = cut.cut[0]
        assert found.cut[place] == cut
        for part, own in ((found.signal, here & signal), (found.background, here & ~signal)):
            passed = ones[own & (score >= cut)].sum()
            assert part.passed[place] == pytest.approx(passed, rel=1e-12)
            assert part.value[place] == pytest.approx(passed / ones[own].sum(), rel=1e-12)
            assert part.low[place] <= part.value[place] <= part.high[place]
        assert rejection[place] == pytest.approx(1.0 / found.background.value[place])
        assert low[place] < rejection[place] < high[place]


@given(st.integers(0, 10_000), st.booleans())
def test_the_order_of_leptons_makes_no_difference(seed: int, per_bin: bool) -> None:
    score, signal, pt, _ = leptons(seed, "none", 200)
    order = np.random.default_rng(seed).permutation(200)
    one = binned(score, signal, pt, EDGES, efficiency=0.7, per_bin=per_bin)
    other = binned(score[order], signal[order], pt[order], EDGES, efficiency=0.7, per_bin=per_bin)
    np.testing.assert_array_equal(one.cut, other.cut)
    np.testing.assert_array_equal(one.background.value, other.background.value)


def test_a_bin_without_signal_has_no_cut_and_no_number() -> None:
    score, signal = np.array([1.0, 2.0, 0.5, 0.2]), np.array([True, True, False, False])
    found = binned(score, signal, [1, 1, 1, 3], (0, 2, 4, 6), efficiency=0.5, per_bin=True)
    np.testing.assert_array_equal(found.cut, [2.0, np.nan, np.nan])
    np.testing.assert_array_equal(found.background.value, [0.0, np.nan, np.nan])
    np.testing.assert_array_equal(found.rejection[0], [np.inf, np.nan, np.nan])


def test_leptons_outside_the_edges_place_the_one_cut_too() -> None:
    score, signal = np.array([3.0, 2.0, 1.0, 0.0]), np.array([True, True, True, False])
    found = binned(score, signal, [5, 5, 1, 1], (0, 2), efficiency=0.6)
    assert found.cut[0] == 2.0
    assert found.signal.value[0] == 0.0


@pytest.mark.parametrize(
    ("changes", "fact"),
    [
        ({"efficiency": 0.0}, "efficiency is 0"),
        ({"efficiency": 1.5}, "efficiency is 1.5"),
        ({"edges": (0, 0, 1)}, "edges must increase"),
        ({"edges": (0, np.inf, np.inf)}, "edges must increase"),
        ({"edges": (1,)}, "edges must increase"),
        ({"variable": [1.0]}, "the variable has shape"),
        ({"variable": [1.0, np.nan]}, "1 values of the variable are not finite"),
        ({"score": [np.nan, 1.0]}, "1 of 2 scores are NaN"),
    ],
)
def test_bad_input(changes: dict[str, Any], fact: str) -> None:
    good: dict[str, Any] = {
        "score": [1.0, 0.0], "is_signal": [True, False], "variable": [1.0, 1.0], "edges": (0, 2),
        "efficiency": 0.5,
    }  # fmt: skip
    binned(**good)
    with pytest.raises(BadInput, match=fact):
        binned(**(good | changes))


@given(
    st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60),
    st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=8, unique=True),
    st.booleans(),
)
def test_places_are_those_of_a_search(values: list[float], edges: list[float], last: bool) -> None:
    line = np.array(sorted(edges) + [np.inf] * last)
    # The edges themselves and their neighbours are where a grid goes wrong.
    some = np.concatenate(
        [values, edges, np.nextafter(edges, np.inf), np.nextafter(edges, -np.inf)]
    )
    np.testing.assert_array_equal(places(some, line), np.searchsorted(line, some, side="right"))


@pytest.mark.parametrize(
    "line",
    [
        np.linspace(0.0, 100.0, 51),
        np.linspace(0.0, 2.5, 8),
        np.array([0.0, 5.0, 10.0, 50.0, np.inf]),
        np.array([0.0, np.inf]),
        np.array([0.0, 1e-9, 100.0]),
        np.geomspace(1e-3, 1e4, 30),
    ],
)
def test_places_at_every_edge(line: Any) -> None:
    finite = line[np.isfinite(line)]
    rng = np.random.default_rng(1)
    values = np.concatenate(
        [rng.uniform(-10.0, 300.0, 20_000), rng.uniform(0.0, 2.5, 5_000), finite,
         np.nextafter(finite, np.inf), np.nextafter(finite, -np.inf)]
    )  # fmt: skip
    np.testing.assert_array_equal(places(values, line), np.searchsorted(line, values, side="right"))
