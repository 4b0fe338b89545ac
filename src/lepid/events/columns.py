"""Which columns a collection of events has, and those that its links lead to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from lepid.errors import MissingColumns
from lepid.events.schema import Schema, present, stored_in


class Place(NamedTuple):
    """One column of events; both names are theirs."""

    collection: str
    column: str


@dataclass(frozen=True)
class Columns:
    """The columns of a collection, under lepid's names.

    ``a.b`` is the column b of what the link a points to, if the format has such a link.

    Attributes
    ----------
    schema : Schema
    collection : str
    events : collection -> its columns, for all of the events
    """

    schema: Schema
    collection: str
    events: Mapping[str, Iterable[str]]

    def find(self, column: str) -> str | None:
        """Name of lepid's `column` in the events, or None; ``a.b`` stays ``a.b``."""
        places, absent = self.places(column)
        return None if absent else ".".join([place.column for place in places])

    def places(self, column: str) -> tuple[tuple[Place, ...], tuple[Place, ...]]:
        """The links in `column` and what it ends in, up to the first that is absent, and that.

        A number that is found in a vector by another column may lack both.
        """
        found: list[Place] = []
        where = self.collection
        links, last = self.schema.route(column)
        for name in (*links, last):
            names = self.schema.names(where, name)
            there = present(names, self.there(where))
            if there is None:
                lost = (n for n in stored_in(names[0]) if n not in self.there(where))
                return tuple(found), tuple(Place(where, n) for n in lost)
            found.append(Place(where, there))
            where = self.schema.links.get(name, "")
        return tuple(found), ()

    def follows(self, column: str) -> bool:
        """Whether the format has the link of ``a.b``; true for what has none."""
        return "." not in column or bool(self.schema.route(column)[0])

    def there(self, collection: str) -> list[str]:
        """Columns of a collection; none if the events do not have it."""
        return list(self.events.get(collection, ()))

    def constituents(self, kind: str) -> Columns | None:
        """The columns of the constituents of a kind, None if the format has none.

        If the events lack them, those of a collection without columns.
        """
        if kind not in self.schema.constituents:
            return None
        names = self.schema.constituents[kind].names
        name = next((name for name in names if name in self.events), names[0])
        return Columns(self.schema, name, self.events)

    def require(self, needs: Mapping[str, str]) -> dict[str, str]:
        """Column -> its name in the events, for each of `needs`: column -> why.

        Raises
        ------
        MissingColumns : lists all that are not there
        """
        return required([(self, needs)])[0]


def required(needs: Iterable[tuple[Columns, Mapping[str, str]]]) -> list[dict[str, str]]:
    """Column -> its name in the events, for all needs of several collections: column -> why.

    Raises
    ------
    MissingColumns : lists all that are not there, of all collections
    """
    found: list[dict[str, str]] = []
    missing: dict[str, dict[str, str]] = {}
    for columns, wanted in needs:
        names = {column: columns.find(column) for column in wanted}
        for column in (column for column, name in names.items() if name is None):
            for where, absent in columns.places(column)[1]:
                missing.setdefault(where, {}).setdefault(absent, wanted[column])
        found.append({column: str(name) for column, name in names.items()})
    if missing:
        raise MissingColumns.in_collections(missing, columns.events)
    return found
