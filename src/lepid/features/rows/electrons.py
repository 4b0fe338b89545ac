"""What the electron network and the likelihood take."""

from __future__ import annotations

import numpy as np

from lepid.features import electrons
from lepid.features.feature import CLUSTER, TRACK, Feature

_NETWORK = electrons.SELECTOR
_ETA = f"{CLUSTER}.etaBE2"
_CALO_ETA = f"{CLUSTER}.calEta"
_WITHOUT_LAYERS = "ours, for calorimeters without layers"
_LAST = "qOverP at the last measurement"
_TRT = "transformed_e_probability_ht"
# xAOD::LastMeasurement among the positions where a track has parameters.
_AT_LAST = "[parameterPosition=2]"
# The second layers of barrel and endcap among the samplings of a cluster.
_LAYERS = [f"{CLUSTER}.{v}_sampl[samplingPattern={n}]" for n in (2, 6) for v in ("e", "eta")]

FEATURES: dict[str, Feature] = {
    "et": Feature(
        {f"{CLUSTER}.calE": "MeV", f"{TRACK}.theta": "rad"}, "MeV", electrons.et, _NETWORK
    ),
    "abseta_cluster": Feature({_ETA: ""}, "", np.abs, _NETWORK),
    "abseta_calo": Feature({_CALO_ETA: ""}, "", np.abs, _WITHOUT_LAYERS),
    "f3_central": Feature({"f3": "", _ETA: ""}, "", electrons.f3, _NETWORK),
    "trans_TRTPID": Feature({_TRT: "", _ETA: ""}, "", electrons.trt, _NETWORK),
    "f3_calo": Feature({"f3": "", _CALO_ETA: ""}, "", electrons.f3, _WITHOUT_LAYERS),
    "trans_TRTPID_calo": Feature({_TRT: "", _CALO_ETA: ""}, "", electrons.trt, _WITHOUT_LAYERS),
    "qd0": Feature({"charge": "", f"{TRACK}.d0": "mm"}, "mm", np.multiply, _NETWORK),
    # Both in the unit of the file, which cancels.
    "d0significance": Feature(
        {f"{TRACK}.d0": "", f"{TRACK}.definingParametersCovMatrixDiag_d0_d0": ""},
        "",
        electrons.significance,
        _NETWORK,
    ),
    "EoverP": Feature(
        {f"{CLUSTER}.calE": "MeV", f"{TRACK}.qOverP": "1/MeV"},
        "",
        lambda energy, q_over_p: energy * np.abs(q_over_p),
        _NETWORK,
    ),
    "dPOverP": Feature(
        {f"{TRACK}.qOverP": "1/MeV", _LAST: "1/MeV"}, "", electrons.momentum_lost, _NETWORK
    ),
    # Those that the likelihood takes otherwise than the network, under its names.
    "el_d0significance": Feature(
        {f"{TRACK}.d0": "", f"{TRACK}.definingParametersCovMatrixDiag_d0_d0": ""},
        "",
        electrons.significance_or_zero,
        electrons.LIKELIHOOD,
    ),
    "el_deltaeta1": Feature(
        {"deltaEta1": "", "deltaEta1PearDistortion": ""}, "", np.subtract, electrons.LIKELIHOOD
    ),
    "abs_el_deltaeta1": Feature(
        {"deltaEta1": "", "deltaEta1PearDistortion": ""},
        "",
        lambda matched, distortion: np.abs(matched - distortion),
        electrons.LIKELIHOOD,
    ),
    "abs_d0": Feature({f"{TRACK}.d0": "mm"}, "mm", np.abs, electrons.LIKELIHOOD),
    "abs_deltaEta1": Feature({"deltaEta1": ""}, "", np.abs, electrons.LIKELIHOOD),
    "abs_deltaPhiRescaled2": Feature({"deltaPhiRescaled2": ""}, "", np.abs, electrons.LIKELIHOOD),
    "abs_wtots1": Feature({"wtots1": ""}, "", np.abs, electrons.LIKELIHOOD),
    "el_rhad": Feature(
        {"Rhad": "", "Rhad1": "", _ETA: ""}, "", electrons.leakage, electrons.LIKELIHOOD
    ),
    "el_rhad_calo": Feature(
        {"Rhad": "", "Rhad1": "", _CALO_ETA: ""}, "", electrons.leakage, _WITHOUT_LAYERS
    ),
}

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
            {f"{TRACK}.qOverP": "1/MeV"}
            | {f"{TRACK}.parameterP{axis}{_AT_LAST}": "MeV" for axis in "XYZ"},
            "1/MeV",
            electrons.q_over_p_of,
            _NETWORK,
        ),
        Feature(
            {f"{TRACK}.QoverPLM": "1/MeV"},
            "1/MeV",
            electrons.stored_last,
            "Athena xAODEgamma/Root/ElectronxAODHelpers.cxx",
        ),
    ),
    _TRT: (Feature({f"{TRACK}.eProbabilityHT": ""}, "", electrons.transformed, _NETWORK),),
    "isForward": (
        Feature({"author": ""}, "", electrons.forward_author, _NETWORK),
        Feature({_ETA: ""}, "", electrons.forward_eta, _NETWORK),
    ),
}
