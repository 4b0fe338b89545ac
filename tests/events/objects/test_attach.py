"""Results back into events, flat columns into collections, and notes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import awkward as ak
import cloudpickle
import dask_awkward as dak
import numpy as np
import pytest
import uproot

from lepid.errors import BadInput
from lepid.events.objects.attach import attach, attach_columns, note, notes

PT = [[30.0, 20.0], [], [15.0]]
FACTS = {"muon_plit": {"card": "muon_plit@stored", "collection": "Muons"}}


def events_of() -> ak.Array:
    """Three events with muons, and a record for them."""
    return ak.zip({"Muons": ak.zip({"pt": PT}), "run": [1, 2, 3]}, depth_limit=1)


def record_of() -> ak.Array:
    """One record per muon."""
    return ak.zip({"score": ak.Array(PT) / 100})


def flat_events() -> ak.Array:
    """Columns as an ntuple has them."""
    return ak.zip({"mu_pt": PT, "mu_eta": PT, "mu_n": [2, 0, 1], "run": [1, 2, 3]}, depth_limit=1)


COLUMNS = {"pt": "mu_pt", "eta": "mu_eta", "n": "mu_n"}


def test_attach_leaves_the_input() -> None:
    events = events_of()
    result = attach(events, "Muons", "plit", record_of())
    assert events.Muons.fields == ["pt"]
    assert result.Muons.fields == ["pt", "plit"]
    assert result.Muons.plit.score.to_list() == record_of().score.to_list()
    assert result.run.to_list() == [1, 2, 3]


def test_attach_in_place() -> None:
    events = events_of()
    assert attach(events, "Muons", "plit", record_of(), inplace=True) is events
    assert events.Muons.plit.score.to_list() == record_of().score.to_list()


def test_attach_replaces() -> None:
    events = attach(events_of(), "Muons", "plit", record_of())
    again = attach(events, "Muons", "plit", ak.zip({"other": ak.Array(PT)}))
    assert again.Muons.plit.fields == ["other"]
    assert events.Muons.plit.fields == ["score"]


def test_attach_keeps_record_name_and_attributes() -> None:
    events = ak.with_name(events_of(), "NanoEvents")
    events = ak.with_field(events, ak.with_name(events.Muons, "Muon"), "Muons")
    events.attrs["mine"] = "kept"
    result = attach(events, "Muons", "plit", record_of())
    assert result.layout.purelist_parameter("__record__") == "NanoEvents"
    assert result.Muons.layout.purelist_parameter("__record__") == "Muon"
    assert result.attrs["mine"] == "kept"


def test_attach_in_dask() -> None:
    events = dak.from_awkward(events_of(), 2)
    result = attach(events, "Muons", "plit", dak.from_awkward(record_of(), 2))
    assert events.Muons.fields == ["pt"]
    assert result.compute().Muons.plit.score.to_list() == record_of().score.to_list()


@pytest.mark.parametrize("kind", ["eager", "dask"])
def test_flat_columns_become_a_collection(kind: str) -> None:
    events = flat_events() if kind == "eager" else dak.from_awkward(flat_events(), 2)
    result = attach_columns(events, "mu", COLUMNS)
    result = result if kind == "eager" else result.compute()
    assert result.fields == ["mu_pt", "mu_eta", "mu_n", "run", "mu"]
    assert result.mu.fields == ["pt", "eta"]
    assert result.mu.to_list() == [[{"pt": p, "eta": p} for p in event] for event in PT]


def virtual_events(path: Path, accessed: list[Any]) -> ak.Array:
    """The flat events out of a file, unread."""
    columns = {name: flat_events()[name] for name in flat_events().fields}
    with uproot.recreate(path) as file:
        tree = file.mktree("reco", {k: v.type.content for k, v in columns.items()})
        tree.extend(columns)
    return uproot.open(path)["reco"].arrays(
        filter_name=list(columns), virtual=True, access_log=accessed
    )


def test_virtual_columns_stay_virtual(tmp_path: Path) -> None:
    accessed: list[Any] = []
    events = virtual_events(tmp_path / "a.root", accessed)
    result = attach_columns(events, "mu", COLUMNS)
    assert result.mu.fields == ["pt", "eta"]
    assert accessed == []
    assert result.mu.eta.to_list() == PT
    assert {entry.branch for entry in accessed} == {"mu_pt", "mu_eta"}


@pytest.mark.parametrize("cut", [slice(0, 2), [True, False, True], [2, 0]])
def test_a_selection_of_virtual_events(tmp_path: Path, cut: Any) -> None:
    events = virtual_events(tmp_path / "a.root", [])[cut]
    result = attach_columns(events, "mu", COLUMNS)
    assert str(result.mu.type.content) == "var * {pt: float64, eta: float64}"
    assert result.mu.pt.to_list() == ak.Array(PT)[cut].to_list()


def test_one_lepton_per_row() -> None:
    events = ak.Array({"el_pt": [1.0, 2.0], "el_eta": [0.1, 0.2]})
    result = attach_columns(events, "el", {"pt": "el_pt", "eta": "el_eta"})
    assert result.el.to_list() == [{"pt": 1.0, "eta": 0.1}, {"pt": 2.0, "eta": 0.2}]


def test_columns_that_do_not_fit_together() -> None:
    events = ak.zip({"mu_pt": PT, "mu_eta": [[1.0], [2.0], []]}, depth_limit=1)
    with pytest.raises(BadInput, match="not equally jagged: pt, eta"):
        attach_columns(events, "mu", {"pt": "mu_pt", "eta": "mu_eta"})


def test_virtual_columns_that_do_not_fit_together(tmp_path: Path) -> None:
    wrong = {"mu_pt": ak.Array(PT), "mu_eta": ak.Array([[1.0], [2.0, 3.0], []])}
    with uproot.recreate(tmp_path / "a.root") as file:
        file.mktree("reco", {k: v.type.content for k, v in wrong.items()}).extend(wrong)
    events = uproot.open(tmp_path / "a.root")["reco"].arrays(virtual=True)
    result = attach_columns(events, "mu", {"pt": "mu_pt", "eta": "mu_eta"})
    assert result.mu.pt.to_list() == PT
    with pytest.raises(
        BadInput, match="'pt' and 'eta' have different numbers of objects"
    ) as caught:
        ak.materialize(result.mu.eta)
    assert caught.value.where == "events.mu"


# --- notes --------------------------------------------------------------------------------------


def test_notes_are_added_and_replaced() -> None:
    events = note(events_of(), FACTS)
    assert notes(events) == FACTS
    more = note(events, {"muon_plit": {"card": "new"}, "other": {"left_out": "why"}})
    assert notes(more) == {"muon_plit": {"card": "new"}, "other": {"left_out": "why"}}
    assert notes(events) == FACTS
    assert notes(events_of()) == {}


def test_noting_leaves_the_input_unless_in_place() -> None:
    events = events_of()
    noted = note(events, FACTS)
    assert (notes(events), notes(noted)) == ({}, FACTS)
    assert note(events, FACTS, inplace=True) is events
    assert notes(events) == FACTS


@pytest.mark.parametrize("cut", [slice(1, None), [0, 2], [True, False, True], slice(0, 0)])
def test_notes_survive_selections(cut: Any) -> None:
    events = note(events_of(), FACTS)
    assert notes(events[cut]) == FACTS
    assert notes(attach(events[cut], "Muons", "x", record_of()[cut])) == FACTS
    assert notes(ak.with_field(events[cut], 1, "one")) == FACTS
    assert notes(events[["Muons"]]) == FACTS


def test_notes_survive_pickling_and_joining() -> None:
    events = note(events_of(), FACTS)
    assert notes(cloudpickle.loads(cloudpickle.dumps(events))) == FACTS
    assert notes(ak.concatenate([events, events])) == FACTS


def test_notes_in_dask_reach_the_result() -> None:
    events = note(dak.from_awkward(events_of(), 2), FACTS)
    result = events.compute()
    assert notes(result) == FACTS
    assert result.run.to_list() == [1, 2, 3]


def test_notes_leave_values_alone() -> None:
    events = events_of()
    noted = note(events, FACTS)
    assert ak.array_equal(noted, events)
    assert np.shares_memory(
        ak.flatten(noted.Muons.pt).to_numpy(), ak.flatten(events.Muons.pt).to_numpy()
    )
