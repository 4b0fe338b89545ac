"""Intervals against hist, against scipy, against their formulas in plain Python, and in toys."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hist.intervals import clopper_pearson_interval
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats

from lepid.efficiency import intervals
from lepid.errors import BadInput, UnknownName


def sums_of(weights: np.ndarray, passed: np.ndarray) -> intervals.Sums:
    parts = [np.array(weights[mask].sum()) for mask in (passed, ~passed)]
    squares = [np.array((weights[mask] ** 2).sum()) for mask in (passed, ~passed)]
    return intervals.Sums(*parts, *squares)


def slow_end(passed: int, total: int, tail: float, *, upper: bool) -> float:
    """End of the interval as its definition says it: the root of a binomial tail probability."""
    if passed == (total if upper else 0):
        return 1.0 if upper else 0.0

    def surplus(efficiency: float) -> float:
        counts = range(passed + 1) if upper else range(passed, total + 1)
        chance = sum(
            math.comb(total, k) * efficiency**k * (1.0 - efficiency) ** (total - k) for k in counts
        )
        return chance - tail

    return float(optimize.brentq(surplus, 0.0, 1.0, xtol=1e-14))


@pytest.mark.parametrize("coverage", [intervals.ONE_SIGMA, 0.95])
def test_clopper_pearson_is_that_of_hist(coverage: float) -> None:
    total = np.repeat(np.arange(1.0, 60.0), 60)
    passed = np.tile(np.arange(60.0), 59)
    passed, total = passed[passed <= total], total[passed <= total]
    low, high = intervals.clopper_pearson(passed, total, coverage)
    expected = clopper_pearson_interval(passed, total, coverage)
    np.testing.assert_allclose([low, high], expected, rtol=1e-12, atol=1e-15)


def test_clopper_pearson_is_that_of_scipy() -> None:
    for passed, total in [(0, 5), (5, 5), (1, 1), (18, 22), (997, 1000)]:
        low, high = intervals.clopper_pearson(np.array(float(passed)), np.array(float(total)), 0.9)
        expected = stats.binomtest(passed, total).proportion_ci(0.9, method="exact")
        assert (float(low), float(high)) == pytest.approx((expected.low, expected.high), rel=1e-10)


@given(st.integers(1, 25), st.data())
def test_clopper_pearson_solves_its_definition(total: int, data: st.DataObject) -> None:
    passed = data.draw(st.integers(0, total))
    low, high = intervals.clopper_pearson(np.array(float(passed)), np.array(float(total)), 0.68)
    assert float(low) == pytest.approx(slow_end(passed, total, 0.16, upper=False), abs=1e-10)
    assert float(high) == pytest.approx(slow_end(passed, total, 0.16, upper=True), abs=1e-10)


def test_no_leptons_is_nan_with_the_whole_range() -> None:
    nothing = np.zeros(2)
    sums = intervals.Sums(nothing, nothing, nothing, nothing)
    assert np.isnan(sums.value).all()
    for name in (intervals.CLOPPER_PEARSON, intervals.EFFECTIVE_COUNTS):
        low, high = intervals.evaluate(sums, name, 0.68)
        assert (low.tolist(), high.tolist()) == ([0.0, 0.0], [1.0, 1.0])
    low, high = intervals.evaluate(sums, intervals.NORMAL, 0.68)
    assert np.isnan(low).all()
    assert np.isnan(high).all()


def test_effective_counts_of_equal_weights_are_the_counts() -> None:
    passed = np.arange(30) < 21
    plain = intervals.evaluate(sums_of(np.ones(30), passed), intervals.CLOPPER_PEARSON, 0.68)
    scaled = sums_of(np.full(30, 0.37), passed)
    effective = intervals.evaluate(scaled, intervals.EFFECTIVE_COUNTS, 0.68)
    np.testing.assert_allclose(effective, plain, rtol=1e-12)


def test_effective_counts_are_those_of_the_formula() -> None:
    weights, passed = np.array([0.2, 1.7, 0.9, 3.1, 0.4]), np.array([1, 0, 1, 1, 0], bool)
    total = sum(weights) ** 2 / sum(w * w for w in weights)
    share = sum(w for w, ok in zip(weights, passed, strict=True) if ok) / sum(weights)
    low, high = intervals.evaluate(sums_of(weights, passed), intervals.EFFECTIVE_COUNTS, 0.68)
    assert float(low) == pytest.approx(stats.beta.ppf(0.16, share * total, total * (1 - share) + 1))
    assert float(high) == pytest.approx(
        stats.beta.ppf(0.84, share * total + 1, total * (1 - share))
    )


def test_normal_is_the_propagated_error() -> None:
    weights, passed = np.array([0.2, 1.7, -0.9, 3.1, 0.4]), np.array([1, 0, 1, 1, 0], bool)
    value = (0.2 - 0.9 + 3.1) / (0.2 + 1.7 - 0.9 + 3.1 + 0.4)
    variance = sum(
        (w * ((1.0 - value) if ok else -value)) ** 2 for w, ok in zip(weights, passed, strict=True)
    )
    sigma = math.sqrt(variance) / sum(weights)
    low, high = intervals.evaluate(
        sums_of(weights, passed), intervals.NEGATIVE_WEIGHTS, intervals.ONE_SIGMA
    )
    assert (float(low), float(high)) == pytest.approx((value - sigma, value + sigma), rel=1e-12)


def test_clopper_pearson_covers_in_toys() -> None:
    rng = np.random.default_rng(20)
    for truth in (0.02, 0.5, 0.9, 0.99):
        passed = rng.binomial(60, truth, 2000).astype(float)
        low, high = intervals.clopper_pearson(passed, np.full(2000, 60.0), intervals.ONE_SIGMA)
        assert np.mean((low <= truth) & (truth <= high)) >= intervals.ONE_SIGMA - 0.01


def test_effective_counts_cover_in_toys() -> None:
    rng = np.random.default_rng(21)
    truth = 0.9
    weights, passed = rng.exponential(1.0, (2000, 60)), rng.random((2000, 60)) < truth
    part = weights * passed
    sums = intervals.Sums(
        part.sum(1), (weights - part).sum(1), (part**2).sum(1), ((weights - part) ** 2).sum(1)
    )
    low, high = intervals.evaluate(sums, intervals.EFFECTIVE_COUNTS, intervals.ONE_SIGMA)
    assert np.mean((low <= truth) & (truth <= high)) >= intervals.ONE_SIGMA - 0.01


@pytest.mark.parametrize(
    ("asked", "weighted", "negative", "name"),
    [
        (None, False, False, "clopper-pearson"),
        (None, True, False, "clopper-pearson, effective counts"),
        (None, True, True, "normal, negative weights"),
        ("normal", False, False, "normal"),
        ("normal", True, True, "normal, negative weights"),
        ("clopper-pearson, effective counts", False, False, "clopper-pearson, effective counts"),
    ],
)
def test_default_interval_follows_the_weights(
    asked: str | None, weighted: bool, negative: bool, name: str
) -> None:
    assert intervals.choose(asked, weighted=weighted, negative=negative) == name


def test_interval_that_the_weights_forbid() -> None:
    with pytest.raises(BadInput, match="needs counts") as caught:
        intervals.choose("clopper-pearson", weighted=True, negative=False)
    assert "effective counts" in str(caught.value)
    with pytest.raises(BadInput, match="negative weights"):
        intervals.choose("clopper-pearson, effective counts", weighted=True, negative=True)
    with pytest.raises(UnknownName, match="'cloper-pearson'"):
        intervals.choose("cloper-pearson", weighted=False, negative=False)


@pytest.mark.parametrize("coverage", [0.0, 1.0, 68.0, math.nan])
def test_coverage_outside_0_and_1(coverage: float) -> None:
    one = np.ones(1)
    with pytest.raises(BadInput, match="coverage"):
        intervals.evaluate(intervals.Sums(one, one, one, one), intervals.NORMAL, coverage)
