"""`weights`: scale factors on the leptons of simulated events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from lepid.efficiency.scale_factors import file as factor_files
from lepid.efficiency.scale_factors.file import Axis, Lookup, Opened, Told
from lepid.errors import BadInput, UnboundTable, UnknownName, UnknownWorkingPoint
from lepid.events.objects.flat import column, products
from lepid.events.objects.tables import apply
from lepid.events.recognise import Recognised, recognise
from lepid.events.schema import Schema
from lepid.features import definitions
from lepid.provenance import facts_about
from lepid.taggers import plan as plans

# Columns beside those of the events.
PASSED, SCORED, WHERE = "<passed>", "<scored>", "<where>"
LEPTON, EVENT = "lepton", "event"


def weights(
    events: Any,
    table: str | Path,
    working_point: str,
    *,
    tagger: str | None = None,
    passed: Any = None,
    collection: str | None = None,
    where: Any = None,
    variations: Sequence[str] | None = None,
    correction: str | None = None,
    efficiency: str | None = None,
    inputs: Mapping[str, Told] | None = None,
    per: Literal["lepton", "event"] = "lepton",
    schema: str | Path | Schema | None = None,
) -> Any:
    """Weights that make leptons of simulation pass a working point as often as those of data.

    A lepton that passes gets its scale factor SF, one that fails (1 - SF e) / (1 - e) with e the
    efficiency in simulation. It gets NaN if it has no scale factor: it has no score, lies
    outside the file's bins, or fails and the file has no efficiency, or 1. A file that takes the
    nearest bin (flow ``clamp``) does so here. Where SF e is above 1 the weight of a lepton that
    fails is negative.

    Parameters
    ----------
    table : correctionlib file, of lepid or of others
    working_point : name of the decision; in the file that of a correction or a key
    tagger : whose decisions count; needed if the file does not say
    passed : instead of a tagger, a mask jagged like the leptons, or the name of its column, with
        `collection`
    where : mask of the leptons to weight; others get NaN, and count for nothing in an event
    variations : wanted ones; None takes the nominal one and all that end in up or down
    correction, efficiency : names of corrections, where the file does not tell
    inputs : input of the file -> feature or column, (column, unit), or the value of a text;
        pt, et, eta and abseta are known, in the unit of the file or in GeV
    per : ``"event"`` for the products over the leptons of each event
    schema : format of the events, if the names do not tell

    Returns
    -------
    Records with one field per variation, jagged like the leptons, or one record per event

    Raises
    ------
    BadTable, UnknownName : the file has no such part, or an input that lepid does not know
    UnknownWorkingPoint, BadInput : the events have no such decision
    UnboundTable : the scale factors are those of another network
    MissingColumns : the events lack what the file takes

    Source
    ------
    Ours
    """
    if per not in (LEPTON, EVENT):
        raise UnknownName.of("weights", "per", str(per), (LEPTON, EVENT))
    opened = factor_files.read(
        Path(table),
        working_point,
        correction=correction,
        efficiency=efficiency,
        inputs=inputs,
        variations=variations,
    )
    known = recognise(events, schema)
    if passed is None:
        name, arrays = _decisions(known, opened, str(table), working_point, tagger)
    else:
        name = collection or opened.collection
        arrays = {PASSED: _mask(known, passed, name)}
    if where is not None:
        arrays[WHERE] = _mask(known, where, name)
    factors, rates = opened.factors, opened.efficiency
    axes = [*factors.axes.values(), *(rates.axes.values() if rates else ())]
    needs = {c: f"the bins of {table}" for axis in axes for c in definitions.needs(axis.feature)}
    arrays |= plans.require(known.finder(known.flavour(name)), needs)
    job = _Job(factors, rates, known.schema, 1.0 if per == EVENT else np.nan)
    found = apply(known, name, arrays, job.compute)
    return products(found) if per == EVENT else found


def _decisions(
    known: Recognised, opened: Opened, table: str, point: str, tagger: str | None
) -> tuple[str, dict[str, Any]]:
    """Collection of the tagger, what passed and what has a score."""
    tagger = tagger or opened.tagger
    if not tagger:
        do = "pass tagger=, or passed= with collection="
        raise BadInput(table, "the file does not say whose decisions it is for", (), do)
    facts = facts_about(known.events, tagger)
    record = known.events[facts["collection"]][plans.split(tagger)[0]]
    if opened.tagger and opened.tagger != plans.split(tagger)[0]:
        wrong = f"these scale factors are for {opened.tagger}, not for {tagger}"
        raise BadInput(table, wrong, (), "use the file of this tagger")
    if opened.sha256 and list(opened.sha256) != facts["sha256"]:
        both = opened.sha256, facts["sha256"]
        names = [", ".join(digest[:16] for digest in each) or "stored scores" for each in both]
        raise UnboundTable.of(table, *names)
    points = [name for name in facts["working_points"] if name in record.fields]
    if point not in points:
        raise UnknownWorkingPoint.of(f"tagger {tagger}", "working point", point, points)
    return facts["collection"], {PASSED: record[point], SCORED: record["scored"]}


def _mask(known: Recognised, mask: Any, collection: str) -> Any:
    if not collection:
        raise BadInput("weights", "whose leptons passed is not said", (), "pass collection=")
    known.flavour(collection)
    return column(known.events[collection], mask) if isinstance(mask, str) else mask


@dataclass(frozen=True)
class _Job:
    """What happens to the flat columns of the leptons.

    Attributes
    ----------
    left_out : weight of a lepton that is not to be weighted
    """

    factors: Lookup
    efficiency: Lookup | None
    schema: Schema
    left_out: float

    def compute(self, columns: Mapping[str, npt.NDArray[Any]], _: Any) -> dict[str, Any]:
        passed, chosen = (_booleans(columns, name) for name in (PASSED, WHERE))
        scored = columns.get(SCORED, np.ones(len(passed), np.bool_))
        values = self._values(self.factors, columns)
        rate = np.full(len(passed), np.nan)
        if self.efficiency:
            lookup = self.efficiency
            rate = lookup.evaluate(lookup.variations[0], self._values(lookup, columns))
        below = np.where(rate < 1.0, 1.0 - rate, np.nan)
        found = {}
        for variation in self.factors.variations:
            factor = self.factors.evaluate(variation, values)
            weight = np.where(passed, factor, (1.0 - factor * rate) / below)
            weight = np.where(scored, weight, np.nan)
            found[variation] = np.where(chosen, weight, self.left_out)
        return found

    def _values(
        self, lookup: Lookup, columns: Mapping[str, npt.NDArray[Any]]
    ) -> dict[str, npt.NDArray[Any]]:
        def one(axis: Axis) -> npt.NDArray[Any]:
            return definitions.evaluate(axis.feature, axis.unit, columns, self.schema.unit)

        return {name: one(axis) for name, axis in lookup.axes.items()}


def _booleans(columns: Mapping[str, npt.NDArray[Any]], name: str) -> npt.NDArray[np.bool_]:
    if name not in columns:
        return np.ones(len(columns[PASSED]), np.bool_)
    mask = columns[name]
    # An empty mask has no type.
    if len(mask) and mask.dtype != np.bool_:
        wrong = f"expected true or false for each lepton, found {mask.dtype}"
        raise BadInput(name.strip("<>"), wrong, (), "pass a mask")
    return mask.astype(np.bool_)
