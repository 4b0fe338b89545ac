"""What a lepton's own tracks, its cluster and the jet next to it say about it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lepid.features import jets
from lepid.features.feature import ABSENT, PLIV_INPUT
from lepid.features.kernels.association import Directions, Pairs, associate, eta
from lepid.features.kernels.isolation import cone_sum
from lepid.features.kernels.track_jets import Jets

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

# The columns of leptons that lead to their own tracks.
OWN_TRACKS = {
    "muon": ("inDetTrackParticleLink", "muonType"),
    "electron": ("trackParticleLinks.originalTrackParticle",),
}
# The columns that give the pt of the track of a lepton that counts: of a muon the combined one.
PRIMARY_TRACKS = {
    "muon": ("combinedTrackParticleLink", "inDetTrackParticleLink"),
    "electron": ("trackParticleLinks",),
}
COMBINED = 0  # xAOD::Muon::Combined
CLUSTER_CONE = 0.15
JET_CONE = 0.4


class Aggregate(NamedTuple):
    """A column of leptons that is made of what lies around them.

    Attributes
    ----------
    needs : columns of the leptons
    kind : of the constituents
    of : columns of the constituents
    primary : columns of the primary vertex, if that counts too
    own_pt : whether the pt of the lepton's own track counts
    """

    needs: tuple[str, ...]
    kind: str
    of: tuple[str, ...]
    primary: tuple[str, ...] = ()
    own_pt: bool = False


_PLACE = ("eta", "phi")
# Files without track jets have the tracks that these are made of.
TRACK_JET = "track_jet"
TRACK_JET_COLUMNS = ("pt", *_PLACE, "constituentLinks")
_BEST = f"{PLIV_INPUT}CandVertex_normDistToPriVtxLongitudinalBest"


def _vertices_of(flavour: str) -> Aggregate:
    pairs = ("xx", "xy", "yy", "xz", "yz", "zz")
    of = (*"xyz", *(f"covariance_{pair}" for pair in pairs), "chiSquared", "numberDoF")
    kind = f"{flavour}_secondary_vertex"
    return Aggregate((*_PLACE, "DeepMergedSecVtxLinks"), kind, of, (*"xyz", "vertexType"))


# Prefix of what is known of the jet next to a lepton: where it is, and what the lepton is to it.
JET = "jet_"
JET_COLUMNS = tuple(f"{JET}{name}" for name in (*jets.KINEMATICS, *jets.RELATIVE))

# For files that do not hold the column itself.
AGGREGATES = {
    "caloClusterSumEt": Aggregate(("caloClusterLinks",), "cluster", ("calE", "calEta", "calPhi")),
    "n_vertices": Aggregate((), "vertex", ("nTracks",)),
    "SCTWeightedCharge": Aggregate(
        ("trackParticleLinks", "charge"), "electron_track", ("numberOfSCTHits", "qOverP")
    ),
    **dict.fromkeys(JET_COLUMNS, Aggregate(jets.KINEMATICS, "jet", jets.KINEMATICS)),
    f"{PLIV_INPUT}PtFrac": Aggregate(_PLACE, TRACK_JET, TRACK_JET_COLUMNS, own_pt=True),
    f"{PLIV_INPUT}DRlj": Aggregate(_PLACE, TRACK_JET, TRACK_JET_COLUMNS),
    f"{PLIV_INPUT}TrackJetNTrack": Aggregate(_PLACE, TRACK_JET, TRACK_JET_COLUMNS),
    "track_jet_sine": Aggregate(_PLACE, TRACK_JET, TRACK_JET_COLUMNS),
    _BEST: _vertices_of("muon"),
    f"{_BEST}_ThetaCutVtx": _vertices_of("electron"),
}


class NearestJet(NamedTuple):
    """The track jet next to a lepton, [n_lepton] each; -99 where there is none within the cone.

    Attributes
    ----------
    pt_ratio : pt of the lepton's track over that of the jet
    pt_rel : pt of the lepton times the sine of the angle to the jet, in the unit of the lepton
    dr : distance in eta and phi
    n_track : number of tracks in the jet
    """

    pt_ratio: Floats
    pt_rel: Floats
    dr: Floats
    n_track: Floats


def linked(values: Array, rows: Integers) -> Floats:
    """The column of what a link points to, [n]; NaN where the row is -1."""
    found = np.full(len(rows), np.nan)
    there = rows >= 0
    found[there] = values[rows[there]]
    return found


def own_tracks_of_muons(
    inner: Integers, combined: npt.NDArray[np.bool_]
) -> tuple[Integers, Integers]:
    """Offsets and rows of the ID track of each muon, -1 for none.

    Parameters
    ----------
    inner : [n_muon], row of the ID track, -1 for none
    combined : [n_muon], muons of the type Combined: others have no own track

    Source
    ------
    Athena LeptonTaggers/src/DecoratePLIT.cxx (fillParticles), which asks for the combined track
    among ID tracks, so that it finds none
    """
    return np.arange(len(inner) + 1), np.where(combined, inner, -1)


def cluster_sum(offsets: Integers, own: Integers, clusters: Directions, pt: Array) -> Floats:
    """Pt of all clusters within 0.15 of the lepton's own, which counts; 0 without one.

    Parameters
    ----------
    offsets : [n_event + 1], of the leptons
    own : [n_lepton], row of the cluster, -1 for none
    pt : [n_cluster]

    Source
    ------
    Athena LeptonTaggers/src/DecoratePLIT.cxx (predictElec)
    """
    centre = Directions(offsets, linked(clusters.phi, own), eta=linked(eta(clusters), own))
    return cone_sum(associate(centre, clusters, CLUSTER_CONE), pt, CLUSTER_CONE)


def nearest(pairs: Pairs, radius: float = np.inf) -> Integers:
    """Row of the nearest constituent with dr below `radius`, -1 for none, [n_lepton]."""
    rows = np.full(len(pairs.offsets) - 1, -1)
    first = pairs.offsets[:-1]
    some = np.flatnonzero(np.diff(pairs.offsets))
    some = some[pairs.dr[first[some]] < radius]
    rows[some] = pairs.rows[first[some]]
    return rows


def nearest_jet(leptons: Directions, pt: Array, track_pt: Array, jets: Jets) -> NearestJet:
    """What the nearest track jet says about each lepton.

    Parameters
    ----------
    pt, track_pt : [n_lepton], GeV, of the lepton and of its track; NaN without a track

    Source
    ------
    Athena LeptonTaggers/src/DecoratePromptLeptonImproved.cxx
    """
    near = associate(leptons, Directions(jets.offsets, jets.phi, eta=jets.eta), JET_CONE)
    rows = nearest(near, JET_CONE)
    there = rows >= 0
    along = _unit(eta(leptons), np.asarray(leptons.phi, np.float64))
    other = _unit(linked(jets.eta, rows), linked(jets.phi, rows))
    # Not from the cosine, which knows small angles badly.
    sine = np.linalg.norm(np.cross(along, other), axis=1)
    dr = np.full(len(rows), np.nan)
    dr[there] = near.dr[near.offsets[:-1][there]]
    values = (
        np.asarray(track_pt, np.float64) / linked(jets.pt, rows),
        np.asarray(pt, np.float64) * sine,
        dr,
        linked(jets.n_track, rows),
    )
    return NearestJet(*(np.where(np.isnan(value), ABSENT, value) for value in values))


def _unit(eta: Floats, phi: Floats) -> Floats:
    """Unit vectors, [n, 3]."""
    return np.stack([np.cos(phi), np.sin(phi), np.sinh(eta)], axis=1) / np.cosh(eta)[:, None]
