"""Primary vertices, association of tracks, and secondary vertices of leptons."""

from __future__ import annotations

import numpy as np
import pytest
from simulation import constants as c
from simulation.collection import collect
from simulation.secondary_vertices import distances, find, fit, lines
from simulation.tracks import reconstruct
from simulation.trajectories import trajectories
from simulation.vertices import associated, nearest_vertex, primary_vertices, with_vertices


def straight_tracks(points, directions, rng, n_event=1):
    """Tracks through points, smeared a little, all with the same resolution."""
    phi = np.arctan2(directions[:, 1], directions[:, 0])
    theta = np.arccos(directions[:, 2] / np.linalg.norm(directions, axis=1))
    n = len(phi)
    along = points[:, 0] * np.cos(phi) + points[:, 1] * np.sin(phi)
    variance = np.tile([0.02**2, 0.05**2, 1e-6, 1e-6, 1e-6], (n, 1))
    columns = {
        "d0": -points[:, 0] * np.sin(phi) + points[:, 1] * np.cos(phi) + rng.normal(0, 0.02, n),
        "z0": points[:, 2] - along / np.tan(theta) + rng.normal(0, 0.05, n),
        "phi": phi,
        "theta": theta,
        "qOverP": np.full(n, 0.1) * np.sin(theta),
        "definingParametersCovMatrixDiag": variance,
        "btagIp_z0SinTheta": np.zeros(n),
    }
    return collect(np.zeros(n, dtype=int), n_event, columns)


def test_the_fit_is_the_least_squares_solution():
    rng = np.random.default_rng(1)
    tracks = straight_tracks(np.tile([2.0, 1.0, 5.0], (4, 1)), rng.normal(0, 1, (4, 3)), rng)
    result = fit(lines(tracks, np.arange(4)).sum(axis=0))
    phi, theta = tracks["phi"], tracks["theta"]
    rows, values = [], []
    for i in range(4):
        point = np.array(
            [-tracks["d0"][i] * np.sin(phi[i]), tracks["d0"][i] * np.cos(phi[i]), tracks["z0"][i]]
        )
        across = np.array([-np.sin(phi[i]), np.cos(phi[i]), 0.0]) / 0.02
        tilted = [-np.cos(phi[i]) * np.cos(theta[i]), -np.sin(phi[i]) * np.cos(theta[i])]
        upward = np.array([*tilted, np.sin(theta[i])]) / (0.05 * np.sin(theta[i]))
        rows += [across, upward]
        values += [across @ point, upward @ point]
    expected, residual, *_ = np.linalg.lstsq(np.array(rows), np.array(values))
    covariance = np.linalg.inv(np.array(rows).T @ np.array(rows))
    assert result[:3] == pytest.approx(expected, rel=1e-6)
    assert result[9] == pytest.approx(residual[0], rel=1e-4)
    assert result[[3, 5, 8]] == pytest.approx(np.diag(covariance), rel=1e-6)


def test_tracks_of_one_decay_make_one_far_vertex():
    rng = np.random.default_rng(3)
    flight = np.array([1.0, 0.2, 0.3])
    spread = flight + rng.normal(0, 0.1, (4, 3))
    tracks = straight_tracks(np.tile(3.0 * flight, (4, 1)), spread, rng)
    eta, phi = np.arcsinh(0.3 / np.hypot(1, 0.2)), np.arctan2(0.2, 1.0)
    found = find(tracks, np.zeros(1, int), np.zeros(1, int), (np.array([eta]), np.array([phi])))
    assert found.number[0] == 1
    assert found.size[0, 0] == 4
    primary = (np.zeros((1, 3)), np.tile([1e-4, 0, 1e-4, 0, 0, 1e-3], (1, 1)))
    direction = flight[None] / np.linalg.norm(flight)
    best = distances(found, primary, direction, np.zeros(1)).max()
    assert best > 10
    behind = distances(found, primary, -direction, np.zeros(1))[0, 0]
    assert behind == pytest.approx(-best)
    assert (distances(found, primary, direction, np.full(1, 3.0)) == -np.inf).all()


def test_a_lepton_alone_has_no_vertex():
    rng = np.random.default_rng(3)
    tracks = straight_tracks(np.zeros((1, 3)), np.ones((1, 3)), rng)
    found = find(tracks, np.zeros(1, int), np.zeros(1, int), (np.zeros(1), np.zeros(1)))
    assert found.number[0] == 0
    assert (
        distances(found, (np.zeros((1, 3)), np.ones((1, 6))), np.ones((1, 3)), np.zeros(1)) < 0
    ).all()


def test_the_nearest_vertex_is_that_of_a_loop():
    rng = np.random.default_rng(7)
    offsets = np.array([0, 5, 9])
    z, variance = rng.normal(0, 30, 9), rng.uniform(0.001, 0.01, 9)
    event, z0 = np.repeat([0, 1], 50), rng.normal(0, 30, 100)
    own = rng.uniform(0.01, 4.0, 100)
    vertex, pull = np.full(100, -1), np.empty(100)
    nearest_vertex((offsets, z, variance), (event, z0, own), 3.5, vertex, pull)
    for i in range(100):
        rows = range(offsets[event[i]], offsets[event[i] + 1])
        away = {v: abs(z0[i] - z[v]) / np.sqrt(own[i] + variance[v]) for v in rows}
        best = min(away, key=away.__getitem__)
        assert vertex[i] == (best if away[best] < 3.5 else -1)


@pytest.fixture
def crowded(gun):
    """One event: 12 tracks of the hard scatter, 9 of a pile-up interaction 6 mm away."""
    pion = {"pdg": 211, "pt": 3.0, "eta": 0.2}
    hard = [pion | {"phi": 0.5 * i, "z": 1.0} for i in range(12)]
    pileup = [pion | {"phi": 0.6 * i, "z": 7.0, "interaction": 1, "vertex": -2} for i in range(9)]
    return gun([hard + pileup], primary_vertex=[[0.0, 0.0, 1.0]], pileup=[1.0])


def test_vertices_of_the_hard_scatter_and_of_pileup(crowded):
    rng = np.random.default_rng(2)
    tracks = reconstruct(crowded, trajectories(crowded, rng), rng).tracks
    vertices = primary_vertices(crowded, tracks, rng)
    assert vertices["vertexType"].tolist() == [1, 3]
    assert vertices["z"] == pytest.approx([1.0, 7.0], abs=0.5)
    measured = with_vertices(tracks, vertices)
    true = crowded.interaction[measured["truthParticleLink"]]
    linked = measured["vertexLink"] >= 0
    assert linked.mean() > 0.8
    assert (measured["vertexLink"][linked] == true[linked]).all()
    assert not associated(measured, c.TTVA_MAX_Z0)[true == 1].any()
    z0 = (measured["z0"] - vertices["z"][0]) * np.sin(measured["theta"])
    assert measured["btagIp_z0SinTheta"] == pytest.approx(z0)
    sigma = np.sqrt(measured["definingParametersCovMatrixDiag"][:, 0])
    assert (measured["btagIp_d0Uncertainty"] > sigma).all()
