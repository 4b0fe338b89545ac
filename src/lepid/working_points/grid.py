"""Cuts of a table in bins, as people read them: one grid per requirement, two side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise, product
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lepid.errors import BadTable
from lepid.nodes import edges as edges_of
from lepid.working_points.table import Requirement, Table
from lepid.working_points.written import EFFICIENCY, EFFICIENCY_UNCERTAINTY, TARGET, UNCERTAINTY

Floats = npt.NDArray[np.float64]
ENERGIES = ("pt", "et")
# Where a cut is looked up in a bin without end.
BEYOND = 1.0


@dataclass(frozen=True)
class Grid:
    """Cuts of one requirement in bins of its inputs.

    Attributes
    ----------
    point, quantity, sense, correction : of the requirement
    inputs, units : names of the inputs and their units, pT or E_T first
    edges : [n_bin + 1] for each input
    cuts : [*n_bin], in the middle of each bin
    low, high : [*n_bin], smallest and largest at its ends and middle
    uncertainty, target, efficiency, efficiency_uncertainty : [*n_bin], NaN where the table does
        not say
    """

    point: str
    quantity: str
    sense: str
    correction: str
    inputs: tuple[str, ...]
    units: tuple[str, ...]
    edges: tuple[tuple[float, ...], ...]
    cuts: Floats
    low: Floats
    high: Floats
    uncertainty: Floats
    target: Floats
    efficiency: Floats
    efficiency_uncertainty: Floats


def grids(table: Table, only: Mapping[str, tuple[float, ...]] | None = None) -> list[Grid]:
    """Grids of all requirements of a table.

    Parameters
    ----------
    only : input -> edges to use in place of those of the table

    Raises
    ------
    BadTable : a correction has more than two inputs
    """
    return [
        _grid(table, point, requirement, only)
        for point in table.points
        for requirement in table.requirements(point)
    ]


def _grid(
    table: Table,
    point: str,
    requirement: Requirement,
    only: Mapping[str, tuple[float, ...]] | None,
) -> Grid:
    name = requirement.correction
    units = table.tables.inputs(name)
    inputs = sorted(units, key=lambda each: each not in ENERGIES)
    if len(inputs) > 2:
        wrong = f"{name} depends on {', '.join(inputs)}: more than two inputs make no grid"
        raise BadTable(table.path, wrong)
    steps = name + UNCERTAINTY in table.tables.names
    own = edges_of(table.tables.node(name + UNCERTAINTY if steps else name))
    all_edges = only or {each: tuple(own.get(each, (-np.inf, np.inf))) for each in inputs}
    edges = tuple(all_edges[each] for each in inputs)

    def at(correction: str, share: float) -> Floats:
        places = dict(zip(inputs, _places(edges, share), strict=True))
        order = [places[each] for each in table.tables.inputs(correction)]
        found = table.tables.look_up(correction, *(each.ravel() for each in order))
        return np.asarray(found).reshape([len(line) - 1 for line in edges])

    def known(correction: str, like: Floats) -> Floats:
        there = correction in table.tables.names
        return at(correction, 0.5) if there else np.full(like.shape, np.nan)

    ends = [at(name, share) for share in (0.0, 0.5, 1.0)]
    return Grid(
        point, requirement.quantity, requirement.sense, name, tuple(inputs),
        tuple(units[each] for each in inputs), edges, ends[1], np.minimum.reduce(ends),
        np.maximum.reduce(ends), known(name + UNCERTAINTY, ends[0]),
        known(point + TARGET, ends[0]), known(point + EFFICIENCY, ends[0]),
        known(point + EFFICIENCY_UNCERTAINTY, ends[0]),
    )  # fmt: skip


def _places(edges: tuple[tuple[float, ...], ...], share: float) -> list[Floats]:
    """Where in its bins each input is looked up: the first at a share of the bin, others midway."""
    lines = [
        np.array([_place(*ends, share if i == 0 else 0.5) for ends in pairwise(line)])
        for i, line in enumerate(edges)
    ]
    return list(np.meshgrid(*lines, indexing="ij"))


def _place(low: float, high: float, share: float) -> float:
    if not np.isfinite(low):
        low = min(0.0, high - BEYOND) if np.isfinite(high) else 0.0
    if not np.isfinite(high):
        return low + BEYOND * share
    # The upper edge belongs to the next bin.
    return min(low + (high - low) * share, float(np.nextafter(high, low)))


class Difference(NamedTuple):
    """One bin of a requirement in two tables.

    Attributes
    ----------
    point, quantity : of the requirement
    bin : (input, low, high) for each input
    one, other : the cuts in the middle of the bin
    uncertainty : of the difference, NaN where a table does not say
    """

    point: str
    quantity: str
    bin: tuple[tuple[str, float, float], ...]
    one: float
    other: float
    uncertainty: float


def differences(one: Table, other: Table) -> list[Difference]:
    """All cuts that both tables have, in the bins of both.

    The uncertainty takes the two as independent.

    Raises
    ------
    BadTable : no point is in both, or one cuts on the same quantity in other inputs or units
    """
    pairs = list(_pairs(one, other))
    if not pairs:
        wrong = f"no point and quantity is also in {other.path}"
        do = f"one has {', '.join(one.points)}; the other {', '.join(other.points)}"
        raise BadTable(one.path, wrong, (), do)
    found = []
    for first, second in pairs:
        if (first.inputs, first.units) != (second.inputs, second.units):
            has = [f"{', '.join(g.inputs)} [{', '.join(g.units)}]" for g in (first, second)]
            wrong = f"{first.point} is binned in {has[0]}, and in {other.path} in {has[1]}"
            raise BadTable(one.path, wrong)
        shared = {
            name: tuple(sorted({*a, *b}))
            for name, a, b in zip(first.inputs, first.edges, second.edges, strict=True)
        }
        both = [_again(table, grid, shared) for table, grid in ((one, first), (other, second))]
        found += _rows(*both)
    return found


def _pairs(one: Table, other: Table) -> Iterator[tuple[Grid, Grid]]:
    second = {(grid.point, grid.quantity): grid for grid in grids(other)}
    for grid in grids(one):
        if (grid.point, grid.quantity) in second:
            yield grid, second[grid.point, grid.quantity]


def _again(table: Table, grid: Grid, edges: Mapping[str, tuple[float, ...]]) -> Grid:
    requirement = next(
        r for r in table.requirements(grid.point) if r.correction == grid.correction
    )  # fmt: skip
    return _grid(table, grid.point, requirement, edges)


def _rows(one: Grid, other: Grid) -> list[Difference]:
    sigma = np.hypot(one.uncertainty, other.uncertainty)
    bins = product(*(list(pairwise(line)) for line in one.edges))
    return [
        Difference(
            one.point, one.quantity,
            tuple((name, *ends) for name, ends in zip(one.inputs, places, strict=True)),
            float(one.cuts.ravel()[i]), float(other.cuts.ravel()[i]), float(sigma.ravel()[i]),
        )
        for i, places in enumerate(bins)
    ]  # fmt: skip
