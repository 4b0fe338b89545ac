"""Signal against background: ROC curve, rejection at an efficiency, area, each with its error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from lepid.efficiency import intervals
from lepid.efficiency.intervals import ONE_SIGMA, Sums
from lepid.errors import BadInput

Floats: TypeAlias = npt.NDArray[np.float64]
Bools: TypeAlias = npt.NDArray[np.bool_]
WHERE = "roc"


class Area(NamedTuple):
    """Area below a ROC curve: the chance that signal scores above background.

    Attributes
    ----------
    value, error : float; the error is NaN where one lepton holds all the weight
    """

    value: float
    error: float


@dataclass(frozen=True)
class AtEfficiency:
    """What is left of the background at some signal efficiencies.

    Attributes
    ----------
    asked : [n], signal efficiency
    cut : [n], leptons with ``score >= cut`` pass; the highest that reaches the efficiency
    signal : [n], efficiency that it has; larger than `asked` where many scores are equal
    background : [n], efficiency of the background
    low, high : [n], ends of its interval, at the asked signal efficiency
    """

    asked: Floats
    cut: Floats
    signal: Floats
    background: Floats
    low: Floats
    high: Floats

    @property
    def rejection(self) -> Floats:
        """[n], background leptons for one that passes; infinite where none does."""
        return _inverse(self.background)

    @property
    def rejection_low(self) -> Floats:
        """[n], lower end of its interval."""
        return _inverse(self.high)

    @property
    def rejection_high(self) -> Floats:
        """[n], upper end of its interval; infinite where no background may be left."""
        return _inverse(self.low)


@dataclass(frozen=True)
class Roc:
    """Sums of weights of what passes each cut.

    Attributes
    ----------
    cut : [n_cut], the scores that occur, descending; leptons with ``score >= cut`` pass
    signal, background : sums of what passes and fails, [n_cut] each
    interval : name of the interval of both
    """

    cut: Floats
    signal: Sums
    background: Sums
    interval: str

    @property
    def area(self) -> Area:
        """Area below the curve; half of the pairs with equal scores count.

        Source
        ------
        E. DeLong, D. DeLong and D. Clarke-Pearson, Biometrics 44 (1988) 837; with weights, sums of
        squared weights take the place of counts (ours), and S^2 / S_2 that of the number.
        """
        # Chance of a lepton with this score to be above one of the other kind, or below.
        above = _middle(1.0 - self.background.value, first=1.0)
        below = _middle(self.signal.value, first=0.0)
        value = float(np.sum(_steps(self.signal.value) * above))
        variance = 0.0
        for sums, chance in ((self.signal, above), (self.background, below)):
            squares = _steps(sums.passed_squares)
            total = float(sums.passed[-1])
            effective = total**2 / float(sums.passed_squares[-1])
            if not effective > 1.0:
                return Area(value, np.nan)
            spread = float(np.sum(squares * (chance - value) ** 2)) / total**2
            variance += spread * effective / (effective - 1.0)
        return Area(value, float(np.sqrt(variance)))

    def at(self, efficiencies: npt.ArrayLike, coverage: float = ONE_SIGMA) -> AtEfficiency:
        """Background at these signal efficiencies, with intervals.

        The interval has two parts, added in quadrature on each side: that of the background above
        the cut, and what moving the cut by the error of the signal efficiency does.

        Parameters
        ----------
        efficiencies : [n], above 0 and at most 1

        Raises
        ------
        BadInput : one is outside 0 to 1, or `coverage` is

        Source
        ------
        Ours; the tests hold its width against 400 samples of the same leptons with Poisson weights.
        """
        asked = np.atleast_1d(np.asarray(efficiencies, np.float64))
        outside = asked[~((asked > 0.0) & (asked <= 1.0))]
        if outside.size:
            wrong = f"signal efficiencies must be above 0 and at most 1: {outside.tolist()}"
            raise BadInput(WHERE, wrong)
        place = self._reaching(asked)
        left = _taken(self.background, place)
        low, high = intervals.evaluate(left, self.interval, coverage)
        ends = intervals.normal(_taken(self.signal, place), coverage)
        half = 0.5 * (ends[1] - ends[0])
        looser = self.background.value[self._reaching(np.minimum(asked + half, 1.0))]
        tighter = self.background.value[self._reaching(np.maximum(asked - half, 0.0))]
        value = left.value
        low = value - np.hypot(value - low, value - tighter)
        high = value + np.hypot(high - value, looser - value)
        if self.interval != intervals.NEGATIVE_WEIGHTS:
            low, high = np.maximum(low, 0.0), np.minimum(high, 1.0)
        return AtEfficiency(asked, self.cut[place], self.signal.value[place], value, low, high)

    def _reaching(self, efficiencies: Floats) -> npt.NDArray[np.int64]:
        """Place of the highest cut with these signal efficiencies, [n]."""
        # Negative weights can make the efficiency fall on the way; rounding leaves it below 1.
        best = np.maximum.accumulate(self.signal.value)
        place = np.searchsorted(best, efficiencies * (1.0 - 1e-12))
        return np.minimum(place, len(best) - 1)


def roc(score: npt.ArrayLike, is_signal: npt.ArrayLike, weight: npt.ArrayLike | None = None) -> Roc:
    """ROC curve of signal against background.

    Parameters
    ----------
    score : [n_lepton], larger for signal; no NaN
    is_signal : [n_lepton] bool
    weight : [n_lepton], may be negative; None is 1 for each lepton

    Returns
    -------
    Roc. The order of the leptons makes no difference, not in the last bit either.

    Raises
    ------
    BadInput : lengths differ, a score is NaN, a weight is not finite, or signal or background have
        no leptons, or weights that do not add up to a positive number
    """
    scores, signal, weights = checked(score, is_signal, weight)
    negative, weighted = bool((weights < 0.0).any()), bool((weights != 1.0).any())
    # Sums of weights depend on their order in the last bit: leptons of one score get one of theirs.
    order = np.lexsort((weights, scores) if weighted else (scores,))[::-1]
    scores, signal, weights = scores[order], signal[order], weights[order]
    last = np.append(np.flatnonzero(scores[1:] != scores[:-1]), len(scores) - 1)
    return Roc(
        scores[last],
        _passing(np.where(signal, weights, 0.0), last),
        _passing(np.where(signal, 0.0, weights), last),
        intervals.choose(None, weighted=weighted, negative=negative),
    )


def checked(
    score: npt.ArrayLike, is_signal: npt.ArrayLike, weight: npt.ArrayLike | None
) -> tuple[Floats, Bools, Floats]:
    """The arguments of `roc` as arrays of one length.

    Raises
    ------
    BadInput : as `roc`
    """
    scores, signal = np.asarray(score, np.float64), np.asarray(is_signal)
    weights = np.ones(scores.shape) if weight is None else np.asarray(weight, np.float64)
    shapes = {"score": scores.shape, "is_signal": signal.shape, "weight": weights.shape}
    if scores.ndim != 1 or len(set(shapes.values())) > 1:
        raise BadInput(WHERE, f"expected flat arrays of one length, found {shapes}")
    if signal.dtype != np.bool_:
        raise BadInput(WHERE, f"is_signal holds {signal.dtype}, not True and False")
    number = np.count_nonzero(np.isnan(scores))
    if number:
        do = "leave out leptons without a score"
        raise BadInput(WHERE, f"{number} of {len(scores)} scores are NaN", (), do)
    if not np.isfinite(weights).all():
        raise BadInput(WHERE, f"{np.count_nonzero(~np.isfinite(weights))} weights are not finite")
    for name, chosen in (("signal", signal), ("background", ~signal)):
        if not chosen.any():
            raise BadInput(WHERE, f"there are no {name} leptons")
        total = 1.0 if weight is None else float(weights[chosen].sum())
        if not total > 0.0:
            raise BadInput(WHERE, f"the weights of the {name} add up to {total:g}")
    return scores, signal, weights


def _passing(weights: Floats, last: npt.NDArray[np.int64]) -> Sums:
    passed, squares = np.cumsum(weights), np.cumsum(weights**2)
    return Sums(passed[last], passed[-1] - passed[last], squares[last], squares[-1] - squares[last])


def _taken(sums: Sums, place: npt.NDArray[np.int64]) -> Sums:
    return Sums(
        sums.passed[place],
        sums.failed[place],
        sums.passed_squares[place],
        sums.failed_squares[place],
    )


def _steps(cumulative: Floats) -> Floats:
    return np.diff(cumulative, prepend=0.0)


def _middle(values: Floats, first: float) -> Floats:
    return 0.5 * (np.concatenate([[first], values[:-1]]) + values)


def _inverse(values: Floats) -> Floats:
    result = np.full(values.shape, np.inf)
    np.divide(1.0, values, out=result, where=values > 0.0)
    return result
