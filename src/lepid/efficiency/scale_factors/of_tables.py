"""Scale factors out of two efficiency tables: same bins, thin ones merged in both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, TypeAlias

import numpy as np

from lepid.efficiency import intervals
from lepid.efficiency.counting import EfficiencyTable
from lepid.efficiency.intervals import Sums
from lepid.efficiency.scale_factors.ratio import (
    Factors,
    Measured,
    ScaleFactors,
    check_sources,
    ratio,
)
from lepid.errors import BadInput, UnknownWorkingPoint
from lepid.working_points.bins import Bins, joined

Tables: TypeAlias = Mapping[str, tuple[EfficiencyTable, str | Sequence[str]]]
# Effective leptons of data and of simulation that a bin needs to stand alone.
MINIMUM = 20.0
DATA, SIMULATION = "data", "simulation"


def scale_factors(
    data: EfficiencyTable,
    simulation: EfficiencyTable,
    *,
    working_points: Sequence[str] | None = None,
    truth_class: str | Sequence[str] | None = None,
    data_class: str | Sequence[str] | None = None,
    sources: Mapping[str, Sequence[EfficiencyTable]] | None = None,
    minimum: float = MINIMUM,
) -> ScaleFactors:
    """Efficiencies of `data` over those of `simulation`, bin by bin.

    A bin with fewer than `minimum` effective leptons in either joins its thinner neighbour in
    pT. Where all bins of an |eta| together have fewer, or the efficiency in simulation is 0,
    there is no scale factor. `Factors.said` has both.

    Parameters
    ----------
    working_points : None takes those that both tables have
    truth_class : of the leptons of simulation, one or several; None takes all
    data_class : the same for the table of data
    sources : source of a systematic uncertainty -> data measured in another way, or with it up
        and down; of one table the difference counts to both sides

    Raises
    ------
    BadInput : the tables measure other things or bins, share no working point, have no leptons in
        any bin, or a source has a name that means something else
    UnknownWorkingPoint, UnknownName : a table does not have the point or class

    Source
    ------
    Ours
    """
    known = dict(sources or {})
    check_sources(known)
    varied = [table for tables in known.values() for table in tables]
    _check_same(simulation, {DATA: data, **{f"source {n}": t for n, t in _each(known)}})
    if not minimum > 0.0:
        raise BadInput("scale factors", f"minimum is {minimum!r}, not above 0")
    points = _points(data, simulation, working_points)
    chosen = truth_class or simulation.populated, data_class or data.populated
    for name, classes in zip((SIMULATION, DATA), chosen, strict=True):
        if not classes:
            raise BadInput("scale factors", f"the table of {name} has no scored leptons")
    factors = {}
    for point in points:
        mine = {DATA: (data, chosen[1]), SIMULATION: (simulation, chosen[0])}
        tables = {**mine, **{f"{i}": (table, chosen[1]) for i, table in enumerate(varied)}}
        factors[point] = _of_tables(point, tables, known, minimum)
    return ScaleFactors(
        tagger=simulation.tagger,
        collection=simulation.collection,
        points=factors,
        sha256=tuple(filter(None, simulation.metadata.get("sha256", "").split(", "))),
        about=_about(data, simulation, chosen),
    )


def _each(sources: Mapping[str, Sequence[EfficiencyTable]]) -> list[tuple[str, EfficiencyTable]]:
    for name, tables in sources.items():
        if len(tables) not in (1, 2):
            wrong = f"source {name!r} has {len(tables)} tables, expected one, or up and down"
            raise BadInput("scale factors", wrong)
    return [(f"{name} {i}", t) for name, tables in sources.items() for i, t in enumerate(tables)]


def _check_same(simulation: EfficiencyTable, others: Mapping[str, EfficiencyTable]) -> None:
    for name, other in others.items():
        pairs = [
            (what, getattr(other, what), getattr(simulation, what))
            for what in ("tagger", "collection", "pt_edges", "abseta_edges")
        ]
        mine, its = (table.metadata.get("sha256") for table in (other, simulation))
        pairs.append(("sha256", mine, its))
        differences = [f"{what}: {a!r} and {b!r}" for what, a, b in pairs if a != b]
        if differences:
            wrong = f"{name} and simulation differ in {'; '.join(differences)}"
            do = "measure both with the same tagger, network and bins"
            raise BadInput("scale factors", wrong, (), do)


def _points(
    data: EfficiencyTable, simulation: EfficiencyTable, asked: Sequence[str] | None
) -> list[str]:
    shared = [point for point in simulation.working_points if point in data.working_points]
    for point in asked or ():
        if point not in shared:
            raise UnknownWorkingPoint.of("scale factors", "working point", point, shared)
    if not shared:
        wrong = f"no point of both: {data.working_points} and {simulation.working_points}"
        raise BadInput("scale factors", wrong)
    return list(dict.fromkeys(asked or shared))


def _about(data: EfficiencyTable, simulation: EfficiencyTable, chosen: tuple[Any, Any]) -> str:
    parts = []
    for name, table, classes in zip((SIMULATION, DATA), (simulation, data), chosen, strict=True):
        listed = classes if isinstance(classes, str) else ", ".join(classes)
        files = f" in {len(table.sources)} files" if table.sources else ""
        parts.append(f"{name}: {listed} of {table.tagger}@{table.network}{files}")
    return "; ".join(reversed(parts))


def _of_tables(
    point: str, tables: Tables, sources: Mapping[str, Sequence[EfficiencyTable]], minimum: float
) -> Factors:
    sums = {name: _sums(table, point, classes) for name, (table, classes) in tables.items()}
    data, simulation = tables[DATA][0], tables[SIMULATION][0]
    bins = Bins(simulation.pt_edges, simulation.abseta_edges)
    parts: list[list[slice]] = []
    said = []
    for column in range(bins.shape[1]):
        strength = partial(_effective, [sums[DATA], sums[SIMULATION]], column)
        found = joined(bins.shape[0], strength, minimum)
        parts.append([] if strength(found[0]) < minimum else found)
        said += [
            f"merged: {bins.range_text(part.start, part.stop, column)}"
            for part in parts[-1]
            if part.stop - part.start > 1
        ]
    edges = np.array(bins.pt_edges), np.array(bins.abseta_edges)
    found_in = {
        name: _measured(table, _merged(sums[name], parts), edges)
        for name, (table, _) in tables.items()
    }
    number = iter(range(len(tables)))
    varied = {}
    for source, listed in sources.items():
        ends = [found_in[str(next(number))].value for _ in listed]
        nominal = found_in[DATA].value
        varied[source] = (ends[0], ends[1] if len(ends) > 1 else 2.0 * nominal - ends[0])
    whole = found_in[DATA]
    whole = Measured(edges, whole.value, whole.low, whole.high, varied)
    try:
        return ratio(whole, found_in[SIMULATION], said)
    except BadInput as error:
        where = f"scale factors of {data.tagger}.{point}"
        raise BadInput(where, error.wrong, error.near, error.do) from error


def _sums(table: EfficiencyTable, point: str, classes: str | Sequence[str]) -> Sums:
    counts = table.counts(point, classes)
    inner = (slice(None), slice(1, -1), slice(1, -1))
    value, squares = (counts[part].sum(axis=0)[inner] for part in ("value", "variance"))
    return Sums(value[1], value[0], squares[1], squares[0])


def _effective(several: Sequence[Sums], column: int, part: slice) -> float:
    """Effective leptons in bins taken together, of the sample that has fewer."""
    found = []
    for sums in several:
        total = float(sums.total[part, column].sum())
        squares = sums.passed_squares + sums.failed_squares
        below = float(squares[part, column].sum())
        found.append(total**2 / below if total > 0.0 else 0.0)
    return min(found)


def _merged(sums: Sums, parts: Sequence[Sequence[slice]]) -> Sums:
    """Sums of the bins taken together, the same in each; 0 where there are no parts."""
    result = [np.zeros(np.shape(sums.passed)) for _ in range(4)]
    fields = (sums.passed, sums.failed, sums.passed_squares, sums.failed_squares)
    for to, whole in zip(result, fields, strict=True):
        for column, rows in enumerate(parts):
            for part in rows:
                to[part, column] = whole[part, column].sum()
    return Sums(*result)


def _measured(
    table: EfficiencyTable,
    sums: Sums,
    edges: tuple[intervals.Array, intervals.Array],
) -> Measured:
    name = intervals.choose(None, weighted=table.weighted, negative=table.negative_weights)
    low, high = intervals.evaluate(sums, name, intervals.ONE_SIGMA)
    return Measured(edges, sums.value, low, high)
