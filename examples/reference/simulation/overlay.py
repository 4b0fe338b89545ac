"""Minimum-bias events laid over hard ones: the underlying event and pile-up.

The underlying event keeps all its particles and their history. Of pile-up stay, without a history,
charged particles that can be tracks near the primary vertex, and, wherever they come from, neutral
and harder charged particles for the calorimeter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from simulation import constants as c
from simulation.generate import batches
from simulation.particles import (
    NO_MOTHER,
    PER_PARTICLE,
    UNDERLYING_EVENT,
    Floats,
    Integers,
    Particles,
    concatenate,
    offsets_of,
    select_events,
)

PILEUP_TRACK = 0  # of `Particles.track_origin`


def pool(n_event: int, seed: int) -> Particles:
    """Minimum-bias events to lay over hard ones, without forced decays.

    Their hard electrons and muons do not reach the detector: the few of a pool would be found
    thousands of times.

    Raises
    ------
    ValueError : numbers out of range
    """
    made = concatenate(list(batches("minbias", n_event, seed, forced_decays=0.0)))
    lepton = np.isin(abs(made.pdg), (11, 13)) & (made.pt > c.POOL_LEPTON_PT_MAX)
    ends = np.where(lepton, 0.0, made.decay_radius)
    return replace(made, final=made.final & ~lepton, decay_radius=ends)


def overlay(
    hard: Particles,
    minbias: Particles,
    rng: np.random.Generator,
    *,
    mean: float = c.PILEUP_MEAN,
    spread: float = c.PILEUP_SPREAD,
    underlying_event: bool = True,
    reach: float = c.PILEUP_REACH,
) -> Particles:
    """Hard events with an underlying event and pile-up.

    Parameters
    ----------
    hard : [n_event]
    minbias : [n_pool]
        From `pool`; each event serves many times.
    rng : draws interactions, their events and their vertices
    mean, spread : of the mean number of interactions per crossing, which varies between events
    underlying_event : lay one event at the primary vertex; not over events made with `mpi`
    reach : mm
        Largest distance in z from the primary vertex, times sin(theta), of soft charged pile-up.

    Raises
    ------
    ValueError : the pool is empty
    """
    if not minbias.n_event:
        message = "the pool of minimum-bias events is empty; make one with pool(n_event, seed)"
        raise ValueError(message)
    least, most = c.PILEUP_RANGE
    # A smaller mean is asked for on purpose: 0 is no pile-up at all.
    pileup = np.clip(rng.normal(mean, spread, hard.n_event), min(least, mean), most)
    layers = [hard]
    if underlying_event:
        layers.append(_underlying_event(hard, minbias, rng))
    layers.append(_pileup(hard, minbias, rng, rng.poisson(pileup), reach))
    return replace(_stacked(layers), pileup=pileup.astype(np.float32))


def _underlying_event(hard: Particles, minbias: Particles, rng: np.random.Generator) -> Particles:
    """One event of the pool at each primary vertex, its labels behind those of the hard event.

    A hard scatter comes with a central collision: events of the pool are taken in proportion to
    their charged particles, as to the number of their parton interactions.
    """
    charged = minbias.final & (minbias.charge != 0) & (minbias.pt > c.PILEUP_CHARGED_PT_MIN)
    activity = 1.0 + np.bincount(minbias.event[charged], minlength=minbias.n_event)
    taken = rng.choice(minbias.n_event, hard.n_event, p=activity / activity.sum())
    drawn = select_events(minbias, taken)
    turned = _turned(drawn, drawn.primary_vertex[drawn.event], *_turns(rng, drawn.event))
    x, y, z = hard.primary_vertex[drawn.event].T
    known = np.zeros(hard.n_event, np.int32)
    np.maximum.at(known, hard.event, hard.vertex)
    before = np.diff(hard.offsets)[drawn.event]
    return replace(
        drawn,
        **turned | {"x": turned["x"] + x, "y": turned["y"] + y, "z": turned["z"] + z},
        mother=np.where(drawn.mother < 0, NO_MOTHER, drawn.mother + before),
        vertex=np.where(drawn.vertex > 0, drawn.vertex + known[drawn.event], 0),
        interaction=np.full(drawn.n_particle, UNDERLYING_EVENT),
    )


def _pileup(
    hard: Particles,
    minbias: Particles,
    rng: np.random.Generator,
    n_interaction: Integers,
    reach: float,
) -> Particles:
    """Particles of `n_interaction` [n_event] events of the pool at vertices of their own."""
    event = np.repeat(np.arange(hard.n_event), n_interaction)
    number = np.arange(len(event)) - offsets_of(n_interaction)[event] + 1
    source = rng.integers(minbias.n_event, size=len(event))
    vertex = rng.normal(c.BEAM_SPOT, c.BEAM_SPOT_SIZE, (len(event), 3))
    row, pick = _usable_rows(minbias, source)
    away = abs(vertex[:, 2] - hard.primary_vertex[event, 2])[pick]
    pt = minbias.pt[row]
    sine = pt / np.hypot(pt, minbias.pz[row])
    kept = (away * sine < reach) | (minbias.charge[row] == 0) | (pt > c.PILEUP_FAR_PT_MIN)
    row, pick = row[kept], pick[kept]
    columns = {name: getattr(minbias, name)[row] for name in PER_PARTICLE}
    columns |= _turned(minbias, minbias.primary_vertex[source][pick], *_turns(rng, pick), row)
    columns |= {axis: columns[axis] + vertex[pick, i] for i, axis in enumerate("xyz")}
    columns |= {
        "mother": np.full(len(row), NO_MOTHER),
        "track_origin": np.full(len(row), PILEUP_TRACK),
        "vertex": -(number[pick] + 1),
        "interaction": number[pick],
    }
    counts = np.bincount(event[pick], minlength=hard.n_event)
    return replace(hard, offsets=offsets_of(counts), **columns)


def _turns(rng: np.random.Generator, event: Integers) -> tuple[Floats, Floats]:
    """Angle around the beam and side of the detector, 1 or -1, of the `event` [n] of particles.

    An event of the pool serves many times; this way it is not the same each time.
    """
    n = int(event.max(initial=-1)) + 1
    return rng.uniform(-np.pi, np.pi, n)[event], rng.choice([-1.0, 1.0], n)[event]


def _turned(
    particles: Particles,
    origin: Floats,
    angle: Floats,
    side: Floats,
    row: Integers | slice = slice(None),
) -> dict[str, Floats]:
    """Momenta, and positions relative to `origin` [n, 3], turned around the beam and mirrored."""
    cosine, sine = np.cos(angle), np.sin(angle)
    px, py = particles.px[row], particles.py[row]
    x, y = particles.x[row] - origin[:, 0], particles.y[row] - origin[:, 1]
    return {
        "px": cosine * px - sine * py,
        "py": sine * px + cosine * py,
        "pz": side * particles.pz[row],
        "x": cosine * x - sine * y,
        "y": sine * x + cosine * y,
        "z": side * (particles.z[row] - origin[:, 2]),
    }


def _usable_rows(minbias: Particles, source: Integers) -> tuple[Integers, Integers]:
    """Particles of the events `source` that pile-up may consist of, and their pick."""
    pt, charged = minbias.pt, minbias.charge != 0
    least = np.where(charged, c.PILEUP_CHARGED_PT_MIN, c.PILEUP_NEUTRAL_PT_MIN)
    usable = minbias.final & (pt > least) & (abs(minbias.eta) < c.PILEUP_ETA_MAX)
    bounds = offsets_of(usable)[minbias.offsets]
    counts = np.diff(bounds)[source]
    pick = np.repeat(np.arange(len(source)), counts)
    within = np.arange(len(pick)) - offsets_of(counts)[pick]
    return np.flatnonzero(usable)[bounds[source][pick] + within], pick


def _stacked(layers: Sequence[Particles]) -> Particles:
    """The particles of all layers, event by event in the order of the layers."""
    counts = np.array([np.diff(layer.offsets) for layer in layers])
    offsets = offsets_of(counts.sum(axis=0))
    starts = offsets[:-1] + np.cumsum(counts, axis=0) - counts
    places = [
        np.arange(layer.n_particle) + (start - layer.offsets[:-1])[layer.event]
        for layer, start in zip(layers, starts, strict=True)
    ]
    columns: dict[str, npt.NDArray[Any]] = {}
    for name, dtype in PER_PARTICLE.items():
        columns[name] = np.empty(offsets[-1], dtype)
        for layer, place in zip(layers, places, strict=True):
            columns[name][place] = getattr(layer, name)
    return replace(layers[0], offsets=offsets, **columns)
