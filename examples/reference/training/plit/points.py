"""Working points of the PLIT networks: cuts at fractions of the prompt leptons of validation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from training.leptons import Leptons
from training.plit import runs
from training.plit.runs import Run
from training.points import SAMPLE, named
from training.splits import VALIDATION

from lepid.taggers import card_file, inference, twin
from lepid.taggers.batching import Sequence
from lepid.taggers.session import Settings
from lepid.working_points import written
from lepid.working_points.bins import Bins
from lepid.working_points.derive import derive
from lepid.working_points.points import Sample, Wanted

Floats = npt.NDArray[np.float64]

POINTS = {"Prompt95": 0.95, "Prompt90": 0.90, "Prompt80": 0.80}
EDGE = 1.37
PROMPT = f"prompt leptons {SAMPLE}"


def write(card_path: Path, members: list[Run], gathered: Path, path: Path) -> None:
    """Write a table with one cut on the discriminant per network, at the same efficiency in each.

    Parameters
    ----------
    card_path : with the hashes of the networks beside it
    members : runs of its networks, the barrel first
    """
    sample = _sample(members, gathered, card_path.parents[2])
    wanted = [Wanted(n, PROMPT, part, f"efficiency {part:g}") for n, part in POINTS.items()]
    abseta = (0.0, EDGE, np.inf) if len(members) > 1 else (0.0, np.inf)
    derived = derive(sample, wanted, Bins((0.0, np.inf), abseta))
    path.parent.mkdir(parents=True, exist_ok=True)
    written.write(named(card_file.load(card_path), derived), path)


def _sample(members: list[Run], gathered: Path, networks: Path) -> Sample:
    """The leptons that decided when the trainings stopped."""
    parts = []
    for run in members:
        whole = runs.of_run(run, gathered)
        weight = runs.weights(whole, run)
        chosen = (whole.columns["split"] == VALIDATION) & whole.prompt
        some = whole.of(chosen)
        score = discriminant(run.network, run.file, networks, some)
        parts.append((score, some.columns["pt"], np.abs(some.columns["eta"]), weight[chosen]))
    score, pt, abseta, weight = (np.concatenate(column) for column in zip(*parts, strict=True))
    every = {PROMPT: np.ones(len(score), np.bool_)}
    return Sample({"discriminant": score}, every, pt, abseta, weight)


def discriminant(name: str, file: str, networks: Path, some: Leptons) -> Floats:
    """That of one of the networks of a card, [n_lepton].

    Parameters
    ----------
    name : ``tagger@network``
    networks : folder of the cards
    """
    folder = networks / name.replace("@", "/")
    card = card_file.load(folder / "card.toml")
    network = next(part for part in card.networks if part.file == file)
    ready = twin.get(folder / file, network.sha256, card, network, Settings("cpu", 1))
    lepton, track = (node.name for node in network.nodes)
    tracks = Sequence(some.offsets, np.arange(len(some.tracks)), some.tracks)
    found = inference.run(
        ready, card.outputs, network.nodes, {lepton: some.inputs}, {track: tracks}
    )
    prompt, other = (found[output.name].astype(np.float64) for output in card.outputs[:2])
    return np.asarray(np.log(prompt / other))
