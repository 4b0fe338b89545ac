"""ROOT files beside Athena's confs: quantiles, densities of the likelihood, cuts as graphs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from lepid.errors import BadFile, near_misses
from lepid.root_files import Histogram, graphs, histograms, open_tree
from lepid.taggers.graph.layers import Quantiles

Floats = npt.NDArray[np.float64]
LEVELS = "references"
_DENSITY = re.compile(r"(?:.*/)?(\w+?)_(sig|bkg)_smoothed_hist_from_KDE_et(\d+)eta(\d+\.\d+)")


def read_quantiles(path: Path, variables: Sequence[str]) -> Quantiles:
    """Quantiles of `variables` from the tree `tree` of a ROOT file.

    Raises
    ------
    BadFile : not such a file, a variable is not there, numbers that are not finite or descend

    Source
    ------
    Athena ElectronPhotonSelectorTools/Root/ElectronDNNCalculator.cxx
    """
    tree = open_tree(path, "tree")
    missing = [name for name in (LEVELS, *variables) if name not in tree.columns]
    if missing:
        near = [match for name in missing for match in near_misses(name, tree.columns)]
        raise BadFile(str(path), f"the tree has no branch {', '.join(missing)}", near)
    found = {
        name: np.asarray(tree.read(name, 0, tree.n_event), np.float64)
        for name in (LEVELS, *variables)
    }
    if tree.n_event < 2:
        raise BadFile(str(path), f"the tree has {tree.n_event} entries, expected 2 or more")
    for name, values in found.items():
        if not np.isfinite(values).all() or (np.diff(values) < 0).any():
            raise BadFile(str(path), f"{name} is not a list of finite numbers that ascend")
    return Quantiles(found[LEVELS], np.stack([found[name] for name in variables]))


class Density(NamedTuple):
    """Where a histogram of the likelihood belongs.

    Attributes
    ----------
    variable : as in the conf, such as el_eratio
    kind : "sig" or "bkg"
    et : lower edge of the bin of E_T, GeV
    abseta : lower edge of the bin of |eta|
    """

    variable: str
    kind: Literal["sig", "bkg"]
    et: float
    abseta: float


def read_densities(path: Path) -> dict[Density, Histogram]:
    """The histograms of the likelihood in a ROOT file, as they stand there: not normalised.

    Raises
    ------
    BadFile : not a ROOT file, or without such histograms, or one with a number that is not finite

    Source
    ------
    Athena ElectronPhotonSelectorTools/Root/TElectronLikelihoodTool.cxx: a histogram is called
    ``<variable>_<sig or bkg>_smoothed_hist_from_KDE_et<N>eta<X.XX>``
    """
    found: dict[Density, Histogram] = {}
    for name, histogram in histograms(path).items():
        match = _DENSITY.fullmatch(name)
        if not match:
            continue
        variable, kind, et, abseta = match.groups()
        if not np.isfinite(histogram.contents).all():
            raise BadFile(str(path), f"{name} holds a number that is not finite")
        place = Density(variable, "sig" if kind == "sig" else "bkg", float(et), float(abseta))
        found[place] = histogram
    if not found:
        wrong = "no histogram is called <variable>_<sig or bkg>_smoothed_hist_from_KDE_et..eta.."
        raise BadFile(str(path), wrong)
    return found


@dataclass(frozen=True, eq=False)
class GraphCuts:
    """Cuts as graphs in pt, one for each bin of |eta|.

    Attributes
    ----------
    path : str
    abseta_edges : [n_eta + 1]
    graphs : pt in GeV and cut, [n] each, pt ascending
    """

    path: str
    abseta_edges: Floats
    graphs: tuple[tuple[Floats, Floats], ...]


def read_graph_cuts(path: Path) -> GraphCuts:
    """Cuts of one working point of the electron PLIT.

    Raises
    ------
    BadFile : no histogram `binning`, not one graph per bin, numbers that are not finite, two
        points at the same pt

    Source
    ------
    Athena IsolationSelection/Root/IsolationConditionGraph.cxx: graphs in the order of the file
    """
    axes, drawn = histograms(path), graphs(path)
    if "binning" not in axes:
        near = near_misses("binning", axes)
        raise BadFile(str(path), "it has no histogram binning", near)
    edges = axes["binning"].edges
    if len(drawn) != len(edges) - 1:
        wrong = f"{len(drawn)} graphs for the {len(edges) - 1} bins of |eta| of binning"
        raise BadFile(str(path), wrong)
    found = []
    for name, (x, y) in drawn.items():
        order = np.argsort(x, kind="stable")
        pt, cut = x[order], y[order]
        if not len(pt) or not (np.isfinite(pt).all() and np.isfinite(cut).all()):
            raise BadFile(str(path), f"graph {name} holds no point or one that is not finite")
        if (np.diff(pt) == 0).any():
            raise BadFile(str(path), f"graph {name} has two points at the same pt")
        found.append((pt, cut))
    return GraphCuts(str(path), edges, tuple(found))
