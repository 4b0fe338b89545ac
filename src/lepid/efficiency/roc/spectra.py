"""Distributions of a discriminant, what a cut is made of, and what a network lives on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lepid.efficiency import intervals
from lepid.efficiency.intervals import ONE_SIGMA, Efficiency, Sums
from lepid.efficiency.roc.curves import Area, Floats, checked, roc
from lepid.errors import BadInput


@dataclass(frozen=True)
class Distribution:
    """Density of a score; with `outside` its integral is 1.

    Attributes
    ----------
    edges : [n_bin + 1]
    value, error : [n_bin], per unit of the score
    outside : part of the weights below and above the edges
    """

    edges: Floats
    value: Floats
    error: Floats
    outside: tuple[float, float]


class Importance(NamedTuple):
    """What the area below the ROC curve loses when an input is shuffled.

    Attributes
    ----------
    loss, error : float; the error is the spread of the repetitions over the root of their number
    """

    loss: float
    error: float


def distribution(
    score: npt.ArrayLike, edges: npt.ArrayLike, weight: npt.ArrayLike | None = None
) -> Distribution:
    """Normalised distribution of a score, with statistical errors.

    Parameters
    ----------
    score : [n_lepton]
    edges : [n_bin + 1], finite and increasing
    weight : [n_lepton]; None is 1 for each lepton

    Raises
    ------
    BadInput : edges do not increase, a score is NaN, or weights that do not add up to more than 0
    """
    values, line = np.asarray(score, np.float64), np.asarray(edges, np.float64)
    weights = np.ones(values.shape) if weight is None else np.asarray(weight, np.float64)
    if values.shape != weights.shape or values.ndim != 1:
        wrong = f"score and weight have shapes {values.shape} and {weights.shape}"
        raise BadInput("distribution", wrong)
    if not np.isfinite(line).all() or line.ndim != 1 or not (np.diff(line) > 0.0).all():
        raise BadInput("distribution", f"edges must increase: {line.tolist()}")
    if np.isnan(values).any():
        raise BadInput("distribution", f"{np.count_nonzero(np.isnan(values))} scores are NaN")
    total = float(weights.sum())
    if not total > 0.0:
        raise BadInput("distribution", f"the weights add up to {total:g}")
    place = np.searchsorted(line, values, side="right")
    # The last edge belongs to the last bin, as in numpy.
    place[values == line[-1]] = len(line) - 1
    sums, squares = (np.bincount(place, weights**n, minlength=len(line) + 1) for n in (1, 2))
    scale = total * np.diff(line)
    ends = float(sums[0]) / total, float(sums[-1]) / total
    return Distribution(line, sums[1:-1] / scale, np.sqrt(squares[1:-1]) / scale, ends)


def composition(
    classes: npt.ArrayLike,
    n_class: int,
    passed: npt.ArrayLike,
    weight: npt.ArrayLike | None = None,
    coverage: float = ONE_SIGMA,
) -> Efficiency:
    """Which part of the leptons that pass is of each class, with intervals, [n_class].

    Parameters
    ----------
    classes : [n_lepton], 0 to `n_class` - 1
    passed : [n_lepton] bool
    weight : [n_lepton]; None is 1 for each lepton

    Returns
    -------
    Efficiency without edges; NaN where nothing passes

    Raises
    ------
    BadInput : shapes differ, or a class is outside the range
    """
    own, chosen = np.asarray(classes), np.asarray(passed, np.bool_)
    weights = np.ones(own.shape) if weight is None else np.asarray(weight, np.float64)
    if own.ndim != 1 or not own.shape == chosen.shape == weights.shape:
        wrong = f"classes, passed and weight: {own.shape}, {chosen.shape} and {weights.shape}"
        raise BadInput("composition", wrong)
    if own.size and not (own.min() >= 0 and own.max() < n_class):
        raise BadInput("composition", f"classes must be 0 to {n_class - 1}")
    own, weights = own[chosen], weights[chosen]
    sums, squares = (
        np.bincount(own, weights**n, minlength=n_class).astype(np.float64) for n in (1, 2)
    )
    parts = Sums(sums, sums.sum() - sums, squares, squares.sum() - squares)
    negative, weighted = bool((weights < 0.0).any()), bool((weights != 1.0).any())
    name = intervals.choose(None, weighted=weighted, negative=negative)
    low, high = intervals.evaluate(parts, name, coverage)
    known = np.isfinite(parts.value)
    low, high = np.where(known, low, np.nan), np.where(known, high, np.nan)
    return Efficiency(parts.value, low, high, parts.passed, parts.total, (), name)


def correlations(
    columns: Mapping[str, npt.ArrayLike],
    weight: npt.ArrayLike | None = None,
    *,
    ranks: bool = False,
) -> Floats:
    """Correlation of each column with each, [n_column, n_column].

    Parameters
    ----------
    columns : [n_lepton] each, finite
    weight : [n_lepton]; None is 1 for each lepton
    ranks : of the ranks (Spearman), equal values having the mean of theirs; else linear (Pearson)

    Returns
    -------
    1 on the diagonal, NaN for a column that does not vary

    Raises
    ------
    BadInput : no columns, lengths differ, a value is not finite, or no positive sum of weights
    """
    if not columns:
        raise BadInput("correlations", "there are no columns")
    values = {name: np.asarray(column, np.float64) for name, column in columns.items()}
    shapes = {name: column.shape for name, column in values.items()}
    if len(set(shapes.values())) > 1:
        raise BadInput("correlations", f"columns of different lengths: {shapes}")
    broken = [name for name, column in values.items() if not np.isfinite(column).all()]
    if broken:
        raise BadInput("correlations", f"values that are not finite in {', '.join(broken)}")
    rows = np.stack([_ranks(column) if ranks else column for column in values.values()])
    weights = np.ones(rows.shape[1]) if weight is None else np.asarray(weight, np.float64)
    if weights.shape != rows.shape[1:] or not weights.sum() > 0.0:
        wrong = f"weights of shape {weights.shape} that add up to {weights.sum():g}"
        raise BadInput("correlations", wrong)
    around = rows - np.average(rows, axis=1, weights=weights)[:, None]
    products = (around * weights) @ around.T
    width = np.sqrt(np.maximum(np.diag(products), 0.0))
    # What rounding leaves of a constant column is no width.
    width[np.ptp(rows, axis=1) == 0.0] = 0.0
    scale = np.outer(width, width)
    found: Floats = np.full(scale.shape, np.nan)
    np.divide(products, scale, out=found, where=scale > 0.0)
    np.fill_diagonal(found, np.where(width > 0.0, 1.0, np.nan))
    return found


def importance(
    evaluate: Callable[[Mapping[str, Floats]], npt.ArrayLike],
    columns: Mapping[str, Floats],
    is_signal: npt.ArrayLike,
    weight: npt.ArrayLike | None = None,
    *,
    groups: Mapping[str, Sequence[str]] | None = None,
    repeat: int = 5,
    seed: int = 1,
) -> tuple[Area, dict[str, Importance]]:
    """What each input is worth: the loss of area when its values are dealt out anew.

    Parameters
    ----------
    evaluate : columns -> score, [n_lepton]
    columns : inputs, [n_lepton, ...] each
    is_signal, weight : as in `roc.roc`
    groups : name -> columns that are shuffled together; None is one for each column
    repeat : how often each is shuffled
    seed : of the shuffling

    Returns
    -------
    The area with all inputs as they are, and name -> Importance. Inputs that say the same hide each
    other: shuffle them together.

    Raises
    ------
    BadInput : as `roc.roc`; a group names no column, or `repeat` is below 2

    Source
    ------
    L. Breiman, Machine Learning 45 (2001) 5, section 10, with the area as the measure.
    """
    if repeat < 2:
        raise BadInput("importance", f"repeat is {repeat}: an error needs 2 or more")
    chosen = {name: (name,) for name in columns} if groups is None else groups
    for name, members in chosen.items():
        absent = [member for member in members if member not in columns]
        if absent or not members:
            wrong = f"group {name}: no column {', '.join(absent)}"
            raise BadInput("importance", wrong, (), f"use: {', '.join(columns)}")
    whole, signal, weights = checked(np.asarray(evaluate(columns)), is_signal, weight)
    area = roc(whole, signal, weights).area
    rng, found = np.random.default_rng(seed), {}
    for name, members in chosen.items():
        losses = []
        for _ in range(repeat):
            order = rng.permutation(len(whole))
            dealt = {**columns, **{member: columns[member][order] for member in members}}
            losses.append(area.value - roc(np.asarray(evaluate(dealt)), signal, weights).area.value)
        error = float(np.std(losses, ddof=1) / np.sqrt(repeat))
        found[name] = Importance(float(np.mean(losses)), error)
    return area, found


def _ranks(column: Floats) -> Floats:
    _, place, counts = np.unique(column, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    result: Floats = (ends - 0.5 * (counts - 1))[place]
    return result
