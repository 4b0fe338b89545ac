"""lepid scale-factors, and what correctionlib's own tools say about its files."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lepid
from lepid.cli.main import main
from lepid.efficiency import counting


def table(path: Path, seed: int, efficiency: float, n: int = 3000, tagger: str = "mine") -> Path:
    rng = np.random.default_rng(seed)
    empty = counting.empty(
        tagger,
        "one",
        collection="Muons",
        classes=["Prompt"],
        working_points=["Loose", "Tight"],
        pt_edges=[10.0, 30.0, 50.0, math.inf],
        abseta_edges=[0.0, 1.5, 2.5],
    )
    draw = rng.random(n)
    filled = counting.count(
        empty,
        decisions={"Loose": draw < efficiency, "Tight": draw < efficiency / 2},
        scored=np.ones(n, bool),
        truth_class=np.zeros(n, int),
        pt=rng.uniform(10, 50.1, n),
        abseta=rng.uniform(0, 2.5, n),
    )
    lepid.write_table(filled, path)
    return path


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return table(tmp_path / "data.json", 1, 0.8)


@pytest.fixture
def simulation(tmp_path: Path) -> Path:
    return table(tmp_path / "simulation.json.gz", 2, 0.9)


def run(*words: Any) -> int:
    return main(["scale-factors", *map(str, words)])


def test_text_says_all_that_matters(
    data: Path, simulation: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(data, simulation, "-o", tmp_path / "sf.json.gz") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "mine Loose on Muons"
    assert lines[1].split("  ")[0] == "pT [GeV]"
    found = lepid.scale_factors(lepid.read_table(data), lepid.read_table(simulation))
    nominal = found.points["Loose"].values["nominal"][0, 0]
    assert lines[2].split()[:3] == ["10", "to", "30"]
    assert float(lines[2].split()[3]) == pytest.approx(nominal, abs=5e-4)
    assert lines[5] == "mine Tight on Muons"
    assert "data: Prompt of mine@one; simulation: Prompt of mine@one" in lines
    assert "merged: pT 30 to inf GeV, |eta| 0 to 1.5" in lines
    assert lines[-1] == f"written: {tmp_path / 'sf.json.gz'}"


def test_json_has_the_numbers_of_the_library(
    data: Path, simulation: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = table(tmp_path / "other.json", 3, 0.82)
    words = ["--source", f"fit={other}", "--working-point", "Loose", "--minimum", "5", "--json"]
    assert run(data, simulation, *words, "--truth-class", "Prompt", "--data-class", "Prompt") == 0
    found = json.loads(capsys.readouterr().out)
    tables = [lepid.read_table(path) for path in (data, simulation, other)]
    expected = lepid.scale_factors(*tables[:2], sources={"fit": tables[2:]}, minimum=5)
    assert list(found) == ["Loose"]
    assert found["Loose"]["pt_edges"] == [10, 30, 50, None]
    for name, values in expected.points["Loose"].values.items():
        assert np.array(found["Loose"][name]) == pytest.approx(values)


def test_every_format_is_written(data: Path, simulation: Path, tmp_path: Path) -> None:
    suffixes = (".json", ".csv", ".tex", ".root", ".html", ".png", ".pdf", ".svg")
    words = [word for suffix in suffixes for word in ("-o", tmp_path / f"sf{suffix}")]
    assert run(data, simulation, *words, "--style", "cms") == 0
    assert all((tmp_path / f"sf{suffix}").stat().st_size > 500 for suffix in suffixes)
    page = (tmp_path / "sf.html").read_text()
    assert page.count("data:image/png") == 2
    assert page.count("<tr>") == 2 * (1 + 6)


@pytest.mark.parametrize("suffix", [".json", ".json.gz"])
def test_correctionlib_accepts_the_file(
    data: Path, simulation: Path, tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"sf{suffix}"
    assert run(data, simulation, "-o", path) == 0
    for words in (["validate", "--version", "2"], ["summary"]):
        done = subprocess.run(
            [sys.executable, "-m", "correctionlib.cli", *words, str(path)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert "Tight_efficiency" in done.stdout
    assert "nominal, statdown, statup, systdown, systup" in done.stdout


@pytest.mark.parametrize(
    ("words", "facts"),
    [
        (["--working-point", "Tigt"], ["no working point 'Tigt'", "near: Tight"]),
        (["--truth-class", "prompt"], ["no truth class 'prompt'"]),
        (["--source", "fit"], ["--source fit", "expected NAME=DATA"]),
        (["--minimum", "0"], ["minimum is 0"]),
        (["-o", "sf.roots"], ["suffix '.roots'", "near: .root"]),
    ],
)
def test_bad_words_write_nothing(
    data: Path,
    simulation: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    facts: list[str],
) -> None:
    path = tmp_path / "sf.json"
    assert run(data, simulation, "-o", path, *words) == 1
    error = capsys.readouterr().err
    assert error.startswith("lepid scale-factors: ")
    assert all(fact in error for fact in facts)
    assert not path.exists()


def test_tables_are_not_overwritten(
    data: Path, simulation: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(data, simulation, "-o", data) == 1
    assert "is one of the files to read" in capsys.readouterr().err
    other = table(tmp_path / "other.json", 2, 0.9, tagger="other")
    assert run(data, other, "-o", tmp_path / "sf.json") == 1
    assert "tagger: 'mine' and 'other'" in capsys.readouterr().err
    assert not (tmp_path / "sf.json").exists()
