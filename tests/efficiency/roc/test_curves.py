"""ROC curves against loops over pairs, scikit-learn, and samples with Poisson weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score, roc_curve

from lepid.efficiency.roc.curves import roc
from lepid.errors import BadInput


def leptons(n: int, seed: int = 1, kind: str = "none") -> tuple[Any, Any, Any]:
    """Scores with many ties, labels, and weights: none, positive, or of both signs."""
    rng = np.random.default_rng(seed)
    signal = rng.random(n) < 0.4
    score = np.round(rng.normal(signal * 1.5, 1.0), 1)
    weight = {
        "none": None,
        "positive": rng.exponential(1.0, n),
        "mixed": np.where(rng.random(n) < 0.1, -1.0, 1.0) * rng.uniform(0.5, 1.5, n),
    }[kind]
    return score, signal, weight


def slow_area(score: Any, signal: Any, weight: Any) -> float:
    above = total = 0.0
    for s, ws in zip(score[signal], weight[signal], strict=True):
        for b, wb in zip(score[~signal], weight[~signal], strict=True):
            above += ws * wb * (1.0 if s > b else 0.5 if s == b else 0.0)
            total += ws * wb
    return above / total


def slow_delong(score: Any, signal: Any) -> float:
    """The error in the words of the paper: variances of the placements of both kinds."""

    def psi(s: float, b: float) -> float:
        return 1.0 if s > b else 0.5 if s == b else 0.0

    ones, others = score[signal], score[~signal]
    v10 = [np.mean([psi(s, b) for b in others]) for s in ones]
    v01 = [np.mean([psi(s, b) for s in ones]) for b in others]
    return float(np.sqrt(np.var(v10, ddof=1) / len(ones) + np.var(v01, ddof=1) / len(others)))


def slow_cut(score: Any, signal: Any, weight: Any, efficiency: float) -> float:
    for cut in sorted(set(score.tolist()), reverse=True):
        passed = weight[signal & (score >= cut)].sum() / weight[signal].sum()
        if passed >= efficiency * (1 - 1e-12):
            return float(cut)
    return float(min(score))


@pytest.mark.parametrize("kind", ["none", "positive", "mixed"])
def test_against_pairs(kind: str) -> None:
    score, signal, weight = leptons(150, 2, kind)
    ones = np.ones(150) if weight is None else weight
    found = roc(score, signal, weight)
    assert found.area.value == pytest.approx(slow_area(score, signal, ones), rel=1e-12)
    asked = (0.1, 0.5, 0.8, 0.95, 1.0)
    points = found.at(asked)
    for place, efficiency in enumerate(asked):
        cut = slow_cut(score, signal, ones, efficiency)
        assert points.cut[place] == cut
        left = ones[~signal & (score >= cut)].sum() / ones[~signal].sum()
        assert points.background[place] == pytest.approx(left, rel=1e-12)
        kept = ones[signal & (score >= cut)].sum() / ones[signal].sum()
        assert points.signal[place] == pytest.approx(kept, rel=1e-12)


def test_the_error_of_the_area_is_that_of_delong() -> None:
    score, signal, _ = leptons(150, 3)
    assert roc(score, signal).area.error == pytest.approx(slow_delong(score, signal), rel=1e-12)


@pytest.mark.parametrize("kind", ["none", "positive"])
def test_against_scikit_learn(kind: str) -> None:
    score, signal, weight = leptons(20_000, 4, kind)
    found = roc(score, signal, weight)
    false, true, cuts = roc_curve(signal, score, sample_weight=weight, drop_intermediate=False)
    np.testing.assert_array_equal(found.cut, cuts[1:])
    np.testing.assert_allclose(found.background.value, false[1:], rtol=1e-10)
    np.testing.assert_allclose(found.signal.value, true[1:], rtol=1e-10)
    area = roc_auc_score(signal, score, sample_weight=weight)
    assert found.area.value == pytest.approx(area, rel=1e-12)


@pytest.mark.parametrize("kind", ["none", "positive", "mixed"])
def test_errors_are_those_of_samples_with_poisson_weights(kind: str) -> None:
    rng = np.random.default_rng(5)
    signal = rng.random(6_000) < 0.5
    score = rng.normal(signal * 1.5, 1.0)
    weight = leptons(6_000, 5, kind)[2]
    whole = np.ones(6_000) if weight is None else weight
    found, asked = roc(score, signal, weight), (0.6, 0.8, 0.95)
    areas, left = [], []
    for _ in range(400):
        one = roc(score, signal, whole * rng.poisson(1.0, 6_000))
        areas.append(one.area.value)
        left.append(one.at(asked).background)
    # 400 samples know their own width to 3.5 %.
    assert found.area.error == pytest.approx(np.std(areas), rel=0.15)
    points = found.at(asked)
    np.testing.assert_allclose(0.5 * (points.high - points.low), np.std(left, axis=0), rtol=0.2)


def test_intervals_cover() -> None:
    rng = np.random.default_rng(6)
    inside, areas, n = 0, 0, 600
    # Scores are normal, one apart: what is left at an efficiency is known.
    left, area = 0.3690, 0.7602499
    for _ in range(n):
        signal = np.arange(400) < 200
        found = roc(rng.normal(signal * 1.0, 1.0), signal)
        points = found.at(0.747507)
        inside += bool(points.low[0] <= left <= points.high[0])
        areas += abs(found.area.value - area) <= found.area.error
    assert 0.64 < inside / n < 0.80
    assert 0.62 < areas / n < 0.74


def test_rejection_is_infinite_where_nothing_is_left() -> None:
    score = np.concatenate([np.full(50, 2.0), np.zeros(60)])
    found = roc(score, score > 1.0)
    points = found.at([0.5, 1.0])
    assert found.area.value == 1.0
    assert np.isinf(points.rejection).all()
    assert np.isinf(points.rejection_high).all()
    assert (points.rejection_low > 20.0).all()
    np.testing.assert_array_equal(points.signal, 1.0)


def test_one_lepton_has_no_error() -> None:
    assert np.isnan(roc([1.0, 0.0, 0.5], [True, False, False]).area.error)


def test_infinite_scores_stand_at_the_ends() -> None:
    found = roc([np.inf, np.inf, -np.inf, 0.0], [True, False, False, True])
    np.testing.assert_array_equal(found.cut, [np.inf, 0.0, -np.inf])
    assert found.area.value == 0.625


@given(st.integers(0, 10_000), st.sampled_from(["none", "positive", "mixed"]))
def test_invariances(seed: int, kind: str) -> None:
    score, signal, weight = leptons(120, seed, kind)
    found, asked = roc(score, signal, weight), (0.3, 0.7, 0.9)
    order = np.random.default_rng(seed).permutation(120)
    moved = roc(score[order], signal[order], None if weight is None else weight[order])
    # Not in the last bit either.
    assert moved.area == found.area
    np.testing.assert_array_equal(moved.at(asked).high, found.at(asked).high)
    # Only the order of the scores counts, and only ratios of weights.
    bent = roc(np.exp(score), signal, None if weight is None else weight * 4.0)
    assert bent.area.value == pytest.approx(found.area.value, rel=1e-12)
    np.testing.assert_allclose(bent.at(asked).background, found.at(asked).background)
    # Turned round, the chance to be above is that to be below.
    assert roc(-score, signal, weight).area.value == pytest.approx(1 - found.area.value, abs=1e-12)


@given(st.integers(0, 10_000))
def test_a_tighter_cut_leaves_less(seed: int) -> None:
    score, signal, _ = leptons(200, seed)
    points = roc(score, signal).at(np.linspace(0.05, 1.0, 20))
    assert (np.diff(points.background) >= 0.0).all()
    assert (np.diff(points.cut) <= 0.0).all()
    assert (points.signal >= points.asked * (1 - 1e-12)).all()
    assert ((points.low <= points.background) & (points.background <= points.high)).all()


SIGNAL = np.array([True, False, True, False])


@pytest.mark.parametrize(
    ("score", "signal", "weight", "fact"),
    [
        ([1, np.nan, 2, 3], SIGNAL, None, "1 of 4 scores are NaN"),
        ([1, 2, 3], SIGNAL, None, "one length"),
        ([[1, 2, 3, 4]], [SIGNAL], None, "flat arrays"),
        ([1, 2, 3, 4], [1, 0, 1, 0], None, "is_signal holds int64"),
        ([1, 2, 3, 4], [True] * 4, None, "no background leptons"),
        ([1, 2, 3, 4], [False] * 4, None, "no signal leptons"),
        ([], np.array([], bool), None, "no signal leptons"),
        ([1, 2, 3, 4], SIGNAL, [0, 1, 0, 1], "weights of the signal add up to 0"),
        ([1, 2, 3, 4], SIGNAL, [1, 1, 1, -1], "weights of the background add up to 0"),
        ([1, 2, 3, 4], SIGNAL, [1, 1, 1, np.inf], "1 weights are not finite"),
    ],
)
def test_bad_input(score: Any, signal: Any, weight: Any, fact: str) -> None:
    with pytest.raises(BadInput, match=fact):
        roc(score, signal, weight)


@pytest.mark.parametrize("efficiency", [0.0, -0.1, 1.1, np.nan])
def test_efficiencies_outside_0_to_1(efficiency: float) -> None:
    with pytest.raises(BadInput, match="above 0 and at most 1"):
        roc([1.0, 2.0], [False, True]).at([0.5, efficiency])


def test_coverage_outside_0_to_1() -> None:
    with pytest.raises(BadInput, match="coverage"):
        roc([1.0, 2.0], [False, True]).at(0.5, coverage=1.0)
