"""What is drawn of a histogram: one curve for each series that has entries enough."""

from __future__ import annotations

from typing import NamedTuple

import hist
import numpy as np
from simulation.particles import Floats

from lepid.efficiency import intervals
from lepid.plotting.figure import COLOURS, MARKERS
from validation.figure import COMPOSITION, MEAN, RATIO, SHAPE, Figure

MORE_COLOURS = (*COLOURS, "#999999", "#7b3294", "#a6611a")
EFFECTIVE_MIN = 10.0


class Curve(NamedTuple):
    """One series of one panel: its name and looks, its histogram, values and errors [n_bin].

    `low` and `high` are the ends of the error bars; NaN where there is nothing.
    """

    name: str
    colour: str
    marker: str
    histogram: hist.Hist
    values: Floats
    low: Floats
    high: Floats


def curves(figure: Figure, histogram: hist.Hist) -> tuple[list[Curve], dict[str, float]]:
    """The curves of a panel, and the effective entries of the series that have too few."""
    drawn: list[Curve] = []
    left_out: dict[str, float] = {}
    least = np.nextafter(0.0, 1.0) if figure.kind == COMPOSITION else EFFECTIVE_MIN
    for place, (code, name) in enumerate(figure.series.names.items()):
        view = histogram[{"series": hist.loc(code)}]
        entries = effective_entries(view)
        if entries < least:
            if figure.kind != COMPOSITION:
                left_out[name] = entries
            continue
        colour, marker = MORE_COLOURS[place], MARKERS[place % len(MARKERS)]
        drawn.append(Curve(name, colour, marker, view, *_values(view, figure.kind)))
    return drawn, left_out


def effective_entries(view: hist.Hist) -> float:
    """(sum of w)^2 / sum of w^2, with what lies beyond the axis."""
    total, squares = _sums(view)
    return float(total.sum() ** 2 / squares.sum()) if squares.sum() > 0.0 else 0.0


def _sums(view: hist.Hist) -> tuple[Floats, Floats]:
    """Sums of weights and of squared weights, with the bins beyond the axis."""
    contents = view.view(flow=True)
    names = contents.dtype.names
    if "sum_of_weights" in names:
        return contents["sum_of_weights"], contents["sum_of_weights_squared"]
    return contents["value"], contents["variance"]


def _values(view: hist.Hist, kind: str) -> tuple[Floats, Floats, Floats]:
    values, error = view.values(), np.sqrt(view.variances())
    if view.ndim == 2:
        (failed, passed), (failed_squares, passed_squares) = view.values().T, view.variances().T
        sums = intervals.Sums(passed, failed, passed_squares, failed_squares)
        ends = intervals.evaluate(sums, intervals.EFFECTIVE_COUNTS, intervals.ONE_SIGMA)
        return sums.value, *ends
    if kind == MEAN:
        values = np.where(view.counts() > 1.5, values, np.nan)
    elif kind in (SHAPE, RATIO):
        norm = _sums(view)[0].sum()
        values, error = np.where(error > 0.0, values / norm, np.nan), error / norm
    return values, values - error, values + error
