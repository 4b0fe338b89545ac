"""Own tracks, clusters and track jets of leptons beside twins."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lepid.features import leptons
from lepid.features.kernels.association import Directions, associate
from lepid.features.kernels.track_jets import VARIABLE, cluster, momenta

SEEDS = st.integers(0, 2**32 - 1)


def places(rng: np.random.Generator, counts: Any, spread: float = 0.4) -> Directions:
    n = int(np.sum(counts))
    offsets = np.concatenate([[0], np.cumsum(counts)])
    return Directions(offsets, rng.normal(3.1, spread, n), eta=rng.normal(0, spread, n))


def distance(left: Directions, i: int, right: Directions, j: int) -> float:
    turn = abs(float(left.phi[i]) - float(right.phi[j])) % (2 * math.pi)
    assert left.eta is not None
    assert right.eta is not None
    return math.hypot(left.eta[i] - right.eta[j], min(turn, 2 * math.pi - turn))


def test_own_tracks_of_muons() -> None:
    inner, combined = np.array([4, 2, -1, 0]), np.array([True, False, True, True])
    offsets, rows = leptons.own_tracks_of_muons(inner, combined)
    assert offsets.tolist() == [0, 1, 2, 3, 4]
    assert rows.tolist() == [4, -1, -1, 0]


def test_linked() -> None:
    found = leptons.linked(np.array([1, 2, 3], np.uint8), np.array([2, -1, 0]))
    np.testing.assert_array_equal(found, [3.0, np.nan, 1.0])
    assert np.isnan(leptons.linked(np.zeros(0), np.array([-1]))).tolist() == [True]


@settings(max_examples=15, deadline=None)
@given(SEEDS)
def test_cluster_sum(seed: int) -> None:
    rng = np.random.default_rng(seed)
    clusters = places(rng, rng.poisson(4, 6), 0.15)
    n_lepton = rng.poisson(1.5, 6)
    offsets = np.concatenate([[0], np.cumsum(n_lepton)])
    event = np.repeat(np.arange(6), n_lepton)
    ends = clusters.offsets
    own = np.array(
        [rng.integers(ends[e], ends[e + 1]) if ends[e] < ends[e + 1] else -1 for e in event], int
    )
    own[rng.random(len(own)) < 0.2] = -1
    pt = rng.exponential(10, ends[-1])
    expected = [
        sum(
            float(pt[k])
            for k in range(ends[e], ends[e + 1])
            if row >= 0 and distance(clusters, row, clusters, k) < 0.15
        )
        for e, row in zip(event, own, strict=True)
    ]
    found = leptons.cluster_sum(offsets, own, clusters, pt)
    assert found.tolist() == pytest.approx(expected, rel=1e-12)
    assert (found[own >= 0] >= pt[own[own >= 0]]).all()


@settings(max_examples=15, deadline=None)
@given(SEEDS)
def test_nearest(seed: int) -> None:
    rng = np.random.default_rng(seed)
    one, other = places(rng, rng.poisson(2, 6)), places(rng, rng.poisson(3, 6))
    pairs = associate(one, other, 0.4)
    expected = []
    for event in range(6):
        for i in range(*one.offsets[event : event + 2]):
            inside = [(distance(one, i, other, k), k)
                      for k in range(*other.offsets[event : event + 2])]  # fmt: skip
            inside = [pair for pair in inside if pair[0] < 0.3]
            expected.append(min(inside)[1] if inside else -1)
    assert leptons.nearest(pairs, 0.3).tolist() == expected


@settings(max_examples=10, deadline=None)
@given(SEEDS)
def test_nearest_jet(seed: int) -> None:
    rng = np.random.default_rng(seed)
    counts = rng.poisson(6, 6)
    tracks = places(rng, counts)
    n = int(counts.sum())
    pt = rng.exponential(40, n) + 0.5
    jets = cluster(tracks.offsets, momenta(pt, tracks.eta, tracks.phi), VARIABLE, min_pt=5.0)
    around = places(rng, rng.poisson(2, 6))
    n_lepton = int(around.offsets[-1])
    lepton_pt, track_pt = rng.uniform(5, 50, n_lepton), rng.uniform(5, 50, n_lepton)
    track_pt[::5] = np.nan
    found = leptons.nearest_jet(around, lepton_pt, track_pt, jets)
    axes = Directions(jets.offsets, jets.phi, eta=jets.eta)
    assert around.eta is not None
    for event in range(6):
        for i in range(*around.offsets[event : event + 2]):
            own = [float(column[i]) for column in found]
            near = [(distance(around, i, axes, k), k)
                    for k in range(*jets.offsets[event : event + 2])]  # fmt: skip
            near = [pair for pair in near if pair[0] < 0.4]
            if not near:
                assert own == [-99.0] * 4
                continue
            dr, jet = min(near)
            vectors = [
                np.array([math.cos(p), math.sin(p), math.sinh(e)]) / math.cosh(e)
                for e, p in ((around.eta[i], around.phi[i]), (jets.eta[jet], jets.phi[jet]))
            ]
            sine = math.sqrt(max(0.0, 1 - float(vectors[0] @ vectors[1]) ** 2))
            ratio = track_pt[i] / jets.pt[jet]
            expected = [
                -99.0 if math.isnan(ratio) else ratio, lepton_pt[i] * sine, dr, jets.n_track[jet]
            ]  # fmt: skip
            assert own == pytest.approx(expected, rel=1e-6, abs=1e-6)
