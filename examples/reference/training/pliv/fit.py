"""Fit the RNN of PLIV: classes of leptons from their first tracks."""

from __future__ import annotations

import copy
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional
from training.leptons import Leptons
from training.pliv.network import Rnn

N_TRACK = 5
# Of each output the IFF classes; what is in none of them is of light hadrons.
CLASSES = {
    "muon": {"prompt": (4, 11), "non_prompt_b": (8,), "non_prompt_c": (9,), "non_prompt_light": ()},
    "electron": {
        "prompt": (2, 3), "non_prompt_b": (8,), "non_prompt_c": (9,), "non_prompt_light": (),
        "conversion": (5,),
    },
}  # fmt: skip
LIGHT = "non_prompt_light"


class Settings(NamedTuple):
    """How to fit."""

    epochs: int = 25
    patience: int = 6
    batch: int = 512
    rate: float = 4e-3
    decay: float = 1e-4
    seed: int = 1


class Examples(NamedTuple):
    """Tracks [n, N_TRACK, n_input], how many [n], class [n] and weight [n] of leptons."""

    tracks: npt.NDArray[np.float32]
    lengths: npt.NDArray[np.int64]
    target: npt.NDArray[np.int64]
    weight: npt.NDArray[np.float32]

    def of(self, chosen: npt.NDArray[np.bool_]) -> Examples:
        """Those leptons alone, [n]."""
        return Examples(*(column[chosen] for column in self))


def examples(some: Leptons, flavour: str, weight: npt.NDArray[np.float64]) -> Examples:
    """The leptons as the RNN sees them, those without tracks with a length of 0."""
    lengths = np.diff(some.offsets)
    tracks = np.zeros((len(lengths), N_TRACK, some.tracks.shape[1]), np.float32)
    lepton = np.repeat(np.arange(len(lengths)), lengths)
    tracks[lepton, np.arange(len(lepton)) - some.offsets[lepton]] = some.tracks
    classes = CLASSES[flavour]
    target = np.full(len(lengths), list(classes).index(LIGHT))
    for place, codes in enumerate(classes.values()):
        target[np.isin(some.columns["iff"], codes)] = place
    return Examples(tracks, lengths, target, weight.astype(np.float32))


def fit(
    train: Examples, validation: Examples, n_output: int, settings: Settings
) -> tuple[Rnn, list[dict[str, float]]]:
    """The network with the smallest loss in validation; the losses of each epoch.

    Leptons without tracks are left out.
    """
    torch.manual_seed(settings.seed)
    train, validation = (part.of(part.lengths > 0) for part in (train, validation))
    network = Rnn(train.tracks.shape[-1], n_output)
    there = np.arange(N_TRACK) < train.lengths[:, None]
    network.normalise_as(train.tracks[there])
    optimiser = torch.optim.AdamW(network.parameters(), settings.rate, weight_decay=settings.decay)
    given, other = ([torch.from_numpy(column) for column in part] for part in (train, validation))
    n_step = max(1, len(train.target) // settings.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, settings.rate, total_steps=settings.epochs * n_step
    )
    history: list[dict[str, float]] = []
    best, kept, since = np.inf, copy.deepcopy(network.state_dict()), 0
    for _ in range(settings.epochs):
        network.train()
        total = 0.0
        for rows in torch.randperm(len(train.target)).tensor_split(n_step):
            optimiser.zero_grad()
            loss = _loss(network, [column[rows] for column in given])
            loss.backward()
            optimiser.step()
            schedule.step()
            total += float(loss.detach()) / n_step
        network.eval()
        with torch.no_grad():
            found = float(_loss(network, other))
        history.append({"train": total, "validation": found})
        if found < best:
            best, since = found, 0
            kept = copy.deepcopy(network.state_dict())
        elif (since := since + 1) >= settings.patience:
            break
    network.load_state_dict(kept)
    return network.eval(), history


def _loss(network: Rnn, some: list[Tensor]) -> Tensor:
    tracks, lengths, target, weight = some
    each = functional.cross_entropy(network(tracks, lengths), target, reduction="none")
    return (each * weight).sum() / weight.sum()
