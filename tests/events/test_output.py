"""Decorated events written and read back; what a killed or failed run leaves."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import awkward as ak
import h5py
import numpy as np
import pytest
import uproot

import lepid
from lepid.errors import BadFile, BadInput, MissingColumns, NoLeptons, UnknownName
from lepid.events import files
from lepid.events import schema as schemas
from lepid.events.objects.attach import note, notes
from lepid.events.output import Writer, select
from lepid.root_files import write_objects

SUFFIXES = (".root", ".parquet")
ALL = (*SUFFIXES, ".h5", ".hdf5")
PT = [[30.0, 20.0], [], [15.0]]
NOTES = {
    "muon_plit": {"card": "muon_plit@stored", "collection": "Muons", "schema": "physlite"},
    "electron_dnn": {"left_out": "no Electrons"},
}
LEPTONS = {"muon": "Muons"}


def events_of() -> ak.Array:
    """Three decorated events."""
    pt = ak.values_astype(ak.Array(PT), np.float32)
    muons = ak.zip(
        {
            "pt": pt,
            "charge": ak.values_astype(pt > 18, np.int8) * 2 - 1,
            "truthType": ak.values_astype(pt, np.uint16),
            "cov": ak.Array([[[1.0], [2.0, 3.0]], [], [[]]]),
            "other": pt / 3,
            "truth_iff": ak.values_astype(pt, np.int32),
            "muon_plit": ak.zip(
                {
                    "score": ak.where(pt > 18, pt / 100, np.float32(np.nan)),
                    "discriminant": ak.values_astype(pt, np.float64) / 7,
                    "Tight": pt > 25,
                    "scored": pt > 18,
                }
            ),
        },
        depth_limit=2,
    )
    info = ak.zip(
        {
            "runNumber": np.array([1, 1, 2], np.uint32),
            "eventNumber": np.array([7, 8, 2**40], np.uint64),
            "weights": ak.Array([[1.0], [], [2.0, 3.0]]),
            "mu": [0.5, 1.5, 2.5],
        },
        depth_limit=1,
    )
    jets = ak.zip({"pt": PT, "btag": PT})
    events = ak.zip(
        {
            "Muons": muons,
            "EventInfo": info,
            "Jets": jets,
            "weight": [1.0, 2.0, 3.0],
            "s": ["a"] * 3,
        },
        depth_limit=1,
    )
    return note(events, NOTES)


def write(path: Path, *chunks: ak.Array, keep: tuple[str, ...] = ()) -> Path:
    """File of the chunks."""
    with Writer(path, schemas.load("physlite"), LEPTONS, keep) as writer:
        for chunk in chunks:
            writer.extend(chunk)
        assert not path.exists()
    return path


# --- what is chosen -----------------------------------------------------------------------------


def test_the_leptons_their_taggers_and_the_event_number_are_chosen() -> None:
    chosen = select(events_of(), schemas.load("physlite"), LEPTONS, ())
    assert list(chosen.columns) == ["Muons", "EventInfo"]
    assert list(chosen.columns["Muons"]) == [
        "pt",
        "charge",
        "truthType",
        "truth_iff",
        "muon_plit.score",
        "muon_plit.discriminant",
        "muon_plit.Tight",
        "muon_plit.scored",
    ]
    assert list(chosen.columns["EventInfo"]) == ["runNumber", "eventNumber"]
    assert chosen.alone == []


def test_more_may_be_kept() -> None:
    keep = ("Muons", "EventInfo", "Jets", "weight")
    chosen = select(events_of(), schemas.load("physlite"), LEPTONS, keep)
    assert list(chosen.columns) == ["Muons", "EventInfo", "Jets"]
    assert {"pt", "other", "muon_plit.score"} <= set(chosen.columns["Muons"])
    assert "cov" not in chosen.columns["Muons"]
    assert list(chosen.columns["EventInfo"]) == ["runNumber", "eventNumber", "mu"]
    assert list(chosen.columns["Jets"]) == ["pt", "btag"]
    assert chosen.alone == ["weight"]


def test_identifiers_of_nanoaod_stand_alone() -> None:
    events = ak.zip(
        {"Muon": ak.zip({"pt": PT}), "run": [1, 2, 3], "event": [4, 5, 6]}, depth_limit=1
    )
    chosen = select(events, schemas.load("nanoaod"), {"muon": "Muon"}, ())
    assert chosen.alone == ["run", "event"]


def test_kept_columns_go_by_the_names_of_the_format() -> None:
    events = ak.zip({"Muon": ak.zip({"PT": PT, "Eta": PT, "T": PT})}, depth_limit=1)
    chosen = select(events, schemas.load("delphes"), {"muon": "Muon"}, ())
    assert list(chosen.columns["Muon"]) == ["PT", "Eta"]


def test_a_collection_to_keep_that_is_not_there() -> None:
    with pytest.raises(UnknownName, match="no collection 'Jet'") as caught:
        select(events_of(), schemas.load("physlite"), LEPTONS, ("Jet",))
    assert caught.value.near == ("Jets",)
    assert caught.value.where == "--keep"


def test_a_column_to_keep_that_is_no_number() -> None:
    with pytest.raises(BadInput, match="column 's' holds string"):
        select(events_of(), schemas.load("physlite"), LEPTONS, ("s",))


# --- reading back -------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_same_fields_dtypes_and_values_come_back(tmp_path: Path, suffix: str) -> None:
    events = events_of()
    path = write(tmp_path / f"out{suffix}", events, events[1:], keep=("Jets", "weight"))
    back = lepid.open(path)
    expected = ak.concatenate([events, events[1:]])
    assert set(back.fields) == {"Muons", "EventInfo", "Jets", "weight"}
    assert back.Muons.fields == ["pt", "charge", "truthType", "truth_iff", "muon_plit"]
    for name in back.Muons.fields:
        assert str(back.Muons[name].type) == str(expected.Muons[name].type)
        assert ak.array_equal(back.Muons[name], expected.Muons[name], equal_nan=True)
    assert ak.array_equal(back.Jets, expected.Jets)
    assert back.weight.to_list() == [1.0, 2.0, 3.0, 2.0, 3.0]
    assert back.EventInfo.eventNumber.to_list() == [7, 8, 2**40, 8, 2**40]
    assert str(back.EventInfo.type) == "5 * {runNumber: uint32, eventNumber: uint64}"
    assert notes(back) == NOTES
    assert notes(back[2:]) == NOTES


def test_root_is_read_by_uproot_alone(tmp_path: Path) -> None:
    path = write(tmp_path / "out.root", events_of())
    with uproot.open(path) as file:
        tree = file["Events"]
        assert {"nMuons", "Muons_pt", "Muons_muon_plit_Tight", "EventInfo_runNumber"} <= set(
            tree.keys()
        )
        assert tree["Muons_muon_plit_Tight"].array().to_list() == [[True, False], [], [False]]
        assert tree["Muons_truth_iff"].array().to_list() == [[30, 20], [], [15]]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_one_tagger_field_is_read_alone(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"out{suffix}", events_of())
    accessed: list[str] = []
    events = lepid.open(path, accessed=accessed)
    ak.materialize(events.Muons.muon_plit.Tight)
    joined = "_" if suffix == ".root" else "."
    assert set(accessed) == {joined.join(("Muons", *p)) for p in (("pt",), ("muon_plit", "Tight"))}


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_is_read_back_is_written_again(tmp_path: Path, suffix: str) -> None:
    once = lepid.open(write(tmp_path / f"one{suffix}", events_of()))
    twice = lepid.open(write(tmp_path / f"two{suffix}", once))
    assert twice.fields == once.fields
    assert ak.array_equal(twice.Muons, once.Muons, equal_nan=True)
    assert notes(twice) == NOTES


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_selections_are_written(tmp_path: Path, suffix: str) -> None:
    events = events_of()[[2, 0]]
    events = ak.with_field(events, events.Muons[events.Muons.pt > 18], "Muons")
    back = lepid.open(write(tmp_path / f"out{suffix}", events))
    assert back.Muons.pt.to_list() == [[], [30, 20]]
    assert back.Muons.muon_plit.Tight.to_list() == [[], [True, False]]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_no_events_make_a_file_that_can_be_read(tmp_path: Path, suffix: str) -> None:
    back = lepid.open(write(tmp_path / f"out{suffix}", events_of()[:0]))
    assert len(back) == 0
    assert str(back.Muons.muon_plit.type.content).startswith("var * {score: float32")
    assert back.Muons.pt.to_list() == []
    assert notes(back) == NOTES
    full = write(tmp_path / f"full{suffix}", events_of())
    both = lepid.open([tmp_path / f"out{suffix}", full])
    assert both.Muons.pt.to_list() == PT


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_events_without_leptons(tmp_path: Path, suffix: str) -> None:
    back = lepid.open(write(tmp_path / f"out{suffix}", events_of()[1:2]))
    assert back.Muons.pt.to_list() == [[]]
    assert back.EventInfo.eventNumber.to_list() == [8]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_missing_values_become_nan(tmp_path: Path, suffix: str) -> None:
    events = events_of()
    pt = ak.mask(events.Muons.pt, events.Muons.pt > 18)
    events = ak.with_field(events, ak.with_field(events.Muons, pt, "pt"), "Muons")
    back = lepid.open(write(tmp_path / f"out{suffix}", events))
    assert str(back.Muons.pt.type) == "3 * var * float32"
    np.testing.assert_array_equal(ak.flatten(back.Muons.pt), [30, 20, np.nan])


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_files_of_different_taggers_open_together(tmp_path: Path, suffix: str) -> None:
    events = events_of()
    first = write(tmp_path / f"a{suffix}", events)
    plain = ak.without_field(events, ["Muons", "muon_plit"])
    second = write(tmp_path / f"b{suffix}", plain)
    both = lepid.open([first, second])
    assert both.Muons.fields == ["pt", "charge", "truthType", "truth_iff"]
    assert "muon_plit" not in notes(both)
    assert notes(both)["electron_dnn"] == NOTES["electron_dnn"]


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("fact", ["card", "sha256", "fractions"])
def test_scores_of_different_networks_do_not_open_together(
    tmp_path: Path, suffix: str, fact: str
) -> None:
    first = write(tmp_path / f"a{suffix}", events_of())
    other = note(events_of(), {"muon_plit": {**NOTES["muon_plit"], fact: "another"}})
    second = write(tmp_path / f"b{suffix}", other)
    assert len(lepid.open([first, first])) == 6
    with pytest.raises(BadInput, match=f"muon_plit has another {fact} here") as caught:
        lepid.open([first, second])
    assert caught.value.where == str(second)
    assert str(first) in str(caught.value)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_schema_of_ones_own_is_in_the_file(tmp_path: Path, suffix: str) -> None:
    own = schemas.Schema(
        "mine", "", {"energy": "TeV"}, {"muon": schemas.Collection("muon", ("lepmu",))}
    )
    events = ak.zip({"lepmu": ak.zip({"pt": PT})}, depth_limit=1)
    path = tmp_path / f"out{suffix}"
    with Writer(path, own, {"muon": "lepmu"}, ()) as writer:
        writer.extend(events)
    assert files.layout_of(path).schema == own
    assert lepid.open(path).lepmu.pt.to_list() == PT


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_phys_sample_comes_back(tmp_path: Path, suffix: str, phys_sample: Path) -> None:
    events = lepid.decorate(lepid.open(phys_sample, entry_stop=500), truth=True)
    how = files.layout_of(phys_sample)
    path = tmp_path / f"out{suffix}"
    with Writer(path, how.schema, how.leptons, ()) as writer:
        for start in range(0, 500, 200):
            writer.extend(events[start : start + 200])
    back = lepid.open(path)
    taggers = [name for name, facts in notes(events).items() if "card" in facts]
    assert notes(back) == notes(events)
    for tagger in taggers:
        collection = notes(events)[tagger]["collection"]
        ours, theirs = events[collection][tagger], back[collection][tagger]
        assert str(ours.type) == str(theirs.type)
        assert ak.array_equal(ours, theirs, equal_nan=True)
    for collection in ("Electrons", "Muons"):
        assert ak.array_equal(back[collection].truth_iff, events[collection].truth_iff)
    again = lepid.decide(back, "muon_plit", pt=back.Muons.pt * 1.1)
    direct = lepid.decide(events, "muon_plit", pt=events.Muons.pt * 1.1)
    assert ak.array_equal(again, direct, equal_nan=True)


# --- a row for each lepton ----------------------------------------------------------------------


def flat(array: ak.Array) -> list[object]:
    """Values of leptons, NaN as None."""
    return ak.flatten(ak.nan_to_none(array), axis=None).to_list()


@pytest.mark.parametrize("keep", [(), ("weight", "Jets")])
def test_rows_of_leptons_hold_what_their_events_do(tmp_path: Path, keep: tuple[str, ...]) -> None:
    events = events_of()
    path = write(tmp_path / "out.h5", events, events[1:], keep=keep)
    expected = ak.concatenate([events, events[1:]])
    with h5py.File(path) as file:
        assert set(file) == {"lepid", "muons", *keep[1:]}
        table = file["muons"][()]
        assert file["muons"].compression == "gzip"
    plit = [f"muon_plit_{name}" for name in ("score", "discriminant", "Tight", "scored")]
    own = ["pt", "charge", "truthType", "truth_iff", *plit, "runNumber", "eventNumber"]
    assert list(table.dtype.names) == [*own, *keep[:1]]
    assert table["pt"].tolist() == flat(expected.Muons.pt) == [30, 20, 15, 15]
    assert table["eventNumber"].tolist() == [7, 7, 2**40, 2**40]
    assert table["muon_plit_Tight"].tolist() == flat(expected.Muons.muon_plit.Tight)
    assert table["muon_plit_Tight"].dtype == bool
    back = lepid.open(path, tree="muons")
    assert back.fields == ["Muons"]
    assert len(back) == 4
    for name in ("pt", "charge", "truthType", "truth_iff"):
        column = expected.Muons[name]
        assert back.Muons[name].type.content == column.type.content.content
        assert back.Muons[name].to_list() == flat(column)
    for name in expected.Muons.muon_plit.fields:
        values = ak.nan_to_none(back.Muons.muon_plit[name]).to_list()
        assert values == flat(expected.Muons.muon_plit[name]) or None in values
        again = ak.drop_none(back.Muons.muon_plit[name][back.Muons.muon_plit.scored])
        there = expected.Muons.muon_plit[name][expected.Muons.muon_plit.scored]
        assert again.to_list() == flat(there)
    assert back.Muons.eventNumber.to_list() == [7, 7, 2**40, 2**40]
    assert notes(back) == NOTES
    if keep:
        assert back.Muons.weight.to_list() == [1.0, 1.0, 3.0, 3.0]


def test_rows_are_written_again(tmp_path: Path) -> None:
    once = lepid.open(write(tmp_path / "one.h5", events_of()))
    for suffix in (".h5", ".root", ".parquet"):
        path = write(tmp_path / f"two{suffix}", once)
        twice = lepid.open(path)
        assert notes(twice) == NOTES
        assert ak.array_equal(twice.Muons.muon_plit, once.Muons.muon_plit, equal_nan=True)
        assert ak.array_equal(twice.Muons.pt, once.Muons.pt)


@pytest.mark.parametrize("chosen", ["muons", "electrons"])
def test_of_two_flavours_one_is_opened(tmp_path: Path, chosen: str) -> None:
    events = events_of()
    events["Electrons"] = ak.zip({"pt": [[10.0], [11.0, 12.0], []]})
    leptons = {"electron": "Electrons", "muon": "Muons"}
    path = tmp_path / "out.h5"
    with Writer(path, schemas.load("physlite"), leptons, ()) as writer:
        writer.extend(events)
    with pytest.raises(NoLeptons, match="electrons, muons"):
        lepid.open(path)
    back = lepid.open(path, tree=chosen)
    assert back.fields == [chosen.capitalize()]
    assert "electron_dnn" in notes(back)
    assert ("muon_plit" in notes(back)) == (chosen == "muons")


def test_no_rows_make_a_file_that_can_be_read(tmp_path: Path) -> None:
    back = lepid.open(write(tmp_path / "out.h5", events_of()[:0]))
    assert len(back) == 0
    assert back.Muons.pt.to_list() == []
    both = lepid.open([tmp_path / "out.h5", write(tmp_path / "full.h5", events_of())])
    assert both.Muons.pt.to_list() == [30, 20, 15]


def test_rows_keep_missing_values_as_nan(tmp_path: Path) -> None:
    events = events_of()
    pt = ak.mask(events.Muons.pt, events.Muons.pt > 18)
    events = ak.with_field(events, ak.with_field(events.Muons, pt, "pt"), "Muons")
    back = lepid.open(write(tmp_path / "out.h5", events))
    np.testing.assert_array_equal(back.Muons.pt, [30, 20, np.nan])


def test_a_row_has_no_list_of_its_event(tmp_path: Path) -> None:
    events = events_of()
    events["several"] = ak.Array([[1.0], [], [2.0, 3.0]])
    with pytest.raises(BadInput, match="'several' has several numbers per event"):
        write(tmp_path / "out.h5", events, keep=("several",))
    assert list(tmp_path.iterdir()) == []


# --- what goes wrong ----------------------------------------------------------------------------


def test_an_unknown_suffix(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"unknown kind of output '\.csv'") as caught:
        Writer(tmp_path / "out.csv", schemas.load("physlite"), LEPTONS, ())
    assert caught.value.near == ALL


@pytest.mark.parametrize("suffix", ALL)
def test_a_folder_that_is_not_there_is_said_before_the_work(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(BadFile, match="folder to write into does not exist"):
        Writer(tmp_path / "absent" / f"out{suffix}", schemas.load("physlite"), LEPTONS, ())


@pytest.mark.parametrize("suffix", ALL)
def test_a_failed_run_leaves_what_was_there(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"out{suffix}", events_of()[:1])
    before = path.read_bytes()
    writer = Writer(path, schemas.load("physlite"), LEPTONS, ())

    def fail() -> None:
        with writer:
            writer.extend(events_of())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", ALL)
def test_a_chunk_decorated_otherwise(tmp_path: Path, suffix: str) -> None:
    events = events_of()
    other = ak.without_field(events, ["Muons", "muon_plit", "Tight"])
    with pytest.raises(MissingColumns, match=r"no column muon_plit\.Tight") as caught:
        write(tmp_path / f"out{suffix}", events, other)
    assert caught.value.where == "events.Muons"
    assert list(tmp_path.iterdir()) == []


def test_a_record_that_is_not_lepids(tmp_path: Path) -> None:
    path = tmp_path / "a.root"
    write_objects(path, {"lepid": "something else"})
    with uproot.update(path) as file:
        file.mktree("Events", {"Muon_pt": "var * float32"}).extend({"Muon_pt": ak.Array(PT)})
    with pytest.raises(BadFile, match="the record of lepid in it cannot be read") as caught:
        lepid.open(path)
    assert "JSONDecodeError" in str(caught.value)
    assert "write it anew" in caught.value.do


KILLED = """
import sys, time
from pathlib import Path
import awkward as ak
from lepid.events import schema as schemas
from lepid.events.output import Writer
events = ak.zip({"Muons": ak.zip({"pt": [[1.0], []]})}, depth_limit=1)
with Writer(Path(sys.argv[1]), schemas.load("physlite"), {"muon": "Muons"}, ()) as writer:
    writer.extend(events)
    print("begun", flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("suffix", ALL)
def test_a_killed_run_leaves_nothing_under_the_name(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out{suffix}"
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    with process.stdout:
        assert process.stdout.readline() == "begun\n"
        process.kill()
        assert process.wait(30) == -signal.SIGKILL
    assert not path.exists()


# --- memory -------------------------------------------------------------------------------------

MEASURED = """
import resource, sys
from pathlib import Path
import lepid
from lepid.events import files
from lepid.events.output import Writer
source, output = map(Path, sys.argv[1:])
how = files.layout_of(source)
with Writer(output, how.schema, how.leptons, ()) as writer:
    for events in lepid.iterate(source, "muon_plit", step=10_000):
        writer.extend(events)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def large_sample(path: Path, n_event: int) -> Path:
    """PHYS-like file of muons with stored PLIT scores and columns that nobody needs."""
    names = ("pt", "eta", "phi", "charge", "PLIT_TPLTmu_pmuxpromp", "PLIT_TPLTmu_pnpxall", "a", "b")
    rng = np.random.default_rng(1)
    with uproot.recreate(path) as file:
        kinds = {f"MuonsAuxDyn.{name}": "var * float32" for name in names}
        tree = file.mktree("CollectionTree", kinds)
        for _ in range(n_event // 10_000):
            counts = rng.integers(0, 6, 10_000)
            values = rng.uniform(0.01, 0.99, (len(names), counts.sum())).astype(np.float32)
            values[0] *= 50_000
            columns = zip(kinds, values, strict=True)
            tree.extend({name: ak.unflatten(column, counts) for name, column in columns})
    return path


@pytest.mark.slow
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_memory_does_not_grow_with_the_number_of_events(tmp_path: Path, suffix: str) -> None:
    pytest.importorskip("resource")
    peaks: dict[int, int] = {}
    for n_event in (20_000, 400_000):
        source = large_sample(tmp_path / f"{n_event}.root", n_event)
        run: Any = subprocess.run(
            [sys.executable, "-c", MEASURED, str(source), str(tmp_path / f"{n_event}{suffix}")],
            check=True,
            capture_output=True,
            text=True,
        )
        peaks[n_event] = int(run.stdout)
        assert files.count(tmp_path / f"{n_event}{suffix}") == n_event
    # 400,000 events are 40 MB of columns that are read; the small run needs some 400 MB.
    assert peaks[400_000] < peaks[20_000] + 30_000, peaks
