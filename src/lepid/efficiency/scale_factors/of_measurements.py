"""Scale factors out of two measurements of any kind: tables that count, or pairs of a resonance."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np

from lepid.efficiency.counting import EfficiencyTable
from lepid.efficiency.scale_factors import of_tables
from lepid.efficiency.scale_factors.of_tables import DATA, MINIMUM, SIMULATION
from lepid.efficiency.scale_factors.ratio import (
    Factors,
    Measured,
    ScaleFactors,
    check_sources,
    ratio,
)
from lepid.efficiency.tag_and_probe.charge_flips import FLIP, FlipRates
from lepid.efficiency.tag_and_probe.result import ProbeEfficiency
from lepid.errors import BadInput, UnknownWorkingPoint

Measurement: TypeAlias = EfficiencyTable | ProbeEfficiency | Sequence[ProbeEfficiency] | FlipRates
Classes: TypeAlias = str | Sequence[str] | None


def scale_factors(
    data: Measurement,
    simulation: Measurement,
    *,
    working_points: Sequence[str] | None = None,
    truth_class: Classes = None,
    data_class: Classes = None,
    sources: Mapping[str, Sequence[Measurement]] | None = None,
    minimum: float = MINIMUM,
) -> ScaleFactors:
    """Efficiencies of `data` over those of `simulation`, bin by bin.

    Each is an efficiency table, what tag and probe measured (one working point or several), or
    rates of charge flips, whose working point is ``charge_flip``: leptons with a wrong charge pass.
    Of two tables, a bin with fewer than `minimum` effective leptons in either joins its thinner
    neighbour in pT; where all bins of an |eta| together have fewer there is no scale factor. What
    was measured with pairs stays in its bins. Where there is no number in data, or none above 0
    in simulation, the scale factor is NaN. `Factors.said` has all of it.

    Parameters
    ----------
    working_points : None takes those that both have
    truth_class : of the leptons of a table of simulation, one or several; None takes all
    data_class : the same for a table of data
    sources : source of a systematic uncertainty -> data measured in another way, or with it up
        and down; of one measurement the difference counts to both sides. The variations of tag
        and probe are sources by themselves: see `ratio` for what varies together

    Raises
    ------
    BadInput : other things or bins were measured, no shared working point, no bin that both
        measured, no bins, classes for pairs, or a source has a name that means something else
    UnknownWorkingPoint, UnknownName : a measurement does not have the point or class

    Source
    ------
    Ours
    """
    known = dict(sources or {})
    every = [data, simulation, *(one for each in known.values() for one in each)]
    if all(isinstance(one, EfficiencyTable) for one in every):
        tables: Any = (data, simulation)
        return of_tables.of_tables(
            *tables,
            working_points=working_points,
            truth_class=truth_class,
            data_class=data_class,
            sources=known,  # type: ignore[arg-type]
            minimum=minimum,
        )
    check_sources(known)
    mine, its = _described(data, DATA, data_class), _described(simulation, SIMULATION, truth_class)
    varied = {
        name: [_described(one, f"source {name} {i}", data_class) for i, one in enumerate(each)]
        for name, each in of_tables.counted(known).items()
    }
    for other in (mine, *(one for each in varied.values() for one in each)):
        _check_same(other, its)
    points = of_tables.shared_points(mine.points, its.points, working_points)
    return ScaleFactors(
        tagger=its.facts["tagger"],
        collection=its.facts["collection"],
        points={point: _factors(point, mine, its, varied) for point in points},
        sha256=tuple(filter(None, its.facts["sha256"].split(", "))),
        about=f"{mine.about}; {its.about}",
    )


@dataclass(frozen=True)
class _Described:
    """A measurement of any kind.

    Attributes
    ----------
    where : data, simulation or a source
    points : working points
    facts : what has to agree
    of : working point -> what was measured
    about : in words
    """

    where: str
    points: tuple[str, ...]
    facts: Mapping[str, Any]
    of: Callable[[str], Measured]
    about: str


def _described(measurement: Measurement, where: str, classes: Classes) -> _Described:
    if isinstance(measurement, EfficiencyTable):
        return _table(measurement, where, classes)
    if classes:
        wrong = f"truth classes are named, and {where} was measured with pairs"
        raise BadInput("scale factors", wrong, (), "leave the classes out")
    if isinstance(measurement, FlipRates):
        return _flips(measurement, where)
    results = (measurement,) if isinstance(measurement, ProbeEfficiency) else tuple(measurement)
    return _probes(results, where)


def _table(table: EfficiencyTable, where: str, classes: Classes) -> _Described:
    chosen = classes or table.populated
    if not chosen:
        raise BadInput("scale factors", f"the table of {where} has no scored leptons")
    facts = {
        "tagger": table.tagger,
        "collection": table.collection,
        "sha256": table.metadata.get("sha256", ""),
        "pt_edges": table.pt_edges,
        "abseta_edges": table.abseta_edges,
    }

    def of(point: str) -> Measured:
        found = table.efficiency(point, chosen)
        # A bin without leptons has an interval of 0 to 1 around no value.
        empty = np.isnan(found.value)
        low, high = (np.where(empty, np.nan, end) for end in (found.low, found.high))
        edges = found.edges[0], found.edges[1]
        return Measured(edges, found.value, low, high)

    return _Described(where, table.working_points, facts, of, of_tables.about(where, table, chosen))


def _probes(results: Sequence[ProbeEfficiency], where: str) -> _Described:
    named = {one.working_point: one for one in results}
    if len(named) < len(results) or not results:
        wrong = f"{where} has {len(results)} results for {len(named)} working points"
        raise BadInput("scale factors", wrong, (), "give one result for each point")
    identities = [{**one.identity, "edges": one.edges} for one in results]
    if any(one != identities[0] for one in identities):
        wrong = f"the results of {where} were not measured with the same pairs and bins"
        raise BadInput("scale factors", wrong, (), "give the results of one table of pairs")
    first = results[0]
    if not first.edges:
        do = "measure in bins; one bin in pT and one in |eta| will do"
        raise BadInput("scale factors", f"{where} has all probes as one, without bins", (), do)
    identity = first.identity
    facts: dict[str, Any]
    facts = {name: identity.get(name, "") for name in ("collection", "sha256", "resonance")}
    facts |= {"tagger": identity["tagger"].partition("@")[0], "probe": identity.get("probe", "")}
    facts |= {"pt_edges": first.edges[0], "abseta_edges": first.edges[1]}
    about = f"{where}: pairs of {identity['tagger']}, {first.method.text()}"
    return _Described(where, tuple(named), facts, lambda point: _pairs(named[point]), about)


def _flips(rates: FlipRates, where: str) -> _Described:
    names = ("collection", "select", "resonance")
    facts: dict[str, Any] = {name: rates.identity.get(name, "") for name in names}
    facts |= {"tagger": FLIP, "sha256": ""}
    facts |= {"pt_edges": rates.pt_edges, "abseta_edges": rates.abseta_edges}
    edges = np.array(rates.pt_edges), np.array(rates.abseta_edges)
    found = Measured(edges, rates.value, rates.value - rates.error, rates.value + rates.error)
    about = f"{where}: pairs of the same charge"
    return _Described(where, (FLIP,), facts, lambda _: found, about)


def _pairs(result: ProbeEfficiency) -> Measured:
    pt, abseta = result.edges
    ways = {
        source: tuple(
            np.array([one.ends.value for one in way]).reshape(result.shape) for way in each
        )
        for source, each in result.variations.items()
    }
    edges = np.array(pt), np.array(abseta)
    return Measured(edges, result.value, result.low, result.high, ways=ways)


def _check_same(one: _Described, other: _Described) -> None:
    # Only pairs know a resonance and a selection of probes.
    shared = [name for name in one.facts if name in other.facts]
    pairs = [(name, one.facts[name], other.facts[name]) for name in shared]
    differences = [f"{name}: {a!r} and {b!r}" for name, a, b in pairs if a != b]
    if differences:
        wrong = f"{one.where} and {other.where} differ in {'; '.join(differences)}"
        do = "measure both with the same tagger, network, selection and bins"
        raise BadInput("scale factors", wrong, (), do)


def _factors(
    point: str, data: _Described, simulation: _Described, varied: Mapping[str, list[_Described]]
) -> Factors:
    mine = data.of(point)
    ends = {}
    for name, each in varied.items():
        for one in each:
            if point not in one.points:
                raise UnknownWorkingPoint.of(one.where, "working point", point, one.points)
        first, *second = (one.of(point).value for one in each)
        ends[name] = (first, second[0] if second else 2.0 * mine.value - first)
    try:
        return ratio(replace(mine, sources=ends), simulation.of(point))
    except BadInput as error:
        where = f"scale factors of {data.facts['tagger']}.{point}"
        raise BadInput(where, error.wrong, error.near, error.do) from error
