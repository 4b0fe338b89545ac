"""Rejection at an efficiency, with the error of counting."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
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
        """Whether the error is smaller than the number."""
        return self.error < self.value < np.inf

    def text(self) -> str:
        """As a table shows it: with one digit of the error."""
        if np.isnan(self.value):
            return "-"
        if np.isinf(self.value):
            return "none left"
        if not self.sure:
            return f"{self.value:.0f} (few left)"
        places = max(0, -int(np.floor(np.log10(max(self.error, 1e-9)))))
        return f"{self.value:.{places}f} ± {self.error:.{places}f}"


def rejections(scored: Scored, efficiencies: Sequence[float]) -> dict[str, list[Measured]]:
    """Of each tagger: one over the fraction of leptons that are not prompt above the cut.

    The error is half the width of the central 68 % of 200 samples in which each lepton comes a
    Poisson number of times; the cut is found anew in each.
    """
    replicas = _replicas(scored, efficiencies)
    return {name: [_measured(v) for v in values.T] for name, values in replicas.items()}


def ratios(scored: Scored, efficiencies: Sequence[float], of: str, to: str) -> list[Measured]:
    """Of two taggers' rejections, whose errors are correlated as the leptons are the same."""
    replicas = _replicas(scored, efficiencies)
    left, right = replicas[of], replicas[to]
    both = np.isfinite(left) & np.isfinite(right)
    ratio = np.divide(left, right, out=np.full(left.shape, np.nan), where=both)
    return [_measured(values) for values in ratio.T]


def curve(scored: Scored, name: str, efficiencies: Floats) -> Floats:
    """Rejection at each efficiency, [n]; infinite where nothing is left."""
    return _rejection(scored.scores[name], scored, scored.weight, efficiencies)


def area(scored: Scored, name: str) -> float:
    """Area below the curve of prompt against other leptons."""
    order = np.argsort(scored.scores[name], kind="stable")
    weight, prompt = scored.weight[order], scored.prompt[order]
    below = np.cumsum(np.where(prompt, 0.0, weight))
    return float((weight * below)[prompt].sum() / weight[prompt].sum() / below[-1])


def _replicas(scored: Scored, efficiencies: Sequence[float]) -> dict[str, Floats]:
    """[1 + REPLICAS, n_efficiency] of each tagger, the measured numbers first."""
    rng = np.random.default_rng(1)
    size = (REPLICAS, len(scored.weight))
    times = np.concatenate([np.ones((1, size[1])), rng.poisson(1.0, size)])
    return {
        name: np.stack([_rejection(score, scored, scored.weight * n, efficiencies) for n in times])
        for name, score in scored.scores.items()
    }


def _rejection(
    score: Floats, scored: Scored, weight: Floats, efficiencies: Sequence[float] | Floats
) -> Floats:
    order = np.argsort(-score, kind="stable")
    prompt = np.cumsum(np.where(scored.prompt, weight, 0.0)[order])
    other = np.cumsum(np.where(scored.prompt, 0.0, weight)[order])
    if not (prompt[-1] > 0 and other[-1] > 0):
        return np.full(len(efficiencies), np.nan)
    last = np.searchsorted(prompt, np.asarray(efficiencies) * prompt[-1])
    passed = other[np.minimum(last, len(other) - 1)]
    with np.errstate(divide="ignore"):
        return np.asarray(other[-1] / passed)


def _measured(values: npt.NDArray[Any]) -> Measured:
    finite = values[1:][np.isfinite(values[1:])]
    enough = len(finite) >= ENOUGH * (len(values) - 1)
    value = float(values[0])
    if not (enough and np.isfinite(value)):
        return Measured(value, np.nan)
    low, high = np.quantile(finite, CENTRAL)
    return Measured(value, 0.5 * float(high - low))
