"""FEATURES: one row per derived input. What is not here is a column of the file itself.

DERIVED: columns that some files hold, and the ways to compute them for the others.
SWITCHES: what stands in for features where a card turns a switch of Athena on.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lepid.features import electrons, jets, muons
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
_NETWORK = electrons.SELECTOR
_SELECTOR = "Athena ElectronPhotonSelectorTools/Root/ElectronSelectorHelpers.cxx"
_PLIT = "Athena LeptonTaggers/src/DecoratePLIT.cxx"
_TTVA = "Nonprompt_All_MaxWeightTTVA"
# The best GSF track of an electron, the ID track from which it was made, and the cluster.
_TRACK = "trackParticleLinks"
_ORIGINAL = f"{_TRACK}.originalTrackParticle"
_CLUSTER = "caloClusterLinks"
_ETA = f"{_CLUSTER}.etaBE2"
_CALO_ETA = f"{_CLUSTER}.calEta"
_WITHOUT_LAYERS = "ours, for calorimeters without layers"
_LAST = "qOverP at the last measurement"
_TRT = "transformed_e_probability_ht"
_VARIANCE_D0 = "definingParametersCovMatrixDiag_d0_d0"
_SOFT_MUON = "Athena FlavorTagDiscriminants/Root/BTagMuonAugmenter.cxx"
_SOFT_TRACK = "Athena FlavorTagDiscriminants, z0SinThetaRelativeToBeamspot"
_PIXEL = ("numberOfPixelHits", "numberOfPixelDeadSensors")
_SCT = ("numberOfSCTHits", "numberOfSCTDeadSensors")
# The tracks of a muon: of the ID, of the spectrometer taken back to the beam, and both together.
_INNER = "inDetTrackParticleLink"
_OUTER = "extrapolatedMuonSpectrometerTrackParticleLink"
_COMBINED = "combinedTrackParticleLink"
_VARIANCE = "definingParametersCovMatrixDiag_qOverP_qOverP"
_TWO_TRACKS = dict.fromkeys(
    (f"{track}.{c}" for track in (_INNER, _OUTER) for c in ("theta", "qOverP", _VARIANCE)), ""
)
_TWO_DIRECTIONS = {name: "" for name in _TWO_TRACKS if not name.endswith(_VARIANCE)}
_CALIBRATED = {"InnerDetectorPt": "", "MuonSpectrometerPt": ""}


def _pflow_row(cone: str) -> Feature:
    return Feature({cone: "MeV", "neflowisol20": "MeV"}, "MeV", _pflow, _ISOLATION)


def _relative_row(column: str) -> Feature:
    return Feature({column: "MeV", "pt": "MeV"}, "", np.divide, _PLIT)


def _hits_row(*counts: str) -> Feature:
    needs = dict.fromkeys((f"{_TRACK}.{count}" for count in counts), "")
    return Feature(needs, "", lambda *hits: sum(hits[1:], start=hits[0]), _SELECTOR)


def _reduced(track: str) -> tuple[Feature, ...]:
    needs = {f"{track}.chiSquared": "", f"{track}.numberDoF": ""}
    return (Feature(needs, "", muons.reduced, muons.SELECTION),)


def _there(track: str) -> tuple[Feature, ...]:
    return (Feature({f"{track}.qOverP": ""}, "", np.isfinite, muons.SELECTION),)


def _of_combined(column: str) -> tuple[Feature, ...]:
    needs = {f"{_COMBINED}.{column}": ""}
    return (Feature(needs, "", lambda value: value, "Athena xAODMuon/Root/Muon_v1.cxx"),)


def _z0_row(track: str) -> Feature:
    needs = {f"{track}.z0": "mm", f"{track}.theta": "rad"}
    return Feature(needs, "mm", lambda z0, theta: z0 * np.sin(theta), _SOFT_TRACK)


def _signed_row(track: str) -> Feature:
    needs = dict.fromkeys((f"{track}.{name}" for name in ("d0", _VARIANCE_D0, "phi")), "")
    return Feature({**needs, "jet_phi": ""}, "", jets.signed, _SOFT_MUON)


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
    "nPixHitsPlusDeadSensors": _hits_row(*_PIXEL),
    "nSCTHitsPlusDeadSensors": _hits_row(*_SCT),
    "nSiHitsPlusDeadSensors": _hits_row(*_PIXEL, *_SCT),
    "passesBLayer": Feature(
        dict.fromkeys(
            (
                f"{_TRACK}.expectInnermostPixelLayerHit",
                f"{_TRACK}.numberOfInnermostPixelLayerHits",
                f"{_TRACK}.numberOfInnermostPixelLayerOutliers",
                f"{_TRACK}.expectNextToInnermostPixelLayerHit",
                f"{_TRACK}.numberOfNextToInnermostPixelLayerHits",
                f"{_TRACK}.numberOfNextToInnermostPixelLayerOutliers",
            ),
            "",
        ),
        "",
        _b_layer,
        _SELECTOR,
    ),
    "et": Feature(
        {f"{_CLUSTER}.calE": "MeV", f"{_TRACK}.theta": "rad"}, "MeV", electrons.et, _NETWORK
    ),
    "abseta_cluster": Feature({_ETA: ""}, "", np.abs, _NETWORK),
    "abseta_calo": Feature({_CALO_ETA: ""}, "", np.abs, _WITHOUT_LAYERS),
    "f3_central": Feature({"f3": "", _ETA: ""}, "", electrons.f3, _NETWORK),
    "trans_TRTPID": Feature({_TRT: "", _ETA: ""}, "", electrons.trt, _NETWORK),
    "f3_calo": Feature({"f3": "", _CALO_ETA: ""}, "", electrons.f3, _WITHOUT_LAYERS),
    "trans_TRTPID_calo": Feature({_TRT: "", _CALO_ETA: ""}, "", electrons.trt, _WITHOUT_LAYERS),
    "qd0": Feature({"charge": "", f"{_TRACK}.d0": "mm"}, "mm", np.multiply, _NETWORK),
    # Both in the unit of the file, which cancels.
    "d0significance": Feature(
        {f"{_TRACK}.d0": "", f"{_TRACK}.definingParametersCovMatrixDiag_d0_d0": ""},
        "",
        electrons.significance,
        _NETWORK,
    ),
    "EoverP": Feature(
        {f"{_CLUSTER}.calE": "MeV", f"{_TRACK}.qOverP": "1/MeV"},
        "",
        lambda energy, q_over_p: energy * np.abs(q_over_p),
        _NETWORK,
    ),
    "dPOverP": Feature(
        {f"{_TRACK}.qOverP": "1/MeV", _LAST: "1/MeV"}, "", electrons.momentum_lost, _NETWORK
    ),
    # Those that the likelihood takes otherwise than the network, under its names.
    "el_d0significance": Feature(
        {f"{_TRACK}.d0": "", f"{_TRACK}.definingParametersCovMatrixDiag_d0_d0": ""},
        "",
        electrons.significance_or_zero,
        electrons.LIKELIHOOD,
    ),
    "el_deltaeta1": Feature(
        {"deltaEta1": "", "deltaEta1PearDistortion": ""}, "", np.subtract, electrons.LIKELIHOOD
    ),
    "abs_d0": Feature({f"{_TRACK}.d0": "mm"}, "mm", np.abs, electrons.LIKELIHOOD),
    "abs_deltaEta1": Feature({"deltaEta1": ""}, "", np.abs, electrons.LIKELIHOOD),
    "abs_deltaPhiRescaled2": Feature({"deltaPhiRescaled2": ""}, "", np.abs, electrons.LIKELIHOOD),
    "abs_wtots1": Feature({"wtots1": ""}, "", np.abs, electrons.LIKELIHOOD),
    "el_rhad": Feature(
        {"Rhad": "", "Rhad1": "", _ETA: ""}, "", electrons.leakage, electrons.LIKELIHOOD
    ),
    "el_rhad_calo": Feature(
        {"Rhad": "", "Rhad1": "", _CALO_ETA: ""}, "", electrons.leakage, _WITHOUT_LAYERS
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
    # Both in the unit of the file, which cancels.
    "muon_qOverPratio": Feature(
        {f"{_INNER}.qOverP": "", f"{_OUTER}.qOverP": ""}, "", jets.ratio, _SOFT_MUON
    ),
    "has_momentum_balance": Feature(
        {"momentumBalanceSignificance": ""}, "", jets.not_zero, _SOFT_MUON
    ),
    "muon_z0SinTheta": _z0_row(_COMBINED),
    "electron_z0SinTheta": _z0_row(_TRACK),
    "muon_d0_signed_significance": _signed_row(_INNER),
    "electron_d0_signed_significance": _signed_row(_TRACK),
    "track_eta": Feature({f"{_ORIGINAL}.theta": "rad"}, "", _track_eta, _PLIT),
    "track_phi": Feature({f"{_ORIGINAL}.phi": "rad"}, "", _or_absent, _PLIT),
    "muon_quality": Feature({"quality": ""}, "", muons.quality_of, muons.SELECTION),
    # All in the unit of the file, which cancels.
    "rhoPrime_tracks": Feature(
        {"pt": "", **_TWO_DIRECTIONS}, "", muons.raw_rho_prime, muons.SELECTION
    ),
    "qOverPSignificance_tracks": Feature(_TWO_TRACKS, "", muons.raw_significance, muons.SELECTION),
    "zero": Feature({"pt": ""}, "", np.zeros_like, "ours"),
}

# Property of Athena's tool -> feature -> the one that stands in for it where the property is true;
# the first that is true counts.
SWITCHES: dict[str, dict[str, str]] = {
    "DisablePtCuts": dict.fromkeys(("rhoPrime", "qOverPSignificance"), "zero"),
    "TurnOffMomCorr": {name: f"{name}_tracks" for name in ("rhoPrime", "qOverPSignificance")},
}


# xAOD::LastMeasurement among the positions where a track has parameters.
_AT_LAST = "[parameterPosition=2]"
# The second layers of barrel and endcap among the samplings of a cluster.
_LAYERS = [f"{_CLUSTER}.{v}_sampl[samplingPattern={n}]" for n in (2, 6) for v in ("e", "eta")]

# Column -> the ways to compute it for files that do not hold it; the first that can be gone counts.
DERIVED: dict[str, tuple[Feature, ...]] = {
    _ETA: (
        Feature(
            dict(zip(_LAYERS, ("MeV", "", "MeV", ""), strict=True)),
            "",
            electrons.eta_of_second_layer,
            "Athena xAODCaloEvent/Root/CaloCluster_v1.cxx",
        ),
    ),
    _LAST: (
        Feature(
            {f"{_TRACK}.qOverP": "1/MeV"}
            | {f"{_TRACK}.parameterP{axis}{_AT_LAST}": "MeV" for axis in "XYZ"},
            "1/MeV",
            electrons.q_over_p_of,
            _NETWORK,
        ),
        Feature(
            {f"{_TRACK}.QoverPLM": "1/MeV"},
            "1/MeV",
            electrons.stored_last,
            "Athena xAODEgamma/Root/ElectronxAODHelpers.cxx",
        ),
    ),
    _TRT: (Feature({f"{_TRACK}.eProbabilityHT": ""}, "", electrons.transformed, _NETWORK),),
    "rhoPrime": (Feature({**_CALIBRATED, "pt": ""}, "", muons.rho_prime, muons.SELECTION),),
    "qOverPSignificance": (
        Feature({**_CALIBRATED, **_TWO_TRACKS}, "", muons.q_over_p_significance, muons.SELECTION),
    ),
    "reducedChi2": _reduced(_COMBINED),
    "reducedChi2_ID": _reduced(_INNER),
    "reducedChi2_ME": _reduced(_OUTER),
    "numberOfPixelHits": _of_combined("numberOfPixelHits"),
    "numberOfPixelDeadSensors": _of_combined("numberOfPixelDeadSensors"),
    "has_ID_track": _there(_INNER),
    "has_ME_track": _there(_OUTER),
    "isForward": (
        Feature({"author": ""}, "", electrons.forward_author, _NETWORK),
        Feature({_ETA: ""}, "", electrons.forward_eta, _NETWORK),
    ),
}


def needs(name: str) -> tuple[str, ...]:
    """Columns that the feature or column `name` is made of."""
    return tuple(FEATURES[name].needs) if name in FEATURES else (name,)


def resolve(
    wanted: Mapping[str, str],
    there: Callable[[str], object],
    follows: Callable[[str], bool] = bool,
) -> dict[str, str]:
    """`wanted`, column -> why, with columns that are not `there` replaced by what makes them up.

    If no way to compute a column can be gone, what the first needs stands for it.

    Parameters
    ----------
    follows : whether events of this format can have a column ``a.b``; if they can have none of
        the ways, the column stands for itself
    """
    found: dict[str, str] = {}
    for column, why in wanted.items():
        for part in _parts(column, there, follows):
            found.setdefault(part, why)
    return found


def _parts(
    column: str, there: Callable[[str], object], follows: Callable[[str], bool] = bool
) -> list[str]:
    if column not in DERIVED or there(column):
        return [column]
    ways = [[p for n in way.needs for p in _parts(n, there, follows)] for way in DERIVED[column]]
    ways = [parts for parts in ways if all(map(follows, parts))] or [[column]]
    return next((parts for parts in ways if all(map(there, parts))), ways[0])


def can(name: str, there: Callable[[str], object]) -> bool:
    """Whether all is `there` that the feature or column `name` is made of."""
    return all(map(there, resolve(dict.fromkeys(needs(name), ""), there)))


def switched(name: str, switches: Container[str]) -> str:
    """The feature that stands in for `name` where these `SWITCHES` are true."""
    on = (SWITCHES[switch] for switch in SWITCHES if switch in switches)
    return next((instead[name] for instead in on if name in instead), name)


def evaluate(
    name: str, unit: str, columns: Mapping[str, Array], unit_of: Callable[[str], str]
) -> npt.NDArray[np.float64]:
    """The feature or column `name` in `unit`, [n_lepton] float64.

    Parameters
    ----------
    columns : [n_lepton] each, in the units of the format; those that `resolve` named
    unit_of : unit -> the unit of the format for what it measures
    """
    if name in FEATURES:
        feature = FEATURES[name]
    elif name in columns or name not in DERIVED:
        return convert(columns[name], unit_of(unit), unit)
    else:
        feature = next(
            way
            for way in DERIVED[name]
            if all(part in columns for n in way.needs for part in _parts(n, columns.__contains__))
        )
    wanted = [evaluate(c, u, columns, unit_of) for c, u in feature.needs.items()]
    return convert(feature.compute(*wanted), feature.unit, unit)
