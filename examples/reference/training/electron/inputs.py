"""Electrons of the reference sample, with the inputs of the network as lepid computes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

import lepid
from lepid.efficiency import truth
from lepid.efficiency.truth_codes import DNN
from lepid.events.objects.tables import Table, apply
from lepid.events.recognise import recognise
from lepid.features import definitions
from lepid.features.electrons import feature_of
from lepid.files_out import atomic

Array = npt.NDArray[Any]
Bools = npt.NDArray[np.bool_]

# Names and order of Athena's selector with a cut on charge flips.
VARIABLES = (
    "d0significance", "dPOverP", "deltaEta1", "deltaPhiRescaled2", "trans_TRTPID",
    "nPixHitsPlusDeadSensors", "nSCTHitsPlusDeadSensors", "EoverP", "eta", "et", "Rhad1", "Rhad",
    "f3", "f1", "weta2", "Rphi", "Reta", "Eratio", "wtots1", "SCTWeightedCharge", "qd0",
)  # fmt: skip
# The calorimeter of the sample has no layers: eta is that of the whole cluster.
WITHOUT_LAYERS = {
    "abseta_cluster": "abseta_calo",
    "f3_central": "f3_calo",
    "trans_TRTPID": "trans_TRTPID_calo",
}
PROCESSES = (
    "ttbar_nonallhad", "ttbar_allhad", "Zee", "Zmumu", "Wjets", "photon_jet", "dijet",
    "Jpsi_ee", "Jpsi_mumu",
)  # fmt: skip
# Column -> feature and its unit.
FEATURES = {
    "pt": ("pt", "GeV"),
    "eta": ("eta", ""),
    "phi": ("phi", "rad"),
    "et": ("et", "GeV"),
    "abseta": ("abseta_calo", ""),
    "charge": ("charge", ""),
    "d0": ("trackParticleLinks.d0", "mm"),
    "weight": ("weight", ""),
    "nPix": ("nPixHitsPlusDeadSensors", ""),
    "nSi": ("nSiHitsPlusDeadSensors", ""),
    "passesBLayer": ("passesBLayer", ""),
    "ambiguityType": ("ambiguityType", ""),
    "isForward": ("isForward", ""),
    # As the likelihood takes them.
    "f3": ("f3", ""),
    "TRT": ("transformed_e_probability_ht", ""),
}
EVENT = {
    "split": "split",
    "pileup": "averageInteractionsPerCrossing",
    "event": "eventNumber",
}
MOST_ABSETA, LEAST_ET = 2.47, 4.5
# Values of `split`.


class Electrons(NamedTuple):
    """Electrons with a cluster and a track and a known class.

    Attributes
    ----------
    inputs : [n, 21] float32, `VARIABLES`; MeV and mm
    columns : name -> [n]
        `FEATURES` (GeV, mm; abseta is of the cluster), `EVENT`, truth (0 to 5: El, CF, PC, HF,
        LFEg, LFH), iff, process (place in `PROCESSES`)
    """

    inputs: npt.NDArray[np.float32]
    columns: Mapping[str, Array]

    def of(self, chosen: Array) -> Electrons:
        """Those alone, a mask or places."""
        return Electrons(
            self.inputs[chosen], {name: column[chosen] for name, column in self.columns.items()}
        )


def joined(parts: Iterable[Electrons]) -> Electrons:
    """All of them, one after another."""
    some = list(parts)
    return Electrons(
        np.concatenate([part.inputs for part in some]),
        {name: np.concatenate([p.columns[name] for p in some]) for name in some[0].columns},
    )


def gather(source: Path, path: Path) -> None:
    """Write the electrons of one file of the sample as npz."""
    found = of_events(lepid.open(source))
    process = PROCESSES.index(source.parent.name)
    columns = {**found.columns, "process": np.full(len(found.inputs), process)}
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic(path) as partial:
        np.savez(partial, inputs=found.inputs, **columns)


def load(folder: Path) -> Electrons:
    """All electrons that were gathered below `folder`, in the order of processes and files."""
    paths = [path for name in PROCESSES for path in sorted((folder / name).glob("*.npz"))]
    return joined(map(_load, paths))


def _load(path: Path) -> Electrons:
    with np.load(path) as file:
        columns = {name: file[name] for name in file.files}
    return Electrons(columns.pop("inputs"), columns)


def of_events(events: Any) -> Electrons:
    """The electrons of `events`."""
    known = recognise(events)
    find = known.finder("electron")
    required = truth.SCHEMES["dnn"].required("electron")
    wanted = [feature for feature, _ in (*inputs(), *FEATURES.values())]
    names = [column for feature in wanted for column in definitions.needs(feature)]
    needs = dict.fromkeys((*names, *required), "training")
    columns = find.require(definitions.resolve(needs, find.find))
    found: list[Electrons] = []

    def compute(flat: Mapping[str, Array], tables: Mapping[str, Table]) -> Mapping[str, Array]:
        event = tables[find.collection].event
        more = {n: tables["EventInfo"].columns[c][event] for n, c in EVENT.items()}
        found.append(_electrons(flat, more, known.schema.unit))
        return {"n": np.zeros(len(flat["pt"]))}

    tables = {"EventInfo": {name: name for name in EVENT.values()}}
    apply(known, find.collection, columns, compute, tables)
    return found[-1]


def inputs() -> list[tuple[str, str]]:
    """Features of `VARIABLES` and their units, for a calorimeter without layers."""
    named = [feature_of(name, "training") for name in VARIABLES]
    return [(WITHOUT_LAYERS.get(feature, feature), unit) for feature, unit in named]


def _electrons(flat: Mapping[str, Array], more: Mapping[str, Array], unit_of: Any) -> Electrons:
    rows = [definitions.evaluate(name, unit, flat, unit_of) for name, unit in inputs()]
    columns = {
        name: definitions.evaluate(feature, unit, flat, unit_of)
        for name, (feature, unit) in FEATURES.items()
    }
    columns |= more | {
        "truth": truth.classify("dnn", "electron", flat),
        "iff": truth.classify("iff", "electron", flat, charge_flips=True),
    }
    whole = Electrons(np.stack(rows, axis=1).astype(np.float32), columns)
    kept = np.isfinite(whole.inputs).all(axis=1) & (columns["truth"] != DNN.other)
    kept &= (columns["abseta"] < MOST_ABSETA) & (columns["et"] > LEAST_ET)
    return whole.of(kept & (columns["isForward"] == 0))
