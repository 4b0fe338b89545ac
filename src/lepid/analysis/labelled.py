"""Flat columns of labelled leptons, out of decorated events in chunks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lepid.analysis.labels import classify, default_scheme
from lepid.analysis.measurement import SCORED, TRUTH, WEIGHT, weights
from lepid.errors import BadInput, UnknownName, UnknownWorkingPoint
from lepid.events.objects.flat import is_dask
from lepid.events.objects.tables import apply
from lepid.events.recognise import Recognised, recognise
from lepid.events.schema import Schema
from lepid.features import definitions
from lepid.provenance import facts_about
from lepid.taggers import catalogue
from lepid.taggers import plan as plans
from lepid.taggers.card import Card
from lepid.units import convert

Chunks = Any | Iterable[Any]
AXES = ("<pt>", "<abseta>")


@dataclass(frozen=True)
class Asked:
    """What is read of each chunk of events.

    Attributes
    ----------
    like : point -> tagger and working point whose efficiency it takes
    axes : features in which the points are binned
    others : name -> one number per event or lepton, or the name of such a column
    """

    tagger: str
    quantities: tuple[str, ...]
    scheme: str | None
    weight: Any
    like: Mapping[str, tuple[str, str]]
    axes: tuple[str, str]
    schema: str | Path | Schema | None
    others: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class Labelled:
    """Flat columns of all chunks, and what they come from."""

    facts: dict[str, Any] = field(default_factory=dict)
    scheme: str = ""
    experiment: str = ""
    quantities: tuple[str, ...] = ()
    columns: dict[str, list[npt.NDArray[Any]]] = field(default_factory=dict)

    def column(self, name: str) -> npt.NDArray[Any]:
        """One column of all chunks, [n_lepton]."""
        first, *others = self.columns[name]
        return np.concatenate([first, *others]) if others else first


def read(events: Chunks, asked: Asked) -> Labelled:
    """All leptons of decorated events, or of several chunks of them.

    Raises
    ------
    BadInput : there are none, they are not decorated with the tagger, or by different networks
    UnknownName, UnknownWorkingPoint : no such quantity, or no such point of another tagger
    """
    if is_dask(events):
        do = "give events.compute(), or the chunks of lepid.iterate"
        raise BadInput(f"tagger {asked.tagger}", "dask events hold no values yet", (), do)
    found = Labelled()
    for chunk in [events] if hasattr(events, "fields") else events:
        _add(found, chunk, asked)
    if not found.facts:
        raise BadInput(f"tagger {asked.tagger}", "there are no events")
    return found


def _add(found: Labelled, events: Any, asked: Asked) -> None:
    known = recognise(events, asked.schema)
    facts = facts_about(events, asked.tagger)
    record = known.events[facts["collection"]][plans.split(asked.tagger)[0]]
    scheme = asked.scheme or default_scheme(known.schema)
    card = catalogue.load(*facts["card"].split("@"))
    quantities = asked.quantities or _only_quantity(card, record)
    for name in quantities:
        if name not in record.fields:
            there = [*(o.name for o in card.outputs), *card.discriminants]
            there = [other for other in there if other in record.fields]
            raise UnknownName.of(f"tagger {asked.tagger}", "quantity", name, there)
    if found.facts and _identity(facts) != _identity(found.facts):
        wrong = f"{facts['card']} from {facts['source']}, and before {found.facts['card']}"
        wrong = f"the chunks have scores of different networks: {wrong}"
        raise BadInput(f"tagger {asked.tagger}", wrong)
    if not found.facts:
        found.facts, found.scheme, found.quantities = facts, scheme, quantities
        found.experiment = known.schema.experiment
    whole = replace(asked, scheme=scheme, quantities=quantities)
    for name, column in _columns(known, card, facts["collection"], whole).items():
        found.columns.setdefault(name, []).append(column)


def _identity(facts: Mapping[str, Any]) -> tuple[Any, ...]:
    return facts["card"], facts["source"], facts["sha256"], facts["collection"]


def _only_quantity(card: Card, record: Any) -> tuple[str, ...]:
    there = [name for name in card.discriminants if name in record.fields]
    there = there or [output.name for output in card.outputs if output.name in record.fields]
    if len(there) == 1:
        return (there[0],)
    wrong = "has several quantities to cut on" if there else "has no quantity to cut on here"
    do = f"name one of: {', '.join(there)}" if there else ""
    raise BadInput(f"tagger {card.tagger}", wrong, (), do)


def _columns(
    known: Recognised, card: Card, collection: str, asked: Asked
) -> dict[str, npt.NDArray[Any]]:
    """Flat columns of the leptons of one chunk."""
    record = known.events[collection][card.tagger]
    needs = {column: "the bins" for axis in asked.axes for column in definitions.needs(axis)}
    arrays: dict[str, Any] = {
        **plans.require(known.finder(known.flavour(collection)), needs),
        **{f"<{name}>": record[name] for name in asked.quantities},
        SCORED: record["scored"],
        TRUTH: classify(known, collection, asked.scheme or ""),
    }
    if asked.weight is not None:
        arrays[WEIGHT] = weights(known.events, asked.weight, arrays[SCORED])
    for name, values in asked.others.items():
        arrays[f"<{name}>"] = weights(known.events, values, arrays[SCORED])
    for tagger, point in asked.like.values():
        other = _decided(known.events, collection, tagger, point)
        arrays |= {f"<{tagger}.{point}>": other[point], f"<{tagger} scored>": other["scored"]}
    units = {output.name: output.unit for output in card.outputs}
    flat: dict[str, npt.NDArray[Any]] = {}
    apply(known, collection, arrays, partial(_flat, flat, known.schema, asked, units))
    return flat


def _decided(events: Any, collection: str, tagger: str, point: str) -> Any:
    facts = facts_about(events, tagger)
    if facts["collection"] != collection:
        wrong = f"decides {facts['collection']}, and these points are for {collection}"
        raise BadInput(f"tagger {tagger}", wrong)
    record = events[collection][plans.split(tagger)[0]]
    points = [name for name in facts["working_points"] if name in record.fields]
    if point not in points:
        raise UnknownWorkingPoint.of(f"tagger {tagger}", "working point", point, points)
    return record


def _flat(
    flat: dict[str, npt.NDArray[Any]],
    schema: Schema,
    asked: Asked,
    units: Mapping[str, str],
    columns: Mapping[str, npt.NDArray[Any]],
    _: Any,
) -> dict[str, npt.NDArray[Any]]:
    """Fill `flat` with the columns in GeV; what has no place in a bin counts as not scored."""
    pt = definitions.evaluate(asked.axes[0], "GeV", columns, schema.unit)
    abseta = definitions.evaluate(asked.axes[1], "", columns, schema.unit)
    usable = np.isfinite(pt) & np.isfinite(abseta)
    flat |= {k: v for k, v in columns.items() if k.startswith("<")}
    for name in asked.quantities:
        unit = units.get(name, "")
        flat[f"<{name}>"] = convert(columns[f"<{name}>"], schema.unit(unit), unit)
    flat[SCORED] = columns[SCORED] & usable
    flat.setdefault(WEIGHT, np.ones(len(pt)))
    flat |= dict(zip(AXES, (pt, abseta), strict=True))
    return {SCORED: flat[SCORED]}
