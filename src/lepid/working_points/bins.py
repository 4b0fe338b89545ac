"""Bins in pT and |eta|: which lepton lies where, and which bins are too thin to stand alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lepid.errors import BadInput

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]
# 1.37 to 1.52 is the crack of the ATLAS calorimeter. The last bins are open.
DEFAULT_PT_EDGES: tuple[float, ...] = (0.0, 10.0, 15.0, 20.0, 30.0, 40.0, 60.0, math.inf)
DEFAULT_ABSETA_EDGES: tuple[float, ...] = (0.0, 0.8, 1.37, 1.52, 2.01, math.inf)
SHOWN = 6


@dataclass(frozen=True)
class Bins:
    """Edges in pT and |eta|; a bin holds ``low <= x < high``.

    Attributes
    ----------
    pt_edges : [n_pt + 1], GeV
    abseta_edges : [n_abseta + 1]
    """

    pt_edges: tuple[float, ...]
    abseta_edges: tuple[float, ...]

    def __post_init__(self) -> None:
        for name, edges in (("pt", self.pt_edges), ("abseta", self.abseta_edges)):
            ascend = len(edges) > 1 and all(low < high for low, high in pairwise(edges))
            if not ascend or not all(map(math.isfinite, edges[:-1])):
                wrong = "do not increase, are fewer than two, or not only the last is infinite"
                raise BadInput(f"{name} edges", f"{list(edges)}: {wrong}")

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of bins, n_pt and n_abseta."""
        return len(self.pt_edges) - 1, len(self.abseta_edges) - 1

    def places(self, pt: Floats, abseta: Floats) -> Places:
        """Bin of each lepton, n_abseta * i_pt + i_abseta; -1 outside the edges."""
        inside = np.ones(len(pt), np.bool_)
        found = []
        for values, edges in ((pt, self.pt_edges), (abseta, self.abseta_edges)):
            inside &= (values >= edges[0]) & (values < edges[-1])
            # Comparing with each of a few edges is faster than searching them.
            place = np.zeros(len(values), np.int16)
            for edge in edges[1:-1]:
                place += values >= edge
            found.append(place)
        return np.where(inside, found[0].astype(np.int64) * self.shape[1] + found[1], -1)

    def text(self, place: int) -> str:
        """Bin in words."""
        i, j = divmod(place, self.shape[1])
        return self.range_text(i, i + 1, j)

    def range_text(self, first: int, end: int, column: int) -> str:
        """Bins `first` to before `end` in pT of one bin in |eta|, in words."""
        low, high = self.pt_edges[first], self.pt_edges[end]
        eta = self.abseta_edges[column : column + 2]
        return f"pT {low:g} to {high:g} GeV, |eta| {eta[0]:g} to {eta[1]:g}"


class Demand(NamedTuple):
    """What a working point asks of the leptons of each bin, [n_pt, n_abseta] each.

    Attributes
    ----------
    what : the leptons, in words
    number : of leptons
    sum, squares : of their weights and squared weights
    passing : sum of the weights that should pass
    """

    what: str
    number: Floats
    sum: Floats
    squares: Floats
    passing: Floats

    def strength(self, rows: slice, column: int) -> float:
        """Effective number of leptons on the thinner side of the cut, in bins taken together."""
        total, squares, passing = (
            float(values[rows, column].sum()) for values in (self.sum, self.squares, self.passing)
        )
        if total <= 0.0:
            return 0.0
        share = passing / total
        return max(0.0, min(share, 1.0 - share)) * total * total / squares


def check_filled(bins: Bins, demands: Sequence[Demand]) -> None:
    """Raise `BadInput` where a bin has no leptons at all; lists them."""
    for demand in demands:
        empty = np.flatnonzero(demand.number.ravel() == 0)
        if len(empty):
            listed = "; ".join(bins.text(int(place)) for place in empty[:SHOWN])
            more = f"; and {len(empty) - SHOWN} more" if len(empty) > SHOWN else ""
            wrong = f"no {demand.what} in {len(empty)} of {demand.number.size} bins: {listed}{more}"
            raise BadInput("working points", wrong, (), "take wider bins, or more events")


def merged(bins: Bins, demands: Sequence[Demand], minimum: float) -> tuple[Places, list[str]]:
    """Group of each bin [n_pt, n_abseta], and which bins share one, in words.

    A bin is thin where fewer than `minimum` effective leptons lie on one side of a cut. It joins
    the thinner of its neighbours in pT, until none is thin.

    Raises
    ------
    BadInput : a whole bin in |eta| is thin
    """
    groups = np.zeros(bins.shape, np.int64)
    said = []
    number = 0
    for column in range(bins.shape[1]):
        strength = partial(_weakest, demands, column)
        parts = joined(bins.shape[0], strength, minimum)
        if strength(parts[0]) < minimum:
            _refuse(bins, demands, column, minimum)
        for part in parts:
            groups[part, column] = number
            number += 1
            if part.stop - part.start > 1:
                said.append(bins.range_text(part.start, part.stop, column))
    return groups, said


def joined(n: int, strength: Callable[[slice], float], minimum: float) -> list[slice]:
    """Bins in a row, each thin one joined to the thinner of its neighbours until none is thin.

    Parameters
    ----------
    n : number of bins
    strength : of some bins taken together; thin is below `minimum`

    Returns
    -------
    At least one slice; one alone may still be thin
    """
    parts = [slice(i, i + 1) for i in range(n)]
    while len(parts) > 1:
        strengths = [strength(part) for part in parts]
        thin = int(np.argmin(strengths))
        if strengths[thin] >= minimum:
            break
        near = [i for i in (thin - 1, thin + 1) if 0 <= i < len(parts)]
        first, last = sorted((thin, min(near, key=lambda i: strengths[i])))
        parts[first : last + 1] = [slice(parts[first].start, parts[last].stop)]
    return parts


def _weakest(demands: Sequence[Demand], column: int, part: slice) -> float:
    return min(demand.strength(part, column) for demand in demands)


def _refuse(bins: Bins, demands: Sequence[Demand], column: int, minimum: float) -> None:
    every = slice(0, bins.shape[0])
    demand = min(demands, key=lambda d: d.strength(every, column))
    low, high = bins.abseta_edges[column : column + 2]
    wrong = (
        f"{demand.strength(every, column):.3g} effective {demand.what} on one side of the cut in "
        f"|eta| {low:g} to {high:g}, all pT together; {minimum:g} are needed"
    )
    do = "take wider bins in |eta|, more events, a less extreme target or a lower minimum"
    raise BadInput("working points", wrong, (), do)
