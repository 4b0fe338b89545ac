"""Decorated events into pairs of a tag and a probe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from lepid.analysis.measurement import SCORED, WEIGHT, weights
from lepid.analysis.selection import Condition, columns_of, evaluate, parse
from lepid.efficiency.tag_and_probe import pair_table
from lepid.efficiency.tag_and_probe.charge_flips import ChargeTable
from lepid.efficiency.tag_and_probe.pair_table import Leptons, PairTable
from lepid.efficiency.tag_and_probe.resonances import LEPTON_MASSES
from lepid.efficiency.tag_and_probe.resonances import resonance as known_resonance
from lepid.errors import BadInput
from lepid.events.objects.flat import is_dask
from lepid.events.objects.tables import Table, apply
from lepid.events.recognise import Recognised, recognise
from lepid.events.schema import Schema
from lepid.provenance import facts_about
from lepid.units import convert

# Probes below 10 GeV are those of J/psi; the crack of the calorimeter has a bin of its own.
PT_EDGES = (10.0, 20.0, 30.0, 40.0, 50.0, 100.0)
ABSETA_EDGES = (0.0, 0.8, 1.37, 1.52, 2.0, 2.5)
NOMINAL = "nominal"


def tag_and_probe(
    events: Any,
    tagger: str,
    *,
    tag: str | Mapping[str, str],
    probe: str = "",
    resonance: str = "Z",
    weight: Any = None,
    pt_edges: Sequence[float] = PT_EDGES,
    abseta_edges: Sequence[float] = ABSETA_EDGES,
    mass_edges: Sequence[float] = (),
    origin: str = "",
    schema: str | Path | Schema | None = None,
) -> PairTable:
    """Masses of all pairs of a tag and a probe, by what the probe passes, its pT and |eta|.

    Parameters
    ----------
    tag : selection of tags, such as ``"pt > 30 and electron_dnn.Tight"``; or several by name, the
        nominal one first, the others for variations
    probe : selection of probes; all leptons with a score if empty
    resonance : ``"Z"`` or ``"J/psi"``
    weight : as in `lepid.measure`; pairs have that of the probe
    pt_edges : of the probe, GeV
    abseta_edges : of the probe
    mass_edges : GeV; those of the resonance if empty
    origin : file that the events come from, for the record
    schema : format of the events, if the names do not tell

    Returns
    -------
    PairTable; tables of several chunks or files add up with ``+``. Simulation is measured in the
    same way. A pair enters once for each tag: see `PairTable`.

    Raises
    ------
    BadInput : the events are not decorated with the tagger, a selection cannot be read, edges do
        not increase, or the events are a dask collection
    MissingColumns : lists what the events lack
    UnknownName : no such resonance
    """
    tags = {NOMINAL: tag} if isinstance(tag, str) else dict(tag)
    known, facts = _decorated(events, tagger, schema)
    record = known.events[facts["collection"]][tagger.partition("@")[0]]
    points = [field for field in record.fields if field in facts["working_points"]]
    if not points:
        raise BadInput(f"tagger {tagger}", "has no working points here", (), "measure another one")
    card = facts["card"].split("@")
    table = pair_table.empty(
        tagger=card[0],
        network=card[1],
        collection=facts["collection"],
        experiment=known.schema.experiment,
        resonance=resonance,
        tags=tags,
        working_points=tuple(points),
        mass_edges=tuple(mass_edges) or known_resonance(resonance).mass_edges,
        pt_edges=pt_edges,
        abseta_edges=abseta_edges,
        sources=(origin,) if origin else (),
        metadata={
            "probe": probe,
            "sha256": ", ".join(facts["sha256"]),
            **({"weight": weight} if isinstance(weight, str) else {}),
        },
    )
    selections = {name: parse(text) for name, text in {**tags, "": probe}.items()}
    arrays = _arrays(known, facts["collection"], selections.values())
    arrays |= {f"<point {name}>": record[name] for name in points} | {SCORED: record["scored"]}
    if weight is not None:
        arrays[WEIGHT] = weights(known.events, weight, arrays[SCORED])
    counted = [table]

    def count(columns: Mapping[str, Any], tables: Mapping[str, Table]) -> dict[str, Any]:
        leptons = _leptons(known, columns, tables[facts["collection"]])
        chosen = partial(_chosen, known, columns)
        masks = {name: chosen(conditions) for name, conditions in selections.items()}
        counted.append(
            pair_table.count(
                table,
                leptons,
                tags={name: masks[name] for name in tags},
                probe=masks[""] & columns[SCORED],
                decisions={name: columns[f"<point {name}>"] for name in points},
                mass=LEPTON_MASSES[known.flavour(facts["collection"])],
            )
        )
        return {SCORED: columns[SCORED]}

    apply(known, facts["collection"], arrays, count)
    return counted[-1]


def charge_pairs(
    events: Any,
    collection: str,
    *,
    select: str = "",
    resonance: str = "Z",
    weight: Any = None,
    pt_edges: Sequence[float] = PT_EDGES,
    abseta_edges: Sequence[float] = ABSETA_EDGES,
    mass_edges: Sequence[float] = (),
    origin: str = "",
    schema: str | Path | Schema | None = None,
) -> ChargeTable:
    """Masses of all pairs of leptons of an event, by their charges and the bins of both.

    Parameters
    ----------
    collection : ``"Electrons"``, or what these events call them
    select : selection of both leptons, such as ``"pt > 20 and electron_dnn.Tight"``
    resonance, weight, pt_edges, abseta_edges, mass_edges, origin, schema : as in
        `tag_and_probe`

    Returns
    -------
    ChargeTable; tables of several chunks or files add up with ``+``

    Raises
    ------
    BadInput, MissingColumns, UnknownName : as `tag_and_probe`
    """
    _refuse_dask(events)
    known = recognise(events, schema)
    edges = tuple(mass_edges) or known_resonance(resonance).mass_edges
    table = ChargeTable.empty(
        collection,
        select,
        resonance,
        pt_edges=pt_edges,
        abseta_edges=abseta_edges,
        mass_edges=edges,
    )
    sources = (origin,) if origin else ()
    table = replace(table, experiment=known.schema.experiment, sources=sources)
    conditions = parse(select)
    arrays = _arrays(known, collection, [conditions])
    if weight is not None:
        like = known.events[collection][arrays["pt"]]
        arrays[WEIGHT] = weights(known.events, weight, like)
    counted = [table]

    def count(columns: Mapping[str, Any], tables: Mapping[str, Table]) -> dict[str, Any]:
        leptons = _leptons(known, columns, tables[collection])
        mask = _chosen(known, columns, conditions)
        mass = LEPTON_MASSES[known.flavour(collection)]
        counted.append(table.counted(leptons, mask, mass))
        return {"pt": columns["pt"]}

    apply(known, collection, arrays, count)
    return counted[-1]


def _refuse_dask(events: Any) -> None:
    if is_dask(events):
        do = "call it with events.compute(), or inside map_partitions"
        raise BadInput("tag and probe", "dask events hold no values yet", (), do)


def _decorated(
    events: Any, tagger: str, schema: str | Path | Schema | None
) -> tuple[Recognised, Mapping[str, Any]]:
    _refuse_dask(events)
    return recognise(events, schema), facts_about(events, tagger)


def _arrays(known: Recognised, collection: str, selections: Any) -> dict[str, Any]:
    """Kinematics, and what selections take, by name."""
    finder = known.finder(known.flavour(collection))
    arrays: dict[str, Any] = finder.require(
        dict.fromkeys(("pt", "eta", "phi", "charge"), "pairs of leptons")
    )
    for conditions in selections:
        arrays |= columns_of(known, collection, conditions)
    return arrays


def _leptons(known: Recognised, columns: Mapping[str, Any], table: Table) -> Leptons:
    pt = convert(columns["pt"], known.schema.unit("GeV"), "GeV")
    eta, phi, charge = (columns[name].astype(np.float64) for name in ("eta", "phi", "charge"))
    weight = np.asarray(columns.get(WEIGHT, np.ones(len(pt))), np.float64)
    return Leptons(np.asarray(table.offsets), pt, eta, phi, charge, weight)


def _chosen(known: Recognised, columns: Mapping[str, Any], conditions: Sequence[Condition]) -> Any:
    return evaluate(conditions, columns, known.schema.unit, len(columns["pt"]))
