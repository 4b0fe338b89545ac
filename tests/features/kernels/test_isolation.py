"""Cone sums beside a twin; one cone inside another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lepid.features.kernels.association import associate
from lepid.features.kernels.isolation import cone_sum, ptcone, ptvarcone

SEEDS = st.integers(0, 2**32 - 1)


@settings(max_examples=15, deadline=None)
@given(SEEDS)
def test_the_slow_twin(make: Callable[..., Any], seed: int) -> None:
    event = make(seed)
    pairs = associate(event.leptons, event.tracks.directions, 0.4)
    rng = np.random.default_rng(seed)
    pt = rng.exponential(2.0, len(event.tracks.columns["phi"]))
    lepton_pt = rng.uniform(5, 100, len(event.leptons.phi))
    radius = np.minimum(0.3, 10.0 / lepton_pt)
    for found, size in ((ptcone(pairs, pt, 0.2), radius * 0 + 0.2),
                        (ptvarcone(pairs, pt, lepton_pt, 0.3), radius)):  # fmt: skip
        expected = [0.0] * len(lepton_pt)
        for lepton, row, dr in zip(pairs.leptons, pairs.rows, pairs.dr, strict=True):
            if dr < size[lepton]:
                expected[lepton] += float(pt[row])
        assert found.tolist() == pytest.approx(expected, rel=1e-12)


def test_the_edge_belongs_to_no_cone(make: Callable[..., Any]) -> None:
    event = make(4)
    pairs = associate(event.leptons, event.tracks.directions, 0.4)
    edge = np.full(len(event.leptons.phi), np.inf)
    some = np.flatnonzero(np.diff(pairs.offsets))
    edge[some] = pairs.dr[pairs.offsets[some]]
    ones = np.ones(len(event.tracks.columns["phi"]))
    assert len(some) > 3
    assert cone_sum(pairs, ones, edge)[some].tolist() == [0.0] * len(some)
    assert cone_sum(pairs, ones, np.nextafter(edge, 1))[some].tolist() == [1.0] * len(some)


@settings(max_examples=15, deadline=None)
@given(SEEDS, st.floats(0.01, 0.4), st.floats(0.01, 0.4))
def test_a_larger_cone_holds_no_less(
    make: Callable[..., Any], seed: int, left: float, right: float
) -> None:
    event = make(seed)
    pairs = associate(event.leptons, event.tracks.directions, 0.4)
    pt = np.random.default_rng(seed).exponential(2.0, len(event.tracks.columns["phi"]))
    small, large = (cone_sum(pairs, pt, radius) for radius in sorted((left, right)))
    assert (small <= large).all()


def test_no_leptons_and_zero_pt(make: Callable[..., Any]) -> None:
    event = make(1, lepton=0.0)
    pairs = associate(event.leptons, event.tracks.directions, 0.4)
    assert ptcone(pairs, np.ones(99), 0.2).tolist() == []
    event = make(1)
    pairs = associate(event.leptons, event.tracks.directions, 0.4)
    pt = np.ones(len(event.tracks.columns["phi"]))
    none = np.zeros(len(event.leptons.phi))
    np.testing.assert_array_equal(ptvarcone(pairs, pt, none, 0.3), ptcone(pairs, pt, 0.3))
