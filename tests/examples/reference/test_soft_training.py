"""Training of soft-lepton trees: leptons, weights, cuts, a whole training on toys."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest

pytest.importorskip("xgboost", reason="xgboost makes the trees (lepid[reference])")

from training.soft import export, inputs, results, runs
from training.soft.inputs import FLAVOURS, HEAVY, INPUTS, LIGHT, Leptons

import lepid
from lepid.efficiency.truth_codes import IFF
from lepid.taggers import card_file
from lepid.taggers.card import Card
from lepid.working_points import grid, table

COLLECTION = {"muon": "Muons", "electron": "Electrons"}


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_leptons_of_the_sample(flavour: str, reference_sample: Path) -> None:
    """The selection again, from what an analyst sees."""
    events = lepid.open(reference_sample)
    found = inputs.of_events(events, flavour)
    leptons, near = events[COLLECTION[flavour]], lepid.associate(events, COLLECTION[flavour])
    truth = lepid.truth(events, COLLECTION[flavour], "iff")
    good = (near.index >= 0) & (near.ptrel <= 5000) & (abs(leptons.eta) <= 2.5) & (truth > 1)
    good = good & (leptons.pt <= 5e5) & (leptons.pt >= (2000 if flavour == "muon" else 1000))
    if flavour == "muon":
        good = good & (leptons.muonType == 0) & ((leptons.quality & 7) <= 2)
    n = ak.sum(good)
    # Tracks and clusters have conditions too.
    assert 0.6 * n < len(found.inputs) <= n
    place = list(INPUTS[flavour])
    for column, name in (("jet_ptrel", "ptrel"), ("jet_dr", "dr"), ("pt", None)):
        unit = 1 if name == "dr" else 1000
        all_of_them = ak.flatten((near[name] if name else leptons.pt)[good]) / unit
        there = np.asarray(all_of_them, np.float32)
        assert np.isin(found.inputs[:, place.index(column)], there).mean() > 0.99
    assert set(np.unique(found.columns["split"])) <= {0, 1, 2}
    assert np.isfinite(found.inputs).all()


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_a_file_and_back(flavour: str, reference_sample: Path, tmp_path: Path) -> None:
    path = tmp_path / flavour / "ttbar_allhad" / "000.npz"
    inputs.gather(reference_sample, flavour, path)
    expected = inputs.of_events(lepid.open(reference_sample), flavour)
    again = inputs.load(tmp_path, flavour)
    np.testing.assert_array_equal(again.inputs, expected.inputs)
    assert all((again.columns[n] == expected.columns[n]).all() for n in expected.columns)


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_the_draft_is_a_card(flavour: str) -> None:
    card = Card.model_validate(inputs.draft(flavour))
    assert card.tagger == f"{flavour}_softbdt"
    assert card.reference
    assert [o.name for o in card.outputs] == ["p_HF"]
    assert len(card.networks[0].nodes[0].inputs) == len(INPUTS[flavour])


def toys(n: int, seed: int = 1, flavour: str = "muon") -> Leptons:
    """Heavy leptons have a larger first and fourth input; light ones a softer spectrum."""
    rng = np.random.default_rng(seed)
    heavy = rng.random(n) < 0.5
    iff = np.where(heavy, rng.choice(HEAVY, n), IFF.LightFlavorDecay)
    iff[rng.random(n) < 0.05] = IFF.PromptMuon
    rows = rng.normal(size=(n, len(INPUTS[flavour]))).astype(np.float32)
    rows[:, 3] += heavy
    rows[:, 5] += 2 * heavy
    pt = 2 + rng.exponential(np.where(heavy, 10, 5), n)
    rows[:, 0] = pt
    columns = {
        "pt": pt, "eta": rng.uniform(-2.5, 2.5, n), "iff": iff,
        "weight": np.where(heavy, 1.0, rng.uniform(0, 1, n)), "split": rng.integers(0, 3, n),
    }  # fmt: skip
    return Leptons(rows, columns)


def test_weights_make_both_kinds_alike() -> None:
    some = toys(20_000)
    some = some.of(some.among(*HEAVY, *LIGHT))
    found, heavy = runs.weights(some), some.among(*HEAVY)
    assert found[heavy].sum() == pytest.approx(found[~heavy].sum())
    assert found.mean() == pytest.approx(1.0)
    assert found[heavy].std() < 1e-12
    for low, high in ((2, 3), (5, 6.5), (14, 20)):
        here = (some.columns["pt"] >= low) & (some.columns["pt"] < high)
        assert found[here & heavy].sum() == pytest.approx(found[here & ~heavy].sum(), rel=0.02)
    light = np.flatnonzero(~heavy & (some.columns["pt"] < 3))
    ratio = found[light] / some.columns["weight"][light]
    assert ratio == pytest.approx(ratio[0])


def test_rivals_take_parts_of_the_inputs() -> None:
    for flavour in FLAVOURS:
        names = list(INPUTS[flavour])
        jets, lepton = ([names[i] for i in rival.places(names)] for rival in runs.RIVALS)
        assert jets == ["pt", "abseta", "jet_dr", "jet_ptrel", "jet_ptfrac"]
        assert set(jets) & set(lepton) == {"pt", "abseta"}
        assert set(jets) | set(lepton) == set(names)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training on toys, of both flavours."""
    output: Path = tmp_path_factory.mktemp("soft")
    quick = pytest.MonkeyPatch()
    quick.setattr(runs, "ROUNDS", 15)
    for flavour in FLAVOURS:
        whole = toys(6000, flavour=flavour)
        path = output / "gathered" / flavour / "ttbar_allhad" / "000.npz"
        path.parent.mkdir(parents=True)
        np.savez(path, inputs=whole.inputs, **whole.columns)
        runs.train(flavour, output / "gathered", output)
    quick.undo()
    results.write(output / "gathered", output)
    return output


