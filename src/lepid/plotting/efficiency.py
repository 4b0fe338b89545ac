"""Efficiencies against pT or |eta|: a panel per truth class, a colour per working point."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lepid.efficiency import summary
from lepid.efficiency.axis import Axis
from lepid.efficiency.counting import EfficiencyTable
from lepid.efficiency.intervals import Efficiency
from lepid.errors import BadInput, UnknownName
from lepid.plotting.figure import (
    AXIS_LABELS,
    COLOURS,
    MARKERS,
    STYLES,
    drawn,
    known_style,
    scale,
)

# Truth class -> working point -> efficiency.
_Results: TypeAlias = Mapping[str, Mapping[str, Efficiency]]
# Bins with an interval wider than this are drawn faintly: they would hide the others.
WIDE, FAINT = 0.3, 0.3


def efficiency_figure(
    table: EfficiencyTable,
    by: str,
    *,
    working_points: Sequence[str] | None = None,
    classes: Sequence[str] | None = None,
    style: str | None = None,
    label: str | None = None,
) -> Figure:
    """Figure of the efficiency against `by`: a panel per truth class, a colour per working point.

    Bins and classes without leptons are left out, and bins with wide intervals are faint. An open
    bin ends where it is drawn in grey.

    Parameters
    ----------
    by : variable on the horizontal axis, pt or abseta
    working_points, classes : those to draw; None is all
    style : atlas or cms, the look of their papers; None follows the experiment of the table
    label : text at the top left, its first word bold; None is `DEFAULT_LABEL`

    Raises
    ------
    UnknownName, UnknownWorkingPoint : a variable, class, working point or style is unknown
    BadInput : no class has leptons to draw
    """
    known = [name for name in STYLES if name]
    if style is not None and style not in known:
        raise UnknownName.of("figure", "style", style, known)
    if by not in AXIS_LABELS:
        raise UnknownName.of("figure", "variable", by, AXIS_LABELS)
    points = tuple(table.working_points if working_points is None else working_points)
    if not points:
        raise BadInput("figure", "no working point to draw", (), "name one, or leave it out")
    chosen = table.populated if classes is None else tuple(classes)
    results = {name: {p: table.efficiency(p, name, (by,)) for p in points} for name in chosen}
    results = {name: found for name, found in results.items() if _has_leptons(found)}
    if not results:
        wrong = "no scored leptons of these classes inside the bins to draw"
        raise BadInput(f"efficiency table of {table.tagger}", wrong, table.populated)
    axis = _axis(by, table, results)
    bars = f"error bars: {summary.interval_text(table)}; faint if wider than {WIDE:g}"
    return drawn(
        [partial(_draw, name, found, axis, AXIS_LABELS[by]) for name, found in results.items()],
        points,
        f"{_title(table)}\n{bars}",
        experiment=style or known_style(table.experiment),
        label=label,
    )


def _title(table: EfficiencyTable) -> str:
    network = f" ({table.network})" if table.network else ""
    return ", ".join(filter(None, (f"{table.tagger}{network}", table.collection)))


def _axis(by: str, table: EfficiencyTable, results: _Results) -> Axis:
    totals = [found.total for points in results.values() for found in points.values()]
    edges = table.pt_edges if by == "pt" else table.abseta_edges
    return Axis.of(edges, np.sum(totals, axis=0) != 0.0, by == "pt")


def _has_leptons(found: Mapping[str, Efficiency]) -> bool:
    return any(np.isfinite(result.value).any() for result in found.values())


def _draw(name: str, found: Mapping[str, Efficiency], axis: Axis, label: str, panel: Axes) -> None:
    for place, (point, result) in enumerate(found.items()):
        finite = np.isfinite(result.value)
        wide = result.high - result.low > WIDE
        colour, marker = COLOURS[place % len(COLOURS)], MARKERS[place % len(MARKERS)]
        style = {"linestyle": "none", "color": colour, "marker": marker, "markersize": 4.0}
        centres = axis.places(place, len(found))
        # The label is on the first call: a class of wide bins still names its colours.
        clear, faint = {"label": point, "linewidth": 1.1}, {"linewidth": 0.7, "alpha": FAINT}
        _bars(panel, result, axis, centres, chosen=finite & ~wide, **clear, **style)
        _bars(panel, result, axis, centres, chosen=finite & wide, **faint, **style)
    scale(panel, axis)
    panel.set_xlabel(label)
    panel.set_ylabel("Efficiency")
    panel.set_ylim(_vertical_limits(found))
    panel.set_title(name, loc="left", fontsize=11.5, fontweight="bold", pad=5.0)


def _bars(
    panel: Axes,
    result: Efficiency,
    axis: Axis,
    centres: npt.NDArray[np.float64],
    *,
    chosen: npt.NDArray[np.bool_],
    **style: Any,
) -> None:
    middle, value = centres[chosen], result.value[chosen]
    below, above = value - result.low[chosen], result.high[chosen] - value
    low, high = axis.edges[:-1][chosen], axis.edges[1:][chosen]
    panel.errorbar(
        middle,
        value,
        xerr=(middle - low, high - middle),
        # Rounding can leave an end of the interval 1e-17 on the wrong side.
        yerr=(np.maximum(below, 0.0), np.maximum(above, 0.0)),
        **style,
    )


def _vertical_limits(found: Mapping[str, Efficiency]) -> tuple[float, float]:
    shown = [result for result in found.values() if np.isfinite(result.value).any()]
    top = max(float(np.nanmax(result.value)) for result in shown)
    low = min(float(np.min(result.low[np.isfinite(result.value)])) for result in shown)
    high = max(float(np.max(result.high[np.isfinite(result.value)])) for result in shown)
    # The bars of nearly empty bins may leave the frame; the points may not.
    upper = min(high + 0.03, 1.5 * top) if top > 0.0 else high
    lower = max(0.0, math.floor(10.0 * low) / 10.0 - 0.1) if low > 0.5 else min(0.0, low)
    # Room for the lower half of a marker that stands at 0.
    if lower == 0.0 and any(np.nanmin(result.value) == 0.0 for result in shown):
        lower = -0.03 * upper
    return lower, upper
