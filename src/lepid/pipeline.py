"""decorate(): the whole flow on one screen. The only caller of the stages."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from lepid.errors import BadInput, LepidError, MissingColumns, UnknownName
from lepid.evaluation import ETA, PT, WHERE, decide_again, evaluate
from lepid.events import files
from lepid.events.objects.attach import attach, note, notes
from lepid.events.objects.flat import apply
from lepid.events.recognise import Recognised, recognise
from lepid.events.schema import Schema
from lepid.labels import attach_truth
from lepid.taggers import catalogue, session
from lepid.taggers import plan as plans
from lepid.taggers.plan import Plan, Source

SOURCES = ("auto", "stored", "network")


def decorate(
    events: Any,
    taggers: str | Sequence[str] | None = None,
    *,
    schema: str | Path | Schema | None = None,
    source: Source = "auto",
    where: Mapping[str, Any] | None = None,
    fractions: Mapping[str, Mapping[str, Any]] | None = None,
    truth: bool | str = False,
    inplace: bool = False,
) -> Any:
    """Events with scores, discriminants and working-point decisions on each lepton.

    Parameters
    ----------
    events : NanoEvents (eager, virtual or dask), or any awkward array of records
    taggers : names such as ``"muon_plit"`` or ``"muon_plit@reference-run3"``; None for every
        tagger that these events can feed
    schema : name of a format, path of a schema file, or a Schema; found from the collections if
        not given
    source : "stored" takes scores from the file, "network" runs the network, "auto" prefers
        stored scores and never runs a reference network that was not named
    where : collection -> mask of the leptons worth scoring, jagged like the collection
    fractions : tagger -> fraction -> number, or one number per |eta| bin of its card
    truth : attach truth classes as ``truth_<scheme>``; True takes the scheme of the experiment
    inplace : change `events` instead of returning new ones

    Returns
    -------
    Events in which ``events[collection][tagger]`` is a record: one field per output, discriminant
    and working point, and `scored`. ``events.attrs["lepid"]`` says where each came from.

    Raises
    ------
    LepidError : with names given, what one of them lacks; see `lepid.errors`
    """
    known = recognise(events, schema)
    if source not in SOURCES:
        raise UnknownName.of("decorate", "source", source, SOURCES)
    masks = _checked("where", where, known.leptons.values())
    asked = [taggers] if isinstance(taggers, str) else taggers
    made, facts = _plan(known, asked, source, fractions or {})
    result = events if inplace else known.events
    for plan in made:
        collection = known.leptons[plan.card.flavour]
        columns: dict[str, Any] = dict(plan.columns)
        if collection in masks:
            columns[WHERE] = masks[collection]
        compute = partial(evaluate, plan, known.schema, collection)
        record = apply(known.events, collection, columns, compute)
        result = attach(result, collection, plan.card.tagger, record, inplace=inplace)
        facts[plan.card.tagger] = _facts(plan, known.schema, collection)
    if truth:
        result = attach_truth(result, known, truth, inplace=inplace)
    return note(result, facts, inplace=inplace)


def _checked(
    argument: str, given: Mapping[str, Any] | None, known: Iterable[str]
) -> Mapping[str, Any]:
    for key in given or {}:
        if key not in known:
            kind = "lepton collection" if argument == "where" else "tagger"
            raise UnknownName.of(argument, kind, key, known)
    return given or {}


def _plan(
    known: Recognised,
    asked: Sequence[str] | None,
    source: Source,
    fractions: Mapping[str, Mapping[str, Any]],
) -> tuple[list[Plan], dict[str, dict[str, Any]]]:
    """Plans of the taggers, and the reasons of those that are left out when none was named."""
    names = catalogue.taggers() if asked is None else list(dict.fromkeys(asked))
    _checked("fractions", fractions, {plans.split(name)[0] for name in names})
    made: list[Plan] = []
    errors: dict[str, LepidError] = {}
    for name in names:
        tagger, _ = plans.split(name)
        try:
            given = fractions.get(tagger, {})
            made.append(_plan_one(known, name, source, given, named=asked is not None))
        except LepidError as error:
            errors[name] = error
    if asked is not None and errors:
        raise _one_error(list(errors.values()))
    return made, {name: {"left_out": str(error)} for name, error in errors.items()}


def _plan_one(
    known: Recognised, name: str, source: Source, fractions: Mapping[str, Any], *, named: bool
) -> Plan:
    tagger, _ = plans.split(name)
    card = catalogue.networks(tagger)[0]
    experiments = {card.experiment, known.schema.experiment} - {""}
    if not named and len(experiments) > 1:
        raise BadInput(f"tagger {tagger}", f"is of {card.experiment}, the events are not")
    if card.flavour not in known.leptons:
        raise BadInput(f"tagger {tagger}", f"these events have no {card.flavour} collection")
    collection = known.leptons[card.flavour]
    find, available = known.finder(card.flavour), known.columns[collection]
    return plans.make(name, source, find, available, collection, fractions=fractions)


def _one_error(errors: Sequence[LepidError]) -> LepidError:
    missing = [error for error in errors if isinstance(error, MissingColumns)]
    if len(errors) > 1 and len(missing) == len(errors):
        return MissingColumns.together(missing)
    return next((e for e in errors if not isinstance(e, MissingColumns)), errors[0])


def _facts(plan: Plan, schema: Schema, collection: str) -> dict[str, Any]:
    return {
        "card": plan.card.name,
        "collection": collection,
        "schema": schema.name,
        "source": plan.source,
        "scores": list(plan.stored.values()) or [path for _, path, _ in plan.networks],
        "sha256": [digest for _, _, digest in plan.networks],
        "provider": plan.provider,
        "threads": session.threads(plan.options.threads) if plan.provider else 0,
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
    BadInput : the events are not decorated with it
    """
    facts = notes(events).get(tagger, {})
    if "card" not in facts:
        do = facts.get("left_out") or f"events = lepid.decorate(events, {tagger!r})"
        raise BadInput(f"tagger {tagger}", "these events are not decorated with it", (), do)
    return facts


