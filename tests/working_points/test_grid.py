"""Grids of the cuts of a table, against looking them up one by one."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from lepid import errors
from lepid.tables import binning, correction, piecewise_linear
from lepid.working_points import table
from lepid.working_points.grid import differences, grids
from lepid.working_points.table import Binding, Requirement, Rules, Table

TABLES = Path(__file__).resolve().parents[2] / "wp_tables"
TWO_INPUTS = ("muon_plit", "cms_electron_mva_iso", "electron_dnn")
PUBLISHED = sorted(TABLES.rglob("*.json"))


def made(cuts: list[float], edges: tuple[float, ...], unit: str = "GeV", name: str = "T") -> Table:
    node = binning("pt", (*edges, "inf"), cuts)
    entry = correction(name, "", {"pt": f"[{unit}]"}, ("cut", ""), node)
    rules = Rules(
        tagger="t",
        points={name: (Requirement(correction=name, quantity="d", sense=">"),)},
        inputs={"pt": "pt"},
        bound_to=Binding(columns=("a",)),
    )
    return table.made(Path("t.json"), "", rules, [entry])


@pytest.mark.parametrize("path", PUBLISHED, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_file_is_written_as_it_was_read(path: Path, tmp_path: Path) -> None:
    read = table.read(path)
    text = "\n".join(
        line for line in read.tables.description.splitlines() if not line.startswith("lepid:")
    )
    corrections = [read.tables.entry(name) for name in read.tables.names]
    table.write(tmp_path / "again.json", text, read.rules, corrections)
    again = table.read(tmp_path / "again.json")
    assert again.rules == read.rules
    assert [again.tables.entry(n) for n in again.tables.names] == corrections
    assert again.tables.description.split("\nlepid:")[0] == text


@pytest.mark.parametrize(
    "path",
    [
        p
        for p in PUBLISHED
        if p.parent.name in ("muon_plit", "cms_electron_mva_iso", "electron_dnn")
    ],
    ids=lambda path: f"{path.parent.name}/{path.stem}",
)
def test_grids_hold_the_cuts(path: Path) -> None:
    read = table.read(path)
    found = grids(read)
    assert [g.point for g in found] == [p for p in read.points for _ in read.requirements(p)]
    for grid in found:
        lines = [list(pairwise(edges)) for edges in grid.edges]
        for place in np.ndindex(grid.cuts.shape):
            ends = [lines[k][i] for k, i in enumerate(place)]
            if not np.isfinite(ends).all():
                continue
            middle = dict(zip(grid.inputs, (np.array([(a + b) / 2]) for a, b in ends), strict=True))
            order = [middle[name] for name in read.tables.inputs(grid.correction)]
            cut = read.tables.look_up(grid.correction, *order)[0]
            assert grid.cuts[place] == cut
            assert grid.low[place] <= cut <= grid.high[place]


def test_a_line_has_two_ends_and_a_step_one_value() -> None:
    lines = made([1.0], (0.0,))
    node = piecewise_linear("pt", [10, 20], [1.0, 2.0])
    entry = correction("T", "", {"pt": "[GeV]"}, ("cut", ""), node)
    (grid,) = grids(table.made(Path("t.json"), "", lines.rules, [entry]))
    assert grid.edges == ((-np.inf, 10.0, 20.0, np.inf),)
    np.testing.assert_allclose(grid.low, [1, 1, 2])
    np.testing.assert_allclose(grid.high, [1, 2, 2])
    (plain,) = grids(made([1.0, 3.0], (0.0, 10.0)))
    np.testing.assert_array_equal(plain.low, plain.high)
    assert np.isnan(plain.uncertainty).all()


def test_differences_in_the_bins_of_both() -> None:
    found = differences(made([1, 2], (0, 10)), made([1, 4], (0, 20)))
    assert [(d.bin[0][1:], d.one, d.other) for d in found] == [
        ((0, 10), 1, 1), ((10, 20), 2, 1), ((20, np.inf), 2, 4),
    ]  # fmt: skip


def test_tables_that_cannot_be_compared() -> None:
    one = made([1, 2], (0, 10))
    with pytest.raises(errors.BadTable, match=r"binned in pt \[GeV\], and in .* pt \[MeV\]"):
        differences(one, made([1, 2], (0, 10), "MeV"))
    with pytest.raises(errors.BadTable, match="no point and quantity"):
        differences(one, made([1, 2], (0, 10), name="U"))


def test_three_inputs_make_no_grid() -> None:
    entry = correction("T", "", {"pt": "[GeV]", "abseta": "", "pileup": ""}, ("cut", ""), 1.0)
    rules = made([1], (0,)).rules.model_copy(update={"inputs": {
        "pt": "pt", "abseta": "abseta", "pileup": "mu"}})  # fmt: skip
    with pytest.raises(errors.BadTable, match="more than two inputs make no grid"):
        grids(table.made(Path("t.json"), "", rules, [entry]))
