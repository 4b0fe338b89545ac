"""The particles of a batch of events: what generation hands to the detector."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

NO_MOTHER = -1
SMALLEST_PT = 1e-9  # GeV; keeps the pseudorapidity along the beam finite
HARD_SCATTER = 0
UNDERLYING_EVENT = -1

PER_PARTICLE: dict[str, str] = {
    "pdg": "i4",
    "charge": "i1",
    "final": "?",
    "mother": "i4",
    "px": "f8",
    "py": "f8",
    "pz": "f8",
    "e": "f8",
    "x": "f8",
    "y": "f8",
    "z": "f8",
    "decay_radius": "f8",
    "retained": "f8",
    "weight": "f8",
    "truth_type": "i2",
    "truth_origin": "i2",
    "eg_mother_type": "i2",
    "eg_mother_origin": "i2",
    "eg_mother_pdg": "i4",
    "track_origin": "i1",
    "vertex": "i4",
    "interaction": "i2",
}
PER_EVENT: dict[str, str] = {
    "event_weight": "f8",
    "pileup": "f4",
    "primary_vertex": "f8",
    "process": "i2",
    "event_number": "i8",
}


@dataclass(frozen=True, eq=False)
class Particles:
    """Particles of a batch, one event after the other; GeV and mm.

    The particles of event `i` are `offsets[i]:offsets[i + 1]`. A mother stands before its
    daughters. Neutrinos are in the list, but they do not reach the detector: `final` is False
    and `decay_radius` infinite.

    Parameters
    ----------
    offsets : [n_event + 1]
    pdg : [n_particle]
    charge : [n_particle], in units of e
    final : [n_particle]
        Reaches the detector.
    mother : [n_particle]
        Position inside the event, -1 where none is kept.
    px, py, pz, e : [n_particle], GeV
        At the production vertex.
    x, y, z : [n_particle], mm
        Production vertex.
    decay_radius : [n_particle], mm
        Distance of the end from the beam line (z axis), infinite if the particle does not end.
    retained : [n_particle]
        Part of the energy that bremsstrahlung leaves behind the silicon detectors, 1 for all but
        electrons.
    weight : [n_particle]
        Of the forced decay that the particle comes from, else 1.
    truth_type, truth_origin : [n_particle]
        Codes of MCTruthClassifier, 0 where a particle is neither a lepton, a photon nor a hadron.
    eg_mother_type, eg_mother_origin, eg_mother_pdg : [n_particle]
        `firstEgMother*` of electrons and photons, 0 elsewhere.
    track_origin : [n_particle]
        0 Pileup, 1 Fake, 2 Primary, 3 FromB, 4 FromBC, 5 FromC, 6 FromTau, 7 OtherSecondary.
    vertex : [n_particle]
        Label inside the event: 0 primary, 1 and up secondary; -(k + 1) in pile-up interaction k.
    interaction : [n_particle]
        0 hard scatter, -1 underlying event laid over it, k >= 1 pile-up interaction.
    event_weight : [n_event]
    pileup : [n_event]
        Mean number of interactions per crossing.
    primary_vertex : [n_event, 3], mm
        True position.
    process : [n_event]
        Index into `processes.PROCESSES`.
    event_number : [n_event]
    """

    offsets: Integers
    pdg: npt.NDArray[np.int32]
    charge: npt.NDArray[np.int8]
    final: Bools
    mother: npt.NDArray[np.int32]
    px: Floats
    py: Floats
    pz: Floats
    e: Floats
    x: Floats
    y: Floats
    z: Floats
    decay_radius: Floats
    retained: Floats
    weight: Floats
    truth_type: npt.NDArray[np.int16]
    truth_origin: npt.NDArray[np.int16]
    eg_mother_type: npt.NDArray[np.int16]
    eg_mother_origin: npt.NDArray[np.int16]
    eg_mother_pdg: npt.NDArray[np.int32]
    track_origin: npt.NDArray[np.int8]
    vertex: npt.NDArray[np.int32]
    interaction: npt.NDArray[np.int16]
    event_weight: Floats
    pileup: npt.NDArray[np.float32]
    primary_vertex: Floats
    process: npt.NDArray[np.int16]
    event_number: Integers

    @property
    def n_event(self) -> int:
        """Number of events."""
        return len(self.offsets) - 1

    @property
    def n_particle(self) -> int:
        """Number of particles in all events."""
        return int(self.offsets[-1])

    @cached_property
    def event(self) -> Integers:
        """Event of each particle, [n_particle]."""
        return np.repeat(np.arange(self.n_event), np.diff(self.offsets))

    @cached_property
    def pt(self) -> Floats:
        """Transverse momentum, [n_particle], GeV."""
        return np.hypot(self.px, self.py)

    @cached_property
    def eta(self) -> Floats:
        """Pseudorapidity of the momentum, [n_particle]; large but finite along the beam."""
        return np.arcsinh(self.pz / np.maximum(self.pt, SMALLEST_PT))

    @cached_property
    def phi(self) -> Floats:
        """Azimuth of the momentum, [n_particle], from -pi to pi."""
        return np.arctan2(self.py, self.px)


def columns(particles: Particles) -> dict[str, npt.NDArray[Any]]:
    """All arrays by name, in the order of the dataclass, without a copy."""
    return {field.name: getattr(particles, field.name) for field in fields(particles)}


def build(offsets: npt.ArrayLike, **arrays: npt.ArrayLike) -> Particles:
    """Particles from columns of any width, cast to the widths of `Particles`.

    Columns that are left out get what a particle of the hard scatter without a history has:
    no mother, weight and part retained 1, final, infinite decay radius, all codes 0.

    Raises
    ------
    ValueError : a column has the wrong length or an unknown name
    """
    edges = np.asarray(offsets, dtype=np.int64)
    lengths = dict.fromkeys(PER_PARTICLE, int(edges[-1])) | dict.fromkeys(PER_EVENT, len(edges) - 1)
    if unknown := set(arrays) - set(lengths):
        message = f"Particles has no columns {sorted(unknown)}; it has {sorted(lengths)}"
        raise ValueError(message)
    defaults = {"mother": -1, "weight": 1.0, "retained": 1.0, "event_weight": 1.0, "final": True}
    made: dict[str, npt.NDArray[Any]] = {}
    for name, dtype in (PER_PARTICLE | PER_EVENT).items():
        shape = (lengths[name], 3) if name == "primary_vertex" else (lengths[name],)
        default = np.inf if name == "decay_radius" else defaults.get(name, 0)
        array = np.asarray(arrays.get(name, np.full(shape, default)), dtype=dtype)
        if array.shape != shape:
            message = f"column {name} has shape {array.shape}, the offsets ask for {shape}"
            raise ValueError(message)
        made[name] = np.ascontiguousarray(array)
    return Particles(offsets=edges, **made)


def concatenate(batches: Sequence[Particles]) -> Particles:
    """All events of several batches, in their order.

    Raises
    ------
    ValueError : there is no batch
    """
    if not batches:
        message = "nothing to concatenate; pass at least one batch of particles"
        raise ValueError(message)
    counts = np.concatenate([np.diff(batch.offsets) for batch in batches])
    arrays = {
        name: np.concatenate([getattr(batch, name) for batch in batches])
        for name in PER_PARTICLE | PER_EVENT
    }
    return Particles(offsets=offsets_of(counts), **arrays)


def select_events(particles: Particles, which: npt.ArrayLike) -> Particles:
    """The events of a mask [n_event] or of positions, in that order; an event may come twice."""
    picked = np.asarray(which)
    chosen = np.arange(particles.n_event)[picked if picked.size else picked.astype(int)]
    counts = np.diff(particles.offsets)[chosen]
    offsets = offsets_of(counts)
    rows = np.arange(offsets[-1]) + np.repeat(particles.offsets[chosen] - offsets[:-1], counts)
    arrays = {name: getattr(particles, name)[rows] for name in PER_PARTICLE}
    arrays |= {name: getattr(particles, name)[chosen] for name in PER_EVENT}
    return Particles(offsets=offsets, **arrays)


def append(particles: Particles, event: npt.ArrayLike, **arrays: npt.ArrayLike) -> Particles:
    """Particles with new ones behind those of their events.

    Parameters
    ----------
    event : [n_new]
        Event of each new particle; those of one event keep their order.
    arrays : [n_new] each
        Their columns, as for `build`.
    """
    events = np.asarray(event, dtype=np.int64)
    order = np.argsort(events, kind="stable")
    extra = np.bincount(events, minlength=particles.n_event)
    offsets = particles.offsets + offsets_of(extra)
    is_old = np.zeros(offsets[-1], dtype=bool)
    is_old[np.arange(particles.n_particle) + offsets_of(extra)[particles.event]] = True
    ordered = {name: np.asarray(column)[order] for name, column in arrays.items()}
    new = build(offsets_of(extra), **ordered)
    merged: dict[str, npt.NDArray[Any]] = {}
    for name, dtype in PER_PARTICLE.items():
        merged[name] = np.empty(offsets[-1], dtype)
        merged[name][is_old] = getattr(particles, name)
        merged[name][~is_old] = getattr(new, name)
    return replace(particles, offsets=offsets, **merged)


def offsets_of(counts: npt.ArrayLike) -> Integers:
    """Offsets [n + 1] of consecutive groups with the given sizes [n]."""
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
