"""The quantile transform beside Athena's loops and beside scikit-learn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.preprocessing import QuantileTransformer

from lepid.errors import BadInput
from lepid.features.kernels.quantile import transform

QUANTILES = st.lists(st.integers(-20, 20).map(lambda n: n / 4), min_size=2, max_size=30)


def slow(value: float, quantiles: Sequence[float], levels: Sequence[float]) -> float:
    """Up from the first quantile, down from the last, the mean of both lines."""
    if value != value:
        return value
    if value <= quantiles[0]:
        return levels[0]
    if value >= quantiles[-1]:
        return levels[-1]
    up = 0
    while value > quantiles[up + 1]:
        up += 1
    down = len(quantiles) - 1
    while value < quantiles[down - 1]:
        down -= 1
    found = []
    for left, right in ((up, up + 1), (down - 1, down)):
        slope = (levels[right] - levels[left]) / (quantiles[right] - quantiles[left])
        found.append(levels[left] + slope * (value - quantiles[left]))
    return 0.5 * (found[0] + found[1])


@given(QUANTILES, st.lists(st.integers(-90, 90).map(lambda n: n / 16), max_size=20))
def test_the_slow_twin_with_plateaus_and_edges(edges: list[float], more: list[float]) -> None:
    quantiles = sorted(edges)
    levels = np.linspace(0, 1, len(quantiles)).tolist()
    near = [float(np.nextafter(q, s * np.inf)) for q in quantiles for s in (-1, 1)]
    values = [*quantiles, *near, *more, np.nan, np.inf, -np.inf]
    expected = [slow(v, quantiles, levels) for v in values]
    found = transform(values, quantiles, levels)
    np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-15)
    assert found.dtype == np.float64


def test_a_plateau_is_the_middle_of_its_levels_and_an_end_is_the_end() -> None:
    quantiles, levels = [0, 0, 1, 2, 2, 2, 5, 5], np.arange(8) / 7
    found = transform([0, 1, 2, 5, 3.5], quantiles, levels)
    assert found.tolist() == pytest.approx([0, 2 / 7, 4 / 7, 1, 5.5 / 7], abs=1e-15)


def test_levels_need_not_begin_at_0() -> None:
    assert transform([-9, 9, 0.5], [0, 1], [0.25, 0.75]).tolist() == [0.25, 0.75, 0.5]


def test_constant_quantiles_have_an_end_for_every_value() -> None:
    assert transform([1, 2, 3], [2, 2, 2], [0, 0.5, 1]).tolist() == [0, 0, 1]


@pytest.mark.parametrize("kind", ["smooth", "integers", "half of them zero"])
def test_scikit_learn(kind: str) -> None:
    rng = np.random.default_rng(3)
    draw: dict[str, Any] = {
        "smooth": lambda n: rng.normal(size=n),
        "integers": lambda n: rng.integers(0, 9, n).astype(float),
        "half of them zero": lambda n: np.where(rng.random(n) < 0.5, 0.0, rng.normal(size=n)),
    }
    train, values = draw[kind](5000), draw[kind](3000)
    fitted = QuantileTransformer(n_quantiles=300).fit(train[:, None])
    expected = fitted.transform(values[:, None])[:, 0]
    found = transform(values, fitted.quantiles_[:, 0], fitted.references_)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)
    assert np.sum((expected > 0) & (expected < 1)) > 1000


@given(QUANTILES, st.floats(-6, 6), st.floats(-6, 6))
def test_it_never_falls(edges: list[float], one: float, other: float) -> None:
    levels = np.linspace(0, 1, len(edges))
    low, high = transform(sorted((one, other)), sorted(edges), levels)
    assert low <= high + 1e-12
    assert 0 <= low <= 1


def test_the_shape_stays() -> None:
    assert transform(np.zeros((2, 3)), [0, 1], [0, 1]).shape == (2, 3)
    assert transform([], [0, 1], [0, 1]).shape == (0,)


@pytest.mark.parametrize(
    ("quantiles", "levels", "fact"),
    [
        ([0, 1], [0, 0.5, 1], r"\(2,\) quantiles and \(3,\) levels"),
        ([0], [0], "two or more"),
        ([0, 2, 1], [0, 0.5, 1], "the quantiles do not ascend at number 2"),
        ([0, 1, 2], [0, 1, 0.5], "the levels do not ascend at number 2"),
        ([0, np.nan, 1], [0, 0.5, 1], "the quantiles do not ascend at number 1"),
        ([0, 1, np.inf], [0, 0.5, 1], "the quantiles do not ascend at an end"),
    ],
)
def test_what_is_no_transform(quantiles: Any, levels: Any, fact: str) -> None:
    with pytest.raises(BadInput, match=fact):
        transform([0.5], quantiles, levels)
