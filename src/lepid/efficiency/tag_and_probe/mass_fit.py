"""Simultaneous fit of the masses of passing and failing probes. The only home of iminuit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from iminuit import Minuit
from iminuit.cost import poisson_chi2, template_chi2_da
from scipy.special import chdtrc

from lepid.efficiency.tag_and_probe.mass_shapes import Parameter, Shape
from lepid.efficiency.tag_and_probe.pair_table import Histogram, PassFail

Floats: TypeAlias = npt.NDArray[np.float64]

SIDES = ("passed", "failed")
# Pearson's chi2 follows its distribution where this much is expected.
EXPECTED = 5.0
TRIES = 3
NOTHING = 1e-6
HALVINGS = 12
# A bin of weighted pairs has the mean weight of all, as if this much more were in it.
SMOOTHED = 10.0
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


def fit(masses: PassFail, signal: Mapping[str, Shape], background: Mapping[str, Shape]) -> Fit:
    """Efficiency in the window of `masses`, a parameter of the likelihood of both sides.

    Counts follow Poisson; those of weighted pairs in units of the variance over the sum of each
    bin. The finite number of pairs of a template is one parameter per bin, removed analytically.
    A Gaussian half as wide as its range holds each parameter of a shape near its start: that of a
    background without pairs has no other minimum.

    Parameters
    ----------
    signal, background : passed and failed -> shape

    Source
    ------
    Weights: Bohm and Zech, Nucl. Instrum. Meth. A 748 (2014) 1. Templates: Dembinski and
    Abdelmotteleb, Eur. Phys. J. C 82 (2022) 1043.
    """
    side_names = {side: _names(signal[side], background[side], side) for side in SIDES}
    parameters = {
        p.name: p for side in SIDES for p in _parameters(signal[side], background[side], side)
    }
    parameters |= {p.name: p for p in _yields(masses)}
    models = {side: _Model(masses, side, signal[side], background[side]) for side in SIDES}
    names = list(dict.fromkeys(name for side in SIDES for name in side_names[side]))
    places = {side: [names.index(name) for name in side_names[side]] for side in SIDES}

    start, width = _constraints([parameters[name] for name in names])

    def cost(values: Floats) -> float:
        seen = sum(models[side].cost(values[places[side]]) for side in SIDES)
        return seen + float(np.sum(((values - start) / width) ** 2))

    minuit = Minuit(cost, start, name=names)
    minuit.errordef = Minuit.LEAST_SQUARES
    for name in names:
        minuit.limits[name] = (parameters[name].low, parameters[name].high)
    _minimise(minuit)
    return _result(minuit, models, side_names)


class _Model:
    """What is expected on one side."""

    def __init__(self, masses: PassFail, side: str, signal: Shape, background: Shape) -> None:
        self.edges, self.seen = masses.edges, getattr(masses, side)
        self.scale = weight_scale(self.seen)
        self._passed, self._signal, self._background = side == "passed", signal, background
        self._split = 3 + len(signal.parameters)
        self._spreads = [shape.variances(masses.edges) for shape in (signal, background)]

    def parts(self, values: Floats) -> tuple[Floats, Floats]:
        """Signal and background in each bin."""
        n_signal, n_background = self._yields(values)
        return (
            n_signal * self._signal.fractions(self.edges, *values[3 : self._split]),
            n_background * self._background.fractions(self.edges, *values[self._split :]),
        )

    def cost(self, values: Floats) -> float:
        """Minus twice the logarithm of the likelihood, up to a constant."""
        expected = np.maximum(np.add(*self.parts(values)), NOTHING)
        seen, variance = self.seen.values / self.scale, self.variance(values)
        if not variance.any():
            return float(poisson_chi2(seen, expected / self.scale))
        # The likelihood has no limit for a bin without uncertainty.
        variance = np.maximum(variance, (1e-4 * expected) ** 2)
        return float(template_chi2_da(seen, expected / self.scale, variance / self.scale**2))

    def variance(self, values: Floats) -> Floats:
        """Variance of what is expected in each bin, for want of pairs in templates."""
        squares = [n**2 * v for n, v in zip(self._yields(values), self._spreads, strict=True)]
        return np.asarray(np.add(*squares))

    def _yields(self, values: Floats) -> tuple[float, float]:
        n_signal, efficiency, n_background = values[:3]
        return n_signal * (efficiency if self._passed else 1.0 - efficiency), n_background


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


def _constraints(parameters: Sequence[Parameter]) -> tuple[Floats, Floats]:
    """Where parameters start, and how weakly they are held there: not at all if not of a shape."""
    free = ("signal", "efficiency", *(f"background_{side}" for side in SIDES))
    widths = [np.inf if p.name in free else 0.5 * (p.high - p.low) for p in parameters]
    return np.array([p.start for p in parameters]), np.array(widths)


def weight_scale(histogram: Histogram) -> Floats:
    """Variance over sum of weights of each bin, [n_mass]; 1 where pairs have no weights."""
    total = histogram.values.sum()
    mean = histogram.variances.sum() / total if total > 0.0 else 1.0
    return (histogram.variances + SMOOTHED * mean) / (histogram.values + SMOOTHED)


def _minimise(minuit: Minuit) -> None:
    # A distance of 0.002 to the minimum, of 1 for one sigma.
    minuit.tol = 1.0
    for _ in range(TRIES):
        minuit.migrad(ncall=5000)
        # Only with the true curvature is known how far the minimum is.
        minuit.hesse()
        if minuit.valid and minuit.accurate:
            break
        # A valley along the tails of the signal: walk without derivatives, then again.
        minuit.simplex(ncall=2000)
    else:
        minuit.migrad(ncall=5000)
        minuit.hesse()


def _result(
    minuit: Minuit,
    models: Mapping[str, _Model],
    names: Mapping[str, list[str]],
) -> Fit:
    low, high, interval = _interval(minuit)
    signal, background, values = {}, {}, {}
    for side in SIDES:
        values[side] = np.array([minuit.values[name] for name in names[side]])
        signal[side], background[side] = models[side].parts(values[side])
    n_free = int(minuit.nfit)
    chi2, n_bin = 0.0, 0
    for side in SIDES:
        model = models[side]
        expected, spread = signal[side] + background[side], model.variance(values[side])
        more, count = pearson(model.seen, expected, model.scale * expected + spread)
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
        curves=Curves(models[SIDES[0]].edges, signal, background),
        at_limit=tuple(p.name for p in minuit.params if _at_limit(p)),
    )


def _interval(minuit: Minuit) -> tuple[float, float, str]:
    value, error = minuit.values["efficiency"], minuit.errors["efficiency"]
    if not minuit.valid:
        return value - error, value + error, COVARIANCE
    if not minuit.accurate:
        # MINOS steps by the covariance, and calls what it finds with a wrong one valid.
        return _crossing(minuit, value, 0.0), _crossing(minuit, value, 1.0), LIKELIHOOD
    try:
        minuit.minos("efficiency")
    except RuntimeError:
        # The scan found a lower minimum, or none: the covariance has to do.
        return value - error, value + error, COVARIANCE
    found = minuit.merrors["efficiency"]
    # Near a limit MINOS ends: halve the way to the limit.
    below = value + found.lower if found.lower_valid else _crossing(minuit, value, 0.0)
    above = value + found.upper if found.upper_valid else _crossing(minuit, value, 1.0)
    return below, above, LIKELIHOOD


def _crossing(minuit: Minuit, value: float, limit: float) -> float:
    """Efficiency towards a limit where minus twice the logarithm has risen by one, or the limit."""
    scan = Minuit(minuit.fcn, np.asarray(minuit.values), name=minuit.parameters)
    scan.errordef, scan.limits, scan.tol = minuit.errordef, list(minuit.limits), minuit.tol
    scan.fixed["efficiency"] = True

    def risen(here: float) -> bool:
        scan.values = minuit.values
        scan.values["efficiency"] = here
        scan.migrad(ncall=5000)
        return bool(scan.fval - minuit.fval > 1.0)

    if not risen(limit):
        return limit
    near, far = value, limit
    for _ in range(HALVINGS):
        middle = 0.5 * (near + far)
        near, far = (near, middle) if risen(middle) else (middle, far)
    return 0.5 * (near + far)


def _at_limit(parameter: Any) -> bool:
    span = parameter.upper_limit - parameter.lower_limit
    ends = parameter.value - parameter.lower_limit, parameter.upper_limit - parameter.value
    return bool(min(ends) < 1e-4 * span)


def pearson(histogram: Histogram, expected: Floats, variances: Floats) -> tuple[float, int]:
    """Pearson's chi2 of bins merged from the left until `EXPECTED` are in each, and their number.

    Parameters
    ----------
    expected : [n_mass]
    variances : [n_mass], of what is seen where this is expected
    """
    scale = histogram.variances.sum() / max(histogram.values.sum(), 1e-300)
    chi2, n_bin, seen, hoped, square = 0.0, 0, 0.0, 0.0, 0.0
    rest = float(expected.sum())
    for number, mean, variance in zip(histogram.values, expected, variances, strict=True):
        seen, hoped, square, rest = seen + number, hoped + mean, square + variance, rest - mean
        # The last bins join the one before them if they alone are too few.
        if hoped >= EXPECTED * scale and rest >= EXPECTED * scale:
            chi2, n_bin = chi2 + (seen - hoped) ** 2 / square, n_bin + 1
            seen = hoped = square = 0.0
    if square > 0.0:
        chi2, n_bin = chi2 + (seen - hoped) ** 2 / square, n_bin + 1
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
