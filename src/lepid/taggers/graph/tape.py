"""The batched graph while it is written: what is known of each value, and new nodes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import (
    AttributeProto,
    GraphProto,
    ModelProto,
    NodeProto,
    TensorProto,
    helper,
    numpy_helper,
)

Shape = tuple[int | None, ...]
PREFIX = "lepid/"


class NoBatchAxis(Exception):
    """Why a node cannot work on many objects at once."""


class Tape:
    """Nodes of the batched graph, written one after the other.

    A value of the single-object graph is either *shared*, the same for all objects of a batch
    because it depends on nothing but shapes, or *batched*: it keeps its name and has one more
    axis, in front. What depends on a node that cannot be batched is *blocked*.

    Parameters
    ----------
    model : single-object network with inferred shapes
    inputs : names of its inputs
    opset : version of the operators
    """

    def __init__(self, model: ModelProto, inputs: Sequence[str], opset: int) -> None:
        self.opset = opset
        self.shapes = dict(_shapes(model.graph))
        self.constants = dict(constants_of(model.graph))
        self.batched = set(inputs)
        self.blocked: dict[str, str] = {}
        self.nodes: list[NodeProto] = []
        self.initializers = list(model.graph.initializer)
        self.n_object = self.emit("Shape", [inputs[0]], start=0, end=1)

    def emit(self, op: str, inputs: Sequence[str], output: str = "", **attributes: Any) -> str:
        """Name of the only output of a new node."""
        name = output or f"{PREFIX}{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [name], **attributes))
        return name

    def copy(
        self, node: NodeProto, inputs: Sequence[str] | None = None, output: str = "", **new: Any
    ) -> None:
        """Write `node` again, with other inputs, another output or new attributes."""
        again = NodeProto()
        again.CopyFrom(node)
        if inputs is not None:
            del again.input[:]
            again.input.extend(inputs)
        if output:
            again.output[0] = output
        kept = [attribute for attribute in again.attribute if attribute.name not in new]
        del again.attribute[:]
        again.attribute.extend(kept)
        again.attribute.extend(helper.make_attribute(name, value) for name, value in new.items())
        self.nodes.append(again)

    def integers(self, values: Sequence[int]) -> str:
        """Name of a new constant, int64 [n]."""
        name = f"{PREFIX}constant{len(self.initializers)}"
        array = np.asarray(values, np.int64)
        self.initializers.append(numpy_helper.from_array(array, name))
        return name

    def rank(self, name: str) -> int:
        """Number of axes that a value has for one object."""
        return len(self.shape(name))

    def shape(self, name: str) -> Shape:
        """Shape of a value for one object, None where it is not fixed."""
        shape = self.shapes.get(name)
        if shape is None:
            raise NoBatchAxis(f"the shape of {name!r} is not known")
        return shape

    def constant(self, name: str) -> npt.NDArray[Any]:
        """Value of a constant."""
        if name not in self.constants:
            raise NoBatchAxis(f"{name!r} is not constant")
        return self.constants[name]

    def lifted(self, name: str, rank: int) -> str:
        """A value that broadcasts against values of `rank` axes per object."""
        missing = rank - self.rank(name)
        if name not in self.batched or missing <= 0:
            return name
        return self.emit("Unsqueeze", [name, self.integers(range(1, missing + 1))])

    def spread(self, name: str) -> str:
        """A batched value; a shared one is repeated for each object."""
        if name in self.batched:
            return name
        shape = self.emit("Concat", [self.n_object, self.emit("Shape", [name])], axis=0)
        return self.emit("Expand", [name, shape])


def reads(node: NodeProto) -> list[str]:
    """Names of all values that a node takes, also inside its subgraphs."""
    found = [name for name in node.input if name]
    for attribute in node.attribute:
        if attribute.type == AttributeProto.GRAPH:
            found += _free(attribute.g)
    return list(dict.fromkeys(found))


def _free(graph: GraphProto) -> Iterator[str]:
    """Names that a subgraph takes from outside."""
    own = {value.name for value in (*graph.input, *graph.initializer)}
    for node in graph.node:
        yield from (name for name in reads(node) if name not in own)
        own.update(node.output)
    yield from (value.name for value in graph.output if value.name not in own)


def attributes_of(node: NodeProto) -> dict[str, Any]:
    """Attributes of a node by name; strings as str."""
    values = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    return {k: v.decode() if isinstance(v, bytes) else v for k, v in values.items()}


def _shapes(graph: GraphProto) -> Iterator[tuple[str, Shape]]:
    for value in (*graph.value_info, *graph.input, *graph.output):
        kind = value.type.tensor_type
        if kind.HasField("shape"):
            dims = kind.shape.dim
            yield value.name, tuple(d.dim_value if d.HasField("dim_value") else None for d in dims)
    for tensor in graph.initializer:
        yield tensor.name, tuple(tensor.dims)


def constants_of(graph: GraphProto) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    """Name and value of everything that is stored in a graph, also under a second name."""
    known = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    yield from known.items()
    for node in graph.node:
        if node.op_type == "Identity" and node.input[0] in known:
            yield node.output[0], known[node.input[0]]
        if node.op_type == "Constant":
            (value,) = attributes_of(node).values()
            tensor = isinstance(value, TensorProto)
            yield node.output[0], numpy_helper.to_array(value) if tensor else np.asarray(value)
