"""Bins in pT and |eta|, and which of them are merged."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lepid import errors
from lepid.working_points.bins import Bins, Demand, check_filled, joined, merged

BINS = Bins((0.0, 10.0, 20.0, 30.0, np.inf), (0.0, 1.0, 2.0))


# Edges are hit as often as what lies between.
PT = st.sampled_from([0.0, 10.0, 20.0, 30.0]) | st.floats(-5, 60)
ABSETA = st.sampled_from([0.0, 1.0, 2.0]) | st.floats(0, 3)


@given(st.lists(st.tuples(PT, ABSETA), max_size=20))
def test_places_of_leptons(leptons: list[tuple[float, float]]) -> None:
    pt, abseta = (np.array([lepton[k] for lepton in leptons], float) for k in (0, 1))
    expected = []
    for x, y in leptons:
        found = -1
        for i in range(4):
            for j in range(2):
                row, column = BINS.pt_edges[i : i + 2], BINS.abseta_edges[j : j + 2]
                if row[0] <= x < row[1] and column[0] <= y < column[1]:
                    found = 2 * i + j
        expected.append(found)
    assert BINS.places(pt, abseta).tolist() == expected


@pytest.mark.parametrize(
    ("pt", "abseta", "wrong"),
    [
        ((0.0, 20.0, 10.0), (0.0, 1.0), "pt edges"),
        ((0.0, 10.0, 10.0), (0.0, 1.0), "pt edges"),
        ((0.0, 10.0), (1.0,), "abseta edges"),
        ((-np.inf, 10.0), (0.0, 1.0), "pt edges"),
        ((0.0, np.nan, 10.0), (0.0, 1.0), "pt edges"),
    ],
)
def test_edges_that_do_not_increase(
    pt: tuple[float, ...], abseta: tuple[float, ...], wrong: str
) -> None:
    with pytest.raises(errors.BadInput, match=wrong):
        Bins(pt, abseta)


def demand(number: list[list[int]], share: float = 0.5) -> Demand:
    counts = np.array(number, float).T
    return Demand("leptons of El", counts, counts, counts, share * counts)


def test_bins_without_leptons_are_named() -> None:
    with pytest.raises(errors.BadInput, match="no leptons of El in 2 of 8 bins") as raised:
        check_filled(BINS, [demand([[5, 0, 5, 5], [5, 5, 5, 0]])])
    assert "pT 10 to 20 GeV, |eta| 0 to 1; pT 30 to inf GeV, |eta| 1 to 2" in str(raised.value)


def test_a_thin_bin_joins_its_thinner_neighbour() -> None:
    groups, said = merged(BINS, [demand([[90, 6, 30, 90], [90, 90, 90, 6]])], 10)
    assert groups.T.tolist() == [[0, 1, 1, 2], [3, 4, 5, 5]]
    assert said == [
        "pT 10 to 30 GeV, |eta| 0 to 1",
        "pT 20 to inf GeV, |eta| 1 to 2",
    ]


def test_a_tight_point_needs_more_leptons() -> None:
    numbers = [[90, 90, 90, 90], [90, 90, 90, 90]]
    assert merged(BINS, [demand(numbers)], 10)[1] == []
    groups, _ = merged(BINS, [demand(numbers), demand(numbers, 0.95)], 9)
    assert groups.T.tolist() == [[0, 0, 1, 1], [2, 2, 3, 3]]


def test_weights_that_cancel_make_a_bin_thin() -> None:
    number = np.full((4, 2), 100.0)
    total = number.copy()
    total[1, 0] = -3.0
    one = Demand("leptons of El", number, total, number, 0.5 * total)
    assert merged(BINS, [one], 10)[1] == ["pT 0 to 20 GeV, |eta| 0 to 1"]


def test_a_thin_bin_of_abseta_is_an_error() -> None:
    with pytest.raises(errors.BadInput, match=r"8 effective leptons of El .* \|eta\| 1 to 2"):
        merged(BINS, [demand([[90, 90, 90, 90], [4, 4, 4, 4]])], 10)


@given(st.lists(st.integers(0, 9), min_size=1, max_size=8), st.integers(1, 20))
def test_bins_in_a_row_are_joined_until_none_is_thin(sizes: list[int], minimum: int) -> None:
    parts = joined(len(sizes), lambda part: float(sum(sizes[part])), minimum)
    assert [i for part in parts for i in range(part.start, part.stop)] == [*range(len(sizes))]
    if len(parts) > 1:
        assert min(sum(sizes[part]) for part in parts) >= minimum
    if min(sizes) >= minimum:
        assert len(parts) == len(sizes)


def test_joined_takes_the_thinner_neighbour() -> None:
    sizes = [9, 1, 5, 5]
    parts = joined(4, lambda part: float(sum(sizes[part])), 5)
    assert parts == [slice(0, 1), slice(1, 3), slice(3, 4)]
