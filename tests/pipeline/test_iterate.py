"""iterate() over files, those of lepid among them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import awkward as ak
import pytest

import lepid
from lepid import errors
from lepid.cli.main import main

TAGGERS = ["cms_electron_mva_iso", "cms_muon_mva_id"]


def records(chunks: list[Any], collection: str, tagger: str) -> str:
    return str(ak.concatenate([chunk[collection][tagger] for chunk in chunks]).to_list())


@pytest.fixture(scope="module", params=[".root", ".parquet"])
def written(
    request: pytest.FixtureRequest, nano_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The events of `nano_file`, decorated and written by lepid."""
    path = tmp_path_factory.mktemp("written") / f"decorated{request.param}"
    taggers = [word for name in TAGGERS for word in ("--tagger", name)]
    assert main(["decorate", str(nano_file), "-o", str(path), "--quiet", *taggers]) == 0
    return path


@pytest.mark.parametrize("step", [7, 60, 1000])
def test_chunks_are_the_whole(nano_file: Path, step: int) -> None:
    whole = lepid.decorate(lepid.open(nano_file), TAGGERS)
    chunks = list(lepid.iterate(nano_file, TAGGERS, step=step))
    assert [len(chunk) for chunk in chunks] == [min(step, 60 - k) for k in range(0, 60, step)]
    assert records(chunks, "Electron", TAGGERS[0]) == str(whole["Electron", TAGGERS[0]].to_list())
    assert records(chunks, "Muon", TAGGERS[1]) == str(whole["Muon", TAGGERS[1]].to_list())
    assert all(set(chunk.attrs["lepid"]) == set(TAGGERS) for chunk in chunks)


def test_raw_and_written_files_in_turn(nano_file: Path, written: Path) -> None:
    chunks = list(lepid.iterate([nano_file, written, nano_file], TAGGERS, step=50))
    assert [len(chunk) for chunk in chunks] == [50, 10] * 3
    first, second = (
        records(chunks[:2], *("Electron", TAGGERS[0])),
        records(chunks[2:4], *("Electron", TAGGERS[0])),
    )
    assert first == second
    tables = [lepid.measure(chunk, TAGGERS[0]) for chunk in chunks]
    assert (tables[0] + tables[1]).histogram == (tables[2] + tables[3]).histogram


def test_what_a_file_brings_is_not_done_again(written: Path) -> None:
    (events,) = lepid.iterate(written)
    assert [name for name, facts in events.attrs["lepid"].items() if "card" in facts] == TAGGERS
    (events,) = lepid.iterate(written, f"{TAGGERS[0]}@stored")
    assert TAGGERS[0] in events["Electron"].fields


def test_what_a_file_does_not_bring_is_done_or_an_error(written: Path) -> None:
    with pytest.raises(errors.MissingColumns, match="mvaNoIso"):
        list(lepid.iterate(written, [TAGGERS[0], "cms_electron_mva_noiso"]))
    (events,) = lepid.iterate(written, truth=True)
    assert "truth_cms" in events["Electron"].fields
    assert TAGGERS[0] in events["Electron"].fields


def test_options_that_change_the_result_are_never_dropped(
    make_events: Callable[..., Any], tmp_path: Path
) -> None:
    path, done = tmp_path / "events.parquet", tmp_path / "done.parquet"
    ak.to_parquet(make_events(), path)
    words = ["decorate", str(path), "-o", str(done), "--tagger", "electron_dnn", "--quiet"]
    assert main(words) == 0
    fractions = {"electron_dnn": {"f_HF": 0.1}}
    with pytest.raises(errors.MissingColumns, match="DFCommonElectronsDNN_pel"):
        list(lepid.iterate(done, "electron_dnn", fractions=fractions))


def test_another_network_of_a_tagger_that_a_file_brings(
    make_events: Callable[..., Any], tmp_path: Path, own_network: Callable[..., Path]
) -> None:
    path, done = tmp_path / "events.parquet", tmp_path / "done.parquet"
    ak.to_parquet(make_events(), path)
    own_network("one")
    words = ["decorate", str(path), "-o", str(done), "--tagger", "muon_own@one", "--quiet"]
    assert main(words) == 0
    own_network("two")
    (events,) = lepid.iterate(done, "muon_own@two")
    assert events.attrs["lepid"]["muon_own"]["card"] == "muon_own@two"
    (events,) = lepid.iterate(done, "muon_own")
    assert events.attrs["lepid"]["muon_own"]["card"] == "muon_own@one"


def test_keep_brings_other_collections(nano_file: Path) -> None:
    (events,) = lepid.iterate(nano_file, TAGGERS, keep=["Jet", "genWeight"])
    assert "Jet" in events.fields
    assert len(events["genWeight"]) == 60
    (events,) = lepid.iterate(nano_file, TAGGERS)
    assert "Jet" not in events.fields


def test_options_of_decorate_are_passed_on(nano_file: Path) -> None:
    with pytest.raises(TypeError, match="sauce"):
        list(lepid.iterate(nano_file, TAGGERS, sauce="stored"))
    with pytest.raises(errors.UnknownName, match="no source 'stord'"):
        list(lepid.iterate(nano_file, TAGGERS, source="stord"))


def test_nothing_is_read_before_the_first_chunk_is_asked_for(tmp_path: Path) -> None:
    chunks = lepid.iterate(tmp_path / "absent.root")
    with pytest.raises(errors.BadFile, match="no such file"):
        next(chunks)
