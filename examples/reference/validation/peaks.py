"""Position and width of the Gaussian core of a peak."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.optimize import curve_fit
from simulation.particles import Floats

CORE = 1.5
ENTRIES_MIN = 50.0
REFITS = 6


class Core(NamedTuple):
    """Gaussian core: height per bin, position and width with their errors."""

    height: float
    position: float
    width: float
    position_error: float
    width_error: float


def gaussian(x: Floats, height: float, position: float, width: float) -> Floats:
    """Gaussian with a given height, [n]."""
    return height * np.exp(-0.5 * ((x - position) / width) ** 2)


def core(centres: Floats, values: Floats, variances: Floats) -> Core | None:
    """Least-squares fit within 1.5 standard deviations, repeated until the range has settled.

    None where the peak has too few entries or no core.

    Parameters
    ----------
    centres, values, variances : [n_bin]
    """
    filled = variances > 0.0
    total = values.sum()
    if not filled.any() or total**2 / variances.sum() < ENTRIES_MIN:
        return None
    position = float(centres[np.argmax(values)])
    near = np.abs(centres - position) < 0.15 * (centres[-1] - centres[0])
    spread = np.average((centres[near] - position) ** 2, weights=np.maximum(values[near], 0.0))
    found = np.array([values.max(), position, np.sqrt(spread)])
    covariance = np.full((3, 3), np.inf)
    for _ in range(REFITS):
        inside = filled & (np.abs(centres - found[1]) < CORE * abs(found[2]))
        if inside.sum() < 5:
            return None
        sigma = np.sqrt(variances[inside])
        try:
            found, covariance = curve_fit(
                gaussian, centres[inside], values[inside], found, sigma, absolute_sigma=True
            )
        except RuntimeError:
            return None
    errors = np.sqrt(np.diag(covariance))
    if not np.all(np.isfinite(errors)):
        return None
    return Core(found[0], found[1], abs(found[2]), errors[1], errors[2])
