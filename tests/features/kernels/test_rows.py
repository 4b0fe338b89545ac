"""Columns side by side: order, rounding, and columns of many types."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lepid.features.kernels import rows
from lepid.features.kernels.rows import Column, filled, taken

KINDS = (np.uint8, np.float32, np.float64, np.int32, np.bool_)


def slow(columns: list[Column], n: int) -> Any:
    values = np.empty((n, len(columns)), np.float32)
    for i, column in enumerate(columns):
        for k in range(n):
            exact = (float(column.source[column.rows[k]]) - column.mean) / column.std
            values[k, i] = np.float32(exact)
    return values


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 9))
def test_the_slow_twin(seed: int, n_column: int) -> None:
    rng = np.random.default_rng(seed)
    n_row, n_source = 5, 7
    shared = [rng.integers(0, n_source, n_row) for _ in range(2)]
    columns = [
        Column(
            (100 * rng.random(n_source)).astype(rng.choice(KINDS)),
            shared[rng.integers(0, 2)],
            *((0.0, 1.0) if rng.random() < 0.5 else (rng.normal(), rng.uniform(0.1, 3))),
        )
        for _ in range(n_column)
    ]
    np.testing.assert_array_equal(filled(columns, n_row), slow(columns, n_row))


def test_more_rows_than_a_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "BLOCK", 10)
    source, order = np.arange(23.0), np.arange(23)[::-1].copy()
    values = filled([Column(source, order), Column(source, order, 1.0, 2.0)], 23)
    np.testing.assert_array_equal(values[:, 0], source[::-1])
    np.testing.assert_array_equal(values[:, 1], (source[::-1] - 1) / 2)


def test_rounding_happens_once() -> None:
    source, first = np.array([1 + 2**-30]), np.array([0])
    assert filled([Column(source, first, 1.0, 2**-30)], 1).tolist() == [[1.0]]
    assert filled([Column(np.array([1e300]), first)], 1).tolist() == [[np.inf]]
    assert np.isnan(filled([Column(np.array([np.nan]), first)], 1)[0, 0])


def test_taken() -> None:
    found = taken(np.array([3, 1, 2], np.uint8), np.array([2, 0, 0]))
    assert found.dtype == np.float64
    assert found.tolist() == [2.0, 3.0, 3.0]
