"""Tracks of the inner detector: which are found, and what is measured of them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from simulation import constants as c
from simulation import hits
from simulation.collection import NO_LINK, Collection, collect
from simulation.helix import perigee
from simulation.particles import Bools, Floats, Integers, Particles, offsets_of
from simulation.resolution import correlations, draw, resolutions
from simulation.trajectories import ELECTRON, MUON, Trajectories

Array = npt.NDArray[Any]
FAKE_ORIGIN = 1
NO_VERTEX = -99


class Tracking(NamedTuple):
    """Tracks, the row of the trajectory that each comes from [n_track], and the trajectories."""

    tracks: Collection
    trajectory: Integers
    flown: Trajectories


def reconstruct(particles: Particles, flown: Trajectories, rng: np.random.Generator) -> Tracking:
    """Tracks of the trajectories that are found.

    The columns are those of `InDetTrackParticles`, without what needs a primary vertex.
    """
    true = _true_parameters(flown)
    pt, eta = momentum(true[:, 3], true[:, 4])
    shared, split, crossed = _clusters(particles.n_event, flown, true, rng)
    sure = rng.random(len(pt)) < efficiency(particles, flown, pt, eta)
    rows = np.flatnonzero(sure)
    counts = hits.count_hits(crossed[rows], shared[rows], split[rows], np.abs(eta[rows]), rng)
    good = _quality(counts)
    rows, counts = rows[good], {name: count[good] for name, count in counts.items()}
    missed = (flown.start[rows, None] > np.array(c.PIXEL_RADII)).sum(axis=1)
    sigma = resolutions(pt[rows], eta[rows], missed)
    sigma[:, 4] *= np.abs(true[rows, 4])
    correlation = correlations(pt[rows], eta[rows])
    fake = _fakes(particles, flown, rows, rng)
    measured = true[rows] + draw(sigma, correlation, rng) + _kink_offsets(flown, rows, rng)
    measured += _fake_offsets(fake, rng)
    measured[:, 3] = np.clip(measured[:, 3], 1e-3, np.pi - 1e-3)
    columns = parameter_columns(measured, sigma, correlation) | counts
    columns |= _chi2(counts, flown, rows, rng) | _truth(particles, flown.truth[rows], fake, rng)
    keep = momentum(measured[:, 3], measured[:, 4])[0] > c.TRACK_MIN_PT
    kept = {name: column[keep] for name, column in columns.items()}
    tracks = collect(flown.event[rows[keep]], particles.n_event, kept)
    return Tracking(tracks, rows[keep], flown)


def momentum(theta: Floats, q_over_p: Floats) -> tuple[Floats, Floats]:
    """Transverse momentum [GeV] and pseudorapidity, [n] each."""
    return np.sin(theta) / np.abs(q_over_p), -np.log(np.tan(0.5 * theta))


def parameter_columns(parameters: Floats, sigma: Floats, correlation: Floats) -> dict[str, Array]:
    """Columns of track parameters and their covariance, as ATLAS files store them.

    Parameters
    ----------
    parameters, sigma : [n, 5]
        d0, z0 [mm], phi, theta [rad], q/p [1/GeV].
    correlation : [n, 10]
    """
    phi = np.arctan2(np.sin(parameters[:, 2]), np.cos(parameters[:, 2]))
    return {
        "d0": parameters[:, 0],
        "z0": parameters[:, 1],
        "phi": phi,
        "theta": parameters[:, 3],
        "qOverP": parameters[:, 4],
        "vz": np.zeros(len(parameters)),
        "definingParametersCovMatrixDiag": sigma**2,
        "definingParametersCovMatrixOffDiag": correlation,
    }


def efficiency(particles: Particles, flown: Trajectories, pt: Floats, eta: Floats) -> Floats:
    """Probability that a trajectory becomes a track, [n]; pt in GeV."""
    kind = np.abs(particles.pdg[flown.particle])
    forward = c.EFFICIENCY_HADRON_SLOPE * np.maximum(np.abs(eta) - 1.0, 0.0)
    hadron = c.EFFICIENCY_HADRON - forward - c.EFFICIENCY_HADRON_SOFT * np.exp(-pt)
    least, growth = c.EFFICIENCY_ELECTRON
    electron = least + growth * flown.retained
    found = np.select([kind == MUON, kind == ELECTRON], [c.EFFICIENCY_MUON, electron], hadron)
    scattered = _kink_significance(flown, pt * np.cosh(eta))
    return found * np.interp(flown.start, *c.EFFICIENCY_START) * np.exp(-scattered / c.KINK_LOSS)


def _true_parameters(flown: Trajectories) -> Floats:
    position = (flown.x, flown.y, flown.z)
    three = (flown.px, flown.py, flown.pz)
    d0, z0, phi = perigee(position, three, flown.charge)
    theta = np.arctan2(np.hypot(flown.px, flown.py), flown.pz)
    p = np.sqrt(flown.px**2 + flown.py**2 + flown.pz**2)
    return np.stack([d0, z0, phi, theta, flown.charge / p], axis=1)


def _clusters(
    n_event: int, flown: Trajectories, true: Floats, rng: np.random.Generator
) -> tuple[Bools, Bools, Bools]:
    parameters = (true[:, 0], true[:, 1], true[:, 2], true[:, 3], true[:, 4])
    crossings = hits.crossings(parameters, flown.start, flown.end)
    offsets = offsets_of(np.bincount(flown.event, minlength=n_event))
    shared, split = hits.merged(*hits.neighbours(offsets, crossings), rng)
    return shared, split, np.isfinite(crossings[1]).T


def _quality(counts: dict[str, Array]) -> Bools:
    silicon = ("PixelHits", "PixelDeadSensors", "SCTHits", "SCTDeadSensors")
    found = sum(counts[f"numberOf{name}"].astype(int) for name in silicon)
    holes = counts["numberOfPixelHoles"].astype(int) + counts["numberOfSCTHoles"]
    return (found >= c.SILICON_HITS_MIN) & (holes <= c.SILICON_HOLES_MAX)


def _kink_significance(flown: Trajectories, p: Floats) -> Floats:
    inside = flown.kink_radius < c.TRACKER_RADIUS
    angle = np.where(inside, flown.kink, 0.0)
    return angle * p / (c.MULTIPLE_SCATTERING * np.sqrt(c.SCATTERER_MATERIAL))


def _kink_offsets(flown: Trajectories, rows: Integers, rng: np.random.Generator) -> Floats:
    """Shifts of the parameters because one helix is fitted to a kinked track, [n, 5]."""
    turned = flown.kink[rows] * np.cos(2.0 * np.pi * rng.random(len(rows)))
    finite = np.where(np.isfinite(flown.kink_radius[rows]), flown.kink_radius[rows], 0.0)
    after = (1.0 - np.minimum(finite / c.TRACKER_RADIUS, 1.0)) ** 2
    shift = np.zeros((len(rows), 5))
    shift[:, 0] = -c.KINK_OFFSET * after * turned * finite
    shift[:, 2] = after * turned
    return shift


def _fakes(
    particles: Particles, flown: Trajectories, rows: Integers, rng: np.random.Generator
) -> Bools:
    lepton = np.isin(np.abs(particles.pdg[flown.particle[rows]]), (ELECTRON, MUON))
    crowded = particles.pileup[flown.event[rows]] / 35.0
    return ~lepton & (rng.random(len(rows)) < c.FAKE_RATE * (0.3 + 0.7 * crowded))


def _fake_offsets(fake: Bools, rng: np.random.Generator) -> Floats:
    widths = np.array((*c.FAKE_SMEARING, 0.0))
    return fake[:, None] * widths * rng.standard_normal((len(fake), 5))


def _chi2(
    counts: dict[str, Array], flown: Trajectories, rows: Integers, rng: np.random.Generator
) -> dict[str, Array]:
    pixel, strip, straw = (
        counts[f"numberOf{name}"].astype(float) for name in ("PixelHits", "SCTHits", "TRTHits")
    )
    dof = np.maximum(2.0 * pixel + strip + straw - 5.0, 1.0)
    shape, mean = c.CHI2_PER_DOF
    p = np.sqrt(flown.px[rows] ** 2 + flown.py[rows] ** 2 + flown.pz[rows] ** 2)
    angle = np.where(flown.kink_radius[rows] < c.TRACKER_RADIUS, flown.kink[rows], 0.0)
    width = c.MULTIPLE_SCATTERING * np.sqrt(c.SCATTERER_MATERIAL) / p
    kink = np.minimum(angle / width, c.KINK_LIMIT) * c.KINK_FIT
    chi2 = dof * rng.gamma(shape, mean / shape, len(rows)) + kink**2
    return {"chiSquared": chi2, "numberDoF": dof}


def _truth(
    particles: Particles, rows: Integers, fake: Bools, rng: np.random.Generator
) -> dict[str, Array]:
    event = np.searchsorted(particles.offsets, rows, side="right") - 1
    link = np.where(fake, NO_LINK, rows - particles.offsets[event])
    matched = np.where(fake, 0.2 + 0.3 * rng.random(len(rows)), 1.0 - 0.05 * rng.random(len(rows)))
    return {
        "truthParticleLink": link.astype(np.int32),
        "truthMatchProbability": matched,
        "truthType": np.where(fake, 0, particles.truth_type[rows]),
        "truthOrigin": np.where(fake, 0, particles.truth_origin[rows]),
        "ftagTruthOriginLabel": np.where(fake, FAKE_ORIGIN, particles.track_origin[rows]),
        "ftagTruthVertexIndex": np.where(fake, NO_VERTEX, particles.vertex[rows]),
    }
