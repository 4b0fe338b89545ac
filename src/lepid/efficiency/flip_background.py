"""Background below the peak of pairs of both charges, which cuts on pT shape."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from lepid.efficiency import mass_fit, mass_shapes
from lepid.efficiency.pair_table import Histogram, PassFail
from lepid.efficiency.resonances import resonance

Floats: TypeAlias = npt.NDArray[np.float64]
Bools: TypeAlias = npt.NDArray[np.bool_]

# With fewer pairs in the sidebands a straight line has to do.
ENOUGH = 50.0
BACKGROUND = "cms"


class Cells(NamedTuple):
    """Pairs in the peak and beside it, [...] each; those of both charges in the last axis.

    Attributes
    ----------
    peak, beside : [n_cell, 2]
    ratio : [n_cell], background in the peak over that beside it
    leak : [n_cell], signal beside the peak over that in it
    """

    peak: Floats
    beside: Floats
    ratio: Floats
    leak: Floats

    @property
    def signal(self) -> Floats:
        """Pairs without background in the peak, [n_cell, 2]; of few pairs negative ones."""
        ratio, leak = self.ratio[:, None], self.leak[:, None]
        return np.asarray((self.peak - ratio * self.beside) / (1.0 - ratio * leak))


def ratios(
    edges: Floats, values: Floats, peak: tuple[float, float], start: str
) -> tuple[float, float]:
    """Ratio and leak of pairs of one kind, as in `Cells`.

    Both charges are fitted with one shape of the signal and one of the background. With few pairs
    beside the peak, or without a minimum, the ratio is that of a straight line and the leak 0.

    Parameters
    ----------
    edges : [n_mass + 1] of the window
    values : [2, n_mass], opposite and same charge
    """
    inside, beside = places(edges, peak)
    width = np.diff(edges)
    line = float(width[inside].sum() / width[beside].sum()), 0.0
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
    if not found.valid:
        return line
    under, over = (sum(part.values()) for part in (found.curves.background, found.curves.signal))
    return float(under[inside].sum() / under[beside].sum()), float(
        over[beside].sum() / over[inside].sum()
    )


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
    Ours: the maximum over `m` of Poisson(peak; signal + ratio m) Poisson(beside; m + leak signal)
    is the root of a quadratic equation.
    """
    n, k, t, f = cells.peak[:, 1], cells.beside[:, 1], cells.ratio, cells.leak
    a = (1.0 + t) * t
    b = (1.0 + t) * (1.0 + t * f) * signal - (n + k) * t
    c = ((1.0 + t) * f * signal - n * t * f - k) * signal
    return np.asarray(np.maximum((np.sqrt(np.maximum(b**2 - 4.0 * a * c, 0.0)) - b) / (2.0 * a), 0))


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
        (cells.beside[:, 1], background + cells.leak * signal),
    ):
        more = np.maximum(expected, 1e-12)
        total += float(np.sum(more - seen * np.log(more)))
    return total
