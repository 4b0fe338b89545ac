"""decorate(): the whole flow on one screen. The only caller of the stages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from lepid.analysis.labels import truth_results
from lepid.deciding import ETA, PT, decide_again
from lepid.errors import (
    BadInput,
    LepidError,
    MissingColumns,
    ProviderUnavailable,
    UnknownName,
)
from lepid.evaluation import WHERE
from lepid.events import files
from lepid.events.objects.attach import attach, note, notes, with_field
from lepid.events.objects.flat import is_dask
from lepid.events.objects.tables import apply
from lepid.events.recognise import Recognised, recognise
from lepid.events.schema import Schema
from lepid.provenance import decided_before, decorated_before, facts_of
from lepid.surroundings import evaluate_tables
from lepid.taggers import catalogue
from lepid.taggers import plan as plans
from lepid.taggers.card import Card
from lepid.taggers.plan import Plan, Source
from lepid.working_points.table import Table
from lepid.working_points.table import read as read_points

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
        tagger that these events can feed; one with `fractions` counts as named
    schema : name of a format, path of a schema file, or a Schema; found from the collections if
        not given
    source : "stored" takes scores from the file, "network" runs the network, "auto" prefers
        stored scores and never runs a reference network that was not named
    where : collection -> mask of the leptons worth scoring, jagged like the collection
    fractions : tagger -> fraction -> number, or one number per |eta| bin of its card
    truth : attach truth classes as ``truth_<scheme>``; True takes the scheme of the experiment
    inplace : change `events` instead of returning new ones; not for dask events

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
    results = truth_results(known, truth) if truth else []
    for plan in made:
        collection = known.leptons[plan.card.flavour]
        columns: dict[str, Any] = dict(plan.columns)
        if collection in masks:
            columns[WHERE] = jagged(f"where[{collection!r}]", masks[collection])
        compute = partial(evaluate_tables, plan, known.schema, collection)
        record = apply(known, collection, columns, compute, plan.around.tables)
        results.append((collection, plan.card.tagger, record))
        facts[plan.card.tagger] = facts_of(plan, known.schema, collection)
    # Nothing is attached before everything is there: an error leaves `events` as they were.
    result = _changeable(events, known) if inplace else known.events
    for collection, name, values in results:
        result = attach(result, collection, name, values, inplace=inplace)
    return note(result, facts, inplace=inplace)


def _checked(
    argument: str, given: Mapping[str, Any] | None, known: Iterable[str]
) -> Mapping[str, Any]:
    for key in given or {}:
        if key not in known:
            kind = "lepton collection" if argument == "where" else "tagger"
            raise UnknownName.of(argument, kind, key, known)
    return given or {}


def jagged(where: str, values: Any) -> Any:
    """`values`, which must be an awkward or dask-awkward array.

    Raises
    ------
    BadInput : it is something else
    """
    if not hasattr(values, "ndim") or not hasattr(values, "fields"):
        wrong = f"expected one value per lepton, found {type(values).__name__}"
        raise BadInput(where, wrong, (), "pass an awkward array, jagged like the collection")
    return values


def _changeable(events: Any, known: Recognised) -> Any:
    """`events`, with the lepton collections that were made from flat columns."""
    if is_dask(events):
        wrong = "dask events cannot be changed in place"
        raise BadInput("inplace", wrong, (), "events = lepid.decorate(events, ...)")
    for collection in known.leptons.values():
        if collection not in events.fields:
            events[collection] = known.events[collection]
    return events


def _plan(
    known: Recognised,
    asked: Sequence[str] | None,
    source: Source,
    fractions: Mapping[str, Mapping[str, Any]],
) -> tuple[list[Plan], dict[str, dict[str, Any]]]:
    """Plans of the taggers, and the reasons of those that are left out when none was named."""
    names = catalogue.taggers() if asked is None else list(dict.fromkeys(asked))
    taggers = [plans.split(name)[0] for name in names]
    _checked("fractions", fractions, set(taggers))
    _check_once(names, taggers)
    made: list[Plan] = []
    errors: list[LepidError] = []
    left_out: dict[str, dict[str, Any]] = {}
    for name, tagger in zip(names, taggers, strict=True):
        named = asked is not None or tagger in fractions
        try:
            made.append(_plan_one(known, name, source, fractions.get(tagger, {}), named=named))
        except LepidError as error:
            # A provider is asked for by name too: nothing runs on another one in its place.
            if named or isinstance(error, ProviderUnavailable):
                errors.append(error)
            left_out[tagger] = {"left_out": str(error)}
    if errors:
        raise _one_error(errors)
    return made, left_out


def _check_once(names: Sequence[str], taggers: Sequence[str]) -> None:
    for tagger in taggers:
        twice = [name for name, own in zip(names, taggers, strict=True) if own == tagger]
        if len(twice) > 1:
            wrong = f"{', '.join(twice)} would be the same field {tagger!r}"
            raise BadInput("taggers", wrong, (), "name one of them; call decorate on other events")


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
    return plans.make(name, source, known.finder(card.flavour), fractions=fractions)


def _one_error(errors: Sequence[LepidError]) -> LepidError:
    missing = [error for error in errors if isinstance(error, MissingColumns)]
    if len(errors) > 1 and len(missing) == len(errors):
        return MissingColumns.together(missing)
    return next((e for e in errors if not isinstance(e, MissingColumns)), errors[0])


def decide(
    events: Any,
    tagger: str,
    *,
    pt: Any = None,
    eta: Any = None,
    table: str | Path | None = None,
    schema: str | Path | Schema | None = None,
) -> Any:
    """Record of `tagger` with its working points decided anew: shifted kinematics, or a new table.

    No network runs: scores and discriminants are those of the decorated `events`. A lepton that
    has none, because it was outside the range of the working points, stays unscored.

    Parameters
    ----------
    pt : jagged like the collection, in the unit of the events; replaces pt (or E_T)
    eta : the same for the eta that the working points are binned in
    table : working points to decide beside those of the card, as `write_working_points` writes
    schema : format of the events, if the names do not tell

    Returns
    -------
    Record array like ``events[collection][tagger]``.

    Raises
    ------
    BadInput : the events are not decorated with it, or its decisions are stored ones
    UnboundTable, BadTable : the table belongs to other scores, or does not fit the card
    """
    done = decided_before(events, tagger, schema, table)
    columns = dict(done.columns)
    shifts = {PT: ("pt", pt), ETA: ("eta", eta)}
    columns |= {key: jagged(n, shift) for key, (n, shift) in shifts.items() if shift is not None}
    compute = partial(_decide, done.card, done.tables, done.known.schema, done.collection)
    found = apply(done.known, done.collection, columns, compute)
    for field in (f for f in done.record.fields if f"{done.card.tagger}.{f}" not in columns):
        found = with_field(found, done.record[field], field)
    return found


def add_working_points(
    events: Any,
    tables: str | Path | Sequence[str | Path],
    *,
    schema: str | Path | Schema | None = None,
) -> Any:
    """Decorated events with working points of your own beside those that they have.

    No network runs. `measure`, `tag_and_probe`, `explain` and `decide` take the new points as they
    take those of the cards.

    Parameters
    ----------
    tables : one or several, as `write_working_points` writes them; each names its tagger
    schema : format of the events, if the names do not tell

    Returns
    -------
    New events; each point is a field of its tagger's record, and ``events.attrs["lepid"]`` has it.

    Raises
    ------
    BadInput : the events are not decorated with the tagger
    UnboundTable, BadTable : a table belongs to other scores, does not fit the card, or has a point
        with the name of a field
    """
    for path in [tables] if isinstance(tables, str | Path) else tables:
        table = read_points(Path(path).resolve())
        name = table.rules.tagger
        found = decide(events, name, table=table.path, schema=schema)
        known, collection, _, record, facts = decorated_before(events, name, schema)
        for point in table.points:
            record = with_field(record, found[point], point)
        more = {"tables": [table.path], "working_points": [*table.points]}
        noted = {**facts, **{key: [*facts[key], *new] for key, new in more.items()}}
        events = note(attach(known.events, collection, name, record), {name: noted})
    return events


def _decide(
    card: Card, chosen: Sequence[Table], schema: Schema, collection: str, columns: Any, _: Any
) -> Any:
    return decide_again(card, chosen, schema, collection, columns)


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
    keep : further collections to have beside the leptons, and beside the tracks and clusters
        that a network of the taggers needs
    schema : format, if the columns do not tell
    **options : those of `decorate`

    Raises
    ------
    LepidError : see `decorate` and `open`
    """
    asked = [taggers] if isinstance(taggers, str) else taggers
    around = plans.takes_surroundings(asked)
    for events, _, _ in files.chunks(paths, step, tree, schema, keep, around=around):
        yield decorate_new(events, asked, schema=schema, **options)


def decorate_new(events: Any, taggers: str | Sequence[str] | None, **options: Any) -> Any:
    """Events decorated with those of the taggers that a file of lepid does not bring already.

    With `where` or `fractions` among the options, none counts as done.
    """
    asked = [taggers] if isinstance(taggers, str) else taggers
    done = {n: facts["card"] for n, facts in notes(events).items() if "card" in facts}
    if not done or options.get("where") or options.get("fractions"):
        return decorate(events, asked, **options)
    names = {*done, *done.values()}
    left = [name for name in asked or () if name not in names]
    return decorate(events, left, **options)
