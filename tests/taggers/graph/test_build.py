"""Graphs that lepid builds, read back by onnx and run by onnxruntime."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest

from lepid.taggers.graph import build


@pytest.mark.parametrize("width", [1, 5])
@pytest.mark.parametrize("n", [0, 1, 7])
def test_identity_gives_back_what_it_takes(width: int, n: int) -> None:
    session = onnxruntime.InferenceSession(
        build.identity(width), providers=["CPUExecutionProvider"]
    )
    rows = np.random.default_rng(n).normal(size=(n, width)).astype(np.float32)
    (found,) = session.run(["y"], {"x": rows})
    np.testing.assert_array_equal(found, rows)


def test_a_graph_is_valid_and_old_enough_for_every_runtime() -> None:
    model = onnx.load_from_string(build.identity(3))
    onnx.checker.check_model(model, full_check=True)
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", build.OPSET)]
    assert model.ir_version == build.IR_VERSION
