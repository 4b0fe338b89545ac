"""The look of all pictures: styles of the experiments, panels below one legend, files."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import matplotlib.style
import mplhep
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.offsetbox import AnchoredOffsetbox, HPacker, TextArea
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from lepid.efficiency.axis import Axis
from lepid.errors import BadInput, UnknownName, near_misses
from lepid.files_out import atomic

# Okabe and Ito, without their yellow, which is lost on white.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">")
SUFFIXES = (".png", ".pdf", ".svg")
DEFAULT_LABEL = "lepid Simulation"
AXIS_LABELS = {"pt": r"$p_{\mathrm{T}}$ [GeV]", "abseta": r"$|\eta|$"}
SHADE = "#efefef"
DPI = 160
STYLES: dict[str, tuple[dict[str, Any], str, str]] = {
    # rcParams, font style of the first word of the label, and of the rest
    "": (mplhep.style.ATLAS, "normal", "normal"),
    "atlas": (mplhep.style.ATLAS, "italic", "normal"),
    "cms": (mplhep.style.CMS, "normal", "italic"),
}
# The styles are made for one large picture; these sizes are for several panels on a page.
SIZES: dict[str, Any] = {
    "font.size": 11.0,
    "axes.labelsize": 12.0,
    "axes.linewidth": 0.9,
    "axes.labelpad": 4.0,
    "axes.autolimit_mode": "data",
    "xtick.labelsize": 10.5,
    "ytick.labelsize": 10.5,
    "xtick.major.size": 6.0,
    "xtick.minor.size": 3.0,
    "ytick.major.size": 6.0,
    "ytick.minor.size": 3.0,
    "xtick.major.width": 0.8,
    "ytick.major.width": 0.8,
    "xtick.major.pad": 4.0,
    "ytick.major.pad": 4.0,
    "axes.formatter.limits": (-4, 5),
}


# Inches: one panel, one alone, the space between panels, and the margins.
PANEL, LONE_PANEL, GAP = (3.6, 2.6), (6.0, 3.9), (0.55, 0.5)
LEFT, RIGHT, BOTTOM, HEADER, LEGEND_ROW = 0.72, 0.2, 0.62, 0.78, 0.24
LABEL_SPACE = 0.45
LEGEND_HANDLE, LEGEND_LETTER = 0.55, 0.085


class StyledFigure(Figure):
    """Figure that is drawn in its own style, whatever holds where it is saved.

    Fonts and ticks are chosen when a figure is drawn, not when it is made.
    """

    def __init__(self, parameters: Sequence[dict[str, Any]], **options: Any) -> None:
        super().__init__(**options)
        self.parameters = list(parameters)

    def draw(self, renderer: Any) -> None:
        """Draw everything in the style of the figure."""
        with matplotlib.style.context(self.parameters):
            super().draw(renderer)


def in_style(parameters: dict[str, Any]) -> AbstractContextManager[None]:
    """Context in which axes are made in this style, one of `STYLES`, at the sizes of lepid."""
    context: AbstractContextManager[None] = matplotlib.style.context([parameters, SIZES])
    return context


def drawn(
    draw: Sequence[Callable[[Axes], None]],
    names: Sequence[str],
    note: str,
    *,
    experiment: str = "",
    label: str | None = None,
) -> Figure:
    """Figure of some panels, each drawn by a function, below one legend and a heading.

    Parameters
    ----------
    draw : one for each panel; they take an Axes and give what they draw a label on the first
    names : those labels, for the width of the legend
    note : lines at the top right
    experiment : atlas, cms, or empty: the style
    label : text at the top left, its first word bold; None is `DEFAULT_LABEL`

    Raises
    ------
    UnknownName : no such style
    """
    if experiment not in STYLES:
        raise UnknownName.of("figure", "style", experiment, [name for name in STYLES if name])
    parameters, first, rest = STYLES[experiment]
    with in_style(parameters):
        figure, panels = _panels(len(draw), names, parameters)
        for panel, function in zip(panels, draw, strict=True):
            function(panel)
        _share_labels(panels)
        _head(figure, note, panels[0], (label or DEFAULT_LABEL, first, rest))
    return figure


def save(figure: Figure, path: Path) -> None:
    """Write `figure` in the format of the suffix of `path`, one of `SUFFIXES`.

    Raises
    ------
    BadInput : another suffix
    """
    if path.suffix.lower() not in SUFFIXES:
        wrong = f"no picture format has the suffix {path.suffix!r}"
        do = f"use one of: {', '.join(SUFFIXES)}"
        raise BadInput(str(path), wrong, near_misses(path.suffix, SUFFIXES), do)
    with atomic(path) as partial:
        figure.savefig(partial, dpi=DPI)


def png(figure: Figure) -> bytes:
    """The figure as the content of a png file."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI)
    return buffer.getvalue()


def known_style(experiment: str) -> str:
    """Style of an experiment; lepid's own for one that has none."""
    return experiment if experiment in STYLES else ""


