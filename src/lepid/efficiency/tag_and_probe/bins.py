"""Efficiency of the probes of one bin: how the background is taken from the masses of the pairs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from lepid.efficiency import intervals
from lepid.efficiency.intervals import ONE_SIGMA, Sums
from lepid.efficiency.tag_and_probe import mass_fit, mass_shapes
from lepid.efficiency.tag_and_probe.mass_shapes import Shape
from lepid.efficiency.tag_and_probe.pair_table import SAME, Histogram, PairTable, PassFail
from lepid.efficiency.tag_and_probe.resonances import (
    BACKGROUNDS,
    COUNT,
    CRYSTAL_BALL,
    FIT,
    METHODS,
    SAME_SIGN,
    SIGNALS,
    TEMPLATE,
    Resonance,
    resonance,
)
from lepid.errors import BadInput, UnknownName

Floats: TypeAlias = npt.NDArray[np.float64]
Bin: TypeAlias = tuple[int, int] | None

# Fewer probes on one side than this are counted and not fitted.
MINIMUM = 20
# A template of fewer simulated failing probes than this is that of all probes.
TEMPLATE_MINIMUM = 200
NO_BACKGROUND = ((0.0, 0.0), (0.0, 0.0))


@dataclass(frozen=True)
class Method:
    """How the background is taken away.

    Attributes
    ----------
    name : one of `METHODS`
    signal, background : shapes of a fit
    window : GeV, what is fitted; None is that of the resonance
    peak : GeV, what is counted by the other methods; None is that of the resonance
    tag : selection of tags; None is the nominal one
    """

    name: str = FIT
    signal: str = CRYSTAL_BALL
    background: str = "exponential"
    window: tuple[float, float] | None = None
    peak: tuple[float, float] | None = None
    tag: str | None = None

    def __post_init__(self) -> None:
        known = {"method": METHODS, "signal": SIGNALS, "background": BACKGROUNDS}
        for kind, value in (
            ("method", self.name),
            ("signal", self.signal),
            ("background", self.background),
        ):
            if value not in known[kind]:
                raise UnknownName.of("tag and probe", kind, value, known[kind])

    def text(self) -> str:
        """The method in words."""
        shapes = f": {self.signal}, {self.background}" if self.name == FIT else ""
        return self.name + shapes


class Ends(NamedTuple):
    """An efficiency and its interval of one sigma."""

    value: float
    low: float
    high: float


UNKNOWN = Ends(math.nan, math.nan, math.nan)


class Yields(NamedTuple):
    """Pairs whose probe passed and failed without the background, and that background."""

    passed: float
    failed: float
    background_passed: float
    background_failed: float


@dataclass(frozen=True)
class Measured:
    """Efficiency of the probes of one bin.

    Attributes
    ----------
    ends : Ends; NaN if it could not be measured
    how : what was done, which for few probes is not what was asked for
    yields : Yields
    masses : the pairs in the window
    fit : what a fit ended with, or None
    notes : what a reader must know
    """

    ends: Ends
    how: str
    yields: Yields
    masses: PassFail
    fit: mass_fit.Fit | None = None
    notes: tuple[str, ...] = ()


class Task(NamedTuple):
    """What is measured in each bin."""

    table: PairTable
    point: str
    method: Method
    simulation: PairTable | None
    minimum: float

    @property
    def resonance(self) -> Resonance:
        """Resonance of the table."""
        return resonance(self.table.resonance)

    @property
    def range(self) -> tuple[float, float]:
        """Range of masses that is fitted or counted, GeV."""
        return fitted_range(self.method, self.resonance)


def fitted_range(method: Method, found: Resonance) -> tuple[float, float]:
    """Range of masses that is fitted or counted, GeV."""
    return (method.window or found.window) if method.name == FIT else (method.peak or found.peak)


def measured(task: Task, place: Bin) -> Measured:
    """Efficiency of one bin.

    Raises
    ------
    BadInput : the window does not end at edges, weights a fit cannot take, or no simulation
    """
    table, point, method = task.table, task.point, task.method
    whole = table.masses(point, place, method.tag)
    masses = whole.within(*task.range)
    numbers = [float(side.values.sum()) for side in (masses.passed, masses.failed)]
    if sum(numbers) == 0.0:
        return Measured(UNKNOWN, COUNT, Yields(0.0, 0.0, 0.0, 0.0), masses, notes=("no pairs",))
    if method.name == FIT and min(numbers) < task.minimum:
        fewer = "fail" if numbers[1] < task.minimum else "pass"
        note = f"fewer than {task.minimum:g} probes {fewer}: background is not taken away"
        peak = whole.within(*(method.peak or task.resonance.peak))
        counted = _subtracted(peak, COUNT, NO_BACKGROUND)
        return replace(counted, masses=masses, notes=(*counted.notes, note))
    if method.name == FIT:
        return _fitted(task, place, masses)
    if method.name == COUNT:
        return _subtracted(masses, COUNT, NO_BACKGROUND)
    if method.name == SAME_SIGN:
        same = table.masses(point, place, method.tag, SAME).within(*task.range)
        other = [
            (float(one.values.sum()), float(one.variances.sum()))
            for one in (same.passed, same.failed)
        ]
    else:
        window = whole.within(*(method.window or task.resonance.window))
        sides = (window.passed, window.failed)
        other = [sideband(window.edges, side, task.range) for side in sides]
    return _subtracted(masses, method.name, other)


def _subtracted(masses: PassFail, how: str, background: Sequence[tuple[float, float]]) -> Measured:
    """Efficiency of the pairs without the background, whose sums and variances are given."""
    pairs = list(zip((masses.passed, masses.failed), background, strict=True))
    net = [float(side.values.sum()) - b for side, (b, _) in pairs]
    squares = [float(side.variances.sum()) + v for side, (_, v) in pairs]
    sums = Sums(*(np.array([x]) for x in (*net, *squares)))
    yields = Yields(net[0], net[1], background[0][0], background[1][0])
    if not sums.total[0] > 0.0:
        return Measured(UNKNOWN, how, yields, masses, notes=("no more pairs than background",))
    counts = how == COUNT and min(net) >= 0.0
    interval = intervals.EFFECTIVE_COUNTS if counts else intervals.NORMAL
    low, high = intervals.evaluate(sums, interval, ONE_SIGMA)
    ends = Ends(float(sums.value[0]), float(low[0]), float(high[0]))
    return Measured(ends, how, yields, masses)


def sideband(edges: Floats, side: Histogram, peak: tuple[float, float]) -> tuple[float, float]:
    """Background below the peak and its variance: a straight line through both sidebands.

    Raises
    ------
    BadInput : nothing of the window lies beside the peak on one side

    Source
    ------
    Ours. Signal in the sidebands takes the same part of the passing and of the failing signal
    away, as long as both have one shape.
    """
    low, high = peak
    centres, width = 0.5 * (edges[:-1] + edges[1:]), np.diff(edges)
    middle = 0.5 * (low + high)
    beside = [centres < low, centres > high]
    if not all(one.any() for one in beside):
        wrong = f"the window {edges[0]:g} to {edges[-1]:g} GeV leaves no sideband"
        raise BadInput("sidebands", wrong, (), f"give a window around {low:g} to {high:g} GeV")
    means = [np.average(centres[one], weights=width[one]) for one in beside]
    background = variance = 0.0
    for one, here, there in zip(beside, means, means[::-1], strict=True):
        # Height of the line in the middle of the peak, times the width of the peak.
        part = (there - middle) / (there - here) * (high - low) / width[one].sum()
        background += part * side.values[one].sum()
        variance += part**2 * side.variances[one].sum()
    return float(background), float(variance)


def _fitted(task: Task, place: Bin, masses: PassFail) -> Measured:
    for side in (masses.passed, masses.failed):
        if (side.values < 0.0).any():
            do = f"measure without negative weights, or take the method {COUNT!r}"
            raise BadInput("mass fit", "a bin of mass has a negative sum of weights", (), do)
    signal, notes = _signal(task, place)
    background = mass_shapes.background(task.method.background, task.range)
    found = mass_fit.fit(masses, signal, background)
    if not found.valid:
        notes.append("the fit found no minimum")
    if found.at_limit:
        notes.append(f"at a limit: {', '.join(found.at_limit)}")
    ends = Ends(found.value, found.low, found.high) if found.valid else UNKNOWN
    of = (found.curves.signal, found.curves.background)
    yields = Yields._make(float(part[side].sum()) for part in of for side in mass_fit.SIDES)
    return Measured(ends, task.method.text(), yields, masses, found, tuple(notes))


def _signal(task: Task, place: Bin) -> tuple[dict[str, Shape], list[str]]:
    method, simulation, start = task.method, task.simulation, task.resonance
    if method.signal == CRYSTAL_BALL:
        return dict.fromkeys(mass_fit.SIDES, mass_shapes.crystal_ball(start)), []
    if simulation is None:
        do = f"give simulation=, or the signal {CRYSTAL_BALL!r}"
        raise BadInput("mass fit", f"the signal {TEMPLATE!r} needs simulation", (), do)
    tag = method.tag if method.tag in simulation.tags else None
    pairs = simulation.masses(task.point, place, tag)
    shapes: dict[str, Shape] = {}
    notes: list[str] = []
    for side, one in zip(mass_fit.SIDES, (pairs.passed, pairs.failed), strict=True):
        contents, total, squares = one.values, one.values.sum(), one.variances.sum()
        effective = total**2 / squares if squares > 0.0 else 0.0
        if effective < TEMPLATE_MINIMUM:
            contents = pairs.passed.values + pairs.failed.values
            notes.append(f"template of all probes: only {effective:.0f} simulated ones {side}")
        shapes[side] = mass_shapes.template(pairs.edges, contents, start)
    return shapes, notes
