"""Tracks: pulls, efficiency, kinks, labels."""

from __future__ import annotations

import numpy as np
import pytest
from simulation import constants as c
from simulation.resolution import N_PAIR, correlations, draw, resolutions
from simulation.tracks import momentum, reconstruct
from simulation.trajectories import converted_energy, trajectories

PAIRS = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3), (0, 4), (1, 4), (2, 4), (3, 4))


def track(particles, seed=1):
    rng = np.random.default_rng(seed)
    return reconstruct(particles, trajectories(particles, rng), rng)


def muon_gun(gun, n, **columns):
    rng = np.random.default_rng(n)
    return gun(
        [
            [{"pdg": 13, "pt": 4.0 / (1 - 0.95 * u), "eta": eta, "phi": phi} | columns]
            for u, eta, phi in zip(
                rng.random(n), rng.uniform(-2.4, 2.4, n), rng.uniform(-3, 3, n), strict=True
            )
        ]
    )


def test_drawn_errors_have_the_covariance():
    pt, eta = np.full(200_000, 5.0), np.full(200_000, 1.2)
    sigma, correlation = resolutions(pt, eta, np.zeros(len(pt))), correlations(pt, eta)
    error = draw(sigma, correlation, np.random.default_rng(1))
    tails = 1 + c.TAIL_FRACTION * (c.TAIL_WIDTH**2 - 1)
    assert error.std(axis=0) / sigma[0] == pytest.approx(np.full(5, np.sqrt(tails)), rel=0.01)
    drawn = np.corrcoef(error.T)
    assert [drawn[pair] for pair in PAIRS] == pytest.approx(correlation[0].tolist(), abs=0.02)


@pytest.mark.parametrize("pt", [0.5, 3.0, 50.0, 2000.0])
@pytest.mark.parametrize("eta", [0.0, 1.5, 2.5])
def test_covariances_are_positive(pt, eta):
    correlation = correlations(np.array([pt]), np.array([eta]))[0]
    matrix = np.eye(5)
    for k, (i, j) in enumerate(PAIRS):
        matrix[i, j] = matrix[j, i] = correlation[k]
    assert np.linalg.eigvalsh(matrix).min() > 0
    assert len(correlation) == N_PAIR


def test_pulls_of_muons_are_normal(gun):
    particles = muon_gun(gun, 3000)
    found = track(particles)
    tracks, event = found.tracks, found.tracks.event
    assert 0.95 < len(tracks) / 3000 <= 1.0
    sigma = np.sqrt(tracks["definingParametersCovMatrixDiag"])
    true = -1.0 / (particles.pt * np.cosh(particles.eta))[event]
    for pull in (tracks["d0"] / sigma[:, 0], (tracks["qOverP"] - true) / sigma[:, 4]):
        assert np.median(np.abs(pull)) == pytest.approx(0.69, abs=0.05)
    assert momentum(tracks["theta"], tracks["qOverP"])[0] == pytest.approx(
        particles.pt[event], rel=0.5
    )


def test_late_particles_are_found_less_often(gun):
    early, late = track(muon_gun(gun, 400)), track(muon_gun(gun, 400, x=200.0, y=0.0))
    assert len(late.tracks) < 0.6 * len(early.tracks)
    assert (late.tracks["numberOfPixelHits"] == 0).all()


def kinked(radius):
    """A kaon that ends at a radius, and its muon, collinear but for a kink."""
    kaon = {"pdg": 321, "pt": 10.0, "eta": 0.3, "mass": 0.4937, "final": False}
    kaon |= {"decay_radius": radius}
    muon = {"pdg": -13, "pt": 6.0, "eta": 0.305, "mass": 0.1057, "mother": 0, "x": radius}
    return [kaon, muon | {"weight": 0.1, "truth_type": 8, "truth_origin": 35}]


@pytest.mark.parametrize(("radius", "truth"), [(300.0, 1), (900.0, 0)])
def test_a_decay_in_flight_leaves_one_track(gun, radius, truth):
    particles = gun([kinked(radius)] * 300)
    flown = trajectories(particles, np.random.default_rng(1))
    assert len(flown.particle) == 300
    assert (flown.particle % 2 == 1).all()
    assert (flown.truth % 2 == truth).all()
    p = np.sqrt(flown.px**2 + flown.py**2 + flown.pz**2)
    assert (p < 10.0 * np.cosh(0.3)).all()
    assert (p > 6.0 * np.cosh(0.3)).all()
    assert (flown.kink > 0).all()


def test_the_kink_of_a_decay_is_that_of_the_momenta(gun):
    particles = gun([kinked(300.0)])
    hadron, muon = (np.array([particles.px[i], particles.py[i], particles.pz[i]]) for i in (0, 1))
    angle = np.arccos(hadron @ muon / np.linalg.norm(hadron) / np.linalg.norm(muon))
    neutrino = np.linalg.norm(hadron - muon)
    # The neutrino is massless in a real decay: give the muon the energy that makes it so.
    energy = particles.e.copy()
    energy[1] = energy[0] - neutrino
    real = type(particles)(**(vars(particles) | {"e": energy}))
    assert trajectories(real, np.random.default_rng(1)).kink == pytest.approx([angle], abs=1e-7)


def test_an_electron_does_not_count_what_it_radiated_twice(gun):
    electron = {"pdg": 11, "pt": 50.0, "eta": 0.0, "retained": 0.3}
    photon = {"pdg": 22, "pt": 30.0, "eta": 0.0, "mother": 0, "final": False}
    pair = [{"pdg": s * 11, "pt": 15.0, "eta": 0.0, "mother": 1, "x": 50.0} for s in (1, -1)]
    particles = gun([[electron, photon, *pair]])
    assert converted_energy(particles) == pytest.approx([30.0, 0.0, 0.0, 0.0])
    flown = trajectories(particles, np.random.default_rng(1))
    assert flown.retained.tolist() == [0.3, 1.0, 1.0]
    lost = 1 - np.hypot(flown.px, flown.py) / [50.0, 15.0, 15.0]
    assert lost == pytest.approx([0.7 * c.TRACK_BREM_SHARE, 0.0, 0.0])


def test_every_track_has_the_label_of_its_particle(generated):
    particles = generated("ttbar_nonallhad", 40)
    tracks = track(particles).tracks
    row = tracks["truthParticleLink"] + particles.offsets[tracks.event]
    fake = tracks["truthParticleLink"] < 0
    assert (tracks["ftagTruthOriginLabel"][fake] == 1).all()
    assert (tracks["ftagTruthOriginLabel"][~fake] == particles.track_origin[row[~fake]]).all()
    assert (tracks["ftagTruthVertexIndex"][~fake] == particles.vertex[row[~fake]]).all()
    assert (particles.charge[row[~fake]] != 0).all()
    assert fake.mean() < 0.02


def test_pileup_far_from_the_primary_vertex_leaves_no_track(gun):
    pion = {"pdg": 211, "pt": 5.0, "eta": 0.0}
    places = [pion | {"z": 60.0}, pion | {"z": 60.0, "interaction": 1}]
    near = pion | {"z": 3.0, "interaction": 2}
    particles = gun([[*places, near]], primary_vertex=[[0.0, 0.0, 0.0]])
    assert trajectories(particles, np.random.default_rng(1)).particle.tolist() == [0, 2]
