"""Events out of files: ROOT trees and RNTuples, parquet."""

from __future__ import annotations

import glob
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from lepid.errors import AmbiguousSchema, BadFile, BadInput, NoLeptons
from lepid.events import schema as schemas
from lepid.events.objects import attach, parquet, virtual
from lepid.events.objects.flat import columns_of
from lepid.events.recognise import require
from lepid.root_files import open_tree
from lepid.events.schema import Schema

Paths = str | Path | Iterable[str | Path]
SUFFIXES = (".root", ".parquet")


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

    def arrays(
        self, columns: Iterable[str], start: int, stop: int, accessed: list[Any] | None = None
    ) -> Any:
        """Virtual record array of `columns` for events [`start`, `stop`)."""


@dataclass(frozen=True)
class Layout:
    """How the flat columns of a file become collections.

    Attributes
    ----------
    schema : Schema
    groups : collection -> column -> flat name
    nested : collection -> tagger -> field -> flat name, in files that lepid wrote
    alone : columns that belong to no collection
    leptons : flavour -> collection
    notes : what lepid noted when it wrote the file
    """

    schema: Schema
    groups: Mapping[str, Mapping[str, str]]
    nested: Mapping[str, Mapping[str, Mapping[str, str]]]
    alone: tuple[str, ...]
    leptons: Mapping[str, str]
    notes: Mapping[str, Any]


def expand(paths: Paths) -> list[Path]:
    """Files that the paths and glob patterns name, in order.

    Raises
    ------
    BadFile : one of them names no file, or a file of an unknown kind
    """
    found: list[Path] = []
    for path in [paths] if isinstance(paths, str | Path) else paths:
        text = str(Path(path).expanduser())
        matches = sorted(glob.glob(text)) if glob.has_magic(text) else [text]
        if not matches:
            raise BadFile(text, "no file matches")
        found += [Path(match) for match in matches]
    if not found:
        raise BadFile("paths", "no file was given")
    for file in found:
        if not file.is_file():
            raise BadFile(str(file), "no such file")
        if file.suffix not in SUFFIXES:
            raise BadFile(str(file), f"unknown kind {file.suffix!r}", SUFFIXES, "use one of these")
    return found


def source(path: Path, tree: str | None = None) -> Source:
    """The events of one file.

    Raises
    ------
    BadFile, NoLeptons
    """
    if path.suffix == ".parquet":
        return parquet.open_file(path)
    return open_tree(path, tree)


def layout(file: Source, schema: str | Path | Schema | None = None) -> Layout:
    """How the columns of `file` become collections.

    Raises
    ------
    NoLeptons : no lepton collection
    AmbiguousSchema : collections of several formats
    """
    if file.metadata:
        facts = json.loads(file.metadata)
        flat = not file.path.endswith(".parquet")
        return _own_layout(facts) if flat else _nested_layout(file, facts["schema"], facts["notes"])
    candidates = [schemas.load(schema)] if schema else list(schemas.known().values())
    groups = {s.name: s.group(file.columns) for s in candidates if s.detected or schema}
    leptons = {s.name: s.leptons(groups[s.name]) for s in candidates if s.name in groups}
    fitting = {name: list(found.values()) for name, found in leptons.items() if found}
    if len(fitting) > 1:
        raise AmbiguousSchema.of(fitting)
    if not fitting:
        return _nested_layout(file, schema, {})
    chosen = next(s for s in candidates if s.name in fitting)
    found = groups[chosen.name]
    used = {name for columns in found.values() for name in columns.values()}
    counters = {f"n{name}" for name in found}
    alone = tuple(c for c in file.columns if c not in used and c not in counters)
    return Layout(chosen, found, {}, alone, leptons[chosen.name], {})


def layout_of(
    paths: Paths, tree: str | None = None, schema: str | Path | Schema | None = None
) -> Layout:
    """Layout of the first of the files."""
    return layout(source(expand(paths)[0], tree), schema)


def _nested_layout(
    file: Source, schema: str | Path | Schema | None, notes: Mapping[str, Any]
) -> Layout:
    """Layout of a file whose columns are collections already, as parquet has them."""
    records = file.arrays(file.columns, 0, 0)
    columns = columns_of(records) if records.fields else {}
    names = {name: fields for name, fields in columns.items() if fields}
    if not names:
        shown = ", ".join(file.columns[:8]) or "nothing"
        wrong = f"no collection of electrons or muons; it holds {shown}"
        raise NoLeptons(file.path, wrong, (), "give schema= if the leptons have other names")
    chosen = schemas.load(schema) if schema else schemas.detect(names)
    leptons = chosen.leptons(names)
    require(leptons, file.path, chosen.name)
    return Layout(chosen, {}, {}, file.columns, leptons, notes)


