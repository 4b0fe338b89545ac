"""What identifies electrons: formulas on flat columns, and Athena's names for the inputs."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from lepid.errors import UnknownName

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]

LIKELIHOOD = "Athena ElectronPhotonSelectorTools/Root/TElectronLikelihoodTool.cxx"
SELECTOR = "Athena ElectronPhotonSelectorTools/Root/AsgElectronSelectorTool.cxx"
# Beyond, Athena does not use f3, nor a TRT probability that says nothing.
END_OF_TRT = 2.01
DEFAULT_F3, DEFAULT_TRT = 0.05, 0.15
TRT_RANGE, TRT_SCALE = (1e-30, 1.0 - 1e-15), 15.0
FORWARD_AUTHOR, FORWARD_ABSETA = 8, 2.5

# Name in the key `Variables` of an Athena conf -> feature or column.
VARIABLES = {
    "eta": "abseta_cluster",
    "et": "et",
    "f3": "f3_central",
    "Rhad": "Rhad",
    "Rhad1": "Rhad1",
    "Reta": "Reta",
    "weta2": "weta2",
    "f1": "f1",
    "Eratio": "Eratio",
    "deltaEta1": "deltaEta1",
    "d0": "trackParticleLinks.d0",
    "qd0": "qd0",
    "d0significance": "d0significance",
    "Rphi": "Rphi",
    "dPOverP": "dPOverP",
    "deltaPhiRescaled2": "deltaPhiRescaled2",
    "trans_TRTPID": "trans_TRTPID",
    "wtots1": "wtots1",
    "EoverP": "EoverP",
    "nPixHitsPlusDeadSensors": "nPixHitsPlusDeadSensors",
    "nSCTHitsPlusDeadSensors": "nSCTHitsPlusDeadSensors",
    "SCTWeightedCharge": "SCTWeightedCharge",
}
# Those that have a unit, which is Athena's.
UNITS = {"et": "MeV", "d0": "mm", "qd0": "mm"}


def feature_of(variable: str, where: str) -> tuple[str, str]:
    """Feature or column that is the `variable` of an Athena conf, and the unit that Athena has.

    Parameters
    ----------
    where : what names the variable, for the message

    Raises
    ------
    UnknownName : Athena's selector does not know the variable either; lists those it knows

    Source
    ------
    Athena ElectronPhotonSelectorTools/Root/AsgElectronSelectorTool.cxx
    """
    if variable not in VARIABLES:
        raise UnknownName.of(where, "variable", variable, VARIABLES)
    return VARIABLES[variable], UNITS.get(variable, "")


def eta_of_second_layer(
    e_barrel: Array, eta_barrel: Array, e_endcap: Array, eta_endcap: Array
) -> Array:
    """Eta of a cluster in the second layer, float32; NaN where it has energy in neither part.

    Parameters
    ----------
    e_barrel, eta_barrel, e_endcap, eta_endcap : [n], MeV; NaN where the cluster lacks the layer

    Source
    ------
    Athena xAODCaloEvent/Root/CaloCluster_v1.cxx, etaBE
    """
    e, eta, e_other, eta_other = (
        np.asarray(x, np.float32) for x in (e_barrel, eta_barrel, e_endcap, eta_endcap)
    )
    total = e + e_other
    enough = total > 100.0
    weighted = (e * eta + e_other * eta_other) / np.where(enough, total, np.float32(1))
    both = np.where(enough, weighted, np.float32(0.5) * (eta + eta_other))
    one = np.where(np.isnan(eta), eta_other, eta)
    return np.where(np.isnan(eta) | np.isnan(eta_other), one, both)


def et(energy: Array, theta: Array) -> Array:
    """Energy of the cluster over cosh(eta) of the track, in the unit of `energy`."""
    # 1 / cosh(eta) is sin(theta), which has no overflow along the beam.
    return energy * np.sin(theta)


def significance(d0: Array, variance: Array) -> Array:
    """``|d0| / sigma``; infinity for a variance that is not positive, as in Athena's network."""
    known = variance > 0
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.abs(d0) / np.sqrt(np.where(known, variance, 0.0))
    return np.where(np.isnan(variance), np.nan, value)


