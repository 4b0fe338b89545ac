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
    rows = np.full(len(centres.eta), -1)
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
    lost = np.zeros_like(leptons.pt) if loss is None else loss
    columns = *_flat(*leptons[1:], lost), *_flat(*jets[1:])
    out = np.empty((len(axes), len(OBSERVABLES), len(rows[0])))
    shares = np.array([AXES[axis] for axis in axes])
    _relative(rows, columns, shares, loss_at_jet, out)
    names = [f"{name}{axis}" for axis in axes for name in OBSERVABLES]
    return dict(zip(names, out.reshape(len(names), len(rows[0])), strict=True))


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
    """A box around each centre first, without branches; few are left for the distance."""
    centre_eta, centre_phi, other_eta, other_phi = places
    longest = 0
    for event in range(len(offsets[1]) - 1):
        longest = max(longest, offsets[1][event + 1] - offsets[1][event])
    box = np.empty(longest, np.int64)
    for event in range(len(offsets[0]) - 1):
        first, stop = offsets[1][event], offsets[1][event + 1]
        for centre in range(offsets[0][event], offsets[0][event + 1]):
            eta, phi = np.float64(centre_eta[centre]), np.float64(centre_phi[centre])
            n = 0
            for other in range(first, stop):
                apart = other_phi[other] - phi
                apart -= TURN * np.rint(apart * (1.0 / TURN))
                inside = (abs(other_eta[other] - eta) < dr) & (abs(apart) < dr)
                box[n] = other
                n += int(inside & accepted[other])
            best = dr
            for k in range(n):
                other = box[k]
                higher, apart = other_eta[other] - eta, other_phi[other] - phi
                apart -= TURN * np.rint(apart * (1.0 / TURN))
                distance = np.sqrt(higher * higher + apart * apart)
                if distance < best:
                    best, rows[centre] = distance, other


@kernel
def _relative(
    rows: tuple[Integers, Integers],
    columns: tuple[Array, ...],
    shares: Floats,
    loss_at_jet: bool,
    out: Floats,
) -> None:
    """In a frame in which the jet lies at phi = 0."""
    pts, etas, phis, losses, jet_pts, jet_etas, jet_phis = columns
    for k in range(len(rows[0])):
        lepton, jet = rows[0][k], rows[1][k]
        if lepton < 0 or jet < 0:
            for axis in range(len(shares)):
                for place in range(4):
                    out[axis, place, k] = np.nan
            continue
        pt, eta, jet_pt = np.float64(pts[lepton]), np.float64(etas[lepton]), jet_pts[jet]
        jet_eta = np.float64(jet_etas[jet])
        apart = np.float64(phis[lepton]) - jet_phis[jet]
        apart -= TURN * np.rint(apart * (1.0 / TURN))
        cos, sin = np.cos(apart), np.sin(apart)
        growth, jet_growth = np.exp(eta), np.exp(jet_eta)
        slope = 0.5 * (growth - 1.0 / growth)
        x, y, z = pt * cos, pt * sin, pt * slope
        jet_z = 0.5 * jet_pt * (jet_growth - 1.0 / jet_growth)
        shortest = NOTHING * np.sqrt(jet_pt * jet_pt + jet_z * jet_z)
        lost = losses[lepton] / np.sqrt(1.0 + slope * slope)
        lost_x, lost_y = (lost, 0.0) if loss_at_jet else (lost * cos, lost * sin)
        for axis in range(len(shares)):
            share = shares[axis]
            less = max(share, 0.0)
            along_x = jet_pt + share * x - less * lost_x
            along_y = share * y - less * lost_y
            along_z = jet_z + share * z - less * lost * slope
            flat = along_x * along_x + along_y * along_y
            transverse, length = np.sqrt(flat), np.sqrt(flat + along_z * along_z)
            dot = x * along_x + y * along_y
            cross_z = x * along_y - y * along_x
            rise, turn = eta - jet_eta, apart
            if share != 0.0:
                # The logarithm of small numbers would lose digits.
                steep = np.log((abs(along_z) + length) / transverse)
                rise = eta - np.copysign(steep, along_z)
                turn = np.arctan2(cross_z, dot)
            cross_x = y * along_z - z * along_y
            cross_y = z * along_x - x * along_z
            square = cross_x * cross_x + cross_y * cross_y + cross_z * cross_z
            known = 1.0 if length > shortest else np.nan
            inverse = known / length
            out[axis, 0, k] = known * np.sqrt(rise * rise + turn * turn)
            out[axis, 1, k] = known * (pt / transverse)
            out[axis, 2, k] = np.sqrt(square) * inverse
            out[axis, 3, k] = (dot + z * along_z) * inverse * inverse
