"""Genuine exports of Salt, batched, against the files themselves, one call per lepton."""

from __future__ import annotations

import hashlib
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper, numpy_helper

from lepid.taggers import inference, twin
from lepid.taggers.batching import Sequence
from lepid.taggers.card import Card
from lepid.taggers.graph import trial
from lepid.taggers.session import Settings

pytestmark = [pytest.mark.real, pytest.mark.usefixtures("no_search_paths")]

SCORES = ["GN2_pb", "GN2_pc", "GN2_pu", "GN2_ptaus"]
PER_TRACK = ["GN2_TrackOrigin", "GN2_VertexIndex"]
LENGTHS = [0, 1, 2, 5, 17, 40, 3, 0, 5, 2, 40, 7]
EDGE_BIAS = "model.tasks.2.net.net.6.bias"
EDGES = "/model/tasks.2/net/net/net.6/Gemm_output_0"


def card(per_track: list[str]) -> Card:
    outputs = [{"name": n.lower(), "node": n} for n in SCORES]
    outputs += [{"name": n.lower(), "node": n, "per": "track"} for n in per_track]
    return Card.model_validate(
        {"tagger": "mine", "network": "salt", "flavour": "muon", "description": "d",
         "source": "s", "outputs": outputs,
         "networks": [{"path": "n.onnx", "batched": False, "nodes": [
             {"name": "jet_features", "inputs": ["pt", "eta"]},
             {"name": "track_features", "per": "track",
              "inputs": [f"t{i}" for i in range(19)]}]}]}
    )  # fmt: skip


def leptons(path: Path, lengths: list[int], seed: int = 11) -> tuple[dict[str, Any], Sequence]:
    rng = np.random.default_rng(seed)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    expected = trial.scales(path.read_bytes())
    values = {
        name: (mean + std * rng.normal(size=size)).astype(np.float32)
        for (name, (mean, std)), size in zip(
            expected.items(), [(len(lengths), 2), (int(offsets[-1]), 19)], strict=True
        )
    }
    tracks = Sequence(offsets, np.arange(offsets[-1]), values.pop("track_features"))
    return values, tracks


def one_by_one(path: Path, nodes: list[str], rows: dict[str, Any], tracks: Sequence) -> Any:
    loaded = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    found: dict[str, list[Any]] = {node: [] for node in nodes}
    for i, (low, high) in enumerate(pairwise(tracks.offsets)):
        fed = {"jet_features": rows["jet_features"][i : i + 1]}
        fed["track_features"] = tracks.values[low:high]
        for node, answer in zip(nodes, loaded.run(nodes, fed), strict=True):
            found[node] += np.ravel(answer).tolist()
    return {node: np.array(values) for node, values in found.items()}


def run(path: Path, per_track: list[str], rows: Any, tracks: Sequence, **options: Any) -> Any:
    made = card(per_track)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    network = twin.get(path, digest, made, made.networks[0], Settings("cpu", 1))
    assert (network.takes, network.slow) == ("objects", "")
    nodes = made.networks[0].nodes
    return inference.run(network, made.outputs, nodes, rows, {"track_features": tracks}, **options)


@pytest.fixture(params=["gn2_global_outputs", "gn2_with_track_outputs"])
def path(request: pytest.FixtureRequest, real_data: Path) -> Path:
    return Path(real_data / "models" / "salt" / f"{request.param}.onnx")


@pytest.mark.parametrize("tokens", [1, 50, 1024])
def test_scores_of_leptons_with_any_number_of_tracks(path: Path, tokens: int) -> None:
    rows, tracks = leptons(path, LENGTHS)
    right = one_by_one(path, SCORES, rows, tracks)
    found = run(path, [], rows, tracks, tokens=tokens)
    for name in SCORES:
        np.testing.assert_allclose(found[name.lower()], right[name], rtol=0, atol=1e-6)
        assert right[name].std() > 1e-4


def test_numbers_per_track(real_data: Path) -> None:
    path = real_data / "models" / "salt" / "gn2_with_track_outputs.onnx"
    rows, tracks = leptons(path, LENGTHS)
    right = one_by_one(path, SCORES + PER_TRACK, rows, tracks)
    found = run(path, PER_TRACK, rows, tracks)
    for name in PER_TRACK:
        np.testing.assert_array_equal(found[name.lower()], right[name])
    for name in SCORES:
        np.testing.assert_allclose(found[name.lower()], right[name], rtol=0, atol=1e-6)
    assert np.ptp(right["GN2_pb"]) > 1e-4


def test_vertices_where_some_tracks_share_one(real_data: Path, tmp_path: Path) -> None:
    # The file is hardly trained and puts all edges on one side of the cut: other weights do not.
    original = real_data / "models" / "salt" / "gn2_with_track_outputs.onnx"
    weights = trial.with_random_weights(original.read_bytes(), np.random.default_rng(4))
    model = onnx.load_from_string(weights)
    rows, tracks = leptons(original, [0, 1, 2, 3, 5, 17])
    (bias,) = [t for t in model.graph.initializer if t.name == EDGE_BIAS]
    model.graph.output.append(helper.make_empty_tensor_value_info(EDGES))
    path = tmp_path / "n.onnx"
    onnx.save(model, path)
    edges = one_by_one(path, [EDGES], rows, tracks)[EDGES][-17 * 16 :]
    cut = numpy_helper.to_array(bias) - np.quantile(edges, 0.85).astype(np.float32)
    bias.CopyFrom(numpy_helper.from_array(cut, EDGE_BIAS))
    model.graph.output.pop()
    onnx.save(model, path)
    right = one_by_one(path, PER_TRACK, rows, tracks)["GN2_VertexIndex"]
    found = run(path, PER_TRACK, rows, tracks)
    np.testing.assert_array_equal(found["gn2_vertexindex"], right)
    assert 1 < len(set(right[-17:])) < 16


def test_order_and_neighbours_move_no_score(path: Path) -> None:
    rows, tracks = leptons(path, LENGTHS)
    whole = run(path, [], rows, tracks)
    rng = np.random.default_rng(0)
    order = rng.permutation(len(LENGTHS))
    places = np.concatenate(
        [tracks.offsets[i] + rng.permutation(tracks.lengths[i]) for i in order]
    ).astype(int)
    offsets = np.concatenate([[0], np.cumsum(tracks.lengths[order])])
    mixed = Sequence(offsets, tracks.rows[places], tracks.values[places])
    found = run(path, [], {"jet_features": rows["jet_features"][order]}, mixed, at_once=2)
    for name, values in whole.items():
        np.testing.assert_allclose(found[name], values[order], rtol=0, atol=1e-6)
