"""Fit a PLIT network: weighted classes, track origins and vertices; early stopping."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional
from training.plit.network import Plit, Scores, Sizes

Array = npt.NDArray[Any]
# Where ATLAS cuts its training off; the nearest tracks are first.
MAX_TRACKS = 40
NO_VERTEX = -1


class Examples(NamedTuple):
    """What a network is fitted on, lepton after lepton.

    `lepton` [n_lepton, n_input]; `tracks` [n_track, n_input] with `offsets` [n_lepton + 1];
    `target` [n_lepton] 0 for prompt leptons, 1 for others; `weight` [n_lepton]; `origin` and
    `vertex` [n_track], a vertex below 0 is in no pair.
    """

    lepton: npt.NDArray[np.float32]
    tracks: npt.NDArray[np.float32]
    offsets: npt.NDArray[np.int64]
    target: npt.NDArray[np.int64]
    weight: npt.NDArray[np.float32]
    origin: npt.NDArray[np.int64]
    vertex: npt.NDArray[np.int64]

    @property
    def n_lepton(self) -> int:
        """Number of leptons."""
        return len(self.offsets) - 1


class Mirror(NamedTuple):
    """What a reflection of the event does to the inputs: [n_input] each, 1 or -1."""

    lepton: npt.NDArray[np.float32]
    track: npt.NDArray[np.float32]


class Settings(NamedTuple):
    """How to fit. ATLAS weighs the tasks by 1, 0.5 and 1.5."""

    epochs: int = 15
    patience: int = 4
    batch: int = 512
    buckets: int = 4
    rate: float = 2e-3
    decay: float = 1e-4
    origin_weight: float = 0.5
    vertex_weight: float = 0.5
    seed: int = 1


class Batch(NamedTuple):
    """Leptons padded to the longest of them, as tensors."""

    lepton: Tensor
    tracks: Tensor
    there: Tensor
    target: Tensor
    weight: Tensor
    origin: Tensor
    vertex: Tensor


def fit(
    train: Examples,
    validation: Examples,
    settings: Settings,
    mirrors: Sequence[Mirror] = (),
    say: Callable[[int, dict[str, float]], None] | None = None,
) -> tuple[Plit, list[dict[str, float]]]:
    """The network with the smallest loss of the classes in validation; the losses of each epoch.

    Parameters
    ----------
    mirrors : each is done to half of the leptons, anew in each epoch
    """
    torch.manual_seed(settings.seed)
    rng = np.random.default_rng(settings.seed)
    network = Plit(
        Sizes(train.lepton.shape[1], train.tracks.shape[1]),
        scale(train.lepton),
        scale(train.tracks),
    )
    optimiser = torch.optim.AdamW(network.parameters(), settings.rate, weight_decay=settings.decay)
    n_step = -(-train.n_lepton // settings.batch)
    n_total = settings.epochs * n_step
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, settings.rate, total_steps=n_total)
    history: list[dict[str, float]] = []
    best, kept, since = np.inf, copy.deepcopy(network.state_dict()), 0
    for _ in range(settings.epochs):
        network.train()
        total = 0.0
        for chosen in np.array_split(rng.permutation(train.n_lepton), n_step):
            optimiser.zero_grad()
            for batch, share in padded(train, chosen, settings.buckets):
                seen = mirrored(batch, mirrors, rng)
                loss = share * losses(network(*seen[:3]), seen, settings)[0]
                loss.backward()
                total += float(loss.detach()) / n_step
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            schedule.step()
        history.append({"train": total} | evaluate(network, validation, settings))
        if say:
            say(len(history), history[-1])
        if history[-1]["classes"] < best:
            best, kept, since = history[-1]["classes"], copy.deepcopy(network.state_dict()), 0
        elif (since := since + 1) >= settings.patience:
            break
    network.load_state_dict(kept)
    return network.eval(), history


def mirrored(batch: Batch, mirrors: Sequence[Mirror], rng: np.random.Generator) -> Batch:
    """Leptons with their tracks, about half of them seen in each mirror."""
    lepton, tracks = batch.lepton, batch.tracks
    for mirror in mirrors:
        done = torch.from_numpy(rng.random((len(lepton), 1)) < 0.5)
        lepton = lepton * torch.where(done, torch.from_numpy(mirror.lepton), 1.0)
        tracks = tracks * torch.where(done, torch.from_numpy(mirror.track), 1.0).unsqueeze(1)
    return batch._replace(lepton=lepton, tracks=tracks)


def losses(scores: Scores, batch: Batch, settings: Settings) -> tuple[Tensor, Tensor]:
    """Loss of all tasks, and that of the classes alone."""
    per_lepton = functional.cross_entropy(scores.classes, batch.target, reduction="none")
    classes = (per_lepton * batch.weight).sum() / batch.weight.sum().clamp(min=1e-9)
    total, there = classes, batch.there
    if settings.origin_weight and bool(there.any()):
        origins = functional.cross_entropy(scores.origins[:, 1:][there], batch.origin[there])
        total = total + settings.origin_weight * origins
    known = there & (batch.vertex >= 0)
    pair = known[:, :, None] & known[:, None, :]
    pair &= ~torch.eye(there.shape[1], dtype=torch.bool)
    if settings.vertex_weight and bool(pair.any()):
        same = (batch.vertex[:, :, None] == batch.vertex[:, None, :]).float()
        logits = scores.edges[:, 1:, 1:]
        edges = functional.binary_cross_entropy_with_logits(logits[pair], same[pair])
        total = total + settings.vertex_weight * edges
    return total, classes


def padded(
    leptons: Examples, chosen: npt.NDArray[np.int64], buckets: int
) -> Iterator[tuple[Batch, float]]:
    """The chosen leptons in parts of similar numbers of tracks, and the share of weight of each."""
    counts = np.minimum(np.diff(leptons.offsets)[chosen], MAX_TRACKS)
    total = float(leptons.weight[chosen].sum()) or 1.0
    for part in np.array_split(chosen[np.argsort(counts, kind="stable")], buckets):
        if len(part):
            yield _pad(leptons, part), float(leptons.weight[part].sum()) / total


def _pad(leptons: Examples, rows: npt.NDArray[np.int64]) -> Batch:
    counts = np.minimum(np.diff(leptons.offsets)[rows], MAX_TRACKS)
    there = np.arange(max(int(counts.max()), 1)) < counts[:, None]
    at = np.where(there, leptons.offsets[rows][:, None] + np.arange(there.shape[1]), -1)
    arrays = (
        leptons.lepton[rows],
        _placed(leptons.tracks, at, 0.0),
        there,
        leptons.target[rows],
        leptons.weight[rows],
        _placed(leptons.origin, at, 0),
        _placed(leptons.vertex, at, NO_VERTEX),
    )
    return Batch(*(torch.from_numpy(np.ascontiguousarray(array)) for array in arrays))


def _placed(values: Array, at: npt.NDArray[np.int64], nothing: float) -> Array:
    """`values` [n, ...] at the places `at`, `nothing` where that is below 0."""
    found = np.full((*at.shape, *values.shape[1:]), nothing, values.dtype)
    found[at >= 0] = values[at[at >= 0]]
    return found


def evaluate(network: Plit, leptons: Examples, settings: Settings) -> dict[str, float]:
    """Losses, and the accuracy of track origins, of leptons that are not fitted."""
    network.eval()
    sums = np.zeros(2)
    right = n_track = 0
    every = np.arange(leptons.n_lepton)
    with torch.no_grad():
        for rows in np.array_split(every, -(-leptons.n_lepton // 4096)):
            for batch, _ in padded(leptons, rows, settings.buckets):
                scores = network(*batch[:3])
                found = [float(loss) for loss in losses(scores, batch, settings)]
                sums += float(batch.weight.sum()) * np.array(found)
                guess = scores.origins[:, 1:].argmax(-1)
                right += int((guess == batch.origin)[batch.there].sum())
                n_track += int(batch.there.sum())
    total, classes = sums / leptons.weight.sum()
    accuracy = right / max(n_track, 1)
    return {"validation": float(total), "classes": float(classes), "origin_accuracy": accuracy}


def predict(network: Plit, leptons: Examples) -> npt.NDArray[np.float32]:
    """Probability of each class, [n_lepton, 2]."""
    found = np.empty((leptons.n_lepton, 2), np.float32)
    order = np.argsort(np.diff(leptons.offsets), kind="stable")
    network.eval()
    with torch.no_grad():
        for rows in np.array_split(order, -(-len(order) // 2048)):
            found[rows] = network(*_pad(leptons, rows)[:3]).classes.softmax(-1).numpy()
    return found


def scale(values: npt.NDArray[np.float32]) -> Tensor:
    """Median and half the width of the central 68 % of each column, [2, n_input].

    Where that is empty it is the standard deviation, and 1 where a column never changes.
    """
    low, middle, high = np.quantile(values.astype(np.float64), (0.16, 0.5, 0.84), axis=0)
    spread = values.std(axis=0, dtype=np.float64)
    width = np.where(high > low, 0.5 * (high - low), np.where(spread > 0.0, spread, 1.0))
    return torch.tensor(np.stack([middle, width]), dtype=torch.float32)
