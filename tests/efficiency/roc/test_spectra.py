"""Distributions, composition, correlations and importance against plain loops."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from scipy.stats import spearmanr

from lepid.efficiency.roc.curves import roc
from lepid.efficiency.roc.spectra import composition, correlations, distribution, importance
from lepid.errors import BadInput


def test_a_distribution_is_a_density_with_errors() -> None:
    rng = np.random.default_rng(1)
    score, weight = rng.normal(size=2_000), rng.uniform(0.5, 1.5, 2_000)
    found = distribution(score, (-1.0, 0.0, 0.5, 1.0), weight)
    for place, (low, high) in enumerate([(-1.0, 0.0), (0.0, 0.5), (0.5, 1.0)]):
        own = weight[(score >= low) & (score < high)]
        scale = weight.sum() * (high - low)
        assert found.value[place] == pytest.approx(own.sum() / scale)
        assert found.error[place] == pytest.approx(np.sqrt((own**2).sum()) / scale)
    assert found.outside[0] == pytest.approx(weight[score < -1.0].sum() / weight.sum())
    inside = float(np.sum(found.value * np.diff(found.edges)))
    assert inside + sum(found.outside) == pytest.approx(1.0)


def test_the_last_edge_is_inside_and_infinity_is_not() -> None:
    found = distribution([1.0, np.inf, -np.inf, 0.5], (0.0, 1.0))
    assert found.value.tolist() == [0.5]
    assert found.outside == (0.25, 0.25)


@pytest.mark.parametrize("weighted", [False, True])
def test_composition_is_that_of_what_passes(weighted: bool) -> None:
    rng = np.random.default_rng(2)
    classes, passed = rng.integers(0, 3, 500), rng.random(500) < 0.3
    weight = rng.uniform(0.5, 1.5, 500) if weighted else None
    ones = np.ones(500) if weight is None else weight
    found = composition(classes, 4, passed, weight)
    for number in range(4):
        part = ones[passed & (classes == number)].sum() / ones[passed].sum()
        assert found.value[number] == pytest.approx(part)
        assert found.low[number] <= found.value[number] <= found.high[number]
    assert found.value.sum() == pytest.approx(1.0)
    nothing = composition(classes, 4, np.zeros(500, bool))
    assert np.isnan([*nothing.value, *nothing.low, *nothing.high]).all()


def slow_pearson(x: Any, y: Any, w: Any) -> float:
    mx, my = (sum(w * v) / sum(w) for v in (x, y))
    covariance, vx, vy = (
        sum(w * (x - mx) * (y - my)),
        sum(w * (x - mx) ** 2),
        sum(w * (y - my) ** 2),
    )
    return float(covariance / np.sqrt(vx * vy))


def test_correlations() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=300)
    columns = {"x": x, "y": x + rng.normal(size=300), "z": np.round(-x, 1), "one": np.ones(300)}
    weight = rng.uniform(0.1, 2.0, 300)
    found = correlations(columns, weight)
    assert found[0, 1] == pytest.approx(slow_pearson(columns["x"], columns["y"], weight))
    assert found[2, 1] == pytest.approx(slow_pearson(columns["z"], columns["y"], weight))
    assert np.isnan(found[3]).all()
    np.testing.assert_array_equal(found.diagonal()[:3], 1.0)
    ranked = correlations({name: columns[name] for name in "xyz"}, ranks=True)
    expected = spearmanr(np.stack([columns[name] for name in "xyz"]), axis=1).statistic
    np.testing.assert_allclose(ranked, expected, rtol=1e-12)


def test_importance_is_the_loss_of_area() -> None:
    rng = np.random.default_rng(4)
    signal = rng.random(4_000) < 0.5
    columns = {
        "good": rng.normal(signal * 2.0, 1.0),
        "poor": rng.normal(signal * 0.3, 1.0),
        "noise": rng.normal(size=4_000),
    }

    def score(inputs: Mapping[str, Any]) -> Any:
        return 2.0 * inputs["good"] + 0.3 * inputs["poor"]

    area, found = importance(score, columns, signal)
    assert area == roc(score(columns), signal).area
    assert found["good"].loss > 0.3
    assert found["good"].loss > 5 * found["poor"].loss > 0.0
    assert found["noise"] == (0.0, 0.0)
    # Without any input that it uses, a network knows nothing.
    _, together = importance(score, columns, signal, groups={"all": ("good", "poor", "noise")})
    assert together["all"].loss == pytest.approx(area.value - 0.5, abs=0.02)
    assert 0.0 < together["all"].error < 0.02
    again = importance(score, columns, signal)[1]
    assert again == found


@pytest.mark.parametrize(
    ("call", "fact"),
    [
        (lambda: distribution([1, np.nan], (0, 1)), "1 scores are NaN"),
        (lambda: distribution([1, 2], (0, np.inf)), "edges must increase"),
        (lambda: distribution([1, 2], (0, 1), [1]), "shapes"),
        (lambda: distribution([1, 2], (0, 1), [1, -1]), "the weights add up to 0"),
        (lambda: composition([0, 3], 3, [True, True]), "classes must be 0 to 2"),
        (lambda: composition([0, 1], 3, [True]), "classes, passed and weight"),
        (lambda: correlations({}), "no columns"),
        (lambda: correlations({"a": [1, 2], "b": [1]}), "different lengths"),
        (lambda: correlations({"a": [1, np.nan], "b": [1, 2]}), "not finite in a"),
        (lambda: correlations({"a": [1, 2]}, [0, 0]), "add up to 0"),
        (lambda: importance(sum, {}, [True], repeat=1), "repeat is 1"),
        (lambda: importance(sum, {"a": np.ones(1)}, [True], groups={"g": ["b"]}), "no column b"),
    ],
)
def test_bad_input(call: Any, fact: str) -> None:
    with pytest.raises(BadInput, match=fact):
        call()