def _panels(
    n_panel: int, points: Sequence[str], parameters: dict[str, Any]
) -> tuple[Figure, list[Axes]]:
    n_column = _n_column(n_panel)
    n_row = math.ceil(n_panel / n_column)
    width, height = PANEL if n_panel > 1 else LONE_PANEL
    across = n_column * width + (n_column - 1) * GAP[0]
    down = n_row * height + (n_row - 1) * GAP[1]
    size = (
        across + LEFT + RIGHT,
        down
        + BOTTOM
        + HEADER
        + LEGEND_ROW * math.ceil(len(points) / _legend_columns(points, across)),
    )
    figure = StyledFigure([parameters, SIZES], figsize=size, facecolor="white")
    axes = []
    for place in range(n_panel):
        row, column = divmod(place, n_column)
        left = LEFT + column * (width + GAP[0])
        bottom = BOTTOM + (n_row - 1 - row) * (height + GAP[1])
        box = (left / size[0], bottom / size[1], width / size[0], height / size[1])
        axes.append(figure.add_axes(box))
    return figure, axes


def _n_column(n_panel: int) -> int:
    return 2 if n_panel == 4 else min(n_panel, 3)


def _legend_columns(names: Sequence[str], across: float) -> int:
    widths = [LEGEND_HANDLE + LEGEND_LETTER * len(name) for name in names]
    for n_column in range(len(names), 1, -1):
        # As matplotlib fills them: the first columns have one more.
        columns = np.array_split(widths, n_column)
        if sum(max(column) for column in columns) <= across:
            return n_column
    return 1


def logarithmic(panel: Axes) -> None:
    """Make the vertical axis logarithmic, with plain numbers; 2 and 5 too where there is room."""
    low, high = panel.get_ylim()
    panel.set_yscale("log")
    panel.set_ylim(low, high)
    panel.yaxis.set_major_locator(LogLocator(subs=(1.0,) if high > 300.0 * low else (1, 2, 5)))
    panel.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    panel.yaxis.set_minor_formatter(NullFormatter())


def scale(panel: Axes, axis: Axis) -> None:
    """Give a panel the limits and ticks of `axis`, its open ends in grey."""
    if axis.logarithmic:
        panel.set_xscale("log")
        panel.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        panel.xaxis.set_minor_formatter(NullFormatter())
    panel.set_xlim(axis.limits)
    ticks = [tick for tick in panel.get_xticks() if axis.shows(tick)]
    texts = {end.drawn: "0" if end.true == 0.0 else r"$\infty$" for end in axis.ends}
    panel.set_xticks([*ticks, *texts], [f"{tick:g}" for tick in ticks] + list(texts.values()))
    panel.set_xticks(
        [tick for tick in panel.get_xticks(minor=True) if axis.shows(tick)], minor=True
    )
    for end in axis.ends:
        panel.axvspan(end.edge, end.drawn, color=SHADE, linewidth=0, zorder=0)


def _head(figure: Figure, note: str, panel: Axes, label: tuple[str, str, str]) -> None:
    width, height = figure.get_size_inches()
    across = width - LEFT - RIGHT
    text, first_style, rest_style = label
    first, _, rest = text.partition(" ")
    words: list[Artist] = [
        TextArea(first, textprops={"fontsize": 15.0, "weight": "bold", "style": first_style}),
        TextArea(rest, textprops={"fontsize": 15.0, "style": rest_style}),
    ]
    header = AnchoredOffsetbox(
        "upper left",
        child=HPacker(children=words, align="baseline", pad=0, sep=5),
        frameon=False,
        bbox_to_anchor=(LEFT / width, 1.0 - 0.1 / height),
        bbox_transform=figure.transFigure,
        borderpad=0.0,
        pad=0.0,
    )
    figure.add_artist(header)
    right = 1.0 - RIGHT / width
    figure.text(right, 1.0 - 0.1 / height, note, ha="right", va="top", fontsize=9.5)
    handles, names = panel.get_legend_handles_labels()
    figure.legend(
        handles,
        names,
        loc="upper left",
        bbox_to_anchor=(LEFT / width, 1.0 - 0.46 / height),
        ncols=_legend_columns(names, across),
        frameon=False,
        borderaxespad=0.0,
        borderpad=0.0,
        handletextpad=0.5,
        columnspacing=1.6,
        fontsize=10.5,
    )


def _share_labels(panels: Sequence[Axes]) -> None:
    """Leave the names of shared axes to the first column and the lowest panels."""
    n_column = _n_column(len(panels))
    shared = len({panel.get_xlabel() for panel in panels}) == 1
    away = LABEL_SPACE / (PANEL if len(panels) > 1 else LONE_PANEL)[0]
    for place, panel in enumerate(panels):
        panel.yaxis.set_label_coords(-away, 1.0)
        if place % n_column:
            panel.set_ylabel("")
        if shared and place + n_column < len(panels):
            panel.set_xlabel("")
