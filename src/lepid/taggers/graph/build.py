"""Builds ONNX graphs."""

from __future__ import annotations

from onnx import TensorProto, helper

# Those of Salt; every onnxruntime from 1.20 on reads them.
OPSET, IR_VERSION = 20, 9


def identity(width: int) -> bytes:
    """Network that gives back its input ``x`` [n, `width`] as ``y``, serialised."""
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", width]) for name in ("x", "y")
    ]
    node = helper.make_node("Identity", ["x"], ["y"])
    graph = helper.make_graph([node], "identity", ends[:1], ends[1:])
    opset = [helper.make_opsetid("", OPSET)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=IR_VERSION)
    serialised: bytes = model.SerializeToString()
    return serialised
