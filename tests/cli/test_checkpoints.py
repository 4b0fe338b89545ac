"""Work that was stopped goes on: pairs, charges and leptons of ROC curves, to the last bit."""

from __future__ import annotations

import runpy
from pathlib import Path
from types import ModuleType
from typing import Any

import awkward as ak
import numpy as np
import pytest

import lepid
from lepid.cli import charge_flips, roc, tag_and_probe
from lepid.cli.main import main
from lepid.efficiency.roc import sample_file

TOYS = Path(__file__).parents[1] / "efficiency" / "tag_and_probe" / "pair_toys.py"
TRACKS = "Nonprompt_All_MaxWeightTTVALooseCone"
ISOLATION = (
    *(f"{name}_{TRACKS}_pt{low}" for name in ("ptvarcone30", "ptcone20") for low in (500, 1000)),
    *("topoetcone20", "neflowisol20"),
)
TAG = ("--tagger", "electron_isolation", "--tag", "pt > 30", "--probe", "pt > 20")
PROBES = (*TAG, "--working-point", "Tight_VarRad", "--inclusive", "--method", "sidebands")
ROC = ("--tagger", "muon_plit", "--signal", "PromptMuon", "--background", "BHadronDecay")
FLIPS = ("--collection", "Electrons", "--pt-edges", "20,inf", "--abseta-edges", "0,1.4,2.5")


