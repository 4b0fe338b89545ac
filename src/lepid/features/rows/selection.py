"""What cuts on leptons take: directions, isolation, hits."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from lepid.features.feature import TRACK, TTVA, Feature

Array = npt.NDArray[Any]


_ISOLATION = "Athena IsolationSelection/Root/IsolationSelectionTool.cxx"
_SELECTOR = "Athena ElectronPhotonSelectorTools/Root/ElectronSelectorHelpers.cxx"
_PIXEL = ("numberOfPixelHits", "numberOfPixelDeadSensors")
_SCT = ("numberOfSCTHits", "numberOfSCTDeadSensors")


def _pflow(cone: Array, neutral: Array) -> Array:
    return np.abs(cone) + 0.4 * np.maximum(neutral, 0.0)


def _b_layer(*hits: Array) -> Array:
    expected, found, outliers, expected_next, found_next, outliers_next = hits
    innermost = found + outliers > 0
    following = found_next + outliers_next > 0
    passed = np.where(expected != 0, innermost, np.where(expected_next != 0, following, True))
    return np.where(np.isnan(hits).any(axis=0), np.nan, passed)


def _pflow_row(cone: str) -> Feature:
    return Feature({cone: "MeV", "neflowisol20": "MeV"}, "MeV", _pflow, _ISOLATION)


def _hits_row(*counts: str) -> Feature:
    needs = dict.fromkeys((f"{TRACK}.{count}" for count in counts), "")
    return Feature(needs, "", lambda *hits: sum(hits[1:], start=hits[0]), _SELECTOR)


FEATURES: dict[str, Feature] = {
    "abseta": Feature({"eta": ""}, "", np.abs, "ours"),
    "abseta_supercluster": Feature(
        {"eta": "", "deltaEtaSC": ""},
        "",
        lambda eta, delta: np.abs(eta + delta),
        "NanoAOD: deltaEtaSC is supercluster eta minus electron eta",
    ),
    "pflow_isolation_muon": _pflow_row(f"ptvarcone30_{TTVA}_pt500"),
    "pflow_isolation_muon_fixed": _pflow_row(f"ptcone20_{TTVA}_pt500"),
    "pflow_isolation_electron": _pflow_row(f"ptvarcone30_{TTVA}LooseCone_pt500"),
    "pflow_isolation_electron_fixed": _pflow_row(f"ptcone20_{TTVA}LooseCone_pt500"),
    "nPixHitsPlusDeadSensors": _hits_row(*_PIXEL),
    "nSCTHitsPlusDeadSensors": _hits_row(*_SCT),
    "nSiHitsPlusDeadSensors": _hits_row(*_PIXEL, *_SCT),
    "passesBLayer": Feature(
        dict.fromkeys(
            (
                f"{TRACK}.expectInnermostPixelLayerHit",
                f"{TRACK}.numberOfInnermostPixelLayerHits",
                f"{TRACK}.numberOfInnermostPixelLayerOutliers",
                f"{TRACK}.expectNextToInnermostPixelLayerHit",
                f"{TRACK}.numberOfNextToInnermostPixelLayerHits",
                f"{TRACK}.numberOfNextToInnermostPixelLayerOutliers",
            ),
            "",
        ),
        "",
        _b_layer,
        _SELECTOR,
    ),
    "zero": Feature({"pt": ""}, "", np.zeros_like, "ours"),
}
