"""Decorated events into an efficiency table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lepid.efficiency import counting
from lepid.efficiency.counting import EfficiencyTable
from lepid.events.objects.flat import column, flatten, per_lepton
from lepid.events.recognise import recognise
from lepid.events.schema import Schema
from lepid.labels import classify, default_scheme, scheme_named
from lepid.pipeline import facts_about
from lepid.taggers.plan import split
from lepid.units import convert


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
        name of such a column, ``"genWeight"`` or ``"EventInfo.weight"``
    pt_edges : GeV
    abseta_edges : ascending
    origin : file that the events come from, for the record
    schema : format of the events, if the names do not tell

    Returns
    -------
    EfficiencyTable; tables of several chunks or files add up with ``+``.

    Raises
    ------
    BadInput : the events are not decorated with this tagger, or a weight is not finite
    MissingColumns : the events have no truth
    """
    known = recognise(events, schema)
    name, _ = split(tagger)
    facts = facts_about(events, name)
    collection = facts["collection"]
    chosen = scheme or default_scheme(known.schema)
    classes = scheme_named(chosen).classes
    find = known.finder(known.flavour(collection))
    leptons = known.events[collection]
    record = leptons[name]
    points = [field for field in record.fields if field in facts["working_points"]]
    arrays = {point: record[point] for point in points}
    arrays |= {"<scored>": record["scored"], "<truth>": classify(known, collection, chosen)}
    arrays |= {f"<{axis}>": leptons[str(find(axis))] for axis in ("pt", "eta")}
    if weight is not None:
        weights = column(known.events, weight) if isinstance(weight, str) else weight
        arrays["<weight>"] = per_lepton(weights, record["scored"])
    _, flat = flatten(arrays, f"events.{collection}")
    table = counting.empty(
        tagger=name,
        network=facts["card"].partition("@")[2],
        collection=collection,
        scheme=chosen,
        experiment=known.schema.experiment,
        classes=list(classes.values()),
        working_points=points,
        pt_edges=pt_edges,
        abseta_edges=abseta_edges,
        sources=[origin] if origin else [],
    )
    codes = np.array(list(classes))
    order = np.argsort(codes)
    return counting.count(
        table,
        decisions={point: flat[point] for point in points},
        scored=flat["<scored>"],
        truth_class=order[np.searchsorted(codes, flat["<truth>"], sorter=order)],
        pt=convert(flat["<pt>"], known.schema.unit("GeV"), "GeV"),
        abseta=np.abs(flat["<eta>"].astype(np.float64)),
        weight=flat.get("<weight>"),
    )
