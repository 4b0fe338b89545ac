"""Boosted trees of scikit-learn to a forest. The only module that reads pickles.

Source
------
scikit-learn sklearn/ensemble/_gb.py, _hist_gradient_boosting, tree/_tree.pyx
"""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lepid.convert import trees
from lepid.errors import BadFile, BadInput, MissingPackage
from lepid.features.kernels.forest import Tree
from lepid.taggers.forest import Forest, Transform, below

KINDS = (
    "GradientBoostingClassifier",
    "GradientBoostingRegressor",
    "HistGradientBoostingClassifier",
    "HistGradientBoostingRegressor",
)


def load(path: Path, *, trusted: bool) -> Any:
    """The object in a pickle or joblib file.

    Parameters
    ----------
    trusted : the caller says that the file may run what it likes, as every pickle may

    Raises
    ------
    BadFile : not `trusted`, or the file cannot be read
    MissingPackage : scikit-learn, or what the file is made of, is not installed
    """
    if not trusted:
        wrong = "is a pickle, and to read one is to run what it holds"
        do = "if you made it or trust who did: --unpickle, or load it and pass the object"
        raise BadFile(str(path), wrong, (), do)
    try:
        import joblib  # type: ignore[import-untyped, unused-ignore]  # noqa: PLC0415
    except ImportError as error:
        purpose = "to read models of scikit-learn"
        raise MissingPackage.of("scikit-learn", purpose, "convert") from error
    try:
        return joblib.load(path)
    except (
        OSError, ValueError, KeyError, EOFError, AttributeError, pickle.UnpicklingError,
    ) as error:  # fmt: skip
        raise BadFile(str(path), f"cannot be read as a pickle: {error}") from error
    except ImportError as error:
        do = "install the versions with which the file was saved"
        wrong = f"not installed, needed by {path}"
        raise MissingPackage(error.name or "a package", wrong, (), do) from error


def read(model: Any, names: Sequence[str] = (), where: str = "model") -> Forest:
    """The forest of a fitted model, one of `KINDS`.

    Parameters
    ----------
    names : of its features; if left out those of the training, or f0, f1, ...
    where : stands in errors

    Raises
    ------
    BadInput : another kind, not fitted, not as many names as features
    BadFile : something in it is not supported; names the tree and the node
    """
    kind = type(model).__name__
    if kind not in KINDS:
        raise BadInput(where, f"is a {kind}, expected one of {', '.join(KINDS)}")
    if not hasattr(model, "n_features_in_"):
        raise BadInput(where, f"the {kind} is not fitted")
    n_input = int(model.n_features_in_)
    usual = getattr(model, "feature_names_in_", [f"f{i}" for i in range(n_input)])
    inputs = tuple(map(str, names or usual))
    if len(inputs) != n_input:
        raise BadInput(where, f"{len(inputs)} names for {n_input} features")
    hist = kind.startswith("Hist")
    base = _baseline(model, where) if hist else _initial(model, n_input, where)
    found: list[Tree] = []
    for row in model._predictors if hist else model.estimators_:
        for each in row:
            n = len(found)
            if hist:
                found.append(_of_histograms(each, n, n_input, where))
            else:
                found.append(_of_thresholds(each.tree_, n, n_input, where, model.learning_rate))
    group = tuple(n % len(base) for n in range(len(found)))
    scale, transform = _ending(model, len(base), where)
    return Forest(inputs, tuple(found), group, base, scale, transform)


def _ending(model: Any, n_output: int, where: str) -> tuple[float, Transform]:
    """Factor and transform of the sums."""
    if type(model).__name__.endswith("Regressor"):
        if model.loss in ("poisson", "gamma"):
            raise BadInput(where, f"the loss {model.loss!r} is not supported")
        return 1.0, "identity"
    if n_output > 1:
        return 1.0, "softmax"
    return 2.0 if model.loss == "exponential" else 1.0, "logistic"


def _initial(model: Any, n_input: int, where: str) -> tuple[float, ...]:
    """What the sums of `GradientBoosting` begin with, the same for all rows."""
    init = model.init_
    if init != "zero" and type(init).__name__ not in ("DummyClassifier", "DummyRegressor"):
        wrong = f"begins with a {type(init).__name__}, which is not supported"
        raise BadInput(where, wrong, (), "train with init=None or init='zero'")
    start = model._raw_predict_init(np.zeros((1, n_input), np.float32))
    return tuple(np.asarray(start, np.float64)[0].tolist())


def _baseline(model: Any, where: str) -> tuple[float, ...]:
    """What the sums of `HistGradientBoosting` begin with."""
    if getattr(model, "_preprocessor", None) is not None:
        raise BadInput(where, "features that are categories are not supported")
    return tuple(np.asarray(model._baseline_prediction, np.float64).ravel().tolist())


def _of_thresholds(tree: Any, number: int, n_input: int, where: str, rate: float) -> Tree:
    left = np.asarray(tree.children_left)
    nodes = {
        "feature": tree.feature,
        "threshold": below(tree.threshold, or_equal=True),
        "left": left,
        "right": tree.children_right,
        "nan_left": getattr(tree, "missing_go_to_left", np.zeros(len(left), np.uint8)),
        "value": tree.value[:, 0, 0] * rate,
    }
    return trees.tree(Path(where), number, n_input, nodes, left < 0)


def _of_histograms(predictor: Any, number: int, n_input: int, where: str) -> Tree:
    nodes = predictor.nodes
    leaf = nodes["is_leaf"] > 0
    categories = (nodes["is_categorical"] > 0) & ~leaf
    if categories.any():
        node = int(np.flatnonzero(categories)[0])
        raise trees.bad(Path(where), number, node, "a split on categories is not supported")
    columns = {
        "feature": nodes["feature_idx"],
        "threshold": np.where(leaf, 0, below(nodes["num_threshold"], or_equal=True)),
        "left": nodes["left"],
        "right": nodes["right"],
        "nan_left": nodes["missing_go_to_left"] > 0,
        "value": nodes["value"],
    }
    return trees.tree(Path(where), number, n_input, columns, leaf)
