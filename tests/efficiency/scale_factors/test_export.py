"""Scale factors in every format; correctionlib's has a test of its own."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import pytest
import uproot

from lepid.efficiency.scale_factors import export
from lepid.efficiency.scale_factors.ratio import Measured, ScaleFactors, ratio
from lepid.errors import BadInput

EDGES = np.array([10.0, 30.0, math.inf]), np.array([0.0, 1.5, 2.5])
DATA = np.array([[0.8, 0.7], [0.9, math.nan]])


@pytest.fixture(scope="module")
def factors() -> ScaleFactors:
    data = Measured(EDGES, DATA, DATA - 0.02, DATA + 0.01, ways={"fit": (DATA + 0.03,)})
    rates = np.full((2, 2), 0.9)
    simulation = Measured(EDGES, rates, rates - 0.01, rates + 0.01)
    return ScaleFactors("toy", "Muons", {"Tight": ratio(data, simulation)}, about="data: a")


def test_csv(factors: ScaleFactors, tmp_path: Path) -> None:
    export.write(factors, tmp_path / "x.csv")
    with (tmp_path / "x.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 4
    for name, values in factors.points["Tight"].values.items():
        assert [float(row[name] or "nan") for row in rows] == pytest.approx(
            values.ravel(), nan_ok=True
        )
    assert [row["data_low"] for row in rows] == ["0.78", "0.68", "0.88", ""]
    assert rows[2]["pt_high"] == "inf"


def test_tex(factors: ScaleFactors, tmp_path: Path) -> None:
    export.write(factors, tmp_path / "x.tex")
    lines = (tmp_path / "x.tex").read_text().splitlines()
    assert lines[1] == "% data: a"
    body = [line for line in lines if line.startswith("    ") and "&" in line]
    up, down = math.hypot(0.01, 0.01 * 8 / 9) / 0.9, math.hypot(0.02, 0.01 * 8 / 9) / 0.9
    cell = f"0.889^{{+{up:.3f}}}_{{-{down:.3f}}} \\pm {0.03 / 0.9:.3f}"
    assert cell in body[1]
    assert body[2].startswith("    $> 30$ &")
    assert body[2].endswith(r"& -- \\")


def test_root(factors: ScaleFactors, tmp_path: Path) -> None:
    export.write(factors, tmp_path / "x.root")
    values = factors.points["Tight"].values
    with uproot.open(tmp_path / "x.root") as file:
        found = file["Tight/scale_factor"]
        assert np.array_equal(found.values(), values["nominal"], equal_nan=True)
        half = (values["systup"] - values["systdown"]) / 2
        assert found.errors()[:, 0] == pytest.approx(half[:, 0])
        assert np.array_equal(
            file["Tight/scale_factor_fitup"].values(), values["fitup"], equal_nan=True
        )
        assert np.array_equal(file["Tight/efficiency_data"].values(), DATA, equal_nan=True)
        # Above the drawn end of the open bin a lookup finds the open bin.
        assert found.axis("x").high == 60.0
        assert found.values(flow=True)[3, 1] == values["nominal"][1, 0]


def test_other_suffixes_are_errors(factors: ScaleFactors, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"'\.txt'"):
        export.write(factors, tmp_path / "x.txt")
