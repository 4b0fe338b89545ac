"""Material of the inner detector: which surfaces a particle crosses, and what happens there.

Barrels are cylinders around the beam line, discs and flanges are rings across it.
"""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np
import numpy.typing as npt
from simulation import constants as c
from simulation.transport import FourVector, Vector, path_to_radius, transport

Array = npt.NDArray[Any]
Random = np.random.Generator

CYLINDERS = np.array(c.MATERIAL_CYLINDERS)
RINGS = np.array(c.MATERIAL_RINGS)
# Number of photons per radiation length above the least fraction of the electron's energy, and
# part of the energy that goes into softer ones, by (4/3 (1 - y) + y^2) / y.
LEAST = c.BREMSSTRAHLUNG_FRACTION_MIN
PHOTONS = -4.0 / 3.0 * (np.log(LEAST) + 1.0 - LEAST) + (1.0 - LEAST**2) / 2.0
SOFT = 4.0 / 3.0 * (LEAST - LEAST**2 / 2.0) + LEAST**3 / 3.0
NEAREST = 0.01  # mm; what begins on a surface does not cross it again


@nb.njit
def _insert(paths: Array, thicknesses: Array, count: int, path: float, thickness: float) -> None:
    """Put one more surface among `count` sorted ones; a general sort compiles for seconds."""
    place = count
    while place > 0 and paths[place - 1] > path:
        paths[place], thicknesses[place] = paths[place - 1], thicknesses[place - 1]
        place -= 1
    paths[place], thicknesses[place] = path, thickness


@nb.njit
def crossings(point: Vector, momentum: FourVector, charge: int) -> tuple[Array, Array]:
    """Surfaces on the way of a particle, nearest first, each once.

    Returns
    -------
    transverse path to each [n_crossed, mm], and its thickness along the way [X0]
    """
    paths, thicknesses = np.empty((2, len(CYLINDERS) + len(RINGS)))
    pt, count = np.hypot(momentum[0], momentum[1]), 0
    slant, side = np.hypot(1.0, momentum[2] / pt), np.sign(momentum[2])
    for k in range(len(CYLINDERS)):
        radius, nearest, farthest, thickness = CYLINDERS[k]
        path = path_to_radius(point, momentum, charge, radius)
        if NEAREST < path < np.inf:
            z = abs(point[2] + path * momentum[2] / pt)
            if nearest <= z < farthest:
                _insert(paths, thicknesses, count, path, thickness * slant)
                count += 1
    for k in range(len(RINGS)):
        z, inner, outer, thickness = RINGS[k]
        path = (z - side * point[2]) * pt / max(abs(momentum[2]), 1e-9)
        if NEAREST < path < c.TRACKER_RADIUS:
            place, _ = transport(point, momentum, charge, path)
            if inner <= np.hypot(place[0], place[1]) < outer:
                along = thickness * pt * slant / abs(momentum[2])
                _insert(paths, thicknesses, count, path, along)
                count += 1
    return paths[:count], thicknesses[:count]


@nb.njit
def conversion_path(point: Vector, momentum: FourVector, rng: Random) -> float:
    """Transverse path of a photon to where it converts, infinite if it does not."""
    paths, thicknesses = crossings(point, momentum, 0)
    for k in range(len(paths)):
        if rng.random() < 1.0 - np.exp(-c.PAIR_PER_RADIATION_LENGTH * thicknesses[k]):
            return paths[k]
    return np.inf


@nb.njit
def radiated_fraction(rng: Random) -> float:
    """Share of a hard photon in the energy of an electron, by (4/3 (1 - y) + y^2) / y."""
    while True:
        share = LEAST ** rng.random()
        if 4.0 / 3.0 * rng.random() < 4.0 / 3.0 * (1.0 - share) + share * share:
            return share


@nb.njit
def radiation(
    point: Vector, momentum: FourVector, charge: int, rng: Random
) -> tuple[Array, Array, float]:
    """Hard photons of an electron in the silicon detectors, and what is left of it behind them.

    Returns
    -------
    transverse path to the birth of each photon [n_photon, mm]; its part of the energy that the
    electron began with [n_photon]; the part that hard and soft photons leave
    """
    paths, thicknesses = crossings(point, momentum, charge)
    born, shares = np.empty((2, c.PHOTONS_MAX))
    left, count = 1.0, 0
    for k in range(len(paths)):
        place, _ = transport(point, momentum, charge, paths[k])
        if np.hypot(place[0], place[1]) > c.SILICON_RADIUS:
            break
        left *= np.exp(-SOFT * thicknesses[k])
        for _ in range(rng.poisson(PHOTONS * thicknesses[k])):
            share = left * radiated_fraction(rng)
            if left - share < c.RETAINED_MIN:
                continue
            left -= share
            if count < c.PHOTONS_MAX:
                born[count], shares[count] = paths[k], share
                count += 1
    return born[:count], shares[:count], left
