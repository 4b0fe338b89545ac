"""Boosted trees that stop early: the rivals of networks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import xgboost

COMMON = {"tree_method": "hist", "subsample": 0.8, "min_child_weight": 5.0, "nthread": 1}


class Part(NamedTuple):
    """Leptons: `values` [n, n_input], `target` and `weight` [n] each."""

    values: Any
    target: Any
    weight: Any


def fit(
    train: Part, validation: Part, settings: Mapping[str, Any], *, rounds: int, patience: int
) -> Any:
    """Trees, at most `rounds` of them, until `patience` do not help in validation.

    Parameters
    ----------
    settings : of xgboost, beside `COMMON`
    """
    tables = [
        xgboost.DMatrix(part.values, label=part.target, weight=part.weight)
        for part in (train, validation)
    ]
    return xgboost.train(
        COMMON | dict(settings), tables[0], rounds, evals=[(tables[1], "validation")],
        early_stopping_rounds=patience, verbose_eval=False,
    )  # fmt: skip


def say(trees: Any, values: Any, *, margin: bool) -> npt.NDArray[np.float32]:
    """Answers of the best number of trees, probabilities or what lies before."""
    best = (0, trees.best_iteration + 1)
    found = trees.predict(xgboost.DMatrix(values), output_margin=margin, iteration_range=best)
    return np.asarray(found, np.float32)
