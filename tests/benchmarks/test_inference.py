"""Ragged inference against what one would write without lepid, in one run and on one thread."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper, numpy_helper

from lepid.taggers import batching, inference, twin
from lepid.taggers.batching import Sequence
from lepid.taggers.card import Card
from lepid.taggers.session import Settings

N_PACKED, N_LEPTON, N_PADDED, LONGEST = 200_000, 5_000, 512, 40
PADDED_BATCH = 256
N_INPUT, N_LEPTON_INPUT = 19, 2
SCORES = ("GN2_pb", "GN2_pc", "GN2_pu", "GN2_ptaus")
# Sizes of the products that the network consists of: rows, columns in, columns out.
SHAPES = ((512, 256, 768), (512, 256, 256), (512, 256, 512), (1024, 1024, 1024))


def processor_seconds(*functions: Callable[[], Any], repeat: int = 5) -> list[float]:
    """Best processor time of each, taken in turns.

    On one thread that is the time on a machine that does nothing else; a busy one adds waiting.
    """
    best = [float("inf")] * len(functions)
    for _ in range(repeat):
        for i, function in enumerate(functions):
            start = time.process_time()
            function()
            best[i] = min(best[i], time.process_time() - start)
    return best


def multiplicities(n_lepton: int) -> Any:
    """Tracks around leptons of top pairs: about 6.5 in the mean, up to 47."""
    rng = np.random.default_rng(7)
    return np.minimum(rng.negative_binomial(1.6, 1.6 / (1.6 + 6.5), n_lepton), 47)


def tracks(n_lepton: int) -> Sequence:
    lengths = multiplicities(n_lepton)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    size = (int(offsets[-1]), N_INPUT)
    values = np.random.default_rng(8).normal(1, 1, size).astype(np.float32)
    return Sequence(offsets, np.arange(size[0]), values)


def test_packing_tracks(benchmark: Any, row: Callable[..., None]) -> None:
    whole = tracks(N_PACKED)
    columns = [np.ascontiguousarray(column) for column in whole.values.T]
    jagged = [ak.unflatten(ak.Array(column), whole.lengths) for column in columns]

    def own() -> Any:
        made = Sequence(whole.offsets, whole.rows, batching.rows(columns))
        return [made.packed(b, 0) for b in batching.batches([made.offsets], N_PACKED)]

    def padded() -> Any:
        each = [
            ak.to_numpy(ak.fill_none(ak.pad_none(column, LONGEST, axis=1, clip=True), 0))
            for column in jagged
        ]
        return np.stack(each, axis=2)

    benchmark.pedantic(own, rounds=1, warmup_rounds=1)
    (mine,), (rival,) = processor_seconds(own, repeat=5), processor_seconds(padded, repeat=2)
    assert sum(batch.shape[0] * batch.shape[1] for batch in own()) == len(whole.values)
    row("packing, 200k leptons", f"awkward, padded to {LONGEST}", mine, rival, ">= 30")


def single_session(model: bytes) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def card() -> Card:
    return Card.model_validate(
        {"tagger": "mine", "network": "salt", "flavour": "muon", "description": "d",
         "source": "s", "outputs": [{"name": n.lower(), "node": n} for n in SCORES],
         "networks": [{"path": "n.onnx", "batched": False, "nodes": [
             {"name": "jet_features", "inputs": ["pt", "eta"]},
             {"name": "track_features", "per": "track",
              "inputs": [f"t{i}" for i in range(N_INPUT)]}]}]}
    )  # fmt: skip


def operations(model: bytes) -> Callable[[int], int]:
    """Function: number of tracks -> operations in the matrix products of one call."""
    graph = onnx.load_from_string(model)
    products = [node for node in graph.graph.node if node.op_type in ("MatMul", "Gemm")]
    stored = {value.name for value in (*graph.graph.initializer, *graph.graph.input)}
    names = {name for node in products for name in (node.input[0], node.output[0])} - stored
    del graph.graph.output[:]
    graph.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in names)
    whole = onnxruntime.InferenceSession(
        graph.SerializeToString(), providers=["CPUExecutionProvider"]
    )

    def count(length: int) -> int:
        fed = {
            "jet_features": np.zeros((1, N_LEPTON_INPUT), np.float32),
            "track_features": np.zeros((length, N_INPUT), np.float32),
        }
        found = dict(zip(names, whole.run(list(names), fed), strict=True))
        inner = {node.output[0]: found[node.input[0]].shape[-1] for node in products}
        return sum(2 * found[name].size * size for name, size in inner.items())

    return count


def product(shape: tuple[int, int, int]) -> tuple[Callable[[], Any], int]:
    """One product of matrices in onnxruntime, and its operations."""
    n_row, n_in, n_out = shape
    rng = np.random.default_rng(0)
    weights = numpy_helper.from_array(rng.normal(size=(n_in, n_out)).astype(np.float32), "w")
    ends = [helper.make_tensor_value_info(n, 1, [None, k]) for n, k in (("x", n_in), ("y", n_out))]
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])], "g", ends[:1], ends[1:], [weights]
    )
    opset = [helper.make_opsetid("", 17)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=9).SerializeToString()
    loaded, rows = single_session(model), rng.normal(size=(n_row, n_in)).astype(np.float32)
    return lambda: loaded.run(None, {"x": rows}), 2 * n_row * n_in * n_out


@pytest.mark.real
def test_a_transformer_on_ragged_tracks(
    real_data: Path, benchmark: Any, row: Callable[..., None]
) -> None:
    path = real_data / "models" / "salt" / "gn2_global_outputs.onnx"
    model, whole, made = path.read_bytes(), tracks(N_LEPTON), card()
    jets = np.random.default_rng(9).normal(1, 1, (N_LEPTON, N_LEPTON_INPUT)).astype(np.float32)
    digest = hashlib.sha256(model).hexdigest()
    network = twin.get(path, digest, made, made.networks[0], Settings("cpu", 1))
    assert network.takes == "objects"
    nodes, single = made.networks[0].nodes, single_session(model)

    def own() -> Any:
        rows, sequences = {"jet_features": jets}, {"track_features": whole}
        return inference.run(network, made.outputs, nodes, rows, sequences)

    def one_by_one() -> Any:
        fed = (
            {"jet_features": jets[i : i + 1], "track_features": whole.values[low:high]}
            for i, (low, high) in enumerate(pairwise(whole.offsets))
        )
        return np.array([single.run(list(SCORES), one) for one in fed])

    def padded() -> Any:
        # Timing only: the graph does not mask what is padded.
        some = np.zeros((N_PADDED, LONGEST, N_INPUT), np.float32)
        for i in range(0, N_PADDED, PADDED_BATCH):
            part = slice(i, i + PADDED_BATCH)
            fed = {"jet_features": jets[:N_PADDED][part, None], "track_features": some[part]}
            network.session.run(list(SCORES), fed)

    found, right = own(), one_by_one()
    for i, name in enumerate(SCORES):
        np.testing.assert_allclose(found[name.lower()], right[:, i], rtol=0, atol=1e-5)
    benchmark.pedantic(own, rounds=1)
    products = [product(shape) for shape in SHAPES]
    repeated = [lambda f=f: [f() for _ in range(10)] for f, _ in products]
    mine, loop, wide, *times = processor_seconds(own, one_by_one, padded, *repeated, repeat=3)
    rate = max(10 * n / t for (_, n), t in zip(products, times, strict=True))
    count = operations(model)
    lengths, leptons = np.unique(whole.lengths, return_counts=True)
    total = sum(count(int(n)) * int(k) for n, k in zip(lengths, leptons, strict=True))
    work = f"GN2, {N_LEPTON} leptons, {whole.lengths.mean():.1f} tracks"
    row(work, "one session.run per lepton", mine, loop, ">= 2.5")
    row(
        work,
        f"padded to {LONGEST}, {PADDED_BATCH} at once",
        mine,
        wide * N_LEPTON / N_PADDED,
        ">= 8",
    )
    limit = f"its arithmetic at {rate / 1e9:.0f} GFLOP/s"
    row(work, limit, mine, total / rate, f">= {1 / 1.3:.2f}")