def decide(
    events: Any,
    tagger: str,
    *,
    pt: Any = None,
    eta: Any = None,
    schema: str | Path | Schema | None = None,
) -> Any:
    """Record of `tagger` with its working points decided anew for shifted kinematics.

    No network runs: scores and discriminants are those of the decorated `events`.

    Parameters
    ----------
    pt : jagged like the collection, in the unit of the events; replaces pt (or E_T)
    eta : the same for the eta that the working points are binned in
    schema : format of the events, if the names do not tell

    Returns
    -------
    Record array like ``events[collection][tagger]``.

    Raises
    ------
    BadInput : the events are not decorated with it, or its decisions are stored ones
    """
    name, _ = plans.split(tagger)
    facts = facts_about(events, name)
    known = recognise(events, schema)
    collection = facts["collection"]
    find = known.finder(known.flavour(collection))
    card = catalogue.load(*facts["card"].split("@"))
    tables = plans.tables_named(card, facts["tables"])
    if not tables:
        do = "its decisions are those that the file stores; they cannot follow a shifted pt"
        raise BadInput(f"tagger {name}", "has no working points to decide", (), do)
    needed = plans.tables_need(card, tables)
    columns: dict[str, Any] = plans.require(needed, find, known.columns[collection], collection)
    record = known.events[collection][name]
    columns |= {f"{name}.{field}": record[field] for field in record.fields}
    columns |= {key: shift for key, shift in ((PT, pt), (ETA, eta)) if shift is not None}
    compute = partial(decide_again, card, tables, known.schema, collection)
    return apply(known.events, collection, columns, compute)


def iterate(
    paths: files.Paths,
    taggers: str | Sequence[str] | None = None,
    *,
    step: int = 50_000,
    tree: str | None = None,
    keep: Sequence[str] = (),
    schema: str | Path | Schema | None = None,
    **options: Any,
) -> Iterator[Any]:
    """Decorated events of at most `step` events each, file after file, in bounded memory.

    Parameters
    ----------
    paths : files and glob patterns
    taggers : as in `decorate`; what a file of lepid brings already is not done again
    tree : name of the tree, if lepid does not know it
    keep : further collections to have beside the leptons
    schema : format, if the columns do not tell
    **options : those of `decorate`

    Raises
    ------
    LepidError : see `decorate` and `open`
    """
    for events, _, _ in files.chunks(paths, step, tree, schema, keep):
        yield decorate_new(events, taggers, schema=schema, **options)


def decorate_new(events: Any, taggers: str | Sequence[str] | None, **options: Any) -> Any:
    """Events decorated with those of the taggers that a file of lepid does not bring already."""
    done = [name for name, facts in notes(events).items() if "card" in facts]
    if taggers is None:
        return events if done else decorate(events, **options)
    asked = [taggers] if isinstance(taggers, str) else list(taggers)
    left = [name for name in asked if plans.split(name)[0] not in done]
    return decorate(events, left, **options) if left else events


def report(events: Any) -> None:
    """Print where the scores and decisions of each tagger came from, and what was left out."""
    sys.stdout.write(report_text(events) + "\n")


def report_text(events: Any) -> str:
    """What `report` prints."""
    lines, left_out = [], []
    for name, facts in notes(events).items():
        if "left_out" in facts:
            left_out.append(f"left out: {name} ({facts['left_out'].splitlines()[0]})")
            continue
        lines.append(f"{name}: {facts['collection']}, {facts['card']}, source {facts['source']}")
        details = {
            "scores": facts["scores"],
            "sha256": [digest[:16] for digest in facts["sha256"]],
            "provider": [facts["provider"]] if facts["provider"] else [],
            "decisions": facts["decisions"],
            "tables": [Path(table).name for table in facts["tables"]],
            "but": facts["reasons"],
        }
        lines += [f"  {key}: {', '.join(values)}" for key, values in details.items() if values]
    return "\n".join([*lines, *left_out]) or "no tagger: these events are not decorated"
