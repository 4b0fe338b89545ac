"""Files of densities: what correctionlib says of them, and what is no such file."""

from __future__ import annotations

import json
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import correctionlib.cli
import numpy as np
import pytest

from lepid.errors import BadTable
from lepid.tables import read
from lepid.taggers import densities
from lepid.taggers.densities import Density, Grid

TOY = runpy.run_path(str(Path(__file__).resolve().parent.parent / "likelihoods.py"))


@pytest.mark.parametrize("command", [["validate", "--version", "2"], ["summary"]])
def test_the_tools_of_correctionlib_accept_it(tmp_path: Path, command: list[str]) -> None:
    path = TOY["write"](tmp_path / "d.json", TOY["make"](1), references=TOY["references"](1))
    run = correctionlib.cli.main
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["correction", *command, str(path)])
        try:
            status = run()
        except SystemExit as error:
            status = int(error.code or 0)
    assert status == 0


def test_a_grid_comes_back(tmp_path: Path) -> None:
    made = TOY["make"](2)
    content = read(TOY["write"](tmp_path / "d.json.gz", made))
    for name, (_, grids) in made.items():
        for kind in densities.CLASSES:
            found = densities.grid(content, f"{name}_{kind}")
            assert found[:2] == grids[kind][:2]
            for row, other in zip(found.content, grids[kind].content, strict=True):
                for one, two in zip(row, other, strict=True):
                    assert one[:2] == two[:2]
                    assert one.content.tolist() == two.content.tolist()


def one(content: list[float]) -> dict[str, Any]:
    grid = Grid([0, 10, 20], [0, 3], [[Density(0, 1, np.array(content))]] * 2)
    return {"f1": ("", dict.fromkeys(densities.CLASSES, grid))}


def test_numbers_that_are_no_probabilities_are_not_written(tmp_path: Path) -> None:
    for content, fact in (([0.5, 0.6], "add up to 1.1"), ([-0.5, 1.5], "add up to 1")):
        with pytest.raises(BadTable, match=rf"f1_signal: the probabilities .* {fact}"):
            TOY["write"](tmp_path / "d.json", one(content))
    assert list(tmp_path.iterdir()) == []


def test_a_grid_of_another_shape_is_not_written(tmp_path: Path) -> None:
    made = one([0.5, 0.5])
    grid = made["f1"][1]["signal"]
    made["f1"][1]["signal"] = grid._replace(et_edges=[0, 10, 20, 30])
    with pytest.raises(BadTable, match=r"one entry for each of \(3, 1\) bins"):
        TOY["write"](tmp_path / "d.json", made)
    assert list(tmp_path.iterdir()) == []


def change(path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    """Sets what lies at ``a.0.b`` in the first correction."""

    def act(entry: dict[str, Any]) -> None:
        *steps, last = path.split(".")
        part: Any = entry["data"]
        for step in steps:
            part = part[int(step) if step.isdigit() else step]
        part[int(last) if last.isdigit() else last] = value

    return act


BROKEN = {
    "bins of one width in et": (
        change("edges", {"n": 2, "low": 0.0, "high": 1.0}), "bins of et with"),
    "a number for a bin": (change("content.0", 1.0), "expected bins of abseta"),
    "other |eta|": (change("content.1.edges", [0.0, 2.0]), r"bins of \|eta\| differ"),
    "edges in x": (change("content.0.content.0.edges", [0.0, 0.5, 1.0]), "bins of one width in x"),
    "an error outside": (change("content.0.content.0.flow", "error"), "with the flow clamp"),
    "a formula": (
        change("content.0.content.0.content.0", {
            "nodetype": "formula", "expression": "x", "parser": "TFormula", "variables": ["x"]}),
        "a finite number in each bin",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", BROKEN)
def test_a_correction_that_is_no_grid_of_densities(tmp_path: Path, kind: str) -> None:
    act, fact = BROKEN[kind]
    path = TOY["write"](tmp_path / "d.json", one([0.5, 0.5]))
    text = json.loads(path.read_text("utf-8"))
    act(text["corrections"][0])
    path.write_text(json.dumps(text), encoding="utf-8")
    with pytest.raises(BadTable, match=rf"f1_signal: .*{fact}"):
        densities.grid(read(path), "f1_signal")
