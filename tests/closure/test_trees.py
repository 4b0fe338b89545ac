"""Real trees against outside referees: stored scores, and the same BDT in two formats."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import awkward as ak
import numpy as np
import pytest

import lepid
from lepid.convert import lightgbm_text, sklearn_models, tmva_xml, trees, xgboost_json
from lepid.errors import BadFile
from lepid.taggers.forest import Forest

pytestmark = pytest.mark.real
NAME = "pocketcoffea_promptmva/Muon-mvaTTH.2022EE.weights"
# Input of the training -> column or feature of NanoAOD; the b tag is that of the muon's jet.
COLUMNS = {
    "pt": "pt", "eta": "eta", "pfRelIso03_all": "pfRelIso03_all",
    "miniPFRelIso_chg": "miniPFRelIso_chg", "miniRelIsoNeutral": "miniPFRelIso_neutral",
    "jetNDauCharged": "jetNDauCharged", "jetPtRelv2": "jetPtRelv2",
    "jetBTagDeepFlavB": "jetBTagDeepFlavB", "jetPtRatio": "jet_pt_ratio", "sip3d": "sip3d",
    "log_dxy": "log_abs_dxy", "log_dz": "log_abs_dz", "segmentComp": "segmentComp",
}  # fmt: skip
PLAIN = "NUMBA_DISABLE_JIT" in os.environ


@pytest.fixture(scope="module")
def oracle(real_data: Path) -> dict[str, np.ndarray]:
    return dict(np.load(real_data / "oracles" / "pocketcoffea_muon_promptMVA.npz"))


@pytest.fixture(scope="module")
def pair(real_data: Path) -> tuple[Forest, Forest]:
    """From TMVA's XML and from XGBoost's JSON, whose sums take TMVA's transform."""
    path = real_data / "models" / NAME
    other = xgboost_json.read(path.with_suffix(".weights.json"))
    return tmva_xml.read(path.with_suffix(".weights.xml")), replace(other, transform="tanh")


def apart(pair: tuple[Forest, Forest], rows: np.ndarray) -> float:
    """How far the scores are apart; none at all where XGBoost's leaves are added in float64."""
    own, other = (forest.evaluate(rows)[:, 0] for forest in pair)
    assert np.std(own) > 0.01
    exact = replace(pair[1], sums="float64").evaluate(rows)[:, 0]
    np.testing.assert_allclose(exact, own, rtol=0, atol=1e-14)
    return float(np.abs(own - other).max())


def test_stored_scores(pair: tuple[Forest, Forest], oracle: dict[str, np.ndarray]) -> None:
    own, other = (forest.evaluate(oracle["features"])[:, 0] for forest in pair)
    assert len(own) == 122
    np.testing.assert_allclose(own, oracle["computed"], rtol=0, atol=1e-12)
    np.testing.assert_allclose(other, oracle["computed"], rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    "n", [500 if PLAIN else 20_000, pytest.param(1_000_000, marks=pytest.mark.slow)]
)
def test_both_formats_agree(
    n: int, pair: tuple[Forest, Forest], oracle: dict[str, np.ndarray]
) -> None:
    rng = np.random.default_rng(0)
    low, high = oracle["features"].min(axis=0), oracle["features"].max(axis=0)
    rows = rng.uniform(low, high, (n, len(low))).astype(np.float32)
    # XGBoost's file sends NaN to the left everywhere, as TMVA does, where cuts are of type 1.
    rows[rng.random(rows.shape) < 0.05] = np.nan
    assert apart(pair, rows) < 1e-6


def test_both_formats_agree_on_thresholds(pair: tuple[Forest, Forest]) -> None:
    own, other = pair
    rng, columns = np.random.default_rng(1), []
    for place in range(len(own.inputs)):
        cuts = [tree.threshold[tree.feature == place] for tree in other.trees]
        columns.append(rng.choice(np.unique(np.concatenate(cuts)), 500 if PLAIN else 20_000))
    rows = np.stack(columns, axis=1)
    # XGBoost's own rounding: its float32 sums differ by as much from the same sums in float64.
    assert apart(pair, rows) < 2e-6
    for near in (-np.inf, np.inf):
        assert apart(pair, np.nextafter(rows, np.float32(near))) < 2e-6


