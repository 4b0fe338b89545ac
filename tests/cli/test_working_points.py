"""lepid working-points."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest

import lepid
from lepid.cli.main import main
from lepid.working_points import table

WP_TABLES = Path(__file__).resolve().parents[2] / "wp_tables"
PLIT = WP_TABLES / "muon_plit" / "atlas-2025-04-25-run3.json"
CMS = WP_TABLES / "cms_electron_mva_iso" / "winter22.json"
EDGES = ("--pt-edges", "0,20,40,inf", "--abseta-edges", "0,1.2,2.7", "--quiet")


def run(*words: str | Path) -> int:
    return main(["working-points", *map(str, words)])


def derive(sample: Path, *words: str | Path, signal: str = "PromptMuon") -> int:
    return run("derive", sample, "--tagger", "muon_plit", "--signal", signal, *EDGES, *words)


@pytest.fixture(scope="module")
def points(phys_sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("points") / "points.json"
    words = ("--efficiency", "Loose=0.95", "--efficiency", "Tight=0.9-0.1*exp(-pt/20)")
    assert derive(phys_sample, *words, "-o", path) == 0
    return path


def test_the_file_has_the_efficiencies(phys_sample: Path, points: Path) -> None:
    muons = lepid.decorate(lepid.open(phys_sample), "muon_plit", truth=True)["Muons"]
    prompt = muons[muons["truth_iff"] == 4]
    pt, abseta = (ak.to_numpy(ak.flatten(x)).astype(float)
                  for x in (prompt["pt"] / 1e3, abs(prompt["eta"])))  # fmt: skip
    score = ak.to_numpy(ak.flatten(prompt["muon_plit", "discriminant"]))
    decided = table.read(points).decide({"discriminant": score}, {"pt": pt, "abseta": abseta})
    assert decided["Loose"].mean() == pytest.approx(0.95, abs=0.01)
    assert decided["Tight"].mean() == pytest.approx(np.mean(0.9 - 0.1 * np.exp(-pt / 20)), abs=0.01)


def test_what_is_printed(
    phys_sample: Path, points: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("show", points) == 0
    shown = capsys.readouterr().out
    assert "Loose: discriminant > cut" in shown
    assert "|eta| 0 to 1.2" in shown
    assert "efficiency asked for 0.95, reached" in shown
    assert "bound to the columns PLIT_TPLTmu_pmuxpromp" in shown
    assert "±" in shown
    words = ("--efficiency", "Loose=0.95", "--efficiency", "Tight=0.9-0.1*exp(-pt/20)")
    assert derive(phys_sample, *words, "--step", "700") == 0
    assert capsys.readouterr().out == shown


def test_json(points: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("show", points, "--json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["rules"]["tagger"] == "muon_plit"
    loose, tight = facts["grids"]
    assert (loose["point"], tight["point"]) == ("Loose", "Tight")
    assert loose["edges"] == [[0.0, 20.0, 40.0, "inf"], [0.0, 1.2, 2.7]]
    assert np.array(loose["cuts"]).shape == (3, 2)
    assert (np.array(loose["uncertainty"]) > 0).all()


def test_published_points_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    for path, cell in ((PLIT, "3.78 to 4.86"), (CMS, "0.9977")):
        assert run("show", path) == 0
        assert cell in capsys.readouterr().out


def test_all_outputs(points: Path, tmp_path: Path) -> None:
    for suffix in (".json", ".json.gz", ".csv", ".tex", ".html"):
        assert run("convert", points, tmp_path / f"out{suffix}") == 0
    for suffix in (".json", ".json.gz"):
        again = table.read(tmp_path / f"out{suffix}")
        assert again.rules == table.read(points).rules
        assert again.tables._content == table.read(points).tables._content
    rows = list(csv.DictReader((tmp_path / "out.csv").read_text().splitlines()))
    assert len(rows) == 2 * 3 * 2
    read = table.read(points)
    for row in rows:
        middle = [float(row["energy_low"]) + 1e-3, float(row["abseta_low"]) + 1e-3]
        cut = read.tables.look_up(row["point"], *(np.array([x]) for x in middle))[0]
        assert float(row["cut"]) == pytest.approx(cut, abs=1e-9)
        assert float(row["efficiency"]) == pytest.approx(float(row["target"]), abs=0.02)
    assert r"\toprule" in (tmp_path / "out.tex").read_text()
    page = (tmp_path / "out.html").read_text()
    assert page.count("<h2>") == 3
    assert page.count('src="data:image/png;base64,') == 2
    assert "±" in page


def test_pictures(points: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("show", points, "-o", tmp_path / "one.html", "-o", tmp_path / "one.png") == 0
    assert capsys.readouterr().out.endswith(f"written: {tmp_path / 'one.png'}\n")
    words = ("--picture", "efficiency", "--style", "cms")
    assert run("convert", points, tmp_path / "two.pdf", *words) == 0
    assert (tmp_path / "one.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "two.pdf").read_bytes().startswith(b"%PDF")
    capsys.readouterr()
    words = ("-o", tmp_path / "three.csv", "-o", tmp_path / "three.png", "--picture", "discriminat")
    assert run("show", points, *words) == 1
    assert "near: discriminant" in capsys.readouterr().err
    assert run("show", points, "-o", points) == 1
    assert "is one of the files to read" in capsys.readouterr().err
    assert len(list(tmp_path.iterdir())) == 3


def test_points_of_every_kind(phys_sample: Path, tmp_path: Path) -> None:
    path = tmp_path / "all.json"
    done = derive(
        phys_sample, "--efficiency", "Flat=0.9", "--like", "AsIso=muon_isolation.Tight_VarRad",
        "--rejection", "Reject=BHadronDecay,CHadronDecay:3", "--smoothing", "linear", "--nested",
        "--minimum", "5", "-o", path,
    )  # fmt: skip
    assert done == 0
    assert table.read(path).points == ["Flat", "AsIso", "Reject"]


def test_two_quantities(phys_sample: Path, tmp_path: Path) -> None:
    path = tmp_path / "two.json"
    done = run(
        "derive", phys_sample, "--tagger", "electron_dnn", "--scheme", "dnn", "--signal", "El",
        "--quantity", "pel,D_CF", "--against", "CF", "--efficiency", "Tight=0.8", "--minimum", "5",
        "--pt-edges", "0,inf", "--abseta-edges", "0,2.7", "--quiet", "-o", path,
    )  # fmt: skip
    assert done == 0
    (tight,) = table.read(path).rules.points.values()
    assert [r.quantity for r in tight] == ["pel", "D_CF"]


def test_compare(
    points: Path, phys_sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other.json"
    words = ("--efficiency", "Loose=0.9", "--abseta-edges", "0,2.7", "-o", other)
    assert derive(phys_sample, *words) == 0
    capsys.readouterr()
    assert run("compare", points, other, "--json") == 0
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    assert len(found) == 6
    assert all(each["other"] > each["one"] and each["uncertainty"] > 0 for each in found)
    assert run("compare", points, other) == 0
    shown = capsys.readouterr().out
    assert "other - one" in shown
    assert "|eta|" not in shown.splitlines()[1]
    assert run("compare", points, PLIT) == 1
    assert "no point and quantity is also in" in capsys.readouterr().err


FTAG = """
GN2:
  signal: muxpromp
  fnpxall: 1.0
  '90':
    cut_value: 2.5
    ttbar:
      eff: {muxpromp: 0.9}
  '70':
    cut_value: 4.125
