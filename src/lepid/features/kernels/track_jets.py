"""Jets of tracks: anti-kT with a fixed or a variable radius."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lepid.errors import BadInput
from lepid.features.kernels.compiled import kernel

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

PION_MASS = 0.13957039  # GeV
TURN = 2.0 * np.pi
# The nearest neighbour has to be looked for anew.
LOST = -3


class Radius(NamedTuple):
    """Size of jets: ``rho / pt``, at least `smallest` and at most `largest`.

    Attributes
    ----------
    rho : GeV
    """

    rho: float
    smallest: float
    largest: float


ANTI_KT_04 = Radius(0.0, 0.4, 0.4)
# AntiKtVR30Rmax4Rmin02 of ATLAS
VARIABLE = Radius(30.0, 0.02, 0.4)


class Jets(NamedTuple):
    """Jets of events, in falling pt within each.

    Attributes
    ----------
    offsets : [n_event + 1]
    pt, eta, phi, mass : [n_jet], GeV, rad
    n_track : [n_jet], number of constituents
    jet_of_track : [n_track], row of the jet of each track, -1 for none
    """

    offsets: Integers
    pt: Floats
    eta: Floats
    phi: Floats
    mass: Floats
    n_track: Integers
    jet_of_track: Integers


def momenta(pt: Array, eta: Array, phi: Array, mass: float = PION_MASS) -> Floats:
    """Four-momenta x, y, z, energy [n, 4] of particles of one mass, in the unit of `pt`."""
    pt, eta, phi = (np.asarray(a, np.float64) for a in (pt, eta, phi))
    x, y, z = pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta)
    energy = np.sqrt(x**2 + y**2 + z**2 + mass**2)
    return np.ascontiguousarray(np.stack([x, y, z, energy], axis=-1))


def cluster(offsets: Integers, four: Floats, radius: Radius, min_pt: float = 0.0) -> Jets:
    """Jets of the particles of each event, four-momenta added.

    Two are merged if the larger of their pt times their distance in rapidity and phi is the
    smallest; one becomes a jet when nothing is nearer than its radius.

    Parameters
    ----------
    offsets : [n_event + 1], of the particles
    four : [n_particle, 4], GeV, as `momenta` makes them
    min_pt : GeV, of jets; softer ones are left out

    Raises
    ------
    BadInput : a particle without momentum, or one that is not finite

    Source
    ------
    M. Cacciari, G. P. Salam, G. Soyez, JHEP 04 (2008) 063 (anti-kT); D. Krohn, J. Thaler,
    L.-T. Wang, JHEP 06 (2009) 059 (variable radius). A fixed radius agrees with fastjet.
    """
    four = np.ascontiguousarray(four, dtype=np.float64)
    pt2 = four[:, 0] ** 2 + four[:, 1] ** 2
    bad = ~((pt2 > 0) & np.isfinite(four).all(axis=1))
    if bad.any():
        wrong = f"{np.count_nonzero(bad)} particles have no finite transverse momentum"
        raise BadInput("track jets", wrong, (), "leave them out")
    jets = np.empty((len(four), 4))
    owner = np.empty(len(four), np.int64)
    found = np.zeros(len(offsets), np.int64)
    size = (radius.rho, radius.smallest, radius.largest)
    n = _cluster(offsets, four, size, (jets, owner, found))
    return _ordered(found, jets[:n], owner, min_pt)


def _ordered(offsets: Integers, four: Floats, owner: Integers, min_pt: float) -> Jets:
    """Jets above `min_pt`, ordered, and which of them each track is in."""
    pt = np.hypot(four[:, 0], four[:, 1])
    event = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    order = np.lexsort((-pt, event))
    order = order[pt[order] >= min_pt]
    place = np.full(len(four) + 1, -1)
    place[order] = np.arange(len(order))
    jet = place[owner]
    x, y, z, energy = four[order].T
    size = pt[order]
    mass = np.sqrt(np.maximum(energy**2 - size**2 - z**2, 0.0))
    counts = np.bincount(jet[jet >= 0], minlength=len(order))
    begins = np.searchsorted(event[order], np.arange(len(offsets)))
    return Jets(begins, size, np.arcsinh(z / size), np.arctan2(y, x), mass, counts, jet)


@kernel
def _place(
    i: int,
    momentum: Floats,
    radius: tuple[float, float, float],
    places: tuple[Floats, Floats, Floats, Floats],
) -> None:
    """Sets the inverse of pt squared, rapidity, phi and squared radius of particle `i`."""
    scale, rapidity, phi, reach = places
    rho, smallest, largest = radius
    x, y, z, energy = momentum[i, 0], momentum[i, 1], momentum[i, 2], momentum[i, 3]
    pt2 = x * x + y * y
    mass2 = max(energy * energy - z * z - pt2, 0.0)
    # The sum E + |z| does not cancel, the difference would.
    rise = 0.5 * np.log((energy + abs(z)) ** 2 / (pt2 + mass2))
    scale[i], phi[i] = 1.0 / pt2, np.arctan2(y, x)
    rapidity[i] = rise if z > 0.0 else -rise
    reach[i] = min(max(rho / np.sqrt(pt2), smallest), largest) ** 2


@kernel
def _distance(rapidity: Floats, phi: Floats, i: int, j: int) -> Any:
    """Squared distance in rapidity and phi."""
    turned = abs(phi[i] - phi[j])
    if turned > np.pi:
        turned = TURN - turned
    rise = rapidity[i] - rapidity[j]
    return rise * rise + turned * turned


@kernel
def _search(
    n: int,
    i: int,
    places: tuple[Floats, Floats, Floats, Floats],
    neighbours: tuple[Integers, Floats],
) -> None:
    """Sets the nearest of the first `n` within the radius of `i`, -1 for the beam."""
    _, rapidity, phi, reach = places
    nearest, apart = neighbours
    nearest[i], apart[i] = -1, reach[i]
    for j in range(n):
        if j != i:
            distance = _distance(rapidity, phi, i, j)
            if distance < apart[i]:
                nearest[i], apart[i] = j, distance


@kernel
def _renew(
    n: int,
    gone: int,
    merged: int,
    places: tuple[Floats, Floats, Floats, Floats],
    neighbours: tuple[Integers, Floats],
) -> None:
    """Neighbours after `gone` was overwritten by particle `n`, and `merged` (or -2) changed."""
    nearest, apart = neighbours
    for k in range(n):
        if k == merged or nearest[k] == gone or nearest[k] == merged:
            nearest[k] = LOST
        elif nearest[k] == n:
            nearest[k] = gone
    for k in range(n):
        if nearest[k] == LOST:
            _search(n, k, places, neighbours)
        elif merged >= 0:
            distance = _distance(places[1], places[2], k, merged)
            if distance < apart[k]:
                nearest[k], apart[k] = merged, distance


@kernel
def _hand_over(holder: Integers, gone: int, to: int, last: int) -> None:
    """Tracks of particle `gone` go to another; those of `last` to `gone`, which it becomes."""
    for track in range(len(holder)):
        if holder[track] == gone:
            holder[track] = to
        elif holder[track] == last:
            holder[track] = gone


@kernel
def _cluster(
    offsets: Integers,
    four: Floats,
    radius: tuple[float, float, float],
    found: tuple[Floats, Integers, Integers],
) -> int:
    """Merges the pair with the smallest distance, event by event; returns the number of jets.

    That pair is the softer one and its nearest neighbour in the plane, so that only nearest
    neighbours are kept.
    """
    jets, owner, found_offsets = found
    longest = 0
    for event in range(len(offsets) - 1):
        longest = max(longest, offsets[event + 1] - offsets[event])
    momentum = np.empty((longest, 4))
    scale, rapidity, phi, reach = np.empty((4, longest))
    places = (scale, rapidity, phi, reach)
    nearest, apart = np.empty(longest, np.int64), np.empty(longest)
    # The particle that each track is part of; below 0, -1 minus its jet.
    holder = np.empty(longest, np.int64)
    n_jet = 0
    for event in range(len(offsets) - 1):
        begin = offsets[event]
        n_track = offsets[event + 1] - begin
        for i in range(n_track):
            momentum[i], holder[i] = four[begin + i], i
            _place(i, momentum, radius, places)
        for i in range(n_track):
            _search(n_track, i, places, (nearest, apart))
        for n in range(n_track - 1, -1, -1):
            softest = 0
            for i in range(1, n + 1):
                if scale[i] * apart[i] < scale[softest] * apart[softest]:
                    softest = i
            other = nearest[softest]
            gone, merged = softest, -2
            if other >= 0:
                merged, gone = min(softest, int(other)), max(softest, int(other))
                momentum[merged] += momentum[gone]
                _place(merged, momentum, radius, places)
                _hand_over(holder[:n_track], gone, merged, n)
            else:
                jets[n_jet] = momentum[gone]
                _hand_over(holder[:n_track], gone, -1 - n_jet, n)
                n_jet += 1
            momentum[gone] = momentum[n]
            scale[gone], rapidity[gone], phi[gone] = scale[n], rapidity[n], phi[n]
            reach[gone], nearest[gone], apart[gone] = reach[n], nearest[n], apart[n]
            _renew(n, gone, merged, places, (nearest, apart))
        for track in range(n_track):
            owner[begin + track] = -1 - holder[track]
        found_offsets[event + 1] = n_jet
    return n_jet
