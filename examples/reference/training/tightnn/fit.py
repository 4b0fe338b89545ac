"""Fit a network to muons: Adam, early stopping, a learning rate that halves on a plateau."""

from __future__ import annotations

import copy
import time
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional
from training.tightnn.network import NETWORKS


class Settings(NamedTuple):
    """How to fit; the talk's."""

    epochs: int = 100
    batch: int = 2048
    rate: float = 1e-3
    patience: int = 10
    # Epochs without a better validation after which the rate halves, and what counts as better.
    plateau: int = 5
    better: float = 1e-4
    seed: int = 1


class Part(NamedTuple):
    """Inputs [n, n_input], whether signal [n], and weight [n]."""

    inputs: Tensor
    target: Tensor
    weight: Tensor

    def of(self, rows: Tensor) -> Part:
        """Those alone."""
        return Part(*(column[rows] for column in self))


class Fitted(NamedTuple):
    """A network, what each epoch gave, and how long it took, in seconds of one core."""

    network: nn.Module
    history: list[dict[str, float]]
    seconds: float


def part(
    inputs: npt.NDArray[np.float32], signal: npt.NDArray[np.bool_], weight: npt.NDArray[np.float64]
) -> Part:
    """Muons as torch takes them."""
    arrays = (inputs, signal.astype(np.float32), weight.astype(np.float32))
    return Part(*map(torch.from_numpy, arrays))


def fit(kind: str, train: Part, validation: Part, settings: Settings) -> Fitted:
    """The network with the smallest loss in validation.

    Parameters
    ----------
    kind : one of `network.NETWORKS`
    """
    torch.manual_seed(settings.seed)
    network = NETWORKS[kind](*_scale(train))
    optimiser = torch.optim.Adam(network.parameters(), settings.rate)
    schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(
        # torch waits for one epoch more than it says.
        optimiser, factor=0.5, patience=settings.plateau - 1, threshold=settings.better,
        threshold_mode="abs",
    )  # fmt: skip
    history: list[dict[str, float]] = []
    best, kept, since = np.inf, copy.deepcopy(network.state_dict()), 0
    started = time.process_time()
    for _ in range(settings.epochs):
        found = _epoch(network, optimiser, train, settings.batch)
        found |= evaluate(network, validation)
        history.append(found | {"rate": optimiser.param_groups[0]["lr"]})
        schedule.step(found["validation"])
        if found["validation"] < best:
            best, since = found["validation"], 0
            kept = copy.deepcopy(network.state_dict())
        elif (since := since + 1) >= settings.patience:
            break
    seconds = time.process_time() - started
    network.load_state_dict(kept)
    return Fitted(network.eval(), history, seconds)


def evaluate(network: nn.Module, some: Part) -> dict[str, float]:
    """Loss and accuracy of muons that are not fitted."""
    network.eval()
    with torch.no_grad():
        places = torch.arange(len(some.target)).split(8192)
        logits = torch.cat([network(some.inputs[rows]) for rows in places])[:, 0]
    loss, right = _loss(logits, some)
    total = some.weight.sum()
    return {"validation": float(loss / total), "validation_accuracy": float(right / total)}


def _scale(train: Part) -> tuple[Tensor, Tensor]:
    """Mean and width of each input, both classes weighing the same; 1 for what is constant."""
    share = (train.weight / train.weight.sum()).double()[:, None]
    mean = (share * train.inputs).sum(dim=0)
    width = (share * (train.inputs - mean) ** 2).sum(dim=0).sqrt()
    # Rounding gives a constant a width too.
    return mean.float(), torch.where(width > 1e-6 * (1.0 + mean.abs()), width, 1.0).float()


def _epoch(network: nn.Module, optimiser: Any, train: Part, batch: int) -> dict[str, float]:
    network.train()
    total, correct, weight = 0.0, 0.0, 0.0
    for rows in torch.randperm(len(train.target)).split(batch):
        some = train.of(rows)
        optimiser.zero_grad()
        loss, right = _loss(network(some.inputs)[:, 0], some)
        (loss / some.weight.sum()).backward()
        optimiser.step()
        total += float(loss.detach())
        correct += float(right)
        weight += float(some.weight.sum())
    return {"train": total / weight, "train_accuracy": correct / weight}


def _loss(logits: Tensor, some: Part) -> tuple[Tensor, Tensor]:
    """Sums over muons of their weighted losses, and of the weights of those at the right side."""
    each = functional.binary_cross_entropy_with_logits(logits, some.target, reduction="none")
    right = (logits > 0) == (some.target > 0.5)
    return (each * some.weight).sum(), (right * some.weight).sum()
