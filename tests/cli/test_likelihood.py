"""lepid likelihood build, as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lepid.cli.main import main
from lepid.taggers import card_file

WORDS = ["--abseta", "abseta_calo", "--variables", "f3,Reta", "--et-edges", "0,20,inf",
         "--abseta-edges", "0,1.37,inf", "--minimum", "1", "--bins", "20"]  # fmt: skip


def build(sample: Path, folder: Path, *words: str) -> int:
    return main(["likelihood", "build", str(sample), "-o", str(folder), *WORDS, *words])


def test_it_says_what_it_wrote(
    reference_sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "electron_lh" / "mine"
    assert build(reference_sample, folder) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines[0] == (
        "electron_lh@mine: electron likelihood, El against PC, HF, LFEg, LFH, 2 variables"
    )
    assert lines[1] == f"written: {folder}"
    assert f"LEPID_MODELS={tmp_path}" in out
    assert err.splitlines()[-1] == "326/326 events"
    card = card_file.load(folder / "card.toml")
    assert [entry.feature for entry in card.networks[0].nodes[0].inputs] == ["f3", "Reta"]
    assert not card.reference


def test_json_and_options(
    reference_sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "electron_lh" / "mine"
    words = ["--json", "--quiet", "--reference", "--background", "LFH,LFEg"]
    assert build(reference_sample, folder, *words) == 0
    out, err = capsys.readouterr()
    facts = json.loads(out)
    assert facts["tagger"] == "electron_lh@mine"
    assert facts["description"] == "electron likelihood, El against LFH, LFEg"
    assert err == ""
    assert card_file.load(Path(facts["card"])).reference


def test_an_error_is_one_message(
    reference_sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert build(reference_sample, tmp_path / "electron_lh" / "mine", "--minimum", "9999") == 1
    err = capsys.readouterr().err
    assert "lepid likelihood: densities: fewer than 9999 electrons:" in err
    assert "do:   take more files" in err
