"""An efficiency table as two-dimensional histograms for ROOT."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
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
    what = f"{table.tagger} {working_point}, {truth_class}"
    edges = closed(table.pt_edges), closed(table.abseta_edges)
    sums = {
        "passed": (counts["value"][1], counts["variance"][1]),
        "all": (totals["value"], totals["variance"]),
    }
    found = {
        name: counting.plane(*grid, edges, f"{name}: {what}, {result.interval}")
        for name, grid in sums.items()
    }
    grids = of_interval("efficiency", result.value, result.low, result.high)
    both = (table.pt_edges, table.abseta_edges)
    return found | planes(grids, both, f"{what}, {result.interval}")


def of_interval(
    name: str, value: counting.Array, low: counting.Array, high: counting.Array
) -> dict[str, tuple[counting.Array, counting.Array]]:
    """A value and the ends of its interval as contents and variances under three names.

    The error of the value is half the interval; NaN where there is no value.

    Parameters
    ----------
    value, low, high : [n_pt, n_abseta]
    """
    measured = np.isfinite(value)
    low, high = np.where(measured, low, np.nan), np.where(measured, high, np.nan)
    none = np.zeros_like(value)
    return {
        name: (value, ((high - low) / 2.0) ** 2),
        f"{name}_low": (low, none),
        f"{name}_high": (high, none),
    }


def planes(
    grids: Mapping[str, tuple[counting.Array, counting.Array]],
    edges: tuple[Sequence[float], Sequence[float]],
    what: str,
) -> dict[str, Any]:
    """Histograms in pT (GeV) and |eta| of contents and variances, [n_pt, n_abseta] each."""
    drawn = closed(edges[0]), closed(edges[1])
    return {
        name: counting.plane(
            _with_flow(values, edges),
            np.nan_to_num(_with_flow(variances, edges)),
            drawn,
            f"{name.replace('_', ' ')}: {what}",
        )
        for name, (values, variances) in grids.items()
    }


def _with_flow(
    bins: counting.Array, edges: tuple[Sequence[float], Sequence[float]]
) -> counting.Array:
    grid = np.pad(bins, 1, constant_values=np.nan)
    # A lookup above the drawn end of an open bin must find the open bin.
    if np.isinf(edges[0][-1]):
        grid[-1] = grid[-2]
    if np.isinf(edges[1][-1]):
        grid[:, -1] = grid[:, -2]
    return grid


def object_name(name: str) -> str:
    """`name` as an object in a ROOT file may be called."""
    # A slash would open a folder and a semicolon a cycle.
    return "".join(c if c.isalnum() or c in "_-+." else "_" for c in name)
