"""Correctionlib files that do not say what their numbers are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lepid import errors
from lepid.tables import binning, correction, write_corrections
from lepid.working_points import plain
from lepid.working_points.table import Binding, Table

AXES = {"pt": "pt [GeV]", "abseta": "|eta|"}
STEPS = binning("pt", (0, 20, "inf"), [1.0, 2.0])


def category(*inputs: str) -> dict[str, Any]:
    keys = [{"key": key, "value": value} for key, value in (("Loose", STEPS), ("Tight", 3.0))]
    entry = correction("cuts", "", AXES, ("cut", ""),
                       {"nodetype": "category", "input": "wp", "content": keys})  # fmt: skip
    words = [{"name": name, "type": "string", "description": ""} for name in inputs]
    return {**entry, "inputs": [*words, *entry["inputs"]]}


def read(path: Path, *corrections: dict[str, Any], **more: Any) -> Table:
    write_corrections(path, "published cuts", list(corrections))
    options: dict[str, Any] = {"tagger": "t", "quantity": "d", "sense": ">", **more}
    return plain.read(path, bound_to=Binding(columns=("a",)), **options)


def test_a_category_is_a_point_for_each_key(tmp_path: Path) -> None:
    made = read(
        tmp_path / "cuts.json", category("wp"), correction("All", "", AXES, ("cut", ""), 0.5)
    )
    assert made.points == ["Loose", "Tight", "All"]
    pt = np.array([10.0, 30.0])
    assert made.tables.look_up("Loose", pt, pt).tolist() == [1.0, 2.0]
    assert made.tables.look_up("Tight", pt, pt).tolist() == [3.0, 3.0]
    assert made.tables.description.startswith("published cuts")


def test_inputs_of_other_names(tmp_path: Path) -> None:
    steps = correction("T", "", {"ptl": "[GeV]"}, ("cut", ""), binning("ptl", (0, "inf"), [1.0]))
    made = read(tmp_path / "cuts.json", steps, inputs={"ptl": "pt"})
    assert made.axes() == {"ptl": ("pt", "GeV")}


def test_what_is_no_table_of_cuts(tmp_path: Path) -> None:
    path = tmp_path / "cuts.json"
    with pytest.raises(errors.BadTable, match="words, and not one in front"):
        read(path, category("year", "wp"))
    loose = correction("Loose", "", AXES, ("cut", ""), 0.5)
    with pytest.raises(errors.BadTable, match="two points have the same name"):
        read(path, category("wp"), loose)