"""


def test_ftag(tmp_path: Path, phys_sample: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, made = tmp_path / "wps.yaml", tmp_path / "points.json"
    source.write_text(FTAG)
    words = ("--tagger", "muon_plit@reference-run3")
    assert run("convert", source, made, *words) == 0
    read = table.read(made)
    assert read.points == ["90", "70"]
    assert read.quantities() == {"discriminant": ""}
    assert read.rules.bound_to.sha256
    decided = read.decide(
        {"discriminant": np.array([2.5, 3.0, 4.2])}, {"pt": np.array([5.0, 50.0, 500.0])}
    )
    assert decided["90"].tolist() == [False, True, True]
    assert decided["70"].tolist() == [False, False, True]
    assert run("convert", made, tmp_path / "again.yaml") == 0
    again = (tmp_path / "again.yaml").read_text()
    assert "cut_value: 2.5" in again
    assert "cut_value: 4.125" in again
    assert run("convert", source, made) == 1
    assert "does not say whose scores" in capsys.readouterr().err
    assert run("convert", source, made, "--tagger", "muon_plit") == 1
    assert "several networks" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "fact"),
    [
        (("--efficiency", "T=1.5"), "its target is 1.5"),
        (("--efficiency", "T"), "'T' is not POINT=VALUE"),
        (("--efficiency", "T=pt +* 2"), "formula"),
        (("--efficiency", "T=0.8", "--efficiency", "T=0.9"), "T is given twice"),
        (("--efficiency", "T=0.8", "--like", "T=R3PLITVeryLoose"), "name of its own"),
        (("--rejection", "T=BHadronDecay"), "is not CLASSES:NUMBER"),
        (("--rejection", "T=BHadron:5"), "no class 'BHadron'"),
        (("--like", "T=muon_plit.R3PLITVeryLose"), "near: R3PLITVeryLoose"),
        ((), "each needs a name"),
        (("--efficiency", "T=0.8", "--quantity", "d"), "no quantity 'd'"),
        (("--efficiency", "T=0.8", "--axes", "pt"), "expected two features"),
        (("--efficiency", "T=0.8", "--weight", "w"), "no collection or column 'w'"),
        (("--efficiency", "T=0.8", "--pt-edges", "0,1,2,inf"), "no leptons of PromptMuon in"),
        (("--efficiency", "T=0.8", "--minimum", "1e6"), "effective leptons"),
        (("--efficiency", "T=0.8", "-o", "points.xlsx"), "nothing is written with the suffix"),
    ],
)
def test_errors_write_nothing(
    phys_sample: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    fact: str,
) -> None:
    assert derive(phys_sample, "-o", tmp_path / "points.json", *words) == 1
    assert fact in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_bins_do_not_fit_into_ftags_file(
    points: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("convert", points, tmp_path / "wps.yaml") == 1
    assert "ftag has global ones" in capsys.readouterr().err
    assert run("convert", points, points) == 1
    assert "is the file to read" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
