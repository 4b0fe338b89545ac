"""The cut at an efficiency against a search lepton by lepton, and its uncertainty against toys."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from lepid.working_points.curve import Curve


def slow_below(values: list[float], weights: list[float], efficiency: float) -> int:
    """Number of leptons below the cut: plain loops over leptons from the lowest value up."""
    ordered = sorted(zip(values, weights, strict=True))
    goal = (1.0 - efficiency) * sum(weights)
    crossings, failed = [], 0.0
    sums = [0.0]
    for i, (_, weight) in enumerate(ordered):
        if (failed <= goal) != (failed + weight <= goal):
            crossings.append(i)
        failed += weight
        sums.append(failed)
    place = crossings[len(crossings) // 2]
    value = ordered[place][0]
    low = min(i for i, (v, _) in enumerate(ordered) if v == value)
    high = max(i for i, (v, _) in enumerate(ordered) if v == value) + 1
    return low if abs(sums[low] - goal) <= abs(sums[high] - goal) else high


def curve(values: list[float] | np.ndarray, weights: list[float] | np.ndarray) -> Curve:
    return Curve.of(np.arange(len(values)), np.asarray(values, float), np.asarray(weights, float))


# Halves are exact: both searches see the same sums.
POSITIVE = st.integers(1, 8).map(lambda k: k / 2)
SIGNED = st.integers(-4, 8).filter(bool).map(lambda k: k / 2)
VALUES = st.integers(-12, 12).map(float)


@given(
    st.lists(st.tuples(VALUES, POSITIVE), min_size=1, max_size=40),
    st.sampled_from([0.125, 0.25, 0.5, 0.75, 0.875]),
)
def test_the_search_of_a_cut(leptons: list[tuple[float, float]], efficiency: float) -> None:
    values, weights = map(list, zip(*leptons, strict=True))
    assert curve(values, weights).below(efficiency) == slow_below(values, weights, efficiency)


@given(
    st.lists(st.tuples(VALUES, SIGNED), min_size=1, max_size=40, unique_by=lambda pair: pair[0]),
    st.sampled_from([0.125, 0.25, 0.5, 0.75, 0.875]),
)
def test_the_search_of_a_cut_with_negative_weights(
    leptons: list[tuple[float, float]], efficiency: float
) -> None:
    values, weights = map(list, zip(*leptons, strict=True))
    if sum(weights) <= 0.0:
        return
    assert curve(values, weights).below(efficiency) == slow_below(values, weights, efficiency)


@given(
    st.lists(st.tuples(VALUES, POSITIVE), min_size=2, max_size=30),
    st.randoms(use_true_random=False),
    st.sampled_from([0.5, 2.0, 1024.0]),
)
def test_order_and_scale_of_the_weights_do_not_matter(
    leptons: list[tuple[float, float]], random: object, scale: float
) -> None:
    shuffled = list(leptons)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    first, other = (curve(*map(list, zip(*each, strict=True))) for each in (leptons, shuffled))
    scaled = curve(first.values, first.weights * scale)
    for efficiency in (0.3, 0.5, 0.9):
        assert first.cut(efficiency) == other.cut(efficiency) == scaled.cut(efficiency)


def test_leptons_of_one_value_stay_together() -> None:
    tied = curve([0, 1, 1, 1, 2], [1, 1, 1, 1, 1])
    assert [tied.below(e) for e in (0.9, 0.75, 0.45, 0.25, 0.05)] == [0, 1, 4, 4, 5]
    assert tied.cut(0.8) == 0.5
    assert [tied.at(1.0, strict=True), tied.at(1.0, strict=False)] == [4, 1]


def test_the_efficiency_of_a_cut_counts_weights() -> None:
    own = curve([3, 1, 2], [1, 2, 5])
    assert own.efficiency(own.at(1.5, strict=True)) == pytest.approx(6 / 8)


def test_the_uncertainty_is_binomial_for_one_target() -> None:
    rng = np.random.default_rng(1)
    values, weights = rng.normal(size=300), rng.uniform(0.5, 2, 300)
    own, e = curve(values, weights), 0.7
    cut = own.cut(e)
    k = own.at(cut, strict=True)
    passed = sum(w * w for v, w in zip(values, weights, strict=True) if v > cut)
    failed = sum(w * w for v, w in zip(values, weights, strict=True) if v <= cut)
    slow = (passed * (1 - e) ** 2 + failed * e**2) ** 0.5 / sum(weights)
    assert own.uncertainty(k, e) == pytest.approx(slow, rel=1e-12)
    # One target for each lepton, all equal, is the same.
    assert own.uncertainty(k, np.full(300, e)) == pytest.approx(slow, rel=1e-12)


def test_leptons_on_which_two_points_agree_are_certain() -> None:
    own = curve([1, 2, 3, 4, 5], [1, 1, 2, 1, 1])
    other = np.array([0.0, 1.0, 0.0, 1.0, 1.0])  # differs on the second and the third
    assert own.uncertainty(2, other) == pytest.approx((1 + 4) ** 0.5 / 6)


@pytest.mark.parametrize("kind", ["one", "positive", "mixed"])
def test_toys_spread_as_the_uncertainty_of_the_cut_says(kind: str) -> None:
    rng = np.random.default_rng(5)
    pulls = []
    for _ in range(300):
        n = 800
        weights = {
            "one": np.ones(n),
            "positive": rng.exponential(size=n),
            "mixed": rng.choice([1.0, 1.0, 1.0, 1.0, -1.0], n),
        }[kind]
        own = curve(rng.normal(size=n), weights)
        for e in (0.5, 0.8, 0.95):
            sigma = own.uncertainty(own.below(e), e)
            pulls.append((own.cut(e) - norm.isf(e)) / own.spread(e, sigma))
    # 300 independent toys know their width to 4 %; the density adds some of its own.
    assert np.std(pulls) == pytest.approx(1.0, abs=0.12)
    assert abs(np.mean(pulls)) < 0.2
    covered = np.mean(np.abs(pulls) < 1)
    assert 0.63 < covered < 0.73
