"""Where panels, titles and legends of a picture stand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import (
    FormatStrFormatter,
    LogLocator,
    MaxNLocator,
    NullFormatter,
    NullLocator,
)
from simulation.particles import Floats

from lepid.plotting.figure import DEFAULT_LABEL, SIZES, STYLES, StyledFigure
from validation.figure import COMPOSITION, FRACTION, MEAN, PEAK, RATIO, SHAPE, Figure, Panel

STYLE = [STYLES["atlas"][0], SIZES]
# Inches: one panel, one alone, the space between panels, and the margins.
PANEL, LONE_PANEL, GAP = (3.7, 2.75), (6.6, 3.9), (0.85, 0.75)
LEFT, RIGHT, BOTTOM = 0.8, 0.2, 0.6
# Process names to the left of bars, numbers of leptons to the right.
BAR_LEFT, BAR_RIGHT = 1.2, 0.8
TITLE, LEGEND_ROW, LETTER, HANDLE = 0.42, 0.26, 0.085, 0.6
RATIO_SHARE, RATIO_SPACE = 0.3, 0.06
MARKED = (PEAK, FRACTION, MEAN)
VERTICAL = {
    SHAPE: "Fraction per bin",
    PEAK: "Pairs per bin",
    FRACTION: "Fraction",
    MEAN: "Mean",
    COMPOSITION: "",
    RATIO: "Fraction per bin",
}


class Canvas(NamedTuple):
    """An empty picture, its panels, and those below them for ratios."""

    picture: StyledFigure
    panels: list[Axes]
    below: list[Axes]


def canvas(figure: Figure, names: Sequence[str]) -> Canvas:
    """Empty panels for a figure whose legend has the `names`."""
    n, (across, down) = len(figure.panels), _panel_size(figure)
    columns = _columns(n)
    rows = math.ceil(n / columns)
    bars = figure.kind == COMPOSITION
    left, right = (BAR_LEFT, BAR_RIGHT) if bars else (LEFT, RIGHT)
    head = TITLE + LEGEND_ROW * _legend_rows(figure, names)
    total = (
        left + right + columns * across + (columns - 1) * GAP[0],
        BOTTOM + head + rows * down + (rows - 1) * GAP[1],
    )
    picture = StyledFigure(STYLE, figsize=total, facecolor="white")
    panels, below = [], []

    def add(x: float, y: float, height: float) -> Axes:
        return picture.add_axes((x / total[0], y / total[1], across / total[0], height / total[1]))

    for place in range(n):
        row, column = divmod(place, columns)
        x = left + column * (across + GAP[0])
        y = BOTTOM + (rows - 1 - row) * (down + GAP[1])
        lower = RATIO_SHARE * down if figure.kind == RATIO else 0.0
        panels.append(add(x, y + lower, down - lower))
        if figure.kind == RATIO:
            below.append(add(x, y, lower - RATIO_SPACE))
    return Canvas(picture, panels, below)


def head(drawn: Canvas, figure: Figure, entries: dict[str, tuple[str, str]]) -> None:
    """The label of the simulation and the legend: name -> colour and marker."""
    width, height = drawn.picture.get_size_inches()
    left = (BAR_LEFT if figure.kind == COMPOSITION else LEFT) / width
    first, _, rest = DEFAULT_LABEL.partition(" ")
    place = {"ha": "left", "va": "top", "fontsize": 14.0}
    top = 1.0 - 0.08 / height
    drawn.picture.text(left, top, first, weight="bold", style="italic", **place)
    drawn.picture.text(left + 0.6 / width, top, rest, **place)
    if not _legend_rows(figure, list(entries)):
        return
    thick = 7.0 if figure.kind == COMPOSITION else 1.6
    handles = [
        Line2D(
            [],
            [],
            color=colour,
            linewidth=thick,
            marker=marker if figure.kind in MARKED else "",
            markersize=4.0,
        )
        for colour, marker in entries.values()
    ]
    drawn.picture.legend(
        handles,
        list(entries),
        loc="upper left",
        bbox_to_anchor=(left, 1.0 - TITLE / height),
        ncols=_legend_columns(figure, list(entries)),
        frameon=False,
        borderaxespad=0.0,
        borderpad=0.0,
        handlelength=1.2 if figure.kind == COMPOSITION else 1.5,
        handletextpad=0.5,
        columnspacing=1.4,
        fontsize=10.5,
    )


def label(upper: Axes, lower: Axes, figure: Figure, panel: Panel, edges: Floats) -> None:
    """Names and scales of the axes; `lower` is the same as `upper` without a ratio."""
    lower.set_xlabel(panel.label)
    upper.set_ylabel(panel.y_label or VERTICAL[figure.kind])
    if figure.kind == COMPOSITION:
        return
    widths = np.diff(edges)
    for axes in {upper, lower}:
        if not np.allclose(widths, widths[0]) and edges[0] > 0.0:
            axes.set_xscale("log")
            axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
            axes.xaxis.set_major_formatter(FormatStrFormatter("%g"))
            axes.xaxis.set_minor_formatter(NullFormatter())
        elif np.allclose(widths, 1.0) and np.allclose(edges % 1.0, 0.5):
            axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
            axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xlim(edges[0], edges[-1])


def _columns(n: int) -> int:
    return 2 if n == 4 else min(n, 3)


def _panel_size(figure: Figure) -> tuple[float, float]:
    return LONE_PANEL if len(figure.panels) == 1 else PANEL


def _legend_columns(figure: Figure, names: Sequence[str]) -> int:
    columns = _columns(len(figure.panels))
    room = columns * _panel_size(figure)[0] + (columns - 1) * GAP[0]
    letters = max(len(name.replace("$", "").replace("\\", "")) for name in names)
    return max(1, min(len(names), int(room / (HANDLE + LETTER * letters))))


def _legend_rows(figure: Figure, names: Sequence[str]) -> int:
    if len(figure.series.names) < 2 or not names:
        return 0
    return math.ceil(len(names) / _legend_columns(figure, names))
