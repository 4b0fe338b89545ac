"""The electron networks that are trained; one training and what is shipped of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from training.electron import export, fit, points
from training.electron.inputs import Electrons, load
from training.electron.network import Dnn, probabilities, rounded
from training.splits import TEST, TRAIN, VALIDATION

from lepid.files_out import atomic

N_CLOSURE = 10


@dataclass(frozen=True)
class Run:
    """One training.

    Attributes
    ----------
    name : str
    binary : prompt electrons, whatever their charge, against all others
    """

    name: str
    binary: bool = False

    @property
    def network(self) -> str:
        """``tagger@network``."""
        return f"{export.TAGGER}@{self.name}"

    def target(self, some: Electrons) -> npt.NDArray[np.int64]:
        """Class of each electron; of a binary network 0 for prompt ones."""
        truth = some.columns["truth"].astype(np.int64)
        return (truth > 1).astype(np.int64) if self.binary else truth


SHIPPED = (Run("reference"), Run("reference-binary", binary=True))


def train(run: Run, gathered: Path, output: Path) -> None:
    """Fit the network; write what is shipped, and what it says of the test electrons.

    Writes ``networks/electron_dnn/<name>``, ``wp_tables/electron_dnn/<name>.json``, ``<name>.npz``
    (scores of the test electrons), ``<name>-closure.npz`` and ``<name>.json`` (how it went).
    """
    torch.set_num_threads(1)
    whole = load(gathered)
    parts = [whole.of(whole.columns["split"] == split) for split in (TRAIN, VALIDATION, TEST)]
    settings = fit.Settings()
    quantiles, sets = _sets(run, parts[:2], settings)
    n_output = 1 if run.binary else 6
    network, history = fit.fit(*sets, n_output, settings)
    facts: dict[str, Any] = {
        "settings": settings._asdict(),
        "electrons": [np.bincount(some.target).tolist() for some in sets],
        "history": history,
        "validation": fit.evaluate(network, sets[1]),
    }
    facts["validation_rounded"] = fit.evaluate(rounded(network), sets[1])
    scores = [_scores(network, quantiles, some) for some in parts]
    confs = points.confs(parts[VALIDATION], scores[VALIDATION])
    export.write(run.name, network, quantiles, confs, output)
    passed = export.decisions(run.name, output, parts[TEST], scores[TEST])
    facts["test"] = points.efficiencies(parts[TEST], passed)
    folder = output / "networks" / "electron_dnn" / run.name
    for path in (folder / "metrics.json", output / f"{run.name}.json"):
        with atomic(path) as partial:
            partial.write_text(json.dumps(facts, indent=1) + "\n", "utf-8")
    _save(output / f"{run.name}.npz", scores=scores[TEST], **passed)
    some = _some_of_each(parts[TEST])
    answers = _scores(network, quantiles, some)
    _save(output / f"{run.name}-closure.npz", inputs=some.inputs, scores=answers)


def _sets(
    run: Run, parts: list[Electrons], settings: fit.Settings
) -> tuple[fit.Quantiles, list[fit.Part]]:
    """Quantiles of the electrons to fit, and what is fitted and decides when to stop."""
    chosen = []
    for some in parts:
        # Also of a binary network: classes of the background share what is left.
        kept = some.of(fit.sample(some.columns["truth"].astype(np.int64), settings))
        chosen.append((kept, run.target(kept)))
    train, target = chosen[0]
    quantiles = fit.quantiles_of(train.inputs, fit.weights(train, target))
    return quantiles, [fit.part(some, target, quantiles) for some, target in chosen]


def _scores(network: Dnn, quantiles: fit.Quantiles, some: Electrons) -> npt.NDArray[np.float32]:
    found: npt.NDArray[np.float32] = probabilities(network, quantiles.of(some.inputs))
    return found


def _some_of_each(some: Electrons) -> Electrons:
    """The first few electrons of each class."""
    truth = some.columns["truth"]
    places = [np.flatnonzero(truth == code)[:N_CLOSURE] for code in np.unique(truth)]
    return some.of(np.concatenate(places))


def _save(path: Path, **arrays: Any) -> None:
    with atomic(path) as partial:
        np.savez_compressed(partial, **arrays)


def complete(output: Path) -> None:
    """Write what all networks have together: closure.npz for the tests, test.npz for figures.

    ``test.npz`` holds the columns of the electrons of the test split (`inputs.Electrons`, GeV and
    mm), `dnn` [n, 6] and `binary` [n] of the networks, and their decisions as ``<run>_<point>``.
    """
    closure: dict[str, Any] = {}
    results: dict[str, Any] = {}
    for run in SHIPPED:
        with np.load(output / f"{run.name}-closure.npz") as file:
            closure |= {f"{run.network}/{name}": file[name] for name in file.files}
        with np.load(output / f"{run.name}.npz") as file:
            scores = file["scores"]
            results["binary" if run.binary else "dnn"] = scores[:, 0] if run.binary else scores
            results |= {f"{run.name}_{n}": file[n] for n in file.files if n != "scores"}
    whole = load(output / "gathered")
    test = whole.of(whole.columns["split"] == TEST)
    _save(output / "closure.npz", **closure)
    _save(output / "test.npz", **test.columns, **results)
