"""Each operator with a batch axis against the same operator on one object after another."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import onnxruntime
import pytest
from onnx import parser

from lepid.taggers.graph import rules, vectorise

# `a` float [n, 3] and `b` float [2, 3] differ between the objects; the rest does not. `i` is
# int64 [n], one of 0, 1, 2.
HEAD = (
    '<ir_version: 9, opset_import: ["": {opset}]>\n'
    "one (float[n,3] a, float[2,3] b, int64[n] i) => (float y) {{\n"
    "  zero = Constant <value_ints = [0]> ()\n  one_ = Constant <value_ints = [1]> ()\n"
    "  last = Constant <value_ints = [-1]> ()\n  s0 = Constant <value_int = 0> ()\n"
    "  w = Constant <value = float[3,2] {{1, 2, -1, 0.5, 3, -2}}> ()\n"
    "  v = Constant <value = float[3] {{1, -2, 0.5}}> ()\n"
    "  g = Constant <value = float[2] {{0.5, 2}}> ()\n"
    "{body}\n}}"
)
CASES = {
    "Add, shorter operand": "f = ReduceMax <keepdims = 0> (a, zero)\n y = Add (a, f)",
    "Add, longer shared operand": (
        "k = Constant <value_ints = [2, 1, 3]> ()\n c = ConstantOfShape (k)\n y = Add (c, b)"
    ),
    "Where": "m = Less (a, v)\n y = Where (m, a, v)",
    "Clip, no minimum": "x = Constant <value_float = 0.1> ()\n y = Clip (a, , x)",
    "Max of three": "f = ReduceMin <keepdims = 0> (a, zero)\n y = Max (a, f, v)",
    "PRelu": "y = PRelu (a, v)",
    "Softmax, axis": "y = Softmax <axis = 0> (a)",
    "Softmax, last": "y = Softmax (a)",
    "LogSoftmax": "y = LogSoftmax <axis = 1> (a)",
    "Hardmax": "y = Hardmax (b)",
    "LayerNormalization": "y = LayerNormalization (a, v, v)",
    "LayerNormalization, axis": "y = LayerNormalization <axis = 1> (a, v)",
    "TopK": "k, j = TopK <axis = 1> (a, one_)\n y = Identity (k)",
    "ArgMax": "j = ArgMax (b)\n y = Cast <to = 1> (j)",
    "ArgMin, axis": "j = ArgMin <axis = 1> (a)\n y = Cast <to = 1> (j)",
    "Split": "y, z = Split <axis = 0, num_outputs = 2> (b)",
    "Split, sizes": (
        "k = Constant <value_ints = [1, 2]> ()\n z, y = Split <axis = -1> (a, k)"
    ),
    "Concat": "y = Concat <axis = 0> (a, b, a)",
    "Concat with a shared value": "k = Transpose (w)\n y = Concat <axis = 0> (a, k)",
    "GatherElements": (
        "k = Constant <value = int64[2,3] {0, 1, 0, 1, 1, 0}> ()\n y = GatherElements (b, k)"
    ),
    "ScatterElements": (
        "k = Constant <value = int64[2,3] {0, 1, 0, 1, 0, 1}> ()\n"
        " y = ScatterElements (b, k, b)"
    ),
    "Trilu": "y = Trilu (b)",
    "Transpose": "y = Transpose (a)",
    "Transpose, perm": "u = Unsqueeze (a, zero)\n y = Transpose <perm = [1, 2, 0]> (u)",
    "Gemm": "y = Gemm (a, w, g)",
    "Gemm, transB": "x = Transpose (w)\n y = Gemm <transB = 1, alpha = 2.0> (a, x)",
    "BatchNormalization": (
        "p = Constant <value = float[3] {1, 2, 3}> ()\n y = BatchNormalization (a, v, v, v, p)"
    ),
    "MatMul": "y = MatMul (a, w)",
    "MatMul, both": "t = Transpose (a)\n y = MatMul (b, t)",
    "MatMul, both, more axes": (
        "t = Transpose (a)\n u = Unsqueeze (b, zero)\n y = MatMul (u, t)"
    ),
    "MatMul, shared on the left": "y = MatMul (w, b)",
    "MatMul, vector": "y = MatMul (a, v)",
    "Einsum": 'y = Einsum <equation = "ij,kj->ik"> (a, b)',
    "Einsum, shared": 'y = Einsum <equation = "ij, jk -> ki"> (a, w)',
    "Shape": "k = Shape (a)\n c = ConstantOfShape (k)\n y = Sub (c, a)",
    "Shape, start": (
        "two = Constant <value_ints = [2]> ()\n k = Shape <start = -1> (a)\n"
        " k2 = Concat <axis = 0> (two, k)\n y = Expand (b, k2)"
    ),
    "Shape, end": (
        "k = Shape <end = 1> (a)\n f = ConstantOfShape <value = float[1] {1}> (k)\n"
        " s = ReduceSum <keepdims = 0> (f)\n y = Add (b, s)"
    ),
    "Unsqueeze": "y = Unsqueeze (a, one_)",
    "Unsqueeze, last": "y = Unsqueeze (a, last)",
    "Squeeze": "u = Unsqueeze (a, zero)\n y = Squeeze (u, zero)",
    "Squeeze, no axes": "u = Unsqueeze (b, zero)\n y = Squeeze (u)",
    "ReduceSum": "y = ReduceSum (a, zero)",
    "ReduceSum, all": "y = ReduceSum <keepdims = 0> (a)",
    "ReduceSum, none": "y = ReduceSum <noop_with_empty_axes = 1> (a)",
    "ReduceMean": "y = ReduceMean <keepdims = 0> (a, last)",
    "ReduceMax, all": "y = ReduceMax (a)",
    "Reshape": "k = Constant <value_ints = [-1]> ()\n y = Reshape (a, k)",
    "Reshape, 0": "k = Constant <value_ints = [0, 3, 1]> ()\n y = Reshape (a, k)",
    "Reshape, computed": (
        "k = Shape (a)\n k1 = Concat <axis = 0> (one_, k)\n y = Reshape (a, k1)"
    ),
    "Reshape, allowzero": "k = Shape (a)\n y = Reshape <allowzero = 1> (a, k)",
    "Reshape, allowzero, fixed": (
        "k = Constant <value_ints = [3, -1]> ()\n y = Reshape <allowzero = 1> (b, k)"
    ),
    "Expand": "k = Constant <value_ints = [4, 1, 1]> ()\n y = Expand (a, k)",
    "Expand, fewer": "y = Expand (b, one_)",
    "Tile": "k = Constant <value_ints = [2, 1]> ()\n y = Tile (a, k)",
    "Tile, computed": "k = Shape <start = 1> (a)\n k2 = Concat <axis = 0> (k, one_)\n"
    " y = Tile (b, k2)",
    "Pad": "k = Constant <value_ints = [1, 0, 0, 2]> ()\n y = Pad (a, k)",
    "Pad, axes": (
        "k = Constant <value_ints = [1, 2]> ()\n x = Constant <value_float = 7.0> ()\n"
        " y = Pad (a, k, x, one_)"
    ),
    "Slice": "y = Slice (a, one_, last, one_)",
    "Slice, no axes": "y = Slice (b, zero, one_)",
    "Slice, steps": "m = Constant <value_ints = [-9]> ()\n y = Slice (a, last, m, zero, last)",
    "CumSum": "y = CumSum (a, s0)",
    "CumSum, last": "m = Constant <value_int = -1> ()\n y = CumSum (a, m)",
    "Gather": "y = Gather <axis = 1> (a, zero)",
    "Gather, last": "y = Gather <axis = -1> (b, s0)",
    "Gather, own places in own values": "t = Transpose (b)\n y = Gather (t, i)",
    "Gather, own places in shared values": "y = Gather (w, i)",
    "GatherND": "k = Constant <value = int64[3,2] {0, 1, 1, 2, 0, 0}> ()\n y = GatherND (b, k)",
    "ScatterND": (
        "k = Constant <value = int64[1,1] {1}> ()\n x = Slice (b, zero, one_, zero)\n"
        " y = ScatterND (b, k, x)"
    ),
    "ScatterND into a shared value": (
        "k = Constant <value = int64[1,1] {1}> ()\n x = Slice (b, zero, one_, zero)\n"
        " c = Transpose (w)\n y = ScatterND (c, k, x)"
    ),
}  # fmt: skip

BLOCKED = {
    "NonZero": ("k = NonZero (a)\n y = Cast <to = 1> (k)", "NonZero works on one object"),
    "Gather along another axis": (
        "y = Gather <axis = 1> (b, i)", "Gather by an index that differs"
    ),
    "Reshape to own sizes": ("y = Reshape (a, i)", "Reshape takes 'i', which differs"),
    "MatMul by own vector": (
        "f = ReduceMax <keepdims = 0> (a, zero)\n y = MatMul (b, f)", "a vector that differs"
    ),
    "Gemm, transA": ("x = Transpose (b)\n y = Gemm <transA = 1> (b, b)", "Gemm takes 'b'"),
    "Gemm, transA, shared": (
        "k = Constant <value = float[2,2] {1, 2, 3, 4}> ()\n y = Gemm <transA = 1> (b, k)",
        "transposes its rows",
    ),
    "Gemm, bias by row": (
        "k = Constant <value = float[2,2] {1, 2, 3, 4}> ()\n y = Gemm (b, w, k)",
        "differs between its rows",
    ),
    "Einsum without result": ('y = Einsum <equation = "ij,kj"> (a, b)', "its result"),
    "Squeeze of what is not known": ("y = Squeeze (a)", "axes that are not known"),
    "after such an operator": (
        "k = NonZero (a)\n c = Cast <to = 1> (k)\n y = Relu (c)", "NonZero works on one object"
    ),
    "the same for all": ("y = Identity (w)", "is the same for every object"),
}  # fmt: skip


def model(body: str, opset: int = 20) -> bytes:
    parsed = parser.parse_model(HEAD.format(opset=opset, body=body))
    # The shape of the result is for onnx to find.
    parsed.graph.output[0].type.tensor_type.ClearField("shape")
    return bytes(parsed.SerializeToString())


def objects(n_object: int, n: int) -> dict[str, Any]:
    rng = np.random.default_rng(n_object + n)
    return {
        "a": rng.normal(size=(n_object, n, 3)).astype(np.float32),
        "b": rng.normal(size=(n_object, 2, 3)).astype(np.float32),
        "i": rng.integers(0, 3, (n_object, n)),
    }


def run(network: bytes, fed: dict[str, Any]) -> Any:
    session = onnxruntime.InferenceSession(network, providers=["CPUExecutionProvider"])
    takes = {value.name for value in session.get_inputs()}
    return session.run(["y"], {name: value for name, value in fed.items() if name in takes})[0]


def compare(network: bytes, n_object: int, n: int) -> None:
    batched = vectorise.vectorise(network, ["y"])
    assert not batched.left
    fed = objects(n_object, n)
    one_by_one = [
        run(network, {name: value[k] for name, value in fed.items()}) for k in range(n_object)
    ]
    found = run(batched.model, fed)
    assert found.shape == (n_object, *one_by_one[0].shape)
    np.testing.assert_allclose(found, np.stack(one_by_one), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(("n_object", "n"), [(1, 2), (3, 4), (4, 1)])
def test_an_operator_with_a_batch_axis(case: str, n_object: int, n: int) -> None:
    compare(model(CASES[case]), n_object, n)


FLOATS = (
    "Abs Atan Ceil Celu Cos Elu Erf Exp Floor Gelu HardSigmoid HardSwish Identity LeakyRelu Mish "
    "Neg Reciprocal Relu Round Selu Sigmoid Sign Sin Softplus Softsign Tan Tanh ThresholdedRelu "
    "Dropout"
)
PAIRS = "Add Sub Mul Div Max Min Mean Sum Pow Mod"
TESTS = "Equal Greater GreaterOrEqual Less LessOrEqual"
REDUCTIONS = (
    "ReduceL1 ReduceL2 ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum "
    "ReduceSumSquare"
)


@pytest.mark.parametrize("op", FLOATS.split())
def test_a_function_of_one_number(op: str) -> None:
    compare(model(f"y = {op} (a)"), 3, 4)


@pytest.mark.parametrize("op", PAIRS.split())
def test_a_function_of_two_numbers(op: str) -> None:
    attribute = "<fmod = 1> " if op == "Mod" else ""
    body = f"p = Exp (a)\n q = Exp (b)\n r = ReduceMax <keepdims = 0> (q, zero)\n y = {op} "
    compare(model(f"{body}{attribute}(p, r)"), 3, 4)


@pytest.mark.parametrize("op", TESTS.split())
def test_a_comparison(op: str) -> None:
    body = f"r = ReduceMax <keepdims = 0> (b, zero)\n m = {op} (a, r)\n n_ = Not (m)\n"
    compare(model(f"{body} o = Or (m, n_)\n x = Xor (o, n_)\n y = Cast <to = 1> (x)"), 3, 4)


@pytest.mark.parametrize("op", REDUCTIONS.split())
@pytest.mark.parametrize("opset", [17, 18, 20])
def test_a_reduction_in_both_spellings(op: str, opset: int) -> None:
    spelt = f"y = {op} <axes = [0]> (a)" if opset < 18 else f"y = {op} (a, zero)"
    compare(model(f"y = {op} (a, zero)" if op == "ReduceSum" else spelt, opset), 3, 4)


@pytest.mark.parametrize("case", BLOCKED)
def test_what_stops_the_rewriting(case: str) -> None:
    body, reason = BLOCKED[case]
    found = vectorise.vectorise(model(body), ["y"])
    assert reason in found.left["y"]
    assert found.outputs == ()


def test_every_rule_has_a_case() -> None:
    bodies = itertools.chain(CASES.values(), (body for body, _ in BLOCKED.values()))
    text = " ".join([*bodies, FLOATS, PAIRS, TESTS, REDUCTIONS, "Not Or Xor"])
    tested = set(text.replace("(", " ").split())
    # They differ from those that are tested by what they compute alone.
    same = {
        "Acos", "And", "BitShift", "CastLike", "IsInf", "IsNaN", "Log", "ReduceLogSum", "Sqrt",
        "RMSNormalization",
    }  # fmt: skip
    assert set(rules.RULES) - tested == same
    by_rule: dict[Any, set[str]] = {}
    for op, rule in rules.RULES.items():
        by_rule.setdefault(rule, set()).add(op)
    assert all(ops & tested for ops in by_rule.values())


def test_old_operators_are_left_alone() -> None:
    found = vectorise.vectorise(model("y = Relu (a)", opset=14), ["y"])
    assert "opset 14 is older than 15" in found.left["y"]


def test_an_operator_of_another_domain_is_left_alone() -> None:
    parsed = parser.parse_model(
        '<ir_version: 9, opset_import: ["": 20, "mine": 1]>\n'
        "one (float[n,3] a) => (float y) { y = mine.Relu (a) }"
    )
    found = vectorise.vectorise(bytes(parsed.SerializeToString()), ["y"])
    assert "Relu works on one object at a time" in found.left["y"]


def test_functions_of_a_model_are_written_out() -> None:
    text = (
        '<ir_version: 9, opset_import: ["": 20, "own": 1]>\n'
        "one (float[n,3] a, float[2,3] b, int64[n] i) => (float y) { y = own.twice (a) }\n"
        '<domain: "own", opset_import: ["": 20]> twice (x) => (z) { z = Add (x, x) }'
    )
    parsed = parser.parse_model(text)
    parsed.graph.output[0].type.tensor_type.ClearField("shape")
    compare(bytes(parsed.SerializeToString()), 3, 2)
