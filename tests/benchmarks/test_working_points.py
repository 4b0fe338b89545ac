"""Working points and networks against what one would write without lepid, in the same run."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import correctionlib
import numpy as np
import onnxruntime
import pytest
from onnx import helper, numpy_helper

from lepid.taggers import inference, session
from lepid.taggers.card import Card
from lepid.working_points import table as working_points

TABLE = (
    Path(__file__).resolve().parent.parent.parent
    / "wp_tables" / "muon_plit" / "atlas-2025-04-25-run3.json"
)  # fmt: skip
N_MUON, N_LEPTON, N_INPUT, N_HIDDEN, N_CLASS = 1_000_000, 5_000, 24, 256, 6


def numpy_points(pt: Any, score: Any) -> dict[str, Any]:
    """The same five points with searchsorted, the numbers taken out of the file beforehand."""
    table = working_points.read(TABLE)
    decided = {}
    for point in table.points:
        entry = next(c for c in table.tables._content["corrections"] if c["name"] == point)
        edges = np.array([float(edge) for edge in entry["data"]["edges"][1:-1]])
        numbers = []
        for content in entry["data"]["content"]:
            text = str(content["expression"]) if isinstance(content, dict) else str(content)
            constant, _, slope = text.partition("+(")
            numbers.append((float(constant), float(slope.removesuffix(")*x") or 0)))
        offset, slope = np.array(numbers).T
        segment = np.searchsorted(edges, pt, side="right")
        decided[point] = score > offset[segment] + slope[segment] * pt
    return decided


@pytest.fixture(scope="module")
def muons() -> tuple[Any, Any]:
    rng = np.random.default_rng(1)
    return rng.uniform(3e3, 2e5, N_MUON), rng.normal(4, 2, N_MUON)


def test_five_plit_points_of_a_million_muons(
    benchmark: Any,
    compare: Callable[..., None],
    seconds: Callable[..., float],
    muons: tuple[Any, Any],
) -> None:
    pt, score = muons
    table = working_points.read(TABLE)
    plain = correctionlib.CorrectionSet.from_file(str(TABLE))

    def with_correctionlib() -> dict[str, Any]:
        return {point: score > plain[point].evaluate(pt) for point in table.points}

    decided = benchmark.pedantic(
        lambda: table.decide({"discriminant": score}, {"pt": pt}), rounds=5, warmup_rounds=1
    )
    for rival in (with_correctionlib, lambda: numpy_points(pt, score)):
        for point, passed in rival().items():
            np.testing.assert_array_equal(decided[point], passed)
    compare("plain correctionlib, one call per point", seconds(with_correctionlib))
    compare("numpy searchsorted", seconds(lambda: numpy_points(pt, score)))


def mlp(path: Path) -> Path:
    """24-5x256-6 with leaky ReLU and softmax, random weights."""
    rng = np.random.default_rng(2)
    sizes = [N_INPUT, *[N_HIDDEN] * 5, N_CLASS]
    nodes, weights, last = [], [], "x"
    for i, (left, right) in enumerate(pairwise(sizes)):
        scale = np.float32(np.sqrt(2 / left))
        values = {
            f"w{i}": rng.normal(size=(left, right)).astype(np.float32) * scale,
            f"b{i}": rng.normal(size=right).astype(np.float32),
        }
        weights += [numpy_helper.from_array(v, name) for name, v in values.items()]
        nodes.append(helper.make_node("Gemm", [last, f"w{i}", f"b{i}"], [f"h{i}"]))
        kind = "LeakyRelu" if right == N_HIDDEN else "Softmax"
        last = f"a{i}" if right == N_HIDDEN else "y"
        nodes.append(helper.make_node(kind, [f"h{i}"], [last]))
    ends = [
        helper.make_tensor_value_info(name, 1, ["n", width])
        for name, width in (("x", N_INPUT), ("y", N_CLASS))
    ]
    graph = helper.make_graph(nodes, "mlp", ends[:1], ends[1:], weights)
    opset = [helper.make_opsetid("", 17)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=9)
    path.write_bytes(model.SerializeToString())
    return path


def card() -> Card:
    inputs = [f"i{i}" for i in range(N_INPUT)]
    return Card.model_validate(
        {"tagger": "mlp", "network": "one", "flavour": "electron", "description": "d",
         "source": "ours",
         "outputs": [{"name": f"p{i}", "node": "y", "index": i} for i in range(N_CLASS)],
         "networks": [{"path": "net.onnx", "nodes": [{"name": "x", "inputs": inputs}]}]}
    )  # fmt: skip


def test_a_batched_mlp_against_one_call_per_lepton(
    benchmark: Any, compare: Callable[..., None], seconds: Callable[..., float], tmp_path: Path
) -> None:
    path = mlp(tmp_path / "net.onnx")
    loaded, _ = session.get(path, "benchmark", session.Settings("cpu", 1))
    network, made = inference.Network(loaded, "leptons", "benchmark"), card()
    rows = np.random.default_rng(3).normal(size=(N_LEPTON, N_INPUT)).astype(np.float32)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    single = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def one_by_one() -> Any:
        return np.concatenate([single.run(["y"], {"x": row[None]})[0] for row in rows])

    scores = benchmark.pedantic(
        lambda: inference.run(network, made.outputs, made.networks[0].nodes, {"x": rows}, {}),
        rounds=5,
        warmup_rounds=1,
    )
    whole = np.stack([scores[f"p{i}"] for i in range(N_CLASS)], axis=1)
    np.testing.assert_allclose(whole, one_by_one(), rtol=1e-4, atol=1e-6)
    compare("one call per lepton", seconds(one_by_one, 2))
