"""Resolution of track parameters, and parameters drawn with it.

Parameters are d0, z0, phi, theta, q/p, in this order. The covariance is kept as ATLAS files do:
five variances, and ten correlation coefficients of the pairs (0, 1), (0, 2), (1, 2), (0, 3), ...
"""

from __future__ import annotations

import numpy as np
from simulation import constants as c
from simulation.particles import Floats

D0_PHI, Z0_THETA, D0_CURVATURE, PHI_CURVATURE = 1, 4, 6, 8
N_PAIR = 10


def resolutions(pt: Floats, eta: Floats, missed: Floats) -> Floats:
    """Standard deviations of the five parameters, [n, 5]; mm, mm, rad, rad, relative for q/p.

    Parameters
    ----------
    pt, eta : [n], GeV
    missed : [n]
        Pixel layers before the start of the track.
    """
    sine = 1.0 / np.cosh(eta)
    growth = 1.0 + c.TRANSVERSE_ETA * eta**2
    late = 1.0 + c.LATE_START_RESOLUTION * missed
    d0 = (c.D0_RESOLUTION[0] + c.D0_RESOLUTION[1] * growth / pt) * late
    z0 = (c.Z0_RESOLUTION[0] + c.Z0_RESOLUTION[1] * np.exp(c.Z0_ETA * eta**2) / pt) * late
    phi = c.PHI_RESOLUTION[0] + c.PHI_RESOLUTION[1] * growth / pt
    theta = c.THETA_RESOLUTION[0] * sine**2 + c.THETA_RESOLUTION[1] * sine**0.6 / pt
    q_over_p = c.CURVATURE_RESOLUTION[0] * (1.0 + c.CURVATURE_ETA[0] * eta**2)
    q_over_p += c.CURVATURE_RESOLUTION[1] * (1.0 + c.CURVATURE_ETA[1] * eta**2) * pt
    return np.stack([d0, z0, phi, theta + c.THETA_FLOOR, q_over_p], axis=1)


def correlations(pt: Floats, eta: Floats) -> Floats:
    """Correlation coefficients of the ten pairs, [n, 10]; pt in GeV."""
    result = np.zeros((len(pt), N_PAIR))
    a, b, scale = c.D0_PHI_CORRELATION
    result[:, D0_PHI] = a + b * np.exp(-pt / scale)
    a, b, d, scale = c.Z0_THETA_CORRELATION
    result[:, Z0_THETA] = np.minimum(a + b * np.abs(eta) + d * np.exp(-pt / scale), 0.98)
    with_d0, with_phi, growth, scale = c.CURVATURE_CORRELATION
    stiff = growth * pt / (pt + scale)
    result[:, D0_CURVATURE] = with_d0 - stiff
    result[:, PHI_CURVATURE] = with_phi + stiff
    return result


def draw(sigma: Floats, correlation: Floats, rng: np.random.Generator) -> Floats:
    """Errors of the five parameters, [n, 5], with tails that the covariance does not know.

    Parameters
    ----------
    sigma : [n, 5]
    correlation : [n, 10]
        Only the four named pairs may differ from 0.
    """
    normal = rng.standard_normal((len(sigma), 5))
    tail = rng.random(len(sigma)) < c.TAIL_FRACTION
    result = normal.copy()
    phi, curved = correlation[:, D0_PHI], correlation[:, D0_CURVATURE]
    across = np.sqrt(1.0 - phi**2)
    mixed = (correlation[:, PHI_CURVATURE] - phi * curved) / across
    rest = np.sqrt(np.maximum(1.0 - curved**2 - mixed**2, 0.0))
    theta = correlation[:, Z0_THETA]
    result[:, 2] = phi * normal[:, 0] + across * normal[:, 2]
    result[:, 3] = theta * normal[:, 1] + np.sqrt(1.0 - theta**2) * normal[:, 3]
    result[:, 4] = curved * normal[:, 0] + mixed * normal[:, 2] + rest * normal[:, 4]
    return result * sigma * np.where(tail, c.TAIL_WIDTH, 1.0)[:, None]