def _own_layout(facts: Mapping[str, Any]) -> Layout:
    """Layout of the flat branches that lepid wrote."""
    groups = {c: {n: f"{c}_{n}" for n in names} for c, names in facts["columns"].items()}
    nested = {
        collection: {t: {f: f"{collection}_{t}_{f}" for f in fs} for t, fs in taggers.items()}
        for collection, taggers in facts["taggers"].items()
    }
    chosen = schemas.load(facts["schema"])
    alone = tuple(facts["alone"])
    return Layout(chosen, groups, nested, alone, chosen.leptons(groups), facts["notes"])


def events_of(
    files: Sequence[Source],
    how: Layout,
    ranges: Sequence[tuple[int, int]],
    collections: Iterable[str] | None = None,
    accessed: list[Any] | None = None,
) -> Any:
    """Virtual events of the entry ranges of the files; nothing is read.

    Parameters
    ----------
    collections : those to have; None for all, and the columns that belong to none
    accessed : collects what is read later
    """
    chosen = None if collections is None else set(collections)
    groups = {c: g for c, g in how.groups.items() if chosen is None or c in chosen}
    alone = tuple(c for c in how.alone if chosen is None or c in chosen)
    nested = {c: how.nested.get(c, {}) for c in groups}
    wanted = {name for group in groups.values() for name in group.values()} | set(alone)
    wanted |= {f for taggers in nested.values() for fs in taggers.values() for f in fs.values()}
    common = wanted.intersection(*(file.columns for file in files))
    parts = [
        file.arrays(common, start, stop, accessed)
        for file, (start, stop) in zip(files, ranges, strict=True)
    ]
    flat = virtual.join(parts, files[0].path)
    length = sum(stop - start for start, stop in ranges)
    fields = {}
    for collection, group in groups.items():
        columns = {n: flat[f] for n, f in group.items() if f in common}
        if columns:
            fields[collection] = virtual.group(columns, length)
            for tagger, names in nested[collection].items():
                inner = virtual.group({n: flat[f] for n, f in names.items()}, length)
                fields[collection] = attach.attach_field(fields[collection], tagger, inner)
    fields |= {name: flat[name] for name in alone if name in common}
    attrs = {attach.ATTRIBUTE: dict(how.notes)} if how.notes else {}
    return virtual.events_of(fields, length, attrs)


def open_events(
    paths: Paths,
    tree: str | None = None,
    entry_start: int | None = None,
    entry_stop: int | None = None,
    *,
    schema: str | Path | Schema | None = None,
    accessed: list[Any] | None = None,
) -> Any:
    """Virtual events of all files together, with coffea's collection names.

    Parameters
    ----------
    paths : one file or several, `~` and glob patterns allowed; .root or .parquet
    tree : name of the tree, if lepid does not know it
    entry_start, entry_stop : range over all files; None for the ends
    schema : format, if the columns do not tell
    accessed : a list that collects what is read later

    Returns
    -------
    Array of records [n_event]; a column is read when its values are used.

    Raises
    ------
    BadFile, NoLeptons, AmbiguousSchema, BadInput
    """
    files = [source(path, tree) for path in expand(paths)]
    how = layout(files[0], schema)
    total = sum(file.n_event for file in files)
    start, stop, _ = slice(entry_start, entry_stop).indices(total)
    ranges, first = [], 0
    for file in files:
        low = min(max(start - first, 0), file.n_event)
        high = min(max(stop - first, low), file.n_event)
        ranges.append((low, high))
        first += file.n_event
    chosen = [(f, r) for f, r in zip(files, ranges, strict=True) if r[1] > r[0]]
    chosen = chosen or [(files[0], (0, 0))]
    return events_of([f for f, _ in chosen], how, [r for _, r in chosen], accessed=accessed)


def chunks(
    paths: Paths,
    step: int,
    tree: str | None = None,
    schema: str | Path | Schema | None = None,
    keep: Iterable[str] = (),
) -> Iterator[tuple[Any, str, int]]:
    """(events, path, number of events) of at most `step` events each, file after file.

    The events have the lepton collections and those of `keep` only.

    Raises
    ------
    BadFile, NoLeptons, AmbiguousSchema, BadInput
    """
    if step < 1:
        raise BadInput("step", f"is {step}, expected a number of events, 1 or more")
    for path in expand(paths):
        file = source(path, tree)
        how = layout(file, schema)
        identifiers = {name.partition(".")[0] for name in how.schema.identifiers}
        wanted = {*how.leptons.values(), *identifiers, *keep}
        for start in range(0, max(file.n_event, 1), step):
            stop = min(start + step, file.n_event)
            yield events_of([file], how, [(start, stop)], wanted), str(path), stop - start


def count(paths: Paths, tree: str | None = None) -> int:
    """Number of events in all files."""
    return sum(source(path, tree).n_event for path in expand(paths))
