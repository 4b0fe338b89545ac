"""Parquet files of several writers, read column by column."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

from lepid.errors import BadFile
from lepid.events.objects.parquet import ParquetWriter, open_file

PT = [[30.0, 20.0], [], [15.0]]
INDEX = [[1, 2], [], [3]]


def events_of() -> ak.Array:
    """Three events of every shape."""
    muons = ak.zip(
        {
            "pt": ak.Array(PT),
            "plit": ak.zip({"score": ak.Array(PT) / 100, "tight": ak.Array(PT) > 18}),
            "cov": ak.Array([[[1.0], [2.0, 3.0]], [], [[]]]),
            "link": ak.zip({"m_persKey": INDEX, "m_persIndex": INDEX}),
        },
        depth_limit=2,
    )
    info = ak.zip({"number": [1, 2, 3], "weights": PT}, depth_limit=1)
    return ak.zip(
        {"Muons": muons, "info": info, "run": [1, 2, 3], "s": ["a", "b", ""]}, depth_limit=1
    )


EXPECTED = {
    "Muons.pt": events_of().Muons.pt,
    "Muons.plit.score": events_of().Muons.plit.score,
    "Muons.plit.tight": events_of().Muons.plit.tight,
    "Muons.cov": events_of().Muons["cov"],
    "Muons.link.m_persKey": events_of().Muons.link.m_persKey,
    "Muons.link.m_persIndex": events_of().Muons.link.m_persIndex,
    "info.number": events_of()["info"].number,
    "info.weights": events_of()["info"].weights,
    "run": events_of().run,
    "s": events_of().s,
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.parquet"


@pytest.mark.parametrize("extension", [False, True])
def test_columns_of_collections_are_columns_of_the_file(path: Path, extension: bool) -> None:
    ak.to_parquet(events_of(), path, extensionarray=extension)
    file = open_file(path)
    assert (file.path, file.n_event, file.metadata) == (str(path), 3, "")
    assert list(file.columns) == list(EXPECTED)
    for name, values in EXPECTED.items():
        assert file.form(name).type == values.type.content, name
        for start in range(4):
            for stop in range(start, 4):
                read = file.read(name, start, stop)
                assert read.type.content == values.type.content, name
                assert read.to_list() == values[start:stop].to_list(), name


def test_only_the_wanted_column_is_decoded(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ak.to_parquet(events_of(), path)
    asked: list[list[str]] = []
    original = pyarrow.parquet.ParquetFile.read_row_groups

    def spy(self: Any, groups: Any, columns: list[str]) -> Any:
        asked.append(columns)
        table = original(self, groups, columns=columns)
        assert table.num_columns == 1
        return table

    monkeypatch.setattr(pyarrow.parquet.ParquetFile, "read_row_groups", spy)
    file = open_file(path)
    file.read("Muons.pt", 0, 3)
    file.read("Muons.plit.score", 0, 3)
    file.read("info.number", 0, 3)
    assert [len(columns) for columns in asked] == [1, 1, 1]
    assert [columns[0].split(".")[-1] for columns in asked] == ["pt", "score", "number"]


def test_only_the_row_groups_in_range_are_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ak.to_parquet(ak.Array({"run": np.arange(100)}), path, row_group_size=10)
    asked: list[list[int]] = []
    original = pyarrow.parquet.ParquetFile.read_row_groups

    def spy(self: Any, groups: list[int], columns: Any) -> Any:
        asked.append(groups)
        return original(self, groups, columns=columns)

    monkeypatch.setattr(pyarrow.parquet.ParquetFile, "read_row_groups", spy)
    file = open_file(path)
    for start, stop, groups in ((0, 10, [0]), (9, 11, [0, 1]), (95, 100, [9]), (20, 40, [2, 3])):
        assert file.read("run", start, stop).to_list() == list(range(start, stop))
        assert asked[-1] == groups


def test_what_arrow_writes_is_nullable_everywhere(path: Path) -> None:
    kind = pyarrow.list_(pyarrow.struct([("pt", pyarrow.float32()), ("q", pyarrow.int8())]))
    muons = [[{"pt": 1.5, "q": 1}, {"pt": None, "q": -1}], None, []]
    table = pyarrow.table(
        {"Muons": pyarrow.array(muons, type=kind), "el_pt": [[1.0], [], None], "run": [1, 2, 3]}
    )
    pyarrow.parquet.write_table(table, path)
    file = open_file(path)
    assert file.columns == ("Muons.pt", "Muons.q", "el_pt", "run")
    assert str(file.form("Muons.pt").type) == "var * ?float32"
    assert file.read("Muons.pt", 0, 3).to_list() == [[1.5, None], [], []]
    assert file.read("Muons.q", 0, 2).to_list() == [[1, -1], []]
    assert file.read("el_pt", 0, 3).to_list() == [[1.0], [], []]
    assert file.read("run", 2, 3).to_list() == [3]


def test_names_with_dots(path: Path) -> None:
    ak.to_parquet(ak.Array({"AnalysisMuonsAuxDyn.pt": PT, "x:y": [1, 2, 3]}), path)
    file = open_file(path)
    assert file.columns == ("AnalysisMuonsAuxDyn.pt", "x:y")
    assert file.read("AnalysisMuonsAuxDyn.pt", 0, 3).to_list() == PT


@pytest.mark.parametrize("kept", [0.0, 0.3, 0.99])
def test_a_truncated_file(path: Path, kept: float) -> None:
    ak.to_parquet(events_of(), path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(BadFile, match="cannot be read as a parquet file") as caught:
        open_file(path)
    assert caught.value.where == str(path)
    assert "complete" in caught.value.do


def test_damage_in_the_values_is_found_when_they_are_read(path: Path) -> None:
    ak.to_parquet(ak.Array({"run": np.arange(50_000) ** 2}), path, compression="zstd")
    content = bytearray(path.read_bytes())
    content[4 : len(content) // 2] = b"\xff" * (len(content) // 2 - 4)
    path.write_bytes(content)
    file = open_file(path)
    with pytest.raises(BadFile, match="cannot be read as a parquet file"):
        file.read("run", 0, 50_000)


# --- writing ------------------------------------------------------------------------------------


def test_chunks_are_read_back(path: Path) -> None:
    events = events_of()
    with ParquetWriter(path, '{"my": "facts"}') as writer:
        for _ in range(2):
            writer.extend({name: events[name] for name in events.fields})
        assert not path.exists()
    file = open_file(path)
    assert (file.n_event, file.metadata) == (6, '{"my": "facts"}')
    assert list(file.columns) == list(EXPECTED)
    for name, values in EXPECTED.items():
        assert file.form(name).type == values.type.content
        assert file.read(name, 2, 5).to_list() == (values.to_list() * 2)[2:5]


def test_others_read_what_is_written(path: Path) -> None:
    events = events_of()
    with ParquetWriter(path, "{}") as writer:
        writer.extend({"Muons": events.Muons[["pt", "plit"]], "run": events.run})
    rows = pyarrow.parquet.read_table(path).to_pylist()
    assert rows[2] == {"Muons": [{"pt": 15.0, "plit": {"score": 0.15, "tight": False}}], "run": 3}
    assert ak.from_parquet(path).Muons.plit.tight.to_list() == [[True, True], [], [False]]


def test_a_writer_that_fails_leaves_nothing(path: Path) -> None:
    def fail() -> None:
        with ParquetWriter(path, "") as writer:
            writer.extend({"run": ak.Array([1])})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert list(path.parent.iterdir()) == []
