"""Networks of layers to ONNX: batched, the preparation of the inputs inside, one output a label."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import numpy as np
from onnx import TensorProto, ValueInfoProto, checker, helper

from lepid.taggers.graph import quantiles, sequences
from lepid.taggers.graph.build import IR_VERSION, OPSET
from lepid.taggers.graph.layers import (
    KINDS,
    Convolution,
    Dense,
    Embedding,
    Highway,
    Inputs,
    Layer,
    Layered,
    Maxout,
    Normalization,
    Recurrent,
    Step,
)
from lepid.taggers.graph.sheet import Sheet


def build(network: Layered) -> bytes:
    """The network as a serialised ONNX model.

    Its inputs are [n_lepton, n_input], or [n_lepton, n_track, n_input] for sequences; its outputs
    are [n_lepton], or [n_lepton, n_track], one for each label (`names`). A NaN among the inputs of
    a lepton makes all its outputs NaN.
    """
    sheet = Sheet()
    fed = [_prepared(sheet, node) for node in network.inputs]
    holes = [
        sheet.undefined(node.name, (1, 2) if node.sequence else (1,)) for node in network.inputs
    ]
    hole = sheet.emit("Sum", *(sheet.emit("Reshape", each, sheet.integers(-1)) for each in holes))
    values: list[_Value] = []
    for step in network.steps:
        values.append(_step(sheet, step, values, fed))
    given = []
    for name, (place, column) in names(network).items():
        rows = per_track(network.steps[place])
        value = values[place].rows if rows else values[place].row
        value = sheet.emit("Gather", value, sheet.constant(column, np.int64), axis=-1)
        each = sheet.emit("Reshape", hole, sheet.integers(-1, 1)) if rows else hole
        sheet.emit("Add", value, each, output=name)
        given.append(_tensor(name, ["n_lepton", *["n_track"] * rows]))
    taken = [
        _tensor(node.name, ["n_lepton", *["n_track"] * node.sequence, len(node.variables)])
        for node in network.inputs
    ]
    opset = [helper.make_opsetid("", OPSET)]
    graph = sheet.graph(taken, given, "layers")
    model = helper.make_model(graph, opset_imports=opset, ir_version=IR_VERSION)
    checker.check_model(model)
    serialised: bytes = model.SerializeToString()
    return serialised


def per_track(step: Step) -> bool:
    """Whether an output at this step is one number per constituent."""
    return KINDS[step.kind][1] == "rows"


def names(network: Layered) -> dict[str, tuple[int, int]]:
    """Output -> step and column that give it; a label that is taken has its step added."""
    labels = [
        (label, result.step, column)
        for result in network.results
        for column, label in enumerate(result.labels)
    ]
    often = Counter([label for label, _, _ in labels] + [node.name for node in network.inputs])
    return {
        label if often[label] == 1 else f"{label}_{step}": (step, column)
        for label, step, column in labels
    }


class _Value(NamedTuple):
    """What a step gives: one row per lepton, a list of rows, or both."""

    row: str = ""
    rows: str = ""


def _tensor(name: str, axes: list[str | int]) -> ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, axes)


def _prepared(sheet: Sheet, node: Inputs) -> str:
    """Inputs after quantiles, offset and scale."""
    x = node.name
    if node.quantiles is not None:
        x = quantiles.transform(sheet, x, node.quantiles)
    offsets = [variable.offset for variable in node.variables]
    scales = [variable.scale for variable in node.variables]
    if any(offsets):
        x = sheet.emit("Add", x, sheet.constant(offsets))
    if any(scale != 1.0 for scale in scales):
        x = sheet.emit("Mul", x, sheet.constant(scales))
    return x


def _step(sheet: Sheet, step: Step, values: list[_Value], fed: list[str]) -> _Value:
    if step.kind in ("input", "input_sequence"):
        x = fed[step.sources[0]]
        return _Value(row=x) if step.kind == "input" else _Value(rows=x)
    sources = [values[source] for source in step.sources]
    if step.kind == "sequence":
        return _scan(sheet, sources[0].rows, step.layers)
    if step.kind == "time_distributed":
        return _Value(rows=_forward(sheet, sources[0].rows, step.layers))
    if step.kind == "feed_forward":
        row = _forward(sheet, sources[0].row, step.layers)
    elif step.kind == "sum":
        row = sheet.emit("ReduceSum", sources[0].rows, sheet.integers(1), keepdims=0)
    elif step.kind == "add":
        row = sheet.emit("Sum", *(source.row for source in sources))
    else:
        row = sheet.emit("Concat", *(source.row for source in sources), axis=-1)
    return _Value(row=row)


def _scan(sheet: Sheet, x: str, layers: tuple[Layer, ...]) -> _Value:
    for layer in layers:
        if isinstance(layer, Recurrent):
            x = sequences.recur(sheet, x, layer)
        elif isinstance(layer, Convolution):
            x = sequences.convolve(sheet, x, layer)
        elif isinstance(layer, Embedding):
            x = sequences.embed(sheet, x, layer)
    # lwtnn takes zeros for the last row of an empty sequence.
    padded = sheet.emit("Pad", x, sheet.integers(0, 1, 0, 0, 0, 0))
    return _Value(row=sheet.emit("Gather", padded, sheet.constant(-1, np.int64), axis=1), rows=x)


def _forward(sheet: Sheet, x: str, layers: tuple[Layer, ...]) -> str:
    for layer in layers:
        if isinstance(layer, Dense):
            x = sheet.activate(sheet.affine(x, layer.affine), layer.activation)
        elif isinstance(layer, Normalization):
            shifted = sheet.emit("Add", x, sheet.constant(layer.bias))
            x = sheet.emit("Mul", shifted, sheet.constant(layer.weights))
        elif isinstance(layer, Maxout):
            x = sheet.emit("Max", *(sheet.affine(x, part) for part in layer.parts))
        elif isinstance(layer, Highway):
            x = _highway(sheet, x, layer)
    return x


def _highway(sheet: Sheet, x: str, layer: Highway) -> str:
    carried = sheet.sigmoid(sheet.affine(x, layer.carry))
    changed = sheet.activate(sheet.affine(x, layer.transform), layer.activation)
    rest = sheet.emit("Sub", sheet.constant(1.0), carried)
    return sheet.emit("Add", sheet.emit("Mul", carried, changed), sheet.emit("Mul", rest, x))
