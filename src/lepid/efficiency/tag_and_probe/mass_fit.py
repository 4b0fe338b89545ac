"""Simultaneous fit of the masses of passing and failing probes. The only home of iminuit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from iminuit import Minuit
from iminuit.cost import ExtendedBinnedNLL
from scipy.special import chdtrc

from lepid.efficiency.tag_and_probe.mass_shapes import Parameter, Shape
from lepid.efficiency.tag_and_probe.pair_table import Histogram, PassFail

Floats: TypeAlias = npt.NDArray[np.float64]

SIDES = ("passed", "failed")
# Pearson's chi2 follows its distribution where this much is expected.
EXPECTED = 5.0
TRIES = 3
NOTHING = 1e-9
LIKELIHOOD, COVARIANCE = "likelihood", "covariance"


@dataclass(frozen=True)
class Curves:
    """What a fit expects in each bin of mass, [n_mass] each."""

    edges: Floats
    signal: Mapping[str, Floats]
    background: Mapping[str, Floats]


@dataclass(frozen=True)
class Fit:
    """A fit that ended.

    Attributes
    ----------
    valid : whether the minimum and its covariance are
    value, low, high : efficiency and its interval of one sigma
    interval : how the interval was found
    parameters : name -> value and error
    chi2, ndof, p_value : Pearson's, of bins merged until 5 are expected in each
    at_limit : parameters that ended at a limit
    """

    valid: bool
    value: float
    low: float
    high: float
    interval: str
    parameters: Mapping[str, tuple[float, float]]
    chi2: float
    ndof: int
    p_value: float
    curves: Curves
    at_limit: tuple[str, ...] = ()


def fit(masses: PassFail, signal: Mapping[str, Shape], background: Shape) -> Fit:
    """Efficiency in the window of `masses`, a parameter of the likelihood of both sides.

    Parameters
    ----------
    signal : passed and failed -> shape
    """
    side_names = {side: _names(signal[side], background, side) for side in SIDES}
    parameters = {p.name: p for side in SIDES for p in _parameters(signal[side], background, side)}
    parameters |= {p.name: p for p in _yields(masses)}
    models = {side: _Model(side, signal[side], background) for side in SIDES}
    total: Any = sum(
        ExtendedBinnedNLL(
            _data(getattr(masses, side)), masses.edges, models[side], name=side_names[side]
        )
        for side in SIDES
    )
    minuit = Minuit(total, **{name: parameters[name].start for name in total._parameters})
    for name in minuit.parameters:
        minuit.limits[name] = (parameters[name].low, parameters[name].high)
    _minimise(minuit)
    return _result(minuit, masses, models, side_names)


class _Model:
    """Expected sum of pairs up to each edge."""

    def __init__(self, side: str, signal: Shape, background: Shape) -> None:
        self._passed, self._signal, self._background = side == "passed", signal, background
        self._split = 3 + len(signal.parameters)

    def __call__(self, edges: Floats, *values: float) -> Floats:
        parts = np.add(*self.parts(edges, *values))
        return np.concatenate([[0.0], np.cumsum(parts)])

    def parts(self, edges: Floats, *values: float) -> tuple[Floats, Floats]:
        """Signal and background in each bin."""
        n_signal, efficiency, n_background = values[:3]
        part = efficiency if self._passed else 1.0 - efficiency
        signal = self._signal.fractions(edges, *values[3 : self._split])
        return (
            n_signal * part * signal,
            n_background * self._background.fractions(edges, *values[self._split :]),
        )


def _names(signal: Shape, background: Shape, side: str) -> list[str]:
    shapes = [p.name for p in _parameters(signal, background, side)]
    return ["signal", "efficiency", f"background_{side}", *shapes]


def _parameters(signal: Shape, background: Shape, side: str) -> list[Parameter]:
    every = (*signal.parameters, *background.parameters)
    return [p if p.shared else p._replace(name=f"{p.name}_{side}") for p in every]


def _yields(masses: PassFail) -> list[Parameter]:
    n_passed, n_failed = masses.passed.values.sum(), masses.failed.values.sum()
    total = n_passed + n_failed
    edge = max(3, len(masses.edges) // 6)
    # Background at the start: a flat line at the height of the ends of the window.
    ends = [
        np.mean([*one.values[:edge], *one.values[-edge:]]) * len(one.values) for one in masses[1:]
    ]
    b_passed, b_failed = (
        min(end, 0.5 * n) for end, n in zip(ends, (n_passed, n_failed), strict=True)
    )
    n_signal = max(total - b_passed - b_failed, 1.0)
    start = float(np.clip((n_passed - b_passed) / n_signal, 0.02, 0.98))
    return [
        Parameter("signal", n_signal, 0.0, 3.0 * total),
        Parameter("efficiency", start, 0.0, 1.0),
        Parameter("background_passed", max(b_passed, 1.0), 0.0, 3.0 * n_passed),
        Parameter("background_failed", max(b_failed, 1.0), 0.0, 3.0 * n_failed),
    ]


def _data(histogram: Histogram) -> Floats:
    if np.array_equal(histogram.values, histogram.variances):
        return histogram.values
    # An empty bin of weighted pairs takes the mean weight of all; with a content of exactly 0 the
    # likelihood of scaled counts would leave it out.
    scale = histogram.variances.sum() / histogram.values.sum()
    empty = histogram.variances <= 0.0
    values = np.where(empty, NOTHING, histogram.values)
    return np.column_stack([values, np.where(empty, NOTHING * scale, histogram.variances)])


def _minimise(minuit: Minuit) -> None:
    minuit.strategy = 1
    for _ in range(TRIES):
        minuit.migrad(ncall=5000)
        if minuit.valid:
            break
        # A valley along the tails of the signal: walk without derivatives, then again.
        minuit.simplex(ncall=2000)
    minuit.hesse()


def _result(
    minuit: Minuit,
    masses: PassFail,
    models: Mapping[str, _Model],
    names: Mapping[str, list[str]],
) -> Fit:
    low, high, interval = _interval(minuit)
    signal, background = {}, {}
    for side in SIDES:
        values = [minuit.values[name] for name in names[side]]
        signal[side], background[side] = models[side].parts(masses.edges, *values)
    n_free = int(minuit.nfit)
    chi2, n_bin = 0.0, 0
    for side in SIDES:
        more, count = pearson(getattr(masses, side), signal[side] + background[side])
        chi2, n_bin = chi2 + more, n_bin + count
    ndof = n_bin - n_free
    return Fit(
        # A parameter at its limit spoils the covariance, not the scan of the likelihood.
        valid=bool(minuit.valid and (interval == LIKELIHOOD or minuit.accurate)),
        value=float(minuit.values["efficiency"]),
        low=low,
        high=high,
        interval=interval,
        parameters={p.name: (float(p.value), float(p.error)) for p in minuit.params},
        chi2=chi2,
        ndof=ndof,
        p_value=float(chdtrc(ndof, chi2)) if ndof > 0 else float("nan"),
        curves=Curves(masses.edges, signal, background),
        at_limit=tuple(p.name for p in minuit.params if _at_limit(p)),
    )


def _interval(minuit: Minuit) -> tuple[float, float, str]:
    value, error = minuit.values["efficiency"], minuit.errors["efficiency"]
    if minuit.valid:
        try:
            minuit.minos("efficiency")
        except RuntimeError:
            # The scan found a lower minimum, or none: the covariance has to do.
            return value - error, value + error, COVARIANCE
        found = minuit.merrors["efficiency"]
        if found.is_valid:
            return value + found.lower, value + found.upper, LIKELIHOOD
        below = found.lower if found.lower_valid else max(-error, -value)
        above = found.upper if found.upper_valid else min(error, 1.0 - value)
        return value + below, value + above, COVARIANCE
    return value - error, value + error, COVARIANCE


def _at_limit(parameter: Any) -> bool:
    span = parameter.upper_limit - parameter.lower_limit
    ends = parameter.value - parameter.lower_limit, parameter.upper_limit - parameter.value
    return bool(min(ends) < 1e-4 * span)


def pearson(histogram: Histogram, expected: Floats) -> tuple[float, int]:
    """Pearson's chi2 of bins merged from the left until `EXPECTED` are in each, and their number.

    Parameters
    ----------
    expected : [n_mass]
    """
    scale = histogram.variances.sum() / max(histogram.values.sum(), 1e-300)
    chi2, n_bin, seen, hoped = 0.0, 0, 0.0, 0.0
    rest = float(expected.sum())
    for number, mean in zip(histogram.values, expected, strict=True):
        seen, hoped, rest = seen + number, hoped + mean, rest - mean
        # The last bins join the one before them if they alone are too few.
        if hoped >= EXPECTED * scale and rest >= EXPECTED * scale:
            chi2, n_bin = chi2 + (seen - hoped) ** 2 / (hoped * scale), n_bin + 1
            seen = hoped = 0.0
    if hoped > 0.0:
        chi2, n_bin = chi2 + (seen - hoped) ** 2 / (hoped * scale), n_bin + 1
    return chi2, n_bin


def minimise(
    function: Callable[[Floats], float], start: Floats, low: float, high: float
) -> tuple[Floats, Floats, bool]:
    """Values and covariance at the minimum of minus the logarithm of a likelihood.

    Parameters
    ----------
    function : values [n] -> minus the logarithm
    start : [n]
    low, high : limits of each value

    Returns
    -------
    values [n], covariance [n, n], and whether both are valid
    """
    minuit = Minuit(function, start)
    minuit.errordef = Minuit.LIKELIHOOD
    minuit.limits = [(low, high)] * len(start)
    _minimise(minuit)
    covariance = minuit.covariance
    valid = bool(minuit.valid and covariance is not None)
    matrix = np.asarray(covariance) if valid else np.full((len(start),) * 2, np.nan)
    return np.asarray(minuit.values), matrix, valid
