"""Cuts in bins of E_T and |eta|, as correctionlib nodes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from lepid.errors import BadTable
from lepid.tables import Node, binning, constant, digits, formula, piecewise_linear

# What no quantity exceeds.
NO_CUT = "1e30"


def binned(
    et_edges: Sequence[float],
    abseta_edges: Sequence[float],
    cuts: npt.ArrayLike,
    names: tuple[str, str] = ("et", "abseta"),
) -> Node:
    """Node of one cut per bin of E_T and |eta|; outside the edges the nearest bin counts.

    Parameters
    ----------
    et_edges : [n_et + 1]
    abseta_edges : [n_eta + 1]
    cuts : [n_et, n_eta]
    names : the two inputs

    Raises
    ------
    BadTable : the numbers of edges and cuts do not fit, or a cut is not finite
    """
    et, abseta = names
    grid = _grid(cuts, len(et_edges) - 1, len(abseta_edges) - 1)
    rows = [binning(abseta, abseta_edges, [constant(c, abseta) for c in row]) for row in grid]
    return binning(et, et_edges, rows)


def interpolated(
    et_nodes: Sequence[float],
    abseta_edges: Sequence[float],
    cuts: npt.ArrayLike,
    names: tuple[str, str] = ("et", "abseta"),
) -> Node:
    """Node of cuts that are linear in E_T between nodes, in each bin of |eta|.

    Parameters
    ----------
    et_nodes : [n_et]
    abseta_edges : [n_eta + 1]
    cuts : [n_et, n_eta]
    names : the two inputs

    Raises
    ------
    BadTable : the numbers of nodes, edges and cuts do not fit, or a cut is not finite

    Source
    ------
    Athena AsgElectronSelectorTool, `doSmoothBinInterpolation`: no interpolation in eta.
    """
    et, abseta = names
    grid = _grid(cuts, len(et_nodes), len(abseta_edges) - 1)
    columns = [piecewise_linear(et, et_nodes, column) for column in grid.T.tolist()]
    return binning(abseta, abseta_edges, columns)


def smoothed(
    et_edges: Sequence[float],
    plateaus: Sequence[tuple[float, float]],
    abseta_edges: Sequence[float],
    cuts: npt.ArrayLike,
    *,
    slopes: npt.ArrayLike | None = None,
    names: tuple[str, str, str] = ("et", "abseta", "pileup"),
) -> Node:
    """Node of one cut per bin of E_T and |eta| that goes in straight lines over the edges in E_T.

    In the plateau of a bin the cut is that of the bin; from there to an edge it goes half the way
    to that of the neighbour. A plateau that reaches an edge leaves a step there.

    Parameters
    ----------
    et_edges : [n_et + 1]
    plateaus : [n_et, 2], each inside its bin
    abseta_edges : [n_eta + 1]
    cuts : [n_et, n_eta]
    slopes : [n_et, n_eta], what each vertex adds to the cut; the same lines
    names : the inputs, the last one only with `slopes`

    Raises
    ------
    BadTable : the numbers do not fit, a plateau is not inside its bin, or a cut is not finite

    Source
    ------
    Athena ElectronPhotonSelectorTools/Root/TElectronLikelihoodTool.cxx (InterpolateCuts)
    """
    shape = len(et_edges) - 1, len(abseta_edges) - 1
    grids = [_grid(cuts, *shape)] + ([] if slopes is None else [_grid(slopes, *shape)])
    inside = zip(plateaus, pairwise(et_edges), strict=False)
    if len(plateaus) != shape[0] or not all(a <= p <= q <= b for (p, q), (a, b) in inside):
        raise BadTable("plateaus", f"expected one inside each of the {shape[0]} bins of E_T")
    variables = [names[0]] if slopes is None else [names[0], names[2]]
    columns = []
    for eta in range(shape[1]):
        segments = _segments(et_edges, plateaus, [grid[:, eta].tolist() for grid in grids])
        edges = [float("-inf"), *(edge for edge, _ in segments[1:]), float("inf")]
        nodes = [formula(text, *variables) for _, text in segments]
        columns.append(binning(names[0], edges, nodes))
    return binning(names[1], abseta_edges, columns)


def above(
    threshold: float,
    abseta_edges: Sequence[float],
    cuts: npt.ArrayLike,
    names: tuple[str, str] = ("et", "abseta"),
) -> Node:
    """Node of a largest value in each bin of |eta| for E_T above a threshold; below, all pass.

    Parameters
    ----------
    threshold : in the unit of E_T; at the threshold itself all pass
    abseta_edges : [n_eta + 1]
    cuts : [n_eta]

    Raises
    ------
    BadTable : the numbers of edges and cuts do not fit, or a cut is not finite
    """
    (row,) = _grid([np.atleast_1d(cuts)], 1, len(abseta_edges) - 1).tolist()
    texts = [f"{digits(cut)}+{NO_CUT}*(x<={digits(threshold)})" for cut in row]
    return binning(names[1], abseta_edges, [formula(text, names[0]) for text in texts])


def _segments(
    et_edges: Sequence[float],
    plateaus: Sequence[tuple[float, float]],
    grids: Sequence[Sequence[float]],
) -> list[tuple[float, str]]:
    """Where each straight line begins, and its formula in x and, times y, that of the slopes."""
    found: list[tuple[float, str]] = []

    def add(begin: float, end: float, values: Sequence[tuple[float, float]]) -> None:
        if not begin < end:
            return
        lines = [_line(begin, end, *ends) for ends in values]
        found.append((begin, "+y*".join(f"({line})" for line in lines)))

    last = len(plateaus) - 1
    for k, (low, high) in enumerate(plateaus):
        own = [grid[k] for grid in grids]
        before = [(grid[k] + grid[max(k - 1, 0)]) / 2 for grid in grids]
        after = [(grid[k] + grid[min(k + 1, last)]) / 2 for grid in grids]
        add(et_edges[k], low, list(zip(before, own, strict=True)))
        add(low, high, list(zip(own, own, strict=True)))
        add(high, et_edges[k + 1], list(zip(own, after, strict=True)))
    return found


def _line(left: float, right: float, low: float, high: float) -> str:
    if low == high:
        return digits(low)
    x, y = (digits(left), digits(right)), (digits(low), digits(high))
    return f"{y[0]}+({y[1]}-({y[0]}))*(x-({x[0]}))/({x[1]}-({x[0]}))"


def _grid(cuts: npt.ArrayLike, n_et: int, n_eta: int) -> npt.NDArray[np.float64]:
    grid = np.asarray(cuts, dtype=np.float64)
    if grid.shape != (n_et, n_eta):
        raise BadTable("cuts", f"shape {grid.shape}, expected one cut for each of {(n_et, n_eta)}")
    if not np.isfinite(grid).all():
        raise BadTable("cuts", f"{grid[~np.isfinite(grid)][0]} is not a finite number")
    return grid
