"""What the tests of converters share: random lwtnn networks, their slow twin, files of Athena."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnxruntime
import pytest

from lepid.taggers.graph import layered
from lepid.taggers.graph.layers import Layered

HERE = Path(__file__).resolve().parent


@pytest.fixture(scope="session")
def slow() -> SimpleNamespace:
    """lwtnn in plain Python: `slow_lwtnn.py`."""
    return SimpleNamespace(**runpy.run_path(str(HERE.parent / "slow_lwtnn.py")))


@pytest.fixture(scope="session")
def evaluate() -> Callable[..., dict[str, Any]]:
    """Outputs by name of a network of layers, run by onnxruntime."""

    def run(network: Layered, **fed: Any) -> dict[str, Any]:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(
            layered.build(network), options, providers=["CPUExecutionProvider"]
        )
        names = [output.name for output in session.get_outputs()]
        given = {name: np.asarray(value, np.float32) for name, value in fed.items()}
        return dict(zip(names, session.run(names, given), strict=True))

    return run
