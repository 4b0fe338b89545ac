"""Rejection at an efficiency, with the error of counting."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lepid.efficiency.roc.curves import roc

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
REPLICAS = 200
# With fewer replicas that have a number no error is stated.
ENOUGH = 0.9
CENTRAL = (0.158655, 0.841345)


class Scored(NamedTuple):
    """What taggers say of the same leptons: [n_lepton] each, larger is more prompt."""

    scores: dict[str, Floats]
    prompt: Bools
    weight: Floats

    def of(self, chosen: Bools) -> Scored:
        """Those leptons alone."""
        scores = {name: score[chosen] for name, score in self.scores.items()}
        return Scored(scores, self.prompt[chosen], self.weight[chosen])


class Measured(NamedTuple):
    """A number and its error; NaN where there are too few leptons."""

    value: float
    error: float

    @property
    def sure(self) -> bool:
        """Whether there is an error, and it is smaller than the number."""
        return 0.0 < self.error < self.value < np.inf

    def text(self) -> str:
        """As a table shows it: with one digit of the error."""
        if np.isnan(self.value):
            return "-"
        if np.isinf(self.value):
            return "none left"
        if not self.sure:
            return f"{self.value:.{int(self.value < 10)}f} (few left)"
        places = max(0, -int(np.floor(np.log10(max(self.error, 1e-9)))))
        return f"{self.value:.{places}f} ± {self.error:.{places}f}"


def rejections(scored: Scored, efficiencies: Sequence[float]) -> dict[str, list[Measured]]:
    """Of each tagger: one over the fraction of leptons that are not prompt above the cut.

    The error is half the width of the central 68 % of 200 samples in which each lepton comes a
    Poisson number of times; the cut is found anew in each.
    """
    replicas = _replicas(scored, efficiencies)
    return {name: [measured(v) for v in values.T] for name, values in replicas.items()}


def ratios(scored: Scored, efficiencies: Sequence[float], of: str, to: str) -> list[Measured]:
    """Of two taggers' rejections, whose errors are correlated as the leptons are the same."""
    replicas = _replicas(scored, efficiencies)
    left, right = replicas[of], replicas[to]
    both = np.isfinite(left) & np.isfinite(right)
    ratio = np.divide(left, right, out=np.full(left.shape, np.nan), where=both)
    return [measured(values) for values in ratio.T]


def curve(scored: Scored, name: str, efficiencies: Floats) -> Floats:
    """Rejection at each efficiency, [n]; infinite where nothing is left."""
    return roc(scored.scores[name], scored.prompt, scored.weight).at(efficiencies).rejection


def area(scored: Scored, name: str) -> Measured:
    """Area below the curve of prompt against other leptons; NaN where one of them is missing."""
    if not all(scored.weight[kind].sum() > 0 for kind in (scored.prompt, ~scored.prompt)):
        return Measured(float("nan"), float("nan"))
    return Measured(*roc(scored.scores[name], scored.prompt, scored.weight).area)


def fraction(passed: Bools, weight: Floats) -> Measured:
    """Weighted part that passed, and its binomial error for as many electrons as weigh the same."""
    if not weight.sum() > 0:
        return Measured(float("nan"), float("nan"))
    part = float(weight[passed].sum() / weight.sum())
    effective = float(weight.sum() ** 2 / (weight**2).sum())
    return Measured(part, float(np.sqrt(max(part * (1.0 - part), 1.0 / effective) / effective)))


def _replicas(scored: Scored, efficiencies: Sequence[float]) -> dict[str, Floats]:
    """[1 + REPLICAS, n_efficiency] of each tagger, the measured numbers first."""
    orders = {name: _order(score) for name, score in scored.scores.items()}
    found: dict[str, list[Floats]] = {name: [] for name in orders}
    for weight in _weights(scored):
        for name, order in orders.items():
            found[name].append(_rejection(order, scored.prompt, weight, efficiencies))
    return {name: np.stack(rows) for name, rows in found.items()}


def _weights(scored: Scored) -> Iterator[Floats]:
    """Those of the leptons, then with each of them a Poisson number of times."""
    rng = np.random.default_rng(1)
    yield scored.weight
    for _ in range(REPLICAS):
        yield scored.weight * rng.poisson(1.0, len(scored.weight))


def _order(score: Floats) -> tuple[Places, Places]:
    """Leptons in descending order, and the last one of each score."""
    order = np.argsort(-score, kind="stable")
    ordered = score[order]
    return order, np.append(np.flatnonzero(ordered[1:] != ordered[:-1]), len(order) - 1)


def _rejection(
    order: tuple[Places, Places], is_prompt: Bools, weight: Floats, efficiencies: Sequence[float]
) -> Floats:
    """As `curve`, of leptons that are in order already."""
    prompt, other = (
        np.cumsum(np.where(kind, weight, 0.0)[order[0]])[order[1]]
        for kind in (is_prompt, ~is_prompt)
    )
    if not (prompt[-1] > 0 and other[-1] > 0):
        return np.full(len(efficiencies), np.nan)
    last = np.searchsorted(prompt, np.asarray(efficiencies) * prompt[-1] * (1.0 - 1e-12))
    with np.errstate(divide="ignore"):
        return np.asarray(other[-1] / other[last])


def measured(values: npt.NDArray[Any]) -> Measured:
    """The first of some values, with half the width of the central 68 % of the others."""
    finite = values[1:][np.isfinite(values[1:])]
    enough = len(finite) >= ENOUGH * (len(values) - 1)
    value = float(values[0])
    if not (enough and np.isfinite(value)):
        return Measured(value, np.nan)
    low, high = np.quantile(finite, CENTRAL)
    return Measured(value, 0.5 * float(high - low))
