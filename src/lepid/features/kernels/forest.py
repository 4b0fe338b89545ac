"""Sums of decision trees, many rows at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lepid.errors import BadInput
from lepid.features.kernels.compiled import kernel

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]

# Rows that go through a tree together: their ranks stay in the first cache.
BLOCK = 256
# In larger trees a row follows its path; in smaller ones all rows look at all splits, without a
# branch and many in one instruction. Both take the same time at about this number of splits.
LARGE = 384


class Tree(NamedTuple):
    """One tree: its nodes, [n_node] each, the root first and children behind their parents.

    Attributes
    ----------
    feature : column of the rows that a node looks at, -1 for a leaf
    threshold : float32; a row goes left where its number is less, else right
    left, right : number of the child
    nan_left : whether NaN goes left
    value : what a leaf adds
    """

    feature: Integers
    threshold: Floats
    left: Integers
    right: Integers
    nan_left: npt.NDArray[np.bool_]
    value: npt.NDArray[np.float64]


class Layout(NamedTuple):
    """Trees as the loops take them: splits compare ranks among the thresholds of a column.

    A column is a feature and where NaN goes: left is a rank below all, right one above all.

    Attributes
    ----------
    feature, nan : [n_column], the feature, and the rank of NaN
    start, thresholds : those of column c are ``thresholds[start[c]:start[c + 1]]``, ascending
    tree, leaf : [n_tree + 1], first split and first leaf of each tree
    group : [n_tree], which sum it adds to
    column, rank : [n_split], a row goes right where its rank in the column is `rank` or more
    first, second : [n_split], first leaf on the left and on the right
    child : [n_split, 2], the split on the left and on the right, or minus a leaf, minus one
    value : leaf by leaf, from left to right, in the float that sums have
    """

    feature: Integers
    nan: Integers
    start: Integers
    thresholds: Floats
    tree: Integers
    leaf: Integers
    group: Integers
    column: Integers
    rank: Array
    first: Array
    second: Array
    child: Integers
    value: Array


class _Split(NamedTuple):
    feature: int
    nan_left: bool
    threshold: np.float32
    first: int
    second: int
    children: tuple[int, int]


def layout(trees: Sequence[Tree], group: Sequence[int], kind: npt.DTypeLike) -> Layout:
    """The trees as the loops take them; sums are of the float `kind`.

    Parameters
    ----------
    group : which sum each tree adds to

    Raises
    ------
    BadInput : a threshold is NaN, which no number is less than
    """
    splits: list[_Split] = []
    values: list[float] = []
    first_split, first_leaf = [0], [0]
    for number, tree in enumerate(trees):
        if np.isnan(tree.threshold[tree.feature >= 0]).any():
            raise BadInput(f"forest, tree {number}", "a threshold is NaN")
        own, leaves = _splits(tree)
        splits += own
        values += leaves
        first_split.append(len(splits))
        first_leaf.append(len(values))
    columns = sorted({split[:2] for split in splits})
    places = {column: place for place, column in enumerate(columns)}
    column = np.array([places[split[:2]] for split in splits], np.int64)
    threshold = np.array([split.threshold for split in splits], np.float32)
    known = [np.unique(threshold[column == place]) for place in range(len(columns))]
    # -0.0 and 0.0 are one threshold: unique and searchsorted compare numbers, as the trees do.
    rank = np.empty(len(splits), np.int64)
    for place, thresholds in enumerate(known):
        rank[column == place] = np.searchsorted(thresholds, threshold[column == place]) + 1
    most = max([0, *map(len, known), *np.diff(first_leaf)])
    small = np.uint16 if most < np.iinfo(np.uint16).max else np.uint32
    above = int(np.iinfo(small).max)
    return Layout(
        np.array([feature for feature, _ in columns], np.int64),
        np.array([0 if left else above for _, left in columns], np.int64),
        np.cumsum([0, *map(len, known)]),
        np.concatenate([*known, np.empty(0, np.float32)]),
        np.array(first_split),
        np.array(first_leaf),
        np.array(group, np.int64),
        column,
        rank.astype(small),
        np.array([split.first for split in splits], small),
        np.array([split.second for split in splits], small),
        np.array([split.children for split in splits], np.int64).reshape(-1, 2),
        np.array(values, kind),
    )


def _splits(tree: Tree) -> tuple[list[_Split], list[float]]:
    """Splits, parents before children and left before right, and values of the leaves."""
    order = [node for node in _downwards(tree) if tree.feature[node] >= 0]
    place = {node: k for k, node in enumerate(order)}
    leaves = [node for node in _downwards(tree) if tree.feature[node] < 0]
    number = {node: k for k, node in enumerate(leaves)}
    first = dict(number)
    for node in reversed(order):
        first[node] = first[int(tree.left[node])]

    def child(node: int) -> int:
        return place[node] if node in place else -1 - number[node]

    splits = []
    for node in order:
        left, right = int(tree.left[node]), int(tree.right[node])
        splits.append(
            _Split(
                int(tree.feature[node]),
                bool(tree.nan_left[node]),
                tree.threshold[node],
                first[left],
                first[right],
                (child(left), child(right)),
            )
        )
    return splits, [float(tree.value[leaf]) for leaf in leaves]


def _downwards(tree: Tree) -> Iterator[int]:
    """Nodes, each before those below it, left before right."""
    ahead = [0]
    while ahead:
        node = ahead.pop()
        yield node
        if tree.feature[node] >= 0:
            ahead += [int(tree.right[node]), int(tree.left[node])]


def sums(rows: Floats, forest: Layout, base: Array) -> Array:
    """Sums of the leaves that each row reaches, [n, n_sum], tree after tree.

    Parameters
    ----------
    rows : [n, n_feature] float32
    base : [n_sum], what each sum begins with

    Source
    ------
    ours; all splits of a small tree at once as in QuickScorer, doi 10.1145/2766462.2767733, with
    the first leaf that is left instead of a set of bits
    """
    found = np.empty((len(rows), len(base)), forest.value.dtype)
    _sums(np.ascontiguousarray(rows), forest, base.astype(found.dtype), LARGE, found)
    return found


@kernel
def _rank(numbers: Floats, nan: int, thresholds: Floats, ranks: Array) -> None:
    """How many thresholds are not above each number."""
    for r in range(len(numbers)):
        x = numbers[r]
        low = 0
        left = len(thresholds)
        while left > 1:
            half = left >> 1
            low = low + half if thresholds[low + half - 1] <= x else low
            left -= half
        if thresholds[low] <= x:
            low += 1
        ranks[r] = nan if np.isnan(x) else low


@kernel
def _look(ranks: Array, rank: int, first: int, second: int, leaf: Array) -> None:
    """Rows whose first leaf is `first` go to `second` if they go right."""
    for r in range(len(leaf)):
        leaf[r] = second if ranks[r] >= rank and leaf[r] == first else leaf[r]


@kernel
def _step(ranks: Array, splits: tuple[Integers, Array, Integers], split: int, row: int) -> int:
    """Where a row goes at a split; at a leaf it stays."""
    column, rank, child = splits
    k = max(split, 0)
    below = child[k, 1 if ranks[column[k], row] >= rank[k] else 0]
    return below if split >= 0 else split


@kernel
def _follow(ranks: Array, splits: tuple[Integers, Array, Integers], leaf: Array) -> None:
    """The leaf of each row. Four rows at a time: one waits for memory, and four wait together."""
    for r in range(0, len(leaf), 4):
        a = b = c = d = 0 if len(splits[0]) else -1
        while a >= 0 or b >= 0 or c >= 0 or d >= 0:
            a = _step(ranks, splits, a, r)
            b = _step(ranks, splits, b, r + 1)
            c = _step(ranks, splits, c, r + 2)
            d = _step(ranks, splits, d, r + 3)
        leaf[r], leaf[r + 1] = -1 - a, -1 - b
        leaf[r + 2], leaf[r + 3] = -1 - c, -1 - d


@kernel
def _sums(rows: Floats, forest: Layout, base: Array, large: int, found: Array) -> None:
    ranks = np.zeros((len(forest.feature), BLOCK), forest.rank.dtype)
    at = np.empty(BLOCK, forest.rank.dtype)
    total = np.empty((len(base), BLOCK), found.dtype)
    for begin in range(0, len(rows), BLOCK):
        n = min(BLOCK, len(rows) - begin)
        for c in range(len(forest.feature)):
            numbers = rows[begin : begin + n, forest.feature[c]]
            known = forest.thresholds[forest.start[c] : forest.start[c + 1]]
            _rank(numbers, forest.nan[c], known, ranks[c])
        for g in range(len(base)):
            total[g, :] = base[g]
        for t in range(len(forest.group)):
            a, b = forest.tree[t], forest.tree[t + 1]
            if b - a > large:
                _follow(ranks, (forest.column[a:b], forest.rank[a:b], forest.child[a:b]), at)
            else:
                at[:] = 0
                for s in range(a, b):
                    row = ranks[forest.column[s]]
                    _look(row, forest.rank[s], forest.first[s], forest.second[s], at)
            own, value = total[forest.group[t]], forest.value[forest.leaf[t] : forest.leaf[t + 1]]
            for r in range(n):
                own[r] += value[at[r]]
        for g in range(len(base)):
            for r in range(n):
                found[begin + r, g] = total[g, r]
