"""What PLIT takes of leptons."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from lepid.features.feature import ABSENT, ORIGINAL, TTVA, Feature, or_absent

Array = npt.NDArray[Any]


_PLIT = "Athena LeptonTaggers/src/DecoratePLIT.cxx"


def _significance(value: Array, uncertainty: Array) -> Array:
    known = np.abs(uncertainty) > 0
    # An uncertainty that is not known gives the default too, as in Athena.
    return np.where(known, value / np.where(known, uncertainty, 1.0), ABSENT)


def calo_ratio(energy: Array, loss: Array) -> Array:
    """Energy over energy loss, [n], in one unit; -99 without a cluster or a loss."""
    known = (np.abs(loss) > 0) & ~np.isnan(energy)
    return np.where(known, energy / np.where(known, loss, 1.0), ABSENT)


def _track_pt(q_over_p: Array, theta: Array) -> Array:
    with np.errstate(divide="ignore"):
        return or_absent(np.sin(theta) / np.abs(q_over_p))


def _track_eta(theta: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        return or_absent(-np.log(np.tan(0.5 * theta)))


def _relative_row(column: str) -> Feature:
    return Feature({column: "MeV", "pt": "MeV"}, "", np.divide, _PLIT)


FEATURES: dict[str, Feature] = {
    "d0_significance": Feature(
        {"btagIp_d0": "mm", "btagIp_d0Uncertainty": "mm"}, "", _significance, _PLIT
    ),
    "z0SinTheta_significance": Feature(
        {"btagIp_z0SinTheta": "mm", "btagIp_z0SinThetaUncertainty": "mm"},
        "",
        _significance,
        _PLIT,
    ),
    "ptvarcone30TTVARel": _relative_row(f"ptvarcone30_{TTVA}_pt500"),
    "ptvarcone30Rel": _relative_row("ptvarcone30"),
    "topoetcone30Rel": _relative_row("topoetcone30"),
    "caloClusterERel": Feature(
        {"clusterLink.calE": "MeV", "MeasEnergyLoss": "MeV"}, "", calo_ratio, _PLIT
    ),
    "caloClusterSumEtRel": _relative_row("caloClusterSumEt"),
    "track_pt": Feature(
        {f"{ORIGINAL}.qOverP": "1/MeV", f"{ORIGINAL}.theta": "rad"}, "MeV", _track_pt, _PLIT
    ),
    "track_eta": Feature({f"{ORIGINAL}.theta": "rad"}, "", _track_eta, _PLIT),
    "track_phi": Feature({f"{ORIGINAL}.phi": "rad"}, "", or_absent, _PLIT),
}
