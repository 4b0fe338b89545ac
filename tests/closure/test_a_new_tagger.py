"""A tagger that lepid has never seen, with a card, a network and a table and no Python in lepid.

It is trained here, on half of the committed sample, and goes the way of a user: `lepid convert`,
two lines more in the card and a table, then `decorate` and `efficiency`, as functions and commands.
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest

import lepid
from lepid.cli.main import main

pytestmark = pytest.mark.usefixtures("no_search_paths")
ensemble = pytest.importorskip("sklearn.ensemble")
neural = pytest.importorskip("sklearn.neural_network")
joblib = pytest.importorskip("joblib")

# Input of the training -> column or feature, and unit of the training.
INPUTS = {
    "pt_mu": ("pt", "GeV"), "eta_mu": ("abseta", ""), "calo": ("topoetcone20", "GeV"),
    "tracks": ("ptvarcone30_Nonprompt_All_MaxWeightTTVA_pt500", "GeV"),
    "balance": ("momentumBalanceSignificance", ""),
}  # fmt: skip
PROMPT = 4  # IFF: prompt muon
KEPT = 0.8


def rows_of(events: ak.Array) -> np.ndarray:
    """What a user would make of the columns by hand, [n_muon, n_input] float32."""
    flat = {name: ak.to_numpy(ak.flatten(events["Muons"][name])) for name in (
        "pt", "eta", "topoetcone20", INPUTS["tracks"][0], INPUTS["balance"][0])}  # fmt: skip
    columns = [
        flat["pt"] / 1e3, np.abs(flat["eta"]), flat["topoetcone20"] / 1e3,
        flat[INPUTS["tracks"][0]] / 1e3, flat[INPUTS["balance"][0]],
    ]  # fmt: skip
    return np.stack([np.asarray(c, np.float64) for c in columns], axis=1).astype(np.float32)


def trees(rows: np.ndarray, prompt: np.ndarray, folder: Path) -> tuple[Any, list[str]]:
    """Boosted trees, and the words that convert them."""
    model = ensemble.GradientBoostingClassifier(n_estimators=20, max_depth=2, random_state=0)
    model.fit(rows, prompt)
    model.feature_names_in_ = np.array(list(INPUTS), object)
    joblib.dump(model, folder / "model.joblib")
    del model.feature_names_in_
    return model, ["sklearn", str(folder / "model.joblib"), "--unpickle", "--output-name", "p"]


def network(rows: np.ndarray, prompt: np.ndarray, folder: Path) -> tuple[Any, list[str]]:
    """A network in lwtnn's JSON, and the words that convert it."""
    model = neural.MLPClassifier(
        (4,), activation="tanh", solver="lbfgs", alpha=1.0, max_iter=2000, random_state=0
    )
    mean, width = rows.mean(axis=0), rows.std(axis=0)
    model.fit((rows - mean) / width, prompt)
    layers = [
        {"architecture": "dense", "activation": how, "weights": weight.T.ravel().tolist(),
         "bias": bias.tolist()}
        for weight, bias, how in zip(
            model.coefs_, model.intercepts_, ("tanh", "sigmoid"), strict=True)
    ]  # fmt: skip
    variables = [
        {"name": name, "offset": float(-mean[i]), "scale": float(1 / width[i])}
        for i, name in enumerate(INPUTS)
    ]
    file = folder / "network.json"
    file.write_text(json.dumps({"inputs": variables, "layers": layers, "outputs": ["p"]}))

    class Scaled:
        def predict_proba(self, given: np.ndarray) -> Any:
            return model.predict_proba((given - mean) / width)

    return Scaled(), ["lwtnn", str(file)]


