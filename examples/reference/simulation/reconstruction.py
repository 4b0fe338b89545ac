"""From particles to everything that a file holds: the detector in one function."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from simulation import constants as c
from simulation import muons as muon_system
from simulation import tracks as tracking
from simulation.calorimeter import Deposits, calorimeter_isolation, deposits
from simulation.clusters import clusters
from simulation.collection import Array, Collection
from simulation.electrons import electrons as electron_candidates
from simulation.isolation import track_isolation
from simulation.jets import jets as find_jets
from simulation.particles import Floats, Integers, Particles
from simulation.precision import stored
from simulation.secondary_vertices import Vertices, distances, find, secondary_vertices
from simulation.spectrometer import energy_loss
from simulation.trajectories import trajectories
from simulation.truth import truth_particles
from simulation.vertices import primary_vertices, with_vertices

DETECTOR_STREAM = 2
LONGITUDINAL = "PromptLeptonImprovedInput_CandVertex_normDistToPriVtxLongitudinalBest"


@dataclass(frozen=True)
class Reconstructed:
    """All objects of a batch of events; GeV and mm, ATLAS names.

    `tracks` are `InDetTrackParticles`; `gsf_tracks`, `combined_tracks`, `extrapolated_tracks`
    belong to electrons and muons; `clusters` are `egammaClusters`, `muon_clusters` one per muon.
    """

    tracks: Collection
    gsf_tracks: Collection
    combined_tracks: Collection
    extrapolated_tracks: Collection
    electrons: Collection
    clusters: Collection
    muons: Collection
    muon_clusters: Collection
    primary_vertices: Collection
    jets: Collection
    secondary_vertices: Collection
    truth_particles: Collection


def reconstruct(particles: Particles, seed: int) -> Reconstructed:
    """What the detector makes of particles; the same for the same particles and seed.

    Raises
    ------
    ValueError : there are no events
    """
    if particles.n_event == 0:
        message = "no events to reconstruct; generate at least one"
        raise ValueError(message)
    rng = _stream(particles, seed)
    flown = trajectories(particles, rng)
    bare = tracking.reconstruct(particles, flown, rng)
    bare = bare._replace(tracks=stored(bare.tracks))
    vertices = primary_vertices(particles, bare.tracks, rng)
    tracks = stored(with_vertices(bare.tracks, vertices))
    inner = bare._replace(tracks=tracks)
    cells = deposits(particles, rng)
    found = clusters(cells)
    made = electron_candidates(particles, inner, found, rng)
    system = muon_system.muons(particles, inner, rng)
    losses, muon_clusters = energy_loss(cells, system.muons, rng)
    event = _Event(particles, tracks, vertices, cells)
    electrons, at_electrons = _surrounded(event, made[0], made[2], rng, electron=True)
    bare_muons = system.muons.extended(losses)
    muons, at_muons = _surrounded(event, bare_muons, system.own, rng, electron=False)
    truth = truth_particles(particles, (tracks, electrons, muons))
    tracks, electrons, muons = truth.linked
    sources = [("electronLink", electrons, at_electrons), ("muonLink", muons, at_muons)]
    return Reconstructed(
        tracks=tracks,
        gsf_tracks=made[1],
        combined_tracks=system.combined,
        extrapolated_tracks=system.extrapolated,
        electrons=electrons,
        clusters=found[0],
        muons=muons,
        muon_clusters=muon_clusters,
        primary_vertices=vertices,
        jets=find_jets(particles, cells, muons, electrons),
        secondary_vertices=secondary_vertices(particles.n_event, sources),
        truth_particles=truth.particles,
    )


def _stream(particles: Particles, seed: int) -> np.random.Generator:
    """The random numbers of a batch: it is known by its process and its first event."""
    batch = (int(particles.process[0]), int(particles.event_number[0]))
    return np.random.default_rng([seed, DETECTOR_STREAM, *batch])


class _Event(NamedTuple):
    """What surrounds leptons."""

    particles: Particles
    tracks: Collection
    vertices: Collection
    cells: Deposits


def _surrounded(
    around: _Event,
    leptons: Collection,
    own: Integers,
    rng: np.random.Generator,
    *,
    electron: bool,
) -> tuple[Collection, Vertices]:
    """Leptons with isolation and the distance of their secondary vertices, and those vertices."""
    particles, tracks, vertices, cells = around
    event, place = leptons.event, (leptons["eta"], leptons["phi"])
    lepton = (leptons["pt"], *place)
    columns: dict[str, Array] = dict(track_isolation(tracks, event, lepton, own, electron))
    pileup = particles.pileup[event].astype(float)
    columns |= calorimeter_isolation(
        cells, event, lepton, pileup=pileup, electron=electron, rng=rng
    )
    found = find(tracks, own[:, 0], event, place)
    first = vertices.offsets[event]
    position = np.stack([vertices[axis][first] for axis in "xyz"], axis=1)
    primary = (position, vertices["covariance"][first])
    return leptons.extended(columns | _longitudinal(found, primary, leptons, electron)), found


def _longitudinal(
    found: Vertices, primary: tuple[Floats, Floats], leptons: Collection, electron: bool
) -> dict[str, Array]:
    eta, phi = leptons["eta"], leptons["phi"]
    flight = np.stack([np.cos(phi), np.sin(phi), np.sinh(eta)], axis=1) / np.cosh(eta)[:, None]
    barrel, endcap = c.SECONDARY_THETA
    angle = (
        np.where(np.abs(eta) < c.BARREL_ABSETA, barrel, endcap) if electron else np.zeros(len(eta))
    )
    best = distances(found, primary, flight, angle).max(axis=1, initial=-np.inf)
    name = LONGITUDINAL + "_ThetaCutVtx" if electron else LONGITUDINAL
    return {name: np.where(np.isfinite(best), best, 0.0)}
