"""lepid roc."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lepid
from lepid import root_files
from lepid.cli.main import main

BACKGROUND = ["BHadronDecay", "CHadronDecay", "LightFlavorDecay"]
WORDS = ["--tagger", "muon_plit", "--signal", "PromptMuon", "--background", ",".join(BACKGROUND),
         "--quiet"]  # fmt: skip


def run(*words: str | Path) -> int:
    return main(["roc", *map(str, words)])


@pytest.fixture(scope="module")
def sample(phys_sample: Path) -> Any:
    events = lepid.decorate(lepid.open(phys_sample), "muon_plit")
    return lepid.roc(events, "muon_plit", signal="PromptMuon", background=BACKGROUND)


def test_all_formats_say_the_same(
    phys_sample: Path, tmp_path: Path, sample: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    outputs = [tmp_path / f"roc{suffix}" for suffix in (".json", ".csv", ".tex", ".root", ".html")]
    words = [word for path in outputs for word in ("-o", path)]
    assert run(phys_sample, *WORDS, "--efficiencies", "0.8,0.9", *words, "--step", "1500") == 0
    out = capsys.readouterr().out
    points = sample.curve().at([0.8, 0.9])
    area = sample.curve().area
    assert f"{area.value:.3f}" in out
    assert [f"written: {path}" for path in outputs] == out.splitlines()[-5:]

    (one,) = json.loads(outputs[0].read_text())["taggers"]
    rows = [row for row in one["rows"] if row["background"] == "all background"]
    assert [row["rejection"] for row in rows] == points.rejection.tolist()
    assert [row["rejection_low"] for row in rows] == points.rejection_low.tolist()
    assert {row["area"] for row in rows} == {area.value}
    found = one["bins"]["pt"]
    assert (
        found["background_passed"]
        == sample.against("pt", found["edges"], 0.9).background.passed.tolist()
    )

    with outputs[1].open() as file:
        table = [row for row in csv.DictReader(file) if row["background"] == "all background"]
    np.testing.assert_allclose([float(row["rejection"]) for row in table], points.rejection)
    text = outputs[2].read_text()
    assert r"\toprule" in text
    assert "BHadronDecay" in text
    graphs = root_files.graphs(outputs[3])
    x, y = next(graph for key, graph in graphs.items() if key.endswith("roc_all_background"))
    line = sample.curve().at(np.linspace(0, 1, 201)[1:])
    np.testing.assert_allclose(x, line.signal)
    np.testing.assert_allclose(y, line.background)
    page = outputs[4].read_text()
    assert page.count("data:image/png;base64,") == 3
    assert 'src="http' not in page
    assert f"{area.value:.3f}" in page


def test_importance(
    reference_sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--tagger", "muon_pliv@reference", "--signal", "PromptMuon", "--importance"]
    path = tmp_path / "roc.html"
    assert run(reference_sample, *words, "-o", path, "-o", tmp_path / "roc.json") == 0
    out, err = capsys.readouterr()
    assert "muon_pliv@reference -discriminant: what the inputs are worth" in out
    assert "76/76 runs of a network" in err
    (one,) = json.loads((tmp_path / "roc.json").read_text())["taggers"]
    worth = one["importance"]["Trk_inputs"]
    assert 0.0 < worth["error"] < worth["loss"]
    assert "Trk_inputs.d0_significance" in path.read_text()
    assert run(reference_sample, *words[:-1], "--sense", ">", "--json") == 0
    (plain,) = json.loads(capsys.readouterr().out)
    assert plain["importance"] == {}
    assert plain["rows"][0]["area"] < 0.1


@pytest.mark.parametrize("picture", ["curves", "classes", "distributions", "bins"])
def test_pictures(phys_sample: Path, tmp_path: Path, picture: str) -> None:
    path = tmp_path / "roc.png"
    assert run(phys_sample, *WORDS, "-o", path, "--picture", picture, "--style", "cms") == 0
    assert path.read_bytes().startswith(b"\x89PNG")
    assert path.stat().st_size > 10_000


def test_reweighting_and_pileup_are_told(
    phys_sample: Path, sample: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(phys_sample, *WORDS, "--reweight", "flat", "--pt-edges", "5,20,50,200") == 0
    out = capsys.readouterr().out
    assert "spectra in pT and |eta|: flat; " in out
    assert run(phys_sample, *WORDS, "--reweight", "flat", "--json") == 0
    (one,) = json.loads(capsys.readouterr().out)
    assert {row["spectrum"] for row in one["rows"]} == {"flat"}
    assert one["rows"][0]["area"] != sample.curve().area.value


@pytest.mark.parametrize(
    ("words", "fact"),
    [
        (["--signal", "PromptMuo"], "near: PromptMuon"),
        (["--signal", "IsoElectron"], "no signal leptons"),
        (["--efficiencies", "0.5,1.5"], "1.5 is not above 0"),
        (["--fixed", "0"], "0 is not above 0"),
        (["--tagger", "muon_plit@reference-run3"], "two networks of one tagger"),
        (["--weight", "nothing"], "column 'nothing'"),
        (["--pt-edges", "900,1000", "--reweight", "flat"], "no bin has signal and background"),
    ],
)
def test_bad_input_writes_nothing(
    phys_sample: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    fact: str,
) -> None:
    path = tmp_path / "roc.json"
    assert run(phys_sample, *WORDS, "-o", path, *words) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("lepid roc: ")
    assert fact in err
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_suffix(
    phys_sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(phys_sample, *WORDS, "-o", tmp_path / "roc.jsn") == 1
    assert ".json" in capsys.readouterr().err
