"""Histograms of the figures, filled chunk by chunk."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import hist
import numpy as np
from simulation.collection import Array
from simulation.processes import PROCESSES

from validation.figure import FRACTION, MEAN, Figure, Panel
from validation.leptons import Columns, tables
from validation.source import WITH_MPI, Part, chunks

# One histogram for each panel of each figure, by the name of the figure.
Filled = dict[str, list[hist.Hist]]


def empty(figures: Iterable[Figure]) -> Filled:
    """Histograms without entries: series, then the axis of the panel, then what passed."""
    return {figure.name: [_histogram(figure, panel) for panel in figure.panels]
            for figure in figures}  # fmt: skip


def _histogram(figure: Figure, panel: Panel) -> hist.Hist:
    series = hist.axis.IntCategory(list(figure.series.names), name="series")
    axes = [series, hist.axis.Variable(panel.axis.edges, name="x")]
    if figure.kind == FRACTION:
        axes.append(hist.axis.Boolean(name="passed"))
    storage = hist.storage.WeightedMean() if figure.kind == MEAN else hist.storage.Weight()
    return hist.Hist(*axes, storage=storage)


def fill(
    figures: Sequence[Figure], filled: Filled, part: Part, found: Mapping[str, Columns]
) -> None:
    """Add the columns of a chunk of `part` to the histograms."""
    for figure in figures:
        if part.kind not in figure.kinds or part.process not in (figure.processes or PROCESSES):
            continue
        table = found[figure.table]
        for panel, histogram in zip(figure.panels, filled[figure.name], strict=True):
            _fill_panel(figure, panel, histogram, table)


def _fill_panel(figure: Figure, panel: Panel, histogram: hist.Hist, table: Columns) -> None:
    chosen = np.ones(len(table["weight"]), dtype=bool)
    for name in figure.select + panel.select:
        chosen &= table[name]
    # Series and places of histograms without growth: a NaN is not in the axis.
    values: list[Array] = [table[figure.series.column][chosen], table[panel.column][chosen]]
    weight = table[panel.weight][chosen]
    if figure.kind == FRACTION:
        histogram.fill(*values, table[panel.y][chosen], weight=weight)
    elif figure.kind == MEAN:
        histogram.fill(*values, weight=weight, sample=table[panel.y][chosen])
    else:
        histogram.fill(*values, weight=weight)


def columns_of(part: Part) -> Iterable[dict[str, Columns]]:
    """The columns of all chunks of a file."""
    for events in chunks(part):
        found = tables(events, list(PROCESSES).index(part.process))
        for table in found.values():
            table["made"] = np.full(len(table["weight"]), int(part.kind == WITH_MPI))
        yield found
