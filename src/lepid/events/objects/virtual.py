"""Virtual events out of columns: nothing is read before its values are used."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from typing import Any

import awkward as ak

from lepid.errors import BadInput


def join(parts: Sequence[Any], where: str) -> Any:
    """Virtual concatenation of record arrays that have the same fields; reads nothing.

    Raises
    ------
    BadInput : a field has another type in one of the parts
    """
    if len(parts) == 1:
        return parts[0]
    columns = {
        name: _join_column([p[name] for p in parts], name, where) for name in parts[0].fields
    }
    length = sum(len(part) for part in parts)
    layouts = [column.layout for column in columns.values()]
    return ak.Array(ak.contents.RecordArray(layouts, list(columns), length=length))


def _join_column(arrays: Sequence[Any], name: str, where: str) -> Any:
    empty = [array.layout.form.length_zero_array() for array in arrays]
    if len({str(ak.Array(e).type) for e in empty}) > 1:
        types = " and ".join(sorted({str(ak.Array(e).type.content) for e in empty}))
        raise BadInput(where, f"column {name!r} has different types in these files: {types}")
    form, _, _ = ak.to_buffers(ak.to_packed(ak.concatenate(empty)), form_key=name + "-{id}")

    @cache
    def buffers() -> Mapping[str, Any]:
        whole = ak.to_packed(ak.concatenate([ak.materialize(array) for array in arrays]))
        container: Mapping[str, Any] = ak.to_buffers(whole, form_key=name + "-{id}")[2]
        return container

    container = {key: partial(pick, buffers, key) for key in form.expected_from_buffers()}
    return ak.from_buffers(form, sum(len(array) for array in arrays), container)


def pick(buffers: Callable[[], Mapping[str, Any]], key: str) -> Any:
    """One buffer of those that `buffers` gives."""
    return buffers()[key]


def group(columns: Mapping[str, Any], length: int) -> Any:
    """One array of records out of `columns`, virtual where they are; reads nothing.

    Jagged columns become a jagged record with the offsets of ``pt``, or of the first; their
    counts are taken to agree. With a flat column among them, the record is one per event.
    """
    if any(column.ndim == 1 for column in columns.values()):
        layouts = [column.layout for column in columns.values()]
        return ak.Array(ak.contents.RecordArray(layouts, list(columns), length=length))
    container: dict[str, Any] = {}
    contents: dict[str, Any] = {}
    lists: dict[str, Any] = {}
    for name, column in columns.items():
        form, _, buffers = ak.to_buffers(column, form_key=name + "-{id}")
        if form.is_list and not form.is_regular:
            # A callable instead of the virtual buffer itself lets awkward derive its length from
            # the common offsets; otherwise attaching a field reads every column.
            container |= {key: partial(_buffer, buffer) for key, buffer in buffers.items()}
            contents[name], lists[name] = form.content, form
    outer = lists["pt"] if "pt" in lists else next(iter(lists.values()))
    inner = ak.forms.RecordForm(list(contents.values()), list(contents))
    form = ak.forms.ListOffsetForm(outer.offsets, inner, form_key=outer.form_key)
    return ak.from_buffers(form, length, container)


def _buffer(buffer: Any) -> Any:
    return buffer.materialize() if hasattr(buffer, "materialize") else buffer


def events_of(fields: Mapping[str, Any], length: int, attrs: Mapping[str, Any]) -> Any:
    """Events out of collections and columns of one length."""
    layouts = [field.layout for field in fields.values()]
    record = ak.contents.RecordArray(layouts, list(fields), length=length)
    return ak.Array(record, attrs=dict(attrs))
