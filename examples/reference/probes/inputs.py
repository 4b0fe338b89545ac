"""Leptons of the reference sample: where they are, what they pass and what they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import awkward as ak
import numpy as np
import numpy.typing as npt

import lepid
from lepid.efficiency.tag_and_probe.pair_table import Leptons
from lepid.files_out import atomic

Array = npt.NDArray[Any]
Bools = npt.NDArray[np.bool_]

COLLECTIONS = {"electron": "Electrons", "muon": "Muons"}
DNN, ISOLATED = ("Loose", "Medium", "Tight"), ("Prompt95", "Prompt90", "Prompt80")
# Network -> its working points, by flavour.
TAGGERS = {
    "electron": {"electron_dnn@reference": DNN, "electron_plit@reference-run3": ISOLATED},
    "muon": {"muon_plit@reference-run3": ISOLATED},
}
# xAOD::Muon: the lowest three bits of `quality`; Tight and Medium are the smallest.
QUALITY, MEDIUM = 7, 1


class Probes(NamedTuple):
    """Leptons of whole events.

    Attributes
    ----------
    offsets : [n_event + 1], where the leptons of each event begin
    columns : [n_lepton] each: pt (GeV), eta, phi (rad), charge, weight; iff: truth, with charge
        of electrons as a class of their own; ``tagger.point``: whether it passes; good: scored by
        all taggers, muons of Medium quality
    """

    offsets: npt.NDArray[np.int64]
    columns: Mapping[str, Array]

    @property
    def leptons(self) -> Leptons:
        """As pairs are made of them; every event counts once."""
        names = ("pt", "eta", "phi", "charge")
        return Leptons(self.offsets, *(self.columns[n] for n in names), np.ones(self.n_lepton))

    @property
    def n_lepton(self) -> int:
        """Number of leptons."""
        return int(self.offsets[-1])

    @property
    def n_event(self) -> int:
        """Number of events."""
        return len(self.offsets) - 1

    def of(self, events: Bools) -> Probes:
        """Those events alone, [n_event]."""
        lengths = np.diff(self.offsets)
        kept = np.repeat(events, lengths)
        offsets = np.concatenate([[0], np.cumsum(lengths[events])])
        return Probes(offsets, {name: column[kept] for name, column in self.columns.items()})


def joined(parts: Iterable[Probes]) -> Probes:
    """All of them, one after another."""
    some = list(parts)
    lengths = np.concatenate([np.diff(part.offsets) for part in some])
    names = some[0].columns
    return Probes(
        np.concatenate([[0], np.cumsum(lengths)]),
        {name: np.concatenate([part.columns[name] for part in some]) for name in names},
    )


def gather(source: Path, flavour: str, path: Path) -> None:
    """Write the leptons of one file of the sample."""
    found = read(lepid.open(str(source)), flavour)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic(path) as partial:
        np.savez(partial, offsets=found.offsets, **found.columns)


def read(events: Any, flavour: str) -> Probes:
    """Leptons of events of the sample."""
    collection = COLLECTIONS[flavour]
    flips = flavour == "electron"
    truth = lepid.truth(events, collection, scheme="iff", charge_flips=flips)
    decorated = lepid.decorate(events, list(TAGGERS[flavour]))[collection]
    columns = {name: _flat(decorated[name]) for name in ("eta", "phi", "charge", "weight")}
    columns |= {"pt": _flat(decorated["pt"]) / 1e3, "iff": _flat(truth)}
    columns = {name: column.astype(np.float64) for name, column in columns.items()}
    good = np.ones(len(columns["pt"]), np.bool_)
    if flavour == "muon":
        good &= (_flat(decorated["quality"]) & QUALITY) <= MEDIUM
    for tagger, points in TAGGERS[flavour].items():
        record = decorated[tagger.partition("@")[0]]
        good &= _flat(record["scored"])
        for name in points:
            columns[f"{tagger.partition('@')[0]}.{name}"] = _flat(record[name])
    lengths = ak.to_numpy(ak.num(decorated["pt"]))
    return Probes(np.concatenate([[0], np.cumsum(lengths)]), columns | {"good": good})


def load(folder: Path) -> Probes:
    """Leptons of all files of a folder."""
    parts = []
    for path in sorted(folder.glob("*.npz")):
        with np.load(path) as file:
            columns = {name: file[name] for name in file.files}
        parts.append(Probes(columns.pop("offsets"), columns))
    return joined(parts)


def _flat(values: Any) -> Array:
    return ak.to_numpy(ak.flatten(values))
