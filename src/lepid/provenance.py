"""Where the scores and decisions of events came from: what is noted, found again and printed."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from lepid.errors import BadInput, near_misses
from lepid.events.objects.attach import notes
from lepid.events.recognise import Recognised, recognise
from lepid.events.schema import Schema
from lepid.taggers import catalogue, session
from lepid.taggers import plan as plans
from lepid.taggers.card import Card
from lepid.taggers.plan import Plan
from lepid.working_points import table as working_points
from lepid.working_points.table import Table

IMPACT = "impact_parameters"


def facts_of(plan: Plan, schema: Schema, collection: str) -> dict[str, Any]:
    """What `decorate` notes about a tagger; plain values, which pickle and JSON take."""
    return {
        "card": plan.card.name,
        "collection": collection,
        "schema": schema.name,
        "source": plan.source,
        "scores": list(plan.stored.values()) or [path for _, path, _ in plan.networks],
        "sha256": [digest for _, _, digest in plan.networks],
        "provider": plan.provider,
        "threads": session.threads(plan.options.threads) if plan.provider else 0,
        IMPACT: plan.around.impact,
        "scored": list(dict.fromkeys(c.doc for part, _, _ in plan.networks for c in part.valid)),
        "decisions": list(plan.decisions.values()),
        "tables": [table.path for table in plan.tables],
        "working_points": [*plan.decisions, *(p for table in plan.tables for p in table.points)],
        "fractions": {name: value.tolist() for name, value in plan.fractions.items()},
        "reasons": list(plan.reasons),
    }


def facts_about(events: Any, tagger: str) -> dict[str, Any]:
    """What `decorate` noted about a tagger.

    Raises
    ------
    BadInput : the events are not decorated with it, or with another network of it
    """
    name, network = plans.split(tagger)
    noted = notes(events)
    facts = noted.get(name, {})
    where = f"tagger {tagger}"
    if "left_out" in facts:
        wrong = f"it was left out: {_reason(name, facts['left_out'])}"
        raise BadInput(where, wrong, (), "use events that can feed it")
    if "card" not in facts:
        near = near_misses(name, [key for key, value in noted.items() if "card" in value])
        do = f"events = lepid.decorate(events, {tagger!r})"
        raise BadInput(where, "these events are not decorated with it", near, do)
    if network and facts["card"] != tagger:
        wrong = f"these events are decorated with {facts['card']}"
        raise BadInput(where, wrong, (), f"events = lepid.decorate(events, {tagger!r})")
    return facts


class Decorated(NamedTuple):
    """Events and what `decorate` did to them with one tagger.

    Attributes
    ----------
    known : the events
    collection : of the leptons
    card : of the tagger
    record : what `decorate` attached
    facts : what it noted, see `facts_of`
    """

    known: Recognised
    collection: str
    card: Card
    record: Any
    facts: Mapping[str, Any]


def decorated_before(events: Any, tagger: str, schema: str | Path | Schema | None) -> Decorated:
    """What `decorate` did about a tagger.

    Raises
    ------
    BadInput : the events are not decorated with it
    """
    name, _ = plans.split(tagger)
    facts = facts_about(events, tagger)
    known = recognise(events, schema)
    card = catalogue.load(*facts["card"].split("@"))
    record = known.events[facts["collection"]][name]
    return Decorated(known, facts["collection"], card, record, facts)


class Decided(NamedTuple):
    """Decorated events whose working points can be decided once more.

    Attributes
    ----------
    known : the events
    collection : of the leptons
    card : of the tagger
    record : what `decorate` attached
    tables : its working points
    source : of the scores, "stored" or "network"
    columns : what deciding takes, the fields of the record among them as ``<tagger>.<field>``
    """

    known: Recognised
    collection: str
    card: Card
    record: Any
    tables: tuple[Table, ...]
    source: str
    columns: Mapping[str, Any]


def decided_before(
    events: Any,
    tagger: str,
    schema: str | Path | Schema | None,
    table: str | Path | None = None,
) -> Decided:
    """What `decorate` decided about a tagger, and what it takes to do it again.

    Parameters
    ----------
    table : working points to decide in place of those of the card

    Raises
    ------
    BadInput : the events are not decorated with it, or its decisions are stored ones
    UnboundTable, BadTable : the table belongs to other scores, or does not fit the card
    MissingColumns : the events lack columns that they had
    """
    known, collection, card, record, facts = decorated_before(events, tagger, schema)
    name = card.tagger
    tables = plans.tables_named(facts["tables"])
    if table is not None:
        own = working_points.read(Path(table))
        plans.check_names(card, own, tables)
        _check_binding(own, card, facts)
        tables = (own,)
    if not tables:
        why = "the file stores its decisions, not what they were made of"
        do = "use what events[collection][tagger] holds" if facts["decisions"] else ""
        wrong = f"has no working points to decide: {why if do else 'its card has none'}"
        raise BadInput(f"tagger {name}", wrong, (), do)
    columns: dict[str, Any] = plans.require(
        known.finder(known.flavour(collection)), plans.tables_need(card, tables)
    )
    single = [field for field in record.fields if record[field].ndim == record.ndim]
    columns |= {f"{name}.{field}": record[field] for field in single}
    return Decided(known, collection, card, record, tables, facts["source"], columns)


def _check_binding(table: Table, card: Card, facts: Mapping[str, Any]) -> None:
    if facts["source"] != "network":
        table.check_binding("", "", facts["scores"])
        return
    for network, digest, path in zip(card.networks, facts["sha256"], facts["scores"], strict=True):
        table.check_binding(digest, network.path or path, ())


def report(events: Any) -> None:
    """Print where the scores and decisions of each tagger came from, and what was left out."""
    sys.stdout.write(report_text(events) + "\n")


def report_text(events: Any) -> str:
    """What `report` prints."""
    lines: list[str] = []
    left_out: dict[str, list[str]] = {}
    for name, facts in notes(events).items():
        if "left_out" in facts:
            left_out.setdefault(_reason(name, facts["left_out"]), []).append(name)
            continue
        if "corrected" in facts:
            lines.append(f"{name}: {', '.join(facts['corrected'])}")
            lines.append(f"  sha256: {facts['sha256'][:16]}")
            continue
        lines.append(f"{name}: {facts['collection']}, {facts['card']}, source {facts['source']}")
        details = {
            "scores": facts["scores"],
            "sha256": [digest[:16] for digest in facts["sha256"]],
            "provider": [facts["provider"]] if facts["provider"] else [],
            "impact parameters": [facts[IMPACT]] if facts.get(IMPACT) else [],
            "scored are": facts.get("scored", []),
            "decisions": facts["decisions"],
            "tables": [Path(table).name for table in facts["tables"]],
            "but": ["; ".join(facts["reasons"])] if facts["reasons"] else [],
        }
        lines += [f"  {key}: {', '.join(values)}" for key, values in details.items() if values]
    lines += [f"left out: {', '.join(names)}: {reason}" for reason, names in left_out.items()]
    return "\n".join(lines) or "no tagger: these events are not decorated"


def _reason(tagger: str, text: str) -> str:
    return text.splitlines()[0].removeprefix(f"tagger {tagger}: ")
