"""lepid efficiency."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any

import awkward as ak
import pytest

import lepid
from lepid.cli.main import main

CLASSES = ("KnownUnknown", "PromptMuon", "TauDecay", "BHadronDecay", "CHadronDecay",
           "LightFlavorDecay")  # fmt: skip


def efficiency(*words: str | Path) -> int:
    return main(["efficiency", *map(str, words)])


def rows(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return found


def test_rows_equal_a_count_by_hand(phys_sample: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert efficiency(phys_sample, "--tagger", "muon_plit", "--json", "--step", "900") == 0
    muons = lepid.decorate(lepid.open(phys_sample), "muon_plit", truth=True)["Muons"]
    table = rows(capsys)
    assert [row["truth_class"] for row in table[::10]] == list(CLASSES)
    codes = {"KnownUnknown": 1, "PromptMuon": 4, "TauDecay": 7, "BHadronDecay": 8,
             "CHadronDecay": 9, "LightFlavorDecay": 10}  # fmt: skip
    for row in table:
        of_class = muons["truth_iff"] == codes[row["truth_class"]]
        assert row["total"] == ak.sum(of_class)
        assert row["passed"] == ak.sum(of_class & muons["muon_plit", row["working_point"]])
        assert row["low"] <= row["efficiency"] <= row["high"]
        assert row["interval"] == "clopper-pearson"


@pytest.mark.parametrize("suffix", [".root", ".parquet"])
def test_raw_and_decorated_files_give_the_same_table(
    phys_sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], suffix: str
) -> None:
    done = tmp_path / f"done{suffix}"
    assert main(["decorate", str(phys_sample), "-o", str(done), "--quiet", "--json"]) == 0
    capsys.readouterr()
    for tagger in ("electron_dnn", "muon_isolation"):
        found = []
        for path in (phys_sample, done):
            table = tmp_path / "table.json"
            words = [path, "--tagger", tagger, "--json", "--quiet", "-o", table]
            assert efficiency(*words) == 0
            found.append((rows(capsys), lepid.read_table(table).histogram))
        assert found[0][0] == found[1][0]
        assert found[0][1] == found[1][1]
        assert len(found[0][0]) > 30


def test_text_says_all_that_matters(phys_sample: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert efficiency(phys_sample, "--tagger", "electron_lh", "--working-point", "Tight") == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines[0] == "electron_lh@stored on Electrons, iff classes"
    assert lines[1].split("  ")[0] == "class"
    body = [line for line in lines if " Tight " in line]
    assert len(body) == len(lines) - 3
    assert any(line.startswith("IsoElectron") and line.endswith("2576 / 3566") for line in body)
    assert lines[-1] == "intervals: clopper-pearson, 68.3 %"
    assert err.splitlines()[-1] == "4000/4000 events"


def test_unscored_leptons_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scores = {"PLIT_TPLTmu_pmuxpromp": [[0.9, math.nan], [0.8]],
              "PLIT_TPLTmu_pnpxall": [[0.1, 0.1], [0.2]]}  # fmt: skip
    truth = {"truthType": [[6, 6], [6]], "truthOrigin": [[12, 12], [12]]}
    muons = ak.zip({"pt": [[2e4, 3e4], [4e4]], "eta": [[0.1, 0.2], [0.3]], **scores, **truth})
    path = tmp_path / "events.parquet"
    ak.to_parquet(ak.zip({"Muons": muons}, depth_limit=1), path)
    assert efficiency(path, "--tagger", "muon_plit") == 0
    out = capsys.readouterr().out
    assert "PromptMuon: 1 without a score, 0 outside the bins" in out


OUTPUTS = ("t.json", "t.json.gz", "t.csv", "t.tex", "t.html", "t.root", "t.correctionlib.json",
           "t.svg", "T.PNG", "U.JSON")  # fmt: skip


def test_the_suffix_decides_what_is_written(
    phys_sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [word for name in OUTPUTS for word in ("-o", tmp_path / name)]
    edges = ["--pt-edges", "5,20,50,inf", "--abseta-edges", "0,1.5,2.5"]
    edges += ["--working-point", "Tight"]
    assert efficiency(phys_sample, "--tagger", "electron_dnn", "--quiet", *words, *edges) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(OUTPUTS)
    assert [f"written: {tmp_path / name}" for name in OUTPUTS] == out.splitlines()[-len(OUTPUTS) :]
    begins = {"T.PNG": b"\x89PNG", "t.root": b"root", "t.json.gz": b"\x1f\x8b", "U.JSON": b"{"}
    for name, begin in begins.items():
        assert (tmp_path / name).read_bytes().startswith(begin), name
    for name, fact in {"t.svg": "<svg", "t.html": "<html", "t.tex": r"\begin{tabular",
                       "t.csv": "IsoElectron"}.items():  # fmt: skip
        assert fact in (tmp_path / name).read_text(encoding="utf-8"), name
    table = lepid.read_table(tmp_path / "t.json")
    assert table.pt_edges == (5.0, 20.0, 50.0, math.inf)
    assert table.abseta_edges == (0.0, 1.5, 2.5)
    assert table.sources == (str(phys_sample),)
    with (tmp_path / "t.csv").open(encoding="utf-8") as file:
        assert len(list(csv.reader(file))) > 20


def test_scheme_and_weight(phys_sample: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--tagger", "electron_dnn", "--json", "--quiet"]
    assert efficiency(phys_sample, *words, "--scheme", "dnn") == 0
    classes = {row["truth_class"] for row in rows(capsys)}
    assert len(classes) >= 6
    assert "IsoElectron" not in classes
    assert efficiency(phys_sample, *words, "--weight", "Electrons.charge") == 0
    weighted = rows(capsys)
    assert any(row["total"] < 0 or row["total"] != abs(row["total"]) for row in weighted) or any(
        row["interval"] != "clopper-pearson" for row in weighted
    )


def test_working_points_limit_json_too(
    phys_sample: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--tagger", "electron_lh", "--json", "--quiet", "--working-point", "Tight"]
    assert efficiency(phys_sample, *words, "--working-point", "Loose") == 0
    assert {row["working_point"] for row in rows(capsys)} == {"Tight", "Loose"}


@pytest.mark.parametrize(
    ("words", "facts"),
    [
        (["--tagger", "electron_lh", "--working-point", "Losse"],
         ["no working point 'Losse'", "near: Loose", "use one of"]),
        (["--tagger", "electron_plit"], ["no working points"]),
        (["--tagger", "electron_l"], ["no tagger 'electron_l'", "near: electron_lh"]),
        (["--tagger", "cms_muon_mva_id"], ["no column mvaMuID"]),
        (["--tagger", "electron_lh", "-o", "{tmp}/t.foo"], ["'.foo'", ".html", ".csv"]),
        (["--tagger", "electron_lh", "-o", "{tmp}/no/t.csv"], ["does not exist", "make it first"]),
        (["--tagger", "electron_lh", "--weight", "EventInfo.w"], ["no column 'EventInfo.w'"]),
        (["--tagger", "electron_lh", "--scheme", "cms"], ["genPartFlav", "simulation"]),
        (["--tagger", "electron_lh", "--scheme", "if"], ["no truth scheme 'if'", "near: iff"]),
    ],
)  # fmt: skip
def test_errors(
    phys_sample: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    facts: list[str],
) -> None:
    assert efficiency(phys_sample, "--quiet", *(word.format(tmp=tmp_path) for word in words)) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("lepid efficiency: ")
    for fact in facts:
        assert fact in err
    assert list(tmp_path.iterdir()) == []


def test_an_input_is_never_overwritten(
    phys_sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "events.root"
    path.write_bytes(phys_sample.read_bytes())
    assert efficiency(path, "--tagger", "electron_lh", "-o", path, "--quiet") == 1
    assert "is one of the files to read" in capsys.readouterr().err
    assert path.read_bytes() == phys_sample.read_bytes()


def test_files_add_up(phys_sample: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--tagger", "muon_plit", "--json", "--quiet"]
    assert efficiency(phys_sample, *words) == 0
    once = rows(capsys)
    assert efficiency(phys_sample, phys_sample, *words) == 0
    for one, two in zip(once, rows(capsys), strict=True):
        assert (two["passed"], two["total"]) == (2 * one["passed"], 2 * one["total"])
