"""Events of every kind are recognised by their names; what cannot be is said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import awkward as ak
import dask_awkward as dak
import pytest
import uproot
from coffea.nanoevents import NanoAODSchema, NanoEventsFactory

from lepid.errors import AmbiguousSchema, BadInput, NoLeptons, UnknownName, UnknownSchema
from lepid.events.objects.attach import note
from lepid.events.objects.flat import apply
from lepid.events.recognise import Recognised, recognise

PT = [[30.0, 20.0], [], [15.0]]
ETA = [[0.5, -1.0], [], [2.0]]
OWN = """
name = "mine"
experiment = ""
[units]
energy = "GeV"
[collections.muon]
names = ["lepmu"]
columns = { pt = ["transverse"] }
"""


def records(**collections: Any) -> ak.Array:
    """Events of collections."""
    return ak.zip(collections, depth_limit=1)


def leptons(name: str = "pt") -> ak.Array:
    """A collection."""
    return ak.zip({name: PT, "eta": ETA})


def pt_of(known: Recognised, flavour: str) -> list[list[float]]:
    """The pt of leptons, by way of `apply`."""
    column = known.finder(flavour).find("pt")
    result = apply(known.events, known.leptons[flavour], {"p": column}, lambda c: {"pt": c["p"]})
    result = result.compute() if isinstance(known.events, dak.Array) else result
    values: list[list[float]] = result.pt.to_list()
    return values


@pytest.mark.parametrize(
    ("schema", "electrons", "muons", "pt"),
    [
        ("physlite", "Electrons", "Muons", "pt"),
        ("nanoaod", "Electron", "Muon", "pt"),
        ("ntuple", "el", "mu", "pt"),
        ("ntuple", "el", "mu", "pt_NOSYS"),
        ("delphes", "Electron", "Muon", "PT"),
    ],
)
@pytest.mark.parametrize("kind", ["eager", "dask", "sliced", "masked", "joined"])
def test_collections(schema: str, electrons: str, muons: str, pt: str, kind: str) -> None:
    eager = records(**{electrons: leptons(pt), muons: leptons(pt), "Jets": leptons()})
    make: dict[str, Callable[[], tuple[Any, Any]]] = {
        "eager": lambda: (eager, PT),
        "dask": lambda: (dak.from_awkward(eager, 2), PT),
        "sliced": lambda: (eager[1:], PT[1:]),
        "masked": lambda: (eager[[True, False, True]], [PT[0], PT[2]]),
        "joined": lambda: (ak.concatenate([eager, eager]), PT * 2),
    }
    events, expected = make[kind]()
    known = recognise(events)
    assert known.schema.name == schema
    assert known.leptons == {"electron": electrons, "muon": muons}
    assert known.events is events
    assert known.columns["Jets"] == ["pt", "eta"]
    assert known.finder("electron").find("pt") == pt
    assert known.finder("muon").find("absent") is None
    assert pt_of(known, "muon") == expected


FLAT = {
    "ntuple": {"el_pt_NOSYS": PT, "el_eta": ETA, "mu_pt_NOSYS": PT, "mu_eta": ETA},
    "nanoaod": {"Electron_pt": PT, "Electron_eta": ETA, "Muon_pt": PT, "Muon_eta": ETA},
    "physlite": {
        "AnalysisElectronsAuxDyn.pt": PT,
        "AnalysisElectronsAuxDyn.eta": ETA,
        "AnalysisMuonsAuxDyn.pt": PT,
        "AnalysisMuonsAuxDyn.eta": ETA,
    },
    "delphes": {"Electron.PT": PT, "Electron.Eta": ETA, "Muon.PT": PT, "Muon.Eta": ETA},
}


@pytest.mark.parametrize("schema", FLAT)
@pytest.mark.parametrize("kind", ["eager", "dask", "virtual"])
def test_flat_columns(tmp_path: Path, schema: str, kind: str) -> None:
    columns = {name: ak.Array(values) for name, values in FLAT[schema].items()}
    events: Any = records(**columns, runNumber=[1, 2, 3])
    if kind == "dask":
        events = dak.from_awkward(events, 2)
    if kind == "virtual":
        with uproot.recreate(tmp_path / "a.root") as file:
            file.mkrntuple("Events", columns)
        events = uproot.open(tmp_path / "a.root")["Events"].arrays(virtual=True)
    known = recognise(events)
    assert known.schema.name == schema
    assert pt_of(known, "electron") == PT
    assert pt_of(known, "muon") == PT
    assert known.finder("electron").find("eta") is not None
    assert set(FLAT[schema]) < set(known.columns)


def test_flat_columns_of_a_branch_that_is_no_number_are_ignored() -> None:
    links = ak.zip({"m_persKey": [[1], [], []], "m_persIndex": [[1], [], []]})
    events = records(**FLAT["ntuple"], el_link=links)
    assert recognise(events).columns["el"] == ["pt", "eta"]


def test_flat_columns_leave_the_input() -> None:
    events = records(**FLAT["ntuple"])
    recognise(events)
    assert events.fields == list(FLAT["ntuple"])


def test_flat_columns_that_do_not_fit_together() -> None:
    events = records(mu_pt=PT, mu_eta=[[0.1], [0.2], []])
    with pytest.raises(BadInput, match="not equally jagged"):
        recognise(events)


def test_one_lepton_per_row() -> None:
    known = recognise(ak.Array({"el_pt": [1.0, 2.0], "el_eta": [0.1, 0.2]}))
    assert pt_of(known, "electron") == [1.0, 2.0]


@pytest.mark.parametrize("mode", ["eager", "virtual", "dask"])
def test_nanoevents(tmp_path: Path, mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(NanoAODSchema, "warn_missing_crossrefs", False)
    path = tmp_path / "nano.root"
    columns = {"Muon": ak.zip(dict.fromkeys(("pt", "eta", "phi", "mass", "charge"), PT))}
    columns |= {name: ak.Array([1, 2, 3]) for name in ("run", "luminosityBlock", "event")}
    with uproot.recreate(path) as file:
        file.mktree("Events", {k: v.type.content for k, v in columns.items()}).extend(columns)
    factory = NanoEventsFactory.from_root(
        {str(path): "Events"}, schemaclass=NanoAODSchema, mode=mode
    )
    known = recognise(factory.events())
    assert (known.schema.name, known.leptons) == ("nanoaod", {"muon": "Muon"})
    assert pt_of(known, "muon") == PT


def test_a_named_schema() -> None:
    known = recognise(records(Muon=leptons()), "plain")
    assert (known.schema.name, known.leptons) == ("plain", {"muon": "Muon"})
    known = recognise(records(Muon=leptons(), Muons=leptons()), "physlite")
    assert known.leptons == {"muon": "Muons"}


def test_a_schema_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(OWN, encoding="utf-8")
    known = recognise(records(lepmu=leptons("transverse"), Muon=leptons()), str(path))
    assert (known.schema.name, known.leptons) == ("mine", {"muon": "lepmu"})
    assert known.finder("muon").find("pt") == "transverse"


def test_a_noted_schema_is_used_again() -> None:
    events = note(records(Muon=leptons()), {"mine": {"card": "x", "schema": "plain"}})
    assert recognise(events).schema.name == "plain"
    assert recognise(events, "nanoaod").schema.name == "nanoaod"


def test_a_noted_schema_of_ones_own_is_asked_for_again() -> None:
    events = note(records(lepmu=leptons()), {"mine": {"card": "x", "schema": "mine"}})
    with pytest.raises(UnknownSchema, match="pass schema="):
        recognise(events)
    noted = note(records(Muon=leptons()), {"mine": {"left_out": "x"}})
    assert recognise(noted).schema.name == "nanoaod"


def test_ambiguous_events() -> None:
    with pytest.raises(AmbiguousSchema, match=r"physlite \(Muons\); nanoaod \(Muon\)"):
        recognise(records(Muon=leptons(), Muons=leptons()))
    with pytest.raises(AmbiguousSchema, match="ntuple"):
        recognise(records(**FLAT["ntuple"], **FLAT["nanoaod"]))


def test_unknown_events() -> None:
    with pytest.raises(UnknownSchema) as caught:
        recognise(records(MyMuons=leptons(), Elektron=leptons()))
    assert "[MyMuons, Elektron]" in str(caught.value)
    assert "Elektron" in caught.value.near


def test_names_of_plain_records_do_not_hide_flat_columns() -> None:
    events = records(electrons=leptons(), **FLAT["nanoaod"])
    assert recognise(events).leptons == {"electron": "Electron", "muon": "Muon"}


def test_a_named_schema_without_its_leptons() -> None:
    with pytest.raises(NoLeptons, match="as schema 'physlite' names them") as caught:
        recognise(records(Muon=leptons()), "physlite")
    assert "schema=" in caught.value.do


def test_a_collection_without_pt_is_no_lepton_collection() -> None:
    with pytest.raises(UnknownSchema):
        recognise(records(Muons=ak.zip({"eta": ETA})))


def test_something_that_is_no_events() -> None:
    with pytest.raises(BadInput, match="found dict"):
        recognise({"Muons": []})


def test_flavour_of_a_collection() -> None:
    known = recognise(records(Electrons=leptons(), Muons=leptons()))
    assert (known.flavour("Electrons"), known.flavour("Muons")) == ("electron", "muon")
    with pytest.raises(UnknownName, match="no lepton collection 'Electron'") as caught:
        known.flavour("Electron")
    assert caught.value.near == ("Electrons",)
