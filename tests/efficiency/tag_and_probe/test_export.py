"""Every format holds the numbers of the results; what has none is NaN or empty."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from types import SimpleNamespace

import correctionlib
import numpy as np
import pytest
import uproot

import lepid
from lepid.efficiency.tag_and_probe.bins import Method
from lepid.efficiency.tag_and_probe.export import total_ends
from lepid.efficiency.tag_and_probe.pair_table import PairTable
from lepid.efficiency.tag_and_probe.result import ProbeEfficiency, probe_efficiency
from lepid.errors import BadInput


@pytest.fixture(scope="module")
def pairs(toys: SimpleNamespace) -> PairTable:
    table: PairTable = toys.table(np.random.default_rng(5), 4000, 800)
    for sums in (table.values, table.variances):
        sums[..., 0, 2, :] = 0.0
    return table


@pytest.fixture(scope="module")
def result(pairs: PairTable) -> ProbeEfficiency:
    """Nine bins, one of them empty, with one variation."""
    narrow, wide = Method("sidebands"), Method("sidebands", peak=(84.0, 98.0))
    return probe_efficiency(pairs, "Tight", method=narrow, variations={"window": (wide,)})


def test_csv(result: ProbeEfficiency, tmp_path: Path) -> None:
    lepid.write_table(result, tmp_path / "x.csv")
    with (tmp_path / "x.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 9
    names = "efficiency", "efficiency_low", "efficiency_high", "systematic", "systematic_window"
    parts = result.value, result.low, result.high, result.systematic, result.systematics["window"]
    for name, part in zip(names, parts, strict=True):
        found = [float(row[name] or "nan") for row in rows]
        assert found == pytest.approx(part.ravel(), nan_ok=True)
    assert rows[2]["efficiency"] == ""
    assert rows[2]["notes"] == "no pairs"
    assert (rows[5]["pt_low"], rows[5]["abseta_high"]) == ("38", "2.4")


def test_tex(result: ProbeEfficiency, tmp_path: Path) -> None:
    lepid.write_table(result, tmp_path / "x.tex")
    lines = (tmp_path / "x.tex").read_text().splitlines()
    body = [line for line in lines if line.startswith("    ") and "&" in line]
    assert [line.count("&") for line in body] == [3] * 4
    assert body[1].endswith(r"& -- \\")
    assert f"{result.value[0, 0]:.3f}^" in body[1]
    assert f"pm {result.systematic[1, 0]:.3f}" in body[2]


def test_root(result: ProbeEfficiency, tmp_path: Path) -> None:
    lepid.write_table(result, tmp_path / "x.root")
    with uproot.open(tmp_path / "x.root") as file:
        for name, part in (("", result.value), ("_low", result.low), ("_high", result.high)):
            found = file[f"Tight/efficiency{name}"].values()
            assert np.array_equal(found, part, equal_nan=True)
        assert file["Tight/systematic_window"].values() == pytest.approx(
            result.systematics["window"], nan_ok=True
        )
        masses = file["Tight/masses/pt1_abseta0/passed"]
        assert np.array_equal(masses.values(), result.bins[3].masses.passed.values)
        assert np.array_equal(masses.variances(), result.bins[3].masses.passed.variances)
        assert "toy" in str(file["lepid"])


def test_fits_are_in_root_files(pairs: PairTable, tmp_path: Path) -> None:
    fitted = probe_efficiency(pairs, "Tight", inclusive=True)
    lepid.write_table(fitted, tmp_path / "x.root")
    fit = fitted.bins[0].fit
    assert fit is not None
    with uproot.open(tmp_path / "x.root") as file:
        found = file["Tight/masses/all/failed_signal"].values()
        assert np.array_equal(found, fit.curves.signal["failed"])
        assert "efficiency" not in file["Tight"].keys(cycle=False)


@pytest.mark.parametrize("suffix", [".correctionlib.json", ".correctionlib.json.gz"])
def test_correctionlib(result: ProbeEfficiency, suffix: str, tmp_path: Path) -> None:
    lepid.write_table(result, tmp_path / f"x{suffix}")
    correction = correctionlib.CorrectionSet.from_file(str(tmp_path / f"x{suffix}"))["toy"]
    low, high = total_ends(result)
    half = result.systematics["window"]
    expected = {
        "nominal": result.value,
        "up": high,
        "down": low,
        "statup": result.high,
        "windowdown": result.value - half,
    }
    for (i, j), value in np.ndenumerate(result.value):
        pt, abseta = (edges[k] + 0.1 for edges, k in zip(result.edges, (i, j), strict=True))
        for name, part in expected.items():
            found = correction.evaluate("Tight", name, pt, abseta)
            assert found == pytest.approx(part[i, j], abs=1e-6, nan_ok=True)
        assert math.isnan(value) == ((i, j) == (0, 2))
    assert math.isnan(correction.evaluate("Tight", "nominal", 10.0, 0.5))


def test_total_ends_are_sums_of_squares(result: ProbeEfficiency) -> None:
    low, high = total_ends(result)
    for ends, stat in ((low, result.low), (high, result.high)):
        expected = [
            math.sqrt((a - b) ** 2 + c**2)
            for a, b, c in zip(result.value.flat, stat.flat, result.systematic.flat, strict=True)
        ]
        assert np.abs(ends - result.value).ravel() == pytest.approx(expected, nan_ok=True)


def test_one_bin_has_no_correctionlib_file(pairs: PairTable, tmp_path: Path) -> None:
    whole = probe_efficiency(pairs, "Tight", method=Method("count"), inclusive=True)
    for suffix in (".csv", ".tex"):
        lepid.write_table(whole, tmp_path / f"x{suffix}")
    with pytest.raises(BadInput, match="all probes are one bin"):
        lepid.write_table(whole, tmp_path / "x.correctionlib.json")
    assert not list(tmp_path.glob("*.json"))
