"""Points with statistical and total uncertainties in bins of pT, a panel per bin of |eta|."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lepid.efficiency.axis import Axis
from lepid.efficiency.scale_factors.ratio import (
    COMBINED,
    DOWN,
    NOMINAL,
    STATISTICAL,
    UP,
    Factors,
    ScaleFactors,
)
from lepid.efficiency.summary import bin_text
from lepid.efficiency.tag_and_probe.export import total_ends
from lepid.efficiency.tag_and_probe.result import ProbeEfficiency
from lepid.errors import BadInput, UnknownName
from lepid.plotting.figure import AXIS_LABELS, COLOURS, MARKERS, STYLES, drawn, known_style, scale

# Data are no simulation, which the label of other pictures says.
LABEL = "lepid"

Floats: TypeAlias = npt.NDArray[np.float64]


class Points(NamedTuple):
    """One set of points, [n_pt, n_abseta] each.

    Attributes
    ----------
    value : NaN where there is none
    stat, total : lower and upper ends
    colour, marker, hollow : how they look
    """

    value: Floats
    stat: tuple[Floats, Floats]
    total: tuple[Floats, Floats]
    colour: str
    marker: str
    hollow: bool = False


def probe_figure(
    results: Sequence[ProbeEfficiency], *, style: str | None = None, label: str | None = None
) -> Figure:
    """Efficiency of probes against pT: a panel per bin of |eta|, a colour per working point.

    Parameters
    ----------
    style : atlas or cms; None follows the experiment
    label : text at the top left, its first word bold

    Raises
    ------
    UnknownName : no such style
    BadInput : all probes are one bin, or no bin has a number
    """
    first = results[0]
    if not first.edges or any(one.edges != first.edges for one in results):
        wrong = "all probes are one bin, or the points have other bins"
        raise BadInput("figure", wrong, (), "draw the fits: --picture fits")
    points = {}
    for place, one in enumerate(results):
        look = COLOURS[place % len(COLOURS)], MARKERS[place % len(MARKERS)]
        points[one.working_point] = Points(one.value, (one.low, one.high), total_ends(one), *look)
    identity = first.identity
    title = f"{identity.get('tagger', '')}, {identity.get('collection', '')}, "
    title += f"{identity.get('resonance', '')}: {first.method.text()}"
    bars = "bars: statistical" + (", beyond caps all that are known" if first.variations else "")
    edges = np.array(first.edges[0]), np.array(first.edges[1])
    panels = _panels(points, edges, "Efficiency", _efficiency_limits)
    experiment = _style(style, identity.get("experiment", ""))
    return drawn(
        panels, list(points), f"{title}\n{bars}", experiment=experiment, label=label or LABEL
    )


def factor_figure(
    factors: ScaleFactors,
    *,
    working_points: Sequence[str] | None = None,
    style: str | None = None,
    label: str | None = None,
) -> Figure:
    """Efficiency in data and simulation against pT, and below it their ratio.

    A panel per bin of |eta|, a colour per working point; simulation is hollow.

    Parameters
    ----------
    working_points : those to draw; None is all
    style, label : as in `probe_figure`

    Raises
    ------
    UnknownName : no such style or working point
    """
    chosen = list(factors.points) if working_points is None else list(working_points)
    for name in chosen:
        if name not in factors.points:
            raise UnknownName.of("figure", "working point", name, factors.points)
    above: dict[str, Points] = {}
    below: dict[str, Points] = {}
    for place, name in enumerate(chosen):
        colour, marker = COLOURS[place % len(COLOURS)], MARKERS[place % len(MARKERS)]
        mine, prefix = factors.points[name], f"{name}, " if len(chosen) > 1 else ""
        for text, one, hollow in (
            ("data", mine.data, False),
            ("simulation", mine.simulation, True),
        ):
            ends = one.low, one.high
            look = (colour if len(chosen) > 1 or not hollow else COLOURS[1], marker, hollow)
            above[f"{prefix}{text}"] = Points(one.value, ends, ends, *look)
        below[name] = _ratio(mine, colour, marker)
    edges = factors.points[chosen[0]].edges
    title = f"{factors.tagger}{'' if len(chosen) > 1 else f' {chosen[0]}'}, {factors.collection}"
    bars = "below: statistical bars, bands of all uncertainties"
    upper = _panels(above, edges, "Efficiency", _efficiency_limits)
    lower = _panels(below, edges, "Data / sim.", _ratio_limits, bands=True)
    experiment = _style(style, "")
    note = f"{title}\n{bars}"
    return drawn(upper, list(above), note, experiment=experiment, label=label or LABEL, below=lower)


def _style(asked: str | None, experiment: str) -> str:
    known = [name for name in STYLES if name]
    if asked is not None and asked not in known:
        raise UnknownName.of("figure", "style", asked, known)
    return asked or known_style(experiment)


def _ratio(mine: Factors, colour: str, marker: str) -> Points:
    ends = [
        (mine.values[f"{kind}{DOWN}"], mine.values[f"{kind}{UP}"])
        for kind in (STATISTICAL, COMBINED)
    ]
    return Points(mine.values[NOMINAL], ends[0], ends[1], colour, marker)


def _panels(
    points: Mapping[str, Points],
    edges: tuple[Floats, Floats],
    name: str,
    limits: Any,
    *,
    bands: bool = False,
) -> list[Any]:
    known = np.any([np.isfinite(one.value) for one in points.values()], axis=0)
    if not known.any():
        raise BadInput("figure", "no bin has a number to draw")
    axis = Axis.of(edges[0].tolist(), known.any(axis=1), may_be_logarithmic=True)
    frame = _Frame(axis, name, limits(list(points.values())), bands)
    eta = edges[1].tolist()
    return [
        partial(_draw, points, column, (eta[column], eta[column + 1]), frame)
        for column in range(len(eta) - 1)
        if known[:, column].any()
    ]


class _Frame(NamedTuple):
    """What panels have in common; with bands there is a line at 1, and no title."""

    axis: Axis
    name: str
    limits: tuple[float, float]
    bands: bool


def _draw(
    points: Mapping[str, Points],
    column: int,
    eta: tuple[float, float],
    frame: _Frame,
    panel: Axes,
) -> None:
    if frame.bands:
        panel.axhline(1.0, color="black", linewidth=0.8, linestyle=":")
    for place, (text, one) in enumerate(points.items()):
        _draw_points(panel, one, column, (place, len(points), text), frame)
    scale(panel, frame.axis)
    panel.set_xlabel(AXIS_LABELS["pt"])
    panel.set_ylabel(frame.name)
    panel.set_ylim(frame.limits)
    if not frame.bands:
        title = f"{AXIS_LABELS['abseta']} {bin_text(eta)}"
        panel.set_title(title, loc="left", fontsize=11.5, pad=5.0)


def _draw_points(
    panel: Axes, one: Points, column: int, which: tuple[int, int, str], frame: _Frame
) -> None:
    known = np.isfinite(one.value[:, column])
    value = one.value[known, column]
    place, number, text = which
    middle = frame.axis.places(place, number)[known]
    low, high = frame.axis.edges[:-1][known], frame.axis.edges[1:][known]
    stat, total = (
        [np.abs(end[known, column] - value) for end in ends] for ends in (one.stat, one.total)
    )
    look: dict[str, Any] = {"linestyle": "none", "color": one.colour}
    face = "white" if one.hollow else one.colour
    if frame.bands:
        lower, upper = value - total[0], value + total[1]
        panel.bar(
            low, upper - lower, high - low, lower,
            align="edge", color=one.colour, alpha=0.22, linewidth=0,
        )  # fmt: skip
    else:
        panel.errorbar(middle, value, yerr=total, **look, linewidth=0.9)
        # Caps tell where statistics ends and the rest begins.
        panel.errorbar(middle, value, yerr=stat, **look, linewidth=1.1, capsize=2.2)
    panel.errorbar(
        middle, value, xerr=(middle - low, high - middle), yerr=stat, **look, linewidth=1.1,
        marker=one.marker, markersize=4.5, markerfacecolor=face, label=text,
    )  # fmt: skip


def _ends(points: Sequence[Points]) -> tuple[float, float, float, float]:
    """Least and largest value, and ends of the bars."""
    value = np.concatenate([one.value[np.isfinite(one.value)] for one in points])
    low, high = (
        np.concatenate(
            [
                np.where(np.isfinite(one.total[i]), one.total[i], one.stat[i])[
                    np.isfinite(one.value)
                ]
                for one in points
            ]
        )
        for i in (0, 1)
    )
    return float(value.min()), float(value.max()), float(low.min()), float(high.max())


def _efficiency_limits(points: Sequence[Points]) -> tuple[float, float]:
    least, largest, low, high = _ends(points)
    # Bars of thin bins may leave the frame; points may not.
    size = max(largest - least, 0.05)
    low, high = max(low, least - 0.5 * size), min(high, largest + 0.5 * size)
    return max(0.0, low - 0.1 * size), high + 0.15 * size


def _ratio_limits(points: Sequence[Points]) -> tuple[float, float]:
    least, largest, low, high = _ends(points)
    size = max(largest - least, 0.04)
    away = max(min(high, largest + size) - 1.0, 1.0 - max(low, least - size), 0.02)
    return 1.0 - 1.15 * away, 1.0 + 1.15 * away
