"""Pictures of filled histograms, in the style of lepid's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import hist
import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from simulation.particles import Floats

from lepid.plotting.figure import StyledFigure
from validation import peaks
from validation.canvas import STYLE, canvas, head, label
from validation.curves import EFFECTIVE_MIN, Curve, curves
from validation.figure import (
    COMPOSITION,
    FRACTION,
    MEAN,
    PEAK,
    PROCESS_SERIES,
    RATIO,
    SHAPE,
    Figure,
    Panel,
)

GREY = "#555555"
FAINT = 0.35
DECADES = 1e-4


class Picture(NamedTuple):
    """A finished picture, and the series with too few entries for a panel: how many, at least."""

    figure: StyledFigure
    left_out: dict[str, float]


def picture(figure: Figure, histograms: Sequence[hist.Hist]) -> Picture | None:
    """The picture of a figure; None where no series has entries enough."""
    found = [curves(figure, histogram) for histogram in histograms]
    entries = {c.name: (c.colour, c.marker) for drawn, _ in found for c in drawn}
    entries = {name: entries[name] for name in figure.series.names.values() if name in entries}
    if not entries:
        return None
    with matplotlib.style.context(STYLE):
        made = canvas(figure, list(entries))
        for place, (panel, (drawn, _)) in enumerate(zip(figure.panels, found, strict=True)):
            axes, edges = made.panels[place], histograms[place].axes["x"].edges
            DRAW[figure.kind](axes, drawn, panel, edges)
            if made.below:
                _ratio(made.below[place], drawn, edges)
                axes.tick_params(labelbottom=False)
            label(axes, made.below[place] if made.below else axes, figure, panel, edges)
        head(made, figure, entries)
    left_out: dict[str, float] = {}
    for name, entries_of_panel in (pair for _, few in found for pair in few.items()):
        left_out[name] = min(entries_of_panel, left_out.get(name, entries_of_panel))
    return Picture(made.picture, left_out)


def _shape(axes: Axes, drawn: Sequence[Curve], panel: Panel, edges: Floats) -> None:
    centres = 0.5 * (edges[1:] + edges[:-1])
    for curve in drawn:
        axes.stairs(curve.values, edges, color=curve.colour, linewidth=1.3)
        axes.vlines(centres, curve.low, curve.high, color=curve.colour, linewidth=0.8, alpha=0.5)
    if panel.normal:
        density = np.exp(-0.5 * centres**2) / np.sqrt(2.0 * np.pi) * np.diff(edges)
        axes.plot(centres, density, color=GREY, linestyle=":", linewidth=1.4)
    _limits(axes, drawn, log=panel.log)


def _limits(axes: Axes, drawn: Sequence[Curve], *, log: bool) -> None:
    """Vertical range: from zero, or over as many decades as are worth it."""
    some = np.concatenate([np.zeros(0), *(curve.values[curve.values > 0.0] for curve in drawn)])
    if not len(some):
        return
    if log:
        axes.set_yscale("log")
        axes.set_ylim(0.6 * max(some.min(), DECADES * some.max()), 2.0 * some.max())
    else:
        axes.set_ylim(0.0, 1.18 * some.max())


def _peak(axes: Axes, drawn: Sequence[Curve], panel: Panel, edges: Floats) -> None:
    centres = 0.5 * (edges[1:] + edges[:-1])
    lines = []
    for curve in drawn:
        bars = (curve.values - curve.low, curve.high - curve.values)
        style = {"linestyle": "none", "marker": curve.marker, "markersize": 3.0, "linewidth": 0.8}
        axes.errorbar(centres, curve.values, bars, color=curve.colour, **style)
        found = peaks.core(centres, curve.values, curve.histogram.variances())
        if found is None:
            lines.append("too few pairs to fit")
            continue
        half = peaks.CORE * found.width
        x = np.linspace(found.position - half, found.position + half, 200)
        axes.plot(x, peaks.gaussian(x, *found[:3]), color=GREY, linewidth=1.6, zorder=3)
        digits = 3 if found.width < 0.5 else 2
        lines += [
            f"$\\mu$ = {found.position:.{digits}f} $\\pm$ {found.position_error:.{digits}f}",
            f"$\\sigma$ = {found.width:.{digits}f} $\\pm$ {found.width_error:.{digits}f} GeV",
        ]
    axes.text(0.04, 0.95, "\n".join(lines), transform=axes.transAxes, va="top", fontsize=9.5)
    _limits(axes, drawn, log=panel.log)


def _points(axes: Axes, drawn: Sequence[Curve], panel: Panel, edges: Floats) -> None:
    """Points with intervals, those of several series a little apart."""
    centres, widths = 0.5 * (edges[1:] + edges[:-1]), np.diff(edges)
    for place, curve in enumerate(drawn):
        x = centres + (place - 0.5 * (len(drawn) - 1)) * 0.09 * widths
        some = np.isfinite(curve.values)
        below, above = curve.values - curve.low, curve.high - curve.values
        axes.errorbar(
            x[some],
            curve.values[some],
            (np.maximum(below, 0.0)[some], np.maximum(above, 0.0)[some]),
            ((x - edges[:-1])[some], (edges[1:] - x)[some]),
            linestyle="none",
            marker=curve.marker,
            markersize=4.0,
            color=curve.colour,
            linewidth=1.0,
        )
    if axes.get_ylim()[0] < 0.0 and not any((curve.values < 0.0).any() for curve in drawn):
        axes.set_ylim(bottom=0.0)


def _bars(axes: Axes, drawn: Sequence[Curve], panel: Panel, edges: Floats) -> None:
    """Parts of the series of each process, and the effective number of leptons behind."""
    total = sum((curve.values for curve in drawn), np.zeros(len(edges) - 1))
    squares = sum((c.histogram.variances() for c in drawn), np.zeros(len(edges) - 1))
    rows = [code for code in PROCESS_SERIES.names if total[code] > 0.0]
    entries = total[rows] ** 2 / squares[rows]
    left = np.zeros(len(rows))
    for curve in drawn:
        part = curve.values[rows] / total[rows]
        for place, few in enumerate(entries < EFFECTIVE_MIN):
            style = {"color": curve.colour, "alpha": FAINT if few else 1.0}
            axes.barh(place, part[place], left=left[place], height=0.72, **style)
        left += part
    for place, number in enumerate(entries):
        axes.text(1.015, place, f"{number:,.0f}", va="center", fontsize=9.5)
    axes.set_yticks(range(len(rows)), [PROCESS_SERIES.names[code] for code in rows])
    axes.tick_params(axis="y", which="both", length=0)
    axes.yaxis.minorticks_off()
    axes.set_xlim(0.0, 1.0)
    axes.set_ylim(len(rows) - 0.4, -0.6)


def _ratio(axes: Axes, drawn: Sequence[Curve], edges: Floats) -> None:
    """The first curve over the second, with the errors of both."""
    axes.axhline(1.0, color=GREY, linewidth=0.8)
    axes.set_ylim(0.4, 1.6)
    axes.set_ylabel("ratio", fontsize=10.0)
    if len(drawn) < 2:
        return
    above, below = drawn
    value = above.values / below.values
    error = value * np.hypot(*((c.high - c.values) / c.values for c in (above, below)))
    style = {"linestyle": "none", "marker": "o", "markersize": 3.0, "linewidth": 1.0}
    axes.errorbar(0.5 * (edges[1:] + edges[:-1]), value, error, color=above.colour, **style)


DRAW = {
    SHAPE: _shape,
    RATIO: _shape,
    PEAK: _peak,
    FRACTION: _points,
    MEAN: _points,
    COMPOSITION: _bars,
}
