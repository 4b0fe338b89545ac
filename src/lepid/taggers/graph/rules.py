"""One rule per operator: what it does on values that have a batch axis in front.

A rule writes the node again so that it works on every object of the batch by itself. An operator
without a rule stops the rewriting there; a new one is an entry in `RULES`. Operators are those of
opset 15 and newer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from onnx import NodeProto

from lepid.taggers.graph.tape import NoBatchAxis, Tape, attributes_of

Rule = Callable[[Tape, NodeProto], None]


def shifted(axes: Sequence[int]) -> list[int]:
    """Axes behind the new one; those that count from the end stay."""
    return [axis + 1 if axis >= 0 else axis for axis in axes]


def _shared(tape: Tape, node: NodeProto, first: int = 1) -> None:
    """Raise where an input that decides about shapes differs between the objects."""
    for name in node.input[first:]:
        if name in tape.batched:
            raise NoBatchAxis(f"{node.op_type} takes {name!r}, which differs between the objects")


# --- what keeps its inputs ----------------------------------------------------------------------


def elementwise(tape: Tape, node: NodeProto) -> None:
    """Numpy-like broadcasting: shorter operands get unit axes behind the batch axis."""
    rank = max(tape.rank(name) for name in node.input if name)
    tape.copy(node, [name and tape.lifted(name, rank) for name in node.input])


def along(default: int) -> Rule:
    """Rule for operators with the attribute `axis` that take one batched input."""

    def rule(tape: Tape, node: NodeProto) -> None:
        _shared(tape, node)
        tape.copy(node, axis=shifted([attributes_of(node).get("axis", default)])[0])

    return rule


def joined(default: int) -> Rule:
    """Rule for operators with the attribute `axis` whose inputs all need the batch axis."""

    def rule(tape: Tape, node: NodeProto) -> None:
        axis = attributes_of(node).get("axis", default)
        tape.copy(node, [tape.spread(name) for name in node.input], axis=shifted([axis])[0])

    return rule


def last_axes(tape: Tape, node: NodeProto) -> None:
    """Operators that only know the last axes."""
    _shared(tape, node)
    tape.copy(node)


def transpose(tape: Tape, node: NodeProto) -> None:
    """The order of the axes, behind the batch axis."""
    order = attributes_of(node).get("perm") or range(tape.rank(node.input[0]))[::-1]
    tape.copy(node, perm=[0, *(axis + 1 for axis in order)])


def merged(tape: Tape, node: NodeProto) -> None:
    """Operators whose first axis already is one of independent rows: objects and rows in one."""
    _shared(tape, node)
    if attributes_of(node).get("transA"):
        raise NoBatchAxis(f"{node.op_type} transposes its rows")
    if node.op_type == "Gemm" and len(node.input) > 2 and node.input[2]:
        bias = tape.shape(node.input[2])
        if len(bias) == 2 and bias[0] != 1:
            raise NoBatchAxis("the constant of Gemm differs between its rows")
    rest = tape.emit("Shape", [node.input[0]], start=2)
    shape = tape.emit("Concat", [tape.integers([-1]), rest], axis=0)
    rows = tape.emit("Reshape", [node.input[0], shape])
    result = f"{node.output[0]}/rows"
    tape.copy(node, [rows, *node.input[1:]], result)
    behind = tape.emit("Shape", [result], start=1)
    back = [tape.n_object, tape.integers([-1]), behind]
    tape.emit("Reshape", [result, tape.emit("Concat", back, axis=0)], node.output[0])


def matmul(tape: Tape, node: NodeProto) -> None:
    """Matrix products, whose leading axes broadcast."""
    ranks = [tape.rank(name) for name in node.input]
    if 1 in ranks and not (ranks[1] == 1 and node.input[1] not in tape.batched):
        raise NoBatchAxis("MatMul takes a vector that differs between the objects")
    if 1 in ranks:
        tape.copy(node)
    else:
        elementwise(tape, node)


def einsum(tape: Tape, node: NodeProto) -> None:
    """The batch is one more letter."""
    equation = attributes_of(node)["equation"].replace(" ", "")
    if "->" not in equation:
        raise NoBatchAxis("Einsum does not say its result")
    free = next(letter for letter in "ZYXWVUTSRQPONMLKJIHGFEDCBA" if letter not in equation)
    before, _, after = equation.partition("->")
    terms = zip(node.input, before.split(","), strict=True)
    marked = [free + term if name in tape.batched else term for name, term in terms]
    tape.copy(node, equation=f"{','.join(marked)}->{free}{after}")


# --- what changes shapes ------------------------------------------------------------------------


def shape_of(tape: Tape, node: NodeProto) -> None:
    """Shape of one object: the same for all of a batch."""
    given = attributes_of(node)
    given.setdefault("start", 0)
    if given["start"] < -tape.rank(node.input[0]):
        raise NoBatchAxis("Shape starts before the first axis")
    moved: dict[str, Any] = {name: shifted([axis])[0] for name, axis in given.items()}
    tape.copy(node, **moved)
    tape.batched.difference_update(node.output)


def with_axes(tape: Tape, node: NodeProto) -> None:
    """Unsqueeze and Squeeze; without axes all unit axes go, never that of the batch."""
    _shared(tape, node)
    if len(node.input) > 1 and node.input[1]:
        axes = tape.constant(node.input[1]).tolist()
    else:
        shape = tape.shape(node.input[0])
        if None in shape:
            raise NoBatchAxis("Squeeze removes axes that are not known")
        axes = [axis for axis, size in enumerate(shape) if size == 1]
    tape.copy(node, [node.input[0], tape.integers(shifted(axes))])


def reduction(tape: Tape, node: NodeProto) -> None:
    """Sums and other reductions; without axes over all of one object."""
    _shared(tape, node)
    given = attributes_of(node)
    in_attribute = given.get("axes")
    if len(node.input) > 1 and node.input[1]:
        axes = tape.constant(node.input[1]).tolist()
    else:
        axes = list(in_attribute or [])
    if not axes and given.get("noop_with_empty_axes"):
        tape.copy(node)
        return
    axes = shifted(axes or range(tape.rank(node.input[0])))
    if in_attribute is not None or not _takes_axes(tape, node):
        tape.copy(node, [node.input[0]], axes=axes)
    else:
        tape.copy(node, [node.input[0], tape.integers(axes)])


def _takes_axes(tape: Tape, node: NodeProto) -> bool:
    # The others take their axes as an input from opset 18 on.
    return node.op_type == "ReduceSum" or tape.opset >= 18


def _in_front(tape: Tape, number: int, sizes: str) -> str:
    """The constant `number`, then `sizes`."""
    if sizes in tape.constants:
        return tape.integers([number, *tape.constants[sizes].tolist()])
    return tape.emit("Concat", [tape.integers([number]), sizes], axis=0)


def reshape(tape: Tape, node: NodeProto) -> None:
    """New sizes behind the batch axis."""
    _shared(tape, node)
    data, sizes = node.input
    if not attributes_of(node).get("allowzero"):
        # 0 copies an axis of the input: the first one, and those that were asked for.
        tape.copy(node, [data, _in_front(tape, 0, sizes)])
        return
    if sizes in tape.constants and 0 not in tape.constants[sizes]:
        tape.copy(node, [data, _in_front(tape, 0, sizes)], allowzero=0)
        return
    tape.copy(node, [data, tape.emit("Concat", [tape.n_object, sizes], axis=0)])


def expand(tape: Tape, node: NodeProto) -> None:
    """Broadcasting to sizes that are the same for every object."""
    _shared(tape, node)
    data, sizes = node.input
    (length,) = tape.shape(sizes)
    if length is None:
        raise NoBatchAxis("Expand to an unknown number of axes")
    rank = max(length, tape.rank(data))
    ones = [tape.integers([1] * (rank - length + 1)), sizes]
    tape.copy(node, [tape.lifted(data, rank), tape.emit("Concat", ones, axis=0)])


def tile(tape: Tape, node: NodeProto) -> None:
    """Repetition, once along the batch."""
    _shared(tape, node)
    tape.copy(node, [node.input[0], _in_front(tape, 1, node.input[1])])


def pad(tape: Tape, node: NodeProto) -> None:
    """Padding, none along the batch."""
    _shared(tape, node)
    if len(node.input) > 3 and node.input[3]:
        axes = tape.integers(shifted(tape.constant(node.input[3]).tolist()))
    else:
        axes = tape.integers(range(1, tape.rank(node.input[0]) + 1))
    value = node.input[2] if len(node.input) > 2 else ""
    tape.copy(node, [node.input[0], node.input[1], value, axes])


def part(tape: Tape, node: NodeProto) -> None:
    """Slice."""
    _shared(tape, node)
    data, starts, ends, *rest = node.input
    if rest and rest[0]:
        axes = tape.constant(rest[0]).ravel().tolist()
    else:
        (length,) = tape.shape(starts)
        if length is None:
            raise NoBatchAxis("Slice of an unknown number of axes")
        axes = list(range(length))
    tape.copy(node, [data, starts, ends, tape.integers(shifted(axes)), *rest[1:]])


def cumulative(tape: Tape, node: NodeProto) -> None:
    """CumSum."""
    _shared(tape, node)
    (axis,) = shifted([int(tape.constant(node.input[1]).item())])
    tape.copy(node, [node.input[0], tape.integers([axis])])


# --- what picks and places ----------------------------------------------------------------------


def gather(tape: Tape, node: NodeProto) -> None:
    """Gather by one index for all, or by one for each object along the first axis."""
    data, index = node.input
    axis = attributes_of(node).get("axis", 0)
    axis += tape.rank(data) if axis < 0 else 0
    if index not in tape.batched:
        tape.copy(node, axis=axis + 1)
    elif axis:
        raise NoBatchAxis("Gather by an index that differs between the objects")
    elif data not in tape.batched:
        tape.copy(node)
    else:
        places = tape.emit("Unsqueeze", [index, tape.integers([-1])])
        tape.emit("GatherND", [data, places], node.output[0], batch_dims=1)


def gather_nd(tape: Tape, node: NodeProto) -> None:
    """GatherND, each object by its own places."""
    before = attributes_of(node).get("batch_dims", 0)
    tape.copy(node, [tape.spread(name) for name in node.input], batch_dims=before + 1)


def scatter_nd(tape: Tape, node: NodeProto) -> None:
    """ScatterND writes whole slices of the trailing axes: the batch becomes the last one."""
    data, index, updates = node.input
    if index in tape.batched:
        raise NoBatchAxis("ScatterND to places that differ between the objects")
    last = [
        tape.emit("Transpose", [tape.spread(n)], perm=[*range(1, tape.rank(n) + 1), 0])
        for n in (data, updates)
    ]
    result = f"{node.output[0]}/last"
    tape.copy(node, [last[0], index, last[1]], result)
    rank = tape.rank(data)
    tape.emit("Transpose", [result], node.output[0], perm=[rank, *range(rank)])


def _table(rules: dict[Any, str]) -> dict[str, Rule]:
    return {op: rule for rule, ops in rules.items() for op in ops.split()}


RULES: dict[str, Rule] = _table(
    {
        elementwise: (
            "Abs Acos Add And Atan BitShift Cast CastLike Ceil Celu Clip Cos Div Dropout Elu Equal "
            "Erf Exp Floor Gelu Greater GreaterOrEqual HardSigmoid HardSwish Identity IsInf IsNaN "
            "LeakyRelu Less LessOrEqual Log Max Mean Min Mish Mod Mul Neg Not Or PRelu Pow "
            "Reciprocal Relu Round Selu Sigmoid Sign Sin Softplus Softsign Sqrt Sub Sum Tan Tanh "
            "ThresholdedRelu Where Xor"
        ),
        along(-1): "Softmax LogSoftmax Hardmax LayerNormalization RMSNormalization TopK",
        along(0): "ArgMax ArgMin Split",
        joined(0): "Concat GatherElements ScatterElements",
        last_axes: "Trilu",
        transpose: "Transpose",
        merged: "Gemm BatchNormalization",
        matmul: "MatMul",
        einsum: "Einsum",
        shape_of: "Shape",
        with_axes: "Unsqueeze Squeeze",
        reduction: (
            "ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin "
            "ReduceProd ReduceSum ReduceSumSquare"
        ),
        reshape: "Reshape",
        expand: "Expand",
        tile: "Tile",
        pad: "Pad",
        part: "Slice",
        cumulative: "CumSum",
        gather: "Gather",
        gather_nd: "GatherND",
        scatter_nd: "ScatterND",
    }
)
