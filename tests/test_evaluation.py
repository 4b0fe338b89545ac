"""One tagger on flat columns: what counts as scored."""

from __future__ import annotations

import hashlib
from pathlib import Path

import awkward as ak
import numpy as np
import pytest
from onnx import TensorProto, helper

import lepid

CARD = """
tagger = "muon_log"
network = "one"
flavour = "muon"
description = "logarithm of pt - 30 GeV"
source = "ours"

[[outputs]]
name = "score"
node = "y"

[[networks]]
file = "network.onnx"
sha256 = "{sha256}"

[[networks.nodes]]
name = "x"
inputs = [{{ feature = "pt", unit = "GeV", mean = 30.0 }}]
"""


def muons(prompt: list[float], rest: list[float]) -> ak.Array:
    columns = {
        "pt": np.full(len(prompt), 30_000.0, np.float32),
        "PLIT_TPLTmu_pmuxpromp": np.array(prompt, np.float32),
        "PLIT_TPLTmu_pnpxall": np.array(rest, np.float32),
    }
    return ak.zip({"Muons": ak.unflatten(ak.zip(columns), [len(prompt)])}, depth_limit=1)


def test_an_undefined_discriminant_is_no_score_and_an_infinite_one_is() -> None:
    events = lepid.decorate(muons([0.0, 1.0, 0.0], [0.0, 0.0, 1.0]), "muon_plit")
    record = events["Muons"]["muon_plit"]
    assert record["scored"].to_list() == [[False, True, True]]
    assert np.isnan(record["discriminant"][0, 0])
    assert record["discriminant"][0, 1:].to_list() == [np.inf, -np.inf]
    assert record["R3PLITVeryLoose"].to_list() == [[False, True, False]]


def test_a_network_that_answers_nan_has_not_scored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 1]) for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node("Log", ["x"], ["y"])], "log", ends[:1], ends[1:])
    opset = [helper.make_opsetid("", 17)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=9).SerializeToString()
    folder = tmp_path / "muon_log" / "one"
    folder.mkdir(parents=True)
    (folder / "network.onnx").write_bytes(model)
    card = CARD.format(sha256=hashlib.sha256(model).hexdigest())
    (folder / "card.toml").write_text(card, encoding="utf-8")
    monkeypatch.setenv("LEPID_MODELS", str(tmp_path))
    events = ak.zip({"muons": ak.zip({"pt": [[20.0, 31.0]]})}, depth_limit=1)
    record = lepid.decorate(events, "muon_log", schema="plain")["muons"]["muon_log"]
    assert record["scored"].to_list() == [[False, True]]
    assert record["score"][0, 1] == 0.0
    assert np.isnan(record["score"][0, 0])


CHAIN = """
[[networks]]
file = "network.onnx"
sha256 = "{sha256}"

[[networks.nodes]]
name = "x"
inputs = [{{ feature = "pt", unit = "GeV", mean = 30.0 }}]

[[networks.gives]]
name = "logarithm"
node = "y"

[[networks]]
file = "network.onnx"
sha256 = "{sha256}"

[[networks.nodes]]
name = "x"
inputs = ["logarithm"]
"""


def test_what_a_network_gives_is_an_input_of_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 1]) for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node("Log", ["x"], ["y"])], "log", ends[:1], ends[1:])
    opset = [helper.make_opsetid("", 17)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=9).SerializeToString()
    folder = tmp_path / "muon_log" / "one"
    folder.mkdir(parents=True)
    (folder / "network.onnx").write_bytes(model)
    text = CARD.partition("[[networks]]")[0] + CHAIN
    (folder / "card.toml").write_text(text.format(sha256=hashlib.sha256(model).hexdigest()))
    monkeypatch.setenv("LEPID_MODELS", str(tmp_path))
    pt = np.array([30e3 + 1e3 * np.e, 29e3, 40e3, 30.5e3])
    events = ak.zip({"Muons": ak.unflatten(ak.zip({"pt": pt}), [4])}, depth_limit=1)
    record = lepid.decorate(events, "muon_log")["Muons"]["muon_log"]
    # The logarithm of a number below 0 is no input, and below 1 no score.
    assert record["scored"].to_list() == [[True, False, True, False]]
    np.testing.assert_allclose(record["score"][0, [0, 2]], [0.0, np.log(np.log(10))], atol=1e-6)
    assert "logarithm" not in record.fields
