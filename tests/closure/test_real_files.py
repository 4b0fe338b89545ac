"""Real files of ATLAS, CMS and Delphes: what is in them, and their traps."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import awkward as ak
import numpy as np
import pytest
import uproot
from coffea.nanoevents import NanoAODSchema, NanoEventsFactory, PHYSLITESchema

import lepid
from lepid.errors import BadFile, BadInput
from lepid.events import files
from lepid.events.layout import Layout, layout
from lepid.events.objects.links import covariance, link_index, linked_rows
from lepid.events.output import Writer

pytestmark = pytest.mark.real

PHYSLITE_RNTUPLE = "skhep_uproot-physlite-rntuple_v1-0-0-0.root"
PHYSLITE_TREE = "coffea_PHYSLITE_example.root"
PHYSLITE_REL21 = "skhep_uproot-issue-123a.root"
NANO = "coffea_nano_tt_v12.root"
# file: tree, schema, collections, events, electrons, muons
HELD = {
    PHYSLITE_RNTUPLE: ("EventData", "physlite", "Electrons", "Muons", 100, 57, 88),
    PHYSLITE_TREE: ("CollectionTree", "physlite", "Electrons", "Muons", 100, 134, 5),
    PHYSLITE_REL21: ("CollectionTree", "physlite", "Electrons", "Muons", 100, 37, 51),
    NANO: ("Events", "nanoaod", "Electron", "Muon", 200, 310, 210),
    "egammatnp_DYto2E.root": ("Events", "nanoaod", "Electron", "Muon", 1000, 2000, 175),
    "coffea_pfnano.root": ("Events", "nanoaod", "Electron", "Muon", 10, 5, 10),
    "coffea_nano_dy_rntuple.root": ("Events", "nanoaod", "Electron", "Muon", 40, 25, 18),
    "coffea_delphes.root": ("Delphes", "delphes", "Electron", "Muon", 25, 5, 0),
}
STRONG = {("d0", "phi"): -1, ("z0", "theta"): 1}
GSF_TRACKS, INDET_TRACKS, COMBINED_TRACKS = 776133387, 490246363, 873304470
ELECTRON_LH = {
    f"AnalysisElectronsAuxDyn{{}}DFCommonElectronsLH{point}"
    for point in ("VeryLoose", "Loose", "LooseBL", "Medium", "Tight")
}


class File(NamedTuple):
    """A real file, opened once."""

    source: Any
    how: Layout

    def events(self, accessed: list[str] | None = None) -> Any:
        """Its events, unread."""
        return files.events_of(
            [self.source], self.how, [(0, self.source.n_event)], accessed=accessed
        )


@pytest.fixture(scope="module")
def find(real_data: Path) -> Callable[[str], File]:
    """Function: name -> real file."""

    @cache
    def make(name: str) -> File:
        source = files.source(real_data / "root" / name)
        return File(source, layout(source))

    return make


@pytest.fixture(scope="module")
def opened(find: Callable[[str], File]) -> Callable[[str], Any]:
    """Function: name -> events of a real file."""
    return cache(lambda name: find(name).events())


@pytest.mark.parametrize("name", HELD)
def test_leptons_of_every_file(find: Callable[[str], File], opened: Any, name: str) -> None:
    tree, schema, electrons, muons, n_event, n_electron, n_muon = HELD[name]
    source, how = find(name)
    assert (how.schema.name, how.leptons) == (schema, {"electron": electrons, "muon": muons})
    assert (source.name, source.n_event) == (tree, n_event)
    events = opened(name)
    counts = {c: int(ak.sum(ak.num(events[c]))) for c in (electrons, muons)}
    assert (len(events), counts) == (n_event, {electrons: n_electron, muons: n_muon})
    for collection, flavour in ((electrons, "electron"), (muons, "muon")):
        columns = how.groups[collection]
        pt = how.schema.collections[flavour].find("pt", columns)
        assert pt is not None
        direct = source.source[columns[pt]].array()
        assert events[collection][pt].type.content == direct.type.content
        assert ak.array_equal(events[collection][pt], direct)


def test_the_h5_file_holds_jets_and_no_leptons(real_data: Path) -> None:
    events = lepid.open(real_data / "root" / "puma_file1.h5")
    assert "jets" in events.fields
    with pytest.raises(BadInput, match="no muon collection"):
        lepid.decorate(events, "muon_plit")


@pytest.mark.parametrize("name", HELD)
def test_every_lepton_column_can_be_read(opened: Any, name: str) -> None:
    events = opened(name)
    for collection in HELD[name][2:4]:
        counts = ak.num(events[collection])
        for column in events[collection].fields:
            values = ak.materialize(events[collection][column])
            assert ak.array_equal(ak.num(values), counts), column


@pytest.mark.parametrize("name", [PHYSLITE_TREE, PHYSLITE_RNTUPLE])
def test_objects_without_values_are_left_out(opened: Any, name: str) -> None:
    events = opened(name)
    assert [field for field in events.fields if not events[field].fields] == ["index_ref"]
    assert len(events.EventInfo.eventNumber) == 100


@pytest.mark.parametrize("name", [PHYSLITE_RNTUPLE, "coffea_nano_dy_rntuple.root"])
def test_opening_an_rntuple_does_not_walk_all_its_fields(
    real_data: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def walk(*_: Any, **__: Any) -> Any:
        pytest.fail("this takes seconds")

    monkeypatch.setattr(uproot.behaviors.RNTuple.HasFields, "keys", walk)
    assert len(lepid.open(real_data / "root" / name)) == HELD[name][4]


# --- what is read -------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "separator"), [(PHYSLITE_TREE, "."), (PHYSLITE_RNTUPLE, ":")])
def test_a_tagger_reads_its_columns_and_no_others(
    find: Callable[[str], File], name: str, separator: str
) -> None:
    accessed: list[str] = []
    lepid.decorate(find(name).events(accessed), "electron_lh")
    expected = {column.format(separator) for column in ELECTRON_LH}
    assert set(accessed) == expected | {f"AnalysisElectronsAuxDyn{separator}pt"}
    assert len(accessed) == len(set(accessed))


def test_a_cms_tagger_reads_its_columns_and_no_others(find: Callable[[str], File]) -> None:
    accessed: list[str] = []
    lepid.decorate(find(NANO).events(accessed), "cms_electron_mva_iso")
    # pt gives the offsets too
    assert set(accessed) == {f"Electron_{c}" for c in ("pt", "eta", "deltaEtaSC", "mvaIso")}


def test_coffea_reads_the_same_and_its_own_offsets(real_data: Path) -> None:
    log: list[Any] = []
    events = coffea_events(real_data / "root" / PHYSLITE_TREE, "CollectionTree", "virtual", log)
    lepid.decorate(events, "electron_lh")
    expected = {column.format(".") for column in ELECTRON_LH}
    # coffea takes the offsets of a collection from its first branch.
    offsets = {"AnalysisElectronsAuxDyn.trackParticleLinks"}
    assert {entry.branch for entry in log} == expected | {"AnalysisElectronsAuxDyn.pt"} | offsets


def coffea_events(path: Path, tree: str, mode: str, log: list[Any] | None = None) -> Any:
    """Events as coffea opens them; it warns about each column that it skips."""
    schema = PHYSLITESchema if tree == "CollectionTree" else NanoAODSchema
    options: dict[str, Any] = {} if log is None else {"access_log": log}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return NanoEventsFactory.from_root(
            {str(path): tree}, schemaclass=schema, mode=mode, **options
        ).events()


@pytest.mark.parametrize(
    ("name", "mode"), [(PHYSLITE_TREE, "virtual"), (NANO, "virtual"), (NANO, "dask")]
)
def test_coffea_and_lepid_open_the_same(real_data: Path, opened: Any, name: str, mode: str) -> None:
    tree, _, electrons, muons, *_ = HELD[name]
    theirs = coffea_events(real_data / "root" / name, tree, mode)
    if mode == "dask":
        theirs = theirs[[electrons, muons]].compute()
    ours = opened(name)
    shared = set(theirs[electrons].fields) & set(ours[electrons].fields)
    assert len(shared) > 30
    for column in ("pt", "eta", "phi", "charge"):
        for collection in (electrons, muons):
            left, right = ours[collection][column], theirs[collection][column]
            assert left.to_list() == right.to_list()
            assert str(left.type) == str(ak.without_parameters(right).type)


def test_many_real_files_and_ranges(real_data: Path, opened: Any) -> None:
    path = real_data / "root" / PHYSLITE_RNTUPLE
    pt = opened(PHYSLITE_RNTUPLE).Muons.pt.to_list()
    both = lepid.open([path, path], entry_start=90, entry_stop=125)
    assert both.Muons.pt.to_list() == (pt * 2)[90:125]
    chunks = [events.Muons.pt.to_list() for events, _, _ in files.chunks([path, path], 30)]
    assert [len(chunk) for chunk in chunks] == [30, 30, 30, 10] * 2
    assert [event for chunk in chunks for event in chunk] == pt * 2


# --- traps --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "null"), [(PHYSLITE_TREE, 54), (PHYSLITE_REL21, 0), (PHYSLITE_RNTUPLE, 38)]
)
def test_null_links_of_electrons(opened: Any, name: str, null: int) -> None:
    events = opened(name)
    links = events.Electrons["trackParticleLinks"]
    assert set(np.unique(ak.flatten(links.m_persKey, axis=None).to_numpy())) <= {0, GSF_TRACKS}
    index = link_index(links, GSF_TRACKS)
    assert ak.sum(ak.is_none(index, axis=2)) == null
    slow = sum(
        key == 0 for event in links.m_persKey.to_list() for lepton in event for key in lepton
    )
    assert slow == null
    tracks = ak.num(events.GSFTrackParticles)
    inside = index < tracks
    assert ak.all(inside, axis=None)


@pytest.mark.parametrize(
    ("name", "null"), [(PHYSLITE_TREE, 0), (PHYSLITE_REL21, 1), (PHYSLITE_RNTUPLE, 0)]
)
def test_links_of_muons_lead_to_their_tracks(opened: Any, name: str, null: int) -> None:
    """Split sub-branches of a tree and records of an RNTuple have the same fields."""
    muons = opened(name).Muons
    links = muons["combinedTrackParticleLink"]
    assert set(links.fields) == {"m_persKey", "m_persIndex"}
    index = link_index(links, COMBINED_TRACKS)
    assert ak.sum(ak.is_none(index, axis=1)) == null
    tracks = opened(name).CombinedMuonTrackParticles
    phi = ak.drop_none(tracks.phi[index], axis=1)
    expected = muons.phi[~ak.is_none(index, axis=1)]
    turn = (phi - expected + np.pi) % (2 * np.pi) - np.pi
    assert len(ak.flatten(turn)) == HELD[name][6] - null
    assert ak.max(abs(turn)) < 0.05


@pytest.mark.parametrize("name", [PHYSLITE_TREE, PHYSLITE_RNTUPLE])
def test_electrons_lead_to_their_inner_tracks(opened: Any, name: str) -> None:
    """The best GSF track of a real, nested vector of links, and the ID track behind it."""
    events = opened(name)
    electrons, tracks = events.Electrons, events.GSFTrackParticles
    gsf = linked_rows(electrons, "trackParticleLinks", GSF_TRACKS)
    slow = [
        [next(iter(links), {"m_persKey": 0}) for links in event]
        for event in electrons["trackParticleLinks"].to_list()
    ]
    expected = [[x["m_persIndex"] if x["m_persKey"] else -1 for x in event] for event in slow]
    assert gsf.to_list() == expected
    there = gsf >= 0
    assert ak.sum(there) > 20
    phi = tracks.phi[gsf[there]]
    turn = (phi - electrons.phi[there] + np.pi) % (2 * np.pi) - np.pi
    assert ak.max(abs(turn)) < 0.2
    inner = linked_rows(tracks, "originalTrackParticle", INDET_TRACKS)
    assert ak.num(inner).to_list() == ak.num(tracks).to_list()
    found = inner >= 0
    assert ak.all(inner[found] < ak.num(events.InDetTrackParticles))
    if ak.any(found):
        d0 = events.InDetTrackParticles.d0[inner[found]]
        assert ak.all(abs(d0 - tracks.d0[found]) < 5.0)


@pytest.mark.parametrize("name", [PHYSLITE_TREE, PHYSLITE_RNTUPLE])
def test_covariances_of_real_tracks(opened: Any, name: str) -> None:
    for collection in ("InDetTrackParticles", "GSFTrackParticles"):
        tracks = opened(name)[collection]
        variance = covariance(tracks, "d0", "d0")
        assert variance.to_list() == tracks["definingParametersCovMatrixDiag"][..., 0].to_list()
        assert ak.all(variance > 0)
        for one, other in combinations(("d0", "z0", "phi", "theta", "qOverP"), 2):
            assert ak.all(abs(covariance(tracks, one, other)) <= 1.0001)
        # Transverse errors go together, as do longitudinal ones; no others do.
        strong = {pair: ak.mean(covariance(tracks, *pair)) for pair in STRONG}
        assert all(value * STRONG[pair] > 0.5 for pair, value in strong.items()), strong
        assert abs(ak.mean(covariance(tracks, "d0", "theta"))) < 0.2


def test_links_into_another_container_are_told_apart(opened: Any) -> None:
    links = opened(PHYSLITE_TREE).Muons["inDetTrackParticleLink"]
    assert ak.sum(ak.is_none(link_index(links), axis=1)) == 0
    assert ak.sum(ak.is_none(link_index(links, INDET_TRACKS), axis=1)) == 1


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        (PHYSLITE_REL21, {"definingParametersCovMatrix": 15}),
        (
            PHYSLITE_TREE,
            {"definingParametersCovMatrixDiag": 5, "definingParametersCovMatrixOffDiag": 10},
        ),
    ],
)
def test_covariance_of_tracks(
    find: Callable[[str], File], opened: Any, name: str, columns: dict[str, int]
) -> None:
    tracks = opened(name).InDetTrackParticles
    assert {c for c in tracks.fields if "CovMatrix" in c} == set(columns)
    source = find(name).source.source
    for column, size in columns.items():
        assert str(tracks[column].type) == "100 * var * var * float32"
        assert ak.all(ak.num(tracks[column], axis=2) == size, axis=None)
        assert ak.array_equal(ak.num(tracks[column]), ak.num(tracks.d0))
        direct = source[f"InDetTrackParticlesAuxDyn.{column}"].array()
        assert ak.array_equal(tracks[column], direct)
    # The first entry is the variance of d0.
    assert ak.all(tracks[next(iter(columns))][..., 0] > 0, axis=None)


def test_no_truth_in_release_21(opened: Any) -> None:
    muons = opened(PHYSLITE_REL21).Muons
    for column in ("truthType", "truthOrigin"):
        assert int(ak.sum(muons[column] == -99999)) == 4


def test_quality_of_muons_keeps_its_flag_bits(opened: Any) -> None:
    quality = ak.flatten(opened(PHYSLITE_RNTUPLE).Muons.quality).to_numpy()
    assert dict(zip(*np.unique(quality, return_counts=True), strict=True)) == {9: 82, 10: 5, 11: 1}
    assert set((quality & 7).tolist()) == {1, 2, 3}


def test_garbage_of_pfnano_comes_through(find: Callable[[str], File], opened: Any) -> None:
    jets = opened("coffea_pfnano.root").Jet
    source = find("coffea_pfnano.root").source.source
    for column in ("DeepCSV_trackDeltaR_4", "DeepCSV_trackDecayLenVal_2"):
        values = ak.flatten(jets[column]).to_numpy()
        np.testing.assert_array_equal(values, ak.flatten(source[f"Jet_{column}"].array()))
    assert np.nanmax(ak.flatten(jets.DeepCSV_trackDeltaR_4).to_numpy()) > 1e32
    assert np.isnan(ak.flatten(jets.DeepCSV_trackDecayLenVal_2).to_numpy()).sum() == 1
    events = lepid.decorate(opened("coffea_pfnano.root"))
    assert set(events.fields) == set(opened("coffea_pfnano.root").fields)


@pytest.mark.parametrize("name", HELD)
def test_pt_is_in_the_unit_of_the_schema(
    find: Callable[[str], File], opened: Any, name: str
) -> None:
    how = find(name).how
    electrons = opened(name)[how.leptons["electron"]]
    pt = ak.flatten(electrons["PT" if "PT" in electrons.fields else "pt"]).to_numpy()
    gev = pt / {"MeV": 1000, "GeV": 1}[how.schema.unit("GeV")]
    assert 3 < np.median(gev) < 100


@pytest.mark.parametrize("name", [PHYSLITE_TREE, PHYSLITE_RNTUPLE, NANO])
@pytest.mark.parametrize("kept", [0.2, 0.98])
def test_a_truncated_copy(real_data: Path, tmp_path: Path, name: str, kept: float) -> None:
    content = (real_data / "root" / name).read_bytes()
    path = tmp_path / "truncated.root"
    path.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(BadFile, match="cannot be read as a ROOT file") as caught:
        lepid.open(path)
    assert caught.value.where == str(path)
    assert "complete" in caught.value.do


# --- and back -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "suffix"), [(PHYSLITE_RNTUPLE, ".root"), (NANO, ".parquet")])
def test_decorated_events_come_back(
    real_data: Path, find: Callable[[str], File], tmp_path: Path, name: str, suffix: str
) -> None:
    source, how = real_data / "root" / name, find(name).how
    keep = ("Electrons", "EventInfo") if name == PHYSLITE_RNTUPLE else ("Electron", "HLT")
    path = tmp_path / f"out{suffix}"
    chunks = list(lepid.iterate(source, step=70, keep=keep, truth=True))
    with Writer(path, how.schema, how.leptons, keep) as writer:
        for chunk in chunks:
            writer.extend(chunk)
    back = lepid.open(path)
    whole = ak.concatenate([ak.materialize(chunk) for chunk in chunks])
    for collection in (how.leptons["electron"], how.leptons["muon"]):
        assert len(back[collection].fields) >= 7
        for column in back[collection].fields:
            ours, theirs = whole[collection][column], back[collection][column]
            assert str(ours.type) == str(theirs.type), column
            assert ak.array_equal(ours, theirs, equal_nan=True), column
    number = ("EventInfo", "eventNumber") if how.schema.name == "physlite" else ("event",)
    assert back[number].to_list() == whole[number].to_list()
    assert back.attrs["lepid"] == chunks[0].attrs["lepid"]
