"""YAML of ftag's wps command."""

from __future__ import annotations

from pathlib import Path

import pytest

from lepid import errors
from lepid.tables import binning, constant, correction
from lepid.working_points import table, wps
from lepid.working_points.table import Binding, Requirement, Rules, Table

BOUND = Binding(columns=("a",))


def read(tmp_path: Path, text: str) -> Table:
    (tmp_path / "wps.yaml").write_text(text)
    return wps.read(tmp_path / "wps.yaml", "muon_mine", "discriminant", BOUND)


def test_a_file_reads_back(tmp_path: Path) -> None:
    made = read(
        tmp_path, "GN2: {signal: bjets, fc: 0.2, '70': {cut_value: 1.234}, '60': {cut_value: 3}}"
    )
    assert "GN2, from the working points of atlas-ftag-tools: signal bjets, fc 0.2" in (
        made.tables.description
    )
    wps.write(made, tmp_path / "again.yaml")
    again = wps.read(tmp_path / "again.yaml", "muon_mine", "discriminant", BOUND)
    assert again.rules == made.rules
    assert [again.tables.node(p) for p in again.points] == [1.234, 3.0]


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("a: {b: [}", "cannot be read as YAML"),
        ("[1, 2]", "holds 0 taggers"),
        ("", "holds 0 taggers"),
        ("a: {x: {cut_value: 1}}\nb: {x: {cut_value: 1}}", "holds 2 taggers, expected one: a, b"),
        ("a: {signal: b}", "no point has a cut_value"),
        ("a: {x: {cut_value: high}}", "cut_value of x is no number"),
        ("a: {x: {cut_value: .nan}}", "cut_value of x is no number"),
    ],
)
def test_what_is_no_such_file(tmp_path: Path, text: str, fact: str) -> None:
    with pytest.raises(errors.BadFile, match=fact):
        read(tmp_path, text)


def test_points_that_it_cannot_say(tmp_path: Path) -> None:
    axes = {"pt": "[GeV]"}
    steps = binning("pt", (0, 20, "inf"), [constant(1, "pt"), constant(2, "pt")])
    for sense, data, fact in ((">=", 1.0, "not one requirement"), (">", steps, "from 1 to 2")):
        rules = Rules(
            tagger="muon_mine",
            points={"T": (Requirement(correction="T", quantity="d", sense=sense),)},
            inputs={"pt": "pt"},
            bound_to=BOUND,
        )
        some = table.made(
            tmp_path / "t.json", "", rules, [correction("T", "", axes, ("cut", ""), data)]
        )
        with pytest.raises(errors.BadTable, match=fact):
            wps.write(some, tmp_path / "wps.yaml")
    assert list(tmp_path.iterdir()) == []
