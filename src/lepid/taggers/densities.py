"""Files of densities in bins of E_T and |eta|, in the format of correctionlib."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lepid.errors import BadTable
from lepid.tables import Node, Tables, assemble, binning, correction, save

Floats = npt.NDArray[np.float64]

CLASSES = ("signal", "background")
# In the order in which the kernel takes them; the first three are needed.
REFERENCES = ("pileup_loose", "pileup_hard", "pileup_slope", "pileup_quad")
AXES = {"et": "E_T of the electron [GeV]", "abseta": "|eta| of its cluster"}


class Density(NamedTuple):
    """Probabilities of bins of one width; a value outside is in the first or the last.

    Attributes
    ----------
    low, high : where the first bin begins and the last one ends
    content : [n_bin]; all 0 if it is empty
    """

    low: float
    high: float
    content: Floats


class Grid(NamedTuple):
    """One thing per bin of E_T [GeV] and |eta|; outside the edges the nearest bin counts.

    Attributes
    ----------
    et_edges : [n_et + 1]
    abseta_edges : [n_eta + 1]
    content : [n_et][n_eta]
    """

    et_edges: Sequence[float]
    abseta_edges: Sequence[float]
    content: Sequence[Sequence[Any]]


def write(
    path: Path,
    description: str,
    densities: Mapping[str, tuple[str, Mapping[str, Grid]]],
    references: Mapping[str, Grid] | None = None,
) -> None:
    """Write densities as a correctionlib v2 file, gzipped if `path` ends in ``.gz``.

    Raises
    ------
    BadTable : as in `made`; nothing is written
    """
    save(path, made(path, description, densities, references))


def made(
    path: Path,
    description: str,
    densities: Mapping[str, tuple[str, Mapping[str, Grid]]],
    references: Mapping[str, Grid] | None = None,
) -> Tables:
    """What a correctionlib v2 file of densities at `path` holds.

    Parameters
    ----------
    densities : variable -> its unit, and "signal" and "background" -> grid of `Density`
    references : names of `REFERENCES` -> grid of numbers, for the correction for pile-up

    Raises
    ------
    BadTable : a density or the rules of schema v2 do not fit
    """
    entries = [
        correction(
            f"{name}_{kind}",
            f"probability of each bin of {name} for {kind}",
            {**AXES, "x": f"{name} [{unit}]"},
            ("probability", "of the bin"),
            _nested(str(path), grids[kind], _histogram),
        )
        for name, (unit, grids) in densities.items()
        for kind in CLASSES
    ]
    entries += [
        correction(name, f"{name} of the correction for pile-up", AXES, ("reference", ""),
                   _nested(str(path), of, float))
        for name, of in (references or {}).items()
    ]  # fmt: skip
    content = assemble(path, description, entries)
    for name in densities:
        for kind in CLASSES:
            grid(content, f"{name}_{kind}")
    return content


def _nested(path: str, of: Grid, leaf: Callable[[Any], Node | float]) -> Node:
    shape = (len(of.et_edges) - 1, len(of.abseta_edges) - 1)
    if len(of.content) != shape[0] or any(len(row) != shape[1] for row in of.content):
        raise BadTable(path, f"expected one entry for each of {shape} bins of E_T and |eta|")
    rows = [
        binning("abseta", of.abseta_edges, [leaf(entry) for entry in row])
        for row in of.content
    ]  # fmt: skip
    return binning("et", of.et_edges, rows)


def _histogram(density: Density) -> Node:
    content = [float(value) for value in density.content]
    edges = {"n": len(content), "low": float(density.low), "high": float(density.high)}
    return {
        "nodetype": "binning", "input": "x", "edges": edges, "content": content, "flow": "clamp",
    }  # fmt: skip


def grid(content: Tables, name: str) -> Grid:
    """The entries of correction `name`: `Density`, or numbers if it has no x.

    Raises
    ------
    BadTable : it is not what `write` makes
    """
    et_edges, inner = _binned(content, name, "et", content.node(name))
    found = [_binned(content, name, "abseta", node) for node in inner]
    edges = [abseta for abseta, _ in found]
    if any(other != edges[0] for other in edges):
        raise BadTable(content.path, f"{name}: the bins of |eta| differ between bins of E_T")
    of = _density if "x" in content.inputs(name) else _number
    return Grid(et_edges, edges[0], [[of(content, name, n) for n in nodes] for _, nodes in found])


def _binned(content: Tables, name: str, axis: str, node: Any) -> tuple[list[float], list[Any]]:
    fits = isinstance(node, dict) and node.get("nodetype") == "binning"
    if not fits or node["input"] != axis or not isinstance(node["edges"], list):
        raise BadTable(content.path, f"{name}: expected bins of {axis} with a list of edges")
    return [float(edge) for edge in node["edges"]], node["content"]


def _density(content: Tables, name: str, node: Any) -> Density:
    fits = isinstance(node, dict) and node.get("nodetype") == "binning" and node["input"] == "x"
    if not fits or not isinstance(node["edges"], dict) or node["flow"] != "clamp":
        wrong = f"{name}: expected bins of one width in x (n, low, high), with the flow clamp"
        raise BadTable(content.path, wrong)
    try:
        values = np.array(node["content"], np.float64)
    except TypeError:
        # A node in place of a number.
        values = np.array([np.nan])
    if not np.isfinite(values).all():
        raise BadTable(content.path, f"{name}: expected a finite number in each bin")
    total = float(values.sum())
    if (values < 0).any() or not (total == 0 or abs(total - 1) < 1e-6):
        raise BadTable(content.path, f"{name}: the probabilities of a density add up to {total:g}")
    return Density(float(node["edges"]["low"]), float(node["edges"]["high"]), values)


def _number(content: Tables, name: str, node: Any) -> float:
    if isinstance(node, dict) or not np.isfinite(node):
        raise BadTable(content.path, f"{name}: expected a finite number in each bin")
    return float(node)
