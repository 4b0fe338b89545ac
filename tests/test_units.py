"""Units against exact arithmetic."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lepid import units
from lepid.errors import UnknownName
from lepid.units import FACTORS, convert

# What one unit is worth, in the unit that comes first in its line.
WORTH = {
    "GeV": Fraction(1), "MeV": Fraction(1, 1000), "TeV": Fraction(1000),
    "1/GeV": Fraction(1), "1/MeV": Fraction(1000),
    "mm": Fraction(1), "cm": Fraction(10), "um": Fraction(1, 1000),
    "rad": Fraction(1), "": Fraction(1),
}  # fmt: skip
PAIRS = [(a, b) for a in FACTORS for b in FACTORS if FACTORS[a][0] == FACTORS[b][0]]


def test_the_twin_knows_every_unit() -> None:
    assert set(WORTH) == set(FACTORS)


@pytest.mark.parametrize(("unit", "to"), PAIRS)
@given(value=st.floats(-1e9, 1e9) | st.sampled_from([0.1, 27.3, 43000.0, 5500.0]))
def test_every_conversion_rounds_once(unit: str, to: str, value: float) -> None:
    exact = Fraction(value) * WORTH[unit] / WORTH[to]
    assert float(convert(np.array([value]), unit, to)[0]) == float(exact)


@given(st.floats(np.float32(1e-3), np.float32(1e7), width=32))
def test_a_float32_energy_comes_back_from_the_other_unit(value: float) -> None:
    there = convert(np.array([value], np.float32), "MeV", "GeV")
    assert np.float32(convert(there, "GeV", "MeV")[0]) == np.float32(value)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32, np.uint8, np.bool_])
def test_the_result_is_float64_whatever_comes_in(dtype: type) -> None:
    values = np.array([0, 1, 1], dtype)
    for to in ("MeV", "GeV"):
        found = convert(values, "MeV", to)
        assert found.dtype == np.float64
        assert found.tolist() == [0.0, 1e-3 if to == "GeV" else 1.0, 1e-3 if to == "GeV" else 1.0]


def test_not_finite_stays_as_it_is() -> None:
    found = convert(np.array([np.nan, np.inf, -np.inf]), "MeV", "GeV")
    assert np.isnan(found[0])
    assert found[1:].tolist() == [np.inf, -np.inf]


def test_unknown_units_have_near_names() -> None:
    with pytest.raises(UnknownName, match=r"no unit 'mev'") as caught:
        convert(np.ones(1), "mev", "GeV")
    assert "MeV" in caught.value.near
    assert "um" in caught.value.do
    with pytest.raises(UnknownName, match="no unit 'Kg'"):
        units.dimension("Kg")


def test_what_measures_something_else_is_refused() -> None:
    with pytest.raises(UnknownName, match=r"unit 'GeV': no conversion to 'mm'") as caught:
        convert(np.ones(1), "GeV", "mm")
    assert caught.value.do == "use one of: GeV, MeV, TeV"
    with pytest.raises(UnknownName, match="no conversion to 'GeV'"):
        convert(np.ones(1), "", "GeV")


def test_dimensions() -> None:
    assert [units.dimension(u) for u in ("TeV", "1/MeV", "um", "rad", "")] == [
        "energy", "inverse energy", "length", "angle", "number",
    ]  # fmt: skip
