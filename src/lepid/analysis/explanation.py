"""`explain`: which requirement of a working point each lepton failed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lepid.deciding import looked_at
from lepid.errors import BadInput, UnknownWorkingPoint
from lepid.events.objects.tables import apply
from lepid.events.schema import Schema
from lepid.features import definitions
from lepid.provenance import Decided, Decorated, decided_before, decorated_before
from lepid.taggers.card import Card
from lepid.taggers.card_outputs import Decision
from lepid.taggers.card_valid import Valid
from lepid.working_points.table import SENSES, Requirement, Table

Columns = Mapping[str, npt.NDArray[Any]]
Bools = npt.NDArray[np.bool_]
NOT_SCORED = "not scored"
MASK, PASSED, SCORED = "<mask>", "<passed>", "<scored>"


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
    sense "bit" is a mask, the value the number of a bit. Of a decision that the file stores, the
    requirements are the bits of the mask beside it, under the names of the card; `value` and `cut`
    are NaN, for no file holds them.

    For a lepton that has no decision `failed` is "not scored", with the first condition of the card
    that it does not fulfil if that is why: "not scored: pt >= 4 GeV".

    Raises
    ------
    BadInput : the events are not decorated with it; they store the decision and no mask of what
        was failed, or one that contradicts the decision
    UnknownWorkingPoint : the tagger has no such point here

    Source
    ------
    ours; the order of Athena's accept bits is that of the requirements in the table
    """
    found = decorated_before(events, tagger, schema)
    points = found.facts["working_points"]
    if point not in points:
        raise UnknownWorkingPoint.of(f"tagger {found.card.tagger}", "working point", point, points)
    stored = [decision for decision in found.card.decisions if decision.name == point]
    if stored:
        return _of_mask(found, stored[0])
    done = decided_before(events, tagger, schema)
    table = next(table for table in done.tables if point in table.points)
    conditions, columns = _conditions(done)
    asked = _Asked(done.card, table, point, done.known.schema, conditions)
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


# --- decisions that a file stores ---------------------------------------------------------------


def _of_mask(found: Decorated, decision: Decision) -> Any:
    """Requirements out of the bits of the mask beside a stored decision."""
    columns = found.known.finder(found.known.flavour(found.collection))
    mask = next(filter(columns.find, decision.mask), None)
    if mask is None:
        wrong = f"the events store the decision {decision.name} itself, not what it was made of"
        wrong += f", and have no {' or '.join(decision.mask)}" if decision.mask else ""
        do = f"use events[{found.collection!r}][{found.card.tagger!r}]"
        raise BadInput(f"tagger {found.card.tagger}", wrong, (), do)
    bits = next(b for b in found.card.bits if not b.beside or any(map(columns.find, b.beside)))
    taken = {
        MASK: str(columns.find(mask)),
        PASSED: found.record[decision.name],
        SCORED: found.record["scored"],
    }
    where = f"events.{found.collection}[{mask!r}]"
    compute = partial(_explain_mask, bits.names, where, decision.name)
    return apply(found.known, found.collection, taken, compute)


def _explain_mask(
    requirements: Sequence[str], where: str, point: str, columns: Columns, _: Any
) -> dict[str, Any]:
    scored: Bools = columns[SCORED].astype(np.bool_) & np.isfinite(columns[MASK])
    mask = np.where(scored, columns[MASK], 0).astype(np.int64)
    _check_mask(mask, columns[PASSED].astype(np.bool_) | ~scored, len(requirements), where, point)
    result: dict[str, Any] = {}
    failed = np.where(scored, "", NOT_SCORED).astype(object)
    for bit, name in enumerate(requirements):
        passed = scored & ((mask >> bit) & 1 == 0)
        failed[scored & ~passed & (failed == "")] = name
        result[name] = passed
    unknown = np.full(len(scored), np.nan)
    return {**result, "failed": failed.astype(np.str_), "value": unknown, "cut": unknown}


def _check_mask(
    mask: npt.NDArray[np.int64], passed: Bools, n_bit: int, where: str, point: str
) -> None:
    """Raise `BadInput` where a mask contradicts the decision, or has bits without a name."""
    more = np.flatnonzero(mask >> n_bit)
    if len(more):
        wrong = f"{mask[more[0]]:#b} has more bits than the {n_bit} that the card names"
        wrong += f" ({len(more)} of {len(mask)} leptons)"
        raise BadInput(where, wrong, (), "use the decision; the mask is of another version")
    apart = np.flatnonzero(passed != (mask == 0))
    if len(apart):
        wrong = f"{mask[apart[0]]:#b} contradicts {point}, which is {passed[apart[0]]}"
        wrong += f" ({len(apart)} of {len(mask)} leptons)"
        raise BadInput(where, wrong, (), "find out which of the two columns is wrong")
