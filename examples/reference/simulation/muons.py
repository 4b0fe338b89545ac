"""Muons: ID track, track of the spectrometer, their combination, and how well they agree."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from simulation import constants as c
from simulation import spectrometer
from simulation.collection import Collection, collect
from simulation.particles import Floats, Integers, Particles
from simulation.resolution import N_PAIR, draw
from simulation.scattering import significances
from simulation.spectrometer import mean_loss, smeared_loss
from simulation.tracks import Tracking, momentum, parameter_columns
from simulation.trajectories import MUON

Array = npt.NDArray[Any]
MUID_CO, MUGIRL = 1, 6
COMBINED = 0
MEDIUM, LOOSE, PASSES_ID_CUTS = 1, 2, 8
COPIED_HITS = (
    "numberOfPixelHits",
    "numberOfPixelHoles",
    "numberOfPixelDeadSensors",
    "numberOfSCTHits",
    "numberOfSCTHoles",
    "numberOfSCTDeadSensors",
    "numberOfTRTHits",
    "numberOfTRTOutliers",
)


class MuonSystem(NamedTuple):
    """What a batch has of muons: objects and the tracks behind them.

    `own` [n_muon, 1] are rows of the ID tracks.
    """

    muons: Collection
    combined: Collection
    extrapolated: Collection
    own: npt.NDArray[np.int64]


class Measured(NamedTuple):
    """The two measurements of each muon: parameters and resolution [n, 5], kink of the decay.

    Parameters are d0, z0, phi, theta, q/p, at the beam line. `kink` and `kink_radius` [n] are
    those of the trajectory.
    """

    inner: Floats
    inner_sigma: Floats
    outer: Floats
    outer_sigma: Floats
    kink: Floats
    kink_radius: Floats

    @property
    def pull(self) -> Floats:
        """Difference of q/p in standard deviations, [n]."""
        width = np.hypot(self.inner_sigma[:, 4], self.outer_sigma[:, 4])
        return (self.outer[:, 4] - self.inner[:, 4]) / width


def muons(particles: Particles, tracking: Tracking, rng: np.random.Generator) -> MuonSystem:
    """Combined muons of all ID tracks whose particle is, or became, a muon."""
    track = tracking.tracks
    rows = _reconstructed(particles, tracking, rng)
    event, n_event = track.event[rows], particles.n_event
    muon = tracking.flown.particle[tracking.trajectory[rows]]
    both = _measured(particles, tracking, rows, rng)
    parameters, sigma = _combined(both)
    off = track["definingParametersCovMatrixOffDiag"][rows]
    chi2 = _chi2(track["chiSquared"][rows], track["numberDoF"][rows], both.pull, rng)
    copied = {name: track[name][rows] for name in COPIED_HITS}
    columns = parameter_columns(parameters, sigma, off) | copied | chi2["combined"]
    combined = collect(event, n_event, columns)
    columns = parameter_columns(both.outer, both.outer_sigma, np.zeros_like(off))
    extrapolated = collect(event, n_event, columns | chi2["extrapolated"])
    columns = _kinematics(combined, both) | {"inDetTrackParticleLink": track.links(rows, event)}
    columns |= _agreement(both, rng) | spectrometer.hits(columns["eta"], columns["phi"], rng)
    columns |= _identification(columns, both, rng) | _truth(particles, muon, event)
    return MuonSystem(collect(event, n_event, columns), combined, extrapolated, rows[:, None])


def _combined(both: Measured) -> tuple[Floats, Floats]:
    """Parameters and resolution of the combined tracks: the weighted mean of q/p."""
    weights = 1.0 / both.inner_sigma[:, 4] ** 2, 1.0 / both.outer_sigma[:, 4] ** 2
    parameters, sigma = both.inner.copy(), both.inner_sigma.copy()
    total = weights[0] + weights[1]
    parameters[:, 4] = (weights[0] * both.inner[:, 4] + weights[1] * both.outer[:, 4]) / total
    flat = np.abs(parameters[:, 4]) < 1.0 / c.SPECTROMETER_MAX_P
    parameters[flat, 4] = both.inner[flat, 4]
    sigma[:, 4] = 1.0 / np.sqrt(total)
    return parameters, sigma


def _reconstructed(particles: Particles, tracking: Tracking, rng: np.random.Generator) -> Integers:
    """Rows of the ID tracks that are found again in the spectrometer."""
    particle = tracking.flown.particle[tracking.trajectory]
    pt, eta = momentum(tracking.tracks["theta"], tracking.tracks["qOverP"])
    energy = particles.e[particle]
    gap = np.abs(eta) < c.SPECTROMETER_GAP[0]
    found = np.where(gap, c.SPECTROMETER_GAP[1], c.MUON_EFFICIENCY)
    # Muons that lose most of their energy in the calorimeter do not arrive.
    turn_on = (energy - c.ENERGY_LOSS[0]) / c.MUON_TURN_ON
    found = found * np.clip(turn_on, 0.0, 1.0)
    muon = (np.abs(particles.pdg[particle]) == MUON) & (pt > c.MUON_MIN_PT)
    return np.flatnonzero(muon & (rng.random(len(pt)) < found))


def _measured(
    particles: Particles, tracking: Tracking, rows: Integers, rng: np.random.Generator
) -> Measured:
    """ID tracks, and spectrometer tracks taken back to the beam line.

    The latter measure the muon after a kink; d0 and z0 come from the beam line as a constraint.
    """
    track, flown, seen = tracking.tracks, tracking.flown, tracking.trajectory[rows]
    inner = np.stack([track[name][rows] for name in ("d0", "z0", "phi", "theta", "qOverP")], axis=1)
    inner_sigma = np.sqrt(track["definingParametersCovMatrixDiag"][rows])
    muon = flown.particle[seen]
    p = np.sqrt(particles.px[muon] ** 2 + particles.py[muon] ** 2 + particles.pz[muon] ** 2)
    pt, eta = momentum(inner[:, 3], inner[:, 4])
    multiple, constant, stiff = c.SPECTROMETER_RESOLUTION
    sigma = inner_sigma.copy()
    sigma[:, 2] = c.SPECTROMETER_PHI / pt
    sigma[:, 3] = c.SPECTROMETER_THETA / (pt * np.cosh(eta))
    sigma[:, 4] = np.sqrt((multiple / pt) ** 2 + constant**2 + (stiff * pt) ** 2) / p
    charge = particles.charge[muon].astype(float)
    outer = inner.copy()
    outer[:, 2] += flown.kink[seen] * np.cos(2.0 * np.pi * rng.random(len(pt)))
    unusual = c.LOSS_UNCORRECTED * (smeared_loss(eta, rng) - mean_loss(eta))
    outer[:, 4] = charge / np.maximum(p - unusual, 0.3 * p)
    outer += draw(sigma, np.zeros((len(pt), N_PAIR)), rng)
    outer[:, 3] = np.clip(outer[:, 3], 1e-3, np.pi - 1e-3)
    flat = np.abs(outer[:, 4]) < 1.0 / c.SPECTROMETER_MAX_P
    outer[flat, 4] = charge[flat] / c.SPECTROMETER_MAX_P
    return Measured(inner, inner_sigma, outer, sigma, flown.kink[seen], flown.kink_radius[seen])


def _chi2(
    chi2: Floats, dof: Floats, pull: Floats, rng: np.random.Generator
) -> dict[str, dict[str, Array]]:
    n = len(chi2)
    _, mean = c.CHI2_PER_DOF
    outer_dof = np.maximum(rng.normal(*c.SPECTROMETER_DOF, n).round(), 3.0)
    outer = outer_dof * rng.gamma(c.SPECTROMETER_CHI2, mean / c.SPECTROMETER_CHI2, n)
    both = chi2 + outer + np.minimum(pull**2, c.PULL_LIMIT) + 4.0 * rng.gamma(2.0, 0.5, n)
    return {
        "combined": {"chiSquared": both, "numberDoF": dof + outer_dof + 5.0},
        "extrapolated": {"chiSquared": outer, "numberDoF": outer_dof},
    }


def _kinematics(combined: Collection, both: Measured) -> dict[str, Array]:
    pt, eta = momentum(combined["theta"], combined["qOverP"])
    # One track of each kind per muon: their positions are the same.
    link = combined.links(np.arange(len(combined)), combined.event)
    return {
        "pt": pt,
        "eta": eta,
        "phi": combined["phi"],
        "charge": np.sign(combined["qOverP"]),
        "InnerDetectorPt": momentum(both.inner[:, 3], both.inner[:, 4])[0],
        "MuonSpectrometerPt": momentum(both.outer[:, 3], both.outer[:, 4])[0],
        "combinedTrackParticleLink": link,
        "extrapolatedMuonSpectrometerTrackParticleLink": link,
    }


def _agreement(both: Measured, rng: np.random.Generator) -> dict[str, Array]:
    """Momentum balance and scattering significances."""
    before, behind = 1.0 / np.abs(both.inner[:, 4]), 1.0 / np.abs(both.outer[:, 4])
    width = np.hypot(both.inner_sigma[:, 4] * before**2, both.outer_sigma[:, 4] * behind**2)
    width = np.hypot(width, c.LOSS_WIDTH) / c.BALANCE_SCALE
    curvature, neighbour = significances(both.kink, both.kink_radius, before, rng)
    return {
        "momentumBalanceSignificance": (before - behind) / width,
        "scatteringCurvatureSignificance": curvature,
        "scatteringNeighbourSignificance": neighbour,
    }


def _identification(
    columns: dict[str, Array], both: Measured, rng: np.random.Generator
) -> dict[str, Array]:
    """Author, type and quality; Medium as in ATLAS apart from the tuning of each release."""
    n = len(both.inner)
    layers = spectrometer.precision_layers(columns)
    central = np.abs(columns["eta"]) < c.SPECTROMETER_GAP[0]
    medium = (np.abs(both.pull) < c.MEDIUM_PULL) & ((layers > 1) | (central & (layers == 1)))
    medium &= np.sign(both.inner[:, 4]) == np.sign(both.outer[:, 4])
    author = np.where(rng.random(n) < c.MUGIRL_RATE, MUGIRL, MUID_CO)
    return {
        "author": author.astype(np.uint16),
        "allAuthors": (1 << author).astype(np.uint16),
        "muonType": np.full(n, COMBINED, dtype=np.uint16),
        "quality": (np.where(medium, MEDIUM, LOOSE) | PASSES_ID_CUTS).astype(np.uint8),
    }


def _truth(particles: Particles, row: Integers, event: Integers) -> dict[str, Array]:
    return {
        "truthType": particles.truth_type[row].astype(np.int32),
        "truthOrigin": particles.truth_origin[row].astype(np.int32),
        "truthPdgId": particles.pdg[row].astype(np.int32),
        "truthParticleLink": (row - particles.offsets[event]).astype(np.int32),
        "weight": particles.weight[row],
    }
