"""Trees and RNTuples, read column by column and written chunk by chunk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest
import uproot

from lepid.errors import BadFile, NoLeptons
from lepid.root_files import TreeWriter, graphs, histograms, open_tree, write_objects

JAGGED = ak.Array([[1.5, 2.5], [], [3.5]])
INDEX = ak.Array([[1, 2], [], [3]])


def tree_file(path: Path, **trees: dict[str, Any]) -> Path:
    """ROOT file with the named TTrees."""
    with uproot.recreate(path) as file:
        for name, columns in trees.items():
            kinds = {k: ak.type(v).content for k, v in columns.items()}
            file.mktree(name, kinds).extend(columns)
    return path


def ntuple_file(path: Path, name: str, columns: dict[str, ak.Array]) -> Path:
    """ROOT file with one RNTuple."""
    with uproot.recreate(path) as file:
        file.mkrntuple(name, columns)
    return path


def test_a_tree_tells_what_it_holds(tmp_path: Path) -> None:
    path = tree_file(tmp_path / "a.root", Events={"Muon_pt": JAGGED, "run": np.arange(3)})
    tree = open_tree(path)
    assert (tree.path, tree.name, tree.n_event, tree.metadata) == (str(path), "Events", 3, "")
    assert set(tree.columns) == {"Muon_pt", "run"}
    assert str(tree.form("Muon_pt").type) == "var * float64"
    assert tree.read("Muon_pt", 0, 3).to_list() == JAGGED.to_list()
    assert tree.read("Muon_pt", 1, 3).to_list() == JAGGED[1:].to_list()
    assert tree.read("run", 2, 3).to_list() == [2]


def test_an_rntuple_is_read_like_a_tree(tmp_path: Path) -> None:
    links = ak.zip({"m_persKey": INDEX, "m_persIndex": INDEX + 1})
    columns = {"MuonsAuxDyn:pt": JAGGED, "MuonsAuxDyn:link": links, "n": ak.Array([1, 2, 3])}
    path = ntuple_file(tmp_path / "a.root", "EventData", columns)
    tree = open_tree(path)
    assert (tree.name, tree.n_event) == ("EventData", 3)
    assert set(tree.columns) == set(columns)
    for name, values in columns.items():
        assert tree.form(name).type == values.type.content
        assert tree.read(name, 0, 3).to_list() == values.to_list()
        assert tree.read(name, 1, 2).to_list() == values[1:2].to_list()


def test_a_static_store_counts_as_columns(tmp_path: Path) -> None:
    store = ak.zip({"pt": JAGGED, "eta": JAGGED + 1}, depth_limit=1)
    path = ntuple_file(tmp_path / "a.root", "EventData", {"ElectronsAux:": store, "info": store})
    tree = open_tree(path)
    assert tree.columns == ("ElectronsAux:pt", "ElectronsAux:eta", "info")
    assert tree.read("ElectronsAux:eta", 0, 3).to_list() == store["eta"].to_list()
    assert tree.read("info", 0, 3).to_list() == store.to_list()


@pytest.mark.parametrize("name", ["CollectionTree", "EventData", "Events", "Delphes", "reco"])
def test_the_known_names(tmp_path: Path, name: str) -> None:
    other = {"x": np.arange(2)}
    path = tree_file(tmp_path / "a.root", Runs=other, **{name: {"x": np.arange(3)}})
    assert open_tree(path).name == name


def test_a_single_tree_may_have_any_name(tmp_path: Path) -> None:
    path = tree_file(tmp_path / "a.root", **{"folder/mytree": {"x": np.arange(3)}})
    assert open_tree(path).name == "folder/mytree"


def test_several_trees_of_unknown_names(tmp_path: Path) -> None:
    path = tree_file(tmp_path / "a.root", one={"x": np.arange(3)}, two={"x": np.arange(4)})
    with pytest.raises(NoLeptons, match="no tree of a known name") as caught:
        open_tree(path)
    assert "one, two" in str(caught.value)
    assert caught.value.do == "give tree="
    assert open_tree(path, "two").n_event == 4


def test_a_tree_that_is_not_there(tmp_path: Path) -> None:
    path = tree_file(tmp_path / "a.root", Events={"x": np.arange(3)})
    with pytest.raises(NoLeptons, match="no tree 'Event'") as caught:
        open_tree(path, "Event")
    assert caught.value.near == ("Events",)


def test_a_file_without_trees(tmp_path: Path) -> None:
    path = tmp_path / "a.root"
    write_objects(path, {"h": np.histogram([1, 2, 3])})
    with pytest.raises(NoLeptons, match="the file holds: no tree"):
        open_tree(path)


def test_a_text_file(tmp_path: Path) -> None:
    path = tmp_path / "a.root"
    path.write_text("not a ROOT file " * 100)
    with pytest.raises(BadFile, match="cannot be read as a ROOT file") as caught:
        open_tree(path)
    assert caught.value.where == str(path)
    assert "complete" in caught.value.do


def test_an_empty_file_and_no_file(tmp_path: Path) -> None:
    path = tmp_path / "a.root"
    with pytest.raises(BadFile, match="no such file"):
        open_tree(path)
    path.touch()
    with pytest.raises(BadFile, match="cannot be read as a ROOT file"):
        open_tree(path)


@pytest.mark.parametrize("kind", ["TTree", "RNTuple"])
@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9, 0.99])
def test_a_truncated_file(tmp_path: Path, kind: str, kept: float) -> None:
    values = np.random.default_rng(1).normal(size=5000)
    path = tmp_path / "a.root"
    if kind == "TTree":
        tree_file(path, Events={"x": values})
    else:
        ntuple_file(path, "Events", {"x": ak.Array(values)})
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(BadFile, match="cannot be read as a ROOT file") as caught:
        open_tree(path).read("x", 0, 5000)
    assert caught.value.where == str(path)


@pytest.mark.parametrize("kind", ["TTree", "RNTuple"])
def test_a_file_that_lacks_its_last_byte(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a.root"
    if kind == "TTree":
        tree_file(path, Events={"x": np.arange(3)})
    else:
        ntuple_file(path, "Events", {"x": ak.Array([1, 2, 3])})
    content = path.read_bytes()
    path.write_bytes(content[:-1])
    with pytest.raises(BadFile) as caught:
        open_tree(path)
    assert f"only {len(content) - 1} of its {len(content)} bytes are there" in str(caught.value)


def test_damage_in_the_values_is_found_when_they_are_read(tmp_path: Path) -> None:
    values = np.arange(100_000)
    path = tree_file(tmp_path / "a.root", Events={"x": values, "y": values[:] * 0})
    content = bytearray(path.read_bytes())
    with uproot.open(path) as file:
        start = file["Events"]["x"].basket_key(0).data_cursor.index
    content[start + 20 : start + 400] = bytes(380)
    path.write_bytes(content)
    tree = open_tree(path)
    assert not tree.read("y", 0, len(values)).to_numpy().any()
    with pytest.raises(BadFile, match="cannot be read as a ROOT file"):
        tree.read("x", 0, len(values))


def test_metadata_is_a_string_only(tmp_path: Path) -> None:
    path = tmp_path / "a.root"
    with uproot.recreate(path) as file:
        file.mktree("Events", {"x": "int64"}).extend({"x": np.arange(3)})
        file["lepid"] = np.histogram([1.0, 2.0])
    assert open_tree(path).metadata == ""


def test_writer_writes_what_uproot_reads(tmp_path: Path) -> None:
    path = tmp_path / "out.root"
    chunk = {
        "Muons": ak.zip({"pt": JAGGED, "q": INDEX}),
        "run": ak.Array(np.arange(3, dtype=np.uint32)),
    }
    with TreeWriter(path, "note " * 200) as writer:
        writer.extend(chunk)
        writer.extend(chunk)
        assert not path.exists()
    with uproot.open(path) as file:
        assert set(file["Events"].keys()) == {"nMuons", "Muons_pt", "Muons_q", "run"}
        assert file["Events"]["Muons_pt"].array().to_list() == JAGGED.to_list() * 2
        assert file["Events"]["run"].array().to_numpy().dtype == np.uint32
    assert open_tree(path).metadata == "note " * 200


def test_writer_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def fail() -> None:
        with TreeWriter(tmp_path / "out.root", "") as writer:
            writer.extend({"x": ak.Array([1, 2, 3])})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_write_objects_leaves_nothing_on_error(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        write_objects(tmp_path / "out.root", {"h": object()})
    assert list(tmp_path.iterdir()) == []


def test_histograms_and_graphs_by_path_in_file_order(tmp_path: Path) -> None:
    path = tmp_path / "a.root"
    with uproot.recreate(path) as file:
        file["z/late"] = np.array([1.0, 2.0]), np.array([0.0, 1.0, 4.0])
        file["a"] = np.array([3.0]), np.array([0.0, 1.0])
        file["plane"] = np.histogram2d([0.5], [0.5])
        file["curve"] = uproot.as_TGraph({"x": np.array([2.0, 1.0]), "y": np.array([5.0, 6.0])})
        file["note"] = "text"
    found = histograms(path)
    assert list(found) == ["z/late", "a"]
    np.testing.assert_array_equal(found["z/late"].edges, [0.0, 1.0, 4.0])
    np.testing.assert_array_equal(found["z/late"].contents, [0.0, 1.0, 2.0, 0.0])
    ((name, (x, y)),) = graphs(path).items()
    assert name == "curve"
    np.testing.assert_array_equal([x, y], [[2.0, 1.0], [5.0, 6.0]])


def test_histograms_of_a_file_that_is_none(tmp_path: Path) -> None:
    path = tmp_path / "a.root"
    path.write_text("text")
    for read in (histograms, graphs):
        with pytest.raises(BadFile, match=r"a\.root"):
            read(path)
