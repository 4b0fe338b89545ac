"""Events out of files: ROOT trees and RNTuples, parquet, HDF5."""

from __future__ import annotations

import glob
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from lepid.errors import BadFile, BadInput, NoLeptons, UnknownName, near_misses
from lepid.events.layout import Layout, Source, layout
from lepid.events.objects import attach, h5, parquet, virtual
from lepid.events.schema import Schema
from lepid.root_files import open_tree

Paths = str | Path | Iterable[str | Path]
H5 = (".h5", ".hdf5")
SUFFIXES = (".root", ".parquet", *H5)
# The grid names files DAOD_PHYSLITE.1234._000001.pool.root.1
KINDS = re.compile(r".*(\.root(\.\d+)?|\.parquet|\.h5|\.hdf5)")


def expand(paths: Paths) -> list[Path]:
    """Files that the paths and glob patterns name, in order.

    Raises
    ------
    BadFile : one of them names no file, or a file of an unknown kind
    """
    found: list[Path] = []
    for path in [paths] if isinstance(paths, str | Path) else paths:
        named = Path(path).expanduser()
        is_pattern = glob.has_magic(str(named)) and not named.exists()
        matches = [Path(match) for match in sorted(glob.glob(str(named)))]
        if is_pattern and not matches:
            raise BadFile(str(named), "no file matches")
        found += matches if is_pattern else [named]
    if not found:
        raise BadFile("paths", "no file was given")
    for file in found:
        if file.is_dir():
            do = f"name its files: {file / '*.root'}"
            raise BadFile(str(file), "is a folder", (), do)
        if not file.is_file():
            raise BadFile(str(file), "no such file")
        if not KINDS.fullmatch(file.name):
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
    if path.suffix in H5:
        return h5.open_file(path, tree)
    return open_tree(path, tree)


def layout_of(
    paths: Paths, tree: str | None = None, schema: str | Path | Schema | None = None
) -> Layout:
    """Layout of the first of the files."""
    return _layout(source(expand(paths)[0], tree), schema)


def _layout(file: Source, schema: str | Path | Schema | None) -> Layout:
    return layout(file, schema or ("ftag" if Path(file.path).suffix in H5 else None))


def events_of(
    files: Sequence[Source],
    how: Layout,
    ranges: Sequence[tuple[int, int]],
    collections: Iterable[str] | None = None,
    accessed: list[str] | None = None,
) -> Any:
    """Virtual events of the entry ranges of the files; nothing is read.

    Parameters
    ----------
    collections : those to have; None for all, and the columns that belong to none
    accessed : collects the names of the columns that are read later

    Raises
    ------
    NoLeptons : a file lacks the leptons of the first
    BadInput : a column has different types
    """
    common = set(files[0].columns).intersection(*(file.columns for file in files[1:]))
    _require_leptons(files, how)
    chosen = {*how.groups, *how.alone} if collections is None else set(collections)
    length = sum(stop - start for start, stop in ranges)

    def read(name: str) -> list[Any]:
        if accessed is not None:
            accessed.append(name)
        return [f.read(name, *r) for f, r in zip(files, ranges, strict=True) if r[1] > r[0]]

    def column(name: str) -> Any:
        return virtual.column(name, [f.form(name) for f in files], length, partial(read, name))

    leads = {"pt", *(n for c in how.schema.collections.values() for n in c.columns.get("pt", ()))}
    fields = {}
    alone = {name: column(name) for name in how.alone if name in common & chosen}
    for collection, group in how.groups.items():
        columns = {n: column(f) for n, f in group.items() if f in common and collection in chosen}
        if columns:
            made = virtual.group(columns, length, f"events.{collection}", leads)
            fields[collection] = made
            tops = {name: name.partition(".")[0] for name in columns}
            alone |= {group[n]: columns[n] for n, top in tops.items() if top not in made.fields}
    present = {c: fields[c].fields for c in fields}
    notes = {t: n for t, n in how.notes.items() if t in present.get(n.get("collection"), [t])}
    attributes: dict[str, Any] = {attach.ATTRIBUTE: notes} if notes else {}
    if not how.schema.detected:
        attributes[attach.SCHEMA] = how.schema.name
    return virtual.events_of(alone | fields, length, attributes)


