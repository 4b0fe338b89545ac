"""Background below the peak of pairs of both charges, which cuts on pT shape."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from lepid.efficiency.tag_and_probe import mass_fit, mass_shapes
from lepid.efficiency.tag_and_probe.pair_table import Histogram, PassFail
from lepid.efficiency.tag_and_probe.resonances import resonance

Floats: TypeAlias = npt.NDArray[np.float64]
Bools: TypeAlias = npt.NDArray[np.bool_]

# With fewer pairs in the sidebands a straight line has to do.
ENOUGH = 50.0
BACKGROUND = "cms"
LEAST_RATIO = 1e-3


class Cells(NamedTuple):
    """Pairs in the peak and beside it.

    Attributes
    ----------
    peak, beside : [n_cell, 2], opposite and same charge
    ratio : [n_cell], background in the peak over that beside it
    """

    peak: Floats
    beside: Floats
    ratio: Floats

    @property
    def signal(self) -> Floats:
        """Pairs without background in the peak, [n_cell, 2]; of few pairs negative ones.

        Signal beside the peak takes the same part of both charges away.
        """
        return self.peak - self.ratio[:, None] * self.beside


def ratio(edges: Floats, values: Floats, peak: tuple[float, float], start: str) -> float:
    """Background in the peak over that beside it, of pairs of one kind.

    Both charges are fitted with one shape of the signal and one of the background. With few pairs
    beside the peak, or without a minimum, the ratio is that of a straight line.

    Parameters
    ----------
    edges : [n_mass + 1] of the window
    values : [2, n_mass], opposite and same charge
    """
    inside, beside = places(edges, peak)
    width = np.diff(edges)
    line = float(width[inside].sum() / width[beside].sum())
    if values[:, beside].sum() < ENOUGH or not values.sum(axis=1).all():
        return line
    window = float(edges[0]), float(edges[-1])
    signal = mass_shapes.crystal_ball(resonance(start))
    background = mass_shapes.background(BACKGROUND, window)
    signal, background = (
        replace(one, parameters=tuple(p._replace(shared=True) for p in one.parameters))
        for one in (signal, background)
    )
    masses = PassFail(edges, *(Histogram(one, one) for one in values))
    sides = mass_fit.SIDES
    found = mass_fit.fit(masses, dict.fromkeys(sides, signal), dict.fromkeys(sides, background))
    under = np.add(*found.curves.background.values())
    if not found.valid or not under[beside].sum() > 0.0:
        return line
    return max(float(under[inside].sum() / under[beside].sum()), LEAST_RATIO)


def places(edges: Floats, peak: tuple[float, float]) -> tuple[Bools, Bools]:
    """Which bins of mass lie in the peak, and which beside it, [n_mass] each."""
    centres = 0.5 * (edges[1:] + edges[:-1])
    inside = (centres > peak[0]) & (centres < peak[1])
    return inside, ~inside


def profiled(signal: Floats, cells: Cells) -> Floats:
    """Background beside the peak that is most likely for a signal in it, [n_cell].

    Parameters
    ----------
    signal : [n_cell], pairs of the same charge

    Source
    ------
    Ours: the maximum over `m` of Poisson(peak; signal + ratio m) Poisson(beside; m)
    is the root of a quadratic equation.
    """
    n, k, t = cells.peak[:, 1], cells.beside[:, 1], cells.ratio
    a, b, c = (1.0 + t) * t, (1.0 + t) * signal - (n + k) * t, -k * signal
    return np.asarray((np.sqrt(b**2 - 4.0 * a * c) - b) / (2.0 * a))


def minus_log(signal: Floats, cells: Cells) -> float:
    """Minus the logarithm of the likelihood of the pairs of the same charge.

    Parameters
    ----------
    signal : [n_cell]
    """
    background = profiled(signal, cells)
    total = 0.0
    for seen, expected in (
        (cells.peak[:, 1], signal + cells.ratio * background),
        (cells.beside[:, 1], background),
    ):
        more = np.maximum(expected, 1e-12)
        total += float(np.sum(more - seen * np.log(more)))
    return total
