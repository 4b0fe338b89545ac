"""Pictures of ROC curves: rejection against efficiency, distributions, rejection in bins."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from lepid.efficiency.axis import Axis
from lepid.efficiency.roc.tables import TOTAL, Told, area_text
from lepid.errors import BadInput
from lepid.plotting.figure import AXIS_LABELS, COLOURS, MARKERS, drawn, logarithmic, scale

LABELS = {**AXIS_LABELS, "pileup": "Interactions per crossing"}
# Curves begin where fewer than this part of the signal passes: their bands hide all else there.
FROM = 0.3
KINDS = ("curves", "classes", "distributions", "bins")


def figure(told: Sequence[Told], kind: str, *, style: str | None = None) -> Any:
    """Picture of some samples.

    Parameters
    ----------
    kind : ``"curves"``: rejection of all background, one colour per tagger; ``"classes"``: a panel
        per tagger, one colour per background; ``"distributions"``: a panel per tagger;
        ``"bins"``: rejection at a fixed efficiency, a panel per variable
    style : atlas or cms; None follows the experiment

    Raises
    ------
    BadInput : there is nothing to draw
    """
    if not told:
        raise BadInput("figure", "nothing was measured")
    draw: dict[str, Callable[[Sequence[Told]], tuple[list[Any], list[str]]]] = {
        "curves": _curves, "classes": _classes, "distributions": _distributions, "bins": _bins,
    }  # fmt: skip
    panels, names = draw[kind](told)
    first = told[0]
    lines = [", ".join(dict.fromkeys(one.sample.collection for one in told))]
    lines[0] += f", signal: {first.signal}"
    what = {
        "bins": f"rejection of all background at {100 * first.choice.fixed:g} % efficiency"
        + (" in each bin" if first.choice.per_bin else " over all")
        + "\nbars: 68 % intervals, arrows: lower ends where no background is left",
        "distributions": "normalised; bands: statistical errors",
    }.get(kind, "bands: 68 % intervals")
    spectrum = f"; spectra: {first.sample.spectrum}" if first.sample.spectrum else ""
    experiment = first.sample.experiment if style is None else style
    return drawn(panels, names, f"{lines[0]}\n{what}{spectrum}", experiment=experiment)


def _name(one: Told, told: Sequence[Told]) -> str:
    several = [each for each in told if each.sample.tagger == one.sample.tagger]
    text = one.sample.tagger
    if len({each.sample.network for each in several}) > 1:
        text += f" ({one.sample.network})"
    if len({each.sample.quantity for each in several}) > 1:
        text += f" {one.sample.quantity}"
    return text


def _curves(told: Sequence[Told]) -> tuple[list[Any], list[str]]:
    lines = [
        (f"{_name(one, told)}: area {area_text(one.areas[TOTAL]).replace('+-', '±')}",
         one.curves[TOTAL])
        for one in told
    ]  # fmt: skip
    return [partial(_draw_curves, lines, "all background", "")], [name for name, _ in lines]


def _classes(told: Sequence[Told]) -> tuple[list[Any], list[str]]:
    names = list(dict.fromkeys(name for one in told for name in one.curves))
    panels = []
    for one in told:
        lines = [(name, one.curves[name]) for name in names if name in one.curves]
        panels.append(partial(_draw_curves, lines, "background", _name(one, told)))
    return panels, names


def _draw_curves(lines: Sequence[tuple[str, Any]], what: str, title: str, panel: Any) -> None:
    top = 1.0
    for place, (name, points) in enumerate(lines):
        colour = COLOURS[place % len(COLOURS)]
        known = np.isfinite(points.rejection) & (points.asked >= FROM)
        x = points.asked[known]
        above = points.rejection_high[known]
        # A band without end is drawn to twice the line.
        above = np.where(np.isfinite(above), above, 2.0 * points.rejection[known])
        panel.plot(x, points.rejection[known], color=colour, linewidth=1.4, label=name)
        panel.fill_between(
            x, points.rejection_low[known], above, color=colour, alpha=0.2, linewidth=0
        )
        top = max(top, float(np.max(points.rejection[known], initial=1.0)))
    panel.set_ylim(0.9, 1.6 * top)
    logarithmic(panel)
    panel.set_xlim(FROM, 1.0)
    panel.set_xlabel("Signal efficiency")
    panel.set_ylabel(f"Rejection of {what}")
    panel.set_title(title, loc="left", fontsize=11.5, fontweight="bold", pad=5.0)


def _distributions(told: Sequence[Told]) -> tuple[list[Any], list[str]]:
    names = list(dict.fromkeys(name for one in told for name in one.distributions))
    colours = {name: COLOURS[place % len(COLOURS)] for place, name in enumerate(names)}
    return [partial(_draw_distributions, one, _name(one, told), colours) for one in told], names


def _draw_distributions(one: Told, title: str, colours: dict[str, str], panel: Any) -> None:
    top, least = 0.0, np.inf
    for name, found in one.distributions.items():
        panel.stairs(found.value, found.edges, color=colours[name], linewidth=1.3, label=name)
        low, high = found.value - found.error, found.value + found.error
        panel.stairs(
            high, found.edges, baseline=low, fill=True, color=colours[name], alpha=0.2, linewidth=0
        )
        top = max(top, float(found.value.max()))
        # One lepton of the class in a bin: below it there is nothing to see.
        some = found.value[found.value > 0.0]
        least = min(least, float(some.min()) if some.size else least)
    panel.set_yscale("log")
    panel.set_ylim(0.6 * least, 2.0 * top)
    panel.set_xlim(found.edges[0], found.edges[-1])
    panel.set_xlabel(one.sample.quantity)
    panel.set_ylabel("Density")
    panel.set_title(title, loc="left", fontsize=11.5, fontweight="bold", pad=5.0)


def _bins(told: Sequence[Told]) -> tuple[list[Any], list[str]]:
    variables = [name for name in told[0].bins if all(name in one.bins for one in told)]
    # A bin without background above the cut has a lower limit alone.
    variables = [
        name
        for name in variables
        if any(np.isfinite(one.bins[name].rejection[1]).any() for one in told)
    ]
    if not variables:
        raise BadInput("figure", "no bin has background to draw a rejection of")
    names = [_name(one, told) for one in told]
    return [partial(_draw_bins, told, names, variable) for variable in variables], names


def _draw_bins(told: Sequence[Told], names: Sequence[str], variable: str, panel: Any) -> None:
    measured = [one.bins[variable].rejection for one in told]
    filled = np.any([np.isfinite(low) for _, low, _ in measured], axis=0)
    axis = Axis.of(told[0].choice.edges[variable], filled, variable == "pt")
    ends = []
    for place, (name, (value, low, high)) in enumerate(zip(names, measured, strict=True)):
        centres = axis.places(place, len(told))
        limit = np.isfinite(low) & ~np.isfinite(value)
        known = np.isfinite(low) & np.isfinite(value)
        style = {"linestyle": "none", "linewidth": 1.1, "color": COLOURS[place % len(COLOURS)]}
        across = (centres - axis.edges[:-1], axis.edges[1:] - centres)
        middle, below, above = value[known], low[known], high[known]
        # An end at infinity is drawn to three times the value.
        above = np.where(np.isfinite(above), above, 3.0 * middle)
        panel.errorbar(
            centres[known],
            middle,
            xerr=[part[known] for part in across],
            # Rounding can leave an end of the interval on the wrong side.
            yerr=[np.maximum(part, 0.0) for part in (middle - below, above - middle)],
            marker=MARKERS[place % len(MARKERS)],
            markersize=4.0,
            label=name,
            **style,
        )
        panel.errorbar(
            centres[limit],
            low[limit],
            xerr=[part[limit] for part in across],
            yerr=0.5 * low[limit],
            lolims=True,
            capsize=2.5,
            **style,
        )
        ends += [*value[known], *low[limit]]
    scale(panel, axis)
    panel.set_ylim(max(0.9, 0.4 * min(ends)), 3.0 * max(ends))
    logarithmic(panel)
    panel.set_xlabel(LABELS[variable])
    panel.set_ylabel("Rejection of all background")
