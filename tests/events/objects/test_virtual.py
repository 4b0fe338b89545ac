"""Virtual columns, collections and events: what is read, when, and how often."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import awkward as ak
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lepid.errors import BadInput
from lepid.events.objects import virtual
from lepid.events.objects.attach import attach

PT = ak.Array([[30.0, 20.0], [], [15.0]])
INDEX = ak.Array([[1, 2], [], [3]])
NUMBERS = st.lists(st.lists(st.integers(-100, 100), max_size=3), max_size=4)


class Reader:
    """Counts how often each column is read."""

    def __init__(self) -> None:
        self.log: list[str] = []

    def column(self, name: str, *parts: ak.Array) -> ak.Array:
        """Virtual column out of parts."""
        return virtual.column(
            name, [p.layout.form for p in parts], sum(map(len, parts)), self.read(name, parts)
        )

    def read(self, name: str, parts: Any) -> Callable[[], Any]:
        """What a file does."""

        def action() -> Any:
            self.log.append(name)
            return parts

        return action


@pytest.fixture
def reader() -> Reader:
    return Reader()


# --- column -------------------------------------------------------------------------------------

KINDS = {
    "flat": ak.Array([1, 2, 3]),
    "jagged": PT,
    "doubly jagged": ak.Array([[[1.0], [2.0, 3.0]], [], [[]]]),
    "strings": ak.Array(["a", "", "ccc"]),
    "links": ak.zip({"key": INDEX, "index": INDEX}),
    "options": ak.Array([[1.0, None], [], [3.0]]),
    "doubly jagged links": ak.Array([[[{"k": 1}]], [], [[], [{"k": 2}]]]),
    "booleans": ak.Array([[True], [], [False, True]]),
    "regular": ak.from_numpy(np.arange(6).reshape(3, 2)),
    "masked bytes": ak.mask(ak.Array([1, 2, 3]), [True, False, True]),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n_part", [1, 2])
def test_a_column_is_read_once_and_whole(reader: Reader, kind: str, n_part: int) -> None:
    array = KINDS[kind]
    column = reader.column("x", *[array] * n_part)
    assert column.type.content == array.type.content
    assert len(column) == 3 * n_part
    assert reader.log == []
    assert column.to_list() == array.to_list() * n_part
    assert column[::-1].to_list() == (array.to_list() * n_part)[::-1]
    assert reader.log == ["x"]


def test_looking_at_a_column_reads_nothing(reader: Reader) -> None:
    column = reader.column("x", KINDS["links"])
    assert (len(column[1:]), column.ndim, column.fields) == (2, 2, ["key", "index"])
    assert repr(column).startswith("<Array")
    assert reader.log == []


def test_a_column_without_events_is_never_read(reader: Reader) -> None:
    column = reader.column("x", PT[:0])
    assert ak.materialize(column).to_list() == []
    assert reader.log == []


def test_every_way_to_mark_what_is_missing() -> None:
    content = ak.contents.NumpyArray(np.array([1.0, 2.0, 3.0]))
    bits = ak.index.IndexU8(np.array([0b101], np.uint8))
    ways = {
        "index": ak.contents.IndexedOptionArray(ak.index.Index64([0, -1, 2]), content),
        "bytes": ak.contents.ByteMaskedArray(ak.index.Index8([1, 0, 1]), content, valid_when=True),
        "bits": ak.contents.BitMaskedArray(
            bits, content, valid_when=True, length=3, lsb_order=True
        ),
        "unmasked": ak.contents.UnmaskedArray(content),
    }
    for said in ways.values():
        for way, given_as in ways.items():
            column = virtual.column("x", [said.form], 3, lambda a=given_as: [ak.Array(a)])
            assert column.to_list() == ([1, 2, 3] if way == "unmasked" else [1, None, 3])


@pytest.mark.parametrize(
    ("left", "right", "joined"),
    [
        ("int32", "int64", "int64"),
        ("float32", "float64", "float64"),
        ("uint8", "int16", "int16"),
        ("int32", "float32", "float64"),
    ],
)
def test_numbers_of_two_files_are_promoted(
    reader: Reader, left: str, right: str, joined: str
) -> None:
    parts = [ak.values_astype(INDEX, left), ak.values_astype(INDEX, right)]
    column = reader.column("x", *parts)
    assert str(column.type) == f"6 * var * {joined}"
    assert column.to_list() == INDEX.to_list() * 2
    assert column.type == ak.concatenate(parts).type


def test_what_may_be_missing_in_one_file(reader: Reader) -> None:
    column = reader.column("x", PT, KINDS["options"])
    assert str(column.type) == "6 * var * ?float64"
    assert column.to_list() == PT.to_list() + KINDS["options"].to_list()


@pytest.mark.parametrize("other", ["strings", "flat", "links"])
def test_types_that_cannot_be_joined(reader: Reader, other: str) -> None:
    with pytest.raises(BadInput, match="column 'x' has different types in these files") as caught:
        reader.column("x", PT, KINDS[other])
    text = str(caught.value)
    assert "var * float64" in text
    assert str(KINDS[other].type.content) in text
    assert "one by one" in caught.value.do
    assert reader.log == []


# --- group --------------------------------------------------------------------------------------


def test_a_group_reads_only_what_is_used(reader: Reader) -> None:
    columns = {name: reader.column(name, PT) for name in ("a", "pt", "b")}
    muons = virtual.group(columns, 3, "events.Muons")
    assert muons.fields == ["a", "pt", "b"]
    assert reader.log == []
    assert ak.num(muons).to_list() == [2, 0, 1]
    assert reader.log == ["pt"]
    assert muons["b"].to_list() == PT.to_list()
    assert reader.log == ["pt", "b"]


def test_attaching_to_a_group_reads_only_the_lead(reader: Reader) -> None:
    columns = {name: reader.column(name, PT) for name in ("eta", "pt")}
    muons = virtual.group(columns, 3, "events.Muons")
    events = virtual.events_of({"Muons": muons}, 3, {})
    result = attach(events, "Muons", "plit", ak.zip({"score": PT}))
    assert set(reader.log) <= {"pt"}
    assert result.Muons.plit.score.to_list() == PT.to_list()
    assert "eta" not in reader.log


def test_the_lead_may_have_another_name(reader: Reader) -> None:
    columns = {name: reader.column(name, PT) for name in ("fBits", "PT")}
    assert ak.num(virtual.group(columns, 3, "", ("pt", "PT"))).to_list() == [2, 0, 1]
    assert reader.log == ["PT"]


@given(NUMBERS, st.integers(0, 5))
def test_a_group_against_plain_python(values: list[list[int]], start: int) -> None:
    reader = Reader()
    array = ak.values_astype(ak.Array([*values, [1]]), np.int64)
    columns = {"pt": reader.column("pt", array), "q.k": reader.column("q.k", -array)}
    made = virtual.group(columns, len(array), "")[start:]
    expected = [[{"pt": x, "q": {"k": -x}} for x in event] for event in [*values, [1]]][start:]
    assert made.to_list() == expected


def test_dotted_columns_become_records(reader: Reader) -> None:
    columns = {
        name: reader.column(name, INDEX)
        for name in ("pt", "link.m_persKey", "link.m_persIndex", "plit.deep.x")
    }
    muons = virtual.group(columns, 3, "events.Muons")
    assert muons.fields == ["pt", "link", "plit"]
    assert muons.link.fields == ["m_persKey", "m_persIndex"]
    assert muons.plit.deep.x.to_list() == INDEX.to_list()
    assert set(reader.log) == {"pt", "plit.deep.x"}
    assert muons.link[0, 1].to_list() == {"m_persKey": 2, "m_persIndex": 2}


def test_flat_columns_are_left_out_of_a_jagged_group(reader: Reader) -> None:
    columns = {"n": reader.column("n", KINDS["flat"]), "pt": reader.column("pt", PT)}
    assert virtual.group(columns, 3, "").fields == ["pt"]


def test_a_group_with_a_flat_column_and_no_lead_is_one_record_per_event(reader: Reader) -> None:
    columns = {
        "weights": reader.column("weights", PT),
        "number": reader.column("number", KINDS["flat"]),
        "link.key": reader.column("link.key", KINDS["flat"]),
    }
    info = virtual.group(columns, 3, "events.EventInfo")
    assert str(info.type.content) == "{weights: var * float64, number: int64, link: {key: int64}}"
    assert info.number.to_list() == [1, 2, 3]
    assert info.weights.to_list() == PT.to_list()
    assert reader.log == ["number", "weights"]


@pytest.mark.parametrize("wrong", [[[1], [2, 3], []], [[1, 2, 3], [], [4]], [[1, 2], [], []]])
def test_a_column_of_other_length_is_an_error_when_it_is_read(
    reader: Reader, wrong: list[list[int]]
) -> None:
    columns = {"pt": reader.column("pt", PT), "x": reader.column("x", ak.Array(wrong))}
    muons = virtual.group(columns, 3, "events.Muons")
    assert muons.pt.to_list() == PT.to_list()
    with pytest.raises(BadInput, match="'pt' and 'x' have different numbers of objects") as caught:
        ak.materialize(muons["x"])
    assert caught.value.where == "events.Muons"


# --- events -------------------------------------------------------------------------------------


def test_events_behave_like_events(reader: Reader) -> None:
    def make() -> ak.Array:
        columns = {"pt": reader.column("pt", PT), "q": reader.column("q", INDEX)}
        fields = {
            "Muons": virtual.group(columns, 3, ""),
            "run": reader.column("run", KINDS["flat"]),
        }
        return virtual.events_of(fields, 3, {"lepid": {"a": 1}})

    events = make()
    assert (len(events), events.fields, events.attrs["lepid"]) == (3, ["Muons", "run"], {"a": 1})
    high = make()[[True, False, True]]
    assert high.Muons.q.to_list() == [[1, 2], [3]]
    assert high.attrs["lepid"] == {"a": 1}
    cut = make().Muons
    assert cut[cut.pt > 18].q.to_list() == [[1, 2], [], []]
    both = ak.concatenate([make(), make()])
    assert both.Muons.q.to_list() == INDEX.to_list() * 2
    assert both.run.to_list() == [1, 2, 3] * 2


def test_events_without_columns() -> None:
    assert len(virtual.events_of({}, 3, {})) == 3
