"""Which network, which columns, which working points: all that is known before a value is read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from lepid.errors import BadInput, BadTable, LepidError, MissingColumns
from lepid.events.columns import Columns
from lepid.features import definitions
from lepid.taggers import around, catalogue, discriminants, likelihood, session, twin
from lepid.taggers.around import Around
from lepid.taggers.card import Card
from lepid.taggers.card_network import Network
from lepid.taggers.card_outputs import Form
from lepid.working_points import table as working_points
from lepid.working_points.table import Table

Source = Literal["auto", "stored", "network"]


@dataclass(frozen=True)
class Plan:
    """How one tagger will be evaluated on one collection.

    Attributes
    ----------
    card : Card
    source : "stored" or "network"
    columns : column of the leptons that is read -> its name in the events
    stored : output -> its column; empty if the scores come from a network or are not there
    decisions : stored working point -> its column
    networks : (part of the card, path, sha256), for source "network"
    forms : discriminant -> form
    fractions : fraction -> [1] or [n_bin]
    tables : working points
    around : what is read around the leptons
    reasons : what is absent, and why
    provider : "cpu" or "cuda" if an ONNX network runs, else empty
    """

    card: Card
    source: Literal["stored", "network"]
    columns: Mapping[str, str]
    stored: Mapping[str, str]
    decisions: Mapping[str, str]
    networks: tuple[tuple[Network, str, str], ...] = ()
    forms: Mapping[str, Form] = field(default_factory=dict)
    fractions: Mapping[str, npt.NDArray[np.float64]] = field(default_factory=dict)
    tables: tuple[Table, ...] = ()
    around: Around = field(default_factory=Around)
    reasons: tuple[str, ...] = ()
    options: session.Settings = field(default_factory=session.Settings)
    provider: str = ""


def split(name: str) -> tuple[str, str | None]:
    """Tagger and network of ``"muon_plit@reference-run3"``; None without a network."""
    tagger, at, network = name.partition("@")
    if at and not (tagger and network):
        raise BadInput("taggers", f"{name!r} is not <tagger> or <tagger>@<network>")
    return tagger, network or None


def make(name: str, source: Source, columns: Columns, *, fractions: Mapping[str, Any]) -> Plan:
    """The plan for tagger `name`.

    Parameters
    ----------
    columns : of the leptons

    Raises
    ------
    UnknownTagger, BadCard, MissingColumns, MissingNetwork, ChangedNetwork, NetworkMismatch,
    UnboundTable, BadTable, BadInput, UnknownName, ProviderUnavailable
    """
    tagger, network = split(name)
    cards = [catalogue.load(tagger, network)] if network else catalogue.networks(tagger)
    if network is None:
        # A reference network runs only by name, and neither do its columns stand in for others.
        cards = [card for card in cards if not card.reference] or cards
    plan = _scores(cards, source, columns, named=network is not None)
    plan = _with_forms(plan, fractions)
    return _with_tables(plan, columns)


def takes_surroundings(names: Iterable[str] | None) -> bool:
    """Whether a network on this machine takes more than columns of the leptons themselves.

    Parameters
    ----------
    names : of taggers; None for all
    """
    for tagger, network in map(split, catalogue.taggers() if names is None else names):
        try:
            cards = [catalogue.load(tagger, network)] if network else catalogue.networks(tagger)
        except LepidError:
            # Whoever runs it gets the error.
            continue
        cards = [card for card in cards if network or not card.reference]
        there = catalogue.here(cards)
        if any(around.needed(card.networks) or _tables_linked(card) for card in there):
            return True
    return False


def _tables_linked(card: Card) -> bool:
    """Whether working points of the card cut on what is behind a link, or bin in it."""
    try:
        paths = [catalogue.table_path(card, name) for name in card.working_points]
        return around.linked(tables_need(card, map(working_points.read, paths)))
    except LepidError:
        # Whoever decides them gets the error.
        return False


# --- where the scores come from -----------------------------------------------------------------


def _scores(cards: Sequence[Card], source: Source, columns: Columns, *, named: bool) -> Plan:
    if source != "network":
        plans = [plan for plan in (_from_stored(card, columns) for card in cards) if plan]
        if plans:
            # A card without a network describes what files hold, whichever network wrote it.
            return next((plan for plan in plans if plan.stored), plans[0])
    if source == "stored":
        raise _nothing_stored(cards, columns, source)
    runnable = [card for card in cards if card.networks and (named or not card.reference)]
    found = catalogue.here(runnable)
    if len(found) > 1:
        names = ", ".join(card.name for card in found)
        wrong = f"several networks of {cards[0].tagger} are on this machine"
        raise BadInput("taggers", wrong, (), f"name one of: {names}")
    if found:
        return _from_network(found[0], columns)
    storable = any(card.stored_columns or card.decisions for card in cards)
    if runnable and (source == "network" or named or not storable):
        for part in runnable[0].networks:
            catalogue.locate(runnable[0], part)
    raise _nothing_stored(cards, columns, source)


def _nothing_stored(cards: Sequence[Card], columns: Columns, source: Source) -> LepidError:
    card = cards[0]
    networks = ", ".join(c.name for c in cards if c.networks)
    if source == "network":
        wrong = "its networks run only by name" if networks else "it has no network to run"
        do = f"name one of: {networks}" if networks else 'use stored scores, source="stored"'
        return BadInput(f"tagger {card.tagger}", wrong, (), do)
    stored = [names for _, names in _stored_names(card)] + [d.stored for d in card.decisions]
    if not stored:
        do = f"run a network: {networks}"
        return BadInput(f"tagger {card.tagger}", "files do not store its scores", (), do)
    do = "use a file that has them" + (f"; or run a network: {networks}" if networks else "")
    missing = {names[0]: card.name for names in stored}
    where = columns.collection
    return MissingColumns.of(f"events.{where}", missing, columns.there(where), do=do)


def _stored_names(card: Card) -> list[tuple[str, tuple[str, ...]]]:
    return [(output.name, output.stored) for output in card.outputs if output.stored]


def _first(names: Iterable[str], columns: Columns) -> str | None:
    return next((name for name in names if columns.find(name)), None)


def _from_stored(card: Card, columns: Columns) -> Plan | None:
    """Plan with the scores and decisions that the events hold; None if they hold neither."""
    stored = {name: _first(names, columns) for name, names in _stored_names(card)}
    present = {name: column for name, column in stored.items() if column}
    decisions = {d.name: c for d in card.decisions if (c := _first(d.stored, columns))}
    single = [output for output in card.outputs if output.per == "lepton"]
    complete = bool(present) and len(present) == len(single)
    if not complete and not decisions:
        return None
    reasons = []
    if card.outputs and not complete:
        absent = [names[0] for name, names in _stored_names(card) if name not in present]
        reasons.append(f"no scores: the file has no {', '.join(absent)}")
    no_decision = [d.name for d in card.decisions if d.name not in decisions]
    if no_decision:
        reasons.append(f"decisions not stored: {', '.join(no_decision)}")
    present = present if complete else {}
    read = {c: str(columns.find(c)) for c in (*present.values(), *decisions.values())}
    return Plan(card, "stored", read, present, decisions, reasons=tuple(reasons))


def _from_network(card: Card, columns: Columns) -> Plan:
    read, beside = around.reads(card, columns)
    options = session.current_settings()
    networks, provider = [], ""
    reasons = list(beside.defaults)
    for network in card.networks:
        path, digest = catalogue.locate(card, network)
        if network.likelihood:
            likelihood.get(path, digest, network)
        else:
            ready = twin.get(path, digest, card, network, options)
            provider = ready.provider
            reasons += [ready.slow] if ready.slow else []
        networks.append((network, str(path), digest))
    return Plan(
        card, "network", read, {}, {}, tuple(networks), around=beside,
        reasons=tuple(reasons), options=options, provider=provider,
    )  # fmt: skip


# --- discriminants and working points -----------------------------------------------------------


def _has_scores(plan: Plan) -> bool:
    return plan.source == "network" or bool(plan.stored)


def _with_forms(plan: Plan, fractions: Mapping[str, Any]) -> Plan:
    values = discriminants.check_fractions(plan.card, fractions)
    if not _has_scores(plan):
        return replace(plan, forms={}, fractions=values)
    forms: dict[str, Form] = {}
    reasons = list(plan.reasons)
    for name in plan.card.discriminants:
        form, reason = discriminants.choose(plan.card, name, values)
        if form:
            forms[name] = form
        else:
            reasons.append(reason)
    return replace(plan, forms=forms, fractions=values, reasons=tuple(reasons))


def _with_tables(plan: Plan, columns: Columns) -> Plan:
    """Plan with the tables whose points can be decided, and the columns that they need."""
    tables: list[Table] = []
    reasons = list(plan.reasons)
    fields = {o.name for o in plan.card.outputs} if _has_scores(plan) else set()
    for name in plan.card.working_points:
        table = working_points.read(catalogue.table_path(plan.card, name))
        _check_binding(plan, table)
        check_names(plan.card, table, tables)
        absent = [q for q in table.quantities() if q in plan.card.discriminants]
        absent = [q for q in absent if q not in plan.forms]
        needed = absent or [o.name for o in plan.card.outputs if o.name not in fields]
        if needed and not table.rules.bound_to.inputs:
            reasons.append(f"no working points of {name}: {', '.join(needed)} not there")
        else:
            tables.append(table)
    needs = {**tables_need(plan.card, tables), **binned_fractions(plan)}
    # What is made of things around the leptons is there for the tables too.
    needs = {name: why for name, why in needs.items() if name not in plan.around.aggregates}
    read = {**plan.columns, **require(columns, needs)}
    return replace(plan, tables=tuple(tables), columns=read, reasons=tuple(reasons))


def binned_fractions(plan: Plan) -> dict[str, str]:
    """Columns that the fractions per |eta| bin need -> why."""
    used = {f for form in plan.forms.values() for f in form.fractions}
    binned = any(v.size > 1 for k, v in plan.fractions.items() if k in used)
    names = definitions.needs(plan.card.fractions.abseta) if binned else ()
    return dict.fromkeys(names, f"the fractions of {plan.card.name}")


def tables_need(card: Card, tables: Iterable[Table]) -> dict[str, str]:
    """Columns that the working points need, pt for the check of the unit among them -> why."""
    own = {output.name for output in card.outputs} | set(card.discriminants)
    why = f"working points of {card.name}"
    needs = {"pt": "the check of the unit"}
    for table in tables:
        features = [feature for feature, _ in table.axes().values()]
        features += [r.feature for r in table.rules.range]
        features += [quantity for quantity in table.quantities() if quantity not in own]
        for feature in features:
            for column in definitions.needs(feature):
                needs.setdefault(column, why)
    return needs


def require(columns: Columns, needs: Mapping[str, str]) -> dict[str, str]:
    """Column -> its name in the events, for `needs`, column -> why, or what makes them up.

    Raises
    ------
    MissingColumns : lists all that are not there
    """
    return columns.require(definitions.resolve(needs, columns.find, columns.follows))


def tables_named(paths: Iterable[str]) -> tuple[Table, ...]:
    """Working points that lie at `paths`; those of another machine are not here."""
    there = (path for path in map(Path, paths) if path.is_file())
    return tuple(map(working_points.read, there))


def check_names(card: Card, table: Table, others: Iterable[Table]) -> None:
    """Raise `BadTable` if a point of `table` would replace another field of the result."""
    taken = dict.fromkeys(card.fields, card.name)
    taken |= {point: other.path for other in others for point in other.points}
    for point in table.points:
        if point in taken:
            wrong = f"working point {point!r} has the name of a field of {taken[point]}"
            raise BadTable(table.path, wrong, (), "rename the point")
    if table.rules.tagger != card.tagger:
        wrong = f"these are working points of {table.rules.tagger!r}"
        raise BadTable(table.path, f"{wrong}, the card is {card.name}", (), "mend the card")


def _check_binding(plan: Plan, table: Table) -> None:
    if plan.source == "network":
        for network, path, digest in plan.networks:
            table.check_binding(digest, network.path or path, ())
    elif plan.stored:
        table.check_binding("", "", list(plan.stored.values()))
