"""Draws results; never sees events. The only module that imports matplotlib and mplhep."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, TypeAlias

import matplotlib.style
import mplhep
import numpy as np
import numpy.typing as npt
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.offsetbox import AnchoredOffsetbox, HPacker, TextArea
from matplotlib.ticker import LogLocator, NullFormatter

from lepid.efficiency import summary
from lepid.efficiency.axis import Axis
from lepid.efficiency.counting import EfficiencyTable
from lepid.efficiency.intervals import Efficiency
from lepid.errors import BadInput, UnknownName, near_misses
from lepid.files_out import atomic

# Truth class -> working point -> efficiency.
_Results: TypeAlias = Mapping[str, Mapping[str, Efficiency]]

# Okabe and Ito, without their yellow, which is lost on white.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">")
SUFFIXES = (".png", ".pdf", ".svg")
DEFAULT_LABEL = "lepid Simulation"
AXIS_LABELS = {"pt": r"$p_{\mathrm{T}}$ [GeV]", "abseta": r"$|\eta|$"}
SHADE = "#efefef"
DPI = 160
# Bins with an interval wider than this are drawn faintly: they would hide the others.
WIDE, FAINT = 0.3, 0.3
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
    parameters, first, rest = STYLES[style or _known_style(table.experiment)]
    with in_style(parameters):
        figure, panels = _panels(len(results), points, parameters)
        axis = _axis(by, table, results)
        for panel, (name, found) in zip(panels, results.items(), strict=True):
            _draw(panel, name, found, axis)
        _name_axes(panels, AXIS_LABELS[by])
        note = f"{_title(table)}\nerror bars: {summary.interval_text(table)}"
        note += f"; faint if wider than {WIDE:g}"
        _head(figure, note, panels[0], (label or DEFAULT_LABEL, first, rest))
    return figure


def _title(table: EfficiencyTable) -> str:
    network = f" ({table.network})" if table.network else ""
    return ", ".join(filter(None, (f"{table.tagger}{network}", table.collection)))


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
    with matplotlib.style.context([parameters, SIZES]):
        figure, panels = _panels(len(draw), names, parameters)
        for place, (panel, function) in enumerate(zip(panels, draw, strict=True)):
            function(panel)
            if place % _n_column(len(panels)):
                panel.set_ylabel("")
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


def _axis(by: str, table: EfficiencyTable, results: _Results) -> Axis:
    totals = [found.total for points in results.values() for found in points.values()]
    edges = table.pt_edges if by == "pt" else table.abseta_edges
    return Axis.of(edges, np.sum(totals, axis=0) != 0.0, by == "pt")


def _known_style(experiment: str) -> str:
    return experiment if experiment in STYLES else ""


def _has_leptons(found: Mapping[str, Efficiency]) -> bool:
    return any(np.isfinite(result.value).any() for result in found.values())


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


def _draw(panel: Axes, name: str, found: Mapping[str, Efficiency], axis: Axis) -> None:
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
    draw_scale(panel, axis)
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


def draw_scale(panel: Axes, axis: Axis) -> None:
    """Give axes the scale, the ends and the ticks of `axis`."""
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


def _name_axes(panels: Sequence[Axes], label: str) -> None:
    n_column = _n_column(len(panels))
    for place, panel in enumerate(panels):
        if place % n_column == 0:
            panel.set_ylabel("Efficiency")
            panel.yaxis.set_label_coords(
                -LABEL_SPACE / (PANEL if len(panels) > 1 else LONE_PANEL)[0], 1.0
            )
        if place + n_column >= len(panels):
            panel.set_xlabel(label)
