"""Cones and track isolation against loops in plain Python."""

from __future__ import annotations

import math

import numpy as np
import pytest
from simulation import constants as c
from simulation.collection import collect
from simulation.cones import pairs
from simulation.isolation import track_isolation


def delta_r(eta, phi, other_eta, other_phi):
    return math.hypot(eta - other_eta, math.remainder(phi - other_phi, 2 * math.pi))


@pytest.fixture
def tracks():
    rng = np.random.default_rng(8)
    event = np.repeat([0, 2, 3], [60, 80, 40])
    n = len(event)
    eta, pt = rng.normal(0, 0.5, n), 0.5 + rng.exponential(1.0, n)
    columns = {
        "theta": 2 * np.arctan(np.exp(-eta)),
        "phi": rng.uniform(2.6, 3.7, n) - 2 * np.pi * (rng.random(n) < 0.5),
        "qOverP": rng.choice([-1, 1], n) / (pt * np.cosh(eta)),
        "d0": rng.normal(0, 1.0, n),
        "btagIp_z0SinTheta": rng.normal(0, 3.0, n),
        "vertexLink": rng.integers(-1, 3, n).astype(np.int32),
    }
    columns["phi"] = np.arctan2(np.sin(columns["phi"]), np.cos(columns["phi"]))
    return collect(event, 4, columns), eta, pt


def test_pairs_are_all_pairs_within_the_radius(tracks):
    collection, eta, _ = tracks
    event = np.array([0, 2, 2, 3])
    lepton = (np.array([0.1, -0.3, 0.2, 0.0]), np.array([3.1, -3.1, 3.0, 0.0]))
    found = pairs(collection.offsets, (eta, collection["phi"]), event, lepton, 0.4)
    expected = [
        (i, k)
        for i in range(4)
        for k in range(collection.offsets[event[i]], collection.offsets[event[i] + 1])
        if delta_r(eta[k], collection["phi"][k], lepton[0][i], lepton[1][i]) <= 0.4
    ]
    assert list(zip(found.lepton, found.row, strict=True)) == expected
    assert len(expected) > 20


def test_more_pairs_than_expected_are_found_too():
    n = 500
    offsets, event = np.array([0, n]), np.zeros(3, dtype=int)
    place, around = (np.zeros(n), np.zeros(n)), (np.zeros(3), np.zeros(3))
    assert len(pairs(offsets, place, event, around, 0.1).row) == 3 * n


@pytest.mark.parametrize("loose", [False, True])
def test_sums_agree_with_a_loop(tracks, loose):
    collection, eta, pt = tracks
    event = np.array([0, 2, 3])
    lepton = (np.array([15.0, 60.0, 25.0]), np.array([0.1, -0.1, 0.3]), np.array([3.1, -3.1, 3.0]))
    own = np.array([[3, -1], [70, 75], [-1, -1]])
    columns = track_isolation(collection, event, lepton, own, loose)
    suffix = "LooseCone" if loose else ""
    name = f"ptvarcone30_Nonprompt_All_MaxWeightTTVA{suffix}_pt500"
    limit = c.TTVA_LOOSE_MAX_Z0 if loose else c.TTVA_MAX_Z0
    for i in range(3):
        cone, variable = 0.0, 0.0
        for k in range(collection.offsets[event[i]], collection.offsets[event[i] + 1]):
            link, d0 = collection["vertexLink"][k], abs(collection["d0"][k])
            apart = delta_r(eta[k], collection["phi"][k], lepton[1][i], lepton[2][i])
            z0 = abs(collection["btagIp_z0SinTheta"][k])
            if k in own[i]:
                continue
            if link == 0 or (link == -1 and d0 < c.TTVA_MAX_D0 and z0 < limit):
                variable += pt[k] * (apart < min(0.3, 10.0 / lepton[0][i]) and pt[k] > 0.5)
            if link == 0 or (link == -1 and d0 < c.TTVA_MAX_D0 and z0 < c.TTVA_MAX_Z0):
                cone += pt[k] * (apart < 0.4 and pt[k] > 1.0)
        assert columns[name][i] == pytest.approx(variable)
        assert columns["ptcone40"][i] == pytest.approx(cone)
