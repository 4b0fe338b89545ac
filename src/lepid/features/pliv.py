"""What PLIV takes of track jets, of secondary vertices, and of the tracks around a lepton's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import chdtrc

from lepid.features import impact
from lepid.features.feature import ABSENT
from lepid.features.kernels.association import Directions, Pairs, associate, eta
from lepid.features.kernels.selection import PLIV, R22_DEFAULT, selected
from lepid.features.kernels.track_jets import TURN, VARIABLE, Jets, cluster, momenta
from lepid.features.leptons import JET_CONE, linked, nearest
from lepid.features.tracks import CONE, Neighbours, Tracks
from lepid.units import convert

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

# AntiKtVR30Rmax4Rmin02PV0TrackJets are harder than this.
LEAST_JET_PT = 4.0  # GeV
# Ours: Athena asks for tracks of the primary vertex, the RNN for tracks this near to it.
JET_TRACKS = R22_DEFAULT._replace(below_z0=1.0)
# A track nearer than this is taken for the lepton's own.
SAME = 1e-6
LEAST_PROBABILITY = 0.03
BARREL = 1.37
LEAST_ANGLE = (0.002, 0.001)  # rad, of vertices of electrons in barrel and endcap
# Of a vertex whose covariance cannot be inverted.
NO_DISTANCE = -10.0
POSITION = ("x", "y", "z")
COVARIANCE = tuple(f"covariance_{pair}" for pair in ("xx", "xy", "yy", "xz", "yz", "zz"))
FIT = ("chiSquared", "numberDoF")


def track_pt(q_over_p: Array, theta: Array, unit_of: Callable[[str], str]) -> Floats:
    """Transverse momentum of tracks, GeV, [n]."""
    with np.errstate(divide="ignore"):
        momentum = 1.0 / np.abs(np.asarray(q_over_p, np.float64))
    return np.sin(np.asarray(theta, np.float64)) * convert(momentum, unit_of("GeV"), "GeV")


def track_jets(
    tracks: Tracks, beam: impact.Beam | None = None, *, least_pt: float = LEAST_JET_PT
) -> Jets:
    """Jets of variable radius of the tracks of the primary vertex, for files without them.

    Parameters
    ----------
    beam : for tracks without stored impact parameters
    least_pt : GeV

    Source
    ------
    Athena JetRecConfig, StandardSmallRJets.py (AntiKtVR30Rmax4Rmin02PV0Track); which tracks are
    of the primary vertex: ours
    """
    columns = tracks.columns
    every = np.arange(int(tracks.offsets[-1]))
    event = np.repeat(np.arange(len(tracks.offsets) - 1), np.diff(tracks.offsets))
    place = impact.place(columns, every, event, beam)
    good = np.flatnonzero(selected(JET_TRACKS, every, columns, place, tracks.unit_of))
    theta, phi, q_over_p = (
        np.asarray(columns[name], np.float64)[good] for name in ("theta", "phi", "qOverP")
    )
    four = momenta(track_pt(q_over_p, theta, tracks.unit_of), _eta(theta), phi)
    known = np.isfinite(four).all(axis=1)
    begins = np.searchsorted(good[known], tracks.offsets)
    return cluster(begins, four[known], VARIABLE, least_pt)


def stored_jets(
    offsets: Integers, columns: Mapping[str, Array], n_track: Array, unit_of: Callable[[str], str]
) -> Jets:
    """The jets that a file holds, as `track_jets` gives them.

    Parameters
    ----------
    columns : pt, eta and phi, [n_jet] each, in the units of the format
    n_track : [n_jet]
    """
    pt = convert(columns["pt"], unit_of("GeV"), "GeV")
    eta_of, phi = (np.asarray(columns[name], np.float64) for name in ("eta", "phi"))
    return Jets(offsets, pt, eta_of, phi, np.zeros(len(pt)), n_track, np.zeros(0, np.int64))


class Sequences(NamedTuple):
    """Tracks around the own tracks of leptons, and the track jets next to these.

    Attributes
    ----------
    neighbours : the own track first, then the others in order of distance to it
    jets : row of the nearest jet of each lepton, -1 for none, [n_lepton]
    """

    neighbours: Neighbours
    jets: Integers


def sequences(
    offsets: Integers, own: Integers, tracks: Tracks, jets: Jets, beam: impact.Beam | None = None
) -> Sequences:
    """What the RNN takes; nothing for a lepton without an own track or a jet near to that.

    Parameters
    ----------
    offsets : [n_event + 1], of the leptons
    own : [n_lepton], row of the own track, -1 for none
    beam : for tracks without stored impact parameters

    Source
    ------
    Athena LeptonTaggers/src/DecoratePromptLeptonRNN.cxx
    """
    columns = tracks.columns
    theta, phi = (linked(np.asarray(columns[n], np.float64), own) for n in ("theta", "phi"))
    centre = Directions(offsets, phi, eta=_eta(theta))
    near_jets = associate(centre, Directions(jets.offsets, jets.phi, eta=jets.eta), JET_CONE)
    jet = nearest(near_jets, JET_CONE)
    event = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))

    def accept(lepton: Integers, row: Integers) -> npt.NDArray[np.bool_]:
        place = impact.place(columns, row, event[lepton], beam)
        wanted: npt.NDArray[np.bool_] = jet[lepton] >= 0
        wanted &= selected(PLIV, row, columns, place, tracks.unit_of)
        return wanted

    near = associate(centre, tracks.directions, CONE, accept)
    near = _with_own(near.where((near.dr >= SAME) & (near.dr <= CONE)), np.where(jet < 0, -1, own))
    computed: dict[str, Array] = {"dr_lepton": near.dr}
    if impact.source(columns) == "computed":
        computed |= impact.computed(columns, near.rows, event[near.leptons], beam)
    computed |= _beside_jets(near, tracks, jets, jet)
    return Sequences(Neighbours(near, computed), jet)


def _with_own(near: Pairs, own: Integers) -> Pairs:
    """The pairs with the own track, [n_lepton], in front of those of each lepton that has one."""
    there = own >= 0
    offsets = near.offsets + np.concatenate([[0], np.cumsum(there)])
    other = np.ones(int(offsets[-1]), np.bool_)
    other[offsets[:-1][there]] = False
    rows = np.empty(len(other), np.int64)
    rows[other], rows[~other] = near.rows, own[there]
    apart = np.zeros((3, len(other)))
    apart[:, other] = near.dr, near.deta, near.dphi
    return Pairs(offsets, rows, *apart)


def _beside_jets(near: Pairs, tracks: Tracks, jets: Jets, jet: Integers) -> dict[str, Floats]:
    """Distance of each track to the jet of its lepton, and its share of the pt, [n_pair] each."""
    theta, phi, q_over_p = (
        np.asarray(tracks.columns[name], np.float64)[near.rows]
        for name in ("theta", "phi", "qOverP")
    )
    rows = jet[near.leptons]
    turned = phi - jets.phi[rows]
    turned -= TURN * np.rint(turned / TURN)
    pt = track_pt(q_over_p, theta, tracks.unit_of)
    return {
        "dr_track_jet": np.hypot(_eta(theta) - jets.eta[rows], turned),
        "pt_over_track_jet": np.where(pt > 0, pt / jets.pt[rows], np.where(pt <= 0, ABSENT, pt)),
    }


def longitudinal(
    leptons: Directions,
    links: tuple[Integers, Integers],
    vertices: Mapping[str, Array],
    primary: Floats,
    *,
    electron: bool,
) -> Floats:
    """Largest distance of a secondary from the primary vertex along the lepton, in its errors.

    Parameters
    ----------
    links : offsets [n_lepton + 1] and rows of the vertices of each lepton, -1 for none
    vertices : `POSITION`, `COVARIANCE` and `FIT` of secondary vertices, [n_vertex] each
    primary : [n_lepton, 3], in the unit of the other vertices; NaN where there is none
    electron : vertices along the electron, which are of material, do not count

    Returns
    -------
    [n_lepton], 0 where no vertex counts

    Source
    ------
    Athena LeptonTaggers/src/DecoratePromptLeptonImproved.cxx and PromptUtils.cxx (getNormDist),
    where the covariance is that of the secondary vertex alone
    """
    offsets, rows = links
    lepton = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))[rows >= 0]
    rows = rows[rows >= 0]
    of = {name: np.asarray(vertices[name], np.float64)[rows] for name in vertices}
    apart = np.stack([of[axis] for axis in POSITION], axis=1) - primary[lepton]
    flight, rise = np.asarray(leptons.phi, np.float64), eta(leptons)
    along = np.stack([np.cos(flight), np.sin(flight), np.sinh(rise)], axis=1)
    along /= np.cosh(rise)[:, None]
    length = np.linalg.norm(apart, axis=1)
    cosine = (apart * along[lepton]).sum(axis=1) / np.where(length == 0, 1.0, length)
    chance = probability(*(of[name] for name in FIT))
    if electron:
        least = np.where(np.abs(rise[lepton]) <= BARREL, *LEAST_ANGLE)
        kept = ~(np.arccos(np.clip(cosine, -1.0, 1.0)) < least) & (chance >= LEAST_PROBABILITY)
    else:
        kept = chance > LEAST_PROBABILITY
    value = _distance(apart, np.stack([of[name] for name in COVARIANCE], axis=1)) * cosine
    best = np.full(len(offsets) - 1, -np.inf)
    with np.errstate(invalid="ignore"):
        np.maximum.at(best, lepton[kept], value[kept])
    return np.where(np.isneginf(best), 0.0, best)


def probability(chi2: Array, n_free: Array) -> Floats:
    """Chance of a larger chi2, [n]; -1 where chi2 or the degrees of freedom are not above 0."""
    chi2, n_free = np.asarray(chi2, np.float64), np.asarray(n_free, np.float64)
    known = (chi2 > 0) & (n_free > 0)
    found = chdtrc(np.where(known, n_free, 1.0), np.where(known, chi2, 1.0))
    return np.where(known, found, -1.0)


def _distance(apart: Floats, elements: Floats) -> Floats:
    """``sqrt(d^T C^-1 d)`` of differences [n, 3] and xx, xy, yy, xz, yz, zz [n, 6]."""
    square = elements[:, [0, 1, 3, 1, 2, 4, 3, 4, 5]].reshape(-1, 3, 3)
    solvable = np.flatnonzero(np.isfinite(elements).all(axis=1))
    solvable = solvable[np.linalg.det(square[solvable]) != 0]
    found = np.full(len(apart), NO_DISTANCE)
    solved = np.linalg.solve(square[solvable], apart[solvable, :, None])[..., 0]
    with np.errstate(invalid="ignore"):
        found[solvable] = np.sqrt((apart[solvable] * solved).sum(axis=1))
    return found


def _eta(theta: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(-np.log(np.tan(0.5 * theta)))
