"""LightGBM's text to a forest.

Source
------
LightGBM src/io/tree.cpp, include/LightGBM/tree.h, src/boosting/gbdt_model_text.cpp
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lepid.convert import trees
from lepid.errors import BadFile, near_misses
from lepid.features.kernels.forest import Tree
from lepid.taggers.forest import Forest, Transform, below

OBJECTIVES: Mapping[str, Transform] = {
    "binary": "logistic",
    "cross_entropy": "logistic",
    "multiclass": "softmax",
    "multiclassova": "logistic",
    "regression": "identity",
    "regression_l1": "identity",
    "huber": "identity",
    "fair": "identity",
}
# Bits of decision_type.
CATEGORY, DEFAULT_LEFT = 1, 2
NO_MISSING, ZERO_MISSING = 0, 1
# LightGBM takes numbers up to this one for zero.
ZERO = float(np.float32(1e-35))
_SAVE = "save it with booster.save_model('model.txt')"


def read(path: Path) -> Forest:
    """The forest in the file at `path`.

    Raises
    ------
    BadFile : not a text that LightGBM's `save_model` writes, or something in it is not supported;
        names the tree and the node
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadFile(str(path), f"cannot be read as text: {error}", (), _SAVE) from error
    body, end, _ = text.partition("\nend of trees")
    blocks = body.split("\nTree=")
    if text.split("\n", 1)[0].strip() != "tree" or not end or len(blocks) < 2:
        raise BadFile(str(path), "is not a model of LightGBM, or cut off", (), _SAVE)
    try:
        return _forest(_keys(blocks[0]), [_keys(each) for each in blocks[1:]], path)
    except (KeyError, ValueError, IndexError) as error:
        wrong = f"is not a model of LightGBM ({type(error).__name__}: {error})"
        raise BadFile(str(path), wrong, (), _SAVE) from error


def _keys(block: str) -> dict[str, str]:
    lines = [line.partition("=") for line in block.splitlines()]
    return {key: value for key, equals, value in lines if equals} | {
        key: "" for key, equals, _ in lines if not equals
    }


def _forest(head: Mapping[str, str], blocks: list[dict[str, str]], path: Path) -> Forest:
    objective, *options = head["objective"].split()
    if objective not in OBJECTIVES or "sqrt" in options:
        known = f"lepid knows {', '.join(OBJECTIVES)}"
        wrong = f"the objective {head['objective']!r} is not supported"
        raise BadFile(str(path), wrong, near_misses(objective, OBJECTIVES), known)
    names = tuple(head["feature_names"].split())
    n_output = int(head["num_tree_per_iteration"])
    found = tuple(_tree(path, n, len(names), each) for n, each in enumerate(blocks))
    values = dict(option.partition(":")[::2] for option in options)
    scale = float(values.get("sigmoid", 1.0))
    if "average_output" in head:
        scale /= len(found) // n_output
    return Forest(
        names,
        found,
        tuple(n % n_output for n in range(len(found))),
        (0.0,) * n_output,
        scale,
        OBJECTIVES[objective],
    )


def _tree(path: Path, number: int, n_input: int, keys: Mapping[str, str]) -> Tree:
    if int(keys.get("is_linear", "0")):
        wrong = f"tree {number}: linear models in leaves are not supported"
        raise BadFile(str(path), wrong, (), "train with linear_tree=false")
    n_leaf = int(keys["num_leaves"])
    value = np.array(keys["leaf_value"].split(), np.float64)
    n_split = n_leaf - 1
    columns = {
        key: np.array(keys[key].split() if n_split else [], np.int64)
        for key in ("split_feature", "decision_type", "left_child", "right_child")
    }
    threshold = _beyond_zero(np.array(keys["threshold"].split() if n_split else [], np.float64))
    decision = columns["decision_type"]
    _check(path, number, decision)
    # Without missing values in the training NaN is taken for zero.
    zero_left = threshold >= 0
    missing = decision >> 2 & 3
    nan_left = np.where(missing == NO_MISSING, zero_left, decision & DEFAULT_LEFT > 0)
    # Splits first, then leaves; a negative child is a leaf.
    child = {
        side: np.where(columns[key] >= 0, columns[key], n_split - 1 - columns[key])
        for side, key in (("left", "left_child"), ("right", "right_child"))
    }
    rest = np.zeros(n_leaf)
    nodes = {
        "feature": np.concatenate([columns["split_feature"], rest]),
        "threshold": np.concatenate([below(threshold, or_equal=True), rest]),
        "left": np.concatenate([child["left"], rest]),
        "right": np.concatenate([child["right"], rest]),
        "nan_left": np.concatenate([nan_left, rest]),
        "value": np.concatenate([np.zeros(n_split), value]),
    }
    return trees.tree(path, number, n_input, nodes, np.arange(n_split + n_leaf) >= n_split)


def _beyond_zero(threshold: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Thresholds that split what LightGBM takes for zero as it splits zero."""
    moved = np.where(threshold < 0, np.nextafter(-ZERO, -np.inf), ZERO)
    return np.where(np.abs(threshold) <= ZERO, moved, threshold)


def _check(path: Path, number: int, decision: npt.NDArray[np.int64]) -> None:
    """Raise `BadFile` for splits that are not one threshold."""
    for wrong, at, do in (
        ("a split on categories is not supported", decision & CATEGORY > 0, ""),
        (
            "zeros that count as missing are not supported",
            decision >> 2 & 3 == ZERO_MISSING,
            "train with zero_as_missing=false",
        ),
    ):
        if at.any():
            raise trees.bad(path, number, int(np.flatnonzero(at)[0]), wrong, do)