def add_points(folder: Path, low: float, high: float) -> None:
    """What a user writes by hand: two lines and a discriminant in the card, and a table."""
    text = (folder / "card.toml").read_text()
    digest = tomllib.loads(text)["networks"][0]["sha256"]
    extra = '\n[discriminants.logit]\nkind = "logit"\noutput = "p"\n'
    (folder / "card.toml").write_text(f'working_points = ["points.json"]\n{text}{extra}')
    said = {
        "tagger": "muon_stranger", "inputs": {"pt": "pt"}, "bound_to": {"sha256": [digest]},
        "points": {"Mine": [{"correction": "Mine", "quantity": "logit", "sense": ">"}]},
    }  # fmt: skip
    cuts = [{"nodetype": "formula", "parser": "TFormula", "variables": [], "expression": repr(cut)}
            for cut in (low, high)]  # fmt: skip
    table = {
        "schema_version": 2,
        "description": f"points of a test\nlepid: {json.dumps(said)}",
        "corrections": [{
            "name": "Mine", "version": 1,
            "inputs": [{"name": "pt", "type": "real", "description": "of the muon [GeV]"}],
            "output": {"name": "cut", "type": "real", "description": "the logit must exceed it"},
            "data": {"nodetype": "binning", "input": "pt", "edges": [0.0, 20.0, 10000.0],
                     "content": cuts, "flow": "error"},
        }],
    }  # fmt: skip
    (folder / "points.json").write_text(json.dumps(table))


@pytest.mark.parametrize("train", [trees, network])
def test_it_is_added_and_measured(
    train: Any, reference_sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    events = lepid.open(reference_sample)
    rows = rows_of(events)
    prompt = ak.to_numpy(ak.flatten(lepid.truth(events, "Muons"))) == PROMPT
    event = np.repeat(np.arange(len(events)), ak.to_numpy(ak.num(events["Muons"]["pt"])))
    half = event % 2 == 0
    model, words = train(rows[half], prompt[half], tmp_path)
    models = tmp_path / "models"
    words += [f"--feature={name}={column},{unit}" for name, (column, unit) in INPUTS.items()]
    words += ["-o", str(models), "--tagger", "muon_stranger", "--flavour", "muon"]
    assert main(["convert", *words]) == 0
    monkeypatch.setenv("LEPID_MODELS", str(models))
    score = model.predict_proba(rows)[:, 1]
    logit = np.log(score / (1 - score))
    soft = rows[:, 0] < 20
    cuts = [float(np.quantile(logit[half & prompt & these], 1 - KEPT)) for these in (soft, ~soft)]
    (name,) = (path.name for path in (models / "muon_stranger").iterdir())
    add_points(models / "muon_stranger" / name, *cuts)

    done = lepid.decorate(events, "muon_stranger", truth=True)
    mine = done["Muons"]["muon_stranger"]
    assert mine.fields == ["p", "logit", "Mine", "scored"]
    assert ak.all(mine["scored"])
    np.testing.assert_allclose(ak.to_numpy(ak.flatten(mine["p"])), score, rtol=0, atol=1e-6)
    passed = logit > np.where(soft, *cuts)
    near = np.abs(logit - np.where(soft, *cuts)) < 1e-5
    decided = ak.to_numpy(ak.flatten(mine["Mine"]))
    np.testing.assert_array_equal(decided[~near], passed[~near])
    # It separates on events that it has not seen.
    test = ~half
    assert decided[test & prompt].mean() > 0.6 > 0.5 > decided[test & ~prompt].mean()

    table = lepid.measure(done, "muon_stranger")
    found = {row["truth_class"]: row for row in said(["efficiency", str(reference_sample)], capsys)}
    assert found["PromptMuon"]["total"] == prompt.sum()
    assert found["PromptMuon"]["passed"] == decided[prompt].sum()
    others = [row for kind, row in found.items() if kind != "PromptMuon"]
    assert sum(row["total"] for row in others) == (~prompt).sum()
    assert sum(row["passed"] for row in others) == decided[~prompt].sum()

    out = tmp_path / "decorated.root"
    assert main(["decorate", str(reference_sample), "-o", str(out), "--tagger", "muon_stranger",
                 "--quiet"]) == 0  # fmt: skip
    again = lepid.open(out)["Muons"]["muon_stranger"]
    assert ak.to_list(again["Mine"]) == ak.to_list(mine["Mine"])
    page = tmp_path / "table.json"
    assert said(["efficiency", str(out), "-o", str(page)], capsys) == list(found.values())
    assert lepid.read_table(page).histogram == table.histogram
    assert main(["show", "muon_stranger"]) == 0
    shown = capsys.readouterr().out
    assert "Mine" in shown
    assert INPUTS["tracks"][0] in shown.replace("\n", "").replace(" ", "")


def said(words: list[str], capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """Rows that a command prints."""
    capsys.readouterr()
    assert main([*words, "--tagger", "muon_stranger", "--json", "--quiet"]) == 0
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return found
