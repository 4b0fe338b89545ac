"""Prompt leptons that no network was fitted to, and what the shipped networks say of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
from training.derived.signal import Signal
from training.electron import compared, summary
from training.electron import inputs as electrons
from training.plit import points as plit_points
from training.plit import runs as plit
from training.splits import TEST, VALIDATION
from training.tightnn import inputs as muons
from training.tightnn import runs as tightnn
from training.tightnn import weights

from lepid.efficiency.truth_codes import DNN
from lepid.taggers import card_file
from lepid.taggers.card import Card
from lepid.working_points.bins import Bins

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
# Of the output, where results are.
FOLDER = "derived"


def read(output: Path) -> list[Signal]:
    """Muons of PLIT, electrons of the DNN, and soft muons of TightNN."""
    return [_muons(output), _electrons(output), _soft_muons(output)]


def _muons(output: Path) -> Signal:
    whole = plit.of_run(plit.MUON, output / "leptons")
    some = whole.of(whole.prompt & _unseen(whole.columns))
    networks = output / "plit" / "networks"
    card = _card(networks, plit.MUON.network)
    score = plit_points.discriminant(plit.MUON.network, plit.MUON.file, networks, some)
    bins = Bins((10.0, 15.0, 20.0, 30.0, 40.0, 60.0, np.inf), (0.0, 0.6, 1.05, 1.7, 2.5))
    return _signal(card, "discriminant", score, some.columns, bins)


def _electrons(output: Path) -> Signal:
    whole = electrons.load(output / "electron" / "gathered")
    some = whole.of((whole.columns["truth"] == DNN.El) & _unseen(whole.columns))
    networks = output / "electron" / "networks"
    card = _card(networks, summary.DNN_NAME)
    said = compared.probabilities(card, networks / summary.DNN_NAME, some)
    score = compared.d_el(card, said, some.columns["abseta"])
    bins = Bins(
        (4.5, 10.0, 15.0, 20.0, 30.0, 40.0, 60.0, np.inf), (0.0, 0.8, 1.37, 1.52, 2.01, 2.47)
    )
    columns = {**some.columns, "pt": some.columns["et"], "eta": some.columns["abseta"]}
    return _signal(card, "D_el", score, columns, bins)


def _soft_muons(output: Path) -> Signal:
    folder = output / "tightnn"
    whole = muons.load(folder / "gathered")
    with np.load(folder / f"{tightnn.RUN3.name}.npz") as file:
        score = file["scores"].astype(np.float64)
    chosen = whole.signal & _unseen(whole.columns)
    bins = Bins((4.0, 5.0, 6.0, 8.0, 10.0, 15.0, 20.0, 30.0, np.inf), (0.0, 0.6, 1.05, 1.7, 2.5))
    columns = whole.of(chosen).columns
    card = _card(folder / "networks", tightnn.RUN3.network)
    return _signal(card, "score", score[chosen], columns, bins)


def _card(networks: Path, name: str) -> Card:
    return card_file.load(networks / name.replace("@", "/") / "card.toml")


def _unseen(columns: Mapping[str, npt.NDArray[np.generic]]) -> Bools:
    return np.isin(columns["split"], (VALIDATION, TEST))


def _signal(
    card: Card,
    quantity: str,
    score: Floats,
    columns: Mapping[str, npt.NDArray[np.generic]],
    bins: Bins,
) -> Signal:
    numbers = {name: np.asarray(columns[name], np.float64) for name in ("pt", "eta", "weight")}
    pileup = weights.to_run2(np.asarray(columns["pileup"]))
    split = np.asarray(columns["split"], np.int8)
    abseta = np.abs(numbers["eta"])
    weight = numbers["weight"] * pileup
    return Signal(card, quantity, score, numbers["pt"], abseta, weight, split, bins)
