"""The PLIT network: a transformer over the tracks around a lepton, with attention pooling.

Source: the configuration that ATLAS trains (`salt/configs/TPLTmu.yaml`), with narrower layers.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

ORIGINS = 8
MASKED = -1e9


class Sizes(NamedTuple):
    """Widths of the layers."""

    lepton: int
    track: int
    embedding: int = 64
    hidden: int = 128
    layers: int = 3
    heads: int = 4
    edge: int = 32
    dropout: float = 0.1


class Scores(NamedTuple):
    """Logits: classes [..., 2], origins [..., 1 + n, 8], pairs [..., 1 + n, 1 + n].

    The lepton itself stands before its n tracks, so that nothing is empty where there are none.
    """

    classes: Tensor
    origins: Tensor
    edges: Tensor


def compressed(values: Tensor) -> Tensor:
    """Values with the logarithm of their size: momenta and significances have long tails."""
    return torch.sign(values) * torch.log(1.0 + values.abs())


class Layer(nn.Module):
    """Attention and a dense layer, each behind a normalisation and around a short cut."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        width = sizes.embedding
        self.heads, self.depth = sizes.heads, width // sizes.heads
        self.before_attention = nn.LayerNorm(width)
        self.project = nn.Linear(width, 3 * width)
        self.join = nn.Linear(width, width)
        self.before_dense = nn.LayerNorm(width)
        self.dense = nn.Sequential(
            nn.Linear(width, sizes.hidden), nn.ReLU(), nn.Linear(sizes.hidden, width)
        )
        self.drop = nn.Dropout(sizes.dropout)

    def forward(self, tracks: Tensor, penalty: Tensor | None) -> Tensor:
        """Tracks [..., n, width]; `penalty` [..., 1, 1, n] is added to the attention."""
        shape = (*tracks.shape[:-1], 3 * self.heads, self.depth)
        mixed = self.project(self.before_attention(tracks)).reshape(shape).transpose(-2, -3)
        query, key, value = mixed.split(self.heads, dim=-3)
        weight = query @ key.transpose(-1, -2) * self.depth**-0.5
        if penalty is not None:
            weight = weight + penalty
        seen = (weight.softmax(-1) @ value).transpose(-2, -3)
        tracks = tracks + self.drop(self.join(seen.reshape(tracks.shape)))
        return tracks + self.drop(self.dense(self.before_dense(tracks)))


class Plit(nn.Module):
    """Scores of leptons from their features and those of their tracks.

    Parameters
    ----------
    sizes : widths
    lepton, track : [2, n_input] each
        Middle and width of the inputs: the normalisation is part of the network.
    """

    def __init__(self, sizes: Sizes, lepton: Tensor, track: Tensor) -> None:
        super().__init__()
        self.register_buffer("lepton_scale", lepton)
        self.register_buffer("track_scale", track)
        width = sizes.embedding
        self.embed_lepton = nn.Sequential(
            nn.Linear(sizes.lepton, sizes.hidden), nn.ReLU(), nn.Linear(sizes.hidden, width)
        )
        self.embed_track = nn.Sequential(
            nn.Linear(sizes.lepton + sizes.track, sizes.hidden),
            nn.ReLU(),
            nn.Linear(sizes.hidden, width),
        )
        self.layers = nn.ModuleList(Layer(sizes) for _ in range(sizes.layers))
        self.normalise = nn.LayerNorm(width)
        self.gate = nn.Linear(width, 1)
        self.classify = nn.Sequential(
            nn.Linear(width, 64),
            nn.ReLU(),
            nn.Linear(64, 32),
            nn.ReLU(),
            nn.Linear(32, 2),
        )
        self.origin = nn.Sequential(nn.Linear(width, 32), nn.ReLU(), nn.Linear(32, ORIGINS))
        self.edge = nn.Linear(width, sizes.edge)

    def forward(self, lepton: Tensor, tracks: Tensor, there: Tensor | None = None) -> Scores:
        """Logits.

        Parameters
        ----------
        lepton : [..., n_lepton_input]
        tracks : [..., n_track, n_track_input]
        there : [..., n_track]
            False where `tracks` are padding; None where there is none.
        """
        lepton = compressed((lepton - self.lepton_scale[0]) / self.lepton_scale[1])
        tracks = compressed((tracks - self.track_scale[0]) / self.track_scale[1])
        n_track = tracks.shape[-2]
        copies = lepton.unsqueeze(-2).expand(*lepton.shape[:-1], n_track, lepton.shape[-1])
        first = self.embed_lepton(lepton).unsqueeze(-2)
        seen = torch.cat([first, self.embed_track(torch.cat([copies, tracks], dim=-1))], dim=-2)
        penalty = None
        if there is not None:
            known = torch.cat([torch.ones_like(there[..., :1]), there], dim=-1)
            penalty = torch.where(known, 0.0, MASKED)
        for layer in self.layers:
            seen = layer(seen, None if penalty is None else penalty[..., None, None, :])
        seen = self.normalise(seen)
        gate = self.gate(seen)
        if penalty is not None:
            gate = gate + penalty[..., None]
        pooled = (gate.softmax(-2) * seen).sum(-2)
        corner = self.edge(seen)
        edges = corner @ corner.transpose(-1, -2) - 1.0
        return Scores(self.classify(pooled), self.origin(seen), edges)
