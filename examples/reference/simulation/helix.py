"""Helices in a solenoid field along z: perigee, and the crossing of a cylinder.

The turn of the direction per transverse length is kappa = -charge * CURVATURE * field / pt: a
positive particle turns clockwise. `d0` has the sign of ATLAS: the point of closest approach is
at d0 * (-sin phi, cos phi) from the beam line.
"""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np
import numpy.typing as npt
from simulation import constants as c
from simulation.particles import Floats

Vectors = tuple[Floats, Floats, Floats]
Parameters = tuple[Floats, Floats, Floats, Floats, Floats]
TURN = c.CURVATURE * c.MAGNETIC_FIELD


@nb.njit
def _arc(kappa: float, chord: float) -> float:
    half = 0.5 * kappa * chord
    if abs(half) < 1e-9:
        return chord
    return 2.0 * np.arcsin(min(1.0, max(-1.0, half))) / kappa


@nb.njit
def _perigee(position: Vectors, momentum: Vectors, charge: Floats, parameters: Vectors) -> None:
    (x, y, z), (px, py, pz), (d0, z0, phi0) = position, momentum, parameters
    for i in range(len(x)):
        pt = np.hypot(px[i], py[i])
        kappa = -charge[i] * TURN / pt
        sine, cosine = py[i] / pt, px[i] / pt
        distance = y[i] * cosine - x[i] * sine
        square = kappa * (x[i] * x[i] + y[i] * y[i]) + 2.0 * distance
        d0[i] = square / (1.0 + np.sqrt(max(0.0, 1.0 + kappa * square)))
        phi0[i] = np.arctan2(sine - kappa * x[i], cosine + kappa * y[i])
        sine0, cosine0 = np.sin(phi0[i]), np.cos(phi0[i])
        along_x, along_y = x[i] + d0[i] * sine0, y[i] - d0[i] * cosine0
        chord = np.hypot(along_x, along_y)
        if along_x * cosine0 + along_y * sine0 < 0.0:
            chord = -chord
        z0[i] = z[i] - _arc(kappa, chord) * pz[i] / pt


@nb.njit
def _crossing(
    d0: float, z0: float, phi: float, bend: tuple[float, float], radius: float
) -> tuple[float, float]:
    """Azimuth and z where a helix leaves a cylinder, NaN if it does not.

    `bend` is the turn per transverse length, and z per transverse length.
    """
    kappa, slope = bend
    square = (radius * radius - d0 * d0) / (1.0 + kappa * d0)
    half = 0.5 * kappa * np.sqrt(max(0.0, square))
    if square < 0.0 or abs(half) > 1.0:
        return np.nan, np.nan
    chord = np.sqrt(square)
    # Seen along the perigee's direction, the crossing is at (cos, sin) of half the turn.
    across = np.arctan2(d0 + chord * half, chord * np.sqrt(1.0 - half * half))
    azimuth = (phi + across + np.pi) % (2.0 * np.pi) - np.pi
    return azimuth, z0 + _arc(kappa, chord) * slope


@nb.njit
def cross_layers(
    parameters: Parameters, radii: Floats, reach: tuple[Floats, Floats], azimuth: Floats, z: Floats
) -> None:
    """Azimuth and z [mm] at cylinders of `radii`, filled in place, [n_layer, n].

    NaN where a helix does not cross, or outside the radii `reach` [n] between which it exists.
    """
    d0, z0, phi, theta, q_over_p = parameters
    start, end = reach
    for i in range(len(d0)):
        sine = np.sin(theta[i])
        bend = -q_over_p[i] * TURN / sine, np.cos(theta[i]) / sine
        for layer in range(len(radii)):
            azimuth[layer, i], z[layer, i] = np.nan, np.nan
            if start[i] <= radii[layer] <= end[i]:
                at = _crossing(d0[i], z0[i], phi[i], bend, radii[layer])
                azimuth[layer, i], z[layer, i] = at


@nb.njit
def _at_radius(parameters: Parameters, radius: Floats, azimuth: Floats, z: Floats) -> None:
    d0, z0, phi, theta, q_over_p = parameters
    for i in range(len(d0)):
        sine = np.sin(theta[i])
        bend = -q_over_p[i] * TURN / sine, np.cos(theta[i]) / sine
        azimuth[i], z[i] = _crossing(d0[i], z0[i], phi[i], bend, radius[i])


def perigee(position: Vectors, momentum: Vectors, charge: npt.NDArray[Any]) -> Vectors:
    """d0 [mm], z0 [mm] and phi of helices at their closest approach to the beam spot.

    Parameters
    ----------
    position, momentum : x, y, z, each [n], mm and GeV
        Of one point of each helix, less than half a turn away from its perigee.
    charge : [n], in units of e
    """
    x, y, z = position[0] - c.BEAM_SPOT[0], position[1] - c.BEAM_SPOT[1], position[2]
    result = np.empty((3, len(x)))
    parameters = (result[0], result[1], result[2])
    _perigee((x, y, z), momentum, charge.astype(float), parameters)
    return parameters


def at_radius(parameters: Parameters, radius: Floats | float) -> tuple[Floats, Floats]:
    """Azimuth and z [mm] where helices leave a cylinder around the beam line, NaN if they do not.

    Parameters
    ----------
    parameters : d0, z0, phi, theta, q/p at the perigee, [n] each, mm, rad, 1/GeV
    radius : [n] or a number, mm
    """
    result = np.empty((2, len(parameters[0])))
    radii = np.full(len(parameters[0]), radius, dtype=float)
    _at_radius(parameters, radii, result[0], result[1])
    return result[0], result[1]
