"""The particles behind leptons and tracks, as `TruthParticles` of ATLAS files keep them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from simulation import constants as c
from simulation.collection import NO_LINK, Array, Collection, collect
from simulation.particles import Integers, Particles
from simulation.precision import round_mantissa

STABLE, DECAYED = 1, 2
LINK = "truthParticleLink"


class Truth(NamedTuple):
    """Truth particles, and the collections whose `truthParticleLink` points to them."""

    particles: Collection
    linked: list[Collection]


def truth_particles(particles: Particles, collections: Sequence[Collection]) -> Truth:
    """Particles that objects come from, with all their ancestors.

    Objects of pile-up lose their link, as there is no truth of pile-up in ATLAS files.

    Parameters
    ----------
    collections : objects whose `truthParticleLink` is a position in the event's `particles`
    """
    rows = [_rows(particles, objects) for objects in collections]
    kept = _with_ancestors(particles, np.concatenate(rows))
    place = np.full(particles.n_particle + 1, NO_LINK)
    place[kept] = np.arange(len(kept))
    event = particles.event[kept]
    found = collect(event, particles.n_event, {})
    mother = particles.mother[kept].astype(np.int64)
    parent = np.where(mother < 0, NO_LINK, mother + particles.offsets[event])
    linked = [
        objects.extended({LINK: found.links(place[row], objects.event)})
        for objects, row in zip(collections, rows, strict=True)
    ]
    columns = {"parentLinks": found.links(place[parent], event)}
    return Truth(found.extended(columns | _columns(particles, kept)), linked)


def _rows(particles: Particles, objects: Collection) -> Integers:
    """Flat position of the particle of each object, -1 for none and for pile-up."""
    local = objects[LINK].astype(np.int64)
    rows = np.where(local < 0, NO_LINK, local + particles.offsets[objects.event])
    pileup = (rows >= 0) & (particles.interaction[rows] > 0)
    return np.where(pileup, NO_LINK, rows)


def _with_ancestors(particles: Particles, rows: Integers) -> Integers:
    """Flat positions of particles and of all before them, each once, in their order."""
    kept = np.zeros(particles.n_particle, dtype=bool)
    new = np.unique(rows[rows >= 0])
    while len(new):
        kept[new] = True
        mother = particles.mother[new].astype(np.int64)
        above = (mother + particles.offsets[particles.event[new]])[mother >= 0]
        new = np.unique(above[~kept[above]])
    return np.flatnonzero(kept)


def _columns(particles: Particles, kept: Integers) -> dict[str, Array]:
    momentum = {name: getattr(particles, name)[kept] for name in ("px", "py", "pz", "e")}
    square = momentum["e"] ** 2 - sum(momentum[axis] ** 2 for axis in ("px", "py", "pz"))
    bits = c.TRUTH_MANTISSA_BITS
    # What is left of massless particles is noise, which does not compress.
    stored = momentum | {"m": np.round(np.sqrt(np.maximum(square, 0.0)), 5)}
    in_file = {n: round_mantissa(1e3 * v, bits).astype(float) / 1e3 for n, v in stored.items()}
    places = {f"prodVtx_{axis}": getattr(particles, axis)[kept] for axis in "xyz"}
    stable = np.isinf(particles.decay_radius[kept])
    number = kept - particles.offsets[particles.event[kept]] + 1
    return in_file | {
        "pdgId": particles.pdg[kept],
        "status": np.where(stable, STABLE, DECAYED).astype(np.int32),
        "uid": number.astype(np.int32),
        **{n: round_mantissa(v, bits).astype(float) for n, v in places.items()},
    }
