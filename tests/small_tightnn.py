"""A small network in the call convention of TightNN, with random weights."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper

CARDS = Path(__file__).resolve().parent.parent / "models" / "muon_tightnn"
# Mean and width of inputs that are not about 0 and 1.
SCALES = {
    "author": (1.5, 1.5), "rhoPrime": (0.1, 0.2), "qOverPSignificance": (1, 1),
    "spectrometerFieldIntegral": (3, 2), "segmentDeltaEta": (-0.9, 0.2),
    "numberOfPixelHits": (4, 1), "innerLargeHits": (6, 5), "innerSmallHits": (6, 5),
}  # fmt: skip


def install(calibration: Path, network: str) -> Path:
    """Put a network where the card ``muon_tightnn@<network>`` looks for it; gives its path."""
    card = tomllib.loads((CARDS / network / "card.toml").read_text("utf-8"))
    (part,) = card["networks"]
    path = calibration / part["path"]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(model(part["nodes"][0]["inputs"]))
    return path


def weights(n_input: int) -> dict[str, np.ndarray]:
    """Weights of two layers, from the input to the sigmoid."""
    rng = np.random.default_rng(n_input)
    return {
        "w1": rng.normal(0, 0.5, (n_input, 8)), "b1": rng.normal(0, 0.3, 8),
        "w2": rng.normal(0, 0.7, (8, 1)), "b2": rng.normal(0, 0.3, 1),
    }  # fmt: skip


def scales(names: list[str]) -> np.ndarray:
    """Mean and width of each input, [2, n_input]."""
    return np.array([SCALES.get(name, (0, 1)) for name in names], float).T


def model(names: list[str]) -> bytes:
    """``flatten_input`` [1, n] -> ``sequential`` [1, 1]: normalisation, ReLU layer, sigmoid."""
    n = len(names)
    mean, width = scales(names)
    stored = {**weights(n), "mean": mean, "width": width}
    steps = [
        ("Sub", ["flatten_input", "mean"], "shifted"), ("Div", ["shifted", "width"], "levels"),
        ("MatMul", ["levels", "w1"], "m1"), ("Add", ["m1", "b1"], "a1"), ("Relu", ["a1"], "h1"),
        ("MatMul", ["h1", "w2"], "m2"), ("Add", ["m2", "b2"], "a2"),
        ("Sigmoid", ["a2"], "sequential"),
    ]  # fmt: skip
    graph = helper.make_graph(
        [helper.make_node(kind, takes, [gives]) for kind, takes, gives in steps],
        "small",
        [helper.make_tensor_value_info("flatten_input", TensorProto.FLOAT, [1, n])],
        [helper.make_tensor_value_info("sequential", TensorProto.FLOAT, [1, 1])],
        [numpy_helper.from_array(v.astype(np.float32), name) for name, v in stored.items()],
    )
    opset = [helper.make_opsetid("", 17)]
    made: bytes = helper.make_model(graph, opset_imports=opset, ir_version=9).SerializeToString()
    return made


def answer(rows: np.ndarray, names: list[str]) -> np.ndarray:
    """What it says of rows [n, n_input], in plain numpy."""
    w = weights(len(names))
    mean, width = scales(names)
    hidden = np.maximum((rows - mean) / width @ w["w1"] + w["b1"], 0)
    found: np.ndarray = 1 / (1 + np.exp(-(hidden @ w["w2"] + w["b2"])[:, 0]))
    return found
