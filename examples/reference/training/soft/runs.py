"""One training of soft-lepton trees, what is shipped of it, and its rivals."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from training import records, trees
from training.soft import export
from training.soft.inputs import HEAVY, INPUTS, LIGHT, Leptons, load
from training.splits import TEST, TRAIN, VALIDATION

from lepid.files_out import atomic

Floats = npt.NDArray[np.float64]

SETTINGS = {
    "objective": "binary:logistic", "eval_metric": "logloss", "max_depth": 5, "eta": 0.1, "seed": 1,
}  # fmt: skip
ROUNDS, PATIENCE = 500, 20
PT_EDGES = (2.0, 3.0, 4.0, 5.0, 6.5, 8.0, 10.0, 14.0, 20.0, 30.0, 500.0)
# A bin of light leptons with few weighs them no more than this.
MOST = 20.0
PTREL = "jet_ptrel"
N_CLOSURE = 40


class Rival(NamedTuple):
    """Trees on some of the inputs."""

    name: str
    jets: bool
    lepton: bool

    def places(self, names: list[str]) -> list[int]:
        """Which inputs they take; pt and |eta| in any case."""
        return [
            place
            for place, name in enumerate(names)
            if name in ("pt", "abseta") or (self.jets if name.startswith("jet_") else self.lepton)
        ]


RIVALS = (Rival("jets", jets=True, lepton=False), Rival("lepton", jets=False, lepton=True))


def train(flavour: str, gathered: Path, output: Path) -> None:
    """Fit the trees and their rivals; write what is shipped, and what all say of test leptons.

    Writes ``networks/<tagger>/reference``, ``wp_tables/<tagger>/reference.json``,
    ``<flavour>.npz`` (scores of the test leptons) and ``<flavour>.json`` (how it went).
    """
    whole = load(gathered, flavour)
    known = whole.of(whole.among(*HEAVY, *LIGHT))
    sets = [known.of(known.columns["split"] == split) for split in (TRAIN, VALIDATION)]
    test = whole.of(whole.columns["split"] == TEST)
    names = list(INPUTS[flavour])
    fitted = _fit(sets, list(range(len(names))))
    found = {"soft": trees.say(fitted, test.inputs, margin=False)}
    for rival in RIVALS:
        places = rival.places(names)
        found[rival.name] = trees.say(_fit(sets, places), test.inputs[:, places], margin=False)
    found["ptrel"] = test.inputs[:, names.index(PTREL)]
    folder = output / "networks" / f"{flavour}_softbdt" / "reference"
    shutil.rmtree(folder, ignore_errors=True)
    model = output / f"{flavour}-xgboost.json"
    fitted.save_model(model)
    best = fitted.best_iteration + 1
    export.write(flavour, model, best, output)
    validation = sets[1].of(sets[1].among(*HEAVY))
    scores = trees.say(fitted, validation.inputs, margin=False)
    export.points(flavour, validation, scores, output)
    facts = {
        "settings": trees.COMMON | SETTINGS,
        "trees": best,
        "leptons": [
            {"heavy": int(s.among(*HEAVY).sum()), "light": int(s.among(*LIGHT).sum())} for s in sets
        ],
    }
    records.dump(facts, output / f"{flavour}.json")
    with atomic(output / f"{flavour}.npz") as partial:
        np.savez_compressed(partial, **found)
    some = known.of(known.columns["split"] == TEST).inputs[:N_CLOSURE]
    with atomic(output / f"{flavour}-closure.npz") as partial:
        answers = trees.say(fitted, some, margin=False)
        np.savez_compressed(partial, inputs=some, scores=answers)


def _fit(sets: list[Leptons], places: list[int]) -> Any:
    parts = (trees.Part(some.inputs[:, places], some.among(*HEAVY), weights(some)) for some in sets)
    return trees.fit(*parts, SETTINGS, rounds=ROUNDS, patience=PATIENCE)


def weights(some: Leptons) -> Floats:
    """Weights that give both kinds the same sum, 1 per lepton, and the same spectrum of pt."""
    heavy = some.among(*HEAVY)
    own = some.columns["weight"].astype(np.float64)
    place = np.searchsorted(PT_EDGES, some.columns["pt"], "right")
    spectra = [
        np.bincount(place[kind], own[kind], minlength=len(PT_EDGES) + 1) for kind in (heavy, ~heavy)
    ]
    ratio = np.divide(*spectra, out=np.zeros(len(spectra[0])), where=spectra[1] > 0)
    found = own * np.where(heavy, 1.0, np.minimum(ratio, MOST * np.median(ratio[ratio > 0]))[place])
    for kind in (heavy, ~heavy):
        found[kind] *= 0.5 * len(found) / found[kind].sum()
    return np.asarray(found)


def complete(output: Path) -> None:
    """Inputs and answers of xgboost for both taggers, in one file."""
    found = {}
    for flavour in INPUTS:
        with np.load(output / f"{flavour}-closure.npz") as file:
            found |= {f"{flavour}/{name}": file[name] for name in file.files}
    with atomic(output / "closure.npz") as partial:
        np.savez_compressed(partial, **found)
