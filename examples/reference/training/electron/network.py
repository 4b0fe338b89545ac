"""The electron network, and its form as JSON of lwtnn."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

WIDTH, N_HIDDEN, LEAK = 256, 5, 0.1
DROPOUT = 0.2
# Hidden weights are whole parts of the largest of their row: short in JSON.
LARGEST = 999


class Dnn(nn.Module):
    """Logits [n, n_output] of electrons [n, n_input], whose inputs are levels between 0 and 1."""

    def __init__(self, n_input: int, n_output: int) -> None:
        super().__init__()
        sizes = [n_input, *[WIDTH] * N_HIDDEN]
        pairs = list(pairwise(sizes))
        self.hidden = nn.ModuleList(nn.Linear(*pair) for pair in pairs)
        self.normalise = nn.ModuleList(nn.BatchNorm1d(n) for _, n in pairs)
        self.last = nn.Linear(WIDTH, n_output)

    def forward(self, values: Tensor) -> Tensor:
        """Logits."""
        for dense, normalise in zip(self.hidden, self.normalise, strict=True):
            values = normalise(nn.functional.leaky_relu(dense(values), LEAK))
            values = nn.functional.dropout(values, DROPOUT, self.training)
        return self.last(values)


def probabilities(network: Dnn, levels: Any) -> Any:
    """Softmax of the classes [n, n_output], or the sigmoid of the only output [n, 1]."""
    network.eval()
    with torch.no_grad():
        parts = [network(part) for part in torch.from_numpy(levels).split(8192)]
    logits = torch.cat(parts)
    found = logits.sigmoid() if logits.shape[1] == 1 else logits.softmax(-1)
    return found.numpy()


def rounded(network: Dnn) -> Dnn:
    """The network, its hidden weights rounded to `LARGEST` parts of the largest of each row."""
    with torch.no_grad():
        for dense in network.hidden:
            unit = _unit(dense)
            dense.weight.copy_(torch.round(dense.weight / unit) * unit)
    return network.eval()


def _unit(dense: nn.Linear) -> Tensor:
    return dense.weight.abs().amax(dim=1, keepdim=True) / LARGEST


def lwtnn(network: Dnn, variables: Sequence[str]) -> dict[str, Any]:
    """A `rounded` network as a graph of lwtnn: dense with leaky ReLU, normalization, and so on.

    The dense layers hold the rounded weights as whole numbers. What a row is too large by, its
    normalization makes good: a leaky ReLU of c x is c times that of x, for c above 0.
    """
    layers: list[dict[str, Any]] = []
    for dense, batch in zip(network.hidden, network.normalise, strict=True):
        unit = _unit(dense).detach().double()
        weights = torch.round(dense.weight.detach().double() / unit).int()
        scale = batch.weight.detach().double() / torch.sqrt(batch.running_var.double() + batch.eps)
        shift = batch.bias.detach().double() / scale - batch.running_mean.double()
        unit = unit[:, 0]
        layers += [
            {
                "architecture": "dense",
                "activation": {"function": "leakyrelu", "alpha": LEAK},
                "weights": weights.flatten().tolist(),
                "bias": _short(dense.bias.detach().double() / unit),
            },
            {
                "architecture": "normalization",
                "weights": _short(scale * unit),
                "bias": _short(shift / unit),
            },
        ]
    binary = network.last.out_features == 1
    layers.append(
        {
            "architecture": "dense",
            "activation": "sigmoid" if binary else "softmax",
            "weights": _short(network.last.weight.detach().flatten()),
            "bias": _short(network.last.bias.detach()),
        }
    )
    nodes: list[dict[str, Any]] = [{"type": "input", "sources": [0], "size": len(variables)}]
    nodes += [
        {"type": "feed_forward", "sources": [i], "layer_index": i} for i in range(len(layers))
    ]
    labels = [f"out_{i}" for i in range(network.last.out_features)]
    return {
        "inputs": [
            {
                "name": "node_0",
                "variables": [{"name": name, "offset": 0.0, "scale": 1.0} for name in variables],
            }
        ],
        "input_sequences": [],
        "nodes": nodes,
        "layers": layers,
        "outputs": {"electron": {"labels": labels, "node_index": len(layers)}},
    }


def _short(values: Tensor) -> list[float]:
    # Nine digits tell all float32 apart.
    return [float(f"{value:.9g}") for value in np.asarray(values, np.float64)]
