"""Deposits, clusters and calorimeter isolation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from simulation import constants as c
from simulation.calorimeter import calorimeter_isolation, deposits
from simulation.clusters import assign, clusters


def test_deposits_carry_the_energy(gun):
    particles = gun(
        [[{"pdg": 22, "pt": 40.0, "eta": 0.5}, {"pdg": 211, "pt": 40.0, "eta": -1.0}]] * 400
    )
    cells = deposits(particles, np.random.default_rng(1))
    photon = cells.electromagnetic
    total = cells.em + cells.hadronic
    assert total[photon].mean() == pytest.approx(40.0, rel=0.01)
    assert total[~photon].mean() == pytest.approx(0.85 * 40.0, rel=0.1)
    assert total[photon].std() < 0.05 * 40.0 < total[~photon].std()
    assert cells.phi[photon] == pytest.approx(0.0, abs=1e-9)
    assert (cells.phi[~photon] < 0).all()


def test_muons_and_soft_particles_leave_nothing(gun):
    soft = {"pdg": 22, "pt": 0.2, "eta": 0.0}
    cells = deposits(gun([[{"pdg": 13, "pt": 40.0, "eta": 0.5}, soft]]), np.random.default_rng(1))
    assert len(cells.em) == 0


def test_clusters_agree_with_a_loop():
    rng = np.random.default_rng(3)
    offsets = np.array([0, 50, 50, 120])
    em, eta = rng.exponential(1.5, 120), rng.normal(0, 0.2, 120)
    phi = np.remainder(rng.normal(np.pi, 0.2, 120) + np.pi, 2 * np.pi) - np.pi
    event = np.repeat([0, 2], [50, 70])
    order = np.lexsort((-em, event))
    member = np.full(120, -1)
    window = (0.05, 0.1)
    n = assign(offsets, order, (em, eta, phi), window, member)
    expected, count = [-1] * 120, 0
    for seed in order:
        if em[seed] < c.CLUSTER_SEED_ET or expected[seed] >= 0:
            continue
        for k in np.flatnonzero(event == event[seed]):
            turn = abs(math.remainder(phi[k] - phi[seed], 2 * math.pi))
            if expected[k] < 0 and abs(eta[k] - eta[seed]) < window[0] and turn < window[1]:
                expected[k] = count
        count += 1
    assert n == count > 10
    assert member.tolist() == expected


def test_a_photon_is_one_cluster_and_a_far_one_another(gun):
    near = [{"pdg": 22, "pt": 20.0, "eta": 0.5}, {"pdg": 22, "pt": 5.0, "eta": 0.51}]
    far = {"pdg": 22, "pt": 10.0, "eta": 0.5, "phi": math.pi - 0.01}
    found, around = clusters(deposits(gun([[*near, far]]), np.random.default_rng(1)))
    order = np.argsort(-found["calE"])
    et = found["calE"] / np.cosh(found["calEta"])
    assert et[order] == pytest.approx([25.0, 10.0], rel=0.15)
    assert around.second[order] == pytest.approx([0.2, 0.0], abs=0.05)
    assert around.lead[order].tolist() == [0, 2]
    assert found["calPhi"][order] == pytest.approx([0.0, math.pi - 0.01], abs=1e-6)


def test_the_cone_sums_what_is_inside(gun, monkeypatch):
    for name in ("PILEUP_DENSITY", "NOISE_DENSITY", "CORE_LEAKAGE"):
        monkeypatch.setattr(c, name, 1e-12)
    rows = [(20.0, 0.0), (7.0, 0.15), (5.0, 0.25), (4.0, 0.35), (9.0, 0.6)]
    particles = gun([[{"pdg": 22, "pt": pt, "eta": eta} for pt, eta in rows]])
    cells = deposits(particles, np.random.default_rng(1))
    energy = cells.em + cells.hadronic
    rng, lepton = np.random.default_rng(2), (np.full(1, 20.0), np.zeros(1), np.zeros(1))
    event, none = np.zeros(1, int), np.zeros(1)
    args = {"pileup": none, "electron": True, "rng": rng}
    columns = calorimeter_isolation(cells, event, lepton, **args)
    for size, last in ((20, 2), (30, 3), (40, 4)):
        assert columns[f"topoetcone{size}"][0] == pytest.approx(energy[1:last].sum(), abs=1e-4)
    assert columns["neflowisol20"][0] == pytest.approx(energy[1], abs=1e-4)
    muon = calorimeter_isolation(cells, event, lepton, pileup=none, electron=False, rng=rng)
    assert muon["topoetcone20"][0] == pytest.approx(energy[1], abs=1e-4)  # not along the muon
    assert muon["neflowisol20"][0] == pytest.approx(energy[:2].sum(), abs=1e-4)


def test_pileup_widens_isolation_around_zero(gun):
    cells = deposits(gun([[]]), np.random.default_rng(1))
    n = 20_000
    event, lepton = np.zeros(n, int), (np.full(n, 30.0), np.zeros(n), np.zeros(n))
    rng = np.random.default_rng(3)
    spread = []
    for mu in (0.0, 20.0, 60.0):
        pileup = np.full(n, mu)
        drawn = calorimeter_isolation(cells, event, lepton, pileup=pileup, electron=False, rng=rng)
        assert drawn["topoetcone20"].mean() == pytest.approx(0.0, abs=0.05)
        assert drawn["topoetcone40"].std() > drawn["topoetcone20"].std()
        spread.append(drawn["topoetcone20"].std())
    assert spread == sorted(spread)
    assert spread[2] > 2 * spread[0]
