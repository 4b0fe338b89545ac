"""Particles between two points: along a helix in the field or a straight line without charge."""

from __future__ import annotations

import numba as nb
import numpy as np
from simulation.constants import CURVATURE, MAGNETIC_FIELD

TURN = CURVATURE * MAGNETIC_FIELD
Vector = tuple[float, float, float]
FourVector = tuple[float, float, float, float]


@nb.njit
def transport(
    point: Vector, momentum: FourVector, charge: int, path: float
) -> tuple[Vector, FourVector]:
    """Point (mm) and momentum (GeV) after a transverse path length (mm)."""
    pt = np.hypot(momentum[0], momentum[1])
    z = point[2] + path * momentum[2] / pt
    turn = -charge * TURN / pt
    if charge == 0:
        x = point[0] + path * momentum[0] / pt
        return (x, point[1] + path * momentum[1] / pt, z), momentum
    before = np.arctan2(momentum[1], momentum[0])
    after = before + turn * path
    x = point[0] + (np.sin(after) - np.sin(before)) / turn
    y = point[1] - (np.cos(after) - np.cos(before)) / turn
    return (x, y, z), (pt * np.cos(after), pt * np.sin(after), momentum[2], momentum[3])


@nb.njit
def path_to_radius(point: Vector, momentum: FourVector, charge: int, radius: float) -> float:
    """Transverse path (mm) to the first crossing of a cylinder from inside, infinite if none."""
    pt = np.hypot(momentum[0], momentum[1])
    inside = radius * radius - point[0] * point[0] - point[1] * point[1]
    if inside <= 0.0 or pt == 0.0:
        return np.inf
    if charge == 0:
        along = (point[0] * momentum[0] + point[1] * momentum[1]) / pt
        return np.sqrt(along * along + inside) - along
    turn = -charge * TURN / pt
    phi = np.arctan2(momentum[1], momentum[0])
    centre_x, centre_y = point[0] - np.sin(phi) / turn, point[1] + np.cos(phi) / turn
    distance = np.hypot(centre_x, centre_y)
    # |centre + (sin phi, -cos phi) / turn| = radius
    sine = (radius * radius - distance * distance - 1.0 / turn**2) * turn / (2.0 * distance)
    if abs(sine) > 1.0:
        return np.inf
    base = np.arctan2(centre_y, centre_x)
    shortest = np.inf
    for angle in (np.arcsin(sine), np.pi - np.arcsin(sine)):
        forward = (np.sign(turn) * (base + angle - phi)) % (2.0 * np.pi)
        shortest = min(shortest, forward / abs(turn))
    return shortest


@nb.njit
def boosted(inside: FourVector, frame: FourVector, mass: float) -> FourVector:
    """Momentum in the laboratory of what has `inside` in the rest frame of a particle `frame`."""
    product = inside[0] * frame[0] + inside[1] * frame[1] + inside[2] * frame[2]
    scale = (product / (frame[3] + mass) + inside[3]) / mass
    return (
        inside[0] + scale * frame[0],
        inside[1] + scale * frame[1],
        inside[2] + scale * frame[2],
        (inside[3] * frame[3] + product) / mass,
    )
