"""importance(): a network of known weights, slow twins of what is dealt, the shipped ones."""

from __future__ import annotations

import hashlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import awkward as ak
import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper, save

import lepid
from lepid.analysis.importance import Deal, names, runs
from lepid.efficiency.roc.curves import roc
from lepid.errors import BadInput, UnknownName
from lepid.taggers import catalogue
from lepid.taggers.batching import Sequence

# A linear network of three columns; the last one does nothing.
WEIGHTS = (1.0, 0.4, 0.0)
CARD = """
tagger = "muon_line"
network = "one"
flavour = "muon"
description = "a line"
source = "ours"
outputs = [{{ name = "score", doc = "a line", node = "y", index = 0 }}]

[discriminants.discriminant]
kind = "score"
output = "score"

[[networks]]
file = "net.onnx"
sha256 = "{digest}"
nodes = [{{ name = "x", inputs = ["good", "poor", "noise"] }}]
"""
N_EVENT, PER_EVENT = 1500, 2


@pytest.fixture
def line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    folder = tmp_path / "models" / "muon_line" / "one"
    folder.mkdir(parents=True)
    weights = np.array(WEIGHTS, np.float32)[:, None]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", size])
            for name, size in (("x", 3), ("y", 1))]  # fmt: skip
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])], "line", ends[:1], ends[1:],
        [numpy_helper.from_array(weights, "w")],
    )  # fmt: skip
    opset = [helper.make_opsetid("", 17)]
    save(helper.make_model(graph, opset_imports=opset, ir_version=9), folder / "net.onnx")
    digest = hashlib.sha256((folder / "net.onnx").read_bytes()).hexdigest()
    (folder / "card.toml").write_text(CARD.format(digest=digest))
    monkeypatch.setenv("LEPID_MODELS", str(tmp_path / "models"))
    return "muon_line"


@pytest.fixture(scope="module")
def events() -> Any:
    rng = np.random.default_rng(5)
    n = N_EVENT * PER_EVENT
    prompt = rng.random(n) < 0.5
    muons = ak.zip({
        "pt": rng.uniform(2e4, 8e4, n), "eta": rng.uniform(-2.4, 2.4, n),
        "truthType": np.where(prompt, 6, 7), "truthOrigin": np.where(prompt, 12, 26),
        "good": rng.normal(prompt * 2.0, 1.0), "poor": rng.normal(prompt * 1.0, 1.0),
        "noise": rng.normal(size=n), "w": rng.uniform(0.5, 1.5, n),
    })  # fmt: skip
    return ak.zip({"Muons": ak.unflatten(muons, np.full(N_EVENT, PER_EVENT))}, depth_limit=1)


def slow_loss(events: Any, column: str, efficiency: float | None, repeat: int = 20) -> float:
    """Mean loss when one column is dealt out anew, with numpy alone."""
    muons = ak.flatten(events["Muons"])
    signal = ak.to_numpy(muons["truthType"]) == 6
    inputs = {name: ak.to_numpy(muons[name]) for name in ("good", "poor", "noise")}

    def measure(values: dict[str, Any]) -> float:
        score = sum(w * values[name] for w, name in zip(WEIGHTS, values, strict=True))
        if efficiency is None:
            return roc(score, signal).area.value
        cut = np.quantile(score[signal], 1.0 - efficiency)
        return -float((score[~signal] >= cut).mean())

    rng, losses = np.random.default_rng(9), []
    for _ in range(repeat):
        dealt = {**inputs, column: rng.permutation(inputs[column])}
        losses.append(measure(inputs) - measure(dealt))
    return float(np.mean(losses))


@pytest.mark.parametrize("efficiency", [None, 0.8])
def test_losses_are_those_of_dealing_out_the_columns(
    events: Any, line: str, efficiency: float | None
) -> None:
    done: list[int] = []
    area, found = lepid.importance(
        events, line, signal="PromptMuon", background="BHadronDecay",
        efficiency=efficiency, advance=done.append,
    )  # fmt: skip
    muons = lepid.decorate(events, line)["Muons"]
    score = ak.to_numpy(ak.flatten(muons["muon_line", "score"]))
    signal = ak.to_numpy(ak.flatten(muons["truthType"])) == 6
    assert area == roc(score, signal).area
    assert list(found) == ["good", "poor", "noise"]
    assert found["noise"] == (0.0, 0.0)
    for name in ("good", "poor"):
        assert 0.0 < found[name].error < 0.01
        expected = slow_loss(events, name, efficiency)
        assert found[name].loss == pytest.approx(expected, abs=5 * found[name].error)
    assert sum(done) == runs(line) == 1 + 5 * 3


def test_few_leptons_weights_and_senses(events: Any, line: str) -> None:
    options: dict[str, Any] = {"signal": "PromptMuon", "background": ["BHadronDecay"]}
    few, _ = lepid.importance(events, line, **options, most=400)
    whole, found = lepid.importance(events, line, **options)
    assert few.error == pytest.approx(whole.error * np.sqrt(3000 / 400), rel=0.2)
    weighted, _ = lepid.importance(events, line, **options, weight="Muons.w")
    assert weighted.value != whole.value
    assert weighted.value == pytest.approx(whole.value, abs=0.02)
    turned, lost = lepid.importance(events, line, **options, sense="<")
    assert turned.value == pytest.approx(1.0 - whole.value)
    assert lost["good"].loss == pytest.approx(-found["good"].loss)
    assert lepid.importance(events, line, **options) == (whole, found)


