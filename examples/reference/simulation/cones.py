"""Which objects lie in the cone of which lepton."""

from __future__ import annotations

from typing import NamedTuple

import numba as nb
import numpy as np
from simulation.particles import Bools, Floats, Integers


class Pairs(NamedTuple):
    """Pairs of a lepton and an object of the same event, in order of the leptons.

    `lepton`, `row` [n_pair] are flat positions; `distance` [n_pair] is the distance in eta and
    phi.
    """

    lepton: Integers
    row: Integers
    distance: Floats

    def total(self, values: Floats, n_lepton: int) -> Floats:
        """Sum of the values [n_pair] of each lepton, [n_lepton]."""
        return np.bincount(self.lepton, weights=values, minlength=n_lepton).astype(float)

    def where(self, kept: Bools) -> Pairs:
        """The pairs of a mask [n_pair]."""
        return Pairs(self.lepton[kept], self.row[kept], self.distance[kept])


@nb.njit
def _pairs(
    objects: tuple[Integers, Floats, Floats],
    leptons: tuple[Integers, Floats, Floats],
    radius: float,
    found: tuple[Integers, Integers, Floats],
) -> int:
    offsets, eta, phi = objects
    event, lepton_eta, lepton_phi = leptons
    lepton, row, distance = found
    n = 0
    for i in range(len(event)):
        for k in range(offsets[event[i]], offsets[event[i] + 1]):
            difference = eta[k] - lepton_eta[i]
            if abs(difference) > radius:
                continue
            turn = abs(phi[k] - lepton_phi[i]) % (2.0 * np.pi)
            apart = np.hypot(difference, min(turn, 2.0 * np.pi - turn))
            if apart <= radius:
                if n < len(lepton):
                    lepton[n], row[n], distance[n] = i, k, apart
                n += 1
    return n


def pairs(
    offsets: Integers,
    place: tuple[Floats, Floats],
    event: Integers,
    around: tuple[Floats, Floats],
    radius: float,
) -> Pairs:
    """Objects within `radius` of leptons.

    Parameters
    ----------
    offsets : [n_event + 1]
        Of the objects.
    place : eta and phi of the objects, [n_object] each
    event : [n_lepton]
    around : eta and phi of the leptons, [n_lepton] each
    """
    room = 64 * len(event) + 64
    while True:
        lepton, row = np.empty((2, room), dtype=np.int64)
        distance = np.empty(room)
        n = _pairs((offsets, *place), (event, *around), radius, (lepton, row, distance))
        if n <= room:
            return Pairs(lepton[:n], row[:n], distance[:n])
        room = n
