"""Decorated events into files that `lepid.open` reads back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from lepid.errors import BadInput, UnknownName
from lepid.events import schema as schemas
from lepid.events.objects import written
from lepid.events.objects.attach import notes
from lepid.events.objects.flat import columns_of
from lepid.events.objects.h5 import H5Writer
from lepid.events.objects.parquet import ParquetWriter
from lepid.events.schema import Schema
from lepid.files_out import check_folder
from lepid.root_files import TreeWriter

H5 = (".h5", ".hdf5")
SUFFIXES = (".root", ".parquet", *H5)


@dataclass(frozen=True)
class Selection:
    """What of the events is written.

    Attributes
    ----------
    columns : collection -> name of each column -> its path in the collection
    alone : columns that belong to no collection
    left_out : fields of taggers that the file cannot hold
    """

    columns: Mapping[str, Mapping[str, Sequence[str]]]
    alone: Sequence[str]
    left_out: Sequence[str] = ()


def select(
    events: Any,
    schema: Schema,
    leptons: Mapping[str, str],
    keep: Sequence[str],
    *,
    several: bool = True,
) -> Selection:
    """Kinematics, charge and truth of the leptons, their taggers, the event's number, and `keep`.

    Of a collection in `keep`, all columns with one number per object are written.

    Parameters
    ----------
    several : whether the file holds several numbers per object, such as one for each track

    Raises
    ------
    UnknownName : the events have no collection of `keep`
    BadInput : a column of `keep` is no number
    """
    fields = columns_of(events)
    for name in keep:
        if name not in fields:
            raise UnknownName.of("--keep", "collection", name, [c for c in fields if fields[c]])
        if not fields[name] and not written.is_numeric(events[name]):
            wrong = f"column {name!r} holds {events[name].type.content}, not numbers"
            raise BadInput("--keep", wrong, (), "leave it out")
    columns: dict[str, dict[str, Sequence[str]]] = {}
    left_out: list[str] = []
    for collection in dict.fromkeys([*leptons.values(), *(k for k in keep if fields[k])]):
        plain = written.writable(events, collection, fields[collection])
        if collection not in keep:
            plain = [c for c in plain if c in _kept(schema) or c.startswith("truth_")]
        columns[collection] = {name: (name,) for name in plain}
        for tagger in _taggers(events, collection, fields[collection]):
            record = events[collection][tagger]
            for field in record.fields:
                if several or record[field].ndim == record.ndim:
                    columns[collection][f"{tagger}.{field}"] = (tagger, field)
                else:
                    left_out.append(f"{collection}.{tagger}.{field}")
    alone = [name for name in dict.fromkeys(keep) if not fields[name]]
    for identifier in schema.identifiers:
        collection, dot, column = identifier.partition(".")
        if dot and column in fields.get(collection, ()):
            columns.setdefault(collection, {})[column] = (column,)
        elif not dot and collection in fields and collection not in alone:
            alone.append(collection)
    return Selection({n: chosen for n, chosen in columns.items() if chosen}, alone, left_out)


def _kept(schema: Schema) -> set[str]:
    """Names that the kept columns have in the events."""
    renamed: dict[str, tuple[str, ...]] = {}
    for collection in schema.collections.values():
        renamed |= collection.columns
    return {name for column in schema.kept for name in (*renamed.get(column, ()), column)}


def _taggers(events: Any, collection: str, columns: Sequence[str]) -> list[str]:
    noted = [name for name, facts in notes(events).items() if "card" in facts]
    return [name for name in noted if name in columns]


class Writer:
    """Writes chunks of decorated events; the file appears when the block ends without an error.

    Parameters
    ----------
    path : ends in ``.root`` (TTree ``Events``, flat branches), ``.parquet`` (records) or ``.h5``
        (a row for each lepton, with the columns of its event)
    """

    def __init__(
        self, path: Path, schema: Schema, leptons: Mapping[str, str], keep: Sequence[str]
    ) -> None:
        if path.suffix not in SUFFIXES:
            wrong = f"unknown kind of output {path.suffix!r}"
            raise BadInput(str(path), wrong, SUFFIXES, "end the name in one of these")
        check_folder(path)
        self._path, self._schema, self._leptons, self._keep = path, schema, leptons, keep
        self._stack = ExitStack()
        self._writer: TreeWriter | ParquetWriter | H5Writer | None = None
        self._selection = Selection({}, ())

    def __enter__(self) -> Self:
        self._stack.__enter__()
        return self

    def extend(self, events: Any) -> None:
        """Append one chunk.

        Raises
        ------
        MissingColumns : it lacks what the first chunk had
        BadInput : some events are None
        """
        if self._writer is None:
            chosen = (self._schema, self._leptons, self._keep)
            self._selection = select(events, *chosen, several=self._nested)
            self._require_one_each(events)
            self._writer = self._start(self._metadata(events))
        chunk: dict[str, Any] = {}
        for collection, columns in self._selection.columns.items():
            record = written.packed(events, collection, self._named(columns))
            if self._of_event(events, collection):
                chunk |= {name: record[name] for name in record.fields}
            elif self._nested or self._by_object or record.ndim > 1:
                chunk[self._place(collection)] = record
            else:
                chunk |= {f"{collection}_{name}": record[name] for name in record.fields}
        chunk |= {name: written.values(events, name) for name in self._selection.alone}
        self._writer.extend(chunk)

    def _require_one_each(self, events: Any) -> None:
        for name in self._selection.alone if self._by_object else ():
            if events[name].ndim > 1:
                wrong = f"column {name!r} has several numbers per event, and a row is one object"
                raise BadInput("--keep", wrong, (), "leave it out, or write .parquet")

    @property
    def left_out(self) -> Sequence[str]:
        """Fields of taggers that the file does not hold: a tree holds one number per lepton."""
        return self._selection.left_out

    def _start(self, facts: str) -> TreeWriter | ParquetWriter | H5Writer:
        if self._by_object:
            return self._stack.enter_context(H5Writer(self._path, facts))
        if self._nested:
            return self._stack.enter_context(ParquetWriter(self._path, facts))
        return self._stack.enter_context(TreeWriter(self._path, facts))

    def __exit__(self, *error: Any) -> bool | None:
        return self._stack.__exit__(*error)

    @property
    def _nested(self) -> bool:
        return self._path.suffix == ".parquet"

    @property
    def _by_object(self) -> bool:
        return self._path.suffix in H5

    def _of_event(self, events: Any, collection: str) -> bool:
        """Whether the rows of all objects get the columns of this collection."""
        lepton = collection in self._leptons.values()
        return self._by_object and not lepton and events[collection].ndim == 1

    def _place(self, collection: str) -> str:
        """Name of a collection in the file."""
        for flavour, name in self._leptons.items() if self._by_object else ():
            if name == collection:
                return schemas.known()["ftag"].collections[flavour].names[0]
        return collection

    def _named(self, columns: Mapping[str, Sequence[str]]) -> dict[str, Sequence[str]]:
        joined = "." if self._nested else "_"
        return {joined.join(path): path for path in columns.values()}

    def _metadata(self, events: Any) -> str:
        alone = self._selection.alone
        facts = {
            "schema": asdict(self._schema),
            "columns": self._rows(events) if self._by_object else self._columns(),
            "alone": [] if self._by_object else alone,
            "notes": notes(events),
        }
        return json.dumps(facts)

    def _columns(self) -> dict[str, dict[str, str]]:
        """Collection -> column -> column of the file."""
        joined = "." if self._nested else "_"
        return {
            collection: {name: joined.join((collection, *path)) for name, path in paths.items()}
            for collection, paths in self._selection.columns.items()
        }

    def _rows(self, events: Any) -> dict[str, dict[str, str]]:
        """The same where each object has a row, which the columns of its event are in too."""
        chosen = self._selection.columns
        shared = list(self._selection.alone)
        shared += [name for c in chosen if self._of_event(events, c) for name in chosen[c]]
        found = {}
        for collection in (c for c in chosen if not self._of_event(events, c)):
            place = self._place(collection)
            names = {name: "_".join(path) for name, path in chosen[collection].items()}
            names = dict(zip(shared, shared, strict=True)) | names
            found[collection] = {name: f"{place}.{field}" for name, field in names.items()}
        return found
