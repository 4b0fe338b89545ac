"""The TightNN network, and two that take its inputs one after another: LSTM and transformer.

Source: F. Corchia, soft muon tagging with machine learning in ATLAS (talk).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

DROPOUT = 0.3
LSTM_WIDTH, LSTM_HIDDEN = 8, 32
ATTENTION_WIDTH, ATTENTION_HEADS, ATTENTION_LAYERS = 16, 2, 1


class Normalised(nn.Module):
    """Inputs [n, n_input] with mean 0 and width 1."""

    def __init__(self, mean: Tensor, width: Tensor) -> None:
        super().__init__()
        self.mean, self.width = nn.Buffer(mean), nn.Buffer(width)

    def forward(self, values: Tensor) -> Tensor:
        """Of inputs as the card has them."""
        return (values - self.mean) / self.width


class Tightnn(nn.Module):
    """Logit [n, 1] of muons [n, n_input]: dense layers of 64, 128, 64, 32 and 8."""

    def __init__(self, mean: Tensor, width: Tensor) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            Normalised(mean, width),
            *_dense(len(mean), 64), nn.BatchNorm1d(64), nn.Dropout(DROPOUT),
            *_dense(64, 128), nn.BatchNorm1d(128), nn.Dropout(DROPOUT),
            *_dense(128, 64), *_dense(64, 32), *_dense(32, 8), nn.Linear(8, 1),
        )  # fmt: skip

    def forward(self, values: Tensor) -> Tensor:
        """Logits."""
        logits: Tensor = self.layers(values)
        return logits


class _Steps(nn.Module):
    """Each input as a vector of its own, [n, n_input, width]."""

    def __init__(self, mean: Tensor, width: Tensor, size: int) -> None:
        super().__init__()
        self.normalised = Normalised(mean, width)
        self.weight = nn.Parameter(torch.randn(len(mean), size))
        self.bias = nn.Parameter(0.1 * torch.randn(len(mean), size))

    def forward(self, values: Tensor) -> Tensor:
        return self.normalised(values)[:, :, None] * self.weight + self.bias


class Lstm(nn.Module):
    """The same with one step of an LSTM for each input."""

    def __init__(self, mean: Tensor, width: Tensor) -> None:
        super().__init__()
        self.steps = _Steps(mean, width, LSTM_WIDTH)
        self.cells = nn.LSTM(LSTM_WIDTH, LSTM_HIDDEN, batch_first=True)
        self.last = nn.Linear(LSTM_HIDDEN, 1)

    def forward(self, values: Tensor) -> Tensor:
        """Logits."""
        states, _ = self.cells(self.steps(values))
        # The last state alone has forgotten the first inputs: nothing was learnt from it.
        logits: Tensor = self.last(states.mean(dim=1))
        return logits


class Transformer(nn.Module):
    """The same with attention between the inputs."""

    def __init__(self, mean: Tensor, width: Tensor) -> None:
        super().__init__()
        self.steps = _Steps(mean, width, ATTENTION_WIDTH)
        layer = nn.TransformerEncoderLayer(
            ATTENTION_WIDTH, ATTENTION_HEADS, 2 * ATTENTION_WIDTH, dropout=0.1, batch_first=True,
            norm_first=True,
        )  # fmt: skip
        self.layers = nn.TransformerEncoder(layer, ATTENTION_LAYERS, enable_nested_tensor=False)
        self.last = nn.Linear(ATTENTION_WIDTH, 1)

    def forward(self, values: Tensor) -> Tensor:
        """Logits."""
        logits: Tensor = self.last(self.layers(self.steps(values)).mean(dim=1))
        return logits


def _dense(takes: int, gives: int) -> tuple[nn.Module, nn.Module]:
    return nn.Linear(takes, gives), nn.ReLU()


NETWORKS: dict[str, Callable[[Tensor, Tensor], nn.Module]] = {
    "tightnn": Tightnn,
    "lstm": Lstm,
    "transformer": Transformer,
}


def parameters(network: nn.Module) -> int:
    """Number of what is fitted."""
    return sum(p.numel() for p in network.parameters())


def scores(network: nn.Module, inputs: Any) -> Any:
    """Sigmoid of the logits of all muons, [n] float32."""
    network.eval()
    with torch.no_grad():
        parts = [network(part)[:, 0].sigmoid() for part in torch.from_numpy(inputs).split(8192)]
    return torch.cat(parts).numpy()