def significance_or_zero(d0: Array, variance: Array) -> Array:
    """``|d0| / sigma``; 0 for a variance that is not positive, as in Athena's likelihood."""
    known = ~(variance <= 0)
    return np.where(known, np.abs(d0) / np.sqrt(np.where(known, variance, 1.0)), 0.0)


def leakage(all_layers: Array, first_layer: Array, eta: Array) -> Array:
    """Energy behind the calorimeter: in all layers for 0.8 <= |eta| < 1.37, else in the first."""
    between = (np.abs(eta) >= 0.8) & (np.abs(eta) < 1.37)
    return np.where(between, all_layers, first_layer)


def momentum_lost(q_over_p: Array, last: Array) -> Array:
    """Part of the momentum that was lost: ``1 - qOverP / qOverP at the last measurement``."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return 1.0 - q_over_p / last


def q_over_p_of(q_over_p: Array, px: Array, py: Array, pz: Array) -> Array:
    """Charge over momentum elsewhere on the track, the charge as at its beginning."""
    # xAOD::TrackParticle has no charge of its own: it is that of qOverP.
    charge = np.where(np.isnan(q_over_p), np.nan, np.where(q_over_p > 0, 1.0, -1.0))
    with np.errstate(divide="ignore"):
        return np.asarray(charge / np.sqrt(px**2 + py**2 + pz**2))


def stored_last(q_over_p: Array) -> Array:
    """The decoration QoverPLM; NaN for its default."""
    return np.where(q_over_p == -999.0, np.nan, q_over_p)


def transformed(probability: Array) -> Array:
    """The TRT probability of an electron as a logarithm, ``-ln(1/p - 1) / 15``."""
    return -np.log(1.0 / np.clip(probability, *TRT_RANGE) - 1.0) / TRT_SCALE


def trt(value: Array, eta: Array) -> Array:
    """The transformed TRT probability; 0.15 beyond |eta| of 2.01 where the TRT says nothing."""
    silent = (np.abs(value) < 1e-6) & (np.abs(eta) > END_OF_TRT)
    return np.where(np.isnan(eta), np.nan, np.where(silent, DEFAULT_TRT, value))


def f3(value: Array, eta: Array) -> Array:
    """The share of the third layer; 0.05 beyond |eta| of 2.01, where it is badly modelled."""
    unknown = np.isnan(value) | np.isnan(eta)
    return np.where(unknown, np.nan, np.where(np.abs(eta) > END_OF_TRT, DEFAULT_F3, value))


def forward_author(author: Array) -> Array:
    """1 for a forward electron, else 0; NaN where it is not known."""
    return np.where(np.isnan(author), np.nan, author == FORWARD_AUTHOR)


def forward_eta(eta: Array) -> Array:
    """The same for files without authors."""
    return np.where(np.isnan(eta), np.nan, np.abs(eta) > FORWARD_ABSETA)


def weighted_charge(charge: Array, lepton: Array, hits: Array, q_over_p: Array) -> Floats:
    """Charge of an electron times that of its tracks, weighted by SCT hits; 0 without a hit.

    Parameters
    ----------
    charge : [n_lepton]
    lepton : [n], to which lepton each of all their tracks belongs
    hits, q_over_p : [n], of these tracks

    Source
    ------
    Athena AsgElectronSelectorTool.cxx, but for its sum of hits in one byte, which begins anew at
    256
    """
    n_lepton = len(charge)
    weights = np.asarray(hits, np.float64)
    total = np.bincount(lepton, weights, n_lepton)
    signed = np.bincount(lepton, weights * np.where(q_over_p > 0, 1.0, -1.0), n_lepton)
    return np.asarray(charge * np.where(total > 0, signed / np.where(total > 0, total, 1.0), 0.0))
