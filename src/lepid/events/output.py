"""Decorated events into files that `lepid.open` reads back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from lepid.errors import BadInput, UnknownName
from lepid.events.objects import written
from lepid.events.objects.attach import notes
from lepid.events.objects.flat import columns_of
from lepid.events.objects.parquet import ParquetWriter
from lepid.events.schema import Schema
from lepid.root_files import TreeWriter

SUFFIXES = (".root", ".parquet")


@dataclass(frozen=True)
class Selection:
    """What of the events is written.

    Attributes
    ----------
    columns : collection -> its columns
    taggers : collection -> tagger -> fields
    alone : columns that belong to no collection
    """

    columns: Mapping[str, Sequence[str]]
    taggers: Mapping[str, Mapping[str, Sequence[str]]]
    alone: Sequence[str]


def select(
    events: Any, schema: Schema, leptons: Mapping[str, str], keep: Sequence[str]
) -> Selection:
    """Kinematics, charge and truth of the leptons, their taggers, the event's number, and `keep`.

    Raises
    ------
    UnknownName : the events have no collection of `keep`
    """
    fields = columns_of(events)
    columns: dict[str, list[str]] = {}
    taggers: dict[str, dict[str, list[str]]] = {}
    for name in keep:
        if name not in fields:
            raise UnknownName.of("--keep", "collection", name, [c for c in fields if fields[c]])
    noted = [name for name, facts in notes(events).items() if "card" in facts]
    for collection in [*leptons.values(), *(k for k in keep if fields[k])]:
        own = [tagger for tagger in noted if tagger in fields[collection]]
        taggers[collection] = {t: list(events[collection][t].fields) for t in own}
        plain = [column for column in fields[collection] if column not in own]
        if collection not in keep:
            plain = [c for c in plain if c in schema.kept or c.startswith("truth_")]
        columns[collection] = written.writable(events, collection, plain)
    alone = [name for name in keep if not fields[name]]
    for identifier in schema.identifiers:
        collection, dot, column = identifier.partition(".")
        if dot and column in fields.get(collection, ()):
            columns.setdefault(collection, []).append(column)
        elif not dot and collection in fields and collection not in alone:
            alone.append(collection)
    taggers = {collection: taggers.get(collection, {}) for collection in columns}
    return Selection(columns, taggers, alone)


class Writer:
    """Writes chunks of decorated events; the file appears when the block ends without an error.

    Parameters
    ----------
    path : ends in ``.root`` (TTree ``Events``, flat branches) or ``.parquet`` (records)
    """

    def __init__(
        self, path: Path, schema: Schema, leptons: Mapping[str, str], keep: Sequence[str]
    ) -> None:
        if path.suffix not in SUFFIXES:
            wrong = f"unknown kind of output {path.suffix!r}"
            raise BadInput(str(path), wrong, SUFFIXES, "end the name in one of these")
        self._path, self._schema, self._leptons, self._keep = path, schema, leptons, keep
        self._stack = ExitStack()
        self._writer: TreeWriter | ParquetWriter | None = None
        self._selection: Selection | None = None

    def __enter__(self) -> Self:
        self._stack.__enter__()
        return self

    def extend(self, events: Any) -> None:
        """Append one chunk; every chunk must be decorated alike."""
        if self._selection is None or self._writer is None:
            self._selection = select(events, self._schema, self._leptons, self._keep)
            kind = TreeWriter if self._path.suffix == ".root" else ParquetWriter
            self._writer = kind(self._path, self._metadata(events, self._selection))
            self._stack.enter_context(self._writer)
        self._writer.extend(self._chunk(events, self._selection))

    def __exit__(self, *error: Any) -> None:
        self._stack.__exit__(*error)

    def _metadata(self, events: Any, chosen: Selection) -> str:
        facts = {
            "schema": self._schema.name,
            "columns": chosen.columns,
            "taggers": chosen.taggers,
            "alone": chosen.alone,
            "notes": notes(events),
        }
        return json.dumps(facts)

    def _chunk(self, events: Any, chosen: Selection) -> dict[str, Any]:
        chunk: dict[str, Any] = {}
        for collection, columns in chosen.columns.items():
            names = [*columns, *chosen.taggers[collection]]
            record = written.packed(events, collection, names)
            if self._path.suffix == ".parquet":
                chunk[collection] = record
            elif record.ndim > 1:
                chunk[collection] = written.flat_names(record)
            else:
                flat = written.flat_names(record)
                chunk |= {f"{collection}_{name}": flat[name] for name in flat.fields}
        return chunk | {name: written.materialised(events[name]) for name in chosen.alone}