def test_what_is_trained_is_a_tagger(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEPID_MODELS", str(trained / "networks"))
    for flavour in FLAVOURS:
        card = card_file.load(trained / "networks" / f"{flavour}_softbdt/reference/card.toml")
        assert card.reference
        assert len(card.networks[0].valid) > 8
        assert card.working_points == (f"{flavour}_softbdt/reference.json",)
        units = {entry.feature: entry.unit for entry in card.networks[0].nodes[0].inputs}
        assert units == INPUTS[flavour]
        points = table.read(trained / "wp_tables" / f"{flavour}_softbdt" / "reference.json")
        assert points.points == ["HF90", "HF80", "HF70"]
        assert points.rules.bound_to.sha256 == (card.networks[0].sha256,)
        for name, part in export.POINTS.items():
            reached = grid.grids(points)[list(export.POINTS).index(name)].efficiency
            assert reached == pytest.approx(part, abs=0.02)


def test_points_keep_their_part_of_each_bin(trained: Path) -> None:
    made = table.read(trained / "wp_tables" / "muon_softbdt" / "reference.json")
    heavy = toys(8000)
    heavy = heavy.of(heavy.among(*HEAVY))
    scores = np.random.default_rng(2).random(len(heavy.inputs)).astype(np.float32)
    export.points("muon", heavy, scores, trained)
    again = table.read(trained / "wp_tables" / "muon_softbdt" / "reference.json")
    assert again.tables.text != made.tables.text
    pt, abseta = heavy.columns["pt"], np.abs(heavy.columns["eta"])
    passed = again.decide({"p_HF": scores.astype(np.float64)}, {"pt": pt, "abseta": abseta})
    for low, high in pairwise(export.BINS.pt_edges):
        for near, far in pairwise(export.BINS.abseta_edges):
            here = (pt >= low) & (pt < high) & (abseta >= near) & (abseta < far)
            if here.sum() >= 120:
                for name, part in export.POINTS.items():
                    assert passed[name][here].mean() == pytest.approx(part, abs=1.01 / here.sum())


def test_what_is_measured(trained: Path) -> None:
    found: dict[str, Any] = json.loads((trained / "results.json").read_text("utf-8"))
    muon = found["muon"]
    assert muon["area"]["soft"]["value"] > muon["area"]["ptrel"]["value"] > 0.6
    assert muon["area"]["soft"]["value"] > muon["area"]["jets"]["value"]
    assert next(iter(muon["importance"])) == list(INPUTS["muon"])[5]
    for point, kept in export.POINTS.items():
        for name in ("b hadron", "c hadron"):
            value = muon["classes"][point][name]
            assert value["value"] == pytest.approx(kept, abs=5 * value["error"] + 0.02)
        assert muon["classes"][point]["light"]["value"] < kept - 0.2
    assert muon["rejection"]["soft"][2]["value"] > muon["rejection"]["soft"][0]["value"] > 1
    text = (trained / "results.md").read_text("utf-8")
    assert all(word in text for word in ("muons", "electrons", "BDT to pT^rel", "HF70"))
    pictures = {path.name for path in (trained / "figures").iterdir()}
    assert pictures == {f"soft-{n}.png" for n in ("roc", "pt", "scores", "importance")}
    assert (trained / "closure.npz").is_file()
