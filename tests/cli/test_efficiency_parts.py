"""lepid efficiency on tables of parts, and --checkpoint."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

import lepid
from lepid.cli import efficiency
from lepid.cli.main import main

PLIT = ("--tagger", "muon_plit", "--quiet")


def run(*words: Any) -> int:
    return main(["efficiency", *map(str, words)])


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Toys of different lengths and seeds."""
    toy = runpy.run_path(str(Path(__file__).resolve().parents[1] / "phys_sample.py"))
    folder = tmp_path_factory.mktemp("parts")
    found = [folder / f"{number}.root" for number in range(3)]
    for number, (path, n_event) in enumerate(zip(found, (300, 50, 400), strict=True)):
        toy["write"](path, toy["make"](n_event, 11 + number))
    return found


def everything(path: Path) -> tuple[Any, ...]:
    table = lepid.read_table(path)
    return table.histogram, table.unscored, table.sources, table.weighted, table.metadata


@pytest.mark.parametrize("suffix", [".json", ".json.gz"])
def test_parts_add_up_to_the_whole(files: list[Path], tmp_path: Path, suffix: str) -> None:
    parts = [tmp_path / f"part{i}{suffix}" for i in range(3)]
    for file, part in zip(files, parts, strict=True):
        assert run(file, *PLIT, "-o", part) == 0
    whole, summed = tmp_path / f"whole{suffix}", tmp_path / f"summed{suffix}"
    assert run(*files, *PLIT, "-o", whole) == 0
    assert run(*parts, "-o", summed) == 0
    assert everything(summed) == everything(whole)
    # The order of the parts does not matter to the counts.
    assert run(*parts[::-1], "-o", summed) == 0
    assert everything(summed)[:2] == everything(whole)[:2]


def test_a_sum_has_pictures_and_rows(
    files: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parts = [tmp_path / f"{i}.json" for i in range(2)]
    for file, part in zip(files, parts, strict=False):
        assert run(file, *PLIT, "-o", part) == 0
    capsys.readouterr()
    assert run(*files[:2], *PLIT, "--json") == 0
    expected = capsys.readouterr().out
    assert run(*parts, "--json", "-o", tmp_path / "sum.html", "-o", tmp_path / "sum.png") == 0
    assert capsys.readouterr().out == expected
    assert (tmp_path / "sum.html").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("words", "facts"),
    [
        (["{0}", "{0}"], ["0.root are in", "already", "add each part once"]),
        (["{0}", "{other}"], ["tagger: 'muon_plit' and 'muon_isolation'"]),
        (["{0}", "{weighted}"], ["metadata weight: None and"]),
        (["{0}", "{file}"], ["tables are added up as they are", "1.root"]),
        (["{0}", "--tagger", "muon_plit"], ["--tagger"]),
        (["{0}", "--pt-edges", "1,2"], ["--pt-edges"]),
        (["{file}"], ["no tagger is named", "--tagger NAME"]),
        (["{0}", "{absent}"], ["cannot be read"]),
    ],
)
def test_what_does_not_add_up(
    files: list[Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    facts: list[str],
) -> None:
    names = ("zero", "other", "weighted", "absent")
    zero, other, weighted, absent = (tmp_path / f"{name}.json" for name in names)
    assert run(files[0], *PLIT, "-o", zero) == 0
    assert run(files[1], "--tagger", "muon_isolation", "--quiet", "-o", other) == 0
    weights = ("--weight", "Muons.pt")
    assert run(files[1], *PLIT, *weights, "-o", weighted) == 0
    capsys.readouterr()
    known = {"other": other, "weighted": weighted, "absent": absent, "file": files[1]}
    assert run(*(w.format(zero, **known) for w in words), "-o", tmp_path / "sum.json") == 1
    error = capsys.readouterr().err
    assert all(fact in error for fact in facts)
    assert not (tmp_path / "sum.json").exists()


def test_a_run_that_was_stopped_goes_on(
    files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, kept, out = (tmp_path / f"{name}.json" for name in ("whole", "kept", "out"))
    assert run(*files, *PLIT, "-o", whole) == 0
    measured: list[str] = []
    measure = efficiency.measure

    def counting(*words: Any, origin: str, **options: Any) -> Any:
        if len(measured) == 5:
            raise KeyboardInterrupt
        measured.append(origin)
        return measure(*words, origin=origin, **options)

    monkeypatch.setattr(efficiency, "measure", counting)
    command = (*files, *PLIT, "--step", "100", "--checkpoint", kept, "-o", out)
    # Three chunks of the first file, one of the second, one of four of the third.
    assert run(*command) == 130
    assert not out.exists()
    assert lepid.read_table(kept).sources == tuple(map(str, files[:2]))
    measured.clear()
    assert run(*command) == 0
    assert measured == [str(files[2])] * 4
    assert everything(out) == everything(whole)
    measured.clear()
    assert run(*command) == 0
    assert measured == []
    assert everything(out) == everything(whole)


@pytest.mark.parametrize(
    ("words", "fact"),
    [
        (["--tagger", "muon_isolation"], "--tagger muon_isolation is not what it has"),
        (["--tagger", "muon_plit@mine"], "--tagger muon_plit@mine is not"),
        (["--pt-edges", "0,20,inf"], "--pt-edges [0.0, 20.0, inf] is not"),
        (["--scheme", "dnn"], "--scheme dnn is not"),
        (["--weight", "Muons.pt"], "--weight Muons.pt is not"),
    ],
)
def test_a_checkpoint_of_another_command(
    files: list[Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    fact: str,
) -> None:
    kept = tmp_path / "kept.json"
    assert run(files[1], *PLIT, "--checkpoint", kept) == 0
    before = kept.read_bytes()
    assert run(files[1], *PLIT, *words, "--checkpoint", kept) == 1
    assert fact in capsys.readouterr().err
    assert run(files[0], *PLIT, "--checkpoint", kept) == 1
    assert "1.root is in it and not asked for" in capsys.readouterr().err
    assert kept.read_bytes() == before
    assert run(files[1], *PLIT, "--checkpoint", tmp_path / "kept.csv") == 1
    assert "'.csv'" in capsys.readouterr().err
