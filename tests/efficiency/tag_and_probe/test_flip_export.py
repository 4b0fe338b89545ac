"""Rates of charge flips in every format, and the probability of pairs beside plain Python."""

from __future__ import annotations

import csv
import math
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import correctionlib
import numpy as np
import pytest
import uproot

import lepid
from lepid.efficiency.scale_factors.of_measurements import scale_factors
from lepid.efficiency.tag_and_probe.charge_flips import ChargeTable, FlipRates
from lepid.efficiency.tag_and_probe.flip_export import same_sign
from lepid.efficiency.tag_and_probe.resonances import RESONANCES
from lepid.errors import BadInput

RATES = np.array([[0.01, 0.03], [0.02, math.nan]])


@pytest.fixture
def rates() -> FlipRates:
    rng = np.random.default_rng(3)
    root = rng.normal(size=(4, 4)) * 1e-3
    covariance = root @ root.T
    covariance[3] = covariance[:, 3] = math.nan
    error = np.sqrt(np.diag(covariance)).reshape(2, 2)
    identity = {"collection": "Electrons", "select": "pt > 20", "resonance": "Z"}
    edges = (20.0, 40.0, math.inf), (0.0, 1.4, 2.5)
    return FlipRates(RATES, error, covariance, *edges, 3.0, 4, identity)


def test_pairs_beside_plain_python(rates: FlipRates) -> None:
    value, error = same_sign(rates)
    flat = RATES.ravel()
    for i in range(4):
        for j in range(4):
            a, b = flat[i], flat[j]
            assert value[i, j] == pytest.approx(a * (1 - b) + b * (1 - a), nan_ok=True)
            # Moved by one derivative each, with the covariance of both rates.
            slopes = np.zeros(4)
            slopes[i] += 1 - 2 * b
            slopes[j] += 1 - 2 * a
            use = [k for k in range(4) if slopes[k] != 0]
            spread = rates.covariance[np.ix_(use, use)]
            expected = math.sqrt(slopes[use] @ spread @ slopes[use])
            assert error[i, j] == pytest.approx(expected, nan_ok=True)


def test_files(rates: FlipRates, tmp_path: Path) -> None:
    for suffix in (".json.gz", ".csv", ".tex", ".root", ".correctionlib.json"):
        lepid.write_table(rates, tmp_path / f"x{suffix}")
    found = lepid.read_table(tmp_path / "x.json.gz")
    assert np.array_equal(found.covariance, rates.covariance, equal_nan=True)
    assert replace(found, value=0, error=0, covariance=0) == replace(
        rates, value=0, error=0, covariance=0
    )
    with (tmp_path / "x.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["rate"] for row in rows] == ["0.01", "0.03", "0.02", ""]
    assert "$1.000^{" in (tmp_path / "x.tex").read_text()
    with uproot.open(tmp_path / "x.root") as file:
        assert np.array_equal(file["rate"].values(), RATES, equal_nan=True)
        assert file["rate"].errors()[0] == pytest.approx(rates.error[0])
    both = correctionlib.CorrectionSet.from_file(str(tmp_path / "x.correctionlib.json"))
    value, error = same_sign(rates)
    assert both["charge_flip"].evaluate("nominal", 50.0, 0.1) == 0.02
    pair = both["same_sign"].evaluate("up", 50.0, 0.1, 30.0, 2.0)
    assert pair == pytest.approx(value[2, 1] + error[2, 1], abs=1e-6)
    assert math.isnan(both["same_sign"].evaluate("nominal", 50.0, 2.0, 30.0, 2.0))
    assert math.isnan(both["charge_flip"].evaluate("nominal", 10.0, 0.1))


def test_the_pair_table_comes_back(toys: SimpleNamespace, tmp_path: Path) -> None:
    edges = {"pt_edges": (20.0, math.inf), "abseta_edges": (0.0, 2.4)}
    mass = {"mass_edges": RESONANCES["Z"].mass_edges}
    leptons, _, _ = toys.draw(np.random.default_rng(1), 300, 0)
    table = ChargeTable.empty("Electrons", "", "Z", **edges, **mass)
    table = table.counted(leptons, np.ones(600, bool), 0.0)
    path = tmp_path / "x.charges.json"
    lepid.write_table(replace(table, sources=("a.root",)), path)
    found = lepid.read_table(path)
    assert np.array_equal(found.values, table.values)
    assert (found + table).sources == ("a.root",)
    with pytest.raises(BadInput, match=r"\.charges\.json"):
        lepid.write_table(table, tmp_path / "x.json")


def test_scale_factors(rates: FlipRates) -> None:
    data = replace(rates, value=1.2 * RATES, error=2 * rates.error)
    found = scale_factors(data, rates)
    values = found.points["charge_flip"].values
    assert values["nominal"].ravel()[:3] == pytest.approx([1.2] * 3)
    size = math.hypot(2.0, 1.2) * rates.error[0, 0] / 0.01
    assert values["statup"][0, 0] == pytest.approx(1.2 + size)
    assert "not measured: pT 40 to inf GeV, |eta| 1.4 to 2.5" in found.points["charge_flip"].said
    other = replace(rates, identity={**rates.identity, "select": ""})
    with pytest.raises(BadInput, match="select: 'pt > 20' and ''"):
        scale_factors(rates, other)
