"""Muons: agreement of their tracks, scattering significances, decays in flight, energy loss."""

from __future__ import annotations

import numpy as np
import pytest
from simulation import constants as c
from simulation import scattering, spectrometer
from simulation.calorimeter import deposits
from simulation.muons import muons
from simulation.tracks import reconstruct
from simulation.trajectories import trajectories


def made(particles, seed=1):
    rng = np.random.default_rng(seed)
    tracks = reconstruct(particles, trajectories(particles, rng), rng)
    return muons(particles, tracks, rng), tracks


@pytest.fixture(scope="module")
def prompt(gun):
    rng = np.random.default_rng(6)
    shots = zip(rng.uniform(5, 80, 1500), rng.uniform(-2.4, 2.4, 1500), strict=True)
    muon = {"pdg": 13, "truth_type": 6, "truth_origin": 12}
    return gun([[muon | {"pt": pt, "eta": eta, "phi": 3 * eta}] for pt, eta in shots])


@pytest.fixture(scope="module")
def decays(gun):
    rng = np.random.default_rng(7)
    events = []
    for radius, share in zip(rng.uniform(200, 1100, 800), rng.uniform(0.3, 0.95, 800), strict=True):
        kaon = {"pdg": 321, "pt": 12.0, "eta": 0.4, "mass": 0.4937, "final": False}
        muon = {"pdg": -13, "pt": 12.0 * share, "eta": 0.41, "mass": 0.1057, "mother": 0}
        muon |= {"x": radius, "weight": 0.02, "truth_type": 8, "truth_origin": 35}
        events.append([kaon | {"decay_radius": radius}, muon])
    return gun(events)


def test_prompt_muons_are_found_and_measured(prompt):
    system, tracks = made(prompt)
    muon = system.muons
    assert 0.85 < len(muon) / 1500 < 1.0
    assert muon["pt"] == pytest.approx(prompt.pt[muon.event], rel=0.3)
    assert (muon["charge"] == -1).mean() > 0.999
    assert ((muon["quality"] & 7) == 1).mean() > 0.9
    rows = tracks.tracks.rows(muon["inDetTrackParticleLink"], muon.event)
    assert (rows == system.own[:, 0]).all()
    assert np.median(np.abs(muon["InnerDetectorPt"] / muon["pt"] - 1)) < 0.03
    assert np.median(np.abs(muon["MuonSpectrometerPt"] / muon["pt"] - 1)) < 0.05


def test_the_combination_is_better_than_both(prompt):
    system, tracks = made(prompt)
    combined = system.combined["definingParametersCovMatrixDiag"][:, 4]
    inner = tracks.tracks["definingParametersCovMatrixDiag"][system.own[:, 0], 4]
    outer = system.extrapolated["definingParametersCovMatrixDiag"][:, 4]
    assert combined == pytest.approx(1 / (1 / inner + 1 / outer))


def test_decays_in_flight_disagree(prompt, decays):
    good, bad = made(prompt)[0].muons, made(decays)[0].muons
    assert len(bad) > 60
    assert (bad["weight"] == 0.02).all()

    def rho(muon):
        return np.abs(muon["InnerDetectorPt"] - muon["MuonSpectrometerPt"]) / muon["pt"]

    assert np.median(rho(bad)) > 2 * np.median(rho(good))
    balance = "momentumBalanceSignificance"
    assert np.median(bad[balance]) > np.median(good[balance]) + 0.5
    for name in ("scatteringNeighbourSignificance", "scatteringCurvatureSignificance"):
        assert bad[name].std() > 1.3 * good[name].std()


def test_curvature_flips_scatterers_from_the_outside():
    values = np.random.default_rng(1).normal(size=(50, 6))
    for row, result in zip(values, scattering.curvature(values), strict=True):
        signs, totals = np.ones(6), []
        for last in range(5, 0, -1):
            totals.append((signs * row).sum())
            signs[last] = -1
        expected = max(totals, key=abs) / np.sqrt(6)
        assert result == pytest.approx(expected)


def test_neighbours_are_pairs():
    values = np.random.default_rng(2).normal(size=(50, 6))
    for row, result in zip(values, scattering.neighbour(values), strict=True):
        pairs = [row[i] + row[i + 1] for i in range(5)]
        assert result == pytest.approx(max(pairs, key=abs) / np.sqrt(2))


def test_hits_of_the_spectrometer_follow_its_geometry():
    rng = np.random.default_rng(3)
    eta, phi = rng.uniform(-2.5, 2.5, 5000), rng.uniform(-np.pi, np.pi, 5000)
    found = spectrometer.hits(eta, phi, rng)
    endcap = np.abs(eta) > c.ENDCAP_ETA
    for name in c.WHEEL_HITS:
        assert (found[name][~endcap] == 0).all()
        assert found[name][endcap].mean() > 2.5
    both = (found["middleLargeHits"] > 0) & (found["middleSmallHits"] > 0)
    assert 0.01 < both.mean() < 0.2
    assert spectrometer.precision_layers(found).mean() == pytest.approx(2.85, abs=0.1)
    # Large sectors lie around multiples of 45 degrees.
    centre = np.abs(np.remainder(phi + np.pi / 8, np.pi / 4) - np.pi / 8) < 0.1
    assert (found["middleSmallHits"][centre] == 0).all()


def test_energy_around_a_muon_ends_up_in_its_cluster(gun):
    muon, jet = {"pdg": 13, "pt": 30.0, "eta": 0.5}, {"pdg": 211, "pt": 20.0, "eta": 0.52}
    alone, inside = gun([[muon]] * 300), gun([[muon, jet]] * 300)
    ratio = []
    for particles in (alone, inside):
        rng = np.random.default_rng(4)
        system, _ = made(particles)
        columns, cluster = spectrometer.energy_loss(deposits(particles, rng), system.muons, rng)
        assert (columns["MeasEnergyLoss"] > 0).all()
        assert len(cluster) == len(system.muons)
        ratio.append(np.median(cluster["calE"]))
    assert ratio[0] == pytest.approx(3.1, abs=0.4)
    assert ratio[1] > 10.0
