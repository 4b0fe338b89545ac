"""Working points of the PLIT networks: cuts at fractions of the prompt leptons of validation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from training.plit import runs
from training.plit.runs import Run
from training.splits import VALIDATION

from lepid.tables import binning, constant, correction
from lepid.taggers import card_file, catalogue, inference, twin
from lepid.taggers.batching import Sequence
from lepid.taggers.card import Card
from lepid.taggers.session import Settings
from lepid.working_points import table
from lepid.working_points.table import Binding, Requirement, Rules

POINTS = {"Prompt95": 0.95, "Prompt90": 0.90, "Prompt80": 0.80}
EDGE = 1.37


def write(card_path: Path, members: list[Run], gathered: Path, path: Path) -> None:
    """Write a table with one cut on the discriminant per network, at the same efficiency in each.

    Parameters
    ----------
    card_path : with the hashes of the networks beside it
    members : runs of its networks, the barrel first
    """
    card = card_file.load(card_path)
    cuts = np.array([_cuts(card, card_path.parent, run, gathered) for run in members])
    edges = (0.0, EDGE, np.inf) if len(members) > 1 else (0.0, np.inf)
    corrections = [
        correction(
            f"{name}_cut",
            f"cut that keeps {fraction:.0%} of the prompt leptons of the reference sample",
            {"abseta": "|eta| of the lepton"},
            ("cut", "on the discriminant"),
            binning("abseta", edges, [constant(round(cut, 6), "abseta") for cut in cuts[:, i]]),
        )
        for i, (name, fraction) in enumerate(POINTS.items())
    ]
    digests = tuple(catalogue.sha256(card_path.parent / part.file) for part in card.networks)
    rules = Rules(
        tagger=card.tagger,
        points={
            name: (Requirement(correction=f"{name}_cut", quantity="discriminant", sense=">"),)
            for name in POINTS
        },
        inputs={"abseta": "abseta"},
        bound_to=Binding(sha256=digests, columns=card.stored_columns),
    )
    text = f"{card.name}: fractions of prompt leptons on lepid's own simulation, not of data"
    path.parent.mkdir(parents=True, exist_ok=True)
    table.write(path, text, rules, corrections)


def _cuts(card: Card, folder: Path, run: Run, gathered: Path) -> npt.NDArray[np.float64]:
    """Of each point, from the leptons that decided when the training stopped."""
    whole = runs.of_run(run, gathered)
    weight = runs.weights(whole, run)
    chosen = (whole.columns["split"] == VALIDATION) & whole.prompt
    some, weight = whole.of(chosen), weight[chosen]
    network = next(part for part in card.networks if part.file == run.file)
    path = folder / network.file
    ready = twin.get(path, catalogue.sha256(path), card, network, Settings("cpu", 1))
    lepton, track = (node.name for node in network.nodes)
    tracks = Sequence(some.offsets, np.arange(len(some.tracks)), some.tracks)
    found = inference.run(
        ready, card.outputs, network.nodes, {lepton: some.inputs}, {track: tracks}
    )
    prompt, other = (found[output.name].astype(np.float64) for output in card.outputs[:2])
    score = np.log(prompt / other)
    order = np.argsort(-score)
    kept = np.cumsum(weight[order]) / weight.sum()
    return score[order][np.searchsorted(kept, list(POINTS.values()))]
