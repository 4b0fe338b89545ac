"""An ONNX graph while it is written: values have made-up names, constants are kept once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import GraphProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

from lepid.taggers.graph.layers import Activation, Affine

# lwtnn's sigmoid is 0 below this; above its opposite float32 rounds to 1 by itself.
SATURATION = -30.0

# Activation -> operator and its attributes, None where `alpha` goes.
OPERATORS: dict[str, tuple[str, dict[str, float | None]]] = {
    "rectified": ("Relu", {}),
    "tanh": ("Tanh", {}),
    "abs": ("Abs", {}),
    "softmax": ("Softmax", {"axis": -1}),
    "hard_sigmoid": ("HardSigmoid", {"alpha": 0.2, "beta": 0.5}),
    "elu": ("Elu", {"alpha": None}),
    "leakyrelu": ("LeakyRelu", {"alpha": None}),
}


class Sheet:
    """Nodes and constants; `outer` is the sheet of the graph in which a loop's body stands."""

    def __init__(self, outer: Sheet | None = None) -> None:
        self.nodes: list[NodeProto] = []
        self.outer = outer
        self.root: Sheet = outer.root if outer else self
        self.initializers: list[TensorProto] = []
        self._names = 0
        self._constants: dict[tuple[Any, ...], str] = {}

    def name(self) -> str:
        """A name that nothing in the graph and its loops has."""
        self.root._names += 1
        return f"_{self.root._names}"

    def emit(self, op: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        """Name of the only output of a new node."""
        return self.several(op, inputs, [output or self.name()], **attributes)[0]

    def several(
        self, op: str, inputs: Sequence[str], outputs: Sequence[str], **attributes: Any
    ) -> Sequence[str]:
        """Names of the outputs of a new node."""
        self.nodes.append(helper.make_node(op, list(inputs), list(outputs), **attributes))
        return outputs

    def constant(self, value: npt.ArrayLike, dtype: npt.DTypeLike = np.float32) -> str:
        """Name of a constant; a body of a loop sees those of the whole graph."""
        array = np.asarray(value, dtype)
        key = (array.shape, array.dtype.str, array.tobytes())
        known = self.root._constants
        if key not in known:
            known[key] = f"constant{len(known)}"
            self.root.initializers.append(numpy_helper.from_array(array, known[key]))
        return known[key]

    def integers(self, *values: int) -> str:
        """Name of a constant, int64 [n]."""
        return self.constant(values, np.int64)

    def graph(
        self, inputs: Sequence[ValueInfoProto], outputs: Sequence[ValueInfoProto], name: str
    ) -> GraphProto:
        """What was written, as a graph."""
        return helper.make_graph(self.nodes, name, inputs, outputs, self.initializers)

    def affine(self, x: str, layer: Affine) -> str:
        """Weights x + bias along the last axis, in any number of axes."""
        found = self.emit("MatMul", x, self.constant(layer.weights.T)) if layer.weights.size else x
        return self.emit("Add", found, self.constant(layer.bias)) if layer.bias.size else found

    def activate(self, x: str, activation: Activation) -> str:
        """The activation of each number; softmax along the last axis."""
        function, alpha = activation.function, activation.alpha
        if function == "linear":
            return x
        if function == "sigmoid":
            return self.sigmoid(x)
        if function == "swish":
            return self.emit("Mul", x, self.sigmoid(self.emit("Mul", x, self.constant(alpha))))
        operator, attributes = OPERATORS[function]
        given: dict[str, Any] = {k: alpha if v is None else v for k, v in attributes.items()}
        return self.emit(operator, x, **given)

    def sigmoid(self, x: str) -> str:
        """1 / (1 + exp(-x)), 0 below -30."""
        # onnxruntime's own Sigmoid ends at 1.5e-8, which a logarithm sees.
        grown = self.emit("Exp", self.emit("Neg", x))
        found = self.emit("Reciprocal", self.emit("Add", grown, self.constant(1.0)))
        low = self.emit("Less", x, self.constant(SATURATION))
        return self.emit("Where", low, self.constant(0.0), found)

    def undefined(self, x: str, axes: Sequence[int]) -> str:
        """NaN where any number along `axes` is NaN, else 0; `axes` are kept with length 1."""
        # Some activations of onnxruntime turn NaN into a number.
        holes = self.emit("Cast", self.emit("IsNaN", x), to=TensorProto.FLOAT)
        some = self.emit("ReduceSum", holes, self.integers(*axes), keepdims=1)
        there = self.emit("Greater", some, self.constant(0.0))
        return self.emit("Where", there, self.constant(np.nan), self.constant(0.0))
