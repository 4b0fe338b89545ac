"""What CMSSW's networks of leptons take, out of the columns of NanoAOD."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from lepid.features.feature import Feature

Array = npt.NDArray[Any]

_TAGS = "CMSSW PhysicsTools/PatAlgos/plugins/LeptonTagInfoCollectionProducer.cc"
_MUONS = "CMSSW PhysicsTools/NanoAOD/python/muons_cff.py (muonPNetVariables)"
# |pdgId| of what particle flow makes.
_KINDS = {
    "electron": 11, "muon": 13, "photon": 22, "neutral_hadron": 130, "charged_hadron": 211,
}  # fmt: skip


def _kind_row(code: int) -> Feature:
    return Feature({"pdgId": ""}, "", lambda pdg_id: np.abs(pdg_id) == code, _MUONS)


def _significance(value: Array, error: Array) -> Array:
    """0 without a track, of which the error is -1."""
    return np.where(error < 0, 0.0, value / np.maximum(error, 1e-6))


def _log_row(column: str) -> Feature:
    return Feature({column: "cm"}, "", _log, _MUONS)


def _log(value: Array) -> Array:
    with np.errstate(divide="ignore"):
        found: Array = np.log(np.abs(value))
    return found


def _pt_ratio(relative: Array, isolation: Array) -> Array:
    """Where there is no jet, -1 or the isolation itself as it was before NanoAOD v15."""
    without = relative <= -1
    return np.minimum(1 / (1 + np.where(without, isolation, relative)), 1.5)


FEATURES: dict[str, Feature] = {
    **{f"pf_{name}": _kind_row(code) for name, code in _KINDS.items()},
    "pf_d0_significance": Feature({"d0": "cm", "d0Err": "cm"}, "", _significance, _MUONS),
    "pf_dz_significance": Feature({"dz": "cm", "dzErr": "cm"}, "", _significance, _MUONS),
    # Lepton minus constituent; the columns of pairs are the other way round, as in Athena.
    "eta_of_lepton_relative": Feature({"deta_lepton": ""}, "", np.negative, _TAGS),
    "phi_of_lepton_relative": Feature({"dphi_lepton": ""}, "", np.negative, _TAGS),
    # NanoAOD has them per degree of freedom, and as an angle.
    "chi2_of_vertex": Feature({"chi2": "", "ndof": ""}, "", np.multiply, _MUONS),
    "cos_pointing_angle": Feature({"pAngle": ""}, "", np.cos, _TAGS),
    "log_abs_dxy": _log_row("dxy"),
    "log_abs_dz": _log_row("dz"),
    "jet_pt_ratio": Feature({"jetRelIso": "", "pfRelIso04_all": ""}, "", _pt_ratio, _MUONS),
    "miniPFRelIso_neutral": Feature(
        {"miniPFRelIso_all": "", "miniPFRelIso_chg": ""}, "", np.subtract, _MUONS
    ),
}
