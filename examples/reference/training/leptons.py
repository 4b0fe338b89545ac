"""Leptons of the reference sample, as the networks of lepid see them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lepid.efficiency import truth
from lepid.efficiency.truth_codes import IFF
from lepid.events.objects.tables import Table, apply
from lepid.events.recognise import recognise
from lepid.events.schema import Schema
from lepid.features import leptons as lepton_features
from lepid.features import pliv
from lepid.features.kernels.association import Directions
from lepid.features.tracks import Tracks
from lepid.files_out import atomic
from lepid.surroundings import Surroundings
from lepid.taggers import around, catalogue, inputs
from lepid.taggers.plan import Plan
from lepid.units import convert

Array = npt.NDArray[Any]
Integers = npt.NDArray[np.int64]

TRUTH = ("ftagTruthOriginLabel", "ftagTruthVertexIndex")
JET_VARIABLES = lepton_features.NearestJet._fields
OWN_TRACK = {
    "muon": "inDetTrackParticleLink",
    "electron": "trackParticleLinks.originalTrackParticle",
}
EVENT = ("split", "averageInteractionsPerCrossing")
IMPACT = ("btagIp_d0", "btagIp_d0Uncertainty", "btagIp_z0SinTheta")
# Of the talk that presents PLIT: significance of d0, and z0 sin(theta) in mm.
MOST_D0 = {"muon": 3.0, "electron": 5.0}
MOST_Z0 = 0.5
LEAST_PT = 10.0
# xAOD::Muon: the lowest three bits of `quality`.
QUALITY, MEDIUM = 7, 1
PROMPT = {
    "muon": (IFF.PromptMuon, IFF.ChargeFlipMuon),
    "electron": (IFF.IsoElectron, IFF.ChargeFlipIsoElectron),
}
UNKNOWN = (IFF.Unknown, IFF.KnownUnknown)


class Leptons(NamedTuple):
    """Leptons after the preselection of PLIT, with the tracks around them.

    `inputs` [n_lepton, n_input] and `tracks` [n_track, n_track_input] are those of the networks,
    `offsets` [n_lepton + 1] say which tracks are whose; `origin` and `vertex` [n_track] are true.
    `jet` [n_lepton, 4], of PLIT, is the nearest track jet. `columns` [n_lepton] each: pt (GeV),
    eta, iff, weight, split, pileup.
    """

    inputs: npt.NDArray[np.float32]
    tracks: npt.NDArray[np.float32]
    offsets: Integers
    origin: Integers
    vertex: Integers
    jet: npt.NDArray[np.float32]
    columns: Mapping[str, Array]

    @property
    def prompt(self) -> npt.NDArray[np.bool_]:
        """Whether the lepton is of a boson, [n_lepton]."""
        return np.isin(self.columns["iff"], (*PROMPT["muon"], *PROMPT["electron"]))

    def of(self, chosen: npt.NDArray[np.bool_]) -> Leptons:
        """Those leptons alone, [n_lepton]."""
        lengths = np.diff(self.offsets)
        kept = np.repeat(chosen, lengths)
        return Leptons(
            self.inputs[chosen],
            self.tracks[kept],
            np.concatenate([[0], np.cumsum(lengths[chosen])]),
            self.origin[kept],
            self.vertex[kept],
            self.jet[chosen],
            {name: column[chosen] for name, column in self.columns.items()},
        )


def joined(parts: Iterable[Leptons]) -> Leptons:
    """All of them, one after another."""
    some = list(parts)
    lengths = np.concatenate([np.diff(part.offsets) for part in some])
    return Leptons(
        *(np.concatenate([getattr(part, name) for part in some]) for name in ("inputs", "tracks")),
        np.concatenate([[0], np.cumsum(lengths)]),
        *(np.concatenate([getattr(part, n) for part in some]) for n in ("origin", "vertex", "jet")),
        {name: np.concatenate([p.columns[name] for p in some]) for name in some[0].columns},
    )


def gather(events: Any, name: str) -> Leptons:
    """The leptons of `events` that the network `name`, ``tagger@network``, is for.

    Its inputs are made by lepid, whether or not its files are there.
    """
    card = catalogue.load(*name.split("@"))
    known = recognise(events)
    find = known.finder(card.flavour)
    columns, beside = around.reads(card, find)
    plan = Plan(card, "network", columns, {}, {}, around=beside)
    more = find.require(dict.fromkeys(_more(card.flavour), "training"))
    tables = {
        plan.around.collections["track"]: {name: name for name in (*TRUTH, *IMPACT)},
        "EventInfo": {name: name for name in EVENT},
    }
    for where, wanted in beside.tables.items():
        tables[where] = tables.get(where, {}) | dict(wanted)
    found: list[Leptons] = []

    def compute(flat: Mapping[str, Array], others: Mapping[str, Table]) -> Mapping[str, Array]:
        found.append(_leptons(plan, known.schema, find.collection, flat, others))
        return {"n": np.zeros(len(flat["pt"]))}

    apply(known, find.collection, {**columns, **more}, compute, tables)
    return found[-1]


def _more(flavour: str) -> list[str]:
    required = truth.SCHEMES["iff"].required(flavour, None)
    own = [f"{OWN_TRACK[flavour]}.{name}" for name in (*IMPACT, "qOverP", "theta")]
    return ["pt", "eta", "weight", *(["quality"] * (flavour == "muon")), *required, *own]


def _leptons(
    plan: Plan,
    schema: Schema,
    collection: str,
    flat: Mapping[str, Array],
    tables: Mapping[str, Table],
) -> Leptons:
    card, unit_of = plan.card, schema.unit
    place = Surroundings(plan, schema, collection, flat, tables)
    every = np.arange(len(flat["pt"]))
    nodes = [node for network in card.networks for node in network.nodes]
    lepton, track = (next(n for n in nodes if n.per == per) for per in ("lepton", "track"))
    around_them = place(track, every)
    # What a network gives the next is known when it is fitted.
    given = {name: np.zeros(len(every)) for network in card.networks for name in network.given}
    rows, finite = inputs.build(lepton, {**flat, **place.aggregates(), **given}, unit_of)
    tracks = tables[plan.around.collections["track"]]
    event = tables[collection].event
    info = tables["EventInfo"].columns
    columns = {
        "pt": convert(flat["pt"], unit_of("GeV"), "GeV"),
        "eta": np.asarray(flat["eta"], np.float64),
        "iff": truth.classify("iff", card.flavour, flat),
        "weight": np.asarray(flat["weight"], np.float64),
        "split": np.asarray(info["split"])[event],
        "pileup": np.asarray(info["averageInteractionsPerCrossing"], np.float64)[event],
    }
    # Those of PLIV are in its inputs.
    jet = (
        np.zeros((len(every), 0), np.float32)
        if given
        else _nearest_jet(flat, tables[collection], tracks, card.flavour, unit_of)
    )
    whole = Leptons(
        rows,
        around_them.values,
        around_them.offsets,
        *(np.asarray(tracks.columns[n])[around_them.rows].astype(np.int64) for n in TRUTH),
        jet,
        columns,
    )
    kept = finite & around_them.finite() & _preselected(card.flavour, flat, columns)
    return whole.of(kept)


def _preselected(
    flavour: str, flat: Mapping[str, Array], columns: Mapping[str, Array]
) -> npt.NDArray[np.bool_]:
    """As the leptons are that PLIT is trained on, but electrons without an identification."""
    d0, width, z0 = (flat[f"{OWN_TRACK[flavour]}.{name}"] for name in IMPACT)
    good = np.abs(d0 / width) < MOST_D0[flavour]
    good &= (np.abs(z0) < MOST_Z0) & (columns["pt"] > LEAST_PT)
    abseta = np.abs(columns["eta"])
    if flavour == "muon":
        good &= ((flat["quality"] & QUALITY) <= MEDIUM) & (abseta < 2.5)
    else:
        good &= (abseta < 1.37) | ((abseta > 1.52) & (abseta < 2.5))
    return good & ~np.isin(columns["iff"], UNKNOWN)


def _nearest_jet(
    flat: Mapping[str, Array],
    leptons: Table,
    tracks: Table,
    flavour: str,
    unit_of: Callable[[str], str],
) -> npt.NDArray[np.float32]:
    """Of the track jets of variable radius, [n_lepton, 4]."""
    jets = pliv.track_jets(Tracks(tracks.offsets, tracks.columns, unit_of), least_pt=0.0)
    there = Directions(leptons.offsets, flat["phi"], eta=flat["eta"])
    own = (flat[f"{OWN_TRACK[flavour]}.{name}"] for name in ("qOverP", "theta"))
    pt = convert(flat["pt"], unit_of("GeV"), "GeV")
    found = lepton_features.nearest_jet(there, pt, pliv.track_pt(*own, unit_of=unit_of), jets)
    return np.stack(found, axis=1).astype(np.float32)


def save(leptons: Leptons, path: Path) -> None:
    """Write an npz file."""
    arrays = leptons._asdict()
    columns = arrays.pop("columns")
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic(path) as partial:
        np.savez(partial, **arrays, **{f"columns.{n}": column for n, column in columns.items()})


def load(path: Path) -> Leptons:
    """Read an npz file."""
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    columns = {n.removeprefix("columns."): arrays.pop(n) for n in file.files if n.startswith("col")}
    return Leptons(**arrays, columns=columns)
