"""Leptons inside of jets of the reference sample, with the inputs of their trees."""

from __future__ import annotations

from collections.abc import Mapping
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
from lepid.files_out import atomic
from lepid.surroundings import Surroundings
from lepid.taggers import around
from lepid.taggers import inputs as of_network
from lepid.taggers.card import Card
from lepid.taggers.plan import Plan

Array = npt.NDArray[Any]
Bools = npt.NDArray[np.bool_]

FLAVOURS = ("muon", "electron")
# Leptons of all classes in the same events: nothing is learnt from the process.
PROCESSES = ("ttbar_nonallhad", "ttbar_allhad")
HEAVY = (IFF.BHadronDecay, IFF.CHadronDecay)
LIGHT = (IFF.LightFlavorDecay, IFF.PromptPhotonConversion, IFF.NonMuonlike)
PROMPT = (IFF.PromptMuon, IFF.ChargeFlipMuon, IFF.IsoElectron, IFF.ChargeFlipIsoElectron)
EVENT = "split"

_GSF = "trackParticleLinks"
# Feature -> unit, in the order of the trees.
INPUTS: dict[str, dict[str, str]] = {
    "muon": {
        "pt": "GeV", "abseta": "", "jet_dr": "", "jet_ptrel": "GeV", "jet_ptfrac": "",
        "momentumBalanceSignificance": "", "scatteringNeighbourSignificance": "",
        "scatteringCurvatureSignificance": "", "segmentDeltaEta": "", "muon_qOverPratio": "",
        "EnergyLoss": "GeV", "muon_quality": "", "muon_d0_signed_significance": "",
        "inDetTrackParticleLink.d0": "mm",
    },
    "electron": {
        "pt": "GeV", "abseta": "", "jet_dr": "", "jet_ptrel": "GeV", "jet_ptfrac": "",
        "deltaEta1": "", "deltaPhiRescaled2": "", "Rhad": "", "Rhad1": "", "Eratio": "",
        "weta2": "", "Rphi": "", "Reta": "", "wtots1": "", "f1": "", "f3": "",
        f"{_GSF}.numberOfPixelHits": "", f"{_GSF}.eProbabilityHT": "",
        "nSCTHitsPlusDeadSensors": "", "EoverP": "", "dPOverP": "", "ptvarcone30Rel": "",
        "electron_d0_signed_significance": "", f"{_GSF}.d0": "mm",
    },
}  # fmt: skip
_MUONS = [
    {"feature": "muonType", "low": 0, "high": 0, "doc": "a combined muon"},
    {"feature": "has_ID_track", "low": 1, "doc": "an ID track"},
    {"feature": "has_ME_track", "low": 1, "doc": "an extrapolated spectrometer track"},
    {"feature": "has_momentum_balance", "low": 1, "doc": "momentumBalanceSignificance is not 0"},
    {"feature": "muon_quality", "high": 2, "doc": "Loose, Medium or Tight"},
    {"feature": "pt", "unit": "GeV", "low": 2, "high": 500, "doc": "2 <= pt <= 500 GeV"},
    {"feature": "abseta", "high": 2.5, "doc": "|eta| <= 2.5"},
    {"feature": "jet_ptrel", "unit": "GeV", "high": 5, "doc": "pt^rel <= 5 GeV"},
    {
        "feature": "inDetTrackParticleLink.d0",
        "unit": "mm",
        "low": -1,
        "high": 1,
        "doc": "|d0| <= 1 mm",
    },
]
_ELECTRONS = [
    {"feature": "abseta", "high": 2.5, "doc": "|eta| <= 2.5"},
    {"feature": "pt", "unit": "GeV", "low": 1, "high": 500, "doc": "1 <= pt <= 500 GeV"},
    {"feature": "et", "unit": "GeV", "high": 50, "doc": "E_T <= 50 GeV"},
    {"feature": "abs_d0", "unit": "mm", "high": 1, "doc": "|d0| <= 1 mm"},
    {"feature": "EoverP", "high": 30, "doc": "E/p <= 30"},
    {"feature": "ptvarcone30Rel", "high": 40, "doc": "isolation <= 40"},
    {"feature": "jet_ptrel", "unit": "GeV", "high": 5, "doc": "pt^rel <= 5 GeV"},
    {"feature": "Rhad1", "high": 4, "doc": "Rhad1 <= 4"},
    {"feature": "wtots1", "high": 20, "doc": "wtots1 <= 20"},
    {"feature": "Rphi", "high": 2, "doc": "Rphi <= 2"},
    {"feature": "Reta", "high": 2, "doc": "Reta <= 2"},
    {"feature": "deltaEta1", "high": 10, "doc": "deltaEta1 <= 10"},
    {"feature": "dPOverP", "high": 5, "doc": "dPOverP <= 5"},
]
# Those of Athena's b-jet regression: r22default and r22bjr of muons, r22default of electrons.
VALID = {"muon": _MUONS, "electron": _ELECTRONS}


