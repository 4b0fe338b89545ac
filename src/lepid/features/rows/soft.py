"""What taggers of soft leptons in jets take of tracks."""

from __future__ import annotations

import numpy as np

from lepid.features import jets
from lepid.features.feature import COMBINED, INNER, OUTER, TRACK, Feature

_VARIANCE_D0 = "definingParametersCovMatrixDiag_d0_d0"
_SOFT_MUON = "Athena FlavorTagDiscriminants/Root/BTagMuonAugmenter.cxx"
_SOFT_TRACK = "Athena FlavorTagDiscriminants, z0SinThetaRelativeToBeamspot"


def _z0_row(track: str) -> Feature:
    needs = {f"{track}.z0": "mm", f"{track}.theta": "rad"}
    return Feature(needs, "mm", lambda z0, theta: z0 * np.sin(theta), _SOFT_TRACK)


def _signed_row(track: str) -> Feature:
    needs = dict.fromkeys((f"{track}.{name}" for name in ("d0", _VARIANCE_D0, "phi")), "")
    return Feature({**needs, "jet_phi": ""}, "", jets.signed, _SOFT_MUON)


FEATURES: dict[str, Feature] = {
    # Both in the unit of the file, which cancels.
    "muon_qOverPratio": Feature(
        {f"{INNER}.qOverP": "", f"{OUTER}.qOverP": ""}, "", jets.ratio, _SOFT_MUON
    ),
    "has_momentum_balance": Feature(
        {"momentumBalanceSignificance": ""}, "", jets.not_zero, _SOFT_MUON
    ),
    "muon_z0SinTheta": _z0_row(COMBINED),
    "electron_z0SinTheta": _z0_row(TRACK),
    "muon_d0_signed_significance": _signed_row(INNER),
    "electron_d0_signed_significance": _signed_row(TRACK),
}
