"""Collections of events as flat tables with offsets, and the rows that their links lead to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import awkward as ak
import numpy as np
import numpy.typing as npt

from lepid.errors import BadInput
from lepid.events.objects.flat import flatten, mapped
from lepid.events.recognise import Recognised
from lepid.events.schema import Schema

Array = npt.NDArray[Any]
Integers = npt.NDArray[np.int64]

Compute = Callable[[Mapping[str, Array], Mapping[str, "Table"]], Mapping[str, Any]]

KEY, INDEX = "m_persKey", "m_persIndex"


class Links(NamedTuple):
    """Links of objects into other collections, null with key 0.

    Attributes
    ----------
    offsets : [n_object + 1]
    keys, places : [n_link], key of the collection and place in that of the same event
    """

    offsets: Integers
    keys: Array
    places: Array


@dataclass(frozen=True)
class Table:
    """One collection of events.

    Attributes
    ----------
    name : of the collection
    offsets : [n_event + 1], where the objects of each event begin
    columns : name -> [n_object]
    links : name -> Links
    """

    name: str
    offsets: Integers
    columns: Mapping[str, Array]
    links: Mapping[str, Links]

    @property
    def event(self) -> Integers:
        """Event of each object, [n_object]."""
        return np.repeat(np.arange(len(self.offsets) - 1), np.diff(self.offsets))


def apply(
    known: Recognised,
    collection: str,
    columns: Mapping[str, Any],
    compute: Compute,
    around: Mapping[str, Mapping[str, str]] | None = None,
) -> Any:
    """Record array, jagged like the collection, of what `compute` makes of its columns.

    Parameters
    ----------
    columns : lepid's name -> column of the collection, links ``a`` or what they lead to, ``a.b``;
        or an array that is jagged like the collection
    compute : flat columns [n_lepton], tables by collection -> flat results [n_lepton] or `Ragged`;
        must accept n_lepton = 0
    around : further collections -> lepid's name -> column

    Returns
    -------
    As `flat.apply`
    """
    own: dict[str, Any] = {}
    tables: dict[str, dict[str, Any]] = {}
    behind: dict[str, str] = {}
    for name, path in columns.items():
        if not isinstance(path, str):
            own[name] = path
            continue
        links, last = known.schema.route(path)
        where = collection
        for link in links:
            tables.setdefault(where, {})[link] = field(known.events[where], link)
            where = known.schema.links[link]
        array = field(known.events[where], last)
        if not links and not is_link(array):
            own[name] = array
            continue
        tables.setdefault(where, {})[last] = array
        if not is_link(array):
            behind[name] = path
    for where, named in (around or {}).items():
        found = {name: field(known.events[where], path) for name, path in named.items()}
        tables.setdefault(where, {}).update(found)
    keys = [("", name) for name in own] + [(c, name) for c in tables for name in tables[c]]
    arrays = [*own.values(), *(array for named in tables.values() for array in named.values())]
    run = partial(_apply, keys, collection, behind, known.schema, compute)
    return mapped(known.events, arrays, run, collection)


def _apply(
    keys: Sequence[tuple[str, str]],
    collection: str,
    behind: Mapping[str, str],
    schema: Schema,
    compute: Compute,
    *arrays: Any,
) -> tuple[Integers | None, Mapping[str, Any]]:
    named: dict[str, dict[str, Any]] = {}
    for (where, name), array in zip(keys, arrays, strict=True):
        named.setdefault(where, {})[name] = array
    counts, flat = flatten(named.pop(""), collection)
    tables = {name: table_of(columns, name) for name, columns in named.items()}
    own = next(iter(flat.values()))
    offsets = np.arange(len(own) + 1) if counts is None else offsets_of(counts)
    tables.setdefault(collection, Table(collection, offsets, {}, {}))
    if not np.array_equal(offsets, tables[collection].offsets):
        wrong = "the links and the other columns have different numbers of objects"
        raise BadInput(f"events.{collection}", wrong, (), "take all from the same events")
    flat |= linked(tables, collection, behind, schema)
    return counts, compute(flat, tables)


def field(table: Any, path: str) -> Any:
    """The column `path` of a collection, or one number of a vector, as `events.schema` names it.

    Of links only the key and the index are taken, so that no more is read.
    """
    name, _, place = path.partition("[")
    array = table[name]
    if not place:
        return array[[KEY, INDEX]] if is_link(array) else array
    key, equals, label = place.rstrip("]").partition("=")
    if equals:
        return _labelled(array, table[key], int(label))
    # An object may have a shorter vector: the number is then not there.
    first = int(key)
    return ak.firsts(array[..., first : first + 1], axis=array.ndim - 1)


def _labelled(vectors: Any, labels: Any, label: int) -> Any:
    """The number of each vector that has this label, None where it has none.

    The labels are vectors too, or the bits of a number that are set, in ascending order.
    """
    # dask-awkward knows no negative axis.
    axis = vectors.ndim - 1
    if labels.ndim == vectors.ndim:
        return ak.firsts(vectors[labels == label], axis=axis)
    place = np.bitwise_count(labels & ((1 << label) - 1))
    found = ak.firsts(vectors[ak.local_index(vectors, axis=axis) == place], axis=axis)
    return ak.mask(found, (labels >> label) & 1 == 1)


def is_link(array: Any) -> bool:
    """Whether a column holds links."""
    return {KEY, INDEX} <= set(array.fields)


def table_of(arrays: Mapping[str, Any], name: str) -> Table:
    """The table of these columns, [n_event][n_object] each, or [n_event] with one object in each.

    Parameters
    ----------
    arrays : name -> numbers, links, or vectors of links

    Raises
    ------
    BadInput : a column holds something else, or two disagree about the number of objects
    """
    numbers: dict[str, Any] = {}
    inner: dict[str, dict[str, Array]] = {}
    for column, array in arrays.items():
        if not is_link(array):
            numbers[column] = array
        elif array[INDEX].ndim == 3:
            numbers[f"{column}.n"] = ak.num(array[INDEX], axis=2)
            whole = {part: ak.flatten(array[part], axis=2) for part in (KEY, INDEX)}
            inner[column] = flatten(whole, f"{name}.{column}")[1]
        else:
            numbers |= {f"{column}.{part}": array[part] for part in (KEY, INDEX)}
    counts, flat = flatten(numbers, f"events.{name}")
    n_object = len(next(iter(flat.values())))
    offsets = np.arange(n_object + 1) if counts is None else offsets_of(counts)
    links = {}
    for column in (column for column in arrays if column not in flat):
        if column in inner:
            ends = offsets_of(flat.pop(f"{column}.n"))
            links[column] = Links(ends, inner[column][KEY], inner[column][INDEX])
        else:
            parts = flat.pop(f"{column}.{KEY}"), flat.pop(f"{column}.{INDEX}")
            links[column] = Links(np.arange(n_object + 1), *parts)
    return Table(name, offsets, flat, links)


def offsets_of(counts: Array) -> Integers:
    """Where each of some lists of these lengths begins, and where the last ends."""
    return np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])


def follow(
    tables: Mapping[str, Table], collection: str, path: str, schema: Schema
) -> tuple[Integers, Integers]:
    """Rows that the links ``a.b`` lead to from each object of a collection.

    Returns
    -------
    offsets, rows : [n_object + 1], [n], -1 for a null link or one into another collection

    Raises
    ------
    BadInput : a link leads beyond the objects of its event
    """
    where = collection
    rows: Integers = np.arange(int(tables[where].offsets[-1]))
    offsets: Integers = np.arange(len(rows) + 1)
    for link in path.split("."):
        to = schema.target(where, link)
        ends, led = _rows(tables[where], link, tables[to], schema.keys.get(to))
        there = rows >= 0
        n = np.ones(len(rows), np.int64)
        n[there] = np.diff(ends)[rows[there]]
        first = offsets_of(n)
        found = np.full(int(first[-1]), -1)
        inside = np.repeat(there, n)
        shift = np.repeat(np.where(there, ends[rows], 0) - first[:-1], n)
        found[inside] = led[(np.arange(len(found)) + shift)[inside]]
        offsets, rows, where = first[offsets], found, to
    return offsets, rows


def _rows(table: Table, link: str, to: Table, key: int | None) -> tuple[Integers, Integers]:
    """Offsets and rows among the objects of all events that a column of links leads to."""
    links = table.links[link]
    there = links.keys != 0 if key is None else links.keys == key
    event = np.repeat(table.event, np.diff(links.offsets))[there]
    index = links.places[there].astype(np.int64)
    beyond = index >= np.diff(to.offsets)[event]
    if beyond.any():
        n = np.count_nonzero(beyond)
        wrong = f"{n} of {len(index)} lead beyond the objects of {to.name} in their event"
        do = f"keep {to.name} as the file has it: objects were dropped or moved"
        raise BadInput(f"events.{table.name}[{link!r}]", wrong, (), do)
    rows = np.full(len(links.keys), -1)
    rows[there] = to.offsets[event] + index
    return links.offsets, rows


def first(offsets: Integers, rows: Integers) -> Integers:
    """The first of the rows of each object, -1 for none, [n_object]."""
    some = np.diff(offsets) > 0
    found = np.full(len(some), -1)
    found[some] = rows[offsets[:-1][some]]
    return found


def linked(
    tables: Mapping[str, Table], collection: str, paths: Mapping[str, str], schema: Schema
) -> dict[str, Array]:
    """The columns ``a.b`` of the first object that each links to, [n_object]; NaN for none."""
    known: dict[str, Integers] = {}
    columns = {}
    for name, path in paths.items():
        links, column = schema.route(path)
        route = ".".join(links)
        if route not in known:
            known[route] = first(*follow(tables, collection, route, schema))
        rows = known[route]
        values = tables[schema.links[links[-1]]].columns[column]
        columns[name] = np.full(len(rows), np.nan)
        columns[name][rows >= 0] = values[rows[rows >= 0]]
    return columns
