"""Scale factors of two measurements, beside plain Python."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lepid.efficiency.scale_factors.ratio import Factors, Measured, ratio
from lepid.errors import BadInput

EDGES = np.array([10.0, 20.0, math.inf]), np.array([0.0, 1.5, 2.5])
NAN = math.nan
FRACTION = st.floats(0.05, 0.95)
SIZE = st.floats(0.0, 0.05)


def measured(value: Any, down: Any = 0.01, up: Any = 0.02, **sources: Any) -> Measured:
    values = np.broadcast_to(np.asarray(value, float), (2, 2))
    ends = {n: tuple(np.broadcast_to(v, (2, 2)) for v in pair) for n, pair in sources.items()}
    return Measured(EDGES, values, values - down, values + up, ends)


def by_hand(data: dict[str, float], mc: dict[str, float], sources: Any) -> dict[str, float]:
    """All variations of one bin; `sources`: name -> data up, data down, simulation up and down."""
    sf = data["value"] / mc["value"]
    up = math.hypot(data["up"] / mc["value"], sf * mc["down"] / mc["value"])
    down = math.hypot(data["down"] / mc["value"], sf * mc["up"] / mc["value"])
    found = {"nominal": sf, "statup": sf + up, "statdown": max(sf - down, 0.0)}
    above, below = up**2, down**2
    for name, (data_up, data_down, mc_up, mc_down) in sources.items():
        ends = data_up / mc_up, data_down / mc_down
        found |= {f"{name}up": ends[0], f"{name}down": ends[1]}
        above += max(ends[0] - sf, ends[1] - sf, 0.0) ** 2
        below += min(ends[0] - sf, ends[1] - sf, 0.0) ** 2
    return {
        **found,
        "systup": sf + math.sqrt(above),
        "systdown": max(sf - math.sqrt(below), 0.0),
    }


@given(FRACTION, FRACTION, st.tuples(SIZE, SIZE, SIZE, SIZE), st.lists(FRACTION, min_size=6))
def test_every_variation_beside_plain_python(
    data: float, mc: float, sizes: tuple[float, ...], moved: list[float]
) -> None:
    one = measured(data, sizes[0], sizes[1], fit=moved[:2], tag=moved[2:4])
    other = measured(mc, sizes[2], sizes[3], tag=moved[4:6])
    expected = by_hand(
        {"value": data, "down": sizes[0], "up": sizes[1]},
        {"value": mc, "down": sizes[2], "up": sizes[3]},
        {"fit": (*moved[:2], mc, mc), "tag": (*moved[2:4], *moved[4:6])},
    )
    found = ratio(one, other)
    assert next(iter(found.values)) == "nominal"
    assert set(found.values) == set(expected)
    for name, value in expected.items():
        assert found.values[name] == pytest.approx(np.full((2, 2), value), rel=1e-9, abs=1e-12)
    assert np.array_equal(found.efficiency, other.value)


def test_the_combined_uncertainty_holds_the_largest_of_both_ends() -> None:
    found = ratio(measured(0.8, 0, 0, fit=(0.82, 0.84)), measured(0.8, 0, 0)).values
    assert found["systup"] == pytest.approx(np.full((2, 2), 1.05))
    assert found["systdown"] == pytest.approx(np.ones((2, 2)))


def test_the_same_efficiency_is_one_with_errors_of_both() -> None:
    found: Factors = ratio(measured(0.9), measured(0.9))
    assert np.array_equal(found.values["nominal"], np.ones((2, 2)))
    size = math.hypot(0.02, 0.01) / 0.9
    assert found.values["statup"] == pytest.approx(1 + size)


@pytest.mark.parametrize(("data", "mc"), [(NAN, 0.9), (0.9, NAN), (0.9, 0.0)])
def test_a_bin_without_a_number_is_nan_and_said(data: float, mc: float) -> None:
    one = measured([[data, 0.9], [0.9, 0.9]])
    found = ratio(one, measured([[mc, 0.9], [0.9, 0.9]]), said=["merged: x"])
    for value in (*found.values.values(), found.efficiency):
        assert np.isnan(value).tolist() == [[True, False], [False, False]]
    assert found.said == ("merged: x", "not measured: pT 10 to 20 GeV, |eta| 0 to 1.5")


def test_a_scale_factor_is_never_below_zero() -> None:
    found = ratio(measured(0.01, 0.5), measured(0.9)).values
    assert found["statdown"].max() == found["systdown"].max() == 0.0
    assert ratio(measured(0.0), measured(0.9)).values["nominal"].max() == 0.0


def test_other_edges_are_refused() -> None:
    edges = EDGES[0], np.array([0.0, 1.4, 2.5])
    other = Measured(edges, *(np.ones((2, 2)),) * 3)
    with pytest.raises(BadInput, match=r"other edges: \[0.0, 1.5, 2.5\] and \[0.0, 1.4, 2.5\]"):
        ratio(measured(0.9), other)


def test_no_bin_at_all_is_refused() -> None:
    with pytest.raises(BadInput, match="no bin has an efficiency in data"):
        ratio(measured(NAN), measured(0.9))
    with pytest.raises(BadInput, match="above 0 in simulation"):
        ratio(measured(0.9), measured(0.0))


@pytest.mark.parametrize("name", ["stat", "syst", "nominal", ""])
def test_names_that_mean_something_else(name: str) -> None:
    with pytest.raises(BadInput, match=f"cannot be called '{name}'"):
        ratio(measured(0.9, **{name: (0.9, 0.9)}), measured(0.9))


def test_a_source_that_was_not_measured_everywhere() -> None:
    lost = np.array([[NAN, 0.9], [0.9, 0.9]])
    with pytest.raises(BadInput, match="source 'fit' is not measured in 1 bins"):
        ratio(measured(0.9, fit=(lost, 0.9)), measured(0.9))
    with pytest.raises(BadInput, match="source 'fit' is not measured in 4 bins"):
        ratio(measured(0.9), measured(0.9, fit=(0.0, 0.9)))
