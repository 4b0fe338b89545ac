"""Clusters of the electromagnetic calorimeter, and what electrons take from their surroundings."""

from __future__ import annotations

from typing import NamedTuple

import numba as nb
import numpy as np
from simulation import constants as c
from simulation.calorimeter import Deposits
from simulation.collection import Collection, collect
from simulation.cones import pairs
from simulation.particles import Floats, Integers


class Surroundings(NamedTuple):
    """What is in and around each cluster, [n_cluster] each; ratios to its energy.

    `lead` is the flat position of the particle with most energy, `lead_share` its part;
    `hadronic` the energy behind, `ring` the electromagnetic energy around, `second` the part of
    the next photon or electron, `impurity` the part that hadrons left.
    """

    lead: Integers
    lead_share: Floats
    hadronic: Floats
    ring: Floats
    second: Floats
    impurity: Floats


@nb.njit
def assign(
    offsets: Integers,
    order: Integers,
    cells: tuple[Floats, Floats, Floats],
    window: tuple[float, float],
    cluster: Integers,
) -> int:
    """Number the clusters and write the cluster of each deposit, -1 for none.

    `order` [n] has the rows of each event by falling energy; a seed takes what is free in its
    window. `cells` are energy, eta, phi; `window` the extents in eta and phi.
    """
    em, eta, phi = cells
    n = 0
    for event in range(len(offsets) - 1):
        first, last = offsets[event], offsets[event + 1]
        for a in range(first, last):
            s = order[a]
            if em[s] < c.CLUSTER_SEED_ET:
                break
            if cluster[s] >= 0:
                continue
            for k in range(first, last):
                if cluster[k] < 0 and abs(eta[k] - eta[s]) < window[0]:
                    turn = abs(phi[k] - phi[s]) % (2.0 * np.pi)
                    if min(turn, 2.0 * np.pi - turn) < window[1]:
                        cluster[k] = n
            n += 1
    return n


def clusters(cells: Deposits) -> tuple[Collection, Surroundings]:
    """Superclusters with ET above the threshold, `egammaClusters`, and their surroundings."""
    event = np.repeat(np.arange(len(cells.offsets) - 1), np.diff(cells.offsets))
    order = np.lexsort((-cells.em, event))
    member = np.full(len(cells.em), -1)
    place = (cells.em, cells.eta, cells.phi)
    n = assign(cells.offsets, order, place, c.CLUSTER_WINDOW, member)
    inside = np.flatnonzero(member >= 0)
    weight, number_of = cells.em[inside], member[inside]
    et = np.bincount(number_of, weight, n).astype(float)
    seeds = np.full(n, -1)
    by_energy = inside[np.argsort(cells.em[inside], kind="stable")]
    seeds[member[by_energy]] = by_energy
    eta = np.bincount(number_of, weight * cells.eta[inside], n) / et
    turn = _wrapped(cells.phi[inside] - cells.phi[seeds[number_of]])
    phi = _wrapped(cells.phi[seeds] + np.bincount(number_of, weight * turn, n) / et)
    kept = np.flatnonzero(et > c.CLUSTER_MIN_ET)
    number = np.full(n + 1, -1)
    number[kept] = np.arange(len(kept))
    columns = {
        "calE": c.CLUSTER_CALIBRATION * et[kept] * np.cosh(eta[kept]),
        "calEta": eta[kept],
        "calPhi": phi[kept],
        "calM": np.zeros(len(kept)),
    }
    result = collect(event[seeds[kept]], len(cells.offsets) - 1, columns)
    return result, _surroundings(cells, result, number[member], seeds[kept], et[kept])


def _wrapped(angle: Floats) -> Floats:
    return np.arctan2(np.sin(angle), np.cos(angle))


def _surroundings(
    cells: Deposits, found: Collection, member: Integers, seeds: Integers, et: Floats
) -> Surroundings:
    n = len(found)
    inside = np.flatnonzero(member >= 0)
    hadron = ~cells.electromagnetic[inside]
    impurity = np.bincount(member[inside], cells.em[inside] * hadron, n) / et
    others = inside[cells.electromagnetic[inside] & (inside != seeds[member[inside]])]
    second = np.zeros(n)
    np.maximum.at(second, member[others], cells.em[others])
    around = (found["calEta"], found["calPhi"])
    near = pairs(cells.offsets, (cells.eta, cells.phi), found.event, around, c.CLUSTER_RING)
    outside = member[near.row] != near.lepton
    behind = near.distance < c.CLUSTER_HADRONIC_RADIUS
    return Surroundings(
        lead=cells.particle[seeds],
        lead_share=cells.em[seeds] / et,
        hadronic=near.total(cells.hadronic[near.row] * behind, n) / et,
        ring=near.total(cells.em[near.row] * outside, n) / et,
        second=second / et,
        impurity=impurity,
    )
