"""lepid decorate."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import awkward as ak
import pytest

import lepid
from lepid.cli.main import main


def decorate(*words: str | Path) -> int:
    return main(["decorate", *map(str, words)])


@pytest.fixture(scope="module")
def expected(phys_sample: Path) -> Any:
    return lepid.decorate(lepid.open(phys_sample), ["muon_plit", "electron_dnn"])


@pytest.mark.parametrize("suffix", [".root", ".parquet"])
def test_a_file_in_each_format_reads_back_the_same(
    phys_sample: Path, tmp_path: Path, expected: Any, suffix: str
) -> None:
    path = tmp_path / f"out{suffix}"
    taggers = ["--tagger", "muon_plit", "--tagger", "electron_dnn"]
    assert decorate(phys_sample, "-o", path, "--quiet", "--step", "1500", *taggers) == 0
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]
    back = lepid.open(path)
    assert len(back) == len(expected)
    for collection, tagger in (("Muons", "muon_plit"), ("Electrons", "electron_dnn")):
        assert back[collection, tagger].fields == expected[collection, tagger].fields
        for field in expected[collection, tagger].fields:
            one, other = back[collection, tagger, field], expected[collection, tagger, field]
            assert ak.array_equal(one, other, check_parameters=False, equal_nan=True), field
        assert ak.all(back[collection, "pt"] == expected[collection, "pt"])
    assert back.attrs["lepid"] == expected.attrs["lepid"]


def test_all_taggers_without_names(
    phys_sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "out.root"
    assert decorate(phys_sample, "-o", path) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    done = {line.partition(":")[0] for line in lines if ", source stored" in line}
    assert done == {"electron_dnn", "electron_ecids", "electron_isolation", "electron_lh",
                    "electron_plit", "muon_isolation", "muon_plit"}  # fmt: skip
    assert any(line.startswith("left out: cms_electron_mva_iso") for line in lines)
    assert lines[-1] == f"4000 events written to {path}"
    assert err.splitlines()[-1] == "4000/4000 events"
    assert set(lepid.open(path)["Muons"].fields) >= {"pt", "eta", "muon_plit", "truthType"}


def test_json(phys_sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "out.parquet"
    assert decorate(phys_sample, "-o", path, "--json", "--tagger", "muon_plit") == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["output"] == str(path)
    assert facts["events"] == 4000
    assert facts["taggers"]["muon_plit"]["source"] == "stored"


def test_keep_writes_all_columns_of_a_collection(phys_sample: Path, tmp_path: Path) -> None:
    bare, full = tmp_path / "bare.root", tmp_path / "full.root"
    assert decorate(phys_sample, "-o", bare, "--tagger", "muon_plit", "--quiet") == 0
    words = ["--tagger", "muon_plit", "--quiet", "--keep", "Muons"]
    assert decorate(phys_sample, "-o", full, *words) == 0
    assert "topoetcone20" not in lepid.open(bare)["Muons"].fields
    kept = lepid.open(full)["Muons"]
    original = lepid.open(phys_sample)["Muons"]
    assert set(original.fields) <= set(kept.fields)
    assert ak.all(kept["topoetcone20"] == original["topoetcone20"])


@pytest.mark.parametrize("source", [".root", ".parquet"])
def test_truth_is_added_to_raw_and_to_decorated_files(
    phys_sample: Path, tmp_path: Path, source: str
) -> None:
    done, again = tmp_path / f"done{source}", tmp_path / "again.parquet"
    assert decorate(phys_sample, "-o", done, "--tagger", "muon_plit", "--quiet") == 0
    assert decorate(done, "-o", again, "--truth", "iff", "--quiet") == 0
    back = lepid.open(again)
    assert "muon_plit" in back["Muons"].fields
    truth = lepid.truth(lepid.open(phys_sample), "Muons")
    assert ak.all(back["Muons", "truth_iff"] == truth)


def test_several_files_become_one(phys_sample: Path, tmp_path: Path) -> None:
    path = tmp_path / "out.root"
    words = [phys_sample, phys_sample, "-o", path, "--tagger", "electron_lh", "--quiet"]
    assert decorate(*words) == 0
    back = lepid.open(path)
    assert len(back) == 8000
    assert back["Electrons", "electron_lh"][:4000].to_list() == (
        back["Electrons", "electron_lh"][4000:].to_list()
    )


def test_patterns(phys_sample: Path, tmp_path: Path) -> None:
    path = tmp_path / "out.root"
    pattern = phys_sample.parent / "ph*.root"
    assert decorate(pattern, "-o", path, "--tagger", "muon_plit", "--quiet") == 0
    assert len(lepid.open(path)) == 4000


@pytest.mark.parametrize(
    ("words", "facts"),
    [
        (["-o", "{tmp}/out.txt"], ["out.txt", "'.txt'", ".root, .parquet"]),
        (["-o", "{tmp}/no/out.root"], ["folder to write into does not exist", "make it first"]),
        (["-o", "{tmp}/folder.root"], ["folder.root: is a folder"]),
        (
            ["-o", "{tmp}/o.root", "--tagger", "muon_pli"],
            ["no tagger 'muon_pli'", "near: muon_pliv, muon_plit"],
        ),
        (["-o", "{tmp}/o.root", "--tagger", "cms_muon_mva_id"], ["no column mvaMuID"]),
        (["-o", "{tmp}/o.root", "--keep", "Muon"], ["'Muon'", "near: Muons"]),
        (["-o", "{tmp}/o.root", "--tree", "Tree"], ["no tree 'Tree'", "CollectionTree"]),
        (["-o", "{tmp}/o.root", "--truth", "if"], ["no truth scheme 'if'", "near: iff"]),
        (["-o", "{tmp}/o.root", "--schema", "nanoad"], ["no schema 'nanoad'", "near: nanoaod"]),
        (["-o", "{tmp}/o.root", "--tagger", "muon_plit", "--source", "network"], ["LEPID_CALIB"]),
    ],
)
def test_errors_leave_no_file(
    phys_sample: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    facts: list[str],
) -> None:
    (tmp_path / "folder.root").mkdir()
    assert decorate(phys_sample, "--quiet", *(w.format(tmp=tmp_path) for w in words)) == 1
    out, err = capsys.readouterr()
    assert out == ""
    for fact in facts:
        assert fact in err
    assert [path.name for path in tmp_path.iterdir()] == ["folder.root"]


def test_an_input_is_never_overwritten(
    phys_sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "events.root"
    path.write_bytes(phys_sample.read_bytes())
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "elsewhere" / "link.root"
    link.symlink_to(path)
    for output in (path, link, tmp_path / "." / "events.root"):
        assert decorate(tmp_path / "*.root", "-o", output, "--quiet") == 1
        assert "is one of the files to read" in capsys.readouterr().err
    assert path.read_bytes() == phys_sample.read_bytes()


def test_an_older_output_survives_an_error(
    phys_sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "out.root"
    path.write_text("older")
    broken = tmp_path / "broken.root"
    broken.write_bytes(phys_sample.read_bytes()[:20_000])
    assert decorate(phys_sample, broken, "-o", path, "--tagger", "muon_plit", "--quiet") == 1
    assert path.read_text() == "older"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["broken.root", "out.root"]
