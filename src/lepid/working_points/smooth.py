"""Cuts without steps in pT: straight lines or monotone splines between the bins."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from lepid.working_points.curve import DECIMALS, Curve

Floats = npt.NDArray[np.float64]
LINEAR, SPLINE = "linear", "pchip"
KINDS = (LINEAR, SPLINE)
# Straight pieces of a spline between two bins.
PIECES = 8
# The cut is done where all efficiencies are within this part of their uncertainty.
ENOUGH, ROUNDS = 0.1, 30


class Line(NamedTuple):
    """Cut against pT in one bin of |eta|: straight between the nodes, constant outside.

    Attributes
    ----------
    pt : [n_node], GeV
    cuts : [n_node]
    """

    pt: Floats
    cuts: Floats

    def at(self, pt: Floats) -> Floats:
        """Cut for each pT, [n_lepton]."""
        return np.interp(pt, self.pt, self.cuts)

    def above(self, other: Line) -> Line:
        """The higher one of the two wherever one of them has a node."""
        # Between nodes of both, a straight line is above where its ends are.
        pt: Floats = np.union1d(self.pt, other.pt)
        higher: Floats = np.maximum(self.at(pt), other.at(pt))
        return Line(pt, np.round(higher, DECIMALS))

    @classmethod
    def through(cls, pt: Floats, cuts: Floats, kind: str) -> Self:
        """Line through the cuts of the bins.

        Source
        ------
        F. Fritsch and J. Butland, SIAM J. Sci. Stat. Comput. 5 (1984) 300, in scipy: PCHIP.
        """
        if kind == SPLINE and len(pt) > 1:
            fine = np.unique(
                np.concatenate([
                    np.round(np.linspace(low, high, PIECES + 1), DECIMALS)
                    for low, high in pairwise(pt.tolist())
                ])
            )  # fmt: skip
            # Half a second to load, for one kind of smoothing.
            from scipy.interpolate import PchipInterpolator  # noqa: PLC0415

            return cls(fine, np.round(PchipInterpolator(pt, cuts)(fine), DECIMALS))
        return cls(pt, np.round(cuts, DECIMALS))


class Cell(NamedTuple):
    """Leptons of one group of bins, and the efficiency that the cut should have there."""

    values: Floats
    weights: Floats
    pt: Floats
    efficiency: float
    sigma: float

    def residual(self, line: Line) -> Curve:
        """The leptons in the order of how far they lie above the line."""
        return Curve.of(
            np.arange(len(self.values)), self.values - line.at(self.pt), self.weights
        )  # fmt: skip


def fit(cells: Sequence[Cell], nodes: Floats, start: Floats, kind: str) -> Line:
    """Line whose efficiency is that of each cell; the bins alone would miss it a little.

    Parameters
    ----------
    nodes : [n_cell], pT of the cells
    start : [n_cell], cut of each cell alone

    Source
    ------
    Ours: each node moves by what its own cell still lacks, until all are within a tenth of their
    uncertainty.
    """
    cuts = start.copy()
    line = Line.through(nodes, cuts, kind)
    best, least = line, np.inf
    for _ in range(ROUNDS):
        curves = [cell.residual(line) for cell in cells]
        off = max(
            abs(curve.efficiency(curve.at(0.0, strict=True)) - cell.efficiency) / cell.sigma
            for curve, cell in zip(curves, cells, strict=True)
        )
        if off < least:
            best, least = line, off
        if off < ENOUGH:
            break
        cuts += [curve.cut(cell.efficiency) for curve, cell in zip(curves, cells, strict=True)]
        line = Line.through(nodes, cuts, kind)
    return best
