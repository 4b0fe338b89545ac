"""Numbers as text, and the axis on which they are drawn."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lepid.efficiency import counting, summary
from lepid.efficiency.axis import Axis, End, closed
from lepid.efficiency.summary import Row


def row(value: float, low: float, high: float) -> Row:
    whole = summary.WHOLE_RANGE
    return Row("prompt", "Tight", (), whole, whole, 9.0, 10.0, value, low, high, "normal")


@pytest.mark.parametrize(
    ("numbers", "text"),
    [
        ((0.91234, 0.90234, 0.92111), "0.9123 +0.0088 -0.0100"),
        ((0.00921, 0.00852, 0.00995), "0.00921 +0.00074 -0.00069"),
        ((0.5, 0.2, 0.8), "0.500 +0.300 -0.300"),
        ((1.0, 0.84, 1.0), "1.000 +0.000 -0.160"),
        ((math.nan, 0.0, 1.0), "-"),
    ],
)
def test_value_text_shows_two_digits_of_the_uncertainty(
    numbers: tuple[float, float, float], text: str
) -> None:
    assert summary.value_text(row(*numbers)) == text


@pytest.mark.parametrize(
    ("edges", "text"),
    [
        ((20.0, 25.0), "20 to 25"),
        ((1.37, 1.52), "1.37 to 1.52"),
        ((200.0, math.inf), "> 200"),
        (summary.WHOLE_RANGE, "all"),
    ],
)
def test_bin_text(edges: tuple[float, float], text: str) -> None:
    assert summary.bin_text(edges) == text


def test_counts_are_whole_and_sums_are_not() -> None:
    assert summary.count_text(1234567.0) == "1234567"
    assert summary.count_text(1234.5678) == "1234.57"


def test_rows_leave_out_classes_without_leptons() -> None:
    table = counting.empty("t", "n", classes=["a", "b"], working_points=["L", "T"])
    table = counting.count(
        table,
        decisions={"L": [True, True], "T": [False, True]},
        scored=[True, False],
        truth_class=["b", "a"],
        pt=[30.0, 30.0],
        abseta=[2.9, 1.0],
    )
    found = [(r.truth_class, r.working_point, r.passed, r.total) for r in summary.rows(table)]
    assert found == [("b", "L", 1.0, 1.0), ("b", "T", 0.0, 1.0)]
    assert summary.left_out(table) == [("a", 1, 0.0), ("b", 0, 1.0)]
    assert summary.identity(table)["uncertainties"] == "clopper-pearson, 68.3 %"


def test_rows_by_two_variables_are_in_the_order_of_the_bins() -> None:
    edges = {"pt_edges": (0.0, 10.0, 20.0), "abseta_edges": (0.0, 1.0, 2.0)}
    table = counting.empty("t", "n", classes=["a"], working_points=["L"], **edges)
    table = counting.count(
        table,
        decisions={"L": [True, False, True]},
        scored=[True] * 3,
        truth_class=["a"] * 3,
        pt=[5.0, 15.0, 15.0],
        abseta=[1.5, 0.5, 0.5],
    )
    found = {(r.pt, r.abseta): (r.passed, r.total) for r in summary.rows(table, ("pt", "abseta"))}
    assert list(found.values()) == [(0.0, 0.0), (1.0, 1.0), (1.0, 2.0), (0.0, 0.0)]
    assert found[(10.0, 20.0), (0.0, 1.0)] == (1.0, 2.0)


def test_closed_edges() -> None:
    assert closed((0.0, 10.0, math.inf)) == (0.0, 10.0, 20.0)
    assert closed((0.0, math.inf)) == (0.0, 1.0)
    assert closed((0.0, 2.5)) == (0.0, 2.5)


def test_axis_covers_the_filled_bins() -> None:
    edges = (0.0, 5.0, 10.0, 100.0, math.inf)
    whole = Axis.of(edges, np.array([True, True, False, True]), True)
    assert whole.logarithmic
    assert whole.limits == (2.5, 200.0)
    assert whole.ends == (End(0.0, 2.5, 5.0), End(math.inf, 200.0, 100.0))
    assert [whole.shows(x) for x in (3.0, 5.0, 50.0, 100.0, 150.0)] == [
        False,
        True,
        True,
        True,
        False,
    ]
    part = Axis.of(edges, np.array([False, True, True, False]), True)
    assert (part.limits, part.logarithmic, part.ends) == ((5.0, 100.0), True, ())
    narrow = Axis.of(edges, np.array([False, True, False, False]), True)
    assert (narrow.limits, narrow.logarithmic) == ((5.0, 10.0), False)
    eta = Axis.of((0.0, 0.1, 2.5), np.array([True, True]), False)
    assert (eta.limits, eta.logarithmic, eta.ends) == ((0.0, 2.5), False, ())


@pytest.mark.parametrize("number", [1, 4, 12])
def test_markers_of_one_bin_stand_inside_it_and_apart(number: int) -> None:
    axis = Axis.of((0.0, 5.0, 10.0, math.inf), np.ones(3, bool), True)
    places = np.array([axis.places(i, number) for i in range(number)])
    assert (places > axis.edges[:-1]).all()
    assert (places < axis.edges[1:]).all()
    assert (np.diff(places, axis=0) > 0).all()
