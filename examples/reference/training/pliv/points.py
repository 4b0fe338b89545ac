"""Working points of PLIV at the efficiencies that those of PLIT have, bin by bin."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from training.leptons import Leptons
from training.plit import runs as plit
from training.plit.points import discriminant
from training.pliv.runs import Run, within
from training.points import SAMPLE, named
from training.splits import VALIDATION

from lepid.features.rows.pliv import PT_EDGES
from lepid.taggers import card_file
from lepid.working_points import table, written
from lepid.working_points.bins import Bins
from lepid.working_points.derive import derive
from lepid.working_points.points import Sample, Wanted
from lepid.working_points.table import Table

Floats = npt.NDArray[np.float64]
# Point of PLIV -> that of PLIT whose efficiency it has.
POINTS = {"PLITPrompt95": "Prompt95", "PLITPrompt90": "Prompt90", "PLITPrompt80": "Prompt80"}
BINS = Bins((*PT_EDGES[:-1], np.inf), (0.0, 1.37, np.inf))
PROMPT = f"prompt leptons {SAMPLE}"


class Rival(NamedTuple):
    """Where the leptons of PLIT are, and its networks and points."""

    gathered: Path
    output: Path


def validation(run: Run, rival: Rival, output: Path) -> tuple[Any, ...]:
    """Prompt leptons of the validation events: themselves, weights, scores of PLIV and PLIT."""
    whole = plit.of_run(run.leptons(), output / "gathered")
    with np.load(output / f"{run.flavour}.npz") as file:
        score = file["score"]
    chosen = (whole.columns["split"] == VALIDATION) & whole.prompt
    theirs = np.full(len(score), np.nan)
    for abseta, name in run.parts.values():
        network = next(shipped for shipped in plit.SHIPPED if shipped.name == name)
        same = plit.of_run(network, rival.gathered)
        inside = within(whole, abseta)
        check_same(whole.of(inside), same)
        mine = chosen[inside]
        values = np.full(len(mine), np.nan)
        folder = rival.output / "networks"
        values[mine] = discriminant(network.network, network.file, folder, same.of(mine))
        theirs[inside] = values
    weight = plit.weights(whole, run.leptons())
    return whole.of(chosen), weight[chosen], score[chosen], theirs[chosen]


def check_same(left: Leptons, right: Leptons) -> None:
    """Raise `ValueError` unless these are the same leptons."""
    columns = ("pt", "eta", "iff", "split")
    if any(not np.array_equal(left.columns[n], right.columns[n]) for n in columns):
        message = "the leptons of PLIV and of PLIT are not the same; gather both anew"
        raise ValueError(message)


def table_of_plit(run: Run, rival: Rival) -> Table:
    """The points whose efficiencies those of PLIV have."""
    return table.read(rival.output / "wp_tables" / f"{run.flavour}_plit" / "reference-run3.json")


def write(run: Run, rival: Rival, output: Path) -> Table:
    """Write the table of a run whose card is beside its networks."""
    name = run.network.replace("@", "/")
    some, weight, score, theirs = validation(run, rival, output)
    pt, abseta = some.columns["pt"], np.abs(some.columns["eta"])
    decided = table_of_plit(run, rival).decide(
        {"discriminant": theirs}, {"pt": pt, "abseta": abseta}
    )  # fmt: skip
    wanted = [
        Wanted(name, PROMPT, decided[point].astype(np.float64), f"efficiency of {point} of PLIT")
        for name, point in POINTS.items()
    ]
    every = {PROMPT: np.ones(len(score), np.bool_)}
    sample = Sample({"score": score}, every, pt, abseta, weight)
    derived = derive(sample, wanted, BINS, sense="<=")
    path = output / "wp_tables" / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    written.write(named(card_file.load(output / "networks" / name / "card.toml"), derived), path)
    return table.read(path)
