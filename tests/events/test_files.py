"""Files of every format, one or many, whole or in ranges, opened as events."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
import uproot
from hypothesis import given
from hypothesis import strategies as st

import lepid
from lepid.errors import AmbiguousSchema, BadFile, BadInput, NoLeptons, UnknownName
from lepid.events import files
from lepid.events.objects.links import link_index

PT = ak.values_astype(ak.Array([[30.0, 20.0], [], [15.0], [12.0]]), np.float32)
INDEX = ak.Array([[1, 0], [], [3], [4]])
COVARIANCE = ak.Array([[list(np.arange(15.0))] * n for n in (2, 0, 1, 1)])
NUMBER = ak.Array(np.arange(4, dtype=np.uint64))


def write(path: Path, tree: str, columns: dict[str, ak.Array], kind: str = "TTree") -> Path:
    """ROOT file of one tree."""
    with uproot.recreate(path) as file:
        if kind == "RNTuple":
            file.mkrntuple(tree, columns)
        else:
            file.mktree(tree, {k: v.type.content for k, v in columns.items()}).extend(columns)
    return path


def physlite(separator: str, prefix: str = "Analysis") -> dict[str, ak.Array]:
    """Columns of PHYSLITE, or of PHYS without the prefix."""
    return {
        f"{prefix}MuonsAuxDyn{separator}eta": PT / 10,
        f"{prefix}MuonsAuxDyn{separator}pt": PT,
        f"{prefix}MuonsAuxDyn{separator}quality": INDEX,
        f"{prefix}ElectronsAuxDyn{separator}pt": PT,
        f"EventInfoAuxDyn{separator}eventNumber": NUMBER,
    }


NANO = {"Muon_pt": PT, "Muon_eta": PT / 10, "Electron_pt": PT, "run": NUMBER, "HLT_mu": NUMBER > 1}
NTUPLE = {"mu_pt_NOSYS": PT, "mu_eta": PT / 10, "el_pt_NOSYS": PT, "runNumber": NUMBER}
DELPHES = {"Muon.PT": PT, "Muon.Eta": PT / 10, "Muon.fBits": INDEX, "Electron.PT": PT}

FORMATS: dict[str, tuple[str, str, dict[str, ak.Array], str, str, str]] = {
    "physlite": ("CollectionTree", "TTree", physlite("."), "physlite", "Muons", "Electrons"),
    "physlite rntuple": ("EventData", "RNTuple", physlite(":"), "physlite", "Muons", "Electrons"),
    "phys": ("CollectionTree", "TTree", physlite(".", ""), "physlite", "Muons", "Electrons"),
    "phys rntuple": ("EventData", "RNTuple", physlite(":", ""), "physlite", "Muons", "Electrons"),
    "nanoaod": ("Events", "TTree", NANO, "nanoaod", "Muon", "Electron"),
    "nanoaod rntuple": ("Events", "RNTuple", NANO, "nanoaod", "Muon", "Electron"),
    "ntuple": ("reco", "TTree", NTUPLE, "ntuple", "mu", "el"),
    "delphes": ("Delphes", "TTree", DELPHES, "delphes", "Muon", "Electron"),
}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_opens(tmp_path: Path, name: str) -> None:
    tree, kind, columns, schema, muons, electrons = FORMATS[name]
    path = write(tmp_path / "a.root", tree, columns, kind)
    how = files.layout_of(path)
    assert (how.schema.name, how.leptons) == (schema, {"electron": electrons, "muon": muons})
    events = lepid.open(path)
    pt = how.schema.collections["muon"].find("pt", events[muons].fields)
    assert len(events) == 4
    assert ak.array_equal(events[muons][pt], PT)
    assert events[muons][pt].type == PT.type
    assert ak.array_equal(events[electrons][pt], PT)
    assert files.count(path) == 4


@pytest.mark.parametrize("name", FORMATS)
def test_only_what_is_used_is_read(tmp_path: Path, name: str) -> None:
    tree, kind, columns, _, muons, _ = FORMATS[name]
    accessed: list[str] = []
    events = lepid.open(write(tmp_path / "a.root", tree, columns, kind), accessed=accessed)
    assert accessed == []
    mu = [name for name in columns if muons in name]
    pt, eta = (next(n for n in mu if kind in n.lower()) for kind in ("pt", "eta"))
    ak.num(events[muons])
    assert accessed == [pt]
    names = {"pt": "PT", "eta": "Eta"} if name == "delphes" else {"pt": "pt", "eta": "eta"}
    ak.materialize(events[muons][names["eta"]])
    ak.materialize(events[muons][[names["eta"], names["pt"]]])
    assert accessed == [pt, eta]


def test_events_know_their_columns_by_plain_names(tmp_path: Path) -> None:
    path = write(tmp_path / "a.root", "CollectionTree", physlite("."))
    events = lepid.open(path)
    assert set(events.fields) >= {"Muons", "Electrons", "EventInfo"}
    assert events.Muons.fields == ["eta", "pt", "quality"]
    assert events.EventInfo.eventNumber.to_list() == [0, 1, 2, 3]


def test_scalars_of_nanoaod(tmp_path: Path) -> None:
    events = lepid.open(write(tmp_path / "a.root", "Events", NANO))
    assert events.run.to_list() == [0, 1, 2, 3]
    assert events.HLT.mu.to_list() == [False, False, True, True]
    assert events.Muon.fields == ["pt", "eta"]
    assert set(events.fields) == {"Muon", "Electron", "run", "HLT"}


def test_a_header_branch_does_not_hide_its_collection(tmp_path: Path) -> None:
    columns = {**physlite("."), "Muons": NUMBER, "EventInfo": NUMBER}
    events = lepid.open(write(tmp_path / "a.root", "CollectionTree", columns))
    assert ak.array_equal(events.Muons.pt, PT)
    assert events.EventInfo.eventNumber.to_list() == [0, 1, 2, 3]


def test_a_flat_column_beside_a_collection_keeps_its_name(tmp_path: Path) -> None:
    columns = {**NTUPLE, "mu_trigger": NUMBER}
    events = lepid.open(write(tmp_path / "a.root", "reco", columns))
    assert events.mu.fields == ["pt", "eta"]
    assert events["mu_trigger"].to_list() == [0, 1, 2, 3]


def test_one_lepton_per_row(tmp_path: Path) -> None:
    columns = {"el_pt": ak.Array([1.0, 2.0]), "el_eta": ak.Array([0.1, 0.2])}
    events = lepid.open(write(tmp_path / "a.root", "reco", columns))
    assert events.el.to_list() == [{"pt": 1.0, "eta": 0.1}, {"pt": 2.0, "eta": 0.2}]


# --- the traps of ATLAS files ------------------------------------------------------------------


def links(keys: Any, places: Any) -> ak.Array:
    """ElementLinks."""
    return ak.zip({"m_persKey": ak.Array(keys), "m_persIndex": ak.Array(places)})


@pytest.mark.parametrize("kind", ["TTree", "RNTuple"])
def test_links_have_the_same_fields_in_both_kinds_of_tree(tmp_path: Path, kind: str) -> None:
    keys, places = [[490246363, 0], [], [0], [490246363]], [[0, 0], [], [0], [5]]
    if kind == "TTree":
        stem = "AnalysisMuonsAuxDyn.inDetTrackParticleLink"
        extra = {f"{stem}.m_persKey": ak.Array(keys), f"{stem}.m_persIndex": ak.Array(places)}
        path = write(tmp_path / "a.root", "CollectionTree", {**physlite("."), **extra})
    else:
        extra = {"AnalysisMuonsAuxDyn:inDetTrackParticleLink": links(keys, places)}
        path = write(tmp_path / "a.root", "EventData", {**physlite(":"), **extra}, kind)
    found = lepid.open(path).Muons["inDetTrackParticleLink"]
    assert set(found.fields) == {"m_persKey", "m_persIndex"}
    assert found.m_persKey.to_list() == keys
    assert found.m_persIndex.to_list() == places
    index = link_index(found)
    assert index.to_list() == [[0, None], [], [None], [5]]


def test_covariance_in_one_column_or_two(tmp_path: Path) -> None:
    tracks = "InDetTrackParticlesAuxDyn"
    extra = {
        f"{tracks}:definingParametersCovMatrix": COVARIANCE,
        f"{tracks}:definingParametersCovMatrixDiag": COVARIANCE[..., :5],
        f"{tracks}:d0": PT,
    }
    path = write(tmp_path / "a.root", "EventData", {**physlite(":"), **extra}, "RNTuple")
    found = lepid.open(path).InDetTrackParticles
    assert ak.array_equal(found.definingParametersCovMatrix, COVARIANCE)
    assert ak.array_equal(found.definingParametersCovMatrixDiag, COVARIANCE[..., :5])
    assert ak.num(found.definingParametersCovMatrix, axis=2).to_list() == [[15, 15], [], [15], [15]]


def test_values_are_not_touched(tmp_path: Path) -> None:
    garbage = ak.Array([[np.nan, 1e32], [], [-99999.0], [np.inf]])
    columns = {**physlite("."), "AnalysisMuonsAuxDyn.truthType": ak.values_astype(garbage, "f4")}
    columns["AnalysisMuonsAuxDyn.quality"] = ak.Array([[9, 10], [], [11], [2]])
    muons = lepid.open(write(tmp_path / "a.root", "CollectionTree", columns)).Muons
    np.testing.assert_array_equal(
        ak.flatten(muons.truthType).to_numpy(), np.array([np.nan, 1e32, -99999, np.inf], "f4")
    )
    assert muons.quality.to_list() == [[9, 10], [], [11], [2]]


# --- ranges and many files ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of three files of 4, 1 and 3 events."""
    folder = tmp_path_factory.mktemp("three")
    for name, part in (("a", slice(0, 4)), ("b", slice(1, 2)), ("c", slice(1, 4))):
        columns = {key: values[part] for key, values in physlite(".").items()}
        write(folder / f"{name}.root", "CollectionTree", columns)
    return folder


