"""Which constituents of an event (tracks, clusters, jets, vertices) lie around which lepton."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from lepid.errors import BadInput
from lepid.features.kernels.compiled import kernel

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

TURN = 2.0 * np.pi
# The box around a lepton is searched in the precision of the constituents; it is wider than the
# cone by more than that precision loses.
SLACK = 1e-6
# Longer lists are sorted by merging: insertion would take their length squared.
SHORT = 32


class Directions(NamedTuple):
    """Where the objects of events point.

    Attributes
    ----------
    offsets : [n_event + 1], where in the arrays each event begins
    phi : [n], rad; any turn
    eta : [n]; give it, or theta
    theta : [n], rad; as tracks store it, faster than the eta of every one of them
    """

    offsets: Integers
    phi: Array
    eta: Array | None = None
    theta: Array | None = None


class Pairs(NamedTuple):
    """Pairs of a lepton and a constituent of its event, the nearest first for each lepton.

    Attributes
    ----------
    offsets : [n_lepton + 1], where in the other arrays each lepton begins
    rows : [n_pair], row of the constituent
    dr, deta, dphi : [n_pair], constituent minus lepton; -pi <= dphi < pi
    """

    offsets: Integers
    rows: Integers
    dr: Floats
    deta: Floats
    dphi: Floats

    @property
    def leptons(self) -> Integers:
        """Row of the lepton of each pair, [n_pair]."""
        return np.repeat(np.arange(len(self.offsets) - 1), np.diff(self.offsets))

    def where(self, kept: Bools) -> Self:
        """The pairs of a mask [n_pair], in the same order."""
        n = np.zeros(len(kept) + 1, np.int64)
        np.cumsum(kept, out=n[1:])
        rows = np.flatnonzero(kept)
        found, dr, deta, dphi = self.rows[rows], self.dr[rows], self.deta[rows], self.dphi[rows]
        return type(self)(n[self.offsets], found, dr, deta, dphi)


def associate(
    leptons: Directions,
    constituents: Directions,
    cone: float,
    accept: Callable[[Integers, Integers], Bools] | None = None,
) -> Pairs:
    """Constituents within `cone` of each lepton, in order of distance, then of their rows.

    A distance counts as inside if it is, rounded to float32, at most `cone` rounded to float32,
    which is how Athena compares them. Directions that are not finite are near nothing.

    Parameters
    ----------
    leptons, constituents : of the same events
    cone : largest distance in eta and phi, below pi
    accept : rows of leptons and of constituents [n] -> which of them count [n]; it is asked about
        all pairs of the cone and some more, before they are sorted

    Raises
    ------
    BadInput : other numbers of events, lengths that do not fit, a cone that is none

    Source
    ------
    Athena LeptonTaggers/src/DecoratePLIT.cxx (fillParticles); equal distances are in no defined
    order there.
    """
    if not 0.0 < cone < np.pi:
        raise BadInput("cone", f"{cone!r} is not between 0 and pi", (), "give it in eta and phi")
    _check(leptons, "leptons")
    _check(constituents, "constituents")
    n_event, other = len(leptons.offsets) - 1, len(constituents.offsets) - 1
    if n_event != other:
        wrong = f"leptons of {n_event} events and constituents of {other}"
        raise BadInput("offsets", wrong, (), "take both from the same events")
    lepton_eta, lepton_phi = eta(leptons), np.asarray(leptons.phi, np.float64)
    limit = np.float32(cone)
    offsets, rows = _boxes(leptons.offsets, (lepton_eta, lepton_phi), constituents, limit)
    if accept is not None:
        kept = accept(np.repeat(np.arange(len(lepton_eta)), np.diff(offsets)), rows)
        rows = rows[: _keep(offsets, rows, kept)]
    phi = np.asarray(constituents.phi)
    place = eta(constituents, rows), phi.astype(_precision(phi), order="C", copy=False)
    dr, deta, dphi = np.empty((3, len(rows)))
    with np.errstate(invalid="ignore", over="ignore"):
        n = _sort((offsets, rows), place, (lepton_eta, lepton_phi), limit, (dr, deta, dphi))
    return Pairs(offsets, rows[:n], dr[:n], deta[:n], dphi[:n])


def eta(directions: Directions, rows: Integers | slice = np.s_[:]) -> Floats:
    """Pseudorapidity, [n] or of the given rows."""
    if directions.eta is not None:
        return np.asarray(directions.eta[rows], np.float64)
    theta = np.asarray(directions.theta)[rows].astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(-np.log(np.tan(0.5 * theta)))


def members(pairs: Pairs, offsets: Integers, rows: Integers) -> Bools:
    """Which constituents belong to the lepton itself, [n_pair].

    Parameters
    ----------
    offsets, rows : [n_lepton + 1], [n]; rows of the constituents of each lepton, -1 for none
    """
    found = np.zeros(len(pairs.rows), np.bool_)
    _members(pairs.offsets, pairs.rows, offsets, rows, found)
    return found


def _check(directions: Directions, name: str) -> None:
    given = [a for a in (directions.eta, directions.theta) if a is not None]
    if len(given) != 1:
        raise BadInput(name, "needs eta or theta, and not both")
    offsets = directions.offsets
    lengths = {len(directions.phi), len(given[0])}
    good = len(offsets) > 0 and offsets[0] == 0 and lengths == {int(offsets[-1])}
    if not good or (np.diff(offsets) < 0).any():
        wrong = f"offsets do not run from 0 to the number of objects ({sorted(lengths)})"
        raise BadInput(name, wrong, (), "give offsets [n_event + 1] of exactly these arrays")


def _boxes(
    lepton_offsets: Integers, leptons: tuple[Floats, Floats], others: Directions, cone: np.float32
) -> tuple[Integers, Integers]:
    """Offsets and rows of the constituents in a box that holds the cone of each lepton."""
    polar = others.eta if others.eta is not None else others.theta
    kind = _precision(np.asarray(polar), np.asarray(others.phi))
    reach = float(cone) + SLACK
    with np.errstate(invalid="ignore", over="ignore"):
        low, high = leptons[0] - reach, leptons[0] + reach
        if others.eta is None:
            low, high = 2.0 * np.arctan(np.exp(-high)), 2.0 * np.arctan(np.exp(-low))
        low, high = low - SLACK * np.abs(low), high + SLACK * np.abs(high)
        phi = np.remainder(leptons[1], TURN)
        box = tuple(a.astype(kind) for a in (low, high, phi))
        place = tuple(np.ascontiguousarray(a, dtype=kind) for a in (polar, others.phi))
        return _search(lepton_offsets, box, others.offsets, place, kind.type(reach))


def _precision(*arrays: Array) -> np.dtype[Any]:
    """Of the two that files use and loops are compiled for, the one that loses nothing."""
    kind = np.result_type(*arrays)
    return kind if kind in (np.float32, np.float64) else np.dtype(np.float64)


@kernel
def _search(
    lepton_offsets: Integers,
    box: tuple[Array, ...],
    offsets: Integers,
    place: tuple[Array, ...],
    reach: Any,
) -> tuple[Integers, Integers]:
    """Two loops per lepton: comparisons, which the compiler makes vectors of, then rows."""
    low, high, lepton_phi = box
    polar, phi = place
    turn, per_turn, slack = np.float32(TURN), np.float32(1.0 / TURN), np.float32(SLACK)
    longest = 0
    for event in range(len(offsets) - 1):
        longest = max(longest, offsets[event + 1] - offsets[event])
    inside = np.zeros(longest, np.int8)
    found = np.zeros(len(low) + 1, np.int64)
    rows = np.empty(4 * len(low) + longest, np.int64)
    n = 0
    for event in range(len(offsets) - 1):
        first, stop = offsets[event], offsets[event + 1]
        x, p, near = polar[first:stop], phi[first:stop], inside[: stop - first]
        for lepton in range(lepton_offsets[event], lepton_offsets[event + 1]):
            lowest, highest, centre = low[lepton], high[lepton], lepton_phi[lepton]
            for k in range(len(near)):
                apart = p[k] - centre
                wrapped = abs(apart - turn * np.rint(apart * per_turn))
                near[k] = (
                    (x[k] >= lowest) & (x[k] <= highest) & (wrapped <= reach + slack * abs(apart))
                )
            if n + len(near) > len(rows):
                longer = np.empty(2 * (n + len(near)), np.int64)
                longer[:n] = rows[:n]
                rows = longer
            for k in range(len(near)):
                rows[n] = first + k
                n += int(near[k])
            found[lepton + 1] = n
    return found, rows[:n]


@kernel
def _keep(offsets: Integers, rows: Integers, kept: Bools) -> int:
    """Moves the rows that are kept to the front; `offsets` in place."""
    n, first = 0, 0
    for lepton in range(len(offsets) - 1):
        stop = offsets[lepton + 1]
        for k in range(first, stop):
            rows[n] = rows[k]
            n += int(kept[k])
        first = stop
        offsets[lepton + 1] = n
    return n


@kernel
def _sort(
    boxes: tuple[Integers, Integers],
    place: tuple[Floats, Array],
    leptons: tuple[Floats, Floats],
    cone: np.float32,
    pairs: tuple[Floats, Floats, Floats],
) -> int:
    """Moves the pairs inside the cone to the front, in order; offsets and rows in place."""
    offsets, rows = boxes
    eta_of_row, phi = place
    lepton_eta, lepton_phi = leptons
    dr, deta, dphi = pairs
    longest = 0
    for lepton in range(len(offsets) - 1):
        longest = max(longest, offsets[lepton + 1] - offsets[lepton])
    row, key = np.empty(longest, np.int64), np.empty(longest)
    rise, turned = np.empty(longest), np.empty(longest)
    n, first = 0, 0
    for lepton in range(len(offsets) - 1):
        stop, m = offsets[lepton + 1], 0
        for k in range(first, stop):
            apart = np.float64(phi[rows[k]]) - lepton_phi[lepton]
            apart -= TURN * np.floor((apart + np.pi) * (1.0 / TURN))
            higher = eta_of_row[k] - lepton_eta[lepton]
            distance = np.sqrt(higher * higher + apart * apart)
            row[m], key[m], rise[m], turned[m] = rows[k], distance, higher, apart
            m += int(np.float32(distance) <= cone)
        if m > SHORT:
            order = np.argsort(key[:m], kind="mergesort")
            for k in range(m):
                i = order[k]
                rows[n + k], dr[n + k] = row[i], key[i]
                deta[n + k], dphi[n + k] = rise[i], turned[i]
        else:
            for i in range(m):
                # How many come before: there is no branch to mispredict, unlike in a sort.
                k = n
                for other in range(i):
                    k += int(key[other] <= key[i])
                for other in range(i + 1, m):
                    k += int(key[other] < key[i])
                rows[k], dr[k], deta[k], dphi[k] = row[i], key[i], rise[i], turned[i]
        n += m
        first = stop
        offsets[lepton + 1] = n
    return n


@kernel
def _members(
    offsets: Integers, rows: Integers, own_offsets: Integers, own_rows: Integers, found: Bools
) -> None:
    for lepton in range(len(offsets) - 1):
        for k in range(offsets[lepton], offsets[lepton + 1]):
            for own in range(own_offsets[lepton], own_offsets[lepton + 1]):
                found[k] |= own_rows[own] == rows[k]
