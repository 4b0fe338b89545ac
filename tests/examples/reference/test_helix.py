"""Helices: the perigee leads back to the point it was made from."""

from __future__ import annotations

import math

import numpy as np
import pytest
from simulation import constants as c
from simulation.helix import TURN, at_radius, perigee


def propagated(d0, phi0, charge, pt, arc):
    """Slow twin: x, y and direction after a transverse path from the perigee."""
    turn = -charge * TURN / pt
    after = phi0 + turn * arc
    x = c.BEAM_SPOT[0] - d0 * math.sin(phi0) + (math.sin(after) - math.sin(phi0)) / turn
    y = c.BEAM_SPOT[1] + d0 * math.cos(phi0) - (math.cos(after) - math.cos(phi0)) / turn
    return x, y, after


@pytest.fixture
def helices():
    """Random points and momenta: x, y, z, px, py, pz, charge."""
    rng = np.random.default_rng(5)
    n = 2000
    pt, phi, eta = (
        0.5 * (1 - rng.random(n)) ** -1.2,
        rng.uniform(-np.pi, np.pi, n),
        rng.normal(0, 1.5, n),
    )
    radius, angle = rng.exponential(20.0, n), rng.uniform(-np.pi, np.pi, n)
    position = (radius * np.cos(angle), radius * np.sin(angle), rng.normal(0, 40, n))
    momentum = (pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta))
    return position, momentum, rng.choice([-1.0, 1.0], n)


def test_the_perigee_leads_back_to_the_point(helices):
    position, momentum, charge = helices
    d0, z0, phi0 = perigee(position, momentum, charge)
    for i in range(len(charge)):
        pt = math.hypot(momentum[0][i], momentum[1][i])
        arc = (position[2][i] - z0[i]) * pt / momentum[2][i]
        x, y, after = propagated(d0[i], phi0[i], charge[i], pt, arc)
        # 1e-9 mm where the arc, found from z alone, is known that well.
        precision = 1e-9 * max(1.0, abs(pt / momentum[2][i]))
        assert math.hypot(x - position[0][i], y - position[1][i]) < precision
        turned = after - math.atan2(momentum[1][i], momentum[0][i])
        assert abs(math.remainder(turned, 2 * math.pi)) < 1e-10


def test_the_perigee_is_the_closest_point(helices):
    position, momentum, charge = helices
    d0, _, phi0 = perigee(position, momentum, charge)
    for i in range(200):
        pt = math.hypot(momentum[0][i], momentum[1][i])
        for arc in (-1.0, 1.0):
            x, y, _ = propagated(d0[i], phi0[i], charge[i], pt, arc)
            assert math.hypot(x - c.BEAM_SPOT[0], y - c.BEAM_SPOT[1]) >= abs(d0[i]) - 1e-12


def test_a_positive_particle_turns_clockwise():
    origin = (np.zeros(1),) * 3
    momentum = (np.ones(1), np.zeros(1), np.ones(1))
    d0, z0, phi = perigee(origin, momentum, np.ones(1))
    azimuth, z = at_radius((d0, z0, phi, np.full(1, np.pi / 4), np.full(1, 2**-0.5)), 500.0)
    assert d0[0] == z0[0] == phi[0] == 0.0
    assert -0.2 < azimuth[0] < 0.0
    assert z[0] > 500.0


def test_crossings_of_a_cylinder_lie_on_it(helices):
    position, momentum, charge = helices
    d0, z0, phi0 = perigee(position, momentum, charge)
    pt = np.hypot(momentum[0], momentum[1])
    theta = np.arctan2(pt, momentum[2])
    q_over_p = charge * np.sin(theta) / pt
    azimuth, z = at_radius((d0, z0, phi0, theta, q_over_p), 300.0)
    checked = 0
    for i in np.flatnonzero(np.isfinite(azimuth))[:300]:
        arc = (z[i] - z0[i]) * math.tan(theta[i])
        x, y, _ = propagated(d0[i], phi0[i], charge[i], pt[i], arc)
        assert math.hypot(x, y) == pytest.approx(300.0, abs=1e-6)
        assert abs(math.remainder(math.atan2(y, x) - azimuth[i], 2 * math.pi)) < 1e-8
        checked += 1
    assert checked > 250


def test_a_curling_track_does_not_reach_the_cylinder():
    parameters = tuple(np.array([value]) for value in (0.0, 0.0, 0.0, np.pi / 2, 1 / 0.1))
    azimuth, z = at_radius(parameters, 1000.0)
    assert np.isnan(azimuth[0])
    assert np.isnan(z[0])
