"""Virtual events out of columns: nothing is read before its values are used."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache, partial
from typing import Any

import awkward as ak
import numpy as np

from lepid.errors import BadInput


def column(name: str, forms: Sequence[Any], length: int, read: Callable[[], Sequence[Any]]) -> Any:
    """Virtual array of one column that comes in one or several parts.

    Parameters
    ----------
    forms : of the parts
    length : of all parts together
    read : gives the arrays of the parts; called once, when a value is used

    Raises
    ------
    BadInput : the parts have different types
    """
    form = _packed_form(tuple(sorted({form.to_json() for form in forms})))
    if "union[" in str(form.type):
        kinds = " and ".join(sorted({str(form.type) for form in forms}))
        wrong = f"column {name!r} has different types in these files: {kinds}"
        raise BadInput("files", wrong, (), "open them one by one")

    @cache
    def buffers() -> Mapping[str, Any]:
        whole = _joined(read() if length else [form.length_zero_array()])
        container: Mapping[str, Any] = ak.to_buffers(whole, form_key="{id}")[2]
        return container

    container = {key: partial(_pick, buffers, key) for key in form.expected_from_buffers()}
    return ak.from_buffers(form, length, container)


@cache
def _packed_form(forms: tuple[str, ...]) -> Any:
    """Form of the packed array that parts of these forms, as json, join to."""
    parts = [ak.Array(ak.forms.from_json(form).length_zero_array()) for form in forms]
    return ak.to_buffers(_joined(parts), form_key="{id}")[0]


def _joined(parts: Sequence[Any]) -> Any:
    """One packed array, with one kind of option, so that its form follows from its type."""
    whole = parts[0] if len(parts) == 1 else ak.concatenate(parts)
    return ak.transform(_indexed_option, ak.to_packed(whole))


def _indexed_option(layout: Any, continuation: Callable[[], Any], **_: Any) -> Any:
    return continuation().to_IndexedOptionArray64() if layout.is_option else None


def _pick(buffers: Callable[[], Mapping[str, Any]], key: str) -> Any:
    return buffers()[key]


def group(
    columns: Mapping[str, Any], length: int, where: str, leads: Collection[str] = ("pt",)
) -> Any:
    """One array of records out of `columns`, virtual where they are; reads nothing.

    Jagged columns become a jagged record with the offsets of the lead, or of the first; flat ones
    are left out. With a flat lead, or without lead and with a flat column, the record is one per
    event and holds all. Columns ``a.b`` and ``a.c`` become a record ``a`` in it.

    Parameters
    ----------
    columns : with the same number of objects each, which is checked when values are read
    where : name of the collection, for the error
    leads : names of the column that decides
    """
    flat = {name for name, array in columns.items() if not _is_jagged(array)}
    lead = next((name for name in columns if name in leads), next(iter(flat or columns)))
    if lead in flat:
        return ak.Array(_record_array(columns, length))
    container: dict[str, Any] = {}
    contents: dict[str, Any] = {}
    outer, _, shared = ak.to_buffers(columns[lead], form_key=lead + "-{id}")
    for name in (name for name in columns if name not in flat):
        form, _, buffers = ak.to_buffers(columns[name], form_key=name + "-{id}")
        own = buffers[f"{form.form_key}-offsets"]
        wrong = f"columns {lead!r} and {name!r} have different numbers of objects"
        check = partial(_check, shared[f"{outer.form_key}-offsets"], own, where, wrong)
        # A callable instead of the virtual buffer itself lets awkward derive its length from
        # the common offsets; otherwise attaching a field reads every column.
        container |= {key: partial(_checked, check, buffer) for key, buffer in buffers.items()}
        contents[name] = form.content
    inner = _record_form(contents)
    form = ak.forms.ListOffsetForm(outer.offsets, inner, form_key=outer.form_key)
    return ak.from_buffers(form, length, container)


def _record_array(columns: Mapping[str, Any], length: int) -> Any:
    nested = _nested(columns)
    layouts = [
        _record_array(part, length) if isinstance(part, dict) else part.layout
        for part in nested.values()
    ]
    return ak.contents.RecordArray(layouts, list(nested), length=length)


def _record_form(contents: Mapping[str, Any]) -> Any:
    nested = _nested(contents)
    forms = [_record_form(p) if isinstance(p, dict) else p for p in nested.values()]
    return ak.forms.RecordForm(forms, list(nested))


def _nested(columns: Mapping[str, Any]) -> dict[str, Any]:
    """What is named ``a.b`` under ``b`` in a dict ``a``."""
    result: dict[str, Any] = {}
    for name, part in columns.items():
        outer, dot, inner = name.partition(".")
        if dot:
            result.setdefault(outer, {})[inner] = part
        else:
            result[name] = part
    return result


def _is_jagged(array: Any) -> bool:
    form = array.layout.form
    return bool(form.is_list and not form.is_regular and array.ndim > 1)


def _check(shared: Any, own: Any, where: str, wrong: str) -> None:
    if shared is not own and not np.array_equal(_values(shared), _values(own)):
        raise BadInput(where, wrong, (), "they cannot be columns of one collection")


def _checked(check: Callable[[], None], buffer: Any) -> Any:
    check()
    return _values(buffer)


def _values(buffer: Any) -> Any:
    return buffer.materialize() if hasattr(buffer, "materialize") else buffer


def events_of(fields: Mapping[str, Any], length: int, attrs: Mapping[str, Any]) -> Any:
    """Events out of collections and columns of one length."""
    layouts = [field.layout for field in fields.values()]
    record = ak.contents.RecordArray(layouts, list(fields), length=length)
    return ak.Array(record, attrs=dict(attrs))
