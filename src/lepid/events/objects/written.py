"""Columns in the shape in which files take them: numbers, one per object or event."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import awkward as ak
import numpy as np

from lepid.errors import MissingColumns
from lepid.events.objects.flat import Ragged, as_column, flatten
from lepid.events.objects.tables import offsets_of


def writable(events: Any, collection: str, columns: Iterable[str]) -> list[str]:
    """Those `columns` of a collection that have one number per object."""
    table = events[collection]
    return [c for c in columns if table[c].ndim == table.ndim and is_numeric(table[c])]


def is_numeric(column: Any) -> bool:
    """Whether a column holds numbers or booleans, jagged once or not at all; reads nothing."""
    form = column.layout.form
    while form.is_list or form.is_option or form.is_indexed:
        if form.parameter("__array__") is not None:
            return False
        form = form.content
    return bool(form.is_numpy or form.is_unknown) and column.ndim <= 2


def packed(events: Any, collection: str, columns: Mapping[str, Sequence[str]]) -> Any:
    """Record array of the columns of a collection, their values read.

    Parameters
    ----------
    columns : name in the result -> path below the collection; "a.b" becomes a record ``a``

    Raises
    ------
    MissingColumns : some are not there
    BadInput : some events are None
    """
    table = events[collection]
    there = {(name, *field) for name in table.fields for field in [(), *_inner(table[name])]}
    missing = {".".join(path) for path in columns.values() if tuple(path) not in there}
    if missing:
        needs = dict.fromkeys(sorted(missing), "the output: the first events had it")
        raise MissingColumns.of(f"events.{collection}", needs, table.fields)
    arrays = {name: events[(collection, *path)] for name, path in columns.items()}
    several = [name for name, array in arrays.items() if array.ndim > table.ndim]
    inner = {name: ak.flatten(arrays[name], axis=table.ndim) for name in several}
    arrays |= {name: ak.num(arrays[name], axis=table.ndim) for name in several}
    counts, flat = flatten(arrays, f"events.{collection}")
    found: dict[str, Any] = dict(flat)
    for name in several:
        values = flatten({name: inner[name]}, f"events.{collection}")[1][name]
        found[name] = Ragged(offsets_of(flat[name]), values)
    record = _record(found)
    return record if counts is None else ak.unflatten(record, counts)


def _inner(array: Any) -> list[tuple[str]]:
    return [(field,) for field in array.fields]


def _record(columns: Mapping[str, Any]) -> Any:
    result: dict[str, Any] = {}
    for name, values in columns.items():
        outer, dot, inner = name.partition(".")
        if dot:
            result.setdefault(outer, {})[inner] = values
        else:
            result[name] = as_column(values)
    arrays = {n: _record(v) if isinstance(v, dict) else v for n, v in result.items()}
    return ak.zip(arrays, depth_limit=1)


def values(events: Any, column: str) -> Any:
    """A column of the events with its values read, None as NaN."""
    counts, flat = flatten({column: events[column]}, "events")
    array = ak.Array(np.ascontiguousarray(flat[column]))
    return array if counts is None else ak.unflatten(array, counts)
