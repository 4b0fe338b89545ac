"""Columns in the shape in which files take them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import awkward as ak


def writable(events: Any, collection: str, columns: Iterable[str]) -> list[str]:
    """Those `columns` of a collection that have one number per object."""
    chosen = []
    for name in columns:
        array = events[collection][name]
        if not array.fields and array.ndim <= 2 and "?" not in str(array.type):
            chosen.append(name)
    return chosen


def packed(events: Any, collection: str, columns: Sequence[str]) -> Any:
    """Materialised record array of the named columns of a collection; nested records survive."""
    arrays = {name: ak.to_packed(ak.materialize(events[collection][name])) for name in columns}
    depth = max(array.layout.purelist_depth for array in arrays.values())
    return ak.without_parameters(ak.zip(arrays, depth_limit=depth))


def materialised(column: Any) -> Any:
    """The column with all its values read, packed."""
    return ak.to_packed(ak.materialize(column))


def flat_names(record: Any) -> Any:
    """Record array whose nested fields `tagger.field` are named `tagger_field`."""
    columns: dict[str, Any] = {}
    for name in record.fields:
        inner = record[name]
        columns |= {f"{name}_{f}": inner[f] for f in inner.fields} or {name: inner}
    depth = record.layout.purelist_depth
    return ak.zip(columns, depth_limit=depth)
