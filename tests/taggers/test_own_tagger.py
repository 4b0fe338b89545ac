"""A tagger of one's own: a folder with a card, a network and a table, through `lepid.decorate`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest

import lepid
from lepid.tables import correction
from lepid.working_points import table as working_points
from lepid.working_points.cuts import binned
from lepid.working_points.table import Binding, Range, Requirement, Rules

pytestmark = pytest.mark.usefixtures("no_search_paths")

CARD = """
tagger = "muon_mine"
network = "v1"
flavour = "muon"
description = "a tagger of a test"
source = "ours"
working_points = ["points.json"]

[[outputs]]
name = "good"
node = "y"
index = 0

[[outputs]]
name = "bad"
node = "y"
index = 1

[fractions]
abseta_edges = [1.0, 2.5]
values = { f = [0.25, 0.5] }

[discriminants.D]
kind = "ratio"
numerator = { good = "1 - f" }
denominator = { bad = "f" }

[discriminants.plain]
kind = "score"
output = "good"

[[networks]]
file = "net.onnx"
sha256 = "SHA"
abseta = [0.0, 2.4]

[[networks.nodes]]
name = "x"
inputs = [
    { feature = "pt", unit = "GeV", mean = 30.0, std = 20.0 },
    "abseta",
    { feature = "d0", unit = "mm", default = 0.0, default_source = "ours" },
]
"""
CUTS = [[0.5, -1.0], [2.0, 0.25]]


@pytest.fixture
def weights(tmp_path: Path, tiny_network: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("LEPID_MODELS", str(tmp_path))
    folder = tmp_path / "muon_mine" / "v1"
    net = tiny_network(folder / "net.onnx", width=3, outputs=2)
    (folder / "card.toml").write_text(CARD.replace("SHA", net.sha256))
    inputs = {"pt": "momentum [GeV]", "abseta": "|eta|"}
    data = binned([0, 20, 1000], [0, 1.2, 2.5], CUTS, names=("pt", "abseta"))
    rules = Rules(
        tagger="muon_mine",
        points={"Mine": (Requirement(correction="Mine", quantity="D", sense=">"),)},
        inputs={"pt": "pt", "abseta": "abseta"},
        range=(Range(feature="pt", unit="GeV", low=5.0, high=500.0),),
        bound_to=Binding(sha256=(net.sha256,)),
    )
    corrections = [correction("Mine", "cut on D", inputs, ("cut", "cut"), data)]
    working_points.write(folder / "points.json", "my points", rules, corrections)
    return net.weights


def slow(mu: dict[str, float], weights: Any, mev: bool) -> dict[str, Any]:
    """One muon: inputs, network, discriminants, point."""
    nan = {"good": np.nan, "bad": np.nan, "D": np.nan, "plain": np.nan}
    unscored = nan | {"Mine": False, "scored": False}
    pt = mu["pt"] / 1000 if mev else mu["pt"]
    eta = abs(mu["eta"])
    if not (np.isfinite(pt) and eta < 2.4 and 5 <= pt <= 500):
        return unscored
    d0 = mu["d0"] if np.isfinite(mu["d0"]) else 0.0
    row = np.array([(pt - 30) / 20, eta, d0], np.float32)
    good, bad = (row @ weights).tolist()
    f = 0.25 if eta < 1.0 else 0.5
    above, below = (1 - f) * good, f * bad
    ratio = above / below if below else np.copysign(np.inf, above) if above else np.nan
    cut = CUTS[0 if pt < 20 else 1][0 if eta < 1.2 else 1]
    return {
        "good": good,
        "bad": bad,
        "D": ratio,
        "plain": good,
        "Mine": ratio > cut,
        "scored": True,
    }


def events(mev: bool, n: int = 400) -> tuple[ak.Array, list[dict[str, float]]]:
    rng = np.random.default_rng(3)
    scale = 1000 if mev else 1
    mus = {
        "pt": scale * np.where(rng.random(n) < 0.3, rng.choice([3, 5, 20, 500, 501], n),
                               rng.uniform(3, 100, n)),
        "eta": np.where(rng.random(n) < 0.3, rng.choice([1.0, 1.2, -2.4, 2.45], n),
                        rng.uniform(-2.6, 2.6, n)),
        "d0": rng.normal(0, 1, n),
    }  # fmt: skip
    mus["pt"][:3] = [np.nan, np.inf, 40 * scale]
    mus["eta"][3:5] = [np.nan, np.inf]
    mus["d0"][5:7] = [np.nan, np.inf]
    name = "Muons" if mev else "muons"
    rows = [dict(zip(mus, values, strict=True)) for values in zip(*mus.values(), strict=True)]
    return ak.Array({name: ak.unflatten(ak.Array(mus), np.tile([0, 3, 1], n // 4))}), rows


@pytest.mark.parametrize("mev", [True, False], ids=["MeV", "GeV"])
def test_against_one_muon_at_a_time(weights: Any, mev: bool) -> None:
    sample, rows = events(mev)
    found = lepid.decorate(sample, "muon_mine", schema=None if mev else "plain")
    record = ak.flatten(found["Muons" if mev else "muons"]["muon_mine"])
    assert record.fields == ["good", "bad", "D", "plain", "Mine", "scored"]
    expected = [slow(row, weights, mev) for row in rows]
    for field in ("Mine", "scored"):
        assert record[field].tolist() == [e[field] for e in expected]
    for field in ("good", "bad", "D", "plain"):
        values = np.array([e[field] for e in expected])
        np.testing.assert_allclose(ak.to_numpy(record[field]), values, rtol=1e-3, atol=1e-4)
    assert 0 < sum(e["Mine"] for e in expected) < sum(e["scored"] for e in expected) < len(rows)


def test_it_is_listed_and_runs_unnamed(weights: Any) -> None:
    assert "muon_mine" in lepid.list_taggers()
    sample, _ = events(True)
    found = lepid.decorate(sample)
    facts = found.attrs["lepid"]["muon_mine"]
    assert facts["card"] == "muon_mine@v1"
    assert facts["working_points"] == ["Mine"]
    assert "muon_mine" in found["Muons"].fields


def test_fractions_of_the_caller_replace_those_of_the_card(weights: Any) -> None:
    sample, _ = events(True)
    found = lepid.decorate(sample, "muon_mine", fractions={"muon_mine": {"f": 0.5}})
    record = ak.flatten(found["Muons"]["muon_mine"])
    scored = ak.to_numpy(record["scored"])
    good, bad, ratio = (ak.to_numpy(record[name])[scored] for name in ("good", "bad", "D"))
    np.testing.assert_allclose(ratio, good.astype(float) / bad, rtol=1e-12)


def test_a_shifted_pt_moves_the_decision_and_not_the_score(weights: Any) -> None:
    sample, rows = events(True)
    found = lepid.decorate(sample, "muon_mine")
    shifted = lepid.decide(found, "muon_mine", pt=sample["Muons"]["pt"] * 1.5)
    before, after = (ak.flatten(r) for r in (found["Muons"]["muon_mine"], shifted))
    both = ak.to_numpy(before["scored"] & after["scored"])
    assert before["D"][both].tolist() == after["D"][both].tolist()
    for i in np.flatnonzero(both):
        pt, eta = rows[i]["pt"] * 1.5 / 1000, abs(rows[i]["eta"])
        cut = CUTS[0 if pt < 20 else 1][0 if eta < 1.2 else 1]
        assert after["Mine"][i] == (before["D"][i] > cut)
    assert (before["Mine"][both] != after["Mine"][both]).to_numpy().any()
