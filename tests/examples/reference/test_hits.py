"""Hits: which clusters merge, and what a track that starts late does not have."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from simulation import constants as c
from simulation import hits


def slow_neighbours(offsets, azimuth, z):
    """All pairs of each layer and event."""
    n = azimuth.shape[1]
    distance = np.full((n, len(hits.RADII)), c.MERGE_REACH)
    for layer, radius in enumerate(hits.RADII):
        lengths = c.PIXEL_MERGE if layer < hits.N_PIXEL else c.STRIP_MERGE
        for first, last in pairwise(offsets):
            for i in range(first, last):
                for j in range(first, last):
                    if i == j or math.isnan(z[layer, i]) or math.isnan(z[layer, j]):
                        continue
                    turn = abs(math.remainder(azimuth[layer, i] - azimuth[layer, j], 2 * math.pi))
                    along = (z[layer, i] - z[layer, j]) / lengths[1]
                    d = math.hypot(turn * radius / lengths[0], along)
                    distance[i, layer] = min(distance[i, layer], d)
    return distance


@pytest.fixture
def crossings():
    rng = np.random.default_rng(2)
    offsets = np.array([0, 40, 40, 90])
    azimuth = math.pi - np.abs(rng.normal(0, 0.01, (8, 90)))
    azimuth = np.where(rng.random((8, 90)) < 0.5, azimuth, -azimuth)
    z = rng.normal(0, 1, (8, 90))
    z[rng.random((8, 90)) < 0.2] = np.nan
    return offsets, np.where(np.isnan(z), np.nan, azimuth), z


def test_neighbours_agree_with_all_pairs(crossings):
    offsets, azimuth, z = crossings
    distance, near = hits.neighbours(offsets, (azimuth, z))
    assert distance == pytest.approx(slow_neighbours(offsets, azimuth, z))
    assert ((near >= 0) == (distance < c.MERGE_REACH)).all()


def test_a_neighbour_is_in_the_same_event(crossings):
    offsets, azimuth, z = crossings
    _, near = hits.neighbours(offsets, (azimuth, z))
    event = np.repeat(np.arange(3), np.diff(offsets))
    row, layer = np.nonzero(near >= 0)
    assert len(row) > 100
    assert (event[near[row, layer]] == event[row]).all()


def test_a_merged_cluster_is_shared_or_split_and_close(crossings):
    offsets, azimuth, z = crossings
    distance, near = hits.neighbours(offsets, (azimuth, z))
    shared, split = hits.merged(distance, near, np.random.default_rng(1))
    assert not (shared & split).any()
    assert not split[:, hits.N_PIXEL :].any()
    assert (distance[shared | split] < c.MERGE_REACH).all()
    mutual = near[near[:, 0], 0] == np.arange(len(near))
    pairs = np.flatnonzero(mutual & (near[:, 0] >= 0))
    assert (shared[pairs, 0] == shared[near[pairs, 0], 0]).all()


def test_layers_before_the_start_have_no_hits():
    n = 400
    parameters = tuple(np.full(n, value) for value in (0.0, 0.0, 0.3, 1.2, 0.05))
    start = np.repeat([0.0, 60.0], n // 2)
    azimuth, z = hits.crossings(parameters, start, np.full(n, np.inf))
    crossed = np.isfinite(z).T
    none = np.zeros_like(crossed)
    counts = hits.count_hits(crossed, none, none, np.full(n, 0.4), np.random.default_rng(3))
    early, late = slice(0, n // 2), slice(n // 2, n)
    assert (counts["numberOfInnermostPixelLayerHits"][late] == 0).all()
    assert (counts["numberOfNextToInnermostPixelLayerHits"][late] == 0).all()
    assert counts["numberOfInnermostPixelLayerHits"][early].mean() > 0.9
    assert counts["numberOfPixelHits"][late].mean() < counts["numberOfPixelHits"][early].mean() - 1
    assert (counts["expectInnermostPixelLayerHit"][late] == 1).mean() > 0.9
    assert np.isfinite(azimuth[0, early]).all()


def test_counts_of_a_track_fit_together():
    rng = np.random.default_rng(4)
    crossed = rng.random((500, 8)) < 0.8
    shared = crossed & (rng.random((500, 8)) < 0.3)
    split = crossed & ~shared & (rng.random((500, 8)) < 0.3)
    counts = hits.count_hits(crossed, shared, split, rng.uniform(0, 2.5, 500), rng)
    found = {name.removeprefix("numberOf"): count for name, count in counts.items()}
    merged = found["PixelSharedHits"].astype(int) + found["PixelSplitHits"]
    assert (merged <= found["PixelHits"]).all()
    assert (found["InnermostPixelLayerSharedHits"] <= found["PixelSharedHits"]).all()
    layers = found["PixelHoles"].astype(int) + found["PixelDeadSensors"]
    assert (layers <= crossed[:, : hits.N_PIXEL].sum(axis=1)).all()
    assert all(count.dtype == np.uint8 for count in counts.values())