WHOLE = [0, 1, 2, 3, 1, 1, 2, 3]


@pytest.mark.parametrize("form", ["glob", "list", "str"])
def test_many_files_are_one_array(three: Path, form: str) -> None:
    names = sorted(three.glob("*.root"))
    paths: Any = {
        "glob": str(three / "*.root"),
        "list": names,
        "str": [str(names[0]), str(three / "[bc].root")],
    }[form]
    events = lepid.open(paths)
    assert events.EventInfo.eventNumber.to_list() == WHOLE
    assert events.Muons.pt.to_list() == [PT[i].to_list() for i in WHOLE]
    assert files.count(paths) == 8


def test_the_home_folder(three: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(three))
    monkeypatch.setenv("USERPROFILE", str(three))
    assert len(lepid.open("~/a.root")) == 4


ENDS = st.one_of(st.none(), st.integers(-10, 10))


@given(start=ENDS, stop=ENDS)
def test_ranges_are_slices_of_the_whole(three: Path, start: int | None, stop: int | None) -> None:
    events = lepid.open(str(three / "*.root"), entry_start=start, entry_stop=stop)
    assert len(events) == len(WHOLE[start:stop])
    assert events.EventInfo.eventNumber.to_list() == WHOLE[start:stop]
    assert events.Muons.pt.to_list() == [PT[i].to_list() for i in WHOLE[start:stop]]


