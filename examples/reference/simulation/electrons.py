"""Electron candidates: clusters with tracks, of whatever made them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from simulation import constants as c
from simulation.calorimeter import azimuth
from simulation.clusters import Surroundings
from simulation.collection import Collection, collect
from simulation.cones import pairs
from simulation.helix import Parameters
from simulation.particles import Floats, Integers, Particles
from simulation.shower_shapes import Latent, shower_shapes, transition_radiation
from simulation.tracks import Tracking, momentum
from simulation.trajectories import ELECTRON, PHOTON

Array = npt.NDArray[Any]
MAX_OWN = 4
AMBIGUOUS, ELECTRON_AUTHOR = 16, 1
COPIED_HITS = (
    "numberOfPixelHits",
    "numberOfPixelDeadSensors",
    "numberOfSCTHits",
    "numberOfSCTDeadSensors",
    "numberOfTRTHits",
    "numberOfInnermostPixelLayerHits",
    "numberOfInnermostPixelLayerOutliers",
    "numberOfNextToInnermostPixelLayerHits",
    "numberOfNextToInnermostPixelLayerOutliers",
    "expectInnermostPixelLayerHit",
    "expectNextToInnermostPixelLayerHit",
    "chiSquared",
    "numberDoF",
    "definingParametersCovMatrixOffDiag",
)


class Candidates(NamedTuple):
    """Electron candidates before they have columns, [n] each.

    `cluster` and `own` [n, MAX_OWN] are rows; the first of `own` is the best track, -1 fills.
    """

    cluster: Integers
    own: npt.NDArray[np.int64]


def candidates(
    found: tuple[Collection, Surroundings], tracks: Collection, rng: np.random.Generator
) -> Candidates:
    """Electromagnetic clusters with at least one track that points to them.

    Tracks with pixel hits come first, then those nearest in angle, as in ATLAS; a soft track and
    one without innermost hit count as farther away, and tracks about as near are in any order.
    """
    clusters, surroundings = found
    et = clusters["calE"] / np.cosh(clusters["calEta"])
    good = (et > c.ELECTRON_MIN_ET) & (np.abs(clusters["calEta"]) < c.ELECTRON_ABSETA)
    rows = np.flatnonzero(good & (surroundings.hadronic < c.ELECTRON_MAX_HADRONIC))
    pt, eta = momentum(tracks["theta"], tracks["qOverP"])
    phi = azimuth(_helix(tracks))
    place = (np.where(np.isnan(phi), np.inf, eta), phi)
    around = (clusters["calEta"][rows], clusters["calPhi"][rows])
    window = c.TRACK_MATCH_WINDOW
    near = pairs(tracks.offsets, place, clusters.event[rows], around, window[1])
    good = np.abs(eta[near.row] - around[0][near.lepton]) < window[0]
    good &= pt[near.row] > c.ELECTRON_TRACK_MIN_PT
    good &= et[rows][near.lepton] < c.ELECTRON_MAX_RATIO * pt[near.row]
    near = near.where(good)
    late = tracks["numberOfInnermostPixelLayerHits"][near.row] == 0
    late &= tracks["expectInnermostPixelLayerHit"][near.row] == 1
    unseen = tracks["numberOfPixelHits"][near.row] == 0
    softness = np.log(np.maximum(et[rows][near.lepton] / pt[near.row], 1.0))
    score = near.distance + c.LATE_TRACK_PENALTY * late + c.SOFT_TRACK_PENALTY * softness
    score += c.TRACK_MATCH_BLUR * rng.exponential(1.0, len(score)) + 10.0 * unseen
    order = np.lexsort((score, near.lepton))
    lepton, row = near.lepton[order], near.row[order]
    rank = np.arange(len(lepton)) - np.searchsorted(lepton, lepton)
    own = np.full((len(rows), MAX_OWN), -1)
    first = rank < MAX_OWN
    own[lepton[first], rank[first]] = row[first]
    return _one_per_track(rows, own, et[rows])


def _helix(tracks: Collection) -> Parameters:
    return tracks["d0"], tracks["z0"], tracks["phi"], tracks["theta"], tracks["qOverP"]


def _one_per_track(rows: Integers, own: npt.NDArray[np.int64], et: Floats) -> Candidates:
    """Candidates with a track; of two with the same best track, the one with more energy."""
    order = np.lexsort((-et, own[:, 0]))
    best = own[order, 0]
    first = np.ones(len(order), dtype=bool)
    first[1:] = best[1:] != best[:-1]
    kept = np.sort(order[first & (best >= 0)])
    return Candidates(rows[kept], own[kept])


def electrons(
    particles: Particles,
    tracking: Tracking,
    found: tuple[Collection, Surroundings],
    rng: np.random.Generator,
) -> tuple[Collection, Collection, npt.NDArray[np.int64]]:
    """Electrons, their GSF tracks, and the rows of their ID tracks [n_electron, MAX_OWN].

    Parameters
    ----------
    found : clusters and what is around them
    """
    clusters, around = found
    tracks = tracking.tracks
    chosen = candidates(found, tracks, rng)
    best, event = chosen.own[:, 0], clusters.event[chosen.cluster]
    truth = _truth_row(particles, tracking, chosen, around)
    latent = _latent(particles, tracking, chosen, found)
    gsf = _gsf_tracks(particles, tracking, best, rng)
    gsf = gsf.extended({"eProbabilityHT": transition_radiation(latent, rng)})
    eta = -np.log(np.tan(0.5 * gsf["theta"]))
    energy = clusters["calE"][chosen.cluster]
    columns: dict[str, Array] = {
        "pt": energy / np.cosh(eta),
        "eta": eta,
        "phi": gsf["phi"],
        "m": np.full(len(eta), c.ELECTRON_MASS),
        "charge": np.sign(gsf["qOverP"]),
        "trackParticleLinks": gsf.links(np.arange(len(gsf)), event),
        "caloClusterLinks": clusters.links(chosen.cluster, event),
        "SCTWeightedCharge": _weighted_charge(tracks, chosen.own, gsf["qOverP"]),
    }
    columns |= _matching(tracks, clusters, chosen, rng)
    columns |= shower_shapes(latent, rng) | _flags(tracks, best, rng)
    columns |= _truth(particles, truth, event)
    return collect(event, particles.n_event, columns), gsf, chosen.own


def _truth_row(
    particles: Particles, tracking: Tracking, chosen: Candidates, around: Surroundings
) -> Integers:
    """Particle that each candidate is: that of the track, or a photon with most of the energy.

    The photon is taken only where the track is no electron's.
    """
    row = tracking.flown.truth[tracking.trajectory[chosen.own[:, 0]]]
    lead = around.lead[chosen.cluster]
    electron = np.abs(particles.pdg[row]) == ELECTRON
    photon = (particles.pdg[lead] == PHOTON) & (around.lead_share[chosen.cluster] > 0.5)
    return np.where(~electron & photon, lead, row)


def _latent(
    particles: Particles,
    tracking: Tracking,
    chosen: Candidates,
    found: tuple[Collection, Surroundings],
) -> Latent:
    clusters, around = found
    flown, cluster = tracking.flown, chosen.cluster
    trajectory = tracking.trajectory[chosen.own[:, 0]]
    return Latent(
        abseta=np.abs(clusters["calEta"][cluster]),
        retained=flown.retained[trajectory],
        hadronic=around.hadronic[cluster],
        ring=around.ring[cluster],
        second=around.second[cluster],
        impurity=around.impurity[cluster],
        electron=np.abs(particles.pdg[flown.particle[trajectory]]) == ELECTRON,
    )


def _gsf_tracks(
    particles: Particles, tracking: Tracking, best: Integers, rng: np.random.Generator
) -> Collection:
    """Refitted tracks, one per candidate: the momentum before and after bremsstrahlung.

    The refit makes up for what the ID track lost on average, with a worse resolution.
    """
    track, event = tracking.tracks, tracking.tracks.event[best]
    trajectory = tracking.trajectory[best]
    electron = np.abs(particles.pdg[tracking.flown.particle[trajectory]]) == ELECTRON
    apparent = np.exp(-c.GSF_APPARENT_LOSS * rng.exponential(1.0, len(best)))
    retained = np.where(electron, tracking.flown.retained[trajectory], apparent)
    q_over_p = track["qOverP"][best]
    lost = np.where(electron, c.TRACK_BREM_SHARE * c.GSF_RECOVERY * (1.0 - retained), 0.0)
    variance = track["definingParametersCovMatrixDiag"][best].copy()
    relative = np.sqrt(variance[:, 4]) / np.abs(q_over_p)
    added = relative * c.GSF_RESOLUTION[0] + c.GSF_RESOLUTION[1] * (1.0 - retained)
    normal = rng.standard_normal((2, len(best)))
    # Momentum errors are symmetric in ln p: the sign of the curvature stays.
    before = q_over_p * (1.0 - lost) * np.exp(added * normal[0])
    width = c.GSF_LAST_RESOLUTION * (1.0 + 2.0 * (1.0 - retained))
    after = np.abs(before / retained) * np.exp(width * normal[1])
    variance[:, 4] = before**2 * (relative**2 + added**2)
    theta, phi = track["theta"][best], track["phi"][best]
    columns = {name: track[name][best] for name in ("d0", "z0", "phi", "theta", "vz")}
    columns |= {name: track[name][best] for name in COPIED_HITS}
    columns |= {
        "qOverP": before,
        "charge": np.sign(before),
        "definingParametersCovMatrixDiag": variance,
        "QoverPLM": np.sign(before) * after,
        "parameterPX": np.sin(theta) * np.cos(phi) / after,
        "parameterPY": np.sin(theta) * np.sin(phi) / after,
        "parameterPZ": np.cos(theta) / after,
        "originalTrackParticle": track.links(best, event),
    }
    return collect(event, particles.n_event, columns)


def _matching(
    tracks: Collection, clusters: Collection, chosen: Candidates, rng: np.random.Generator
) -> dict[str, Array]:
    """Angles between track and cluster; the second with the momentum set to the energy."""
    energy = clusters["calE"][chosen.cluster]
    best = chosen.own[:, 0]
    scaled = np.sign(tracks["qOverP"][best]) / energy
    d0, z0, phi0, theta, _ = (parameter[best] for parameter in _helix(tracks))
    phi = azimuth((d0, z0, phi0, theta, scaled))
    eta = -np.log(np.tan(0.5 * tracks["theta"][best]))
    turn = clusters["calPhi"][chosen.cluster] - phi
    smeared = rng.standard_normal((2, len(best))) * np.array(c.CLUSTER_ANGLE)[:, None]
    smeared *= np.sqrt(30.0 / energy)
    eta_part = clusters["calEta"][chosen.cluster] - eta + smeared[0]
    return {
        "deltaEta1": eta_part,
        "deltaPhiRescaled2": np.arctan2(np.sin(turn), np.cos(turn)) + smeared[1],
    }


def _weighted_charge(tracks: Collection, own: npt.NDArray[np.int64], q_over_p: Floats) -> Floats:
    strips = np.where(own >= 0, tracks["numberOfSCTHits"][own].astype(float), 0.0)
    signed = (strips * np.sign(tracks["qOverP"][own])).sum(axis=1)
    return np.sign(q_over_p) * signed / np.maximum(strips.sum(axis=1), 1.0)


def _flags(tracks: Collection, best: Integers, rng: np.random.Generator) -> dict[str, Array]:
    late = tracks["numberOfInnermostPixelLayerHits"][best] == 0
    draws = rng.random((2, len(best)))
    ambiguous = (draws[0] < c.AMBIGUOUS_RATE[0]) | (late & (draws[0] < c.AMBIGUOUS_RATE[1]))
    kind = np.select([draws[1] < 0.4, draws[1] < 0.75], [5, 2], 3)
    bad = draws[1] < c.BAD_QUALITY_RATE
    return {
        "author": np.where(ambiguous, AMBIGUOUS, ELECTRON_AUTHOR).astype(np.uint16),
        "ambiguityType": np.where(ambiguous, kind, 0).astype(np.uint8),
        "OQ": np.where(bad, 1 << 22, 0).astype(np.uint32),
    }


def _truth(particles: Particles, row: Integers, event: Integers) -> dict[str, Array]:
    return {
        "truthType": particles.truth_type[row].astype(np.int32),
        "truthOrigin": particles.truth_origin[row].astype(np.int32),
        "truthPdgId": particles.pdg[row].astype(np.int32),
        "firstEgMotherTruthType": particles.eg_mother_type[row].astype(np.int32),
        "firstEgMotherTruthOrigin": particles.eg_mother_origin[row].astype(np.int32),
        "firstEgMotherPdgId": particles.eg_mother_pdg[row].astype(np.int32),
        "truthParticleLink": (row - particles.offsets[event]).astype(np.int32),
        "weight": particles.weight[row],
    }