@pytest.fixture(scope="module")
def muons(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    toy = runpy.run_path(str(Path(__file__).resolve().parents[1] / "phys_sample.py"))
    folder = tmp_path_factory.mktemp("muons")
    found = [folder / f"{number}.root" for number in range(3)]
    for number, path in enumerate(found):
        toy["write"](path, toy["make"](200 + 50 * number, 11 + number))
    return found


@pytest.fixture(scope="module")
def electrons(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Pairs of electrons in parquet files, with what the isolation points take."""
    toy = runpy.run_path(str(TOYS))
    folder = tmp_path_factory.mktemp("electrons")
    found = [folder / f"{number}.parquet" for number in range(3)]
    for number, path in enumerate(found):
        rng = np.random.default_rng(number)
        leptons, passed, _ = toy["draw"](rng, 1500 + 500 * number, 200)
        counts = np.diff(leptons.offsets)
        columns = {name: getattr(leptons, name) for name in ("eta", "phi", "charge")}
        columns |= {"pt": 1e3 * leptons.pt}
        columns |= {column: np.where(passed, 0.0, 1e6) for column in ISOLATION}
        events = ak.zip({"Electrons": ak.unflatten(ak.zip(columns), counts)}, depth_limit=1)
        ak.to_parquet(events, path)
    return found


def stop_after(monkeypatch: pytest.MonkeyPatch, module: ModuleType, name: str, calls: int) -> Any:
    """Function of a command that is interrupted after some calls; the list of its files."""
    seen: list[str] = []
    real = getattr(module, name)

    def counted(*words: Any, origin: str, **options: Any) -> Any:
        if len(seen) == calls:
            raise KeyboardInterrupt
        seen.append(origin)
        return real(*words, origin=origin, **options)

    monkeypatch.setattr(module, name, counted)
    return seen


CASES = {
    "tag-and-probe": (tag_and_probe, "tag_and_probe", PROBES, ".pairs.json"),
    "charge-flips": (charge_flips, "charge_pairs", FLIPS, ".charges.json"),
    "roc": (roc, "roc", ROC, ".leptons.npz"),
}


@pytest.mark.parametrize("command", CASES)
def test_a_run_that_was_stopped_goes_on(
    command: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: Any,
    capsys: pytest.CaptureFixture[str],
) -> None:
    module, name, words, suffix = CASES[command]
    files = request.getfixturevalue("muons" if command == "roc" else "electrons")
    whole, kept, out = (tmp_path / f"{stem}{suffix}" for stem in ("whole", "kept", "out"))
    start = [command, *map(str, files), *words, "--quiet"]
    assert main([*start, "-o", str(whole)]) == 0
    seen = stop_after(monkeypatch, module, name, 1)
    again = [*start, "--checkpoint", str(kept), "-o", str(out)]
    assert main(again) == 130
    assert f"interrupted, the same command goes on from {kept}" in capsys.readouterr().err
    assert not out.exists()
    assert seen == [str(files[0])]
    monkeypatch.undo()
    seen = stop_after(monkeypatch, module, name, 9)
    assert main(again) == 0
    assert seen == list(map(str, files[1:]))
    assert out.read_bytes() == whole.read_bytes()
    # Nothing is left to read.
    assert main(again) == 0
    assert len(seen) == 2
    assert out.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize("command", CASES)
def test_parts_add_up_to_the_whole(
    command: str, tmp_path: Path, request: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    _, _, words, suffix = CASES[command]
    files = request.getfixturevalue("muons" if command == "roc" else "electrons")
    parts = [tmp_path / f"{i}{suffix}" for i in range(3)]
    for file, part in zip(files, parts, strict=True):
        assert main([command, str(file), *words, "--quiet", "-o", str(part)]) in (0, 1)
        assert part.exists()
    whole, summed = tmp_path / f"whole{suffix}", tmp_path / f"sum{suffix}"
    assert main([command, *map(str, files), *words, "--quiet", "-o", str(whole)]) == 0
    own = PROBES[len(TAG) :] if command == "tag-and-probe" else ()
    assert main([command, *map(str, parts), *own, "--quiet", "-o", str(summed)]) == 0
    assert summed.read_bytes() == whole.read_bytes()
    capsys.readouterr()
    assert main([command, str(parts[0]), str(parts[0]), *own, "--quiet"]) == 1
    assert "add each part once" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "change", "fact"),
    [
        ("tag-and-probe", ("--tag", "pt > 40"), "--tag"),
        ("tag-and-probe", ("--probe", "pt > 25"), "--probe pt > 25 is not what it has"),
        ("charge-flips", ("--select", "pt > 30"), "--select pt > 30 is not what it has"),
        ("charge-flips", ("--pt-edges", "20,50,inf"), "--pt-edges [20.0, 50.0, inf]"),
        ("roc", ("--signal", "CHadronDecay"), "--signal ['CHadronDecay'] is not"),
        ("roc", ("--pileup", "x"), "--pileup x is not"),
    ],
)
def test_a_checkpoint_of_another_command(
    command: str,
    change: tuple[str, str],
    fact: str,
    tmp_path: Path,
    request: Any,
    capsys: pytest.CaptureFixture[str],
) -> None:
    _, _, words, suffix = CASES[command]
    files = request.getfixturevalue("muons" if command == "roc" else "electrons")
    kept = tmp_path / f"kept{suffix}"
    start = [command, str(files[2]), *words, "--quiet", "--checkpoint", str(kept)]
    assert main(start) == 0
    before = kept.read_bytes()
    assert main([*start, *change]) == 1
    assert fact in capsys.readouterr().err
    assert main([*start[:1], str(files[1]), *start[2:]]) == 1
    assert "is in it and not asked for" in capsys.readouterr().err
    assert kept.read_bytes() == before
    assert main([*start[:-1], str(tmp_path / "kept.txt")]) == 1
    assert "'.txt'" in capsys.readouterr().err


def test_other_files_are_no_leptons(tmp_path: Path, muons: list[Path]) -> None:
    path = tmp_path / "x.leptons.npz"
    for content in (b"", b"PK\x03\x04"):
        path.write_bytes(content)
        with pytest.raises(lepid.LepidError, match="not leptons for ROC curves"):
            sample_file.read(path)
    with path.open("wb") as file:
        np.savez(file, lepid=np.array('{"format": "other", "version": 1}'))
    with pytest.raises(lepid.LepidError, match="not lepid leptons"):
        sample_file.read(path)


def test_what_stored_parts_do_not_take(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command, words, fact in (
        ("roc", ("a.leptons.npz", "b.root"), "without b.root"),
        ("roc", ("a.leptons.npz", "--tagger", "x"), "without --tagger"),
        ("roc", ("a.root",), "need a tagger"),
        ("charge-flips", ("a.charges.json", "b.root"), "without b.root"),
        ("charge-flips", ("a.root",), "--collection"),
        ("charge-flips", ("a.root", "--peak", "80,90,100"), "two ends"),
        ("tag-and-probe", ("a.pairs.json", "--checkpoint", "b.pairs.json"), "--checkpoint"),
    ):
        assert main([command, *words, "--quiet"]) == 1
        assert fact in capsys.readouterr().err
