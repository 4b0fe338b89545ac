"""FEATURES: one row per derived input. What is not here is a column of the file itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lepid.units import convert

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Feature:
    """A quantity that is computed from columns.

    Attributes
    ----------
    needs : column -> unit in which `compute` takes it
    unit : unit of the result
    compute : columns [n_lepton], in the order of `needs` -> [n_lepton]
    source : paper, Athena or CMSSW file, or "ours"
    """

    needs: Mapping[str, str]
    unit: str
    compute: Callable[..., Array]
    source: str


def _pflow(cone: Array, neutral: Array) -> Array:
    return np.abs(cone) + 0.4 * np.maximum(neutral, 0.0)


def _b_layer(*hits: Array) -> Array:
    expected, found, outliers, expected_next, found_next, outliers_next = hits
    innermost = found + outliers > 0
    following = found_next + outliers_next > 0
    passed = np.where(expected != 0, innermost, np.where(expected_next != 0, following, True))
    return np.where(np.isnan(hits).any(axis=0), np.nan, passed)


def _significance(value: Array, uncertainty: Array) -> Array:
    known = np.abs(uncertainty) > 0
    # An uncertainty that is not known gives the default too, as in Athena.
    return np.where(known, value / np.where(known, uncertainty, 1.0), ABSENT)


def _calo_ratio(energy: Array, loss: Array) -> Array:
    known = (np.abs(loss) > 0) & ~np.isnan(energy)
    return np.where(known, energy / np.where(known, loss, 1.0), ABSENT)


def _track_pt(q_over_p: Array, theta: Array) -> Array:
    with np.errstate(divide="ignore"):
        return _or_absent(np.sin(theta) / np.abs(q_over_p))


def _track_eta(theta: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        return _or_absent(-np.log(np.tan(0.5 * theta)))


def _or_absent(value: Array) -> Array:
    return np.where(np.isnan(value), ABSENT, value)


# What Athena gives a network for a quantity that is not there.
ABSENT = -99.0
_ISOLATION = "Athena IsolationSelection/Root/IsolationSelectionTool.cxx"
_SELECTOR = "Athena ElectronPhotonSelectorTools/Root/ElectronSelectorHelpers.cxx"
_PLIT = "Athena LeptonTaggers/src/DecoratePLIT.cxx"
_TTVA = "Nonprompt_All_MaxWeightTTVA"
# The ID track from which the best GSF track of an electron was made.
_ORIGINAL = "trackParticleLinks.originalTrackParticle"


def _pflow_row(cone: str) -> Feature:
    return Feature({cone: "MeV", "neflowisol20": "MeV"}, "MeV", _pflow, _ISOLATION)


def _relative_row(column: str) -> Feature:
    return Feature({column: "MeV", "pt": "MeV"}, "", np.divide, _PLIT)


# A dotted name is a column of what a link points to, NaN where it points to nothing.
FEATURES: dict[str, Feature] = {
    "abseta": Feature({"eta": ""}, "", np.abs, "ours"),
    "abseta_supercluster": Feature(
        {"eta": "", "deltaEtaSC": ""},
        "",
        lambda eta, delta: np.abs(eta + delta),
        "NanoAOD: deltaEtaSC is supercluster eta minus electron eta",
    ),
    "pflow_isolation_muon": _pflow_row(f"ptvarcone30_{_TTVA}_pt500"),
    "pflow_isolation_muon_fixed": _pflow_row(f"ptcone20_{_TTVA}_pt500"),
    "pflow_isolation_electron": _pflow_row(f"ptvarcone30_{_TTVA}LooseCone_pt500"),
    "pflow_isolation_electron_fixed": _pflow_row(f"ptcone20_{_TTVA}LooseCone_pt500"),
    "nPixHitsPlusDeadSensors": Feature(
        {"numberOfPixelHits": "", "numberOfPixelDeadSensors": ""}, "", np.add, _SELECTOR
    ),
    "nSiHitsPlusDeadSensors": Feature(
        dict.fromkeys(
            (
                "numberOfPixelHits",
                "numberOfPixelDeadSensors",
                "numberOfSCTHits",
                "numberOfSCTDeadSensors",
            ),
            "",
        ),
        "",
        lambda *hits: sum(hits[1:], start=hits[0]),
        _SELECTOR,
    ),
    "passesBLayer": Feature(
        dict.fromkeys(
            (
                "expectInnermostPixelLayerHit",
                "numberOfInnermostPixelLayerHits",
                "numberOfInnermostPixelLayerOutliers",
                "expectNextToInnermostPixelLayerHit",
                "numberOfNextToInnermostPixelLayerHits",
                "numberOfNextToInnermostPixelLayerOutliers",
            ),
            "",
        ),
        "",
        _b_layer,
        _SELECTOR,
    ),
    "d0_significance": Feature(
        {"btagIp_d0": "mm", "btagIp_d0Uncertainty": "mm"}, "", _significance, _PLIT
    ),
    "z0SinTheta_significance": Feature(
        {"btagIp_z0SinTheta": "mm", "btagIp_z0SinThetaUncertainty": "mm"},
        "",
        _significance,
        _PLIT,
    ),
    "ptvarcone30TTVARel": _relative_row(f"ptvarcone30_{_TTVA}_pt500"),
    "ptvarcone30Rel": _relative_row("ptvarcone30"),
    "topoetcone30Rel": _relative_row("topoetcone30"),
    "caloClusterERel": Feature(
        {"clusterLink.calE": "MeV", "MeasEnergyLoss": "MeV"}, "", _calo_ratio, _PLIT
    ),
    "caloClusterSumEtRel": _relative_row("caloClusterSumEt"),
    "track_pt": Feature(
        {f"{_ORIGINAL}.qOverP": "1/MeV", f"{_ORIGINAL}.theta": "rad"}, "MeV", _track_pt, _PLIT
    ),
    "track_eta": Feature({f"{_ORIGINAL}.theta": "rad"}, "", _track_eta, _PLIT),
    "track_phi": Feature({f"{_ORIGINAL}.phi": "rad"}, "", _or_absent, _PLIT),
}


def needs(name: str) -> tuple[str, ...]:
    """Columns that the feature or column `name` is made of."""
    return tuple(FEATURES[name].needs) if name in FEATURES else (name,)


def evaluate(
    name: str, unit: str, columns: Mapping[str, Array], unit_of: Callable[[str], str]
) -> npt.NDArray[np.float64]:
    """The feature or column `name` in `unit`, [n_lepton] float64.

    Parameters
    ----------
    columns : [n_lepton] each, in the units of the format
    unit_of : unit -> the unit of the format for what it measures
    """
    if name not in FEATURES:
        return convert(columns[name], unit_of(unit), unit)
    feature = FEATURES[name]
    wanted = {c: convert(columns[c], unit_of(u), u) for c, u in feature.needs.items()}
    return convert(feature.compute(*wanted.values()), feature.unit, unit)
