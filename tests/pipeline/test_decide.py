"""decide() for shifted kinematics against decorating the shifted events from scratch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lepid
from lepid import errors
from lepid.taggers import session


def shifted(events: Any, collection: str, **columns: Any) -> Any:
    for name, values in columns.items():
        events = ak.with_field(events, ak.with_field(events[collection], values, name), collection)
    return events


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("scale", [0.5, 0.97, 1.0, 1.03, 3.0])
def test_muon_plit_as_from_scratch(
    make_events: Callable[..., Any], dtype: str, scale: float
) -> None:
    events = make_events(300, dtype=dtype)
    pt = ak.values_astype(events["Muons", "pt"] * scale, dtype)
    decorated = lepid.decorate(events, "muon_plit")
    found = lepid.decide(decorated, "muon_plit", pt=pt)
    expected = lepid.decorate(shifted(events, "Muons", pt=pt), "muon_plit")["Muons", "muon_plit"]
    assert found.fields == expected.fields
    assert str(found.to_list()) == str(expected.to_list())
    changed = ak.any(found["R3PLITVeryLoose"] != decorated["Muons", "muon_plit", "R3PLITVeryLoose"])
    assert bool(changed) is (scale in (0.5, 3.0)) or scale in (0.97, 1.03)


@given(scale=st.floats(0.2, 5.0), flip=st.booleans())
def test_electron_mva_as_from_scratch(nano_events: Any, scale: float, flip: bool) -> None:
    electrons = nano_events["Electron"]
    pt = ak.values_astype(electrons["pt"] * scale, "float32")
    # The points are binned in the eta of the supercluster: eta + deltaEtaSC.
    eta = electrons["eta"] * (-0.6 if flip else 1.5)
    decorated = lepid.decorate(nano_events, "cms_electron_mva_iso")
    moved = ak.values_astype(eta, "float64") + ak.values_astype(electrons["deltaEtaSC"], "float64")
    found = lepid.decide(decorated, "cms_electron_mva_iso", pt=pt, eta=moved)
    again = shifted(nano_events, "Electron", pt=pt, eta=eta)
    expected = lepid.decorate(again, "cms_electron_mva_iso")["Electron", "cms_electron_mva_iso"]
    assert found.to_list() == expected.to_list()


@pytest.fixture(scope="module")
def nano_events(nano_file: Path) -> Any:
    return ak.materialize(lepid.open(nano_file))


def test_without_a_shift_nothing_changes(events: Any) -> None:
    decorated = lepid.decorate(events)
    found = lepid.decide(decorated, "muon_plit")
    assert found.to_list() == decorated["Muons", "muon_plit"].to_list()


def test_events_are_left_as_they_were(events: Any) -> None:
    decorated = lepid.decorate(events, "muon_plit")
    before = str(decorated.to_list())
    lepid.decide(decorated, "muon_plit", pt=events["Muons", "pt"] * 2)
    assert str(decorated.to_list()) == before


def test_unscored_leptons_stay_unscored(events: Any) -> None:
    mask = events["Muons", "pt"] > 20e3
    decorated = lepid.decorate(events, "muon_plit", where={"Muons": mask})
    found = lepid.decide(decorated, "muon_plit", pt=events["Muons", "pt"] * 4)
    assert found["scored"].to_list() == mask.to_list()
    assert not ak.any(found["R3PLITVeryLoose"][~mask])


def test_a_shift_that_is_not_finite_is_not_scored(events: Any) -> None:
    decorated = lepid.decorate(events, "muon_plit")
    pt = ak.where(events["Muons", "pt"] > 20e3, events["Muons", "pt"], np.nan)
    found = lepid.decide(decorated, "muon_plit", pt=pt)
    inside = events["Muons", "pt"] > 20e3
    assert found["scored"].to_list() == inside.to_list()
    assert ak.all(np.isnan(found["discriminant"][~inside]))


def test_the_range_of_the_table_follows_the_shift(
    events: Any, own_network: Callable[..., Path]
) -> None:
    own_network()
    decorated = lepid.decorate(events, "muon_own")
    pt = events["Muons", "pt"]
    found = lepid.decide(decorated, "muon_own", pt=pt * 1.5)
    before = (pt >= 10e3) & (pt <= 60e3)
    after = before & (pt * 1.5 <= 60e3)
    assert ak.any(before & ~after)
    assert found["scored"].to_list() == after.to_list()
    assert ak.all(np.isnan(found["signal"]) == ~after)


def test_no_network_runs(
    events: Any, own_network: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    own_network()
    calls: list[str] = []
    for name in ("call", "get"):
        original = getattr(session, name)

        def counted(*args: Any, original: Any = original, name: str = name, **more: Any) -> Any:
            calls.append(name)
            return original(*args, **more)

        monkeypatch.setattr(session, name, counted)
    decorated = lepid.decorate(events, "muon_own")
    assert {"call", "get"} == set(calls)
    calls.clear()
    record = lepid.decide(decorated, "muon_own", pt=events["Muons", "pt"] * 0.8)
    assert calls == []
    assert ak.any(record["Half"] != decorated["Muons", "muon_own", "Half"])


def test_stored_decisions_cannot_follow(events: Any) -> None:
    decorated = lepid.decorate(events, "electron_dnn")
    with pytest.raises(errors.BadInput) as caught:
        lepid.decide(decorated, "electron_dnn", pt=events["Electrons", "pt"])
    assert "the file stores its decisions, not what they were made of" in str(caught.value)


def test_a_tagger_without_points(events: Any) -> None:
    electrons = events["Electrons"]
    for name in ("PLIT_PLITel_pelxpromp", "PLIT_PLITel_pnpxall"):
        electrons = ak.with_field(electrons, electrons["eta"] * 0 + 0.5, name)
    events = ak.with_field(events, electrons, "Electrons")
    decorated = lepid.decorate(events, "electron_plit")
    with pytest.raises(errors.BadInput, match="its card has none"):
        lepid.decide(decorated, "electron_plit")


def test_events_that_are_not_decorated(events: Any) -> None:
    with pytest.raises(errors.BadInput) as caught:
        lepid.decide(events, "muon_plit")
    assert "these events are not decorated with it" in str(caught.value)
    assert caught.value.do == "events = lepid.decorate(events, 'muon_plit')"
    decorated = lepid.decorate(events)
    with pytest.raises(errors.BadInput) as caught:
        lepid.decide(decorated, "muon_pli")
    assert caught.value.near[0] == "muon_plit"
    with pytest.raises(errors.BadInput, match=r"left out: .*DFCommonElectronsLHVeryLoose"):
        lepid.decide(decorated, "electron_lh")
    with pytest.raises(errors.BadInput, match="decorated with muon_plit@stored"):
        lepid.decide(decorated, "muon_plit@atlas-2025-04-25-run3")


@pytest.mark.parametrize(
    ("shift", "facts"),
    [
        ({"pt": 1.05}, ["pt", "found float", "jagged like the collection"]),
        ({"eta": np.ones(3)}, ["eta", "found ndarray"]),
    ],
)
def test_a_shift_that_is_no_column(events: Any, shift: Any, facts: list[str]) -> None:
    decorated = lepid.decorate(events, "muon_plit")
    with pytest.raises(errors.BadInput) as caught:
        lepid.decide(decorated, "muon_plit", **shift)
    for fact in facts:
        assert fact in str(caught.value)


def test_a_shift_of_the_wrong_shape_or_unit(events: Any) -> None:
    decorated = lepid.decorate(events, "muon_plit")
    with pytest.raises(errors.BadInput, match="different numbers of objects"):
        lepid.decide(decorated, "muon_plit", pt=events["Electrons", "pt"])
    with pytest.raises(errors.WrongUnits, match=r"shifted events\.Muons"):
        lepid.decide(decorated, "muon_plit", pt=events["Muons", "pt"] / 1e3)
