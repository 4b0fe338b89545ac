"""A card whose networks take the tracks around a lepton, from flat arrays to the result."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lepid.errors import BadInput, NetworkMismatch
from lepid.evaluation import WHERE, evaluate
from lepid.events import schema
from lepid.events.columns import Columns
from lepid.features import impact
from lepid.features.kernels.selection import HITS
from lepid.features.tracks import KINEMATICS
from lepid.taggers import plan, session
from lepid.taggers.batching import Sequence
from lepid.taggers.card_network import Node

pytestmark = pytest.mark.usefixtures("no_search_paths", "no_networks")

LENGTHS = np.array([3, 0, 1, 8, 2, 0, 5, 1])
N_LEPTON = len(LENGTHS)
ETA = np.array([0.1, -1.37, 2.4, -1.2, 1.5, 0.3, -2.6, 0.9], np.float32)

CARD = """
tagger = "mine"
network = "one"
flavour = "muon"
description = "d"
source = "ours"

[[outputs]]
name = "p"
node = "N_pprompt"

[[outputs]]
name = "q"
node = "N_pnpx"

[[outputs]]
name = "origin"
node = "N_TrackOrigin"
per = "track"

[discriminants.D]
kind = "log_ratio"
numerator = {{ p = "1" }}
denominator = {{ q = "1" }}
{networks}
"""
NETWORK = """
[[networks]]
file = "{file}"
sha256 = "{sha256}"
batched = false
abseta = [{low}, {high}]

[[networks.nodes]]
name = "jet_features"
inputs = [{{ feature = "pt", unit = "MeV" }}, "eta", "ratio"]

