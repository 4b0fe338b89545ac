"""Flat columns out of events, and records back, against plain Python."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import awkward as ak
import dask_awkward as dak
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lepid.errors import BadInput, MissingPackage
from lepid.events.objects import flat
from lepid.events.objects.flat import apply, columns_of, flatten

Columns = Mapping[str, npt.NDArray[Any]]
PT = [[30.0, 20.0], [], [15.0]]
ETA = [[0.1, -2.0], [], [1.4]]


def events_of(**muons: Any) -> ak.Array:
    """Three events with muons."""
    return ak.zip(
        {"Muons": ak.zip(muons or {"pt": PT, "eta": ETA}), "run": [1, 2, 3]}, depth_limit=1
    )


def double(columns: Columns) -> Columns:
    return {"twice": columns["p"] * 2, "high": columns["p"] > 18}


def expected_double(pt: list[list[float]]) -> list[list[dict[str, Any]]]:
    return [[{"twice": p * 2, "high": p > 18} for p in event] for event in pt]


# --- columns_of ---------------------------------------------------------------------------------


def test_columns_of_events() -> None:
    expected = {"Muons": ["pt", "eta"], "run": []}
    events = events_of()
    assert columns_of(events) == expected
    assert columns_of(events[::-1]) == expected
    assert columns_of(events[[0, 2]]) == expected
    assert columns_of(events[:0]) == expected
    assert columns_of(events.mask[[True, False, True]]) == expected
    assert columns_of(dak.from_awkward(events, 2)) == expected


def test_columns_of_joined_events() -> None:
    events = events_of()
    assert columns_of(ak.concatenate([events, events])) == columns_of(events)


def test_columns_of_events_that_differ() -> None:
    other = ak.zip({"Electrons": ak.zip({"pt": PT})}, depth_limit=1)
    with pytest.raises(BadInput, match="some events have other columns than others") as caught:
        columns_of(ak.concatenate([events_of(), other]))
    assert "same columns" in caught.value.do


@pytest.mark.parametrize("wrong", [[1, 2], {"Muons": []}, None, ak.Array([[1.0]]), np.zeros(3)])
def test_columns_of_something_else(wrong: Any) -> None:
    with pytest.raises(BadInput, match="expected an array of records") as caught:
        columns_of(wrong)
    assert type(wrong).__name__ in str(caught.value)
    assert "NanoEvents" in caught.value.do


# --- flatten ------------------------------------------------------------------------------------


def test_flatten_keeps_the_dtype() -> None:
    arrays = {
        name: ak.values_astype(ak.Array(PT), name)
        for name in ("float32", "float64", "int16", "uint8", "int64")
    }
    counts, columns = flatten(arrays, "Muons")
    assert counts is not None
    assert counts.tolist() == [2, 0, 1]
    assert {name: column.dtype.name for name, column in columns.items()} == {n: n for n in arrays}
    assert all(column.tolist() == [30, 20, 15] for column in columns.values())


def test_flatten_of_flat_columns() -> None:
    counts, columns = flatten({"pt": ak.Array([1.0, 2.0])}, "events")
    assert counts is None
    assert columns["pt"].tolist() == [1.0, 2.0]


@given(st.lists(st.lists(st.one_of(st.none(), st.floats(width=32, allow_nan=False)), max_size=4)))
def test_none_becomes_nan(values: list[list[float | None]]) -> None:
    array = ak.values_astype(ak.Array([*values, [1.0, None]]), np.float32)
    counts, columns = flatten({"x": array}, "Muons")
    slow = [np.nan if x is None else x for event in [*values, [1.0, None]] for x in event]
    assert counts is not None
    assert counts.tolist() == [len(event) for event in values] + [2]
    np.testing.assert_array_equal(columns["x"], np.array(slow, np.float32))
    assert columns["x"].dtype == np.float32


def test_missing_integers_and_booleans() -> None:
    arrays = {"n": ak.Array([[1, None], [], [3]]), "b": ak.Array([[True, None], [], [False]])}
    _, columns = flatten(arrays, "Muons")
    np.testing.assert_array_equal(columns["n"], [1.0, np.nan, 3.0])
    assert columns["b"].dtype == np.bool_
    assert columns["b"].tolist() == [True, False, False]


def test_an_option_type_without_none_keeps_its_dtype() -> None:
    array = ak.values_astype(ak.mask(ak.Array([[1, 2], []]), ak.Array([[True, True], []])), "int8")
    _, columns = flatten({"n": array}, "Muons")
    assert columns["n"].dtype == np.int8


def test_nan_and_inf_pass_through() -> None:
    _, columns = flatten({"x": ak.Array([[np.nan, np.inf], [-np.inf, 1e32]])}, "Muons")
    np.testing.assert_array_equal(columns["x"], [np.nan, np.inf, -np.inf, 1e32])


def test_columns_that_do_not_fit_together() -> None:
    with pytest.raises(BadInput, match="'pt' and 'q' have different numbers") as caught:
        flatten(
            {"pt": ak.Array(PT), "eta": ak.Array(ETA), "q": ak.Array([[1], [2, 3], []])}, "Muons"
        )
    assert caught.value.where == "Muons"
    with pytest.raises(BadInput, match="'pt' and 'run' have different numbers"):
        flatten({"pt": ak.Array(PT), "run": ak.Array([1, 2, 3])}, "Muons")


@pytest.mark.parametrize("wrong", [[[[1.0]], []], [[{"x": 1}], []]])
def test_a_column_that_is_no_number(wrong: Any) -> None:
    with pytest.raises(BadInput, match="expected one number per object") as caught:
        flatten({"cov": ak.Array(wrong)}, "Muons")
    assert caught.value.where == "Muons['cov']"


def test_an_event_that_is_none() -> None:
    with pytest.raises(BadInput, match="some events are None") as caught:
        flatten({"pt": ak.Array([[1.0], None, []])}, "Muons")
    assert "is_none" in caught.value.do


# --- apply --------------------------------------------------------------------------------------


@given(st.lists(st.lists(st.floats(1, 100), max_size=3), max_size=5))
def test_apply_against_plain_python(pt: list[list[float]]) -> None:
    events = ak.zip({"Muons": ak.zip({"pt": ak.Array([*pt, [1.0]])})}, depth_limit=1)
    result = apply(events, "Muons", {"p": "pt"}, double)
    assert result.to_list() == expected_double([*pt, [1.0]])


@pytest.mark.parametrize(
    "cut", [slice(1, None), slice(None, None, -1), [2, 0], [True, False, True], slice(0, 0)]
)
def test_apply_on_a_selection(cut: Any) -> None:
    events = events_of()
    assert apply(events[cut], "Muons", {"p": "pt"}, double).to_list() == (
        apply(events, "Muons", {"p": "pt"}, double)[cut].to_list()
    )


def test_apply_after_cuts_on_the_leptons() -> None:
    events = events_of()
    cut = ak.with_field(events, events.Muons[events.Muons.pt > 18], "Muons")
    result = apply(cut, "Muons", {"p": "pt"}, double)
    assert result.to_list() == [[{"twice": 60, "high": True}, {"twice": 40, "high": True}], [], []]


def test_apply_takes_arrays_beside_columns() -> None:
    events = events_of()
    chosen = events.Muons.pt > 18
    result = apply(events, "Muons", {"p": "pt", "m": chosen}, lambda c: {"x": c["p"] * c["m"]})
    assert result.x.to_list() == [[30, 20], [], [0]]


def test_apply_to_one_lepton_per_row() -> None:
    events = ak.zip({"Muons": ak.zip({"pt": [30.0, 10.0]})}, depth_limit=1)
    assert apply(events, "Muons", {"p": "pt"}, double).to_list() == [
        {"twice": 60, "high": True},
        {"twice": 20, "high": False},
    ]


def test_apply_without_events_or_leptons() -> None:
    for events, n_event in ((events_of()[:0], 0), (events_of()[1:2], 1)):
        result = apply(events, "Muons", {"p": "pt"}, double)
        assert len(result) == n_event
        assert str(result.type.content) == "var * {twice: float64, high: bool}"
        assert len(ak.flatten(result)) == 0


def test_apply_in_dask_computes_late() -> None:
    calls = []

    def count(columns: Columns) -> Columns:
        calls.append(len(columns["p"]))
        return double(columns)

    events = dak.from_awkward(events_of(), 2)
    result = apply(events, "Muons", {"p": "pt"}, count)
    traced = len(calls)
    assert set(calls) <= {0}
    assert result.compute().to_list() == expected_double(PT)
    assert sum(calls[traced:]) == 3


def test_apply_traces_only_what_it_needs() -> None:
    form = ak.to_buffers(events_of())[0]
    layout, report = ak.typetracer.typetracer_with_report(form)
    result = apply(ak.Array(layout), "Muons", {"p": "pt"}, double)
    assert ak.backend(result) == "typetracer"
    assert str(result.type.content) == "var * {twice: float64, high: bool}"
    muons = form.content("Muons").content
    touched = {name: muons.content(name).form_key in report.data_touched for name in muons.fields}
    assert touched == {"pt": True, "eta": False}
    assert form.content("run").form_key not in report.data_touched


def test_dask_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "dask_awkward", None)
    with pytest.raises(MissingPackage, match="dask-awkward: not installed") as caught:
        flat.dask()
    assert "lepid[dask]" in caught.value.do


# --- small ones ---------------------------------------------------------------------------------


def test_column_by_name() -> None:
    events = events_of()
    assert flat.column(events, "run").to_list() == [1, 2, 3]
    assert flat.column(events, "Muons.eta").to_list() == ETA
    for wrong in ("runn", "Muons.etaa", "Muon.eta"):
        with pytest.raises(BadInput, match=f"no column '{wrong}'") as caught:
            flat.column(events, wrong)
        assert set(caught.value.near) & {"run", "Muons.eta"}


def test_per_lepton_weights() -> None:
    pt = events_of().Muons.pt
    assert flat.per_lepton([1.0, 2.0, 3.0], pt).to_list() == [[1, 1], [], [3]]
    assert flat.per_lepton(ak.Array(ETA), pt).to_list() == ETA
