"""What a format calls its collections and columns, and in which units; `detect` finds it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from lepid.errors import AmbiguousSchema, BadInput, UnknownName, UnknownSchema
from lepid.units import FACTORS, dimension

FLAVOURS = ("electron", "muon", "jet")
# What networks take beside leptons.
KINDS = (
    "track", "electron_track", "combined_track", "muon_spectrometer_track", "cluster", "vertex",
    "secondary_vertex", "muon_secondary_vertex", "electron_secondary_vertex", "candidate", "jet",
    "track_jet", "event",
)  # fmt: skip
_LISTS = ("aliases", "identifiers", "kept")


def present(names: Iterable[str], available: Iterable[str]) -> str | None:
    """The first of the names that is among the available columns, or None."""
    there = set(available)
    return next((name for name in names if there.issuperset(stored_in(name))), None)


def stored_in(name: str) -> tuple[str, ...]:
    """The columns that hold ``a``, ``a[3]`` or ``a[b=2]``."""
    vector, _, place = name.partition("[")
    key, equals, _ = place.partition("=")
    return (vector, key) if equals else (vector,)


@dataclass(frozen=True)
class Collection:
    """The leptons of one flavour, or the constituents of one kind, in one format.

    Attributes
    ----------
    flavour : one of `FLAVOURS` or `KINDS`
    names : what events may call the collection; the first is the one that `lepid.open` gives
    columns : lepid's name of a column -> names in this format, the first found is taken; a
        column that is not listed has the same name in both. ``a[3]`` is the number at place 3 of
        a vector ``a``; ``a[b=2]`` is the one at the place where the vector ``b`` is 2, or, if
        ``b`` is one number for each object, the one that belongs to its bit 2
    """

    flavour: str
    names: tuple[str, ...]
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def find(self, column: str, available: Iterable[str]) -> str | None:
        """Name under which `available` holds lepid's `column`, or None."""
        return present(self.columns.get(column, (column,)), available)


@dataclass(frozen=True)
class Schema:
    """One event format.

    Attributes
    ----------
    name : str; `aliases` are accepted for it
    experiment : "atlas", "cms" or ""
    units : what is measured ("energy", "length") -> unit in this format
    collections : flavour -> Collection
    pattern : regular expression with groups `collection` and `column`, which takes a flat column
        name apart; empty if files of this format have no flat columns. Of two values of a third
        group, `container`, in one collection, the first in the file is taken
    detected : whether `detect` may choose it without being told
    identifiers : columns that identify an event, with "." for a column of a collection
    kept : lepton columns that a decorated file keeps
    constituents : kind -> Collection
    links : column of links -> collection of which it names the rows; ``<collection>.<column>``
        where that is another one for each collection
    keys : collection -> its key in links, where links lead to other collections too
    """

    name: str
    experiment: str
    units: Mapping[str, str]
    collections: Mapping[str, Collection]
    aliases: tuple[str, ...] = ()
    pattern: str = ""
    detected: bool = True
    identifiers: tuple[str, ...] = ()
    kept: tuple[str, ...] = ("pt", "eta", "phi", "charge")
    constituents: Mapping[str, Collection] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)
    keys: Mapping[str, int] = field(default_factory=dict)

    def unit(self, like: str) -> str:
        """Unit of this format for what `like` measures; `like` itself if the format sets none.

        Raises
        ------
        UnknownName : `like` is not a unit
        """
        return self.units.get(dimension(like), like)

    def target(self, collection: str, link: str) -> str:
        """The collection of which a column of links of `collection` names the rows."""
        return self.links.get(f"{collection}.{link}") or self.links[link]

    def group(self, names: Iterable[str]) -> dict[str, dict[str, str]]:
        """Collection -> column -> flat name, for the names that fit the pattern."""
        grouped: dict[str, dict[str, str]] = {}
        containers: dict[str, str] = {}
        for name in names:
            match = re.fullmatch(self.pattern, name) if self.pattern else None
            if match:
                # AnalysisMuons and Muons in one file are two containers: the first one is meant.
                container = match.groupdict().get("container", "")
                if containers.setdefault(match["collection"], container) == container:
                    grouped.setdefault(match["collection"], {}).setdefault(match["column"], name)
        return grouped

    def names(self, collection: str, column: str) -> tuple[str, ...]:
        """What a collection of events may call lepid's `column`, the first found is taken."""
        for known in (*self.collections.values(), *self.constituents.values()):
            if collection in known.names:
                return known.columns.get(column, (column,))
        return (column,)

    def route(self, column: str) -> tuple[list[str], str]:
        """The links that ``a.b.c`` begins with, and the column behind them, which may have dots."""
        links: list[str] = []
        name, dot, rest = column.partition(".")
        while dot and name in self.links:
            links.append(name)
            column = rest
            name, dot, rest = column.partition(".")
        return links, column

    def around(self) -> set[str]:
        """Collections that networks may need beside those of leptons."""
        return {*self.links.values(), *(n for c in self.constituents.values() for n in c.names)}

    def leptons(self, columns: Mapping[str, Iterable[str]]) -> dict[str, str]:
        """Flavour -> collection, for the collections among `columns` that have a pt.

        `columns` maps each collection of the events to the names of its columns.
        """
        found: dict[str, str] = {}
        for flavour, collection in self.collections.items():
            for name in collection.names:
                if name in columns and collection.find("pt", columns[name]):
                    found[flavour] = name
                    break
        return found


