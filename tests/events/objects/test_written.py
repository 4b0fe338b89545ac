"""What of a collection can be written, and in which shape."""

from __future__ import annotations

from typing import Any

import awkward as ak
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lepid.errors import BadInput, MissingColumns
from lepid.events.objects import written

PT = [[30.0, 20.0], [], [15.0]]


def events_of() -> ak.Array:
    """Three events with columns of every kind."""
    muons = ak.zip(
        {
            "pt": ak.values_astype(ak.Array(PT), np.float32),
            "n": ak.Array([[1, None], [], [3]]),
            "flag": ak.Array([[True, None], [], [False]]),
            "cov": ak.Array([[[1.0], [2.0, 3.0]], [], [[]]]),
            "name": ak.Array([["a", "b"], [], ["c"]]),
            "plit": ak.zip({"score": ak.Array(PT) / 100, "tight": ak.Array(PT) > 18}),
        },
        depth_limit=2,
    )
    info = ak.zip({"number": [1, 2, 3], "weights": PT, "s": ["a", "b", "c"]}, depth_limit=1)
    return ak.zip(
        {"Muons": ak.with_name(muons, "Muon"), "info": info, "run": [1, 2, 3]}, depth_limit=1
    )


@pytest.mark.parametrize(
    ("collection", "expected"), [("Muons", ["pt", "n", "flag"]), ("info", ["number"])]
)
def test_writable_columns_have_one_number_per_object(collection: str, expected: list[str]) -> None:
    events = events_of()
    assert written.writable(events, collection, events[collection].fields) == expected


@pytest.mark.parametrize(
    ("column", "numeric"),
    [
        ([1, 2], True),
        ([[1.0], []], True),
        ([True, None], True),
        ([[], []], True),
        ([[[1.0]]], False),
        (["a", "b"], False),
        ([[{"x": 1}]], False),
        ([[1], ["a"]], False),
    ],
)
def test_is_numeric(column: Any, numeric: bool) -> None:
    assert written.is_numeric(ak.Array(column)) is numeric


def test_packed_as_branches_of_a_tree() -> None:
    paths = {"pt": ("pt",), "plit_score": ("plit", "score"), "plit_tight": ("plit", "tight")}
    record = written.packed(events_of(), "Muons", paths)
    assert str(record.type) == ("3 * var * {pt: float32, plit_score: float64, plit_tight: bool}")
    assert record.plit_tight.to_list() == [[True, True], [], [False]]


def test_packed_as_records() -> None:
    paths = {"plit.score": ("plit", "score"), "pt": ("pt",), "plit.tight": ("plit", "tight")}
    record = written.packed(events_of(), "Muons", paths)
    assert str(record.type) == "3 * var * {plit: {score: float64, tight: bool}, pt: float32}"
    assert record.to_list() == [
        [{"plit": {"score": p / 100, "tight": p > 18}, "pt": p} for p in event] for event in PT
    ]


def test_packed_of_one_record_per_event() -> None:
    record = written.packed(events_of(), "info", {"number": ("number",)})
    assert record.to_list() == [{"number": 1}, {"number": 2}, {"number": 3}]


def test_what_is_missing_becomes_nan_or_false() -> None:
    record = written.packed(events_of(), "Muons", {"n": ("n",), "flag": ("flag",)})
    np.testing.assert_array_equal(ak.flatten(record.n), [1, np.nan, 3])
    assert record.flag.to_list() == [[True, False], [], [False]]


@given(st.permutations([0, 1, 2]), st.lists(st.booleans(), min_size=3, max_size=3))
def test_packed_follows_every_selection(order: list[int], cut: list[bool]) -> None:
    events = events_of()[order][cut]
    expected = [[{"pt": p} for p in PT[i]] for i, keep in zip(order, cut, strict=True) if keep]
    assert written.packed(events, "Muons", {"pt": ("pt",)}).to_list() == expected


def test_packed_of_no_events() -> None:
    record = written.packed(events_of()[:0], "Muons", {"pt": ("pt",), "t.x": ("plit", "tight")})
    assert str(record.type) == "0 * var * {pt: float32, t: {x: bool}}"


def test_a_chunk_that_lacks_columns_of_the_first() -> None:
    paths = {"pt": ("pt",), "etaa": ("etaa",), "plit_scor": ("plit", "scor"), "x_y": ("pt", "x")}
    with pytest.raises(MissingColumns) as caught:
        written.packed(events_of(), "Muons", paths)
    text = str(caught.value)
    assert text.startswith("events.Muons: no column etaa, plit.scor, pt.x")
    assert "the first events had it" in text


def test_events_that_are_none() -> None:
    whole = events_of()
    events = whole.mask[[True, False, True]]
    with pytest.raises(BadInput, match="some events are None"):
        written.packed(events, "Muons", {"pt": ("pt",)})


def test_values_of_a_column() -> None:
    events = ak.zip({"run": [1, 2], "w": [[1.0, None], []]}, depth_limit=1)
    assert written.values(events, "run").to_list() == [1, 2]
    assert ak.num(written.values(events, "w")).to_list() == [2, 0]
    assert np.isnan(written.values(events, "w")[0, 1])
