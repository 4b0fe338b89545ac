"""Scattering significances of muons, from angles at the scatterers of the inner detector."""

from __future__ import annotations

import numpy as np
from simulation import constants as c
from simulation.particles import Floats


def significances(
    kink: Floats, radius: Floats, p: Floats, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Columns scatteringCurvatureSignificance and scatteringNeighbourSignificance, [n] each.

    Each scatterer has a Gaussian significance; a decay in flight adds its kink to the one
    nearest in radius.

    Parameters
    ----------
    kink, radius : [n], rad and mm
        Angle and place of a decay, 0 and infinite without.
    p : [n], GeV
    """
    n = len(kink)
    values = c.SCATTERER_FIT * rng.standard_normal((n, c.SCATTERERS))
    inside = radius < c.TRACKER_RADIUS
    place = np.where(inside, radius, 0.0) / c.TRACKER_RADIUS * c.SCATTERERS
    width = c.MULTIPLE_SCATTERING * np.sqrt(c.SCATTERER_MATERIAL) / p
    projected = kink * np.cos(2.0 * np.pi * rng.random(n)) / width
    limited = np.clip(projected, -c.KINK_LIMIT, c.KINK_LIMIT) * c.KINK_FIT
    values[np.arange(n), np.minimum(place.astype(int), c.SCATTERERS - 1)] += inside * limited
    return curvature(values), neighbour(values)


def curvature(values: Floats) -> Floats:
    """Largest signed sum after flipping scatterers from the outside, over the root of n.

    Parameters
    ----------
    values : [n, n_scatterer]
        From the inside to the outside. Source: `MuonScatteringAngleSignificanceTool` of Athena.
    """
    inner = np.cumsum(values, axis=1)
    outer = inner[:, -1:] - inner
    # Scatterers 1.. to the last have been flipped at index 0: that one is excluded.
    totals = (inner - outer)[:, 1:]
    return _largest(totals) / np.sqrt(values.shape[1])


def neighbour(values: Floats) -> Floats:
    """Signed sum of two neighbours with the largest magnitude, over the root of 2, [n].

    Parameters
    ----------
    values : [n, n_scatterer]
    """
    return _largest(values[:, 1:] + values[:, :-1]) / np.sqrt(2.0)


def _largest(values: Floats) -> Floats:
    return values[np.arange(len(values)), np.argmax(np.abs(values), axis=1)]
