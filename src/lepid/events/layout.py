"""Which columns of a file make which collection."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from lepid.errors import AmbiguousSchema, BadFile, NoLeptons, near_misses
from lepid.events import schema as schemas
from lepid.events.schema import Schema


class Source(Protocol):
    """What a file of any kind offers."""

    @property
    def path(self) -> str:
        """Where it lies."""

    @property
    def n_event(self) -> int:
        """Number of events."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of its columns."""

    @property
    def metadata(self) -> str:
        """What lepid stored when it wrote the file, else empty."""

    def form(self, column: str) -> Any:
        """Awkward form of a column; nothing is read."""

    def read(self, column: str, start: int, stop: int) -> Any:
        """Array of a column for events [`start`, `stop`)."""


@dataclass(frozen=True)
class Layout:
    """How the columns of a file become collections.

    Attributes
    ----------
    schema : Schema
    groups : collection -> column -> column of the file; ``tagger.field`` is in a record `tagger`
    alone : columns of the file that belong to no collection
    leptons : flavour -> collection
    notes : what lepid noted when it wrote the file
    """

    schema: Schema
    groups: Mapping[str, Mapping[str, str]]
    alone: tuple[str, ...]
    leptons: Mapping[str, str]
    notes: Mapping[str, Any] = field(default_factory=dict)


def layout(file: Source, schema: str | Path | Schema | None = None) -> Layout:
    """How the columns of `file` become collections.

    Raises
    ------
    NoLeptons : no lepton collection
    AmbiguousSchema : collections of several formats
    """
    if file.metadata:
        return _own_layout(file)
    candidates = [schemas.load(schema)] if schema else schemas.detectable()
    grouped = {s.name: _groups(s, file.columns) for s in candidates}
    leptons = {s.name: s.leptons(grouped[s.name]) for s in candidates}
    fitting = {name: list(found.values()) for name, found in leptons.items() if found}
    if len(fitting) > 1:
        raise AmbiguousSchema.of(fitting)
    if not fitting:
        raise _no_leptons(file, candidates)
    chosen = next(s for s in candidates if s.name in fitting)
    groups = grouped[chosen.name]
    used = {name for columns in groups.values() for name in columns.values()}
    counters = {f"n{name}" for name in groups}
    alone = tuple(c for c in file.columns if c not in used and c not in counters)
    return Layout(chosen, groups, alone, leptons[chosen.name])


def _groups(schema: Schema, names: Iterable[str]) -> dict[str, dict[str, str]]:
    """Collections by the pattern of the schema, or by their names, as parquet has them."""
    groups = schema.group(names)
    if schema.leptons(groups):
        return groups
    dotted: dict[str, dict[str, str]] = {}
    for name in names:
        collection, dot, column = name.partition(".")
        if dot:
            dotted.setdefault(collection, {})[column] = name
    return dotted


def _no_leptons(file: Source, candidates: Iterable[Schema]) -> NoLeptons:
    shown = ", ".join(file.columns[:8]) + (", ..." if len(file.columns) > 8 else "")
    flavours = dict.fromkeys(f"{each}s" for s in candidates for each in s.collections)
    kinds = " or ".join(filter(None, [", ".join([*flavours][:-1]), [*flavours][-1]]))
    wrong = f"no collection of {kinds} with a pt; it holds {shown or 'nothing'}"
    names = [n for s in candidates for c in s.collections.values() for n in c.names]
    tops = [re.split(r"[._:]|Aux", name)[0] for name in file.columns]
    near = dict.fromkeys(match for name in names for match in near_misses(name, tops))
    do = "give schema= if the leptons have other names, or tree= if they are in another tree"
    return NoLeptons(file.path, wrong, list(near), do)


def _own_layout(file: Source) -> Layout:
    """Layout of a file that lepid wrote.

    Raises
    ------
    BadFile : what it stored is not what lepid stores
    """
    there = set(file.columns)
    try:
        facts = json.loads(file.metadata)
        chosen = schemas.from_data(facts["schema"], file.path)
        groups, alone, notes = facts["columns"], tuple(facts["alone"]), facts["notes"]
    except (ValueError, KeyError, TypeError) as error:
        wrong = f"the record of lepid in it cannot be read ({type(error).__name__}: {error})"
        raise BadFile(file.path, wrong, (), "write it anew with lepid decorate") from error
    # Of the datasets of an HDF5 file, one is open: the others are as if they were not there.
    shut = [name for name, columns in groups.items() if there.isdisjoint(columns.values())]
    groups = {name: columns for name, columns in groups.items() if name not in shut}
    notes = {tagger: note for tagger, note in notes.items() if note.get("collection") not in shut}
    return Layout(chosen, groups, alone, chosen.leptons(groups), notes)
