"""Which TightNN networks and rivals are trained; one training, and what it says of all muons."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from training import trees
from training.splits import TEST, TRAIN, VALIDATION
from training.tightnn import export, fit, weights
from training.tightnn.inputs import N_RUN2, Muons, load, names
from training.tightnn.network import parameters, scores

from lepid.files_out import atomic

Rows = npt.NDArray[np.float32]
TREES = {
    "objective": "binary:logistic", "eval_metric": "logloss", "max_depth": 5, "eta": 0.1,
}  # fmt: skip
ROUNDS, PATIENCE = 600, 30
FILE = "network.onnx"
N_CLOSURE = 64


@dataclass(frozen=True)
class Run:
    """One training.

    Attributes
    ----------
    name : of its files
    kind : one of `network.NETWORKS`, or "gbdt"
    network : that is shipped, ``tagger@network``; empty for one that is only compared
    run2 : with the inputs of Run 2, muons weighted to its pile-up
    reweighting : one of `weights.REWEIGHTINGS`
    """

    name: str
    kind: str = "tightnn"
    network: str = ""
    run2: bool = False
    reweighting: str = "none"
    seed: int = 1

    @property
    def settings(self) -> fit.Settings:
        """How it is fitted; rivals in fewer and larger steps, as their epochs take long."""
        changes: dict[str, dict[str, Any]] = {
            "lstm": {"rate": 5e-3, "epochs": 40},
            "transformer": {"rate": 5e-3, "epochs": 30},
        }
        return fit.Settings(seed=self.seed, **changes.get(self.kind, {}))


RUN3 = Run("run3", network="muon_tightnn@reference-run3")
RUN2 = Run("run2", network="muon_tightnn@reference-run2", run2=True)
SHIPPED = (RUN3, RUN2)
SEEDS = (1, 2)
REWEIGHTED = tuple(
    replace(RUN3, name=f"run3-{name}-seed{seed}", network="", reweighting=name, seed=seed)
    for name in weights.REWEIGHTINGS
    for seed in SEEDS
    if (name, seed) != ("none", RUN3.seed)
)
RIVALS = (
    Run("run3-gbdt", "gbdt"),
    Run("run2-gbdt", "gbdt", run2=True),
    Run("run3-lstm", "lstm"),
    Run("run3-transformer", "transformer"),
)
ALL = (*RIVALS[::-1], *SHIPPED, *REWEIGHTED)


def rows(muons: Muons, run: Run) -> Rows:
    """Inputs of the muons in this run, [n, n_input]."""
    return np.ascontiguousarray(muons.inputs[:, : N_RUN2 if run.run2 else None])


def inputs_of(run: Run) -> list[str]:
    """Names of the inputs."""
    return names()[: N_RUN2 if run.run2 else None]


def train(run: Run, gathered: Path, output: Path) -> None:
    """Fit, and write scores of all muons (npz), how it went (json) and, if shipped, the network."""
    torch.set_num_threads(1)
    muons = load(gathered)
    weight = weights.training(muons, weights.physical(muons, run2=run.run2), run.reweighting)
    given = rows(muons, run)
    parts = [muons.columns["split"] == part for part in (TRAIN, VALIDATION, TEST)]
    sets = [fit.part(given[p], muons.signal[p], weight[p]) for p in parts[:2]]
    fitted = _trees(run, sets) if run.kind == "gbdt" else _network(run, sets)
    test = given[parts[TEST]]
    facts = fitted.facts | {
        "run": asdict(run),
        "muons": [int(p.sum()) for p in parts],
        "microseconds": _microseconds(fitted.answer, test),
    }
    output.mkdir(parents=True, exist_ok=True)
    if run.network:
        _ship(run, fitted, test, output)
    with atomic(output / f"{run.name}.npz") as partial:
        np.savez(partial, scores=fitted.answer(given))
    with atomic(output / f"{run.name}.json") as partial:
        partial.write_text(json.dumps(facts, indent=1) + "\n", "utf-8")


@dataclass(frozen=True)
class _Fitted:
    """What was fitted: how it answers rows, what is noted, and the network if it is one."""

    answer: Callable[[Rows], Rows]
    facts: dict[str, Any]
    network: Any = None


def _network(run: Run, sets: list[fit.Part]) -> _Fitted:
    network, history, seconds = fit.fit(run.kind, *sets, run.settings)
    facts = {"history": history, "seconds": seconds, "parameters": parameters(network)}
    return _Fitted(lambda some: np.asarray(scores(network, some), np.float32), facts, network)


def _trees(run: Run, sets: list[fit.Part]) -> _Fitted:
    given = (trees.Part(*(column.numpy() for column in part)) for part in sets)
    started = time.process_time()
    forest = trees.fit(*given, TREES | {"seed": run.seed}, rounds=ROUNDS, patience=PATIENCE)
    facts = {"seconds": time.process_time() - started, "trees": forest.best_iteration + 1}
    return _Fitted(lambda some: trees.say(forest, some, margin=False), facts)


def _microseconds(answer: Callable[[Rows], Rows], some: Rows) -> float:
    """Of one core for one muon, among many; the best of three."""
    found = []
    for _ in range(3):
        started = time.process_time()
        answer(some)
        found.append(time.process_time() - started)
    return 1e6 * min(found) / len(some)


def _ship(run: Run, fitted: _Fitted, some: Rows, output: Path) -> None:
    folder = output / "networks" / run.network.replace("@", "/")
    folder.mkdir(parents=True, exist_ok=True)
    with atomic(folder / FILE) as partial:
        export.export(fitted.network, partial, n_input=some.shape[1])
    answers = {"inputs": some[:N_CLOSURE], "scores": fitted.answer(some[:N_CLOSURE])}
    with atomic(output / f"{run.name}-closure.npz") as partial:
        np.savez(partial, **answers)
