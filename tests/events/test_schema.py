"""Schemas: names, units, patterns, detection, and what a schema file may not say."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lepid.errors import AmbiguousSchema, BadInput, UnknownName, UnknownSchema
from lepid.events import schema as schemas
from lepid.events.schema import Collection, Schema

OWN = """
name = "mine"
experiment = "atlas"
pattern = '(?P<collection>lep[a-z]+)__(?P<column>\\w+)'

[units]
energy = "TeV"

[collections.muon]
names = ["lepmu", "mymuons"]
columns = { pt = ["transverse", "pt"] }
"""


def test_shipped_schemas() -> None:
    assert list(schemas.known()) == ["physlite", "nanoaod", "ntuple", "delphes", "ftag", "plain"]
    assert [s.name for s in schemas.detectable()] == ["physlite", "nanoaod", "ntuple", "delphes"]


@pytest.mark.parametrize(
    ("name", "experiment", "energy", "inverse", "length"),
    [
        ("physlite", "atlas", "MeV", "1/MeV", "mm"),
        ("ntuple", "atlas", "MeV", "1/MeV", "mm"),
        ("nanoaod", "cms", "GeV", "1/GeV", "cm"),
        ("delphes", "", "GeV", "1/GeV", "mm"),
        ("ftag", "atlas", "MeV", "1/MeV", "mm"),
        ("plain", "", "GeV", "1/GeV", "mm"),
    ],
)
def test_units(name: str, experiment: str, energy: str, inverse: str, length: str) -> None:
    schema = schemas.load(name)
    assert schema.experiment == experiment
    assert {schema.unit(unit) for unit in ("GeV", "MeV", "TeV")} == {energy}
    assert {schema.unit(unit) for unit in ("1/GeV", "1/MeV")} == {inverse}
    assert {schema.unit(unit) for unit in ("mm", "cm", "um")} == {length}
    assert [schema.unit(unit) for unit in ("rad", "")] == ["rad", ""]


@pytest.mark.parametrize(
    ("name", "jets"),
    [
        ("physlite", "Jets"),
        ("nanoaod", "Jet"),
        ("ntuple", "jet"),
        ("delphes", "Jet"),
        ("plain", "jets"),
    ],
)
def test_jets(name: str, jets: str) -> None:
    assert schemas.load(name).constituents["jet"].names[0] == jets


def test_unit_that_does_not_exist() -> None:
    with pytest.raises(UnknownName, match="no unit 'GEV'"):
        schemas.load("physlite").unit("GEV")


@pytest.mark.parametrize(
    ("schema", "flat", "collection", "column"),
    [
        ("physlite", "AnalysisElectronsAuxDyn.pt", "Electrons", "pt"),
        ("physlite", "AnalysisElectronsAuxDyn:pt", "Electrons", "pt"),
        ("physlite", "ElectronsAuxDyn.ambiguityType", "Electrons", "ambiguityType"),
        ("physlite", "ElectronsAux.pt", "Electrons", "pt"),
        ("physlite", "ElectronsAux:pt", "Electrons", "pt"),
        ("physlite", "InDetTrackParticlesAuxDyn.d0", "InDetTrackParticles", "d0"),
        ("physlite", "EventInfoAuxDyn.eventNumber", "EventInfo", "eventNumber"),
        (
            "physlite",
            "AnalysisMuonsAuxDyn.inDetTrackParticleLink.m_persIndex",
            "Muons",
            "inDetTrackParticleLink.m_persIndex",
        ),
        ("nanoaod", "Electron_mvaIso_WP80", "Electron", "mvaIso_WP80"),
        ("nanoaod", "HLT_Ele32_WPTight_Gsf", "HLT", "Ele32_WPTight_Gsf"),
        ("ntuple", "el_pt_NOSYS", "el", "pt"),
        ("ntuple", "el_eta", "el", "eta"),
        ("ntuple", "mu_select_or_tight_NOSYS", "mu", "select_or_tight"),
        ("ntuple", "el_pt_EG_SCALE_ALL__1up", "el", "pt_EG_SCALE_ALL__1up"),
        ("delphes", "Electron.PT", "Electron", "PT"),
    ],
)  # fmt: skip
def test_pattern_takes_a_flat_name_apart(
    schema: str, flat: str, collection: str, column: str
) -> None:
    assert schemas.load(schema).group([flat]) == {collection: {column: flat}}


@pytest.mark.parametrize(
    ("schema", "flat"),
    [
        ("physlite", "EventInfoAux:"),
        ("physlite", "EventInfoAux."),
        ("physlite", "index_ref"),
        ("physlite", "Muons_muon_plit_scored"),
        ("nanoaod", "run"),
        ("nanoaod", "_pt"),
        ("ntuple", "runNumber"),
        ("ntuple", "elmo_pt"),
        ("delphes", "Electron_size"),
        ("plain", "electrons_pt"),
    ],
)
def test_a_name_of_another_kind_is_left_alone(schema: str, flat: str) -> None:
    assert schemas.load(schema).group([flat]) == {}


def test_of_two_containers_the_first_is_meant() -> None:
    names = ["AnalysisMuonsAuxDyn.pt", "MuonsAuxDyn.pt", "MuonsAuxDyn.eta", "AnalysisMuonsAux.phi"]
    found = schemas.load("physlite").group(names)
    assert found == {"Muons": {"pt": names[0], "phi": names[3]}}
    assert schemas.load("physlite").group(names[1:3]) == {
        "Muons": {"pt": "MuonsAuxDyn.pt", "eta": "MuonsAuxDyn.eta"}
    }


def test_static_and_dynamic_store_are_one_collection() -> None:
    names = ["ElectronsAux.pt", "ElectronsAuxDyn.DFCommonElectronsLHTight"]
    assert list(schemas.load("physlite").group(names)["Electrons"]) == [
        "pt",
        "DFCommonElectronsLHTight",
    ]


def test_the_nominal_column_wins_over_a_later_spelling() -> None:
    names = ["el_pt_NOSYS", "el_pt"]
    assert schemas.load("ntuple").group(names) == {"el": {"pt": "el_pt_NOSYS"}}


@given(st.lists(st.from_regex(r"(el|mu|jet)_[a-z]{1,6}(_NOSYS)?", fullmatch=True), unique=True))
def test_ntuple_grouping_has_a_slow_twin(names: list[str]) -> None:
    expected: dict[str, dict[str, str]] = {}
    for name in names:
        collection, rest = name.split("_", 1)
        expected.setdefault(collection, {}).setdefault(rest.removesuffix("_NOSYS"), name)
    assert schemas.load("ntuple").group(names) == expected


def test_find_takes_the_first_name_that_is_there() -> None:
    collection = Collection("electron", ("el",), {"pt": ("pt", "pt_NOSYS")})
    assert collection.find("pt", ["pt_NOSYS", "pt"]) == "pt"
    assert collection.find("pt", ["pt_NOSYS"]) == "pt_NOSYS"
    assert collection.find("eta", ["eta"]) == "eta"
    assert collection.find("eta", ["Eta"]) is None


DETECTED = [
    ("physlite", {"Electrons": ["pt"], "Muons": ["pt"]}),
    ("physlite", {"Muons": ["pt"], "Jets": ["pt"]}),
    ("nanoaod", {"Electron": ["pt"], "Jet": ["pt"]}),
    ("ntuple", {"el": ["pt"], "mu": ["pt"]}),
    ("ntuple", {"el": ["pt_NOSYS"]}),
    ("delphes", {"Electron": ["PT"], "Muon": ["PT"]}),
]


@pytest.mark.parametrize(("name", "columns"), DETECTED)
def test_detect(name: str, columns: dict[str, list[str]]) -> None:
    assert schemas.detect(columns).name == name


def test_a_collection_without_pt_does_not_count() -> None:
    columns = {"Muons": ["eta"], "Electron": ["pt"]}
    assert schemas.detect(columns).name == "nanoaod"
    assert schemas.load("physlite").leptons(columns) == {}


def test_several_formats_at_once_are_ambiguous() -> None:
    with pytest.raises(AmbiguousSchema) as caught:
        schemas.detect({"Muon": ["pt"], "Muons": ["pt"], "Electrons": ["pt"]})
    text = str(caught.value)
    assert "physlite (Electrons, Muons)" in text
    assert "nanoaod (Muon)" in text
    assert "pass schema= with one of: physlite, nanoaod" in text


def test_no_format_names_what_is_near() -> None:
    with pytest.raises(UnknownSchema) as caught:
        schemas.detect({"Elektrons": ["pt"], "MUONS": ["pt"], "Jets": ["pt"]})
    assert {"Elektrons", "MUONS"} <= set(caught.value.near)
    assert "[Elektrons, MUONS, Jets]" in str(caught.value)
    assert "nanoaod: Electron/Muon" in str(caught.value)
    assert "schema=" in caught.value.do


def test_plain_is_never_guessed() -> None:
    with pytest.raises(UnknownSchema):
        schemas.detect({"electrons": ["pt"]})
    assert schemas.load("plain").leptons({"electrons": ["pt"], "muon": ["pt"]}) == {
        "electron": "electrons",
        "muon": "muon",
    }


def test_load_by_name_alias_or_schema() -> None:
    assert schemas.load("phys") is schemas.load("physlite")
    own = Schema("own", "", {}, {})
    assert schemas.load(own) is own


def test_load_an_unknown_name() -> None:
    with pytest.raises(UnknownName, match="no schema 'nanoaods'") as caught:
        schemas.load("nanoaods")
    assert "nanoaod" in caught.value.near
    assert "phys" in caught.value.do


def test_load_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(OWN, encoding="utf-8")
    for given_as in (path, str(path)):
        schema = schemas.load(given_as)
        assert (schema.name, schema.unit("GeV"), schema.unit("mm")) == ("mine", "TeV", "mm")
        assert schema.group(["lepmu__pt"]) == {"lepmu": {"pt": "lepmu__pt"}}
        assert schema.leptons({"mymuons": ["transverse"]}) == {"muon": "mymuons"}
        assert schema.kept == ("pt", "eta", "phi", "charge")


def test_load_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no such schema file"):
        schemas.load(tmp_path / "absent.toml")


@pytest.mark.parametrize(
    ("old", "new", "error", "facts"),
    [
        ('name = "mine"', "name = ", BadInput, ["not a schema", "TOMLDecodeError"]),
        ('name = "mine"', "", BadInput, ["not a schema", "name"]),
        ("[collections.muon]", "[collection.muon]", UnknownName, ["'collection'", "collections"]),
        ("[collections.muon]", "[collections.muons]", UnknownName, ["flavour 'muons'", "muon"]),
        (
            "[collections.muon]",
            "[constituents.tracks]\nnames = ['t']\n[collections.muon]",
            UnknownName,
            ["kind of constituents 'tracks'", "track"],
        ),
        ("experiment =", "experimnt =", UnknownName, ["key 'experimnt'", "experiment"]),
        ('energy = "TeV"', 'energy = "TEV"', UnknownName, ["unit 'TEV'", "TeV"]),
        ("energy =", "enrgy =", UnknownName, ["measure 'enrgy'", "energy"]),
        ("names =", "name =", BadInput, ["not a schema", "names"]),
        ("(?P<column>", "(?P<col>", BadInput, ["groups", "?P<column>"]),
        ("(?P<collection>", "((?P<collection>", BadInput, ["not a schema", "error"]),
    ],
)
def test_a_bad_file_is_named(
    tmp_path: Path, old: str, new: str, error: type[Exception], facts: list[str]
) -> None:
    assert old in OWN
    path = tmp_path / "bad.toml"
    path.write_text(OWN.replace(old, new), encoding="utf-8")
    with pytest.raises(error) as caught:
        schemas.load(path)
    text = str(caught.value)
    assert text.startswith(str(path))
    assert all(fact in text for fact in facts), text


@pytest.mark.parametrize("name", ["physlite", "nanoaod", "ntuple", "delphes", "plain"])
def test_a_schema_survives_json(name: str) -> None:
    schema = schemas.load(name)
    assert schemas.from_data(json.loads(json.dumps(asdict(schema))), "json") == schema


def test_one_link_may_lead_elsewhere_for_each_collection() -> None:
    schema = schemas.load("physlite")
    assert schema.target("Muons", "DeepMergedSecVtxLinks") == "SecVtxContainer_Muons"
    assert schema.target("Electrons", "DeepMergedSecVtxLinks") == "SecVtxContainer_Electrons"
    assert schema.target("Muons", "clusterLink") == schema.target("Jets", "clusterLink")
