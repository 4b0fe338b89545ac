"""Pictures of tables of working points: cuts and efficiencies against pT, a panel per |eta| bin."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from lepid.efficiency.axis import Axis
from lepid.efficiency.summary import bin_text
from lepid.errors import BadInput, UnknownName
from lepid.plotting.figure import COLOURS, MARKERS, drawn, scale
from lepid.point_tables import SYMBOLS
from lepid.working_points.grid import ENERGIES, Floats, Grid, grids
from lepid.working_points.table import Table

EFFICIENCY = "efficiency"
# Places in a bin at which a cut is looked up, and what no quantity exceeds.
PLACES, NO_CUT = 33, 1e29


class _Panel(NamedTuple):
    """Grids of one quantity in the same inputs, and the bin of the second input; None without."""

    quantity: str
    grids: tuple[Grid, ...]
    bin: tuple[float, float] | None

    @property
    def middle(self) -> float:
        """Where the second input is looked up."""
        low, high = self.bin or (0.0, 0.0)
        return low + 1.0 if np.isinf(high) else 0.5 * (low + high)


def kinds(table: Table) -> list[str]:
    """What `figure` can draw: quantities whose cuts change from bin to bin, and "efficiency".

    Raises
    ------
    BadTable : a cut depends on more than two inputs
    """
    found = [grid for grid in grids(table) if _drawable(grid)]
    names = list(dict.fromkeys(grid.quantity for grid in found))
    known = any(np.isfinite(grid.efficiency).any() for grid in found)
    return [*names, EFFICIENCY] if known else names


def _drawable(grid: Grid) -> bool:
    return grid.sense != "bit" and grid.cuts.size > 1


def figure(table: Table, kind: str = "", *, style: str | None = None) -> Any:
    """Picture of the points of a table: a panel per bin in |eta|, a colour per point.

    Parameters
    ----------
    kind : a quantity, for its cuts, or ``"efficiency"``, for the efficiencies asked for and
        reached; empty is the first of `kinds`
    style : atlas or cms; None is that of lepid

    Raises
    ------
    UnknownName : no such kind or style
    BadInput : no cut of the table changes from bin to bin
    BadTable : a cut depends on more than two inputs
    """
    known = kinds(table)
    if not known:
        do = "lepid working-points show prints them"
        raise BadInput(table.path, "has no cut that changes from bin to bin", (), do)
    if kind and kind not in known:
        raise UnknownName.of(f"picture of {table.path}", "kind", kind, known)
    chosen = kind or known[0]
    panels = list(_panels(table, chosen))
    points = dict.fromkeys(grid.point for panel in panels for grid in panel.grids)
    places = {name: place for place, name in enumerate(points)}
    function = _efficiencies if chosen == EFFICIENCY else _cuts
    draw = [partial(function, table, one, places) for one in panels]
    # Cuts that somebody published need not be from simulation.
    label = None if EFFICIENCY in known else "lepid"
    note = _note(table, chosen, panels)
    return drawn(draw, list(points), note, experiment=style or "", label=label)


def _panels(table: Table, kind: str) -> Iterator[_Panel]:
    found = [grid for grid in grids(table) if _drawable(grid)]
    if kind == EFFICIENCY:
        # Requirements of one point have its efficiency in common.
        first = {grid.point: grid for grid in reversed(found) if np.isfinite(grid.efficiency).any()}
        found = [grid for grid in found if first.get(grid.point) is grid]
    else:
        found = [grid for grid in found if grid.quantity == kind]
    alike: dict[tuple[Any, ...], list[Grid]] = {}
    for grid in found:
        alike.setdefault((grid.inputs, grid.units), []).append(grid)
    for several in alike.values():
        bins: list[tuple[float, float] | None] = [None]
        if len(several[0].inputs) > 1:
            bins = list(pairwise(sorted({edge for grid in several for edge in grid.edges[1]})))
        yield from (_Panel(kind, tuple(several), each) for each in bins)


def _note(table: Table, kind: str, panels: Sequence[_Panel]) -> str:
    if kind == EFFICIENCY:
        return f"{table.rules.tagger}\ndashed: asked for; bars: statistical errors"
    senses = dict.fromkeys(grid.sense for panel in panels for grid in panel.grids)
    known = any(np.isfinite(grid.uncertainty).any() for panel in panels for grid in panel.grids)
    said = f"{table.rules.tagger}: passed by {kind} {' or '.join(senses)} cut"
    return f"{said}\nbars: statistical errors" if known else said


# --- drawing ------------------------------------------------------------------------------------


def _axis(panel: _Panel) -> Axis:
    edges = sorted({edge for grid in panel.grids for edge in grid.edges[0]})
    return _axis_of(edges, panel.grids[0].inputs[0] in ENERGIES)


def _axis_of(edges: Sequence[float], energy: bool) -> Axis:
    finite = [0.0 if np.isneginf(edge) else edge for edge in edges]
    return Axis.of(finite, np.ones(len(finite) - 1, np.bool_), energy)


def _of_grid(grid: Grid, panel: _Panel, axis: Axis) -> tuple[Floats, int]:
    """Edges of a grid where the axis draws them, and its column of the second input."""
    places = np.searchsorted(sorted({e for g in panel.grids for e in g.edges[0]}), grid.edges[0])
    column = 0
    if panel.bin is not None:
        column = int(np.searchsorted(grid.edges[1], panel.middle, side="right")) - 1
    return axis.edges[places], column


def _cuts(table: Table, panel: _Panel, places: Mapping[str, int], axes: Any) -> None:
    axis = _axis(panel)
    _legend(axes, places, markers=any(np.isfinite(g.uncertainty).any() for g in panel.grids))
    for grid in panel.grids:
        edges, column = _of_grid(grid, panel, axis)
        place = places[grid.point]
        style: dict[str, Any] = {"color": COLOURS[place % len(COLOURS)]}
        space = np.geomspace if axis.logarithmic else np.linspace
        for low, high in pairwise(edges.tolist()):
            x = space(low, high, PLACES)
            # The upper edge belongs to the next bin.
            x[-1] = np.nextafter(high, low)
            axes.plot(x, _looked_up(table, grid, panel, x), linewidth=1.2, **style)
        sigma = _column(grid.uncertainty, column)
        middle = _middle(axis, edges, place, len(places))
        known = np.isfinite(sigma)
        axes.errorbar(
            middle[known],
            _looked_up(table, grid, panel, middle)[known],
            yerr=sigma[known],
            linestyle="none",
            marker=MARKERS[place % len(MARKERS)],
            markersize=4.0,
            linewidth=1.1,
            **style,
        )
    unit = table.tables.output_unit(panel.grids[0].correction)
    axes.set_ylabel(f"Cut on {panel.quantity}" + (f" [{unit}]" if unit else ""))
    _finish(panel, axis, axes)


def _looked_up(table: Table, grid: Grid, panel: _Panel, x: Floats) -> Floats:
    values = {grid.inputs[0]: x}
    if panel.bin is not None:
        values[grid.inputs[1]] = np.full(len(x), panel.middle)
    order = [values[each] for each in table.tables.inputs(grid.correction)]
    found = table.tables.look_up(grid.correction, *order)
    return np.where(np.abs(found) < NO_CUT, found, np.nan)


def _column(values: Floats, column: int) -> Floats:
    return values[:, column] if values.ndim > 1 else values


def _middle(axis: Axis, edges: Floats, place: int, of: int) -> Floats:
    return Axis(edges, axis.limits, axis.logarithmic, ()).places(place, of)


def _efficiencies(table: Table, panel: _Panel, places: Mapping[str, int], axes: Any) -> None:
    axis = _axis(panel)
    _legend(axes, places)
    for grid in panel.grids:
        edges, column = _of_grid(grid, panel, axis)
        place = places[grid.point]
        style: dict[str, Any] = {"color": COLOURS[place % len(COLOURS)], "linewidth": 1.1}
        target, reached, sigma = (
            _column(values, column)
            for values in (grid.target, grid.efficiency, grid.efficiency_uncertainty)
        )
        for low, high, value in zip(edges[:-1], edges[1:], target, strict=True):
            axes.plot((low, high), (value, value), linestyle="--", **style)
        axes.errorbar(
            _middle(axis, edges, place, len(places)),
            reached,
            yerr=np.nan_to_num(sigma),
            linestyle="none",
            marker=MARKERS[place % len(MARKERS)],
            markersize=4.0,
            **style,
        )
    axes.set_ylabel("Efficiency")
    _finish(panel, axis, axes)


def _legend(axes: Any, places: Mapping[str, int], *, markers: bool = True) -> None:
    """All points, also those that this panel does not have."""
    for name, place in places.items():
        colour = COLOURS[place % len(COLOURS)]
        marker = MARKERS[place % len(MARKERS)] if markers else ""
        axes.plot([], [], color=colour, marker=marker, markersize=4.0, linewidth=1.2, label=name)


def _finish(panel: _Panel, axis: Axis, axes: Any) -> None:
    name, unit = panel.grids[0].inputs[0], panel.grids[0].units[0]
    axes.set_xlabel(SYMBOLS.get(name, name) + (f" [{unit}]" if unit else ""))
    axes.margins(y=0.1)
    scale(axes, axis)
    if panel.bin is not None:
        second = panel.grids[0].inputs[1]
        title = f"{SYMBOLS.get(second, second)} {bin_text(panel.bin)}"
        axes.set_title(title, loc="left", fontsize=11.5, pad=5.0)
