"""Derived points in a file: what is read back decides as what was derived."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import correctionlib
import numpy as np
import pytest

from lepid import errors
from lepid.working_points import table
from lepid.working_points.bins import Bins
from lepid.working_points.derive import derive
from lepid.working_points.points import Sample, Wanted
from lepid.working_points.table import Binding
from lepid.working_points.written import Named, write

BINS = Bins((0.0, 10.0, 20.0, 40.0, np.inf), (0.0, 1.0, 2.5))
N = 6000


def sample(seed: int) -> Sample:
    rng = np.random.default_rng(seed)
    pt, abseta = 5 + rng.exponential(20, N), rng.uniform(0, 2.5, N)
    quantities = {"D_el": np.log(pt) + rng.normal(size=N)}
    return Sample(quantities, {"El": np.ones(N, np.bool_)}, pt, abseta, np.ones(N))


def named(some: Sample, wanted: list[Wanted], **options: Any) -> Named:
    return Named(
        tagger="electron_mine",
        network="one",
        derived=derive(some, wanted, BINS, **options),
        axes={"pt": "pt", "abseta": "abseta"},
        bound_to=Binding(sha256=("0" * 64,), columns=("a", "b")),
        units={},
        fractions={"f_CF": (0.1,)},
    )


WANTED = [Wanted("Loose", "El", 0.95, "efficiency 0.95"), Wanted("Tight", "El", 0.8, "0.8")]


@pytest.mark.parametrize("smoothing", ["", "linear", "pchip"])
@pytest.mark.parametrize("sense", [">", "<="])
def test_the_file_decides_as_the_points_do(tmp_path: Path, sense: Any, smoothing: str) -> None:
    some, other = sample(1), sample(2)
    made = named(some, WANTED, sense=sense, smoothing=smoothing)
    path = tmp_path / "points.json"
    write(made, path)
    read = table.read(path)
    axes = {"pt": other.pt, "abseta": other.abseta}
    decided = read.decide({"D_el": other.quantities["D_el"]}, axes)
    i, j = np.divmod(BINS.places(other.pt, other.abseta), 2)
    for point in made.derived.points:
        cut = point.cuts[0][i, j]
        if point.lines:
            cut = np.choose(j, [line.at(other.pt) for line in point.lines[0]])
        compare = np.greater if sense == ">" else np.less_equal
        np.testing.assert_array_equal(decided[point.name], compare(other.quantities["D_el"], cut))
        reached = read.tables.look_up(f"{point.name}_efficiency", some.pt, some.abseta)
        again = read.decide(
            {"D_el": some.quantities["D_el"]}, {"pt": some.pt, "abseta": some.abseta}
        )
        # A line in a file differs from numpy's in the last digit.
        assert reached.mean() == pytest.approx(again[point.name].mean(), abs=1 / N)


def test_the_file_says_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "points.json.gz"
    write(named(sample(1), WANTED), path)
    read = table.read(path)
    assert read.points == ["Loose", "Tight"]
    assert read.rules.bound_to.sha256 == ("0" * 64,)
    assert f"derived by lepid from {N} El" in read.tables.description
    assert "f_CF=0.1" in read.tables.description
    with pytest.raises(errors.UnboundTable):
        read.check_binding("1" * 64, "", ())
    numbers = ("", "_uncertainty", "_efficiency", "_efficiency_uncertainty", "_target")
    expected = {f"{p}{s}" for p in read.points for s in numbers}
    assert set(read.tables.names) == expected


def test_merged_bins_are_named(tmp_path: Path) -> None:
    made = named(sample(1), [Wanted("VeryTight", "El", 0.985, "")])
    assert made.derived.merged
    write(made, tmp_path / "points.json")
    text = table.read(tmp_path / "points.json").tables.description
    for merged in made.derived.merged:
        assert f"one cut of VeryTight for all of {merged}" in text


def test_two_quantities_are_two_requirements(tmp_path: Path) -> None:
    some, rng = sample(1), np.random.default_rng(4)
    flips = rng.random(N) < 0.3
    both = {**some.quantities, "D_CF": rng.normal(size=N) - flips}
    some = replace(some, quantities=both, populations={"El": ~flips, "CF": flips})
    write(named(some, [Wanted("Tight", "El", 0.8, "", "CF")]), tmp_path / "points.json")
    (tight,) = table.read(tmp_path / "points.json").rules.points.values()
    assert [(r.quantity, r.correction) for r in tight] == [
        ("D_el", "Tight_D_el"), ("D_CF", "Tight_D_CF"),
    ]  # fmt: skip


def test_units_of_the_cut(tmp_path: Path) -> None:
    made = replace(named(sample(1), WANTED), units={"D_el": "GeV"})
    write(made, tmp_path / "points.json")
    assert table.read(tmp_path / "points.json").quantities() == {"D_el": "GeV"}


def test_nothing_is_written_where_a_number_is_not_finite(tmp_path: Path) -> None:
    made = named(sample(1), WANTED)
    point = made.derived.points[0]
    broken = replace(point, cuts=np.full_like(point.cuts, np.inf))
    made = replace(made, derived=replace(made.derived, points=(broken,)))
    with pytest.raises(errors.BadTable, match="not a finite number"):
        write(made, tmp_path / "points.json")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("smoothing", ["", "linear", "pchip"])
def test_correctionlib_accepts_it(tmp_path: Path, smoothing: str) -> None:
    path = tmp_path / "points.json"
    write(named(sample(1), WANTED, smoothing=smoothing), path)
    for command in (["validate", "--version", "2"], ["summary"]):
        words = [sys.executable, "-m", "correctionlib.cli", *command, str(path)]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    plain = correctionlib.CorrectionSet.from_file(str(path))
    assert plain["Tight"].evaluate(25.0, 0.3) == pytest.approx(
        table.read(path).tables.look_up("Tight", np.array([25.0]), np.array([0.3]))[0], abs=0
    )
    assert "lepid:" in json.loads(path.read_text())["description"]