class Leptons(NamedTuple):
    """Leptons in jets that the trees are for.

    Attributes
    ----------
    inputs : [n, n_input] float32, `INPUTS`
    columns : name -> [n]: pt (GeV), eta, iff, weight, split
    """

    inputs: npt.NDArray[np.float32]
    columns: Mapping[str, Array]

    def of(self, chosen: Array) -> Leptons:
        """Those alone, a mask or places."""
        columns = {name: column[chosen] for name, column in self.columns.items()}
        return Leptons(self.inputs[chosen], columns)

    def among(self, *classes: int) -> Bools:
        """Which have one of these IFF classes, [n]."""
        return np.isin(self.columns["iff"], classes)


def tagger(flavour: str) -> str:
    """Name of the tagger."""
    return f"{flavour}_softbdt"


def draft(flavour: str) -> dict[str, Any]:
    """A card for the trees, but for the file that they are in."""
    listed = [{"feature": name, "unit": unit} for name, unit in INPUTS[flavour].items()]
    return {
        "tagger": tagger(flavour),
        "network": "reference",
        "flavour": flavour,
        "description": f"soft {flavour}s in jets: b and c hadrons against light ones",
        "source": "ours; the selection is Athena's, of leptons in its b-jet regression",
        "reference": True,
        "outputs": [{"name": "p_HF", "doc": f"{flavour} of a b or c hadron", "node": "scores"}],
        "networks": [
            {
                "path": "none",
                "nodes": [{"name": "inputs", "inputs": listed}],
                "valid": VALID[flavour],
            }
        ],
    }


def gather(source: Path, flavour: str, path: Path) -> None:
    """Write the leptons of one file of the sample as npz."""
    found = of_events(lepid.open(source), flavour)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic(path) as partial:
        np.savez(partial, inputs=found.inputs, **found.columns)


def load(folder: Path, flavour: str) -> Leptons:
    """All leptons that were gathered below `folder`, in the order of processes and files."""
    paths = [p for name in PROCESSES for p in sorted((folder / flavour / name).glob("*.npz"))]
    parts = []
    for path in paths:
        with np.load(path) as file:
            parts.append({name: file[name] for name in file.files})
    whole = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return Leptons(whole.pop("inputs"), whole)


def of_events(events: Any, flavour: str) -> Leptons:
    """The leptons of `events` that the trees are for, with a known class."""
    card = Card.model_validate(draft(flavour))
    known = recognise(events)
    find = known.finder(flavour)
    columns, beside = around.reads(card, find)
    plan = Plan(card, "network", columns, {}, {}, around=beside)
    required = (*truth.SCHEMES["iff"].required(flavour, None), "pt", "eta", "weight")
    columns = columns | find.require(dict.fromkeys(required, "training"))
    found: list[Leptons] = []

    def compute(flat: Mapping[str, Array], tables: Mapping[str, Table]) -> Mapping[str, Array]:
        place = Surroundings(plan, known.schema, find.collection, flat, tables)
        whole = {**flat, **place.aggregates()}
        event = tables[find.collection].event
        split = tables["EventInfo"].columns[EVENT][event]
        found.append(_leptons(card, whole, split, known.schema.unit))
        return {"n": np.zeros(len(flat["pt"]))}

    tables = {**beside.tables, "EventInfo": {EVENT: EVENT}}
    apply(known, find.collection, columns, compute, tables)
    return found[-1]


def _leptons(card: Card, flat: Mapping[str, Array], split: Array, unit_of: Any) -> Leptons:
    network = card.networks[0]
    rows, finite = of_network.build(network.nodes[0], flat, unit_of)
    columns = {
        "pt": definitions.evaluate("pt", "GeV", flat, unit_of),
        "eta": np.asarray(flat["eta"], np.float64),
        "iff": truth.classify("iff", card.flavour, flat),
        "weight": np.asarray(flat["weight"], np.float64),
        "split": np.asarray(split),
    }
    kept = finite & of_network.valid(network, flat, unit_of)
    kept &= ~np.isin(columns["iff"], (IFF.Unknown, IFF.KnownUnknown))
    return Leptons(rows, columns).of(kept)
