"""Results back into events, and what is noted about them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import awkward as ak

from lepid.errors import BadInput
from lepid.events.objects.flat import dask, is_dask
from lepid.events.objects.virtual import group

ATTRIBUTE = "lepid"
# The schema of a file, where the names in it do not tell.
SCHEMA = "lepid_schema"


def attach(events: Any, collection: str, name: str, record: Any, *, inplace: bool = False) -> Any:
    """Events with `record` as field `name` of `collection`; the given ones unless `inplace`."""
    if inplace:
        events[collection, name] = record
        return events
    return with_field(events, with_field(events[collection], record, name), collection)


def with_field(array: Any, field: Any, name: str) -> Any:
    """`array` with `field` under `name`."""
    return (dask().with_field if is_dask(array) else ak.with_field)(array, field, name)


def attach_columns(events: Any, collection: str, columns: Mapping[str, str]) -> Any:
    """Events with a record `collection` made of flat columns: column -> field of `events`.

    The flat columns stay.

    Raises
    ------
    BadInput : the columns are not equally jagged
    """
    arrays = {column: events[field] for column, field in columns.items()}
    if any(array.ndim > 1 for array in arrays.values()):
        arrays = {column: array for column, array in arrays.items() if array.ndim > 1}
    if is_dask(events):
        record = dask().zip(arrays, depth_limit=2)
        return dask().with_field(events, record, collection)
    layouts = [array.layout for array in arrays.values()]
    # Slices of virtual columns are no longer plain lists; then their offsets are read at once.
    plain = all(layout.form.is_numpy or hasattr(layout.form, "offsets") for layout in layouts)
    if plain and not all(layout.is_all_materialized for layout in layouts):
        record = group(arrays, len(events), f"events.{collection}")
    else:
        record = _zip(arrays)
    return ak.with_field(events, record, collection)


def _zip(arrays: Mapping[str, Any]) -> Any:
    try:
        return ak.zip(dict(arrays), depth_limit=2)
    except ValueError as error:
        names = ", ".join(arrays)
        raise BadInput("events", f"these columns are not equally jagged: {names}") from error


def note(events: Any, facts: Mapping[str, Mapping[str, Any]], *, inplace: bool = False) -> Any:
    """Events with `facts` about taggers in ``events.attrs["lepid"]``, replacing older ones."""
    if is_dask(events):
        # The attributes of a dask collection are read-only; those of its partitions are not.
        return dask().map_partitions(partial(_noted, dict(facts)), events, label="lepid-note")
    return _noted(facts, events, inplace=inplace)


def _noted(facts: Mapping[str, Mapping[str, Any]], events: Any, *, inplace: bool = False) -> Any:
    if not inplace:
        events = ak.Array(events.layout, behavior=events.behavior, attrs=dict(events.attrs))
    events.attrs[ATTRIBUTE] = {**events.attrs.get(ATTRIBUTE, {}), **facts}
    return events


def notes(events: Any) -> dict[str, dict[str, Any]]:
    """What `note` wrote, by tagger; empty for events that were not decorated."""
    return dict(events.attrs.get(ATTRIBUTE, {}))
