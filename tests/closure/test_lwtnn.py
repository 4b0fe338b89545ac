"""lwtnn networks against outside referees: stored DeepCSV scores, correctionlib's own lwtnn."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import awkward as ak
import correctionlib
import numpy as np
import onnxruntime
import pytest
import uproot

from lepid.convert import lwtnn
from lepid.taggers.graph import layered
from lepid.taggers.graph.layers import Layered

SLOW = runpy.run_path(str(Path(__file__).resolve().parent.parent / "slow_lwtnn.py"))
pytestmark = pytest.mark.real


def run(network: Layered, **fed: Any) -> dict[str, Any]:
    session = onnxruntime.InferenceSession(
        layered.build(network), providers=["CPUExecutionProvider"]
    )
    names = [output.name for output in session.get_outputs()]
    given = {name: np.asarray(value, np.float32) for name, value in fed.items()}
    return dict(zip(names, session.run(names, given), strict=True))


def test_deepcsv_of_stored_features(real_data: Path) -> None:
    network = lwtnn.read(real_data / "models" / "lwtnn" / "cms_DeepCSV_PhaseI.json")
    oracle = np.load(real_data / "oracles" / "pfnano_deepcsv.npz")
    valid = oracle["valid"]
    assert valid.sum() == 51
    names = [variable.name for variable in network.inputs[0].variables]
    assert names == oracle["feature_names"].tolist()
    found = np.stack(list(run(network, inputs=oracle["features"]).values()), axis=1)[valid]
    np.testing.assert_allclose(found, oracle["computed"][valid], rtol=0, atol=1e-6)
    # The file holds them in half precision.
    np.testing.assert_allclose(found, oracle["stored"][valid], rtol=0, atol=6e-4)


def test_the_sequential_example(real_data: Path) -> None:
    path = real_data / "models" / "lwtnn" / "lwtnn-examples_sequential_test_NN.json"
    data = json.loads(path.read_text())
    rows = np.random.default_rng(0).normal(size=(40, len(data["inputs"]))).astype(np.float32)
    (found,) = run(lwtnn.read(path), inputs=rows).values()
    expected = [SLOW["sequential"](data, row)[0] for row in rows.astype(float).tolist()]
    assert np.std(expected) > 1e-3
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-6)


def test_correctionlib_evaluates_the_same(real_data: Path) -> None:
    text = (real_data / "models" / "lwtnn" / "correctionlib_lwtnn_example.json").read_text()
    content = json.loads(text)
    node = content["corrections"][0]["data"]["content"]["content"]
    names = [entry["name"] for entry in node["opaque"]["inputs"]]
    found: dict[str, Any] = {}
    for i, label in enumerate(node["opaque"]["outputs"]):
        # The published formula mixes the outputs; each by itself is a stricter test.
        node["finalizer"] = {**node["finalizer"], "expression": "x", "variables": [label]}
        found[label] = correctionlib.CorrectionSet.from_string(json.dumps(content))
        assert list(found) == node["opaque"]["outputs"][: i + 1]
    rng = np.random.default_rng(0)
    given = {
        "pt": rng.uniform(5, 200, 200), "eta": rng.uniform(-2.5, 2.5, 200),
        "phi": rng.uniform(-3, 3, 200), "iso": rng.exponential(0.1, 200),
    }  # fmt: skip
    prepared = {
        **given, "pt": np.log10(np.maximum(given["pt"], 1e-4)),
        "iso": np.log10(np.maximum(given["iso"], 1e-6)),
    }  # fmt: skip
    rows = np.stack([prepared[name] for name in names], axis=1)
    scores = run(lwtnn.of(node["opaque"], "opaque"), inputs=rows)
    for label, corrections in found.items():
        (correction,) = corrections.values()
        arguments = [given[entry.name] for entry in correction.inputs]
        expected = correction.evaluate(*arguments)
        assert np.std(expected) > 1e-4
        np.testing.assert_allclose(scores[label], expected, rtol=0, atol=2e-6)


def test_deepcsv_of_the_jets_in_the_file(real_data: Path) -> None:
    network = lwtnn.read(real_data / "models" / "lwtnn" / "cms_DeepCSV_PhaseI.json")
    with uproot.open(real_data / "root" / "coffea_pfnano.root") as file:
        read = file["Events"].arrays(filter_name=["Jet_*"])
    jets = {name.removeprefix("Jet_"): ak.to_numpy(ak.flatten(read[name])) for name in read.fields}
    labels = {"probb": "btagDeepB_b", "probbb": "btagDeepB_bb", "probc": "btagDeepC"}
    evaluated = jets["btagDeepB_b"] >= 0
    assert evaluated.sum() == 51
    rows = np.stack([feature(v.name, v.default, jets) for v in network.inputs[0].variables], axis=1)
    found = run(network, inputs=rows[evaluated])
    for label, column in labels.items():
        # The file holds them in half precision.
        np.testing.assert_allclose(found[label], jets[column][evaluated], rtol=0, atol=6e-4)


def feature(name: str, default: float | None, jets: dict[str, Any]) -> Any:
    """One input of DeepCSV: raw pt, and the default where a jet has fewer tracks or no vertex."""
    if name == "jetPt":
        return jets["pt"] * (1 - jets["rawFactor"])
    if name == "jetAbsEta":
        return np.abs(jets["eta"])
    found = jets["DeepCSV_" + name.replace("trackJetDist_", "trackJetDistVal_")]
    number = "jetNTracksEtaRel" if "EtaRel" in name else "jetNSelectedTracks"
    track = int(name[-1]) if name[-2] == "_" else -1
    absent = (track >= jets[f"DeepCSV_{number}"]) | (found == -999)
    return np.where(absent, default, found)
