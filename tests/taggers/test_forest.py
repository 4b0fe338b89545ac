"""Forests: thresholds in float32, the file, the answers in place of a session."""

from __future__ import annotations

import hashlib
import runpy
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lepid.errors import BadFile, NetworkMismatch
from lepid.features.kernels.forest import Tree
from lepid.taggers import forest as forests
from lepid.taggers import inference, session, twin
from lepid.taggers.card import Card
from lepid.taggers.forest import TRANSFORMS, Forest, below

ONNX_OF = runpy.run_path(str(Path(__file__).parents[1] / "tree_ensemble.py"))["onnx_of"]
STUMP = Tree(
    np.array([0, -1, -1]), np.float32([1, 0, 0]), np.array([1, 0, 0]), np.array([2, 0, 0]),
    np.array([True, False, False]), np.array([0.0, -2.0, 3.0]),
)  # fmt: skip
FOREST = Forest(("pt", "eta"), (STUMP, STUMP), (0, 1), (0.5, 0.0), 2.0, "softmax", "float32")


@given(st.floats(width=32, allow_nan=False), st.floats(allow_nan=False), st.booleans())
def test_one_rule_for_float32(x: float, threshold: float, or_equal: bool) -> None:
    if or_equal and threshold == np.inf:
        return
    found = below(np.array([threshold]), or_equal=or_equal)[0]
    assert (np.float32(x) < found) == (x <= threshold if or_equal else x < threshold)


@given(st.floats(width=32, allow_nan=False, allow_infinity=False), st.booleans())
def test_thresholds_next_to_a_float32(x: float, or_equal: bool) -> None:
    for threshold in (x, np.nextafter(x, np.inf), np.nextafter(x, -np.inf)):
        found = below(np.array([threshold]), or_equal=or_equal)[0]
        assert (np.float32(x) < found) == (x <= threshold if or_equal else x < threshold)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("identity", [[-800.0, 0.5]]),
        ("logistic", [[0.0, 1 / (1 + np.exp(-0.5))]]),
        ("softmax", [[0.0, 1.0]]),
        ("tanh", [[-1.0, 2 / (1 + np.exp(-1.0)) - 1]]),
    ],
)
def test_transforms(name: str, expected: object) -> None:
    found = TRANSFORMS[name](np.array([[-800.0, 0.5]]))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-15)
    assert set(TRANSFORMS) == {"identity", "logistic", "softmax", "tanh"}


def test_scores() -> None:
    rows = np.float32([[0.5, 9], [1.0, 9]])
    np.testing.assert_array_equal(FOREST.margins(rows), np.float32([[-1.5, -2], [3.5, 3]]))
    e = np.exp([[-3, -4], [7, 6]])
    np.testing.assert_allclose(FOREST.evaluate(rows), e / e.sum(1, keepdims=True), rtol=1e-12)


def test_the_file(tmp_path: Path) -> None:
    path = tmp_path / "forest.npz"
    path.write_bytes(forests.write(FOREST))
    assert path.read_bytes() == forests.write(FOREST)
    found = forests.read(path)
    for name in ("inputs", "group", "base", "scale", "transform", "sums"):
        assert getattr(found, name) == getattr(FOREST, name), name
    for own, other in zip(FOREST.trees, found.trees, strict=True):
        for column, again in zip(own, other, strict=True):
            np.testing.assert_array_equal(column, again)
            assert again.dtype == column.dtype or again.dtype.kind == column.dtype.kind


def test_other_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "forest.npz"
    with pytest.raises(BadFile, match="not a forest"):
        forests.read(path)
    path.write_bytes(b"no zip")
    with pytest.raises(BadFile, match="not a forest") as error:
        forests.read(path)
    assert "lepid convert" in error.value.do
    np.savez(path, a=np.zeros(1))
    with pytest.raises(BadFile, match="not a forest"):
        forests.read(path)
    monkeypatch.setattr(forests, "FORMAT", 2)
    path.write_bytes(forests.write(FOREST))
    monkeypatch.undo()
    with pytest.raises(BadFile, match="another version"):
        forests.read(path)


def card(path: Path, **changes: object) -> Card:
    output = [{"name": f"p{i}", "node": "scores", "index": i} for i in range(2)]
    node = {"name": "inputs", "inputs": ["pt", "abseta"], **changes}
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Card.model_validate(
        {
            "tagger": "muon_mine", "network": "trees", "flavour": "muon", "description": "trees",
            "source": "ours", "outputs": output,
            "networks": [{"file": path.name, "sha256": digest, "nodes": [node]}],
        }
    )  # fmt: skip


def test_it_runs_as_the_network_of_a_card(tmp_path: Path) -> None:
    path = tmp_path / "forest.npz"
    path.write_bytes(forests.write(FOREST))
    own = card(path)
    network = own.networks[0]
    assert network.forest
    ready = twin.get(path, network.sha256, own, network, session.Settings("cpu", 1))
    assert ready.provider == "cpu"
    rows = np.random.default_rng(0).normal(1, 1, (9000, 2)).astype(np.float32)
    found = inference.run(ready, own.outputs, network.nodes, {"inputs": rows}, {}, at_once=2)
    expected = FOREST.evaluate(rows).astype(np.float32)
    np.testing.assert_array_equal(np.stack([found["p0"], found["p1"]], 1), expected)


def test_a_card_that_does_not_fit(tmp_path: Path) -> None:
    path = tmp_path / "forest.npz"
    path.write_bytes(forests.write(FOREST))
    own = card(path, inputs=["pt", "abseta", "phi"])
    with pytest.raises(NetworkMismatch, match="3 inputs") as error:
        twin.get(path, own.networks[0].sha256, own, own.networks[0], session.Settings("cpu", 1))
    assert "takes 2" in str(error.value)


@pytest.mark.parametrize("transform", ["identity", "logistic", "softmax"])
def test_trees_in_onnx_run_in_an_ordinary_session(transform: str, tmp_path: Path) -> None:
    other = STUMP._replace(feature=np.array([1, -1, -1]), nan_left=np.zeros(3, bool))
    forest = Forest(
        FOREST.inputs, (STUMP, other, STUMP), (0, 1, 0), (0.5, -1.0), 1.0, transform, "float32"
    )  # type: ignore[arg-type]
    path = tmp_path / "trees.onnx"
    path.write_bytes(ONNX_OF(forest))
    own = card(path, inputs=[{"feature": name, "nan": True} for name in ("pt", "abseta")])
    network = own.networks[0]
    assert not network.forest
    ready = twin.get(path, network.sha256, own, network, session.Settings("cpu", 1))
    edges = np.float32([1, np.nextafter(1, 0, dtype=np.float32), np.nan, -np.inf, 0, 3])
    rows = np.stack(np.meshgrid(edges, edges), axis=-1).reshape(-1, 2)
    found = inference.run(ready, own.outputs, network.nodes, {"inputs": rows}, {})
    scores = np.stack([found["p0"], found["p1"]], 1)
    np.testing.assert_allclose(scores, forest.evaluate(rows), rtol=0, atol=1e-6)
    assert len(np.unique(scores, axis=0)) == 4
    assert type(ready.session).__module__.startswith("onnxruntime")
