"""Decorated events into an efficiency table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lepid.analysis.labels import classify, default_scheme, scheme_named
from lepid.efficiency import counting
from lepid.efficiency.counting import EfficiencyTable
from lepid.errors import BadInput
from lepid.events.objects.flat import Columns, apply, column, is_dask, per_lepton
from lepid.events.recognise import Recognised, recognise
from lepid.events.schema import Schema
from lepid.provenance import facts_about
from lepid.units import convert

PT, ETA = "pt", "eta"
# What is counted with the working points, under names that no point has.
SCORED, TRUTH, WEIGHT = "<scored>", "<truth>", "<weight>"


def measure(
    events: Any,
    tagger: str,
    *,
    scheme: str | None = None,
    weight: Any = None,
    pt_edges: Sequence[float] = counting.DEFAULT_PT_EDGES,
    abseta_edges: Sequence[float] = counting.DEFAULT_ABSETA_EDGES,
    origin: str = "",
    schema: str | Path | Schema | None = None,
) -> EfficiencyTable:
    """Passed and all leptons of decorated events, per truth class and working point.

    Parameters
    ----------
    scheme : truth scheme; None takes the one of the experiment
    weight : one number per event [n_event], one per lepton, jagged like the collection, or the
        name of such a column, ``"genWeight"`` or ``"EventInfo.weight"``; may be negative
    pt_edges : GeV
    abseta_edges : ascending
    origin : file that the events come from, for the record
    schema : format of the events, if the names do not tell

    Returns
    -------
    EfficiencyTable; tables of several chunks or files add up with ``+``. A lepton whose pt or
    eta is not finite counts as one without a score.

    Raises
    ------
    BadInput : the events are not decorated with this tagger, it has no working points, a weight
        is not finite, or the events are a dask collection
    MissingColumns : the events have no truth
    """
    if is_dask(events):
        do = "measure(events.compute(), ...), or call it inside map_partitions"
        raise BadInput("measure", "dask events hold no values yet", (), do)
    known = recognise(events, schema)
    facts = facts_about(events, tagger)
    chosen = scheme or default_scheme(known.schema)
    table = counting.empty(
        *facts["card"].split("@"),
        collection=facts["collection"],
        scheme=chosen,
        experiment=known.schema.experiment,
        classes=list(scheme_named(chosen).classes.values()),
        working_points=_points(known.events, facts),
        pt_edges=pt_edges,
        abseta_edges=abseta_edges,
        sources=[origin] if origin else [],
        metadata=_metadata(facts, weight),
    )
    arrays = _arrays(known, table)
    if weight is not None:
        arrays[WEIGHT] = weights(known.events, weight, arrays[SCORED])
    counted = [table]

    def count(columns: Columns) -> Columns:
        counted.append(_count(table, columns, known.schema))
        return {SCORED: columns[SCORED]}

    # Through `apply`, events without values, as coffea traces them, count as no leptons.
    apply(known.events, table.collection, arrays, count)
    return counted[-1]


def _metadata(facts: Mapping[str, Any], weight: Any) -> dict[str, str]:
    found = {"sha256": ", ".join(facts["sha256"])} if facts["sha256"] else {}
    return found | ({"weight": weight} if isinstance(weight, str) else {})


def _points(events: Any, facts: Mapping[str, Any]) -> list[str]:
    tagger = facts["card"].partition("@")[0]
    fields = events[facts["collection"]][tagger].fields
    points = [field for field in fields if field in facts["working_points"]]
    if not points:
        wrong = f"has no working points here: {'; '.join(facts['reasons']) or 'its card has none'}"
        raise BadInput(f"tagger {tagger}", wrong, (), "measure another tagger")
    return points


def _arrays(known: Recognised, table: EfficiencyTable) -> dict[str, Any]:
    """What is counted: array of one value per lepton, by name."""
    leptons = known.events[table.collection]
    record = leptons[table.tagger]
    columns = known.finder(known.flavour(table.collection))
    needs = dict.fromkeys((PT, ETA), f"the bins of {table.tagger}")
    axes = columns.require(needs)
    return {
        **{point: record[point] for point in table.working_points},
        SCORED: record["scored"],
        TRUTH: classify(known, table.collection, table.scheme),
        **{f"<{axis}>": leptons[name] for axis, name in axes.items()},
    }


def _count(table: EfficiencyTable, columns: Columns, schema: Schema) -> EfficiencyTable:
    codes = np.array(list(scheme_named(table.scheme).classes))
    order = np.argsort(codes)
    places = order[np.searchsorted(codes, columns[TRUTH], sorter=order)]
    pt, eta = columns[f"<{PT}>"], columns[f"<{ETA}>"]
    usable = np.isfinite(pt) & np.isfinite(eta)
    # The numbers of leptons that are left out are checked too.
    pt, eta = np.where(usable, pt, 0.0), np.where(usable, eta, 0.0)
    return counting.count(
        table,
        decisions={point: columns[point] for point in table.working_points},
        scored=columns[SCORED] & usable,
        truth_class=places,
        pt=convert(pt, schema.unit("GeV"), "GeV"),
        abseta=np.abs(eta),
        weight=columns.get(WEIGHT),
    )


def weights(events: Any, weight: Any, like: Any) -> Any:
    """Weights jagged `like` a column of leptons.

    Parameters
    ----------
    weight : as in `measure`

    Raises
    ------
    BadInput : not one number per event or lepton, or no such column
    """
    values = column(events, weight) if isinstance(weight, str) else weight
    try:
        return per_lepton(values, like)
    except (TypeError, ValueError) as error:
        where = f"weight {weight!r}" if isinstance(weight, str) else "weight"
        wrong = "expected one number for each event or for each lepton"
        raise BadInput(
            where, wrong, (), "pass an array [n_event], or the name of a column"
        ) from error
