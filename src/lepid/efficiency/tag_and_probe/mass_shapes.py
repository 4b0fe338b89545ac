"""Shapes of signal and background in the mass of two leptons. The only home of numba_stats."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
from numba_stats import bernstein, cmsshape, crystalball_ex

from lepid.efficiency.tag_and_probe.pair_table import Histogram
from lepid.efficiency.tag_and_probe.resonances import (
    CRYSTAL_BALL,
    SAME_SIGN,
    TEMPLATE,
    Resonance,
)
from lepid.errors import BadInput, UnknownName

Floats: TypeAlias = npt.NDArray[np.float64]
# Pairs in each bin of a template of pairs of the same charge.
FEWEST = 5.0
# Where a Gaussian is looked at to smear with it: exact for polynomials of degree 21.
NODES, NODE_WEIGHTS = np.polynomial.hermite.hermgauss(11)
NODE_WEIGHTS = NODE_WEIGHTS / np.sqrt(np.pi)


class Parameter(NamedTuple):
    """A parameter of a fit: where it starts, and its limits.

    A shared one is the same for the pairs whose probe passed and failed.
    """

    name: str
    start: float
    low: float
    high: float
    shared: bool = False


@dataclass(frozen=True)
class Shape:
    """Cumulative distribution over a window, up to a factor and a constant.

    Attributes
    ----------
    name : str
    parameters : of `cdf`, in its order
    cdf : edges [n_mass + 1] and the parameters -> [n_mass + 1]
    made_of : edges and contents of the histogram that a template is
    """

    name: str
    parameters: tuple[Parameter, ...]
    cdf: Callable[..., Floats]
    made_of: tuple[Floats, Histogram] | None = None

    def fractions(self, edges: Floats, *values: float) -> Floats:
        """Part of the distribution in each bin, [n_mass]; the sum is 1."""
        parts = np.diff(self.cdf(edges, *values))
        # A shape without anything in the window leaves the fit no way back.
        total = parts.sum()
        return parts / total if total > 0.0 else np.full(len(parts), 1.0 / len(parts))

    def variances(self, edges: Floats) -> Floats:
        """Variance of each of these parts for want of pairs in a template, [n_mass]."""
        if self.made_of is None:
            return np.zeros(len(edges) - 1)
        here, histogram = self.made_of
        # Bins of another width share the pairs evenly.
        parts = [
            np.diff(np.interp(edges, here, np.concatenate([[0.0], np.cumsum(one)])))
            for one in histogram
        ]
        return np.asarray(parts[1] / parts[0].sum() ** 2) if parts[0].sum() > 0.0 else parts[1]


def crystal_ball(start: Resonance) -> Shape:
    """Double Crystal Ball: a Gaussian with a power law on each side; the tails are shared."""
    mass, width = start.mass, start.width

    def cdf(edges: Floats, loc: float, scale: float, *tails: float) -> Floats:
        left, left_power, right, right_power = tails
        return np.asarray(
            crystalball_ex.cdf(edges, left, left_power, scale, right, right_power, scale, loc)
        )

    return Shape(
        CRYSTAL_BALL,
        (
            Parameter("mean", mass, mass - 2.0 * width, mass + 2.0 * width),
            Parameter("width", width, 0.2 * width, 3.0 * width),
            Parameter("left", 1.2, 0.3, 5.0, True),
            Parameter("left_power", 3.0, 1.05, 20.0, True),
            Parameter("right", 1.5, 0.3, 5.0, True),
            Parameter("right_power", 3.0, 1.05, 20.0, True),
        ),
        cdf,
    )


def template(edges: Floats, contents: Histogram, start: Resonance) -> Shape:
    """Masses of simulated pairs, between whose edges the sum rises as a monotone spline.

    A fit moves it by `shift` and smears it by a Gaussian of the width `smear`, both GeV; the sign
    of `smear` means nothing.

    Parameters
    ----------
    edges : [n_mass + 1], GeV, wider than the window by what it may move
    contents : [n_mass]

    Raises
    ------
    BadInput : the contents are not positive in sum, or some are negative
    """
    cumulative = _cumulative(edges, contents.values)

    def cdf(wanted: Floats, shift: float, smear: float) -> Floats:
        moved = wanted[:, None] - shift - np.sqrt(2.0) * smear * NODES
        return np.asarray(cumulative(np.clip(moved, edges[0], edges[-1])) @ NODE_WEIGHTS)

    reach = start.width
    parameters = (
        Parameter("shift", 0.0, -reach, reach),
        # Not from 0: there the likelihood has no slope.
        Parameter("smear", 0.3 * reach, -2.0 * reach, 2.0 * reach),
    )
    return Shape(TEMPLATE, parameters, cdf, (edges, contents))


def fixed(edges: Floats, contents: Histogram) -> Shape:
    """Masses of pairs of the same charge, as a template that a fit leaves as it is.

    Bins are merged until `FEWEST` pairs are in each.

    Raises
    ------
    BadInput : the contents are not positive in sum, or some are negative
    """
    _check(contents.values)
    least = FEWEST * contents.variances.sum() / contents.values.sum()
    kept, inside = [0], 0.0
    for place, more in enumerate(contents.values, 1):
        inside += more
        if inside >= least and contents.values[place:].sum() >= least:
            kept, inside = [*kept, place], 0.0
    merged = Histogram(*(np.add.reduceat(part, kept) for part in contents))
    ends = edges[[*kept, len(edges) - 1]]
    cumulative = _cumulative(ends, merged.values)
    return Shape(SAME_SIGN, (), lambda wanted: np.asarray(cumulative(wanted)), (ends, merged))


def _cumulative(edges: Floats, contents: Floats) -> Any:
    from scipy.interpolate import PchipInterpolator  # noqa: PLC0415  (half a second to load)

    _check(contents)
    return PchipInterpolator(edges, np.concatenate([[0.0], np.cumsum(contents)]) / contents.sum())


def _check(contents: Floats) -> None:
    if not contents.sum() > 0.0 or (contents < 0.0).any():
        wrong = "needs contents that are not negative, and some that are not 0"
        raise BadInput("template", wrong, (), "merge bins of pT and |eta|, or fit another shape")


def background(name: str, window: tuple[float, float]) -> Shape:
    """Background of this name over a window (GeV), one of `FORMULAS`.

    ``exponential`` rises or falls, ``polynomial`` is the sum of the four Bernstein polynomials of
    third order with coefficients that are not negative, ``cms`` an exponential that an error
    function cuts off at low masses.

    Raises
    ------
    UnknownName : there is none
    """
    low, high = window
    span = high - low

    def exponential(edges: Floats, slope: float) -> Floats:
        rate = slope / span
        if abs(slope) < 1e-6:
            return (edges - low) / span
        return np.asarray(-np.expm1(-rate * (edges - low)) / rate)

    def polynomial(edges: Floats, *free: float) -> Floats:
        return np.asarray(bernstein.integral(edges, np.array([1.0, *free]), low, high))

    def cms(edges: Floats, beta: float, gamma: float, loc: float) -> Floats:
        return np.asarray(cmsshape.cdf(edges, beta, gamma, loc))

    shapes = {
        "exponential": Shape(name, (Parameter("slope", 1.0, -20.0, 20.0),), exponential),
        "polynomial": Shape(
            name,
            tuple(Parameter(f"coefficient{i}", 1.0, 0.0, 50.0) for i in (1, 2, 3)),
            polynomial,
        ),
        "cms": Shape(
            name,
            (
                Parameter("beta", 6.0 / span, 1.0 / span, 60.0 / span),
                Parameter("gamma", 2.0 / span, 0.05 / span, 20.0 / span),
                Parameter("turn_on", low, low - 0.5 * span, low + 0.5 * span),
            ),
            cms,
        ),
    }
    if name not in shapes:
        raise UnknownName.of("mass fit", "background", name, shapes)
    return shapes[name]
