"""`explain`: which requirement of a working point each lepton failed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lepid.errors import BadInput, UnknownWorkingPoint
from lepid.evaluation import looked_at
from lepid.events.objects.tables import apply
from lepid.events.schema import Schema
from lepid.provenance import Decided, decided_before
from lepid.taggers.card import Card
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
    (empty if all passed, "not scored" if the lepton has no decision), and `value` and `cut` of that
    one, NaN if there is none. The cut of a sense "bit" is a mask, the value the number of a bit.

    Raises
    ------
    BadInput : the events are not decorated with it, or they store the decision itself
    UnknownWorkingPoint : the tagger has no such point here

    Source
    ------
    ours; the order of Athena's accept bits is that of the requirements in the table
    """
    done = decided_before(events, tagger, schema)
    compute = partial(_explain, done.card, _table_of(done, point), point, done.known.schema)
    return apply(done.known, done.collection, done.columns, compute)


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


def _explain(
    card: Card, table: Table, point: str, schema: Schema, columns: Columns, _: Any
) -> dict[str, Any]:
    prefix = f"{card.tagger}."
    own = {k.removeprefix(prefix): v for k, v in columns.items() if k.startswith(prefix)}
    axes, compared = looked_at(card, table, own, columns, schema, points=[point])
    scored = own["scored"].astype(np.bool_)
    # correctionlib maps NaN to the last bin: zeros stand in for leptons without a decision.
    safe = {name: np.where(scored, axis, 0.0) for name, axis in axes.items()}
    requirements = table.requirements(point)
    result: dict[str, Any] = {}
    failed = np.where(scored, "", NOT_SCORED).astype(object)
    value, cut = np.full(len(scored), np.nan), np.full(len(scored), np.nan)
    for name, requirement in zip(names(requirements), requirements, strict=True):
        cuts = table.cuts(requirement, safe)
        found = compared[requirement.quantity]
        passed = scored & SENSES[requirement.sense](found, cuts)
        first = scored & ~passed & (failed == "")
        failed[first], value[first], cut[first] = name, found[first], cuts[first]
        result[name] = passed
    return {**result, "failed": failed.astype(np.str_), "value": value, "cut": cut}
