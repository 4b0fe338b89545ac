"""Which leptons events hold, under which names and in which format."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lepid.errors import NoLeptons, UnknownName
from lepid.events import schema as schemas
from lepid.events.columns import Columns
from lepid.events.objects.attach import SCHEMA, attach_columns, notes
from lepid.events.objects.flat import columns_of
from lepid.events.schema import Schema


@dataclass(frozen=True)
class Recognised:
    """Events whose format is known.

    Attributes
    ----------
    events : with lepton collections, made from flat columns if need be
    schema : Schema
    leptons : flavour -> collection
    columns : collection -> its columns
    """

    events: Any
    schema: Schema
    leptons: Mapping[str, str]
    columns: Mapping[str, list[str]]

    def finder(self, flavour: str) -> Columns:
        """The columns of the leptons of a flavour, and those behind their links."""
        return Columns(self.schema, self.leptons[flavour], self.columns)

    def flavour(self, collection: str) -> str:
        """Flavour of the leptons in `collection`.

        Raises
        ------
        UnknownName : it is no lepton collection of these events
        """
        for flavour, name in self.leptons.items():
            if name == collection:
                return flavour
        raise UnknownName.of("events", "lepton collection", collection, self.leptons.values())


def recognise(events: Any, schema: str | Path | Schema | None = None) -> Recognised:
    """The lepton collections of `events`; flat columns such as ``el_pt_NOSYS`` become one.

    Parameters
    ----------
    schema : name, file or Schema; None finds it, first in what lepid noted, also about the
        file, then in the names

    Raises
    ------
    UnknownSchema, AmbiguousSchema, UnknownName, NoLeptons, BadInput
    """
    columns = columns_of(events)
    if schema is None:
        # A schema of the user's own is known by its name only where it was given.
        noted = [str(facts.get("schema")) for facts in notes(events).values()]
        noted.append(str(events.attrs.get(SCHEMA)))
        schema = next((name for name in noted if name in schemas.known()), None)
    candidates = [schemas.load(schema)] if schema else schemas.detectable()
    if not any(candidate.leptons(columns) for candidate in candidates):
        events = _grouped(events, candidates, columns)
        columns = columns_of(events)
    chosen = candidates[0] if schema else schemas.detect(columns)
    leptons = chosen.leptons(columns)
    require(leptons, "events", chosen.name)
    return Recognised(events, chosen, leptons, columns)


def _grouped(events: Any, candidates: Iterable[Schema], columns: Mapping[str, list[str]]) -> Any:
    flat = [name for name, fields in columns.items() if not fields]
    for candidate in candidates:
        groups = candidate.group(flat)
        for collection in candidate.leptons(groups).values():
            events = attach_columns(events, collection, groups[collection])
    return events


def require(leptons: Mapping[str, str], where: str, schema: str) -> None:
    """Raise `NoLeptons` if no collection was found."""
    if not leptons:
        wrong = f"no collection of electrons or muons with a pt, as schema {schema!r} names them"
        raise NoLeptons(where, wrong, (), "give the schema= of these events")
