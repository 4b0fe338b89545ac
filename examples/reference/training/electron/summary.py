"""The electron network beside its rivals: points of the likelihood, tables, pictures."""

from __future__ import annotations

from pathlib import Path

from training import records
from training.electron import figures, likelihood, results, tables
from training.electron.compared import LIKELIHOOD, NETWORK, compare
from training.electron.inputs import load
from training.splits import VALIDATION

from lepid.files_out import atomic
from lepid.taggers import card_file
from lepid.working_points import table

DNN_NAME = "electron_dnn/reference"
LH_NAME = likelihood.NAME.replace("@", "/")
RIVALS = "rivals.npz"


def write(gathered: Path, output: Path) -> None:
    """Points and card of the likelihood, results.md, results.json and pictures in `output`.

    Parameters
    ----------
    output : with the network, the densities and ``rivals.npz``
    """
    folder, densities = (output / "networks" / name for name in (DNN_NAME, LH_NAME))
    points = output / "wp_tables"
    said = compare(load(gathered), folder, output / RIVALS, densities)
    beside = table.read(points / f"{DNN_NAME}.json")
    validation = said.of(said.electrons.columns["split"] == VALIDATION)
    path = points / f"{LH_NAME}.json"
    likelihood.ship(densities, validation.with_scores(), beside, path)
    card = card_file.load(folder / "card.toml")
    found = results.measure(said, card, {NETWORK: beside, LIKELIHOOD: table.read(path)})
    figures.write(said, found, card, output / "figures")
    with atomic(output / "results.md") as partial:
        partial.write_text(tables.text(found) + "\n", "utf-8")
    for target in (output / "results.json", densities / "metrics.json"):
        records.dump(found, target)
