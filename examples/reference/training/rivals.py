"""What PLIT is compared with: boosted trees on aggregates of tracks, and isolation alone."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from training.leptons import Leptons

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
CONES = (0.1, 0.2, 0.4)
# A track that is this many standard deviations away from the primary vertex.
DISPLACED = 3.0
# How the trees are fitted.
ROUNDS, PATIENCE = 600, 30
SETTINGS = {
    "objective": "binary:logistic", "eval_metric": "logloss", "max_depth": 5, "eta": 0.1,
}  # fmt: skip
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