def _require_leptons(files: Sequence[Source], how: Layout) -> None:
    for flavour, collection in how.leptons.items():
        columns = how.groups[collection]
        pt = columns[str(how.schema.collections[flavour].find("pt", columns))]
        for file in files:
            if pt not in file.columns:
                wrong = f"no column {pt!r}, which {files[0].path} has"
                near = near_misses(pt, file.columns)
                raise NoLeptons(file.path, wrong, near, "open files of one format together")


def _require_same_taggers(files: Sequence[Source], how: Layout) -> None:
    for file in (file for file in files[1:] if file.metadata):
        other = layout(file).notes
        for tagger in (
            t for t in how.notes if "card" in how.notes[t] and "card" in other.get(t, ())
        ):
            for fact in ("card", "sha256", "fractions"):
                if how.notes[tagger].get(fact) != other[tagger].get(fact):
                    wrong = f"{tagger} has another {fact} here than in {files[0].path}"
                    raise BadInput(file.path, wrong, (), "open them one by one")


def open_events(
    paths: Paths,
    tree: str | None = None,
    entry_start: int | None = None,
    entry_stop: int | None = None,
    *,
    schema: str | Path | Schema | None = None,
    accessed: list[str] | None = None,
) -> Any:
    """Virtual events of all files together, with coffea's collection names.

    Parameters
    ----------
    paths : one file or several, `~` and glob patterns allowed; .root, .parquet or .h5
    tree : name of the tree, or of the dataset in HDF5, if lepid does not know it
    entry_start, entry_stop : range over all files; None for the ends
    schema : format, if the columns do not tell
    accessed : a list that collects the names of the columns that are read later

    Returns
    -------
    Array of records [n_event]; a column is read when its values are used.

    Raises
    ------
    BadFile, NoLeptons, AmbiguousSchema
    BadInput : the files have a column of different types, or scores of different networks
    """
    files = [source(path, tree) for path in expand(paths)]
    how = _layout(files[0], schema)
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
    _require_same_taggers([f for f, _ in chosen], how)
    return events_of([f for f, _ in chosen], how, [r for _, r in chosen], accessed=accessed)


def chunks(
    paths: Paths,
    step: int,
    tree: str | None = None,
    schema: str | Path | Schema | None = None,
    keep: Iterable[str] = (),
    *,
    around: bool = False,
) -> Iterator[tuple[Any, str, int]]:
    """(events, path, number of events) of at most `step` events each, file after file.

    The events have the lepton collections and those of `keep` only; with `around` also what
    networks take of the tracks and clusters around leptons, where the file has it.

    Raises
    ------
    BadFile, NoLeptons, AmbiguousSchema, BadInput
    """
    if step < 1:
        raise BadInput("step", f"is {step}, expected a number of events, 1 or more")
    for path in expand(paths):
        file = source(path, tree)
        how = _layout(file, schema)
        identifiers = {name.partition(".")[0] for name in how.schema.identifiers}
        wanted = {*how.leptons.values(), *identifiers, *keep}
        known = {*how.groups, *how.alone}
        wanted |= how.schema.around() if around else set()
        for name in keep:
            if name not in known:
                raise UnknownName.of(file.path, "collection or column", name, known)
        for start in range(0, max(file.n_event, 1), step):
            stop = min(start + step, file.n_event)
            yield events_of([file], how, [(start, stop)], wanted), str(path), stop - start


def count(paths: Paths, tree: str | None = None) -> int:
    """Number of events in all files."""
    return sum(source(path, tree).n_event for path in expand(paths))