def test_a_range_reads_only_the_files_in_it(three: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    original = lepid.root_files.Tree.read

    def spy(self: Any, column: str, start: int, stop: int) -> Any:
        read.append(Path(self.path).name)
        return original(self, column, start, stop)

    monkeypatch.setattr(lepid.root_files.Tree, "read", spy)
    events = lepid.open(str(three / "*.root"), entry_start=4, entry_stop=7)
    assert ak.num(events.Muons).to_list() == [0, 0, 1]
    assert read == ["b.root", "c.root"]


def test_files_whose_columns_differ(tmp_path: Path) -> None:
    first = write(tmp_path / "a.root", "Events", {**NANO, "Muon_old": PT, "old": NUMBER})
    second = write(tmp_path / "b.root", "Events", {**NANO, "Muon_new": PT})
    events = lepid.open([first, second])
    assert events.Muon.fields == ["pt", "eta"]
    assert "old" not in events.fields
    assert events.Muon.eta.to_list() == (PT / 10).to_list() * 2


@pytest.mark.parametrize(
    ("other", "dtype"), [(PT, "float32"), (ak.values_astype(PT, np.float64), "float64")]
)
def test_numbers_of_different_types_are_promoted(
    tmp_path: Path, other: ak.Array, dtype: str
) -> None:
    first = write(tmp_path / "a.root", "Events", NANO)
    second = write(tmp_path / "b.root", "Events", {**NANO, "Muon_pt": other})
    events = lepid.open([first, second])
    assert str(events.Muon.pt.type) == f"8 * var * {dtype}"
    assert events.Muon.pt.to_list() == PT.to_list() * 2


def test_a_column_with_types_that_do_not_fit(tmp_path: Path) -> None:
    first = write(tmp_path / "a.root", "Events", NANO)
    second = write(tmp_path / "b.root", "Events", {**NANO, "Muon_eta": NUMBER})
    with pytest.raises(BadInput, match="column 'Muon_eta' has different types") as caught:
        lepid.open([first, second])
    assert "uint64" in str(caught.value)
    assert "var * float32" in str(caught.value)


def test_files_of_different_formats(tmp_path: Path) -> None:
    first = write(tmp_path / "a.root", "Events", NANO)
    second = write(tmp_path / "b.root", "CollectionTree", physlite("."))
    with pytest.raises(NoLeptons, match=r"no column 'Electron_pt', which .*a\.root has") as caught:
        lepid.open([first, second])
    assert caught.value.where == str(second)


def test_columns_of_a_collection_that_do_not_fit(tmp_path: Path) -> None:
    wrong = ak.Array([[1.0], [2.0], [3.0], []])
    events = lepid.open(write(tmp_path / "a.root", "Events", {**NANO, "Muon_x": wrong}))
    assert ak.array_equal(events.Muon.pt, PT)
    with pytest.raises(BadInput, match="'pt' and 'x' have different numbers of objects") as caught:
        ak.materialize(events.Muon["x"])
    assert caught.value.where == "events.Muon"


def test_many_files_stay_within_the_open_files_limit(tmp_path: Path) -> None:
    path = write(tmp_path / "a.root", "Events", NANO)
    before = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").is_dir() else 0
    events = lepid.open([path] * 30)
    after = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").is_dir() else 0
    assert len(events) == 120
    assert after - before <= 35


# --- parquet ------------------------------------------------------------------------------------


def test_parquet_records(tmp_path: Path) -> None:
    muons = ak.zip({"pt": PT, "eta": PT / 10, "plit": ak.zip({"score": PT})}, depth_limit=2)
    events = ak.zip({"Muons": muons, "run": NUMBER}, depth_limit=1)
    ak.to_parquet(events, tmp_path / "a.parquet")
    accessed: list[str] = []
    opened = lepid.open(tmp_path / "a.parquet", accessed=accessed)
    assert opened.Muons.fields == ["pt", "eta", "plit"]
    assert ak.array_equal(opened.Muons.plit.score, PT)
    assert set(accessed) == {"Muons.pt", "Muons.plit.score"}
    assert opened.run.to_list() == [0, 1, 2, 3]
    both = lepid.open([tmp_path / "a.parquet"] * 2, entry_start=2, entry_stop=6)
    assert both.Muons.pt.to_list() == (PT.to_list() * 2)[2:6]


@pytest.mark.parametrize("columns", [NANO, physlite("."), NTUPLE, DELPHES])
def test_parquet_with_flat_columns(tmp_path: Path, columns: dict[str, ak.Array]) -> None:
    ak.to_parquet(ak.zip(columns, depth_limit=1), tmp_path / "a.parquet")
    how = files.layout_of(tmp_path / "a.parquet")
    events = lepid.open(tmp_path / "a.parquet")
    muons = events[how.leptons["muon"]]
    assert ak.array_equal(muons["PT" if "PT" in muons.fields else "pt"], PT)


def test_parquet_where_all_may_be_missing(tmp_path: Path) -> None:
    kind = pyarrow.list_(pyarrow.struct([("pt", pyarrow.float32()), ("q", pyarrow.int8())]))
    whole = [[{"pt": 1.5, "q": 1}, {"pt": 2.5, "q": -1}], []]
    for name, rows in (("whole", whole), ("holes", [[{"pt": 3.5, "q": None}], None])):
        table = pyarrow.table({"Muons": pyarrow.array(rows, type=kind)})
        pyarrow.parquet.write_table(table, tmp_path / f"{name}.parquet")
    events = lepid.open([tmp_path / "whole.parquet", tmp_path / "holes.parquet"])
    assert events.Muons.pt.to_list() == [[1.5, 2.5], [], [3.5], []]
    assert events.Muons.q.to_list() == [[1, -1], [], [None], []]
    assert lepid.open(tmp_path / "whole.parquet").Muons.to_list() == whole


def test_parquet_of_a_schema_that_must_be_named(tmp_path: Path) -> None:
    ak.to_parquet(ak.zip({"muons": ak.zip({"pt": PT})}, depth_limit=1), tmp_path / "a.parquet")
    with pytest.raises(NoLeptons, match=r"it holds muons\.pt"):
        lepid.open(tmp_path / "a.parquet")
    assert ak.array_equal(lepid.open(tmp_path / "a.parquet", schema="plain").muons.pt, PT)


# --- what is wrong with files ------------------------------------------------------------------


def test_paths_that_name_nothing(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="no file matches"):
        lepid.open(str(tmp_path / "*.root"))
    with pytest.raises(BadFile, match="no such file"):
        lepid.open(tmp_path / "absent.root")
    with pytest.raises(BadFile, match="no file was given"):
        lepid.open([])


def test_a_file_of_an_unknown_kind(tmp_path: Path) -> None:
    path = tmp_path / "puma.csv"
    path.touch()
    with pytest.raises(BadFile, match=r"unknown kind '\.csv'") as caught:
        lepid.open(path)
    assert caught.value.near == (".root", ".parquet", ".h5", ".hdf5")


def test_a_folder(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="is a folder") as caught:
        lepid.open(tmp_path)
    assert str(tmp_path / "*.root") in caught.value.do


@pytest.mark.parametrize("name", ["DAOD_PHYSLITE.1._000001.pool.root.1", "a[1].root", "a?b.root"])
def test_names_of_the_grid_and_names_that_look_like_patterns(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / "a.root", "CollectionTree", physlite(".")).rename(tmp_path / name)
    assert len(lepid.open(path)) == 4
    assert len(lepid.open(str(path))) == 4


def test_one_bad_file_among_many_is_named(three: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.root"
    bad.write_text("text")
    with pytest.raises(BadFile) as caught:
        lepid.open([three / "a.root", bad])
    assert caught.value.where == str(bad)


def test_a_file_without_leptons(tmp_path: Path) -> None:
    path = write(tmp_path / "a.root", "Events", {"Jet_pt": PT, "Muons1_pt": PT, "run": NUMBER})
    with pytest.raises(NoLeptons, match="no collection of electrons or muons") as caught:
        lepid.open(path)
    assert caught.value.where == str(path)
    assert "Jet_pt" in str(caught.value)
    assert "Muons1" in caught.value.near
    assert "schema=" in caught.value.do


def test_a_file_of_two_formats(tmp_path: Path) -> None:
    path = write(tmp_path / "a.root", "Events", {**NANO, **NTUPLE})
    with pytest.raises(AmbiguousSchema, match=r"nanoaod \(Electron, Muon\); ntuple \(el, mu\)"):
        lepid.open(path)
    assert lepid.open(path, schema="ntuple").mu.fields == ["pt", "eta"]


def test_the_named_tree(tmp_path: Path) -> None:
    path = write(tmp_path / "a.root", "mine", NANO)
    with uproot.update(path) as file:
        file.mktree("other", {"x": "int32"}).extend({"x": np.arange(2)})
    assert len(lepid.open(path, tree="mine")) == 4
    with pytest.raises(NoLeptons, match="give tree="):
        lepid.open(path)


@pytest.mark.parametrize("kind", ["TTree", "RNTuple"])
def test_a_file_without_events(tmp_path: Path, kind: str) -> None:
    empty = {name: values[:0] for name, values in NANO.items()}
    path = write(tmp_path / "a.root", "Events", empty, kind)
    events = lepid.open(path)
    assert len(events) == 0
    assert events.Muon.pt.to_list() == []
    assert str(events.Muon.pt.type) == "0 * var * float32"
    full = write(tmp_path / "b.root", "Events", NANO, kind)
    for paths in ([path, full], [full, path], [path, full, path]):
        assert lepid.open(paths).Muon.pt.to_list() == PT.to_list()
    chunks = list(files.chunks(path, 10))
    assert [(len(events), number) for events, _, number in chunks] == [(0, 0)]


# --- chunks -------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [1, 2, 3, 4, 100])
def test_chunks_make_up_the_whole(three: Path, step: int) -> None:
    numbers: list[int] = []
    for events, path, n_event in files.chunks(str(three / "*.root"), step):
        assert len(events) == n_event <= step
        assert Path(path).parent == three
        numbers += events.EventInfo.eventNumber.to_list()
    assert numbers == WHOLE


def test_chunks_hold_what_is_asked_for(tmp_path: Path) -> None:
    columns = {**NANO, "Jet_pt": PT, "other": NUMBER}
    path = write(tmp_path / "a.root", "Events", columns)
    ((events, _, _),) = files.chunks(path, 10)
    assert set(events.fields) == {"Electron", "Muon", "run"}
    ((events, _, _),) = files.chunks(path, 10, keep=["Jet", "other"])
    assert set(events.fields) == {"Electron", "Muon", "run", "Jet", "other"}


def test_chunks_of_something_that_is_not_there(tmp_path: Path) -> None:
    path = write(tmp_path / "a.root", "Events", {**NANO, "Jet_pt": PT})
    with pytest.raises(UnknownName, match="no collection or column 'Jets'") as caught:
        list(files.chunks(path, 10, keep=["Jets"]))
    assert caught.value.near == ("Jet",)


@pytest.mark.parametrize("step", [0, -5])
def test_a_step_must_be_positive(three: Path, step: int) -> None:
    with pytest.raises(BadInput, match=f"is {step}, expected a number of events"):
        list(files.chunks(three / "a.root", step))


def test_iterate_decorates_chunk_by_chunk(phys_sample: Path) -> None:
    whole = lepid.decorate(lepid.open(phys_sample, entry_stop=1000), "muon_plit")
    parts = list(lepid.iterate([phys_sample], "muon_plit", step=300))
    assert sum(map(len, parts)) == 4000
    assert max(map(len, parts)) == 300
    joined = ak.concatenate([part.Muons.muon_plit for part in parts])[:1000]
    assert ak.array_equal(joined, whole.Muons.muon_plit, equal_nan=True)
