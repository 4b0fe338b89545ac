"""The RNN of PLIV: an LSTM along the tracks, and two dense layers; its file of lwtnn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

Floats = npt.NDArray[np.float32]
N_HIDDEN, N_DENSE = 50, 10
# Torch has the gates in this order, and lwtnn calls them so.
GATES = ("i", "f", "c", "o")


class Rnn(nn.Module):
    """Logits of classes from the tracks of a lepton, [n, n_track, n_input] in their order."""

    def __init__(self, n_input: int, n_output: int) -> None:
        super().__init__()
        self.mean = nn.Buffer(torch.zeros(n_input))
        self.std = nn.Buffer(torch.ones(n_input))
        self.lstm = nn.LSTM(n_input, N_HIDDEN, batch_first=True)
        self.dense = nn.Linear(N_HIDDEN, N_DENSE)
        self.last = nn.Linear(N_DENSE, n_output)

    def normalise_as(self, tracks: Floats) -> None:
        """Take mean and width of the inputs from tracks, [n_track, n_input]."""
        self.mean.copy_(torch.from_numpy(tracks.mean(axis=0)))
        self.std.copy_(torch.from_numpy(np.maximum(tracks.std(axis=0), 1e-6)))

    def forward(self, tracks: Tensor, lengths: Tensor) -> Tensor:
        """Logits, [n, n_output]; what stands behind the last track of a lepton does not count."""
        content, _ = self.lstm((tracks - self.mean) / self.std)
        last = content[torch.arange(len(lengths)), lengths - 1]
        logits: Tensor = self.last(torch.relu(self.dense(last)))
        return logits


def probabilities(network: Rnn, tracks: Floats, lengths: npt.NDArray[np.int64]) -> Floats:
    """Of each class, [n, n_output]."""
    network.eval()
    found = []
    with torch.no_grad():
        for some in np.array_split(np.arange(len(lengths)), len(lengths) // 8192 + 1):
            given = torch.from_numpy(tracks[some]), torch.from_numpy(lengths[some])
            found.append(network(*given).softmax(-1).numpy())
    return np.concatenate(found)


def lwtnn(network: Rnn, variables: Sequence[str], labels: Sequence[str]) -> dict[str, Any]:
    """The network as a graph of lwtnn, which adds the offset and multiplies by the scale."""
    lstm = network.lstm
    bias = (lstm.bias_ih_l0 + lstm.bias_hh_l0).detach()
    parts = (part.detach().chunk(len(GATES)) for part in (lstm.weight_ih_l0, lstm.weight_hh_l0))
    components = {
        name: {"weights": _short(weights), "U": _short(again), "bias": _short(own)}
        for name, weights, again, own in zip(GATES, *parts, bias.chunk(len(GATES)), strict=True)
    }
    layers: list[dict[str, Any]] = [
        {
            "architecture": "lstm", "activation": "tanh", "inner_activation": "sigmoid",
            "components": components,
        }
    ]  # fmt: skip
    layers += [
        {
            "architecture": "dense", "activation": activation,
            "weights": _short(layer.weight.detach()), "bias": _short(layer.bias.detach()),
        }
        for layer, activation in ((network.dense, "rectified"), (network.last, "softmax"))
    ]  # fmt: skip
    nodes: list[dict[str, Any]] = [
        {"type": "input_sequence", "sources": [0], "size": len(variables)},
        {"type": "sequence", "sources": [0], "layer_index": 0},
        {"type": "feed_forward", "sources": [1], "layer_index": 1},
        {"type": "feed_forward", "sources": [2], "layer_index": 2},
    ]
    scales = zip(variables, _short(-network.mean), _short(1.0 / network.std), strict=True)
    entries = [{"name": name, "offset": offset, "scale": scale} for name, offset, scale in scales]
    return {
        "inputs": [],
        "input_sequences": [{"name": "Trk_inputs", "variables": entries}],
        "nodes": nodes,
        "layers": layers,
        "outputs": {"lepton": {"labels": list(labels), "node_index": 3}},
    }


def _short(values: Tensor) -> list[float]:
    # Nine digits tell all float32 apart.
    return [float(f"{value:.9g}") for value in values.numpy().astype(np.float64).ravel()]
