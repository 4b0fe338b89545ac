"""lepid convert for trees: from a file of each tool to leptons with scores."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest

import lepid
from lepid.cli.main import main
from lepid.taggers import card_file

pytestmark = pytest.mark.usefixtures("no_search_paths")
RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(400, 2)).astype(np.float32)
SIGNAL = (ROWS[:, 0] + RNG.normal(size=400) > 0).astype(int)


def xgboost_file(folder: Path, **more: Any) -> tuple[Path, Any]:
    xgboost = pytest.importorskip("xgboost")
    options = {"objective": "binary:logistic", "nthread": 1, "max_depth": 3, **more}
    y = RNG.integers(0, 3, 400) if "num_class" in more else SIGNAL
    data = xgboost.DMatrix(ROWS, y, feature_names=["pt_mu", "d0"])
    booster = xgboost.train(options, data, 5)
    booster.save_model(folder / "bdt.json")
    return folder / "bdt.json", booster


def words(path: Path, *more: str, name: str = "xgboost") -> list[str]:
    output = str(path.parent / "models")
    return ["convert", name, str(path), "-o", output, "--tagger", "muon_mine", "--flavour", "muon",
            *more]  # fmt: skip


def events(d0: np.ndarray) -> ak.Array:
    n = len(d0)
    columns = {"pt": np.full(n, 30.0), "eta": np.zeros(n), "d0": d0}
    muons = ak.zip({name: ak.unflatten(values, [n]) for name, values in columns.items()})
    return ak.zip({"Muon": muons}, depth_limit=1)


@pytest.mark.parametrize("nan", [False, True])
def test_muons_get_the_scores_of_xgboost(
    nan: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path, booster = xgboost_file(tmp_path)
    more = ["--nan"] if nan else []
    assert main(words(path, "--feature", "pt_mu=pt,GeV", *more)) == 0
    assert "muon_mine@xgboost" in capsys.readouterr().out
    monkeypatch.setenv("LEPID_MODELS", str(tmp_path / "models"))
    d0 = np.array([0.1, -3.0, np.nan, np.inf, 2.0])
    found = lepid.decorate(events(d0), "muon_mine")["Muon"]["muon_mine"]
    rows = np.stack([np.full(5, 30.0), d0], axis=1).astype(np.float32)
    assert found["scored"].to_list() == [[True, True, nan, False, True]]
    scored = ak.to_numpy(found["scored"])[0]
    score = ak.to_numpy(found["score"])[0]
    booster.feature_names = None
    expected = booster.inplace_predict(rows[scored])
    np.testing.assert_allclose(score[scored], expected, rtol=0, atol=2e-7)
    assert np.isnan(score[~scored]).all()


def test_classes_transform_and_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, _ = xgboost_file(tmp_path, objective="multi:softprob", num_class=3)
    names = ["--output-name", "prompt", "--output-name", "heavy", "--output-name", "light"]
    assert main(words(path, "--json", *names)) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["outputs"] == ["prompt", "heavy", "light"]
    assert found["inputs"] == {"inputs": ["pt_mu", "d0"]}
    card = card_file.load(Path(found["folder"]) / "card.toml")
    assert [output.index for output in card.outputs] == [0, 1, 2]
    assert main(words(path, "--network", "raw", "--transform", "identity")) == 0
    assert "class_0, class_1, class_2" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("more", "facts"),
    [
        (["--feature", "pt_m=pt"], ["no input 'pt_m'", "near: pt_mu"]),
        (["--feature", "pt_mu"], ["'pt_mu' is not INPUT=COLUMN"]),
        (["--output-name", "a", "--output-name", "b"], ["2 names of outputs, the trees give 1"]),
        (["--iterations", "7"], ["has 5 iterations, not 7"]),
        (["--network", "a/b"], ["network"]),
    ],
)
def test_what_is_refused(
    more: list[str], facts: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, _ = xgboost_file(tmp_path)
    assert main(words(path, *more)) == 1
    err = capsys.readouterr().err
    assert all(fact in err for fact in facts), err
    assert not (tmp_path / "models").exists()
    for wrong in (["--iterations", "0"], ["--transform", "log"]):
        with pytest.raises(SystemExit):
            main(words(path, *wrong))


def test_lightgbm_and_scikit_learn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lightgbm = pytest.importorskip("lightgbm")
    ensemble = pytest.importorskip("sklearn.ensemble")
    joblib = pytest.importorskip("joblib")
    data = lightgbm.Dataset(ROWS, SIGNAL)
    options = {"verbose": -1, "num_threads": 1, "objective": "binary"}
    lightgbm.train(options, data, 3).save_model(tmp_path / "b.txt")
    assert main(words(tmp_path / "b.txt", name="lightgbm")) == 0
    assert "Column_0, Column_1" in capsys.readouterr().out
    model = ensemble.GradientBoostingClassifier(n_estimators=3).fit(ROWS, SIGNAL)
    joblib.dump(model, tmp_path / "b.joblib")
    assert main(words(tmp_path / "b.joblib", name="sklearn")) == 1
    assert "--unpickle" in capsys.readouterr().err
    assert main(words(tmp_path / "b.joblib", "--unpickle", name="sklearn")) == 0
    assert "f0, f1" in capsys.readouterr().out


def test_tmva_names_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bdt.xml"
    path.write_text('<MethodSetup Method="MLP::MLP"/>')
    assert main(words(path, name="tmva")) == 1
    assert "bdt.xml: holds MLP::MLP" in capsys.readouterr().err
