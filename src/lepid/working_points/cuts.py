"""Cuts in bins of E_T and |eta|, as correctionlib nodes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from lepid.errors import BadTable
from lepid.tables import Node, binning, constant, piecewise_linear


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


def _grid(cuts: npt.ArrayLike, n_et: int, n_eta: int) -> npt.NDArray[np.float64]:
    grid = np.asarray(cuts, dtype=np.float64)
    if grid.shape != (n_et, n_eta):
        raise BadTable("cuts", f"shape {grid.shape}, expected one cut for each of {(n_et, n_eta)}")
    return grid
