"""One tagger on flat tables: the leptons, and the tracks and clusters around them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from lepid.evaluation import evaluate
from lepid.events.objects.flat import Ragged
from lepid.events.objects.tables import Table, first, follow
from lepid.events.schema import Schema
from lepid.features import constituents, electrons, impact, jets, leptons, pliv, tracks
from lepid.features.feature import ABSENT, PLIV_INPUT
from lepid.features.kernels.association import Directions
from lepid.features.kernels.relative import nearest
from lepid.features.kernels.track_jets import Jets
from lepid.features.leptons import NearestJet
from lepid.features.tracks import Neighbours, Tracks
from lepid.taggers.batching import Sequence
from lepid.taggers.card_network import Node
from lepid.taggers.plan import Plan
from lepid.units import convert

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Columns = Mapping[str, Array]
Tables = Mapping[str, Table]
TRACK_INDEX = "track_index"


def evaluate_tables(
    plan: Plan, schema: Schema, collection: str, columns: Columns, tables: Tables
) -> dict[str, Any]:
    """Fields of the result, [n_lepton] each, from the tables that the plan names.

    An output with one number per track is a `Ragged`; `track_index` says which track of the event
    each of them is.
    """
    around = Surroundings(plan, schema, collection, columns, tables)
    found = evaluate(plan, schema, collection, {**columns, **around.aggregates()}, around)
    fields: dict[str, Any] = {}
    for name, values in found.items():
        if isinstance(values, Sequence):
            fields[name] = Ragged(values.offsets, values.values)
            fields[TRACK_INDEX] = Ragged(values.offsets, around.index(values))
        else:
            fields[name] = values
    return fields


class Surroundings:
    """What lies around the leptons of a collection.

    Parameters
    ----------
    columns : of the leptons, [n_lepton] each
    tables : the collections that the plan names
    """

    def __init__(
        self, plan: Plan, schema: Schema, collection: str, columns: Columns, tables: Tables
    ) -> None:
        self._plan, self._schema, self._collection = plan, schema, collection
        self._columns, self._tables = columns, tables
        # Several networks of a tagger share what is found once.
        self._found: dict[tuple[Any, ...], Neighbours] = {}

    def __call__(self, node: Node, chosen: Integers) -> Sequence:
        """What `node` takes of what lies around the `chosen` leptons [k], ascending."""
        key = node.per, node.tracks, node.own_track, node.cone, node.order
        if key not in self._found:
            self._found[key] = self._near(node)
        near = self._found[key].of(chosen)
        values = tracks.values(node.inputs, near, self._all(node.per))
        return Sequence(near.pairs.offsets, near.pairs.rows, values).first(node.maximum)

    def _near(self, node: Node) -> Neighbours:
        there, others = self._directions(), self._all(node.per)
        if node.per != "track":
            return constituents.neighbours(there, others, node.cone or tracks.CONE, node.order)
        own, beam = self._own_tracks(node), self._beam()
        if node.tracks == "plit":
            return tracks.neighbours(there, others, own, beam)
        offsets = self._tables[self._collection].offsets
        return pliv.sequences(offsets, first(*own), others, self._track_jets, beam).neighbours

    def aggregates(self) -> dict[str, Floats]:
        """Columns of the leptons that are made of what lies around them, [n_lepton] each."""
        made: dict[str, Callable[[], Floats]] = {
            "caloClusterSumEt": self._cluster_sum,
            "SCTWeightedCharge": self._weighted_charge,
            "n_vertices": self._number_of_vertices,
            f"{PLIV_INPUT}DRlj": lambda: self._nearest_track_jet.dr,
            f"{PLIV_INPUT}TrackJetNTrack": lambda: self._nearest_track_jet.n_track,
            f"{PLIV_INPUT}PtFrac": self._share_of_jet,
            "track_jet_sine": lambda: self._nearest_track_jet.pt_rel,
        }
        best = f"{PLIV_INPUT}CandVertex_normDistToPriVtxLongitudinalBest"
        made[best] = made[f"{best}_ThetaCutVtx"] = self._longitudinal
        of_jets = [name for name in self._plan.around.aggregates if name in leptons.JET_COLUMNS]
        others = [name for name in self._plan.around.aggregates if name not in of_jets]
        return {name: made[name]() for name in others} | self._jets(of_jets)

    def index(self, found: Sequence) -> Integers:
        """Place of each track of `found` in its event."""
        event = np.repeat(self._tables[self._collection].event, found.lengths)
        return np.asarray(found.rows - self._table("track").offsets[event])

    def _table(self, kind: str) -> Table:
        return self._tables[self._plan.around.collections[kind]]

    def _directions(self) -> Directions:
        offsets = self._tables[self._collection].offsets
        return Directions(offsets, self._columns["phi"], eta=self._columns["eta"])

    def _all(self, kind: str) -> Tracks:
        table = self._table(kind)
        return Tracks(table.offsets, table.columns, self._schema.unit)

    def _follow(self, path: str) -> tuple[Integers, Integers]:
        return follow(self._tables, self._collection, path, self._schema)

    def _own_tracks(self, node: Node) -> tuple[Integers, Integers]:
        """Offsets and rows of the leptons' own tracks."""
        n_lepton = len(self._columns["phi"])
        if node.own_track == "never":
            return np.zeros(n_lepton + 1, np.int64), np.zeros(0, np.int64)
        path, *kind = leptons.OWN_TRACKS[self._plan.card.flavour]
        offsets, rows = self._follow(path)
        if kind:
            combined = self._columns[kind[0]] == leptons.COMBINED
            return leptons.own_tracks_of_muons(first(offsets, rows), combined)
        return offsets, rows

    def _beam(self) -> impact.Beam | None:
        if self._plan.around.impact == "stored":
            return None
        vertices, event = self._table("vertex"), self._table("event").columns
        rows = impact.primary(vertices.offsets, vertices.columns["vertexType"])
        vertex = (leptons.linked(vertices.columns[n], rows) for n in ("z", "covariance_zz"))
        sigma = (np.asarray(event[f"beamPosSigma{axis}"], np.float64) for axis in ("X", "Y", "XY"))
        return impact.Beam(*vertex, *sigma)

    def _cluster_sum(self) -> Floats:
        clusters = self._table("cluster")
        eta = np.asarray(clusters.columns["calEta"], np.float64)
        place = Directions(clusters.offsets, clusters.columns["calPhi"], eta=eta)
        own = first(*self._follow("caloClusterLinks"))
        pt = np.asarray(clusters.columns["calE"], np.float64) / np.cosh(eta)
        return leptons.cluster_sum(self._tables[self._collection].offsets, own, place, pt)

    def _number_of_vertices(self) -> Floats:
        """Vertices with two tracks or more in the event of each lepton, as Athena counts them."""
        vertices, leptons_there = self._table("vertex"), self._tables[self._collection]
        real = vertices.event[vertices.columns["nTracks"] >= 2]
        counts = np.bincount(real, minlength=len(vertices.offsets) - 1)
        return np.asarray(counts[leptons_there.event], np.float64)

    def _jets(self, wanted: list[str]) -> dict[str, Floats]:
        """Columns of the jet next to each lepton, and of the lepton relative to it."""
        if not wanted:
            return {}
        rules, found = self._plan.card.jets.rules, self._table("jet")
        lepton = jets.momenta(self._tables[self._collection].offsets, self._columns)
        jet = jets.momenta(found.offsets, found.columns)
        good = rules.accepted(convert(jet.pt, self._schema.unit("GeV"), "GeV"), jet.eta)
        rows = nearest(lepton, jet, good, rules.dr)
        loss = None if rules.energy_loss == "none" else self._columns[jets.ENERGY_LOSS]
        names = [name.removeprefix(leptons.JET) for name in wanted]
        seen = [name for name in names if name in jets.RELATIVE]
        values = jets.observed(lepton, jet, (np.arange(len(rows)), rows), seen, rules, loss=loss)
        values |= {n: leptons.linked(found.columns[n], rows) for n in names if n not in values}
        return {f"{leptons.JET}{name}": column for name, column in values.items()}

    @cached_property
    def _track_jets(self) -> Jets:
        """The track jets of the file, or of its tracks."""
        if leptons.TRACK_JET not in self._plan.around.collections:
            return pliv.track_jets(self._all("track"), self._beam())
        table = self._table(leptons.TRACK_JET)
        n_track = np.diff(table.links["constituentLinks"].offsets)
        return pliv.stored_jets(table.offsets, table.columns, n_track, self._schema.unit)

    @cached_property
    def _nearest_track_jet(self) -> NearestJet:
        """Of leptons whose pt is 1, and so is that of their tracks."""
        ones = np.ones(len(self._columns["phi"]))
        found = leptons.nearest_jet(self._directions(), ones, ones, self._track_jets)
        known = np.isfinite(self._columns["eta"]) & np.isfinite(self._columns["phi"])
        return NearestJet(*(np.where(known, values, np.nan) for values in found))

    def _share_of_jet(self) -> Floats:
        """Pt of the track of each lepton over that of the jet next to it; -99 without either."""
        tracks_of = leptons.PRIMARY_TRACKS[self._plan.card.flavour]
        pt, *others = (
            pliv.track_pt(
                self._columns[f"{track}.qOverP"], self._columns[f"{track}.theta"], self._schema.unit
            )
            for track in tracks_of
        )
        for other in others:
            combined = self._columns["muonType"] == leptons.COMBINED
            pt = np.where(combined & ~np.isnan(pt), pt, other)
        inverse = self._nearest_track_jet.pt_ratio
        known = (inverse != ABSENT) & ~np.isnan(inverse) & ~np.isnan(pt)
        return np.where(known, pt * inverse, np.where(np.isnan(inverse), np.nan, ABSENT))

    def _longitudinal(self) -> Floats:
        flavour = self._plan.card.flavour
        links = self._follow("DeepMergedSecVtxLinks")
        vertices, secondary = self._table("vertex"), self._table(f"{flavour}_secondary_vertex")
        rows = impact.primary(vertices.offsets, vertices.columns["vertexType"])
        place = np.stack([leptons.linked(vertices.columns[axis], rows) for axis in "xyz"], axis=1)
        event = self._tables[self._collection].event
        return pliv.longitudinal(
            self._directions(), links, secondary.columns, place[event],
            electron=flavour == "electron",
        )  # fmt: skip

    def _weighted_charge(self) -> Floats:
        offsets, rows = self._follow("trackParticleLinks")
        there = rows >= 0
        lepton = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))[there]
        hits, q_over_p = (
            self._table("electron_track").columns[name][rows[there]]
            for name in ("numberOfSCTHits", "qOverP")
        )
        return electrons.weighted_charge(self._columns["charge"], lepton, hits, q_over_p)