def from_data(data: Mapping[str, Any], where: str) -> Schema:
    """The schema whose fields `data` holds, as TOML or JSON have them.

    Raises
    ------
    UnknownName : a key, a unit or a flavour that lepid does not know
    BadInput : something else is wrong with it
    """
    keys = [f.name for f in fields(Schema)]
    _require_known(where, "key", [k for k in data if k != "description"], keys)
    try:
        values = {k: v for k, v in data.items() if k in keys}
        values |= {k: tuple(values[k]) for k in _LISTS if k in values}
        values["collections"] = _collections(data["collections"])
        values["constituents"] = _collections(data.get("constituents", {}))
        schema = Schema(**values)
        groups = re.compile(schema.pattern).groupindex
    except (KeyError, TypeError, AttributeError, re.error) as error:
        wrong = f"not a schema: {type(error).__name__}: {error}"
        raise BadInput(where, wrong, (), "compare with the schemas that lepid ships") from error
    if schema.pattern and not {"collection", "column"} <= set(groups):
        raise BadInput(where, "the pattern has no groups (?P<collection>...) and (?P<column>...)")
    _require_known(where, "flavour", schema.collections, FLAVOURS)
    _require_known(where, "kind of constituents", schema.constituents, KINDS)
    _require_known(where, "unit", schema.units.values(), [name for name in FACTORS if name])
    _require_known(where, "measure", schema.units, {kind for kind, _ in FACTORS.values()})
    return schema


def _collections(entries: Mapping[str, Any]) -> dict[str, Collection]:
    return {
        flavour: Collection(
            flavour,
            tuple(entry["names"]),
            {k: tuple(v) for k, v in entry.get("columns", {}).items()},
        )
        for flavour, entry in entries.items()
    }


def _require_known(where: str, kind: str, names: Iterable[str], known: Iterable[str]) -> None:
    for name in names:
        if name not in known:
            raise UnknownName.of(where, kind, name, known)


def _from_toml(text: str, where: str) -> Schema:
    try:
        return from_data(tomllib.loads(text), where)
    except tomllib.TOMLDecodeError as error:
        wrong = f"not a schema: {type(error).__name__}: {error}"
        raise BadInput(where, wrong, (), "correct the line") from error


@cache
def known() -> dict[str, Schema]:
    """The schemas that lepid ships, by name."""
    folder = files("lepid.events") / "schemas"
    order = ("physlite", "nanoaod", "ntuple", "delphes", "ftag", "plain")
    return {
        name: _from_toml((folder / f"{name}.toml").read_text(encoding="utf-8"), name)
        for name in order
    }


def detectable() -> list[Schema]:
    """The schemas that may be chosen without being named."""
    return [schema for schema in known().values() if schema.detected]


def load(schema: str | Path | Schema) -> Schema:
    """The schema of this name, of the TOML file at this path, or the one given.

    Raises
    ------
    UnknownName : no schema has this name
    BadInput : the file is not a schema
    """
    if isinstance(schema, Schema):
        return schema
    by_name = {alias: s for s in known().values() for alias in (s.name, *s.aliases)}
    if str(schema) in by_name:
        return by_name[str(schema)]
    path = Path(schema)
    if path.suffix == ".toml":
        if not path.is_file():
            raise BadInput(str(path), "no such schema file", (), "check the path")
        return _from_toml(path.read_text(encoding="utf-8"), str(path))
    raise UnknownName.of("schema", "schema", str(schema), by_name)


def detect(columns: Mapping[str, Iterable[str]]) -> Schema:
    """The schema whose lepton collections are among `columns`: collection -> its column names.

    Raises
    ------
    AmbiguousSchema : collections of several formats are there
    UnknownSchema : collections of none are
    """
    candidates = detectable()
    matches = {s.name: list(s.leptons(columns).values()) for s in candidates}
    matches = {name: leptons for name, leptons in matches.items() if leptons}
    if len(matches) > 1:
        raise AmbiguousSchema.of(matches)
    if not matches:
        names = {s.name: [c.names[0] for c in s.collections.values()] for s in candidates}
        raise UnknownSchema.of(list(columns), names)
    return known()[next(iter(matches))]
