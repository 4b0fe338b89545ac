"""Files of shifts and stretches: look-ups beside plain Python, and every file that is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lepid.errors import BadTable
from lepid.features import column_corrections
from lepid.features.column_corrections import ColumnCorrections, Correction, Rules
from lepid.tables import binning, correction

EDGES = [0.0, 1.37, 1.52, 2.47]
SHIFTS, STRETCHES = [0.01, 0.0, -0.02], [1.1, 1.0, 0.9]
AXIS = {"abseta": "|eta|"}


def entries(unit: str = "") -> list[Any]:
    return [
        correction("Reta_shift", "", AXIS, ("s", unit), binning("abseta", EDGES, SHIFTS)),
        correction("Reta_stretch", "", AXIS, ("s", ""), binning("abseta", EDGES, STRETCHES)),
        correction("f1_shift", "", {"et": "[GeV]"}, ("s", ""), binning("et", [0, 20, 99], [1, 2])),
    ]


def said(**changes: Any) -> Rules:
    content: dict[str, Any] = {
        "corrected": {
            "Reta": Correction(shift="Reta_shift", stretch="Reta_stretch"),
            "f1": Correction(shift="f1_shift"),
        },
        "inputs": {"abseta": "abseta_cluster", "et": "et"},
    }
    return Rules(**(content | changes))


def written(
    folder: Path, corrections: list[Any] | None = None, **changes: Any
) -> ColumnCorrections:
    path = folder / "fudge.json"
    column_corrections.write(path, "d", said(**changes), corrections or entries())
    return column_corrections.read(path)


def test_stretch_and_shift_of_each_bin(tmp_path: Path) -> None:
    table = written(tmp_path)
    rng = np.random.default_rng(4)
    eta = np.concatenate([[0, 1.37, 1.52, np.nextafter(1.37, 0)], rng.uniform(0, 2.47, 200)])
    values = rng.normal(0.9, 0.1, len(eta))
    found = table.apply("Reta", values, {"abseta": eta, "et": eta})
    for value, x, corrected in zip(values, eta, found, strict=True):
        place = max(i for i, edge in enumerate(EDGES[:-1]) if x >= edge)
        assert corrected == pytest.approx(STRETCHES[place] * value + SHIFTS[place], rel=1e-14)
    only = table.apply("f1", values[:2], {"et": np.array([19.0, 20.0])})
    assert only.tolist() == pytest.approx([values[0] + 1, values[1] + 2], rel=1e-14)
    assert table.axes() == {"abseta": ("abseta_cluster", ""), "et": ("et", "GeV")}


def test_what_is_not_known_is_nan(tmp_path: Path) -> None:
    table = written(tmp_path)
    axes = {"abseta": np.array([0.5, np.nan, np.inf, 0.5])}
    found = table.apply("Reta", np.array([1.0, 1.0, 1.0, np.nan]), axes)
    assert np.isnan(found).tolist() == [False, True, True, True]


def test_the_unit_of_a_shift(tmp_path: Path) -> None:
    table = written(tmp_path, entries("shift [mm]"))
    assert (table.unit("Reta"), table.unit("f1")) == ("mm", "")
    assert len(table.sha256) == 64


@pytest.mark.parametrize(
    ("changes", "facts"),
    [
        ({"corrected": {"Reta": Correction(shift="Reta_shfit")}},
         ["column 'Reta' names the correction 'Reta_shfit'", "near: Reta_shift"]),
        ({"inputs": {"abset": "eta", "et": "et"}},
         ["no feature is named for the inputs ['abseta'] of 'Reta_shift'", "near: abset"]),
    ],
)  # fmt: skip
def test_rules_that_do_not_fit(tmp_path: Path, changes: Any, facts: list[str]) -> None:
    with pytest.raises(BadTable) as caught:
        written(tmp_path, **changes)
    assert all(fact in str(caught.value) for fact in facts)
    assert not list(tmp_path.iterdir())


def test_corrections_that_do_not_fit(tmp_path: Path) -> None:
    node = binning("abseta", EDGES, SHIFTS)
    others = entries()[1:]
    whole = correction("Reta_shift", "", AXIS, ("s", ""), node)
    whole["inputs"][0]["type"] = "int"
    bare = correction("Reta_shift", "", {}, ("s", ""), 1.0)
    for first, fact in (
        (correction("Reta_shift", "", {"abseta": "[GeVV]"}, ("s", ""), node),
         "input 'abseta' has the unknown unit 'GeVV'"),
        (correction("Reta_shift", "", {"abseta": "[rad]"}, ("s", ""), node),
         "input 'abseta' has two units, 'rad' and ''"),
        (correction("Reta_shift", "", AXIS, ("s", "[mmm]"), node),
         "correction 'Reta_shift' has the unknown unit 'mmm'"),
        (whole, "input 'abseta' of 'Reta_shift' is int, expected real"),
        (bare, "correction 'Reta_shift' has no input"),
    ):  # fmt: skip
        with pytest.raises(BadTable) as caught:
            written(tmp_path, [first, *others])
        assert fact in str(caught.value)


def test_a_correction_of_nothing(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    column_corrections.write(path, "d", said(), entries())
    path.write_text(path.read_text().replace('\\"shift\\":\\"f1_shift\\"', ""))
    with pytest.raises(BadTable, match=r"corrected\.f1: .*neither shift nor stretch"):
        column_corrections.read(path)


def test_a_file_without_the_line(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    column_corrections.write(path, "d", said(), entries())
    path.write_text(path.read_text().replace("lepid:", "other:"))
    with pytest.raises(BadTable, match="not corrections of columns: the description has 0 lines"):
        column_corrections.read(path)
