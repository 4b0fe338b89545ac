"""What PLIT is compared with: boosted trees on aggregates of tracks, and isolation alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import xgboost
from training.leptons import Leptons

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
CONES = (0.1, 0.2, 0.4)
# A track that is this many standard deviations away from the primary vertex.
DISPLACED = 3.0
DEPTH, RATE, ROUNDS, PATIENCE = 5, 0.1, 600, 30
# Place of the isolation with tracks among the inputs of a lepton, of both flavours.
PTVARCONE = 3


def aggregates(leptons: Leptons, names: list[str]) -> Floats:
    """Sums, counts and extremes over the tracks of each lepton, [n_lepton, n_aggregate].

    The lepton's own tracks count apart from the others.

    Parameters
    ----------
    names : of the inputs of a track
    """
    track = {name: leptons.tracks[:, i].astype(np.float64) for i, name in enumerate(names)}
    lepton = np.repeat(np.arange(len(leptons.offsets) - 1), np.diff(leptons.offsets))
    n_lepton = len(leptons.offsets) - 1
    own = track[next(name for name in names if name.endswith("_track"))] == 1.0
    dr = np.hypot(track["deta_lepton"], track["dphi_lepton"])
    eta = leptons.columns["eta"][lepton] + track["deta_lepton"]
    pt = 1e-3 / np.abs(track["qOverP"]) / np.cosh(eta) / leptons.columns["pt"][lepton]
    d0, z0 = np.abs(track["d0_significance"]), np.abs(track["z0SinTheta_significance"])

    def total(values: Floats, chosen: Bools) -> Floats:
        return np.bincount(lepton[chosen], values[chosen], minlength=n_lepton)

    def largest(values: Floats, chosen: Bools) -> Floats:
        found = np.zeros(n_lepton)
        np.maximum.at(found, lepton[chosen], values[chosen])
        return found

    other, primary = ~own, ~own & (np.abs(track["btagIp_z0SinTheta"]) < 1.0)
    displaced = primary & (d0 > DISPLACED)
    nearest = np.full(n_lepton, 0.4)
    np.minimum.at(nearest, lepton[other], dr[other])
    ones = np.ones(len(dr))
    columns = [
        total(d0, own), total(z0, own),
        total(ones, other), total(ones, primary), total(ones, displaced),
        *(total(pt, primary & (dr < cone)) for cone in CONES),
        total(pt, displaced), total(pt * dr, primary),
        largest(pt, primary), largest(d0, primary), largest(z0, primary), largest(d0, other),
        nearest,
    ]  # fmt: skip
    return np.stack(columns, axis=1)


def fit(train: Floats, validation: Floats, targets: Any, weights: Any, seed: int) -> Any:
    """Boosted trees that stop early.

    Parameters
    ----------
    train, validation : [n_lepton, n_input]
    targets, weights : of both, [n_lepton] each; target 1 is prompt
    """
    parts = [
        xgboost.DMatrix(values, label=target, weight=weight)
        for values, target, weight in zip((train, validation), targets, weights, strict=True)
    ]
    settings = {
        "objective": "binary:logistic", "eval_metric": "logloss", "tree_method": "hist",
        "max_depth": DEPTH, "eta": RATE, "subsample": 0.8, "min_child_weight": 5.0,
        "nthread": 1, "seed": seed,
    }  # fmt: skip
    return xgboost.train(
        settings, parts[0], ROUNDS, [(parts[1], "validation")],
        early_stopping_rounds=PATIENCE, verbose_eval=False,
    )  # fmt: skip


def score(trees: Any, values: Floats) -> Floats:
    """Logit of prompt, [n_lepton]."""
    best = (0, trees.best_iteration + 1)
    found = trees.predict(xgboost.DMatrix(values), output_margin=True, iteration_range=best)
    return np.asarray(found, np.float64)
