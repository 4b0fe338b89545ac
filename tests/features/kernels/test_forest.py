"""Sums of trees against a walk in plain Python."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lepid.errors import BadInput
from lepid.features.kernels import forest as kernels
from lepid.features.kernels.forest import BLOCK, Tree, layout, sums

NUMBERS = (-np.inf, -1.0, -0.0, 0.0, 1e-45, 1.0, np.nextafter(np.float32(1), 2), 3e38, np.inf)


def tree_of(nested: object) -> Tree:
    """Tree of (feature, threshold, nan_left, left, right), or of a number for a leaf."""
    rows: list[list[float]] = []

    def add(node: object) -> int:
        place = len(rows)
        rows.append([-1, 0, 0, 0, 0, 0])
        if isinstance(node, tuple):
            feature, threshold, nan_left, left, right = node
            rows[place] = [feature, threshold, add(left), add(right), nan_left, 0]
        else:
            rows[place][5] = float(node)  # type: ignore[arg-type]
        return place

    add(nested)
    kinds = (np.int64, np.float32, np.int64, np.int64, np.bool_, np.float64)
    return Tree(*(np.array(c, k) for c, k in zip(zip(*rows, strict=True), kinds, strict=True)))


def walk(tree: Tree, row: Sequence[np.float32]) -> float:
    node = 0
    while tree.feature[node] >= 0:
        x = row[tree.feature[node]]
        left = bool(tree.nan_left[node]) if np.isnan(x) else bool(x < tree.threshold[node])
        node = int(tree.left[node] if left else tree.right[node])
    return float(tree.value[node])


def slow(trees: Sequence[Tree], group: Sequence[int], rows: object, base: object) -> object:
    found = np.tile(np.asarray(base), (len(rows), 1))  # type: ignore[arg-type]
    for r, row in enumerate(rows):  # type: ignore[arg-type, var-annotated]
        for tree, g in zip(trees, group, strict=True):
            found[r, g] = found[r, g] + found.dtype.type(walk(tree, row))
    return found


def random_tree(rng: np.random.Generator, depth: int, n_feature: int = 3) -> object:
    if depth == 0 or rng.random() < 0.15:
        return float(rng.normal())
    threshold = np.float32(rng.choice(NUMBERS) if rng.random() < 0.5 else rng.normal())
    below = [random_tree(rng, depth - 1, n_feature) for _ in range(2)]
    return (int(rng.integers(n_feature)), threshold, bool(rng.random() < 0.5), *below)


def random_rows(rng: np.random.Generator, n: int, n_feature: int = 3) -> np.ndarray:
    rows = rng.normal(size=(n, n_feature)).astype(np.float32)
    special = rng.random(rows.shape)
    rows[special < 0.3] = rng.choice(np.array(NUMBERS, np.float32), int((special < 0.3).sum()))
    rows[special > 0.85] = np.nan
    return rows


@pytest.mark.parametrize("large", [0, 10**6])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_sums_are_those_of_the_walk(
    large: int, kind: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernels, "LARGE", large)
    rng = np.random.default_rng(1)
    trees = [tree_of(random_tree(rng, depth)) for depth in (0, 1, 2, 3, 5, 6, 6, 0)]
    group = [0, 1, 0, 1, 0, 1, 0, 1]
    rows = random_rows(rng, 2 * BLOCK + 3)
    base = np.array([0.25, -1e-3], kind)
    found = sums(rows, layout(trees, group, kind), base)
    assert found.dtype == kind
    expected = slow(trees, group, rows, base)
    np.testing.assert_array_equal(found, expected)
    assert len(np.unique(found[:, 0])) > 10


@settings(max_examples=60)
@given(st.integers(0, 10**6), st.integers(0, 40))
def test_small_and_large_trees_agree(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    trees = [tree_of(random_tree(rng, 4)) for _ in range(3)]
    forest, rows = layout(trees, [0, 0, 0], np.float64), random_rows(rng, n)
    found = []
    for large in (-1, 10**6):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(kernels, "LARGE", large)
            found.append(sums(rows, forest, np.zeros(1)))
    np.testing.assert_array_equal(*found)
    order = rng.permutation(n)
    np.testing.assert_array_equal(sums(rows[order], forest, np.zeros(1)), found[0][order])
    np.testing.assert_array_equal(
        sums(rows, forest, np.zeros(1)), slow(trees, [0] * 3, rows, [0.0])
    )


def test_rows_need_not_be_contiguous() -> None:
    rng = np.random.default_rng(2)
    forest, rows = layout([tree_of(random_tree(rng, 4))], [0], np.float64), random_rows(rng, 50)
    expected = sums(rows, forest, np.zeros(1))
    np.testing.assert_array_equal(sums(np.asfortranarray(rows), forest, np.zeros(1)), expected)
    np.testing.assert_array_equal(sums(rows[::2], forest, np.zeros(1)), expected[::2])


def test_a_column_for_each_way_of_nan() -> None:
    trees = [tree_of((0, 1.0, side, 1, 2)) for side in (True, False)]
    forest = layout(trees, [0, 1], np.float64)
    assert len(forest.feature) == 2
    nan, low = np.float32([[np.nan]]), np.float32([[0.0]])
    np.testing.assert_array_equal(sums(nan, forest, np.zeros(2)), [[1, 2]])
    np.testing.assert_array_equal(sums(low, forest, np.zeros(2)), [[1, 1]])


@pytest.mark.skipif("NUMBA_DISABLE_JIT" in os.environ, reason="17 million steps of plain Python")
def test_more_thresholds_than_sixteen_bits_hold() -> None:
    cuts = np.arange(66_000, dtype=np.float32)
    trees = [tree_of((0, cut, True, 0, 1)) for cut in cuts]
    forest = layout(trees, [0] * len(trees), np.float64)
    assert forest.rank.dtype == np.uint32
    rows = np.array([[-1], [0], [1], [65_535], [65_536], [1e6], [np.nan]], np.float32)
    found = sums(rows, forest, np.zeros(1))[:, 0]
    np.testing.assert_array_equal(found, [0, 1, 2, 65_536, 65_537, 66_000, 0])


def test_no_trees_give_the_base() -> None:
    found = sums(np.zeros((3, 2), np.float32), layout([], [], np.float32), np.array([0.5]))
    np.testing.assert_array_equal(found, np.full((3, 1), 0.5))


def test_a_threshold_that_is_nan() -> None:
    with pytest.raises(BadInput, match="tree 1") as error:
        layout([tree_of(1.0), tree_of((0, np.nan, True, 0, 1))], [0, 0], np.float64)
    assert "NaN" in str(error.value)
