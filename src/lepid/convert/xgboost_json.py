"""XGBoost's JSON and UBJ to a forest.

Source
------
XGBoost doc/model.schema, src/tree/tree_model.cc, src/objective
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lepid.convert import trees, ubjson
from lepid.errors import BadFile, near_misses
from lepid.taggers.forest import Forest, Transform

# Objective -> whether base_score is a probability and sums are logits, and the transform.
OBJECTIVES: Mapping[str, tuple[bool, Transform]] = {
    "binary:logistic": (True, "logistic"),
    "reg:logistic": (True, "logistic"),
    "binary:logitraw": (False, "identity"),
    "multi:softprob": (False, "softmax"),
    "multi:softmax": (False, "softmax"),
    "reg:squarederror": (False, "identity"),
    "reg:absoluteerror": (False, "identity"),
    "reg:pseudohubererror": (False, "identity"),
}
_SAVE = "load it with the XGBoost that wrote it and save it anew: booster.save_model('model.json')"


def read(path: Path, iterations: int = 0) -> Forest:
    """The forest in the file at `path`; ``multi:softmax`` gives probabilities as well.

    Parameters
    ----------
    iterations : rounds of boosting that are used, all if 0

    Raises
    ------
    BadFile : not a file that XGBoost's `save_model` writes today, or something in it is not
        supported; names the tree and the node
    """
    model = _load(path)
    try:
        return _forest(model, path, iterations)
    except (KeyError, TypeError, AttributeError, IndexError, ValueError) as error:
        wrong = f"is not a model of XGBoost ({type(error).__name__}: {error})"
        raise BadFile(str(path), wrong, (), _SAVE) from error


def _load(path: Path) -> Any:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadFile(str(path), f"cannot be read: {error}") from error
    if content[:4] in (b"binf", b"bs64"):
        wrong = "is in XGBoost's old binary format, which XGBoost 3 dropped"
        do = "with XGBoost before 3.1 (pip install 'xgboost<3'): booster.load_model(...), then "
        raise BadFile(str(path), wrong, (), f"{do}booster.save_model('model.json')")
    try:
        text = content[:1] == b"{" and content[1:].lstrip()[:1] in (b'"', b"}")
        return json.loads(content) if text else ubjson.loads(content)
    except ValueError as error:
        wrong = f"is neither JSON nor UBJ of XGBoost: {error}"
        raise BadFile(str(path), wrong, (), _SAVE) from error


def _forest(model: Mapping[str, Any], path: Path, iterations: int) -> Forest:
    learner = model["learner"]
    booster = learner["gradient_booster"]
    if booster["name"] != "gbtree":
        wrong = f"the booster {booster['name']!r} is not supported"
        raise BadFile(str(path), wrong, (), "train with booster='gbtree'")
    content = booster["model"]
    objective = learner["objective"]["name"]
    if objective not in OBJECTIVES:
        known = f"lepid knows {', '.join(OBJECTIVES)}"
        wrong = f"the objective {objective!r} is not supported"
        raise BadFile(str(path), wrong, near_misses(objective, OBJECTIVES), known)
    n_input = int(learner["learner_model_param"]["num_feature"])
    used = _used(learner, content, path, iterations)
    group = content["tree_info"][:used]
    return Forest(
        _names(learner, n_input),
        tuple(_tree(path, n, n_input, each) for n, each in enumerate(content["trees"][:used])),
        tuple(int(each) for each in group),
        _base(learner, path, objective),
        transform=OBJECTIVES[objective][1],
        sums="float32",
    )


def _used(
    learner: Mapping[str, Any], content: Mapping[str, Any], path: Path, iterations: int
) -> int:
    """How many trees are used."""
    param, n_tree = content["gbtree_model_param"], len(content["trees"])
    n_class = max(int(learner["learner_model_param"]["num_class"]), 1)
    each = n_class * max(int(param.get("num_parallel_tree", 1)), 1)
    rounds = n_tree // each
    if iterations > rounds:
        raise BadFile(str(path), f"has {rounds} iterations, not {iterations}")
    best = int(learner.get("attributes", {}).get("best_iteration", rounds - 1)) + 1
    if not iterations and best != rounds:
        # Booster.predict uses all, XGBClassifier.predict the best: no way to know what was meant.
        wrong = f"training stopped early: {best} of {rounds} iterations are the best"
        raise BadFile(str(path), wrong, (), f"say how many are used: iterations {best} or {rounds}")
    return (iterations or rounds) * each


def _names(learner: Mapping[str, Any], n_input: int) -> tuple[str, ...]:
    names = learner.get("feature_names") or [f"f{i}" for i in range(n_input)]
    return tuple(str(name) for name in names)


def _base(learner: Mapping[str, Any], path: Path, objective: str) -> tuple[float, ...]:
    """What the sums begin with, in the float32 of XGBoost."""
    param = learner["learner_model_param"]
    n_output = max(int(param["num_class"]), 1)
    if int(param.get("num_target", 1)) > 1:
        raise BadFile(str(path), f"has {param['num_target']} targets, lepid reads one")
    numbers = [float(text) for text in str(param["base_score"]).strip("[]").split(",")]
    base = np.array(numbers * (n_output if len(numbers) == 1 else 1), np.float32)
    if len(base) != n_output:
        raise BadFile(str(path), f"has {len(base)} base scores for {n_output} classes")
    if OBJECTIVES[objective][0]:
        if not ((base > 0) & (base < 1)).all():
            raise BadFile(str(path), f"the base_score {base[0]:g} is not a probability")
        one = np.float32(1)
        base = -np.log((one / base - one).astype(np.float64)).astype(np.float32)
    return tuple(float(each) for each in base)


def _tree(path: Path, number: int, n_input: int, each: Mapping[str, Any]) -> Any:
    if int(each["tree_param"].get("size_leaf_vector", 0)) > 1:
        wrong = f"tree {number}: its leaves hold several numbers, which is not supported"
        raise BadFile(str(path), wrong, (), "train with multi_strategy='one_output_per_tree'")
    kinds = np.asarray(each.get("split_type", []), np.int64)
    if kinds.any():
        node = int(np.flatnonzero(kinds)[0])
        raise trees.bad(path, number, node, "a split on categories is not supported")
    left = np.asarray(each["left_children"], np.int64)
    conditions = np.asarray(each["split_conditions"], np.float32)
    nodes = {
        "feature": each["split_indices"], "threshold": conditions, "left": left,
        "right": each["right_children"], "nan_left": each["default_left"], "value": conditions,
    }  # fmt: skip
    return trees.tree(path, number, n_input, nodes, left < 0)