def test_dealt_sequences_are_those_of_plain_loops() -> None:
    rng = np.random.default_rng(2)
    lengths = np.array([3, 0, 2, 5, 1])
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    values = rng.normal(size=(11, 2)).astype(np.float32)
    sequence = Sequence(offsets, np.arange(11), values)
    rows = rng.normal(size=(5, 2)).astype(np.float32)
    entries = [SimpleNamespace(feature="a"), SimpleNamespace(feature="b")]
    network: Any = SimpleNamespace(nodes=[
        SimpleNamespace(name="own", per="lepton", inputs=entries),
        SimpleNamespace(name="tracks", per="track", inputs=entries),
    ])  # fmt: skip
    chosen = np.array([True, False, True, True, True, False, True])
    order = np.array([4.0, -1.0, 0.0, 3.0, 1.0, -1.0, 2.0])

    def dealt(*changed: str) -> Any:
        deal = Deal(dict.fromkeys(changed, order))
        return deal(network, {"own": rows}, {"tracks": sequence}, chosen)

    # 4 0 3 1 2: the second of the chosen comes first.
    places = [1, 3, 4, 2, 0]
    given, ragged = dealt("b")
    np.testing.assert_array_equal(given["own"][:, 0], rows[:, 0])
    np.testing.assert_array_equal(given["own"][:, 1], [rows[i, 1] for i in places])
    assert ragged["tracks"] is sequence
    given, ragged = dealt("tracks")
    np.testing.assert_array_equal(given["own"], rows)
    assert ragged["tracks"].lengths.tolist() == [lengths[i] for i in places]
    expected = [values[offsets[i] + k] for i in places for k in range(lengths[i])]
    np.testing.assert_array_equal(ragged["tracks"].values, expected)
    _, ragged = dealt("tracks.a")
    after = ragged["tracks"].values
    np.testing.assert_array_equal(after[:, 1], values[:, 1])
    assert sorted(after[:, 0]) == sorted(values[:, 0])
    assert (after[:, 0] != values[:, 0]).any()
    np.testing.assert_array_equal(ragged["tracks"].offsets, offsets)


def test_a_part_deals_among_its_own_leptons() -> None:
    rows = np.arange(3.0, dtype=np.float32)[:, None]
    network: Any = SimpleNamespace(nodes=[
        SimpleNamespace(name="x", per="lepton", inputs=[SimpleNamespace(feature="a")])
    ])  # fmt: skip
    deal = Deal({"a": np.array([2.0, 0.0, 1.0, 4.0, 3.0])})
    given, _ = deal(network, {"x": rows}, {}, np.array([True, False, True, True, False]))
    assert sorted(given["x"][:, 0]) == [0.0, 1.0, 2.0]


@pytest.mark.parametrize(
    ("tagger", "signal", "first"),
    [
        ("muon_plit@reference-run3", "PromptMuon", "track_features"),
        # The trees take the RNN's answer, which takes the tracks.
        ("muon_pliv@reference", "PromptMuon", "Trk_inputs"),
        ("electron_lh@reference", "IsoElectron", "deltaPhiRescaled2"),
    ],
)
def test_shipped_networks(reference_sample: Path, tagger: str, signal: str, first: str) -> None:
    events = lepid.open(reference_sample)
    area, found = lepid.importance(events, tagger, signal=signal, repeat=3)
    assert area.value > 0.85
    assert first in list(found)[:2]
    assert set(found) == set(names(catalogue.load(*tagger.split("@"))))
    losses = [worth.loss for worth in found.values()]
    assert losses == sorted(losses, reverse=True)
    assert losses[0] > 0.05
    sample = lepid.roc(lepid.decorate(events, tagger, source="network"), tagger, signal=signal)
    assert area == sample.curve().area


def test_errors(events: Any, line: str, reference_sample: Path) -> None:
    def call(tagger: str = line, signal: Any = "PromptMuon", **options: Any) -> Any:
        return lepid.importance(events, tagger, signal=signal, **options)

    with pytest.raises(UnknownName, match=r"signal class 'PromptMuo'(?s:.*)near: PromptMuon"):
        call(signal="PromptMuo")
    with pytest.raises(BadInput, match=r"PromptMuon is signal and background"):
        call(background="PromptMuon")
    with pytest.raises(BadInput, match=r"there is no signal"):
        call(signal=[])
    with pytest.raises(BadInput, match=r"no background leptons"):
        call(background="TauDecay")
    with pytest.raises(UnknownName, match=r"quantity 'scor'(?s:.*)near: score"):
        call(quantity="scor")
    with pytest.raises(UnknownName, match=r"sense '>='"):
        call(sense=">=")
    with pytest.raises(BadInput, match=r"repeat is 1"):
        call(repeat=1)
    with pytest.raises(BadInput, match=r"0 networks on this machine(?s:.*)muon_plit@reference"):
        call("muon_plit")
    with pytest.raises(BadInput, match=r"no electron collection"):
        call("electron_lh@reference")
    with pytest.raises(BadInput, match=r"several quantities(?s:.*)D_el"):
        lepid.importance(lepid.open(reference_sample), "electron_dnn@reference", signal="El",
                         scheme="dnn")  # fmt: skip
