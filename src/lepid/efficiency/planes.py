"""An efficiency table as two-dimensional histograms for ROOT."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from lepid.efficiency import counting
from lepid.efficiency.axis import closed
from lepid.efficiency.counting import EfficiencyTable


def histograms(table: EfficiencyTable) -> dict[str, Any]:
    """Histograms in pT (GeV) and |eta| under ``<class>/<working point>/<name>``.

    The names are passed and all, efficiency (error: half the interval), efficiency_low and
    efficiency_high. ROOT cannot draw an infinite bin: an open last one ends at twice its lower
    edge, and the efficiencies repeat it above that. Bins without leptons hold NaN.
    """
    found: dict[str, Any] = {}
    for truth_class, point in itertools.product(table.populated, table.working_points):
        folder = f"{object_name(truth_class)}/{object_name(point)}"
        for name, histogram in _of(table, point, truth_class).items():
            found[f"{folder}/{name}"] = histogram
    return found


def _of(table: EfficiencyTable, working_point: str, truth_class: str) -> dict[str, Any]:
    counts = table.counts(working_point, truth_class)[0]
    totals = {part: counts[part].sum(axis=0) for part in ("value", "variance")}
    result = table.efficiency(working_point, truth_class)
    measured = np.isfinite(result.value)
    low, high = np.where(measured, result.low, np.nan), np.where(measured, result.high, np.nan)
    grids = {
        "passed": (counts["value"][1], counts["variance"][1]),
        "all": (totals["value"], totals["variance"]),
        "efficiency": tuple(
            _with_flow(table, g) for g in (result.value, ((high - low) / 2.0) ** 2)
        ),
        "efficiency_low": (_with_flow(table, low), np.zeros_like(totals["value"])),
        "efficiency_high": (_with_flow(table, high), np.zeros_like(totals["value"])),
    }
    edges = closed(table.pt_edges), closed(table.abseta_edges)
    what = f"{table.tagger} {working_point}, {truth_class}"
    titles = {name: f"{name.replace('_', ' ')}: {what}, {result.interval}" for name in grids}
    return {
        name: counting.plane(grid[0], grid[1], edges, titles[name]) for name, grid in grids.items()
    }


def _with_flow(table: EfficiencyTable, bins: counting.Array) -> counting.Array:
    grid = np.pad(bins, 1, constant_values=np.nan)
    # A lookup above the drawn end of an open bin must find the open bin.
    if np.isinf(table.pt_edges[-1]):
        grid[-1] = grid[-2]
    if np.isinf(table.abseta_edges[-1]):
        grid[:, -1] = grid[:, -2]
    return grid


def object_name(name: str) -> str:
    """`name` as an object in a ROOT file may be called."""
    # A slash would open a folder and a semicolon a cycle.
    return "".join(c if c.isalnum() or c in "_-+." else "_" for c in name)
