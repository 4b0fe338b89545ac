"""The event record of Pythia as flat arrays, and which of its entries make particles."""

from __future__ import annotations

from typing import Any, NamedTuple

import awkward as ak
import numba as nb
import numpy as np
import numpy.typing as npt
from simulation import constants as c
from simulation.ancestry import is_hadron

Array = npt.NDArray[Any]

BEAMS = 3  # the first entries: the event as a whole and the two protons
HARD_PROCESS = 23  # status, without sign, of what leaves the hard process
TOP = 6
UNUSED, NEEDED = -2, -1  # what becomes of an entry, before it has a place


class Record(NamedTuple):
    """One batch of Pythia's event record; GeV and mm.

    Attributes
    ----------
    offsets : [n_event + 1]
    pdg, status, mother, daughter : [n_entry]
        Mother and first daughter are positions inside the event, 0 where there is none.
    px, py, pz, e, x, y, z : [n_entry]
    """

    offsets: Array
    pdg: Array
    status: Array
    mother: Array
    daughter: Array
    px: Array
    py: Array
    pz: Array
    e: Array
    x: Array
    y: Array
    z: Array


class Kept(NamedTuple):
    """Which entries of a record make particles.

    A particle that Pythia lists several times over (recoils, radiation) is one particle: born as
    its first entry, with the momentum of its last.

    Attributes
    ----------
    offsets : [n_event + 1]
    first, last : [n_particle]
        Entries of the record.
    mother : [n_particle]
        Position among the kept particles of the event, -1 if none is kept.
    hard : [n_particle]
        Born in the hard process.
    """

    offsets: Array
    first: Array
    last: Array
    mother: Array
    hard: Array


def read(batch: ak.Array) -> Record:
    """The record of a batch as `pythia.nextBatch` returns it."""
    entries = batch.prt
    content = ak.to_packed(entries).layout
    flat = content.content
    points = flat.content("vProd")
    at = np.asarray(points.index.data)

    def production(axis: str) -> Array:
        # An entry without a vertex is born at the origin.
        listed = np.append(np.asarray(points.content.content(axis).data), 0.0)
        return listed[at]

    momentum = flat.content("p")
    return Record(
        np.asarray(content.offsets.data).astype(np.int64),
        *(flat.content(k).data.astype(np.int64) for k in ("id", "status", "mother1", "daughter1")),
        *(np.asarray(momentum.content(axis).data) for axis in ("px", "py", "pz", "e")),
        *(production(axis) for axis in ("px", "py", "pz")),
    )


@nb.njit
def _has_history(pdg: int) -> bool:
    code = abs(pdg)
    return code == 6 or 11 <= code <= 16 or 22 <= code <= 25 or is_hadron(code)


@nb.njit
def _is_parton(pdg: int) -> bool:
    code = abs(pdg)
    light = code <= 8 and code != TOP
    return light or code == 21 or (code > 1000 and (code // 10) % 10 == 0)


@nb.njit
def _kept_mother(pdg: Array, mother: Array, i: int) -> int:
    """Nearest mother with a history, -1 if none: partons lead to a hadron that decayed to them."""
    up = mother[i]
    through_partons = False
    for _ in range(len(pdg)):
        if up < BEAMS or not _is_parton(pdg[up]):
            break
        through_partons = True
        up = mother[up]
    if up < BEAMS or not _has_history(pdg[up]):
        return -1
    return up if is_hadron(pdg[up]) or not through_partons else -1


@nb.njit
def _is_accepted(pdg: int, status: int, px: float, py: float, pz: float) -> bool:
    pt = np.hypot(px, py)
    if status <= 0 or pt < c.PARTICLE_PT_MIN or not _has_history(pdg):
        return False
    return abs(pz) < pt * np.sinh(c.PARTICLE_ETA_MAX)


@nb.njit
def keep(record: Record) -> tuple[Array, Array, Array, Array, Array]:
    """Accepted final particles and all their ancestors with a history, as the fields of `Kept`."""
    offsets = np.zeros(len(record.offsets), np.int64)
    n_entry = len(record.pdg)
    firsts, lasts = np.empty(n_entry, np.int64), np.empty(n_entry, np.int64)
    mothers, hard = np.empty(n_entry, np.int64), np.empty(n_entry, np.bool_)
    first, last, place = np.empty((3, n_entry), np.int64)
    count = 0
    for event in range(len(offsets) - 1):
        start, stop = record.offsets[event], record.offsets[event + 1]
        pdg, status = record.pdg[start:stop], record.status[start:stop]
        mother, size = record.mother[start:stop], stop - start
        for i in range(size):
            first[i] = last[i] = i
            place[i] = UNUSED
        for i in range(BEAMS, size):
            up = mother[i]
            if BEAMS <= up < i and pdg[up] == pdg[i] and _has_history(pdg[i]):
                first[i] = first[up]
                last[first[up]] = i
        for i in range(BEAMS, size):
            entry = start + i
            momentum = record.px[entry], record.py[entry], record.pz[entry]
            if not _is_accepted(pdg[i], status[i], *momentum):
                continue
            at = first[i]
            while at >= 0 and place[at] == UNUSED:
                place[at] = NEEDED
                up = _kept_mother(pdg, mother, at)
                at = first[up] if up >= 0 else -1
        for i in range(BEAMS, size):
            if place[i] == UNUSED:
                continue
            place[i] = count - offsets[event]
            up = _kept_mother(pdg, mother, i)
            mothers[count] = place[first[up]] if up >= 0 else -1
            firsts[count], lasts[count] = start + i, start + last[i]
            hard[count] = abs(status[i]) == HARD_PROCESS
            count += 1
        offsets[event + 1] = count
    return offsets, firsts[:count], lasts[:count], mothers[:count], hard[:count]
