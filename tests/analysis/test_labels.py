"""lepid.truth on events: schemes, options, errors. The rules themselves have tests of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest

import lepid
from lepid import errors
from lepid.efficiency import truth as rules

ELECTRON = {
    "truthType": [2, 2, 4, 17, 3, 0],
    "truthOrigin": [13, 13, 5, 0, 26, 0],
    "truthPdgId": [-11, 11, -11, 211, -11, 0],
    "firstEgMotherTruthType": [2, 2, 14, 0, 3, 0],
    "firstEgMotherTruthOrigin": [13, 13, 37, 0, 26, 0],
    "firstEgMotherPdgId": [-11, 11, 22, 0, -11, 0],
    "charge": [1.0, 1.0, 1.0, 1.0, 1.0, 1.0],
}
MUON = {"truthType": [6, 7, 8], "truthOrigin": [13, 26, 34]}
COUNTS = {"Electrons": [2, 0, 3, 1], "Muons": [0, 1, 1, 1]}


def atlas(**absent: list[str]) -> Any:
    collections = {}
    for name, columns in (("Electrons", ELECTRON), ("Muons", MUON)):
        kept = {k: np.array(v) for k, v in columns.items() if k not in absent.get(name, [])}
        kept["pt"] = np.full(sum(COUNTS[name]), 3e4)
        collections[name] = ak.unflatten(ak.zip(kept), COUNTS[name])
    return ak.zip(collections, depth_limit=1)


def cms() -> Any:
    codes = np.array([1, 15, 22, 5, 4, 3, 0], np.uint8)
    electrons = ak.unflatten(ak.zip({"genPartFlav": codes, "pt": codes * 0.0 + 30}), [3, 0, 4])
    return ak.zip({"Electron": electrons, "Muon": electrons}, depth_limit=1)


def names(codes: Any, scheme: str) -> list[list[str]]:
    return [[rules.SCHEMES[scheme].classes[code] for code in event] for event in codes.to_list()]


def test_iff_classes_of_electrons_and_muons() -> None:
    assert names(lepid.truth(atlas(), "Electrons"), "iff") == [
        ["IsoElectron", "IsoElectron"],
        [],
        ["PromptPhotonConversion", "LightFlavorDecay", "BHadronDecay"],
        ["KnownUnknown"],
    ]
    assert names(lepid.truth(atlas(), "Muons"), "iff") == [
        [], ["PromptMuon"], ["BHadronDecay"], ["LightFlavorDecay"]
    ]  # fmt: skip


def test_charge_flips_are_a_class_when_asked_for() -> None:
    flips = lepid.truth(atlas(), "Electrons", "iff", charge_flips=True)
    assert names(flips, "iff")[0] == ["IsoElectron", "ChargeFlipIsoElectron"]
    by_name = names(lepid.truth(atlas(), "Electrons", "dnn"), "dnn")[0]
    merged = names(lepid.truth(atlas(), "Electrons", "dnn", charge_flips=False), "dnn")[0]
    assert by_name[0] == merged[0] == merged[1] != by_name[1]


def test_cms_codes_are_their_own() -> None:
    for collection in ("Electron", "Muon"):
        found = lepid.truth(cms(), collection)
        assert found.to_list() == cms()[collection, "genPartFlav"].to_list()


@pytest.mark.parametrize("scheme", list(rules.SCHEMES))
def test_every_scheme_equals_its_rules_on_flat_columns(scheme: str) -> None:
    events = cms() if scheme == "cms" else atlas()
    for flavour in rules.SCHEMES[scheme].needs:
        stem = "Electron" if flavour == "electron" else "Muon"
        collection = stem if scheme == "cms" else f"{stem}s"
        flat = ak.flatten(events[collection])
        columns = {field: ak.to_numpy(flat[field]) for field in flat.fields}
        expected = rules.classify(scheme, flavour, columns)
        found = lepid.truth(events, collection, scheme)
        assert ak.num(found).to_list() == ak.num(events[collection]).to_list()
        assert ak.flatten(found).to_list() == expected.tolist()


def test_missing_truth_lists_every_column() -> None:
    events = atlas(Electrons=["truthType", "firstEgMotherPdgId"])
    with pytest.raises(errors.MissingColumns) as caught:
        lepid.truth(events, "Electrons")
    text = str(caught.value)
    assert "events.Electrons: no column truthType, firstEgMotherPdgId" in text
    assert "needed by truth scheme iff" in text
    assert "firstEgMotherTruthType" in caught.value.near
    assert "simulation" in caught.value.do
    assert "charge" not in text


def test_charge_is_needed_for_flips_only() -> None:
    events = atlas(Electrons=["charge"])
    assert len(lepid.truth(events, "Electrons")) == 4
    for scheme, flips in (("iff", True), ("dnn", None)):
        with pytest.raises(errors.MissingColumns, match="no column charge") as caught:
            lepid.truth(events, "Electrons", scheme, charge_flips=flips)
        assert caught.value.where == "events.Electrons"


def test_columns_that_a_scheme_can_do_without_are_used_where_they_are() -> None:
    events = atlas()
    unknown = {"truthType": [[], [6], [0], [0]], "truthOrigin": [[], [13], [0], [0]]}
    fallback = {
        "fallbackTruthType": [[], [0], [17], [17]],
        "fallbackDR": [[], [0.0], [0.01], [0.9]],
    }
    pt = events["Muons", "pt"]
    without = ak.zip({"Muons": ak.zip({"pt": pt, **unknown})}, depth_limit=1)
    more = ak.zip({"Muons": ak.zip({"pt": pt, **unknown, **fallback})}, depth_limit=1)
    bare, full = (lepid.truth(e, "Muons").to_list() for e in (without, more))
    assert bare[:2] == full[:2]
    assert bare[2] != full[2]
    assert bare[3] == full[3]


def test_a_scheme_of_the_other_experiment() -> None:
    with pytest.raises(errors.MissingColumns, match="no column genPartFlav"):
        lepid.truth(atlas(), "Muons", "cms")


@pytest.mark.parametrize(
    ("collection", "scheme", "kind", "fact", "near"),
    [
        ("Electrons", "if", errors.UnknownName, "no truth scheme 'if'", ("iff",)),
        ("Electron", None, errors.UnknownName, "no lepton collection 'Electron'", ("Electrons",)),
        ("Muons", "dnn", errors.BadInput, "'dnn' has no classes for flavour 'muon'", ()),
    ],
)
def test_what_cannot_be_classified(
    collection: str, scheme: str | None, kind: type[lepid.LepidError], fact: str, near: Any
) -> None:
    with pytest.raises(kind) as caught:
        lepid.truth(atlas(), collection, scheme)
    assert fact in str(caught.value)
    assert caught.value.near == near


def test_no_events_and_no_leptons() -> None:
    assert lepid.truth(atlas()[:0], "Electrons").to_list() == []
    assert lepid.truth(atlas()[1:2], "Electrons").to_list() == [[]]


@pytest.mark.real
def test_counts_of_a_real_file(real_data: Path) -> None:
    """The truth content that the notes of the data state: codes, counted by hand."""
    path = real_data / "root" / "skhep_uproot-physlite-rntuple_v1-0-0-0.root"
    events = lepid.open(path)
    electrons = ak.flatten(names_array(lepid.truth(events, "Electrons")))
    muons = ak.flatten(names_array(lepid.truth(events, "Muons")))
    assert len(electrons) == 57
    assert len(muons) == 88
    assert ak.sum(electrons == "IsoElectron") == 22
    assert ak.sum(muons == "PromptMuon") == 46


def names_array(codes: Any) -> Any:
    return ak.Array(names(codes, "iff"))


# --- classes that a file holds ------------------------------------------------------------------


def dumped(**columns: Any) -> Any:
    """One muon per event, as flavour-tagging files have them."""
    muons = {"pt": np.full(3, 3e4), **{name: np.array(v) for name, v in columns.items()}}
    return ak.zip({"muons": ak.zip(muons)}, depth_limit=1)


@pytest.mark.parametrize("column", ["IFFClass", "iffClass"])
def test_stored_iff_classes(column: str) -> None:
    events = dumped(**{column: np.array([4, 8, 0], np.uint8)})
    assert lepid.truth(events, "muons", schema="ftag").to_list() == [4, 8, 0]


def test_classes_are_computed_where_the_columns_are_there() -> None:
    events = dumped(truthType=[6, 7, 8], truthOrigin=[13, 26, 34], iffClass=[0, 0, 0])
    computed = lepid.truth(events, "muons", schema="ftag").to_list()
    assert computed == [code for event in lepid.truth(atlas(), "Muons").to_list() for code in event]


def test_stored_classes_are_as_they_are() -> None:
    with pytest.raises(errors.BadInput, match="the classes of iffClass are as the file has them"):
        lepid.truth(dumped(iffClass=[4, 8, 0]), "muons", schema="ftag", charge_flips=True)


def test_a_scheme_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "labels.toml"
    path.write_text('column = "flavour_label"\n[classes]\nmuxprompt = 0\nnpxall = [1, 2]\n')
    events = dumped(flavour_label=[2, 0, 1])
    scheme = str(path)
    assert lepid.truth(events, "muons", scheme, schema="ftag").to_list() == [1, 0, 1]
    decorated = lepid.decorate(events, [], schema="ftag", truth=scheme)
    assert decorated.muons.truth_labels.to_list() == [1, 0, 1]
    with pytest.raises(errors.MissingColumns, match="no column flavour_label") as caught:
        lepid.truth(dumped(flavour_labels=[0, 0, 0]), "muons", scheme, schema="ftag")
    assert caught.value.near == ("flavour_labels",)


def test_jets_have_no_iff_class() -> None:
    jets = ak.zip({"jets": ak.zip({"pt": np.full(3, 3e4)})}, depth_limit=1)
    with pytest.raises(errors.BadInput, match="no classes for flavour 'jet'") as caught:
        lepid.truth(jets, "jets", schema="ftag")
    assert "scheme=" in caught.value.do
