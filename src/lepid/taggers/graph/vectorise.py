"""Gives a network that takes one object per call a batch axis."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import onnx
from onnx import (
    ModelProto,
    NodeProto,
    TensorProto,
    ValueInfoProto,
    helper,
    inliner,
    shape_inference,
)

from lepid.errors import BadFile, first_line
from lepid.taggers.graph.rules import RULES
from lepid.taggers.graph.tape import NoBatchAxis, Tape, reads

# Part of the name under which batched graphs are kept: counts up when the rules change.
VERSION = 1
# Metadata under which a batched graph says what it gives.
KEY = "lepid"
# The first whose Shape has a start.
OLDEST_OPSET = 15


@dataclass(frozen=True)
class Vectorised:
    """A network with a batch axis in front of every input and output.

    Attributes
    ----------
    model : serialised; empty if no output could be batched
    outputs : outputs of the original that it gives, [n_object, ...]
    partial : output that it does not give -> the value up to which it could be batched, which it
        gives instead under this name
    left : output that it does not give -> why
    """

    model: bytes
    outputs: tuple[str, ...] = ()
    partial: Mapping[str, str] = field(default_factory=dict)
    left: Mapping[str, str] = field(default_factory=dict)


def vectorise(network: bytes, wanted: Sequence[str]) -> Vectorised:
    """`network` with a batch axis, for its outputs `wanted`.

    Every input gets one more axis in front, and whatever depends on it. What depends on shapes
    alone is computed once for the batch, so that all objects of a batch have equal lengths.
    """
    try:
        model = _prepared(network)
        opset = max(o.version for o in model.opset_import if o.domain in ("", "ai.onnx"))
        if opset < OLDEST_OPSET:
            raise NoBatchAxis(f"opset {opset} is older than {OLDEST_OPSET}")
    except (NoBatchAxis, ValueError, RuntimeError) as error:
        # onnx raises both for graphs that contradict themselves.
        return Vectorised(b"", left=dict.fromkeys(wanted, first_line(error)))
    tape = Tape(model, [value.name for value in _inputs(model)], opset)
    for node in model.graph.node:
        _write(tape, node)
    same = "is the same for every object"
    left = {name: tape.blocked.get(name, same) for name in wanted if name not in tape.batched}
    given = tuple(name for name in wanted if name not in left)
    ends = {name: _frontier(model, tape, name) for name in left}
    partial = {name: values[0] for name, values in ends.items() if len(values) == 1}
    if not given and not partial:
        return Vectorised(b"", left=left)
    batched = _finished(model, tape, list(dict.fromkeys([*given, *partial.values()])))
    helper.set_model_props(batched, {KEY: json.dumps([given, partial, left])})
    return Vectorised(batched.SerializeToString(), given, partial, left)


def read(batched: bytes) -> Vectorised:
    """What `vectorise` gave, from its serialised model alone.

    Raises
    ------
    BadFile : something else
    """
    try:
        properties = {p.key: p.value for p in _loaded(batched).metadata_props}
        given, partial, left = json.loads(properties[KEY])
    except (KeyError, ValueError) as error:
        raise BadFile("batched graph", f"cannot be read: {first_line(error)}") from error
    return Vectorised(batched, tuple(given), partial, left)


def behind(network: bytes, value: str, output: str) -> bytes:
    """The part of `network` that makes `output` out of `value`, which becomes its input."""
    model = _prepared(network)
    nodes = [node for node in model.graph.node if value not in node.output]
    nodes = _needed(nodes, [output])
    used = {name for node in nodes for name in reads(node)}
    kinds = {v.name: v for v in (*model.graph.value_info, *model.graph.output)}
    inputs = [v for v in (*_inputs(model), kinds[value]) if v.name in used]
    stored = [tensor for tensor in model.graph.initializer if tensor.name in used]
    graph = helper.make_graph(nodes, "behind", inputs, [kinds[output]], stored)
    part = helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version)
    serialised: bytes = part.SerializeToString()
    return serialised


def _loaded(network: bytes) -> ModelProto:
    try:
        return onnx.load_from_string(network)
    except Exception as error:
        # The errors of protobuf share no base class below Exception.
        raise ValueError("it is not an ONNX file") from error


def _prepared(network: bytes) -> ModelProto:
    model = _loaded(network)
    if model.functions:
        model = inliner.inline_local_functions(model)
    return shape_inference.infer_shapes(model, data_prop=True)


def _inputs(model: ModelProto) -> list[ValueInfoProto]:
    stored = {tensor.name for tensor in model.graph.initializer}
    return [value for value in model.graph.input if value.name not in stored]


def _write(tape: Tape, node: NodeProto) -> None:
    """Writes the node into the batched graph, or notes why it cannot be there."""
    names = reads(node)
    blocked = next((tape.blocked[name] for name in names if name in tape.blocked), "")
    if not blocked and tape.batched.isdisjoint(names):
        tape.nodes.append(node)
        return
    rule = RULES.get(node.op_type) if node.domain in ("", "ai.onnx") else None
    written = len(tape.nodes)
    try:
        if blocked:
            raise NoBatchAxis(blocked)
        if rule is None:
            raise NoBatchAxis(f"{node.op_type} works on one object at a time")
        tape.batched.update(name for name in node.output if name)
        rule(tape, node)
    except NoBatchAxis as reason:
        del tape.nodes[written:]
        tape.batched.difference_update(node.output)
        tape.blocked.update(dict.fromkeys(node.output, str(reason)))


def _frontier(model: ModelProto, tape: Tape, output: str) -> list[str]:
    """Batched values out of which the blocked `output` is computed; none for inputs themselves."""
    makers = {name: node for node in model.graph.node for name in node.output}
    found: dict[str, None] = {}
    waiting, seen = [output], {output}
    while waiting:
        maker = makers.get(waiting.pop())
        for name in reads(maker) if maker else ():
            if name in tape.batched:
                found[name] = None
            elif name in tape.blocked and name not in seen:
                seen.add(name)
                waiting.append(name)
    return list(found) if makers.keys() >= found.keys() else []


def _finished(model: ModelProto, tape: Tape, ends: Sequence[str]) -> ModelProto:
    """The batched model, cut down to what `ends` need."""
    nodes = _needed(tape.nodes, ends)
    used = {name for node in nodes for name in reads(node)}
    kinds = {v.name: v for v in (*model.graph.value_info, *model.graph.output)}
    inputs = [_with_batch(value) for value in _inputs(model)]
    outputs = [_with_batch(kinds[name]) for name in ends]
    stored = [tensor for tensor in tape.initializers if tensor.name in used]
    graph = helper.make_graph(nodes, model.graph.name or "batched", inputs, outputs, stored)
    batched = helper.make_model(
        graph, opset_imports=model.opset_import, ir_version=model.ir_version
    )
    onnx.checker.check_model(batched)
    return batched


def _needed(nodes: Sequence[NodeProto], ends: Iterable[str]) -> list[NodeProto]:
    needed, kept = set(ends), []
    for node in reversed(nodes):
        if not needed.isdisjoint(node.output):
            kept.append(node)
            needed.update(reads(node))
    return kept[::-1]


def _with_batch(value: ValueInfoProto) -> ValueInfoProto:
    kind = value.type.tensor_type
    sizes = [d.dim_value if d.HasField("dim_value") else d.dim_param for d in kind.shape.dim]
    kind_of = kind.elem_type or TensorProto.FLOAT
    return helper.make_tensor_value_info(value.name, kind_of, ["n_object", *sizes])
