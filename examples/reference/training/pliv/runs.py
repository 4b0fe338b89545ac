"""The trainings of PLIV: the RNN of a flavour, then its trees, and the scores of test leptons."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from training import trees
from training.leptons import Leptons
from training.plit import runs as plit
from training.plit.runs import BARREL, ENDCAP
from training.pliv import export, fit
from training.pliv.network import probabilities
from training.splits import TEST, TRAIN, VALIDATION

from lepid.features.feature import ABSENT, PLIV_INPUT
from lepid.files_out import atomic
from lepid.taggers import catalogue
from lepid.taggers.card import Card

Floats = npt.NDArray[np.float64]

TREES = {"objective": "binary:logistic", "eval_metric": "logloss", "max_depth": 4, "eta": 0.15}
ROUNDS, PATIENCE = 300, 20
RNN_INPUT, DR = f"{PLIV_INPUT}PromptLeptonRNN_prompt", f"{PLIV_INPUT}DRlj"
# Of a lepton without tracks for the RNN, as in Athena.
NO_TRACKS = -1.0
N_CLOSURE = 40


@dataclass(frozen=True)
class Run:
    """One training.

    Attributes
    ----------
    flavour : of the leptons
    parts : trees that are shipped -> |eta| of their leptons, and the network of PLIT for these
    """

    flavour: str
    parts: dict[str, tuple[tuple[float, float], str]]

    @property
    def network(self) -> str:
        """``tagger@network``."""
        return f"{self.flavour}_pliv@reference"

    def leptons(self, abseta: tuple[float, float] = (0.0, np.inf)) -> plit.Run:
        """The leptons, as the trainings of PLIT name them."""
        return plit.Run(self.flavour, self.network, abseta=abseta)


SHIPPED = (
    Run("muon", {"trees": ((0.0, np.inf), "muon-run3")}),
    Run(
        "electron",
        {"barrel": (BARREL, "electron-run3-barrel"), "endcap": (ENDCAP, "electron-run3-endcap")},
    ),
)


def names(card: Card) -> list[str]:
    """Inputs of the trees."""
    return [entry.feature for entry in card.parts[0].nodes[0].inputs]


def train(run: Run, gathered: Path, output: Path) -> None:
    """Fit RNN and trees, and write what they say.

    Writes what is shipped into ``networks/<tagger>/<network>``, the trees into ``tmva``, what all
    leptons have, in the order of the files, into ``<flavour>.npz``, some of them into
    ``<flavour>-closure.npz``, and how it went into ``<flavour>.json``.
    """
    torch.set_num_threads(1)
    card = catalogue.load(*run.network.split("@"))
    folder = output / "networks" / run.network.replace("@", "/")
    whole = plit.of_run(run.leptons(), gathered)
    weight = plit.weights(whole, run.leptons())
    parts = [whole.columns["split"] == part for part in (TRAIN, VALIDATION, TEST)]
    labels = list(fit.CLASSES[run.flavour])
    tracks = fit.examples(whole, run.flavour, weight)
    sets = [tracks.of(part) for part in parts]
    rnn, history = fit.fit(sets[0], sets[1], len(labels), fit.Settings())
    export.write_rnn(rnn, labels, folder)
    answers = probabilities(rnn, tracks.tracks, np.maximum(tracks.lengths, 1))
    prompt = np.where(tracks.lengths > 0, answers[:, 0], NO_TRACKS)
    values = filled(whole, names(card), prompt)
    facts: dict[str, Any] = {"rnn": {"history": history, "settings": fit.Settings()._asdict()}}
    score = np.full(len(values), np.nan)
    for name, (abseta, _) in run.parts.items():
        inside = within(whole, abseta)
        mine = [part & inside for part in parts]
        fitted = _trees(run, whole, values, mine)
        xml = output / "tmva" / run.flavour / f"{name}.xml"
        forest = export.write_trees(fitted, names(card), folder / name, xml)
        score[inside] = forest.evaluate(values[inside])[:, 0]
        facts[name] = {
            "trees": len(forest.trees), "settings": TREES | trees.COMMON,
            "gain": _gains(fitted, names(card)), "leptons": [int(part.sum()) for part in mine],
        }  # fmt: skip
    with atomic(output / f"{run.flavour}.npz") as partial:
        np.savez_compressed(partial, score=score, rnn=answers, inputs=values)
    _closure(whole, tracks, (answers, values, score), parts[2], output / f"{run.flavour}-closure")
    with atomic(output / f"{run.flavour}.json") as partial:
        partial.write_text(json.dumps(facts, indent=1) + "\n", "utf-8")


def _trees(
    run: Run, whole: Leptons, values: npt.NDArray[np.float32], parts: list[npt.NDArray[np.bool_]]
) -> Any:
    """Trees that tell other leptons from prompt ones; `parts` are those of all splits."""
    inside = np.logical_or.reduce(parts)
    weight = np.zeros(len(values))
    weight[inside] = plit.weights(whole.of(inside), run.leptons())
    given = (trees.Part(values[part], ~whole.prompt[part], weight[part]) for part in parts[:2])
    return trees.fit(*given, TREES | {"seed": 1}, rounds=ROUNDS, patience=PATIENCE)


def within(some: Leptons, abseta: tuple[float, float]) -> npt.NDArray[np.bool_]:
    """Whether the |eta| of leptons is in a range."""
    found = np.abs(some.columns["eta"])
    return np.asarray((found >= abseta[0]) & (found < abseta[1]))


def filled(some: Leptons, inputs: list[str], prompt: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Inputs of the trees with the answer of the RNN among them."""
    values = some.inputs.copy()
    there = values[:, inputs.index(DR)] != ABSENT
    values[:, inputs.index(RNN_INPUT)] = np.where(there, prompt, ABSENT)
    return values


def _gains(fitted: Any, inputs: list[str]) -> dict[str, float]:
    """Share of each input in what the splits gained."""
    found = fitted.get_score(importance_type="total_gain")
    total = sum(found.values())
    gains = {name: found.get(f"f{i}", 0.0) / total for i, name in enumerate(inputs)}
    return {name.removeprefix(PLIV_INPUT): round(gain, 4) for name, gain in gains.items()}


def _closure(
    whole: Leptons,
    tracks: fit.Examples,
    answers: tuple[Any, Any, Any],
    test: npt.NDArray[np.bool_],
    path: Path,
) -> None:
    """The first test leptons with each number of tracks, in and out."""
    rows = [
        np.flatnonzero(test & (tracks.lengths == n))[: N_CLOSURE // (fit.N_TRACK + 1)]
        for n in range(fit.N_TRACK + 1)
    ]
    chosen = np.concatenate(rows)
    rnn, values, score = (answer[chosen] for answer in answers)
    with atomic(path.with_suffix(".npz")) as partial:
        np.savez_compressed(
            partial, tracks=tracks.tracks[chosen], lengths=tracks.lengths[chosen], rnn=rnn,
            inputs=values, score=score, eta=whole.columns["eta"][chosen],
        )  # fmt: skip
