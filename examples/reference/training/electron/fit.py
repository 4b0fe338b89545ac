"""Fit the electron network: quantile transform, weights, early stopping."""

from __future__ import annotations

import copy
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional
from training.electron.inputs import Electrons
from training.electron.network import Dnn

from lepid.convert.athena_conf import ABSETA_EDGES, ET_EDGES
from lepid.features.kernels.quantile import transform

Floats = npt.NDArray[np.float64]
N_QUANTILE = 1000
# No electron counts as much as this many others of the sample: a class of few would be learnt by
# heart. Within a class, bins of E_T and |eta| with few electrons do not weigh more than this.
MOST_OF_CLASS, MOST_OF_BIN = 20.0, 5.0


class Settings(NamedTuple):
    """How to fit."""

    epochs: int = 10
    patience: int = 4
    batch: int = 1024
    rate: float = 3e-3
    decay: float = 1e-3
    per_class: int = 50_000
    seed: int = 1


class Quantiles(NamedTuple):
    """Levels [n_quantile] and the quantiles of each input [n_input, n_quantile]."""

    levels: Floats
    values: Floats

    def of(self, inputs: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Levels of inputs, [n, n_input]."""
        columns = [
            transform(column, quantiles, self.levels)
            for column, quantiles in zip(inputs.T, self.values, strict=True)
        ]
        return np.stack(columns, axis=1).astype(np.float32)


class Part(NamedTuple):
    """Levels [n, n_input], class and weight [n] of electrons."""

    levels: Tensor
    target: Tensor
    weight: Tensor


def quantiles_of(inputs: npt.NDArray[np.float32], weight: Floats) -> Quantiles:
    """The quantiles of weighted electrons."""
    levels = np.linspace(0.0, 1.0, N_QUANTILE)
    found = []
    for column in inputs.T.astype(np.float64):
        order = np.argsort(column, kind="stable")
        below = np.cumsum(weight[order]) / weight.sum()
        places = np.minimum(np.searchsorted(below, levels), len(order) - 1)
        found.append(column[order][places])
    return Quantiles(levels, np.stack(found))


def weights(some: Electrons, target: npt.NDArray[np.int64]) -> Floats:
    """Weight of each electron: classes weigh the same and are alike in E_T and |eta|."""
    edges = [np.concatenate([[0.0], e]) for e in (ET_EDGES, ABSETA_EDGES)]
    values = (some.columns["et"], some.columns["abseta"])
    bins = [np.clip(np.searchsorted(e, v, "right") - 1, 0, len(e) - 2)
            for e, v in zip(edges, values, strict=True)]  # fmt: skip
    cell = bins[0] * (len(edges[1]) - 1) + bins[1]
    n_class = target.max() + 1
    counts = np.stack([np.bincount(cell[target == c], minlength=100) for c in range(n_class)])
    shapes = counts / counts.sum(axis=1, keepdims=True)
    wanted = shapes.mean(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = np.minimum(wanted / shapes, MOST_OF_BIN)[target, cell]
    largest = counts.sum(axis=1).max()
    for c in range(n_class):
        mine = target == c
        factor[mine] *= min(largest / mine.sum(), MOST_OF_CLASS) / factor[mine].mean()
    return np.asarray(factor / factor.mean())


def sample(target: npt.NDArray[np.int64], settings: Settings) -> npt.NDArray[np.int64]:
    """Places of at most `per_class` electrons of each class, ascending."""
    rng = np.random.default_rng(settings.seed)
    parts = [np.flatnonzero(target == c) for c in range(target.max() + 1)]
    kept = [rng.permutation(part)[: settings.per_class] for part in parts]
    return np.sort(np.concatenate(kept))


def part(some: Electrons, target: npt.NDArray[np.int64], quantiles: Quantiles) -> Part:
    """Electrons as the network sees them."""
    arrays = (quantiles.of(some.inputs), target, weights(some, target).astype(np.float32))
    return Part(*map(torch.from_numpy, arrays))


def fit(
    train: Part, validation: Part, n_output: int, settings: Settings
) -> tuple[Dnn, list[dict[str, float]]]:
    """The network with the smallest loss in validation; the losses of each epoch."""
    torch.manual_seed(settings.seed)
    network = Dnn(train.levels.shape[1], n_output)
    optimiser = torch.optim.AdamW(network.parameters(), settings.rate, weight_decay=settings.decay)
    n_step = len(train.target) // settings.batch
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, settings.rate, total_steps=settings.epochs * n_step
    )
    history: list[dict[str, float]] = []
    best, kept, since = np.inf, copy.deepcopy(network.state_dict()), 0
    for _ in range(settings.epochs):
        network.train()
        total = 0.0
        for rows in torch.randperm(len(train.target))[: n_step * settings.batch].split(
            settings.batch
        ):
            optimiser.zero_grad()
            loss = _loss(network, Part(*(column[rows] for column in train)))
            loss.backward()
            optimiser.step()
            schedule.step()
            total += float(loss.detach()) / n_step
        history.append({"train": total, "validation": evaluate(network, validation)})
        if history[-1]["validation"] < best:
            best, since = history[-1]["validation"], 0
            kept = copy.deepcopy(network.state_dict())
        elif (since := since + 1) >= settings.patience:
            break
    network.load_state_dict(kept)
    return network.eval(), history


def evaluate(network: Dnn, some: Part) -> float:
    """Mean loss of electrons that are not fitted."""
    network.eval()
    with torch.no_grad():
        parts = zip(*(column.split(8192) for column in some), strict=True)
        total = sum(float(_loss(network, p)) * float(p.weight.sum()) for p in map(_part, parts))
    return total / float(some.weight.sum())


def _part(columns: Any) -> Part:
    return Part(*columns)


def _loss(network: Dnn, some: Part) -> Tensor:
    logits = network(some.levels)
    if logits.shape[1] == 1:
        # The first class is the signal.
        signal = (some.target == 0).float()
        each = functional.binary_cross_entropy_with_logits(logits[:, 0], signal, reduction="none")
    else:
        each = functional.cross_entropy(logits, some.target, reduction="none")
    return (each * some.weight).sum() / some.weight.sum()
