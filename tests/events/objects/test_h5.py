"""HDF5 files of the flavour-tagging layout: columns, ranges, constituents, what cannot be read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import awkward as ak
import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lepid
from lepid.errors import BadFile, NoLeptons, UnknownName, UnknownSchema, WrongUnits
from lepid.events import files
from lepid.events.objects import h5
from lepid.events.objects.virtual import column

N_ROW, N_PLACE = 7, 4


def rows(n: int = N_ROW, **more: Any) -> np.ndarray:
    """Structured array of muons in MeV."""
    names = {
        "pt": np.linspace(10e3, 90e3, n, dtype=np.float32),
        "eta": np.linspace(-2.4, 2.4, n, dtype=">f4"),
        "half": np.linspace(0, 1, n).astype(np.float16),
        "flavour_label": np.arange(n, dtype=np.int32) % 2,
        "isMedium": np.arange(n) % 3 == 0,
        "eventNumber": np.arange(n, dtype=np.uint64) + 2**60,
        **more,
    }
    table = np.empty(n, [(k, v.dtype, v.shape[1:]) for k, v in names.items()])
    for name, values in names.items():
        table[name] = values
    return table


def tracks(n: int = N_ROW) -> np.ndarray:
    """Places for tracks, valid ones between others."""
    table = np.zeros((n, N_PLACE), [("d0", "f4"), ("numberOfPixelHits", "u1"), ("valid", "?")])
    table["d0"] = np.arange(n * N_PLACE).reshape(n, N_PLACE)
    table["numberOfPixelHits"] = table["d0"] % 5
    table["valid"] = table["d0"] % 3 != 1
    table["valid"][2:3] = False
    return table


def write(path: Path, **datasets: Any) -> Path:
    with h5py.File(path, "w") as file:
        for name, values in datasets.items():
            options = {"compression": "lzf"} if np.ndim(values) else {}
            file.create_dataset(name.replace("__", "/"), data=values, **options)
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write(tmp_path / "a.h5", muons=rows(), muon_tracks=tracks())


def test_a_row_is_an_event_with_one_muon(path: Path) -> None:
    events = lepid.open(path)
    assert len(events) == files.count(path) == N_ROW
    assert events.fields == ["muons", "muon_tracks"]
    assert events.muons.fields == list(rows().dtype.names)
    assert ak.array_equal(events.muons.pt, rows()["pt"])
    assert events.muons.eventNumber.to_list() == rows()["eventNumber"].tolist()
    assert events.muons.isMedium.type.content.primitive == "bool"
    assert files.layout_of(path).schema.name == "ftag"


def test_numbers_are_native_and_half_precision_becomes_single(path: Path) -> None:
    muons = lepid.open(path).muons
    assert ak.to_numpy(muons.eta).dtype == np.dtype("=f4")
    assert ak.to_numpy(muons.half).dtype == np.float32
    assert muons.eta.to_list() == rows()["eta"].tolist()
    assert muons.half.to_list() == rows()["half"].astype(np.float32).tolist()


def test_padding_is_no_track(path: Path) -> None:
    events = lepid.open(path)
    table = tracks()
    expected = [[float(t["d0"]) for t in row if t["valid"]] for row in table]
    assert events.muon_tracks.d0.to_list() == expected
    assert events.muon_tracks.fields == ["d0", "numberOfPixelHits"]
    assert ak.to_numpy(ak.flatten(events.muon_tracks.numberOfPixelHits)).dtype == np.uint8
    assert expected[2] == []


def test_only_what_is_used_is_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[tuple[str, int, int]] = []
    values = h5.H5File._values

    def noted(self: h5.H5File, dataset: Any, name: str, start: int, stop: int) -> Any:
        read.append((f"{dataset.name}.{name}", start, stop))
        return values(self, dataset, name, start, stop)

    monkeypatch.setattr(h5.H5File, "_values", noted)
    events = lepid.open(path, entry_start=2, entry_stop=5)
    assert read == []
    assert events.muons.pt.to_list() == rows()["pt"][2:5].tolist()
    ak.materialize(events.muon_tracks.d0)
    assert read == [
        ("/muons.pt", 2, 5), ("/muon_tracks.d0", 2, 5), ("/muon_tracks.valid", 2, 5),
    ]  # fmt: skip


@given(st.integers(0, N_ROW), st.integers(0, N_ROW), st.booleans())
def test_any_range_is_that_of_the_array(
    tmp_path_factory: pytest.TempPathFactory, low: int, high: int, at_once: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / "range.h5"
    if not path.exists():
        write(path, muons=rows(), muon_tracks=tracks())
    file = h5.open_file(path)
    start, stop = min(low, high), max(low, high)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(h5, "ROWS", h5.ROWS if at_once else -1)
        found = {name: file.read(name, start, stop) for name in file.columns}
    for name, array in found.items():
        assert array.type.content == file.form(name).type
        dataset, _, field = name.partition(".")
        table = {"muons": rows(), "muon_tracks": tracks()}[dataset][start:stop]
        wanted = [r[field][r["valid"]].tolist() for r in table] if table.ndim == 2 else table[field]
        assert array.to_list() == list(wanted)


def test_several_files_are_one(tmp_path: Path) -> None:
    names = [tmp_path / f"{i}.h5" for i in range(3)]
    for i, name in enumerate(names):
        write(name, muons=rows(i + 1), muon_tracks=tracks(i + 1))
    events = lepid.open(tmp_path / "*.h5", entry_start=1)
    assert events.muons.pt.to_list() == [*rows(2)["pt"], *rows(3)["pt"]]
    assert len(ak.flatten(events.muon_tracks.d0)) == sum(
        np.count_nonzero(tracks(n)["valid"]) for n in (2, 3)
    )
    chunks = list(lepid.iterate(tmp_path / "*.h5", [], step=2, keep=["muon_tracks"]))
    assert [len(chunk) for chunk in chunks] == [1, 2, 2, 1]
    assert ak.concatenate([c.muon_tracks.d0 for c in chunks])[1:].to_list() == (
        events.muon_tracks.d0.to_list()
    )


def test_the_schema_of_the_file_is_known_afterwards(path: Path) -> None:
    events = lepid.open(path)[1:5]
    decorated = lepid.decorate(events, [])
    assert lepid.decorate(decorated, []).muons.pt.to_list() == rows()["pt"][1:5].tolist()
    plain = ak.Array(events.layout)
    with pytest.raises(UnknownSchema, match="no lepton collection found"):
        lepid.decorate(plain, [])


def test_what_is_no_number_is_left_out(tmp_path: Path) -> None:
    more = {"name": np.array([b"x"] * 3), "vector": np.zeros((3, 2)), "complex": np.zeros(3, "c8")}
    path = write(tmp_path / "a.h5", muons=rows(3, **more))
    assert lepid.open(path).muons.fields == list(rows().dtype.names)


def test_constituents_are_those_with_valid_and_a_list_for_each_row(tmp_path: Path) -> None:
    no_valid = tracks()[["d0", "numberOfPixelHits"]]
    path = write(
        tmp_path / "a.h5", muons=rows(), tracks=no_valid, others=tracks(N_ROW + 1),
        numbers=np.zeros((N_ROW, 3)),
    )  # fmt: skip
    assert lepid.open(path).fields == ["muons"]


def test_datasets_in_a_group(tmp_path: Path) -> None:
    path = write(tmp_path / "a.h5", test__muons=rows(), test__muon_tracks=tracks())
    assert lepid.open(path).fields == ["muons", "muon_tracks"]
    assert lepid.open(path, tree="test/muons").fields == ["muons", "muon_tracks"]


def test_one_of_several_datasets(tmp_path: Path) -> None:
    path = write(tmp_path / "a.h5", muons=rows(3), electrons=rows(5), cutflow=rows(2))
    with pytest.raises(NoLeptons, match="electrons, muons") as caught:
        lepid.open(path)
    assert "tree=" in caught.value.do
    assert len(lepid.open(path, tree="electrons")) == files.count(path, "electrons") == 5
    assert lepid.open(path, tree="muons").fields == ["muons"]
    one_known = write(tmp_path / "b.h5", muons=rows(3), cutflow=rows(2))
    assert len(lepid.open(one_known)) == 3


def test_a_dataset_that_is_not_there(path: Path) -> None:
    with pytest.raises(NoLeptons, match="no dataset 'muon'") as caught:
        lepid.open(path, tree="muon")
    assert caught.value.near == ("muons",)
    with pytest.raises(NoLeptons, match="no dataset 'muon_tracks' with a row for each object"):
        lepid.open(path, tree="muon_tracks")


def test_a_file_without_rows(tmp_path: Path) -> None:
    path = write(tmp_path / "a.h5", X_train=np.zeros((5, 3)))
    with pytest.raises(NoLeptons, match=r"named fields; it holds: X_train \[5, 3\]"):
        lepid.open(path)
    with pytest.raises(NoLeptons, match="it holds: nothing"):
        lepid.open(write(tmp_path / "b.h5"))


def test_rows_of_another_kind(tmp_path: Path) -> None:
    path = write(tmp_path / "a.h5", muon=rows())
    with pytest.raises(NoLeptons, match="no collection of electrons, muons or jets") as caught:
        lepid.open(path)
    assert "muon" in caught.value.near
    assert "schema=" in caught.value.do


def test_names_of_ones_own(tmp_path: Path) -> None:
    path = write(tmp_path / "a.h5", leptons=rows())
    schema = tmp_path / "mine.toml"
    schema.write_text(
        'name = "mine"\nexperiment = ""\n[units]\nenergy = "MeV"\n'
        '[collections.muon]\nnames = ["leptons"]\n'
    )
    assert lepid.open(path, schema=schema).leptons.pt.to_list() == rows()["pt"].tolist()


def test_rows_in_gev_are_not_taken_for_mev(tmp_path: Path) -> None:
    table = rows()
    table["pt"] /= 1000
    path = write(
        tmp_path / "a.h5",
        muons=np.rec.fromarrays([table["pt"], *[table["eta"]] * 3], names="pt,eta,a,b"),
    )
    events = lepid.open(path)
    events["muons", "PLIT_TPLTmu_pmuxpromp"] = np.full(N_ROW, 0.9)
    events["muons", "PLIT_TPLTmu_pnpxall"] = np.full(N_ROW, 0.1)
    with pytest.raises(WrongUnits, match="'ftag'"):
        lepid.decorate(events, "muon_plit")


def test_a_collection_to_keep_that_is_not_there(path: Path) -> None:
    with pytest.raises(UnknownName, match="no collection or column 'muon_track'") as caught:
        list(lepid.iterate(path, [], keep=["muon_track"]))
    assert "muon_tracks" in caught.value.near


@pytest.mark.parametrize("damage", ["empty", "text", "cut"])
def test_a_file_that_is_none(path: Path, damage: str) -> None:
    whole = path.read_bytes()
    path.write_bytes({"empty": b"", "text": b"pt,eta\n1,2\n" * 99, "cut": whole[:-200]}[damage])
    with pytest.raises(BadFile, match="cannot be read as an HDF5 file") as caught:
        lepid.open(path)
    assert "complete" in caught.value.do


def test_a_damaged_place(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        dataset = file.create_dataset("muons", data=rows(), compression="gzip", chunks=(N_ROW,))
        place = dataset.id.get_chunk_info(0)
    with path.open("r+b") as raw:
        raw.seek(place.byte_offset)
        raw.write(b"\xff" * place.size)
    events = lepid.open(path)
    with pytest.raises(BadFile, match="cannot be read as an HDF5 file"):
        ak.materialize(events.muons.pt)


def test_a_compression_that_is_not_here(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    table = rows()
    with h5py.File(path, "w") as file:
        made = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        made.set_chunk((N_ROW,))
        made.set_filter(444, h5py.h5z.FLAG_OPTIONAL, ())
        space = h5py.h5s.create_simple((N_ROW,))
        kind = h5py.h5t.py_create(table.dtype)
        dataset = h5py.h5d.create(file.id, b"muons", kind, space, made)
        dataset.write_direct_chunk((0,), table.tobytes(), 0)
    events = lepid.open(path)
    with pytest.raises(BadFile, match="muons is compressed with filter 444") as caught:
        ak.materialize(events.muons.pt)
    assert "hdf5plugin" in caught.value.do


def test_a_virtual_dataset_takes_no_zeros_for_lost_files(tmp_path: Path) -> None:
    parts = [write(tmp_path / f"part{i}.h5", muons=rows()) for i in range(2)]
    layout = h5py.VirtualLayout((2 * N_ROW,), rows().dtype)
    for i, part in enumerate(parts):
        source = h5py.VirtualSource(part.name, "muons", (N_ROW,), rows().dtype)
        layout[i * N_ROW : (i + 1) * N_ROW] = source
    with h5py.File(tmp_path / "vds.h5", "w") as file:
        file.create_virtual_dataset("muons", layout)
    assert lepid.open(tmp_path / "vds.h5").muons.pt.to_list() == [*rows()["pt"], *rows()["pt"]]
    parts[1].unlink()
    with pytest.raises(BadFile, match=r"made of 2 files, and 1 are not there: part1\.h5"):
        lepid.open(tmp_path / "vds.h5")


def test_no_rows(tmp_path: Path) -> None:
    events = lepid.open(write_empty(tmp_path / "a.h5"))
    assert len(events) == 0
    assert events.muons.pt.to_list() == []
    assert events.muon_tracks.d0.to_list() == []


def write_empty(path: Path) -> Path:
    with h5py.File(path, "w") as file:
        file["muons"], file["muon_tracks"] = rows(0), tracks(0)
    return path


def test_forms_join(path: Path) -> None:
    file = h5.open_file(path)
    for name in file.columns:
        whole = column(
            name, [file.form(name)] * 2, N_ROW,
            lambda name=name: [file.read(name, 0, 3), file.read(name, 3, N_ROW)],
        )  # fmt: skip
        assert whole.to_list() == file.read(name, 0, N_ROW).to_list()
