"""Shapes of signal and background in the mass of two leptons. The only home of numba_stats."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
from numba_stats import bernstein, cmsshape, crystalball_ex

from lepid.efficiency.tag_and_probe.resonances import CRYSTAL_BALL, TEMPLATE, Resonance
from lepid.errors import BadInput, UnknownName

Floats: TypeAlias = npt.NDArray[np.float64]


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
    """

    name: str
    parameters: tuple[Parameter, ...]
    cdf: Callable[..., Floats]

    def fractions(self, edges: Floats, *values: float) -> Floats:
        """Part of the distribution in each bin, [n_mass]; the sum is 1."""
        parts = np.diff(self.cdf(edges, *values))
        # A shape without anything in the window leaves the fit no way back.
        total = parts.sum()
        return parts / total if total > 0.0 else np.full(len(parts), 1.0 / len(parts))


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


def template(edges: Floats, contents: Floats, start: Resonance) -> Shape:
    """Masses of simulated pairs, between whose edges the sum rises as a monotone spline.

    A fit moves it by `shift` (GeV) and stretches it around the mass of the resonance by `stretch`.

    Parameters
    ----------
    edges : [n_mass + 1], GeV, wider than the window by what it may move
    contents : [n_mass], sums of weights

    Raises
    ------
    BadInput : the contents are not positive in sum, or some are negative
    """
    from scipy.interpolate import PchipInterpolator  # noqa: PLC0415  (half a second to load)

    if not contents.sum() > 0.0 or (contents < 0.0).any():
        wrong = "needs contents that are not negative, and some that are not 0"
        raise BadInput("template", wrong, (), "merge bins of pT and |eta|, or fit another signal")
    sums = np.concatenate([[0.0], np.cumsum(contents)]) / contents.sum()
    spline: Any = PchipInterpolator(edges, sums)

    def cdf(wanted: Floats, shift: float, stretch: float) -> Floats:
        moved = start.mass + (wanted - start.mass - shift) / stretch
        return np.asarray(spline(np.clip(moved, edges[0], edges[-1])))

    reach = start.width
    parameters = (
        Parameter("shift", 0.0, -reach, reach),
        Parameter("stretch", 1.0, 0.7, 1.5),
    )
    return Shape(TEMPLATE, parameters, cdf)


def background(name: str, window: tuple[float, float]) -> Shape:
    """Background of this name over a window (GeV), one of `BACKGROUNDS`.

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
