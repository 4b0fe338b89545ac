"""decorate(tables=): working points of one's own beside those of the card."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import awkward as ak
import dask_awkward as dak
import pytest

import lepid
from lepid import errors
from lepid.cli.main import main

TAGGER = "muon_plit"


@pytest.fixture(scope="module")
def muons(phys_sample: Path) -> Any:
    return ak.materialize(lepid.open(phys_sample))


@pytest.fixture(scope="module")
def points(muons: Any) -> Any:
    return lepid.derive(
        lepid.decorate(muons, TAGGER),
        TAGGER,
        signal="PromptMuon",
        efficiency={"Half": 0.5},
        pt_edges=(3, 1000),
        abseta_edges=(0, 2.7),
    )


@pytest.fixture(scope="module")
def path(points: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("own") / "points.json"
    lepid.write_working_points(points, path)
    return path


def test_they_are_fields_as_decide_makes_them(muons: Any, path: Path) -> None:
    plain = lepid.decorate(muons, TAGGER)
    found = lepid.decorate(muons, TAGGER, tables=path)
    expected = lepid.decide(plain, TAGGER, table=path)
    record = found["Muons", TAGGER]
    assert {*record.fields} == {*plain["Muons", TAGGER].fields, "Half"}
    assert record["Half"].to_list() == expected["Half"].to_list()
    assert 0 < ak.sum(record["Half"]) < ak.sum(record["scored"])
    assert "Half" not in plain["Muons", TAGGER].fields


def test_they_are_measured_and_decided_again(muons: Any, path: Path) -> None:
    found = lepid.decorate(muons, TAGGER, tables=[str(path)])
    table = lepid.measure(found, TAGGER)
    assert table.working_points[-1] == "Half"
    prompt = table.efficiency("Half", "PromptMuon", by=())
    assert prompt.value == pytest.approx(0.5, abs=0.5 / prompt.total)
    again = lepid.decide(found, TAGGER, pt=found["Muons", "pt"])
    assert again["Half"].to_list() == found["Muons", TAGGER, "Half"].to_list()
    assert "points.json" in str(found.attrs["lepid"][TAGGER]["tables"])


def test_in_place(muons: Any, path: Path) -> None:
    events = ak.copy(muons)
    result = lepid.decorate(events, TAGGER, tables=path, inplace=True)
    assert result is events
    assert "Half" in events["Muons", TAGGER].fields
    assert "Half" in events.attrs["lepid"][TAGGER]["working_points"]


def test_an_error_leaves_the_events_alone(muons: Any, path: Path, tmp_path: Path) -> None:
    events = ak.copy(muons)
    with pytest.raises(errors.LepidError, match=r"none\.json"):
        lepid.decorate(events, TAGGER, tables=[path, tmp_path / "none.json"], inplace=True)
    assert TAGGER not in events["Muons"].fields
    assert "lepid" not in events.attrs


def test_dask(muons: Any, path: Path) -> None:
    expected = lepid.decorate(muons, TAGGER, tables=path)["Muons", TAGGER, "Half"]
    lazy = lepid.decorate(dak.from_awkward(muons, 3), TAGGER, tables=path)
    assert lazy["Muons", TAGGER, "Half"].compute().to_list() == expected.to_list()


def test_a_decorated_file_keeps_and_takes_them(
    phys_sample: Path, muons: Any, path: Path, tmp_path: Path
) -> None:
    expected = lepid.decorate(muons, TAGGER, tables=path)["Muons", TAGGER, "Half"].to_list()
    words = ["--tagger", TAGGER, "--quiet"]
    with_points, without = tmp_path / "with.root", tmp_path / "without.parquet"
    main(["decorate", str(phys_sample), "-o", str(with_points), "--table", str(path), *words])
    main(["decorate", str(phys_sample), "-o", str(without), *words])
    read = lepid.open(with_points)
    assert read["Muons", TAGGER, "Half"].to_list() == expected
    assert "Half" in lepid.measure(read, TAGGER).working_points
    (later,) = lepid.iterate(without, TAGGER, tables=path)
    assert later["Muons", TAGGER, "Half"].to_list() == expected


def test_from_the_command_line(
    phys_sample: Path, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["efficiency", str(phys_sample), "--tagger", TAGGER, "--table", str(path), "--quiet"]
    assert main([*command, "--working-point", "Half"]) == 0
    assert "PromptMuon" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "taggers", "kind", "fact"),
    [
        (lambda p: p, ["muon_isolation"], errors.BadInput, "not decorated with it"),
        (
            lambda p: replace(p, bound_to=p.bound_to.model_copy(update={"columns": ("other",)})),
            [TAGGER],
            errors.UnboundTable,
            "other",
        ),
    ],
)
def test_what_is_refused(
    muons: Any,
    points: Any,
    tmp_path: Path,
    change: Callable[[Any], Any],
    taggers: list[str],
    kind: type[Exception],
    fact: str,
) -> None:
    path = tmp_path / "changed.json"
    lepid.write_working_points(change(points), path)
    with pytest.raises(kind, match=fact):
        lepid.decorate(muons, taggers, tables=path)


def test_twice_the_same_point_is_refused(muons: Any, path: Path) -> None:
    with pytest.raises(errors.BadTable, match="'Half' has the name of a field"):
        lepid.decorate(muons, TAGGER, tables=[path, path])