[[networks.nodes]]
name = "track_features"
per = "track"
inputs = ["a", "b", "c", "d"]
"""
PARTS = {"barrel.onnx": (0.0, 1.37), "endcap.onnx": (1.37, 2.5)}


@pytest.fixture
def made(tmp_path: Path, salt_like: Any, monkeypatch: pytest.MonkeyPatch) -> plan.Plan:
    """Plan of a card with two networks, below LEPID_MODELS."""
    monkeypatch.setenv("LEPID_MODELS", str(tmp_path))
    folder, parts = tmp_path / "mine" / "one", []
    for scale, (file, (low, high)) in enumerate(PARTS.items(), start=1):
        net = salt_like(folder / file, scale=float(scale))
        parts.append(NETWORK.format(file=file, sha256=net.sha256, low=low, high=high))
    (folder / "card.toml").write_text(CARD.format(networks="".join(parts)), encoding="utf-8")
    return make()


def make(format: str = "physlite") -> plan.Plan:
    known = schema.load(format)
    tracks = {*KINEMATICS, *HITS, *impact.STORED, "a", "b", "c", "d"}
    muons = ["pt", "eta", "phi", "ratio", "muonType", "inDetTrackParticleLink"]
    there = {"Muons": muons, "InDetTrackParticles": sorted(tracks)}
    return plan.make("mine@one", "auto", Columns(known, "Muons", there), fractions={})


def columns() -> dict[str, Any]:
    rng = np.random.default_rng(1)
    return {
        "pt": rng.uniform(10, 90, N_LEPTON).astype(np.float32),
        "eta": ETA,
        "ratio": rng.uniform(0, 0.2, N_LEPTON).astype(np.float32),
    }


def tracks() -> Sequence:
    offsets = np.concatenate([[0], np.cumsum(LENGTHS)])
    size = (int(offsets[-1]), 4)
    values = np.random.default_rng(2).normal(size=size) * [1e-5, 1, 2, 0.1]
    return Sequence(offsets, np.arange(size[0])[::-1] + 100, values.astype(np.float32))


def around(whole: Sequence) -> Any:
    """Association that knows the tracks already."""

    def associate(node: Node, leptons: Any) -> Sequence:
        assert node.name == "track_features"
        chosen = np.zeros(N_LEPTON, bool)
        chosen[leptons] = True
        return whole.of(chosen)

    return associate


def run(made: plan.Plan, found: Any = None, **more: Any) -> dict[str, Any]:
    known = schema.load("plain")
    return evaluate(made, known, "muons", {**columns(), **more}, around(found or tracks()))


def own_answers(made: plan.Plan) -> dict[str, Any]:
    """What the files themselves say, one call per lepton."""
    rows, sequence = columns(), tracks()
    found: dict[str, Any] = {"p": [], "q": [], "origin": []}
    loaded = [session.load(Path(p).read_bytes(), "x", "cpu", 1) for _, p, _ in made.networks]
    for i, (low, high) in enumerate(zip(sequence.offsets, sequence.offsets[1:], strict=False)):
        jet = np.array([[rows["pt"][i] * 1000, ETA[i], rows["ratio"][i]]], np.float32)
        fed = {"jet_features": jet, "track_features": sequence.values[low:high]}
        part = 0 if abs(ETA[i]) < 1.37 else 1 if abs(ETA[i]) < 2.5 else None
        if part is None:
            found["p"].append(np.nan)
            found["q"].append(np.nan)
            found["origin"].append([])
            continue
        p, q, origin = loaded[part].run(["N_pprompt", "N_pnpx", "N_TrackOrigin"], fed)
        found["p"].append(p)
        found["q"].append(q)
        found["origin"].append(origin.tolist() if high > low else [])
    return found


def jagged(sequence: Sequence, values: Any) -> list[list[Any]]:
    pairs = zip(sequence.offsets, sequence.offsets[1:], strict=False)
    return [values[low:high].tolist() for low, high in pairs]


def test_each_lepton_gets_what_the_network_of_its_eta_says(made: plan.Plan) -> None:
    assert made.reasons == ()
    found, right = run(made), own_answers(made)
    np.testing.assert_allclose(found["p"], right["p"], rtol=0, atol=1e-6)
    np.testing.assert_allclose(found["q"], right["q"], rtol=0, atol=1e-6)
    assert found["scored"].tolist() == (np.abs(ETA) < 2.5).tolist()
    np.testing.assert_allclose(found["D"], np.log(np.divide(right["p"], right["q"])), atol=1e-5)


def test_numbers_per_track_come_with_their_tracks(made: plan.Plan) -> None:
    found, right, whole = run(made)["origin"], own_answers(made)["origin"], tracks()
    assert jagged(found, found.values) == right
    known = np.abs(ETA) < 2.5
    rows = [r if k else [] for r, k in zip(jagged(whole, whole.rows), known, strict=True)]
    assert jagged(found, found.rows) == rows
    assert found.values.dtype == np.int32


def test_leptons_that_nobody_asked_for_are_not_associated(made: plan.Plan) -> None:
    where = np.arange(N_LEPTON) % 2 == 0
    found, whole = run(made, **{WHERE: where}), run(made)
    assert found["scored"].tolist() == (where & (np.abs(ETA) < 2.5)).tolist()
    np.testing.assert_array_equal(found["p"][found["scored"]], whole["p"][found["scored"]])
    assert np.isnan(found["p"][~found["scored"]]).all()
    assert found["origin"].lengths[~where].tolist() == [0] * (N_LEPTON // 2)


def test_one_track_that_is_not_finite_spoils_its_lepton_alone(made: plan.Plan) -> None:
    broken = tracks()
    broken.values[broken.offsets[3] + 2, 1] = np.nan
    found, whole = run(made, broken), run(made)
    assert found["scored"].tolist() == [*whole["scored"][:3], False, *whole["scored"][4:]]
    assert np.isnan(found["p"][3])
    assert found["origin"].lengths[3] == 0
    for name in ("p", "q", "D"):
        np.testing.assert_array_equal(np.delete(found[name], 3), np.delete(whole[name], 3))


def test_no_leptons(made: plan.Plan) -> None:
    none = {name: values[:0] for name, values in columns().items()}
    empty = Sequence(np.zeros(1, np.int64), np.zeros(0, np.int64), np.zeros((0, 4), np.float32))
    found = evaluate(made, schema.load("plain"), "muons", none, lambda *_: empty)
    assert {name: len(found[name]) for name in ("p", "q", "D", "scored")} == dict.fromkeys(
        ("p", "q", "D", "scored"), 0
    )
    assert found["origin"].offsets.tolist() == [0]
    assert found["origin"].values.dtype == np.int32


@pytest.mark.parametrize("parallel", [1, 2])
def test_settings_change_no_score(made: plan.Plan, parallel: int) -> None:
    whole = run(made)
    with session.settings(provider="cpu", threads=2, parallel=parallel):
        found = run(make())
    np.testing.assert_allclose(found["p"], whole["p"], rtol=0, atol=1e-6)


def test_tracks_that_nobody_associates(made: plan.Plan) -> None:
    with pytest.raises(BadInput, match=r"one row per track \(track_features\), and there are none"):
        evaluate(made, schema.load("plain"), "muons", columns())
    with pytest.raises(BadInput, match="the format 'nanoaod' has none"):
        make("nanoaod")


def test_a_network_that_takes_one_lepton_per_call_is_said_once(
    made: plan.Plan, salt_like: Any, tmp_path: Path
) -> None:
    file = tmp_path / "mine" / "one" / "barrel.onnx"
    classes = "classes = Softmax <axis = -1> ("
    net = salt_like(file, change=(f"{classes}logits)", f"o = Sub (logits, logits)\n{classes}o)"))
    card = file.with_name("card.toml")
    old = made.networks[0][2]
    card.write_text(card.read_text("utf-8").replace(old, net.sha256), encoding="utf-8")
    again = make()
    assert len(again.reasons) == 1
    assert "barrel.onnx takes one lepton per call" in again.reasons[0]
    found, right = run(again), own_answers(again)
    np.testing.assert_allclose(found["p"], right["p"], rtol=0, atol=1e-6)


def test_a_file_that_is_no_network(made: plan.Plan, tmp_path: Path) -> None:
    file = tmp_path / "mine" / "one" / "endcap.onnx"
    file.write_bytes(file.read_bytes()[:100])
    card = file.with_name("card.toml")
    text = card.read_text("utf-8")
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    card.write_text(text.replace(made.networks[1][2], digest), encoding="utf-8")
    with pytest.raises(NetworkMismatch, match="onnxruntime cannot load it"):
        make()