@pytest.mark.usefixtures("no_search_paths")
def test_both_formats_score_the_muons_of_a_file(
    pair: tuple[Forest, Forest], real_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, forest in zip(("tmva", "xgboost"), pair, strict=True):
        features = dict(zip(forest.inputs, ((c, "") for c in COLUMNS.values()), strict=True))
        names = {"tagger": "muon_mva", "network": name, "flavour": "muon"}
        trees.convert(forest, "weights", tmp_path, features=features, **names)
    monkeypatch.setenv("LEPID_MODELS", str(tmp_path))
    file = lepid.open(real_data / "root" / "coffea_nano_tt_v12.root")
    tags, at = file["Jet"]["btagDeepFlavB"], file["Muon"]["jetIdx"]
    tags = ak.fill_none(ak.pad_none(tags, 1), 0.0)
    muons = {name: file["Muon"][name] for name in file["Muon"].fields}
    muons["jetBTagDeepFlavB"] = ak.where(at >= 0, tags[ak.where(at >= 0, at, 0)], 0.0)
    events = ak.zip({"Muon": ak.zip(muons)}, depth_limit=1)
    scores = {}
    for name in ("tmva", "xgboost"):
        found = lepid.decorate(events, f"muon_mva@{name}")["Muon"]["muon_mva"]
        assert ak.all(found["scored"])
        scores[name] = ak.to_numpy(ak.flatten(found["score"]))
    flat = {name: ak.to_numpy(ak.flatten(column)).astype(float) for name, column in muons.items()}
    flat["miniPFRelIso_neutral"] = flat["miniPFRelIso_all"] - flat["miniPFRelIso_chg"]
    flat["jet_pt_ratio"] = np.minimum(1 / (1 + flat["jetRelIso"]), 1.5)
    flat |= {f"log_abs_{axis}": np.log(np.abs(flat[axis])) for axis in ("dxy", "dz")}
    rows = np.stack([flat[column] for column in COLUMNS.values()], axis=1).astype(np.float32)
    assert len(rows) == 210
    np.testing.assert_allclose(scores["tmva"], pair[0].evaluate(rows)[:, 0], rtol=0, atol=1e-7)
    np.testing.assert_allclose(scores["xgboost"], scores["tmva"], rtol=0, atol=1e-6)
    prompt = flat["genPartFlav"] == 1
    assert np.median(scores["tmva"][prompt]) > 0.5
    assert np.median(scores["tmva"][~prompt]) < -0.5


@pytest.mark.slow
def test_lightgbm_and_scikit_learn_on_a_million_rows(tmp_path: Path) -> None:
    lightgbm = pytest.importorskip("lightgbm")
    ensemble = pytest.importorskip("sklearn.ensemble")
    rng = np.random.default_rng(3)
    rows = rng.normal(size=(1_000_000, 8)).astype(np.float32)
    rows[rng.random(rows.shape) < 0.05] = np.nan
    few = rows[:20_000]
    signal = np.nansum(few, axis=1) + rng.normal(size=len(few)) > 0
    booster = lightgbm.train(
        {"objective": "binary", "verbose": -1, "num_threads": 1}, lightgbm.Dataset(few, signal), 50
    )
    booster.save_model(tmp_path / "bdt.txt")
    model = ensemble.HistGradientBoostingClassifier(max_iter=50).fit(few, signal)
    pairs = (
        (lightgbm_text.read(tmp_path / "bdt.txt"), booster.predict(rows, num_threads=1)),
        (sklearn_models.read(model), model.predict_proba(rows)[:, 1]),
    )
    for forest, expected in pairs:
        np.testing.assert_allclose(forest.evaluate(rows)[:, 0], expected, rtol=0, atol=1e-14)
        assert np.std(expected) > 0.1


def test_xgboost_itself(pair: tuple[Forest, Forest], real_data: Path) -> None:
    xgboost = pytest.importorskip("xgboost")
    path = real_data / "models" / NAME
    booster = xgboost.Booster({"nthread": 1}, model_file=path.with_suffix(".weights.json"))
    rows = np.random.default_rng(2).normal(size=(2000, 13)).astype(np.float32)
    margin = booster.inplace_predict(rows, predict_type="margin")
    np.testing.assert_array_equal(pair[1].margins(rows)[:, 0], margin)


def test_the_electron_of_cms(real_data: Path) -> None:
    forest = tmva_xml.read(real_data / "models" / "cms_promptmva" / "el_BDTG_94X.weights.xml")
    assert len(forest.trees) == 800
    found = forest.evaluate(np.random.default_rng(0).normal(size=(500, len(forest.inputs))))
    assert (np.abs(found) <= 1).all()
    assert np.std(found) > 0.01


def test_a_binary_file_says_how_to_save_it(real_data: Path) -> None:
    (path,) = (real_data / "models" / "cms_softmuon_xgb").glob("*.model")
    with pytest.raises(BadFile, match="old binary format") as error:
        xgboost_json.read(path)
    assert "booster.save_model('model.json')" in error.value.do
