"""Soft muons of the reference sample, with the inputs of TightNN as lepid computes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

import lepid
from lepid.efficiency import truth
from lepid.efficiency.truth_codes import IFF
from lepid.events.objects.tables import Table, apply
from lepid.events.recognise import recognise
from lepid.features import definitions
from lepid.features.kernels.association import Directions, associate
from lepid.files_out import atomic
from lepid.taggers import catalogue, inputs
from lepid.taggers.card_network import Network
from lepid.units import convert

Array = npt.NDArray[Any]
Bools = npt.NDArray[np.bool_]

# The card whose inputs and conditions count: that of Run 2 takes the first 19.
CARD = ("muon_tightnn", "reference-run3")
N_RUN2 = 19
PROCESSES = ("ttbar_nonallhad", "ttbar_allhad")
# Of the talk: muons in jets. Signal is of heavy hadrons, background of light ones.
CONE, JET_PT, JET_ABSETA = 0.4, 25.0, 2.5
JETS = "AntiKt4EMPFlowJets"
SIGNAL, BACKGROUND = (IFF.BHadronDecay, IFF.CHadronDecay), (IFF.LightFlavorDecay,)
# Column -> feature and its unit.
FEATURES = {"pt": ("pt", "GeV"), "eta": ("eta", ""), "weight": ("weight", "")}
EVENT = {"split": "split", "pileup": "averageInteractionsPerCrossing", "event": "eventNumber"}


class Muons(NamedTuple):
    """Muons that the network is for, in jets, of hadrons.

    Attributes
    ----------
    inputs : [n, 24] float32, in the order of the card
    columns : name -> [n]: `FEATURES` (GeV), `EVENT`, iff, dr (of the nearest jet), process (place
        in `PROCESSES`)
    """

    inputs: npt.NDArray[np.float32]
    columns: Mapping[str, Array]

    @property
    def signal(self) -> Bools:
        """Whether the muon is of a heavy hadron, [n]."""
        return np.isin(self.columns["iff"], SIGNAL)

    def of(self, chosen: Array) -> Muons:
        """Those alone, a mask or places."""
        return Muons(
            self.inputs[chosen], {name: column[chosen] for name, column in self.columns.items()}
        )


def joined(parts: Iterable[Muons]) -> Muons:
    """All of them, one after another."""
    some = list(parts)
    return Muons(
        np.concatenate([part.inputs for part in some]),
        {name: np.concatenate([p.columns[name] for p in some]) for name in some[0].columns},
    )


def gather(source: Path, path: Path) -> None:
    """Write the muons of one file of the sample as npz."""
    found = of_events(lepid.open(source))
    process = PROCESSES.index(source.parent.name)
    columns = {**found.columns, "process": np.full(len(found.inputs), process)}
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic(path) as partial:
        np.savez(partial, inputs=found.inputs, **columns)


def load(folder: Path) -> Muons:
    """All muons that were gathered below `folder`, in the order of processes and files."""
    paths = [path for name in PROCESSES for path in sorted((folder / name).glob("*.npz"))]
    return joined(map(_load, paths))


def _load(path: Path) -> Muons:
    with np.load(path) as file:
        columns = {name: file[name] for name in file.files}
    return Muons(columns.pop("inputs"), columns)


def network() -> Network:
    """The network of the card, with all inputs."""
    (found,) = catalogue.load(*CARD).networks
    return found


def names() -> list[str]:
    """Names of the inputs, in the order of the card."""
    return [entry.feature for entry in network().nodes[0].inputs]


def of_events(events: Any) -> Muons:
    """The muons of `events`."""
    known, wanted = recognise(events), network()
    find = known.finder("muon")
    needs = dict.fromkeys(inputs.needs(wanted), "training")
    needs |= dict.fromkeys([feature for feature, _ in FEATURES.values()], "training")
    needs |= dict.fromkeys(("phi", *truth.SCHEMES["iff"].required("muon", None)), "training")
    columns = find.require(definitions.resolve(needs, find.find))
    found: list[Muons] = []

    def compute(flat: Mapping[str, Array], tables: Mapping[str, Table]) -> Mapping[str, Array]:
        found.append(_muons(wanted, flat, tables, find.collection, known.schema.unit))
        return {"n": np.zeros(len(flat["pt"]))}

    tables = {
        "EventInfo": {name: name for name in EVENT.values()},
        JETS: {name: name for name in ("pt", "eta", "phi")},
    }
    apply(known, find.collection, columns, compute, tables)
    return found[-1]


def _muons(
    wanted: Network,
    flat: Mapping[str, Array],
    tables: Mapping[str, Table],
    collection: str,
    unit_of: Any,
) -> Muons:
    rows, finite = inputs.build(wanted.nodes[0], flat, unit_of)
    event = tables[collection].event
    columns = {
        name: definitions.evaluate(feature, unit, flat, unit_of)
        for name, (feature, unit) in FEATURES.items()
    }
    columns |= {name: tables["EventInfo"].columns[c][event] for name, c in EVENT.items()}
    columns["iff"] = truth.classify("iff", "muon", flat)
    columns["dr"] = _distance(flat, tables[collection], tables[JETS], unit_of)
    kept = finite & inputs.valid(wanted, flat, unit_of) & (columns["dr"] < CONE)
    kept &= np.isin(columns["iff"], (*SIGNAL, *BACKGROUND))
    return Muons(rows, columns).of(kept)


def _distance(flat: Mapping[str, Array], muons: Table, jets: Table, unit_of: Any) -> Array:
    """Distance of each muon to the nearest jet above 25 GeV, infinite beyond 0.4, [n]."""
    eta = np.asarray(jets.columns["eta"], np.float64)
    good = convert(jets.columns["pt"], unit_of("GeV"), "GeV") > JET_PT
    good &= np.abs(eta) < JET_ABSETA
    begins = np.concatenate([[0], np.cumsum(good)])[jets.offsets]
    place = Directions(begins, jets.columns["phi"][good], eta=eta[good])
    near = associate(Directions(muons.offsets, flat["phi"], eta=flat["eta"]), place, CONE)
    found = np.full(len(flat["phi"]), np.inf)
    some = np.diff(near.offsets) > 0
    found[some] = near.dr[near.offsets[:-1][some]]
    return found
