"""The quantile transform in ONNX: Athena's code as slow twin, scikit-learn, plateaus, NaN."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import pairwise
from typing import Any

import numpy as np
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.preprocessing import QuantileTransformer

from lepid.taggers.graph import layered
from lepid.taggers.graph.layers import Inputs, Layered, Quantiles, Result, Step, Variable


def slow(x: float, quantiles: list[float], levels: list[float]) -> float:
    """As Athena's ElectronDNNCalculator does it: two neighbours from below, two from above."""
    if np.isnan(x):
        return x
    if x <= quantiles[0]:
        return levels[0]
    if x >= quantiles[-1]:
        return levels[-1]

    def linear(left: int) -> float:
        run = quantiles[left + 1] - quantiles[left]
        return levels[left] + (x - quantiles[left]) / run * (levels[left + 1] - levels[left])

    return 0.5 * (linear(bisect_left(quantiles, x) - 1) + linear(bisect_right(quantiles, x) - 1))


def network(quantiles: Quantiles, offset: float = 0.0, scale: float = 1.0) -> Layered:
    names = [f"v{i}" for i in range(len(quantiles.values))]
    variables = tuple(Variable(name, offset, scale) for name in names)
    node = Inputs("x", variables, quantiles=quantiles)
    results = (Result(0, tuple(f"out_{name}" for name in names)),)
    return Layered((node,), (Step("input", (0,), width=len(names)),), results)


def run(made: Layered, rows: Any) -> np.ndarray[Any, Any]:
    session = onnxruntime.InferenceSession(layered.build(made), providers=["CPUExecutionProvider"])
    return np.stack(session.run(None, {"x": np.asarray(rows, np.float32)}), axis=1)


def expected(quantiles: Quantiles, rows: Any) -> np.ndarray[Any, Any]:
    ready = np.asarray(rows, np.float32).astype(np.float64).tolist()
    columns = [values.tolist() for values in quantiles.values]
    levels = quantiles.levels.tolist()
    return np.array(
        [[slow(x, q, levels) for x, q in zip(row, columns, strict=True)] for row in ready]
    )


@pytest.mark.parametrize("n", [2, 3, 4, 1000, 1023, 1024])
def test_any_number_of_quantiles(n: int) -> None:
    rng = np.random.default_rng(n)
    values = np.sort(rng.normal(size=(3, n)).astype(np.float32).astype(np.float64), axis=1)
    made = Quantiles(np.linspace(0, 1, n), values)
    rows = np.concatenate([rng.normal(size=(200, 3)), values.T, values.T + 1e-3])
    np.testing.assert_allclose(run(network(made), rows), expected(made, rows), rtol=0, atol=6e-8)


small = st.integers(-4, 4).map(lambda i: i / 2)


@settings(max_examples=40)
@given(st.lists(small, min_size=2, max_size=9), st.lists(small, min_size=2, max_size=9), st.data())
def test_plateaus_edges_and_what_lies_between(a: list[float], b: list[float], data: Any) -> None:
    n = min(len(a), len(b))
    levels = sorted(data.draw(st.lists(st.integers(0, 64), min_size=n, max_size=n)))
    made = Quantiles(np.array(levels) / 64, np.sort([a[:n], b[:n]], axis=1))
    edges = np.linspace(-2.5, 2.5, 41)
    rows = np.stack([edges, edges[::-1]], axis=1)
    found = run(network(made), rows)
    np.testing.assert_allclose(found, expected(made, rows), rtol=0, atol=6e-8)
    assert all(low <= high for low, high in pairwise(found[:, 0]))


def test_scikit_learn_does_the_same() -> None:
    rng = np.random.default_rng(1)
    columns = rng.normal(size=(3, 3000))
    sample = np.stack([columns[0], np.round(columns[1] * 2) / 2, np.maximum(columns[2], 0)], axis=1)
    transformer = QuantileTransformer(n_quantiles=500).fit(sample)
    made = Quantiles(transformer.references_, transformer.quantiles_.T)
    rows = np.concatenate([sample[::10], rng.normal(size=(500, 3)) * 3]).astype(np.float32)
    reference = transformer.transform(rows.astype(np.float64))
    np.testing.assert_allclose(run(network(made), rows), reference, rtol=0, atol=1e-7)


def test_nan_stays_and_infinity_is_an_end() -> None:
    made = Quantiles(np.array([0.1, 0.5, 0.8]), np.array([[0.0, 1.0, 1.0]]))
    found = run(network(made), [[np.nan], [np.inf], [-np.inf], [1.0], [0.0], [0.5]])
    np.testing.assert_array_equal(np.isnan(found[:, 0]), [True] + [False] * 5)
    np.testing.assert_allclose(found[1:, 0], [0.8, 0.1, 0.8, 0.1, 0.3])


def test_offset_and_scale_come_after() -> None:
    made = Quantiles(np.array([0.0, 1.0]), np.array([[0.0, 10.0]]))
    found = run(network(made, offset=-0.5, scale=4.0), [[5.0], [7.5]])
    np.testing.assert_allclose(found[:, 0], [0.0, 1.0], atol=1e-7)
