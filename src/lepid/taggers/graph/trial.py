"""What it takes to try a network: inputs of the size that it expects, and other weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, numpy_helper

from lepid.taggers.graph.tape import constants_of

Floats = npt.NDArray[np.float64]
PASSED = ("Cast", "Identity", "Reshape", "Squeeze", "Unsqueeze")


def scales(network: bytes) -> dict[str, tuple[Floats, Floats]]:
    """Input -> mean and standard deviation of its columns, 0 and 1 where nothing normalises.

    A network answers the same to everything that is far from what it expects, so that random
    numbers of any other size test nothing.
    """
    graph = onnx.load_from_string(network).graph
    constants = dict(constants_of(graph))
    return {
        value.name: _scale(graph, constants, value.name)
        for value in graph.input
        if value.name not in constants
    }


def with_random_weights(network: bytes, rng: np.random.Generator) -> bytes:
    """The same network with random matrices, whose answers vary more than those of a trained one.

    Biases, normalisations and everything else that is no matrix of float32 stay.
    """
    model = onnx.load_from_string(network)
    for tensor in model.graph.initializer:
        shape = tuple(tensor.dims)
        if tensor.data_type == TensorProto.FLOAT and len(shape) > 1 and min(shape[-2:]) > 1:
            values = rng.normal(0, 2 / np.sqrt(shape[-2]), shape).astype(np.float32)
            tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    serialised: bytes = model.SerializeToString()
    return serialised


def _scale(
    graph: onnx.GraphProto, constants: dict[str, npt.NDArray[Any]], name: str
) -> tuple[Floats, Floats]:
    mean, std = np.zeros(1), np.ones(1)
    for node in graph.node:
        if name not in node.input:
            continue
        others = [constants.get(other) for other in node.input if other != name]
        value = others[0] if len(others) == 1 else None
        if node.op_type in PASSED:
            name = node.output[0]
        elif value is None or node.input[0] != name:
            continue
        elif node.op_type in ("Sub", "Add"):
            mean = mean + std * np.ravel(value) * (1 if node.op_type == "Sub" else -1)
            name = node.output[0]
        elif node.op_type in ("Div", "Mul"):
            size = np.abs(np.ravel(value).astype(np.float64))
            std = std * (size if node.op_type == "Div" else 1 / np.where(size, size, 1))
            name = node.output[0]
    return mean, np.where(std, std, 1)
