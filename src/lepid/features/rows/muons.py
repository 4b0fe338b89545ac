"""What the networks of muons take: how well their tracks agree."""

from __future__ import annotations

import numpy as np

from lepid.features import muons
from lepid.features.feature import COMBINED, INNER, OUTER, Feature

_VARIANCE = "definingParametersCovMatrixDiag_qOverP_qOverP"
_TWO_TRACKS = dict.fromkeys(
    (f"{track}.{c}" for track in (INNER, OUTER) for c in ("theta", "qOverP", _VARIANCE)), ""
)
_TWO_DIRECTIONS = {name: "" for name in _TWO_TRACKS if not name.endswith(_VARIANCE)}
_CALIBRATED = {"InnerDetectorPt": "", "MuonSpectrometerPt": ""}


def _reduced(track: str) -> tuple[Feature, ...]:
    needs = {f"{track}.chiSquared": "", f"{track}.numberDoF": ""}
    return (Feature(needs, "", muons.reduced, muons.SELECTION),)


def _there(track: str) -> tuple[Feature, ...]:
    return (Feature({f"{track}.qOverP": ""}, "", np.isfinite, muons.SELECTION),)


def _of_combined(column: str) -> tuple[Feature, ...]:
    needs = {f"{COMBINED}.{column}": ""}
    return (Feature(needs, "", lambda value: value, "Athena xAODMuon/Root/Muon_v1.cxx"),)


FEATURES: dict[str, Feature] = {
    "muon_quality": Feature({"quality": ""}, "", muons.quality_of, muons.SELECTION),
    # All in the unit of the file, which cancels.
    "rhoPrime_tracks": Feature(
        {"pt": "", **_TWO_DIRECTIONS}, "", muons.raw_rho_prime, muons.SELECTION
    ),
    "qOverPSignificance_tracks": Feature(_TWO_TRACKS, "", muons.raw_significance, muons.SELECTION),
}

DERIVED: dict[str, tuple[Feature, ...]] = {
    "rhoPrime": (Feature({**_CALIBRATED, "pt": ""}, "", muons.rho_prime, muons.SELECTION),),
    "qOverPSignificance": (
        Feature({**_CALIBRATED, **_TWO_TRACKS}, "", muons.q_over_p_significance, muons.SELECTION),
    ),
    "reducedChi2": _reduced(COMBINED),
    "reducedChi2_ID": _reduced(INNER),
    "reducedChi2_ME": _reduced(OUTER),
    "numberOfPixelHits": _of_combined("numberOfPixelHits"),
    "numberOfPixelDeadSensors": _of_combined("numberOfPixelDeadSensors"),
    "has_ID_track": _there(INNER),
    "has_ME_track": _there(OUTER),
}
