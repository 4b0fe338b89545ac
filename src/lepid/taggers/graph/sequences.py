"""Layers that see the order of a sequence [n_lepton, n_step, n_input], in ONNX operators."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from onnx import TensorProto, helper

from lepid.taggers.graph.layers import GATES, Affine, Convolution, Embedding, Recurrent
from lepid.taggers.graph.sheet import Sheet

END = int(np.iinfo(np.int64).max)


def embed(sheet: Sheet, x: str, layer: Embedding) -> str:
    """Columns with the row of a table in place of one; NaN where there is no such category."""
    n_category, _ = layer.table.shape
    column = _columns(sheet, x, layer.index, layer.index + 1)
    whole = sheet.emit("Equal", sheet.emit("Floor", column), column)
    above = sheet.emit("GreaterOrEqual", column, sheet.constant(0.0))
    below = sheet.emit("Less", column, sheet.constant(float(n_category)))
    known = sheet.emit("And", whole, sheet.emit("And", above, below))
    safe = sheet.emit("Where", known, column, sheet.constant(0.0))
    place = sheet.emit(
        "Cast", sheet.emit("Squeeze", safe, sheet.integers(-1)), to=TensorProto.INT64
    )
    rows = sheet.emit("Gather", sheet.constant(layer.table), place, axis=0)
    rows = sheet.emit("Where", known, rows, sheet.constant(np.nan))
    left, right = _columns(sheet, x, 0, layer.index), _columns(sheet, x, layer.index + 1, END)
    return sheet.emit("Concat", left, rows, right, axis=-1)


def _columns(sheet: Sheet, x: str, start: int, stop: int) -> str:
    return sheet.emit("Slice", x, sheet.integers(start), sheet.integers(stop), sheet.integers(-1))


def convolve(sheet: Sheet, x: str, layer: Convolution) -> str:
    """Neighbours side by side, times the weights; works on empty sequences too."""
    n_output, n_input, n_neighbour = layer.weights.shape
    reach = layer.reach
    # With an even number of neighbours lwtnn adds the odd zero in front.
    before = {"valid": 0, "same": (reach + 1) // 2, "causal": reach}[layer.padding]
    after = 0 if layer.padding == "valid" else reach - before
    if before or after:
        x = sheet.emit("Pad", x, sheet.integers(0, before, 0, 0, after, 0))
    shifted = []
    for neighbour in range(n_neighbour):
        start = neighbour * layer.dilation
        stop = start - reach if start < reach else END
        ends = sheet.integers(start), sheet.integers(stop), sheet.integers(1)
        shifted.append(sheet.emit("Slice", x, *ends))
    beside = sheet.emit("Concat", *shifted, axis=-1) if n_neighbour > 1 else shifted[0]
    weights = layer.weights.transpose(0, 2, 1).reshape(n_output, n_neighbour * n_input)
    return sheet.activate(sheet.affine(beside, Affine(weights, layer.bias)), layer.activation)


def recur(sheet: Sheet, x: str, layer: Recurrent) -> str:
    """The content after each step, [n_lepton, n_step, n_output]."""
    names = GATES[layer.kind]
    size = layer.gates[names[0]].n_output
    # What does not depend on the steps before is computed for all of them at once.
    # onnxruntime dies of a loop without steps: one more is taken, and left out.
    longer = sheet.emit("Pad", x, sheet.integers(0, 0, 0, 0, 1, 0))
    fed = [sheet.affine(longer, layer.gates[name]) for name in names]
    n_lepton = sheet.emit("Shape", x, start=0, end=1)
    empty = sheet.emit("Concat", n_lepton, sheet.integers(size), axis=0)
    zeros = sheet.emit("Expand", sheet.constant(0.0), empty)
    states = [zeros] * (2 if layer.kind == "lstm" else 1)

    body = Sheet(sheet)
    taken = [body.name() for _ in (*states, *fed)]
    memory, current = taken[: len(states)], dict(zip(names, taken[len(states) :], strict=True))
    after = _STEPS[layer.kind](body, layer, memory, current)
    given = [body.emit("Identity", value) for value in (*after, after[0])]
    kind = TensorProto.FLOAT
    rows = [helper.make_tensor_value_info(name, kind, [None, size]) for name in (*taken, *given)]
    graph = body.graph(rows[: len(taken)], rows[len(taken) :], layer.kind)
    ends = [sheet.name() for _ in given]
    sheet.several(
        "Scan",
        [*states, *fed],
        ends,
        body=graph,
        num_scan_inputs=len(fed),
        scan_input_axes=[1] * len(fed),
        scan_output_axes=[1],
    )
    start, stop = sheet.integers(0), sheet.integers(-1)
    return sheet.emit("Slice", ends[-1], start, stop, sheet.integers(1))


def _gate(body: Sheet, layer: Recurrent, name: str, current: dict[str, str], before: str) -> str:
    recurrent = layer.gates[name].recurrent
    if recurrent is None:
        return current[name]
    past = body.emit("MatMul", before, body.constant(recurrent.T))
    return body.emit("Add", current[name], past)


def _lstm(body: Sheet, layer: Recurrent, memory: list[str], current: dict[str, str]) -> list[str]:
    content, cell = memory
    i, f, o = (
        body.activate(_gate(body, layer, name, current, content), layer.inner) for name in "ifo"
    )
    new = body.activate(_gate(body, layer, "c", current, content), layer.activation)
    cell = body.emit("Add", body.emit("Mul", f, cell), body.emit("Mul", i, new))
    return [body.emit("Mul", o, body.activate(cell, layer.activation)), cell]


def _gru(body: Sheet, layer: Recurrent, memory: list[str], current: dict[str, str]) -> list[str]:
    (content,) = memory
    z, r = (body.activate(_gate(body, layer, name, current, content), layer.inner) for name in "zr")
    reset = body.emit("Mul", r, content)
    new = body.activate(_gate(body, layer, "h", current, reset), layer.activation)
    rest = body.emit("Sub", body.constant(1.0), z)
    return [body.emit("Add", body.emit("Mul", z, content), body.emit("Mul", rest, new))]


def _simple(body: Sheet, layer: Recurrent, memory: list[str], current: dict[str, str]) -> list[str]:
    (content,) = memory
    return [body.activate(_gate(body, layer, "h", current, content), layer.activation)]


_STEPS: dict[str, Callable[[Sheet, Recurrent, list[str], dict[str, str]], list[str]]] = {
    "lstm": _lstm,
    "gru": _gru,
    "simplernn": _simple,
}
