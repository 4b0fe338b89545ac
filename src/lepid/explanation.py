"""`explain`: which requirement of a working point each lepton failed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lepid.errors import BadInput, UnknownWorkingPoint
from lepid.evaluation import looked_at
from lepid.events.objects.tables import apply
from lepid.events.schema import Schema
from lepid.features import definitions
from lepid.provenance import Decided, decided_before
from lepid.taggers.card import Card
from lepid.taggers.card_valid import Valid
from lepid.working_points.table import SENSES, Requirement, Table

Columns = Mapping[str, npt.NDArray[Any]]
NOT_SCORED = "not scored"


def explain(
    events: Any, tagger: str, point: str, *, schema: str | Path | Schema | None = None
) -> Any:
    """Which requirement of a working point each lepton of decorated events failed.

    Parameters
    ----------
    tagger : name that the events are decorated with
    point : name of the working point
    schema : format of the events, if the names do not tell

    Returns
    -------
    Record array, jagged like the collection. A boolean for each requirement, in the order of the
    table, under the name of what it compares; then `failed`, the name of the first that failed
    (empty if all passed), and `value` and `cut` of that one, NaN if there is none. The cut of a
    sense "bit" is a mask, the value the number of a bit.

    For a lepton that has no decision `failed` is "not scored", with the first condition of the card
    that it does not fulfil if that is why: "not scored: pt >= 4 GeV".

    Raises
    ------
    BadInput : the events are not decorated with it, or they store the decision itself
    UnknownWorkingPoint : the tagger has no such point here

    Source
    ------
    ours; the order of Athena's accept bits is that of the requirements in the table
    """
    done = decided_before(events, tagger, schema)
    conditions, columns = _conditions(done)
    asked = _Asked(done.card, _table_of(done, point), point, done.known.schema, conditions)
    return apply(done.known, done.collection, {**columns, **done.columns}, partial(_explain, asked))


class _Asked(NamedTuple):
    """What is explained, and the conditions on leptons that the events can answer."""

    card: Card
    table: Table
    point: str
    schema: Schema
    conditions: Sequence[Valid]


def _conditions(done: Decided) -> tuple[list[Valid], dict[str, str]]:
    """Conditions of the card that these events can answer, and the columns for that."""
    find = done.known.finder(done.known.flavour(done.collection))
    networks = done.card.networks if done.source == "network" else ()
    # With several networks, the conditions are those of one of them.
    conditions = networks[0].valid if len(networks) == 1 else ()
    found = [c for c in conditions if definitions.can(c.feature, find.find)]
    needs = {column: c.doc for c in found for column in definitions.needs(c.feature)}
    return found, find.require(definitions.resolve(needs, find.find))


def _table_of(done: Decided, point: str) -> Table:
    """The table that has the point."""
    where = f"tagger {done.card.tagger}"
    for table in done.tables:
        if point in table.points:
            return table
    if point in {decision.name for decision in done.card.decisions}:
        wrong = f"the events store the decision {point} itself, not what it was made of"
        raise BadInput(where, wrong, (), f"use events[{done.collection!r}][{done.card.tagger!r}]")
    points = [name for table in done.tables for name in table.points]
    raise UnknownWorkingPoint.of(where, "working point", point, points)


def names(requirements: Sequence[Requirement]) -> list[str]:
    """Name of each requirement: what it compares, with sense and correction if that comes twice."""
    compared = Counter(r.quantity for r in requirements)
    return [
        r.quantity if compared[r.quantity] == 1 else f"{r.quantity} {r.sense} {r.correction}"
        for r in requirements
    ]


def _explain(asked: _Asked, columns: Columns, _: Any) -> dict[str, Any]:
    card, table, point, schema, conditions = asked
    prefix = f"{card.tagger}."
    own = {k.removeprefix(prefix): v for k, v in columns.items() if k.startswith(prefix)}
    axes, compared = looked_at(card, table, own, columns, schema, points=[point])
    scored = own["scored"].astype(np.bool_)
    # correctionlib maps NaN to the last bin: zeros stand in for leptons without a decision.
    safe = {name: np.where(scored, axis, 0.0) for name, axis in axes.items()}
    requirements = table.requirements(point)
    result: dict[str, Any] = {}
    failed = np.where(scored, "", NOT_SCORED).astype(object)
    for condition in conditions:
        looked = definitions.evaluate(condition.feature, condition.unit, columns, schema.unit)
        failed[(failed == NOT_SCORED) & ~condition.holds(looked)] = f"{NOT_SCORED}: {condition.doc}"
    value, cut = np.full(len(scored), np.nan), np.full(len(scored), np.nan)
    for name, requirement in zip(names(requirements), requirements, strict=True):
        cuts = table.cuts(requirement, safe)
        found = compared[requirement.quantity]
        passed = scored & SENSES[requirement.sense](found, cuts)
        first = scored & ~passed & (failed == "")
        failed[first], value[first], cut[first] = name, found[first], cuts[first]
        result[name] = passed
    return {**result, "failed": failed.astype(np.str_), "value": value, "cut": cut}
