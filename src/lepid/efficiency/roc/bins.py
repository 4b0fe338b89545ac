"""Efficiency and rejection in bins of a variable, with one cut or with one per bin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lepid.efficiency import intervals
from lepid.efficiency.intervals import ONE_SIGMA, Efficiency, Sums
from lepid.efficiency.roc.curves import Floats, checked
from lepid.errors import BadInput

# Cells of the grid in which bins are looked up, and comparisons that are faster than a search.
CELLS, STEPS = 4096, 2


@dataclass(frozen=True)
class Binned:
    """Efficiency of signal and background in bins of one variable.

    Attributes
    ----------
    cut : [n_bin], leptons with ``score >= cut`` pass; NaN where a bin has no signal to place it
    signal, background : [n_bin] each; NaN where the bin has no leptons, or no cut
    """

    cut: Floats
    signal: Efficiency
    background: Efficiency

    @property
    def rejection(self) -> tuple[Floats, Floats, Floats]:
        """Background leptons for one that passes, and the ends of the interval: [n_bin] each."""
        found = self.background
        with np.errstate(divide="ignore", invalid="ignore"):
            value, low, high = (
                np.where(part > 0.0, 1.0 / part, np.where(np.isnan(part), np.nan, np.inf))
                for part in (found.value, found.high, found.low)
            )
        return value, low, high


def binned(
    score: npt.ArrayLike,
    is_signal: npt.ArrayLike,
    variable: npt.ArrayLike,
    edges: npt.ArrayLike,
    *,
    efficiency: float,
    weight: npt.ArrayLike | None = None,
    per_bin: bool = False,
    coverage: float = ONE_SIGMA,
) -> Binned:
    """Efficiency of signal and background in bins, at a signal efficiency.

    Parameters
    ----------
    score, is_signal, weight : as in `roc.roc`
    variable : [n_lepton], finite; leptons outside the edges are in no bin
    edges : [n_bin + 1], increasing; the last may be infinite
    efficiency : of the signal, in each bin or over all leptons, those outside the bins too
    per_bin : whether each bin has a cut of its own; the intervals do not hold the error of cuts

    Raises
    ------
    BadInput : as `roc.roc`; edges that do not increase, an efficiency outside 0 to 1, or a variable
        that is not finite
    """
    scores, signal, weights = checked(score, is_signal, weight)
    if not 0.0 < efficiency <= 1.0:
        raise BadInput("roc", f"efficiency is {efficiency:g}, not above 0 and at most 1")
    line = _edges(edges)
    values = np.asarray(variable, np.float64)
    if values.shape != scores.shape:
        wrong = f"the variable has shape {values.shape}, the scores {scores.shape}"
        raise BadInput("roc", wrong)
    if not np.isfinite(values).all():
        number = np.count_nonzero(~np.isfinite(values))
        raise BadInput("roc", f"{number} values of the variable are not finite")
    n_bin = len(line) - 1
    # The place below the first edge is 0, that above the last n_bin + 1.
    place = places(values, line)
    weighed = None if weight is None or bool((weights == 1.0).all()) else weights
    own = scores[signal], None if weighed is None else weighed[signal]
    cut = _cuts(place[signal], *own, (n_bin, efficiency)) if per_bin else _cut(*own, efficiency)
    around = np.concatenate([[np.nan], np.broadcast_to(cut, n_bin), [np.nan]])
    passed = scores >= (around[place] if per_bin else cut)
    name = intervals.choose(
        None,
        weighted=weighed is not None,
        negative=weighed is not None and bool((weighed < 0.0).any()),
    )
    # One number for bin, kind and decision: one count gives all sums.
    kinds = _sums(place * 4 + signal * 2 + passed, weighed, n_bin)
    cuts = around[1:-1]
    background, found = (_efficiency(sums, cuts, line, name, coverage) for sums in kinds)
    return Binned(cuts, found, background)


def places(values: Floats, edges: Floats) -> npt.NDArray[np.int64]:
    """``searchsorted(edges, values, "right")`` of finite values, [n].

    A cell of an even grid says below which edges a value cannot be; comparisons do the rest. Edges
    too close for the grid are searched.
    """
    finite = edges[np.isfinite(edges)]
    scale = CELLS / (finite[-1] - finite[0]) if len(finite) > 1 else np.inf
    # One cell of safety on each side: rounding may put a value into the next one.
    starts = finite[0] + np.arange(-1, CELLS + 2) / scale
    first = np.searchsorted(edges, starts)
    steps = int(np.max(first[3:] - first[:-3]))
    if not np.isfinite(scale) or steps > STEPS:
        return np.searchsorted(edges, values, side="right")
    cell = np.clip((values - finite[0]) * scale, 0.0, CELLS - 1.0).astype(np.int32)
    # Below the first edge the grid says nothing, and above the last finite one.
    place = np.where(values < finite[0], 0, first[cell])
    ends = np.append(edges, np.inf)
    for _ in range(max(steps, 1) + 1):
        place += values >= ends[place]
    return place


def _edges(edges: npt.ArrayLike) -> Floats:
    line = np.asarray(edges, np.float64)
    finite = line.ndim == 1 and len(line) > 1 and np.isfinite(line[:-1]).all()
    if not finite or not (np.diff(line) > 0.0).all():
        wrong = f"edges must increase, and only the last may be infinite: {line.tolist()}"
        raise BadInput("roc", wrong)
    return line


def _sums(key: npt.NDArray[np.int64], weights: Floats | None, n_bin: int) -> tuple[Sums, Sums]:
    """Those of background and of signal, [n_bin] each."""
    number = 4 * (n_bin + 2)
    counts: Floats = np.bincount(key, weights, minlength=number).astype(np.float64)
    squares: Floats = counts
    if weights is not None:
        squares = np.asarray(np.bincount(key, weights**2, minlength=number), np.float64)
    sums, second = (part.reshape(n_bin + 2, 2, 2)[1:-1] for part in (counts, squares))
    background, signal = (
        Sums(sums[:, k, 1], sums[:, k, 0], second[:, k, 1], second[:, k, 0]) for k in (0, 1)
    )
    return background, signal


def _efficiency(sums: Sums, cut: Floats, line: Floats, name: str, coverage: float) -> Efficiency:
    low, high = intervals.evaluate(sums, name, coverage)
    known = np.isfinite(sums.value) & ~np.isnan(cut)
    value, low, high = (np.where(known, part, np.nan) for part in (sums.value, low, high))
    return Efficiency(value, low, high, sums.passed, sums.total, (line,), name)


def _cuts(
    place: npt.NDArray[np.int64],
    scores: Floats,
    weights: Floats | None,
    goal: tuple[int, float],
) -> Floats:
    """The cut of each bin, for their number and the efficiency, [n_bin]."""
    n_bin, efficiency = goal
    # Small integers are sorted in one pass.
    order = np.argsort(place.astype(np.uint16), kind="stable")
    ends = np.concatenate([[0], np.cumsum(np.bincount(place, minlength=n_bin + 2))])
    found = np.full(n_bin, np.nan)
    for number in range(n_bin):
        rows = order[ends[number + 1] : ends[number + 2]]
        own = None if weights is None else weights[rows]
        if len(rows) and (own is None or own.sum() > 0.0):
            found[number] = _cut(scores[rows], own, efficiency)
    return found


def _cut(scores: Floats, weights: Floats | None, efficiency: float) -> float:
    """The highest cut that this part of the weights reaches."""
    if weights is None:
        # Rounding must not ask for one lepton more.
        number = max(1, int(np.ceil(efficiency * len(scores) * (1.0 - 1e-12))))
        return float(np.partition(scores, len(scores) - number)[len(scores) - number])
    order = np.lexsort((weights, scores))[::-1]
    ordered, sums = scores[order], np.cumsum(weights[order])
    last = np.append(np.flatnonzero(ordered[1:] != ordered[:-1]), len(ordered) - 1)
    reached = np.maximum.accumulate(sums[last])
    place = np.searchsorted(reached, efficiency * sums[-1] * (1.0 - 1e-12))
    return float(ordered[last[min(int(place), len(last) - 1)]])
