"""Loops over particles that convert, radiate or decay; GeV and mm.

Each kernel takes the particles of a batch and a random generator, and gives one row of `COLUMNS`
per new particle, event after event.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba as nb
import numpy as np
import numpy.typing as npt
from simulation import constants as c
from simulation.material import conversion_path, radiation
from simulation.transport import FourVector, Vector, boosted, path_to_radius, transport

Array = npt.NDArray[Any]
Rows = npt.NDArray[np.float64]
Random = np.random.Generator

COLUMNS = ("event", "source", "mother", "pdg", "px", "py", "pz", "e", "x", "y", "z")
COLUMNS += ("weight", "decay_radius", "retained")


class Batch(NamedTuple):
    """Particles as the kernels take them.

    Attributes
    ----------
    offsets : [n_event + 1]
    candidates : [n_particle]
        Those that may convert, radiate or decay.
    pdg, charge : [n_particle]
    momenta : [n_particle, 4]
        px, py, pz, e.
    points : [n_particle, 3]
    """

    offsets: Array
    candidates: Array
    pdg: Array
    charge: Array
    momenta: Array
    points: Array


@nb.njit
def _start(batch: Batch, i: int) -> tuple[Vector, FourVector]:
    point, momentum = batch.points[i], batch.momenta[i]
    return (point[0], point[1], point[2]), (momentum[0], momentum[1], momentum[2], momentum[3])


@nb.njit
def _scaled(momentum: FourVector, energy: float, mass: float) -> FourVector:
    """The same direction with another energy."""
    length = np.sqrt(momentum[0] ** 2 + momentum[1] ** 2 + momentum[2] ** 2)
    scale = np.sqrt(max(0.0, energy * energy - mass * mass)) / length
    return momentum[0] * scale, momentum[1] * scale, momentum[2] * scale, energy


@nb.njit
def pair_fraction(energy: float, rng: Random) -> float:
    """Share of the electron in the energy of a converted photon, by 1 - 4/3 x (1 - x)."""
    edge = c.ELECTRON_MASS / energy
    while True:
        share = edge + (1.0 - 2.0 * edge) * rng.random()
        if rng.random() < 1.0 - 4.0 / 3.0 * share * (1.0 - share):
            return share


@nb.njit
def _put(row: Array, ids: Vector, pdg: int, momentum: FourVector, point: Vector) -> None:
    """Fill a row: ids are event, source and mother; weight 1, all energy, no end."""
    row[0], row[1], row[2] = ids
    row[3] = pdg
    row[4], row[5], row[6], row[7] = momentum
    row[8], row[9], row[10] = point
    row[11], row[12], row[13] = 1.0, np.inf, 1.0


@nb.njit
def _put_pair(rows: Rows, ids: Vector, photon: FourVector, point: Vector, rng: Random) -> None:
    """Fill two rows with electron and positron of a photon, both along its direction."""
    part = photon[3] * pair_fraction(photon[3], rng)
    _put(rows[0], ids, 11, _scaled(photon, part, c.ELECTRON_MASS), point)
    _put(rows[1], ids, -11, _scaled(photon, photon[3] - part, c.ELECTRON_MASS), point)


@nb.njit
def conversions(batch: Batch, rng: Random) -> Rows:
    """Electrons and positrons of the photons that convert."""
    rows = np.empty((2 * np.count_nonzero(batch.candidates), len(COLUMNS)))
    count = 0
    for event in range(len(batch.offsets) - 1):
        start = batch.offsets[event]
        for i in range(start, batch.offsets[event + 1]):
            if not batch.candidates[i]:
                continue
            point, momentum = _start(batch, i)
            path = conversion_path(point, momentum, rng)
            if path == np.inf:
                continue
            place, _ = transport(point, momentum, 0, path)
            ids = (float(event), float(i - start), float(i - start))
            _put_pair(rows[count : count + 2], ids, momentum, place, rng)
            count += 2
    return rows[:count]


@nb.njit
def tridents(batch: Batch, retained: Array, rng: Random) -> Rows:
    """Hard photons of electrons that convert, and their pairs.

    `retained` [n_particle] is multiplied in place by the part of its energy that each candidate
    keeps behind the silicon detectors; the pairs radiate too, without further pairs.
    """
    rows = np.empty((3 * c.PHOTONS_MAX * np.count_nonzero(batch.candidates), len(COLUMNS)))
    count = 0
    for event in range(len(batch.offsets) - 1):
        start, new = batch.offsets[event], batch.offsets[event + 1] - batch.offsets[event]
        for i in range(start, batch.offsets[event + 1]):
            if not batch.candidates[i]:
                continue
            point, momentum = _start(batch, i)
            charge = int(batch.charge[i])
            born, shares, left = radiation(point, momentum, charge, rng)
            retained[i] *= left
            source = float(i - start)
            for k in range(len(born)):
                birth, along = transport(point, momentum, charge, born[k])
                photon = _scaled(along, shares[k] * momentum[3], 0.0)
                if np.hypot(photon[0], photon[1]) < c.PAIR_PT_MIN:
                    continue
                path = conversion_path(birth, photon, rng)
                if path == np.inf:
                    continue
                end, _ = transport(birth, photon, 0, path)
                _put(rows[count], (float(event), source, source), 22, photon, birth)
                rows[count, 12] = np.hypot(end[0], end[1])
                pair = (float(event), source, float(new))
                _put_pair(rows[count + 1 : count + 3], pair, photon, end, rng)
                for row in rows[count + 1 : count + 3]:
                    row[13] = _left_of(row, rng)
                count += 3
                new += 3
    return rows[:count]


@nb.njit
def _left_of(row: Array, rng: Random) -> float:
    """Part of its energy that the electron of a row keeps."""
    point, momentum = (row[8], row[9], row[10]), (row[4], row[5], row[6], row[7])
    return radiation(point, momentum, -int(np.sign(row[3])), rng)[2]


@nb.njit
def decay_chance(batch: Batch, i: int) -> tuple[float, float, float]:
    """Chance of a muon inside the detector; transverse path to its edge; transverse decay length.

    The chance is the branching fraction times that of any decay before the edge.
    """
    point, momentum = _start(batch, i)
    pt = np.hypot(momentum[0], momentum[1])
    pion = abs(batch.pdg[i]) == 211
    mass = np.sqrt(momentum[3] ** 2 - pt * pt - momentum[2] ** 2)
    length = pt / mass * (c.PION_DECAY_LENGTH if pion else c.KAON_DECAY_LENGTH)
    path = path_to_radius(point, momentum, int(batch.charge[i]), c.DECAY_RADIUS_MAX)
    along = abs(momentum[2]) / pt
    room = c.DECAY_Z_MAX - point[2] * np.sign(momentum[2])
    if path * along > room:
        path = room / along
    if path == np.inf or room <= 0.0:
        return 0.0, 0.0, length
    branching = c.PION_TO_MUON if pion else c.KAON_TO_MUON
    return branching * (1.0 - np.exp(-path / length)), path, length


@nb.njit
def muon_and_neutrino(hadron: FourVector, rng: Random) -> tuple[FourVector, FourVector]:
    """Momenta of the two, isotropic in the rest frame of the hadron."""
    mass = np.sqrt(hadron[3] ** 2 - hadron[0] ** 2 - hadron[1] ** 2 - hadron[2] ** 2)
    momentum = (mass**2 - c.MUON_MASS**2) / (2.0 * mass)
    cosine, phi = 2.0 * rng.random() - 1.0, 2.0 * np.pi * rng.random()
    sine = np.sqrt(1.0 - cosine * cosine)
    x, y, z = momentum * sine * np.cos(phi), momentum * sine * np.sin(phi), momentum * cosine
    muon = boosted((x, y, z, mass - momentum), hadron, mass)
    neutrino = (
        hadron[0] - muon[0],
        hadron[1] - muon[1],
        hadron[2] - muon[2],
        hadron[3] - muon[3],
    )
    return muon, neutrino


@nb.njit
def forced_decays(batch: Batch, fraction: float, rng: Random) -> Rows:
    """Muon and neutrino of one candidate in a fraction of the events, with their weight."""
    rows = np.empty((2 * (len(batch.offsets) - 1), len(COLUMNS)))
    count = 0
    for event in range(len(batch.offsets) - 1):
        start = batch.offsets[event]
        listed = np.flatnonzero(batch.candidates[start : batch.offsets[event + 1]])
        if len(listed) == 0 or rng.random() >= fraction:
            continue
        source = listed[int(rng.random() * len(listed))]
        i = start + source
        chance, path, length = decay_chance(batch, i)
        if chance == 0.0:
            continue
        flown = -length * np.log(1.0 - rng.random() * (1.0 - np.exp(-path / length)))
        point, momentum = _start(batch, i)
        place, hadron = transport(point, momentum, int(batch.charge[i]), flown)
        muon, neutrino = muon_and_neutrino(hadron, rng)
        ids = (float(event), float(source), float(source))
        sign = 1 if batch.pdg[i] > 0 else -1
        _put(rows[count], ids, -13 * sign, muon, place)
        _put(rows[count + 1], ids, 14 * sign, neutrino, place)
        rows[count : count + 2, 11] = len(listed) * chance / fraction
        count += 2
    return rows[:count]
