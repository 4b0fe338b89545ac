"""Two cuts at once: the pair that rejects most of one class at an efficiency of another."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.ndimage import uniform_filter1d

from lepid.working_points.curve import DECIMALS, Curve

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
# Pairs that are tried in each bin.
STEPS = 41
AVERAGED = 5


class Plane(NamedTuple):
    """Leptons of one bin with two values; those pass whose values are both larger.

    Attributes
    ----------
    values : [2, n]
    weights : [n]
    """

    values: Floats
    weights: Floats

    def passing(self, cuts: tuple[float, float], *, strict: bool) -> Bools:
        """Whether each lepton passes both cuts, [n]."""
        compare = np.greater if strict else np.greater_equal
        passed: Bools = compare(self.values[0], cuts[0]) & compare(self.values[1], cuts[1])
        return passed

    def curve(self, axis: int, among: Bools) -> Curve:
        """Some of the leptons, in the order of one of the values."""
        rows = np.flatnonzero(among)
        return Curve.of(rows, self.values[axis, rows], self.weights[rows])

    def share(self, among: Bools) -> float:
        """Part of the weights that some of the leptons have."""
        return float(self.weights[among].sum() / self.weights.sum())


class Pair(NamedTuple):
    """Two cuts, their uncertainties and that of their efficiency."""

    cuts: tuple[float, float]
    spreads: tuple[float, float]
    efficiency: float
    sigma: float


def best(
    signal: Plane,
    against: Plane,
    efficiency: float,
    *,
    strict: bool,
    floor: tuple[float, float] = (-np.inf, -np.inf),
) -> Pair:
    """Pair of cuts at `efficiency` that leaves least of `against`, out of `STEPS` such pairs.

    Parameters
    ----------
    floor : no cut is lower than these

    Source
    ------
    Ours: the first cut takes its part of what may be lost in equal steps, the second the rest. What
    is left is averaged over neighbouring steps, so that a fluctuation is not taken for the best.
    """
    found = _candidates(signal, efficiency, strict=strict, floor=floor)
    left = np.array([
        against.weights[against.passing(cuts, strict=strict)].sum() for cuts in found
    ])  # fmt: skip
    least = int(np.argmin(uniform_filter1d(left, AVERAGED, mode="nearest")))
    return _pair(signal, found[least], efficiency, strict=strict)


def _candidates(
    signal: Plane, efficiency: float, *, strict: bool, floor: tuple[float, float]
) -> list[tuple[float, float]]:
    everything = np.ones(len(signal.weights), np.bool_)
    first = signal.curve(0, everything)
    found = []
    for part in np.linspace(efficiency, 1.0, STEPS):
        low = round(first.cut(float(part)), DECIMALS) if part < 1.0 else _below(first)
        cut = (max(low, floor[0]), -np.inf)
        second = _last(signal, 1, signal.passing(cut, strict=strict), efficiency)
        if second is not None and second >= floor[1]:
            found.append((cut[0], second))
    # At the floor of the second cut the first one alone makes the efficiency.
    rest = signal.passing((-np.inf, floor[1]), strict=strict)
    last = _last(signal, 0, rest, efficiency) if np.isfinite(floor[1]) else None
    if last is not None or not found:
        found.insert(0, (max(_below(first) if last is None else last, floor[0]), floor[1]))
    return found


def _below(curve: Curve) -> float:
    return round(float(curve.values[0]) - 1.0, DECIMALS)


def _last(signal: Plane, axis: int, among: Bools, efficiency: float) -> float | None:
    """Cut on one value that makes the efficiency of all out of some; None if these are fewer."""
    share = signal.share(among)
    if share < efficiency:
        return None
    curve = signal.curve(axis, among)
    return round(curve.cut(efficiency / share), DECIMALS) if share > efficiency else _below(curve)


def _pair(signal: Plane, cuts: tuple[float, float], target: float, *, strict: bool) -> Pair:
    passed = signal.passing(cuts, strict=strict)
    miss = signal.weights * (passed - target)
    sigma = float(np.sqrt((miss * miss).sum()) / abs(signal.weights.sum()))
    reached = signal.share(passed)
    spreads = []
    for axis in range(2):
        other = (cuts[0], -np.inf) if axis else (-np.inf, cuts[1])
        among = signal.passing(other, strict=strict)
        share = signal.share(among)
        inside = min(max(reached / share, 0.0), 1.0)
        spreads.append(signal.curve(axis, among).spread(inside, sigma / share))
    return Pair(cuts, (spreads[0], spreads[1]), reached, sigma)
