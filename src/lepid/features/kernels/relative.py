"""Leptons and jets: which is nearest to which, and momenta relative to the axis of a jet."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lepid.features.kernels.compiled import kernel

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

TURN = 2.0 * np.pi
BLOCK = 1 << 14
# What is left of a jet that is the lepton alone, in float32: this fraction of it has no direction.
NOTHING = 1e-5
# What `relative` gives for each axis.
OBSERVABLES = ("dr", "ptfrac", "ptrel", "z")
# Axis -> how often the lepton counts in it beside the jet.
AXES = {"": 0.0, "_added": 1.0, "_removed": -1.0}


class Momenta(NamedTuple):
    """Leptons or jets of events.

    Attributes
    ----------
    offsets : [n_event + 1], where in the arrays each event begins
    pt, eta, phi : [n]; phi in rad, any turn
    """

    offsets: Integers
    pt: Array
    eta: Array
    phi: Array


def nearest(centres: Momenta, others: Momenta, accepted: Bools, dr: float) -> Integers:
    """Row of the nearest of the `others` of the event with a distance below `dr`, -1 for none.

    Of several at one distance the first counts. What is not finite is near nothing.

    Parameters
    ----------
    accepted : [n], those of the `others` that count

    Returns
    -------
    [n_centre]

    Source
    ------
    ours; the distance in eta and phi is compared in float64
    """
    places = (*_flat(centres.eta, centres.phi), *_flat(others.eta, others.phi))
    rows = np.empty(len(centres.eta), np.int64)
    _nearest((centres.offsets, others.offsets), places, accepted, dr, rows)
    return rows


def relative(
    leptons: Momenta,
    jets: Momenta,
    rows: tuple[Integers, Integers],
    axes: tuple[str, ...] = tuple(AXES),
    loss: Array | None = None,
    *,
    loss_at_jet: bool = False,
) -> dict[str, Floats]:
    """What leptons are relative to jets, name -> [n_pair]; NaN without a jet or an axis.

    The axes are the jet itself, the jet with the lepton added (suffix ``_added``), and the jet
    without the lepton (``_removed``). For each: `dr`, the distance in eta and phi; `ptfrac`, pt of
    the lepton over that of the axis; `ptrel`, momentum of the lepton perpendicular to the axis, in
    the unit of pt; `z`, momentum of the lepton along the axis over that of the axis.

    Parameters
    ----------
    rows : of the lepton and of the jet of each pair, [n_pair] each, -1 for none
    axes : keys of `AXES`
    loss : [n_lepton], energy that leptons left in the calorimeter; it is taken out of the jet
        where the lepton is added. None for nothing
    loss_at_jet : whether the energy lies at the phi of the jet and not at that of the lepton

    Source
    ------
    Athena FlavorTagDiscriminants/Root/BTagMuonAugmenter.cxx for ptrel with the muon added, which
    has the energy at the eta of the muon and the phi of the jet; z: fragmentation of b quarks. The
    jet without the lepton is the axis of NanoAOD's jetPtRelv2.
    """
    there = np.flatnonzero((rows[0] >= 0) & (rows[1] >= 0))
    shares = np.array([AXES[axis] for axis in axes])
    found = np.full((len(axes), len(OBSERVABLES), len(rows[0])), np.nan)
    # A few at a time, so that what is in between stays in the cache.
    for start in range(0, len(there), BLOCK):
        some = there[start : start + BLOCK]
        lepton, jet = rows[0][some], rows[1][some]
        lost = np.zeros(len(some)) if loss is None else loss[lepton].astype(np.float64)
        pairs = (_taken(leptons, lepton), _taken(jets, jet), lost)
        _spread(_observed(*pairs, shares, loss_at_jet=loss_at_jet), some, found)
    names = [f"{name}{axis}" for axis in axes for name in OBSERVABLES]
    return dict(zip(names, found.reshape(len(names), len(rows[0])), strict=True))


def _taken(momenta: Momenta, rows: Integers) -> tuple[Floats, ...]:
    """pt, eta and phi of the rows."""
    return tuple(np.asarray(column)[rows].astype(np.float64) for column in momenta[1:])


def _observed(
    lepton: tuple[Floats, ...],
    jet: tuple[Floats, ...],
    loss: Floats,
    shares: Floats,
    *,
    loss_at_jet: bool,
) -> Floats:
    """Observables of pairs, [n_axis, 6, n_pair], of which the last two are none."""
    (pt, eta, phi), (jet_pt, jet_eta, jet_phi) = lepton, jet
    apart = phi - jet_phi
    apart -= TURN * np.rint(apart * (1.0 / TURN))
    # Functions of numpy take many numbers at once, those of a loop one by one.
    columns = pt, np.sinh(eta), jet_pt, np.sinh(jet_eta), np.tan(0.5 * apart), loss
    out = np.empty((len(shares), len(OBSERVABLES) + 2, len(pt)))
    # An axis without momentum gives NaN: numpy warns where the loop is not compiled.
    with np.errstate(divide="ignore", invalid="ignore"):
        _relative(columns, shares, loss_at_jet, out)
    for place, share in enumerate(shares):
        steep, _, _, _, cross, dot = out[place]
        rise = eta - (np.arcsinh(steep) if share else jet_eta)
        turn = np.arctan2(cross, dot) if share else apart
        out[place, 0] = np.where(np.isnan(steep), np.nan, np.sqrt(rise * rise + turn * turn))
    return out


def _flat(*arrays: Array) -> tuple[Array, ...]:
    """In one of the two precisions that files use and loops are compiled for."""
    kind = np.result_type(*arrays)
    kind = kind if kind in (np.float32, np.float64) else np.dtype(np.float64)
    return tuple(np.ascontiguousarray(array, dtype=kind) for array in arrays)


@kernel
def _nearest(
    offsets: tuple[Integers, Integers],
    places: tuple[Array, ...],
    accepted: Bools,
    dr: float,
    rows: Integers,
) -> None:
    """A strip in eta around each centre first, without branches; few are left for the distance."""
    centre_eta, centre_phi, other_eta, other_phi = places
    own, theirs = offsets
    longest = 0
    for event in range(len(theirs) - 1):
        longest = max(longest, theirs[event + 1] - theirs[event])
    box = np.empty(longest, np.int64)
    for event in range(len(own) - 1):
        first, stop = theirs[event], theirs[event + 1]
        for centre in range(own[event], own[event + 1]):
            eta, phi = np.float64(centre_eta[centre]), np.float64(centre_phi[centre])
            n = 0
            for other in range(first, stop):
                box[n] = other
                n += int(accepted[other] & (abs(other_eta[other] - eta) < dr))
            best, row = np.inf, -1
            for k in range(n):
                other = box[k]
                higher, apart = other_eta[other] - eta, other_phi[other] - phi
                apart -= TURN * np.rint(apart * (1.0 / TURN))
                square = higher * higher + apart * apart
                if square < best:
                    best, row = square, other
            rows[centre] = row if np.sqrt(best) < dr else -1


@kernel
def _relative(columns: tuple[Floats, ...], shares: Floats, loss_at_jet: bool, out: Floats) -> None:
    """In a frame in which the jet lies at phi = 0; the last two are for the angle in phi."""
    pts, slopes, jet_pts, jet_slopes, halves, losses = columns
    for axis in range(len(shares)):
        share = shares[axis]
        less = max(share, 0.0)
        for k in range(len(pts)):
            pt, slope, jet_pt, half = pts[k], slopes[k], jet_pts[k], halves[k]
            inverse = 1.0 / (1.0 + half * half)
            cos, sin = (1.0 - half * half) * inverse, 2.0 * half * inverse
            x, y, z, jet_z = pt * cos, pt * sin, pt * slope, jet_pt * jet_slopes[k]
            lost = less * losses[k] / np.sqrt(1.0 + slope * slope)
            lost_x, lost_y = (lost, 0.0) if loss_at_jet else (lost * cos, lost * sin)
            along_x = jet_pt + share * x - lost_x
            along_y = share * y - lost_y
            along_z = jet_z + share * z - lost * slope
            flat = along_x * along_x + along_y * along_y
            transverse, length = np.sqrt(flat), np.sqrt(flat + along_z * along_z)
            dot, cross_z = x * along_x + y * along_y, x * along_y - y * along_x
            cross_x, cross_y = y * along_z - z * along_y, z * along_x - x * along_z
            square = cross_x * cross_x + cross_y * cross_y + cross_z * cross_z
            shortest = NOTHING * np.sqrt(jet_pt * jet_pt + jet_z * jet_z)
            known = 1.0 if length > shortest else np.nan
            inverse = known / length
            out[axis, 0, k] = known * (along_z / transverse)
            out[axis, 1, k] = known * (pt / transverse)
            out[axis, 2, k] = np.sqrt(square) * inverse
            out[axis, 3, k] = (dot + z * along_z) * inverse * inverse
            out[axis, 4, k] = cross_z
            out[axis, 5, k] = dot


@kernel
def _spread(values: Floats, places: Integers, found: Floats) -> None:
    """What is known of some pairs, among all of them."""
    for axis in range(found.shape[0]):
        for observable in range(found.shape[1]):
            for k in range(len(places)):
                found[axis, observable, places[k]] = values[axis, observable, k]
