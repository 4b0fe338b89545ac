"""Track jets beside fastjet, and beside a twin that computes every distance anew."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import awkward as ak
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lepid.errors import BadInput
from lepid.features.kernels.track_jets import (
    ANTI_KT_04,
    PION_MASS,
    VARIABLE,
    Jets,
    Radius,
    cluster,
    momenta,
)

SEEDS = st.integers(0, 2**32 - 1)


def particles(seed: int, n_event: int, mean: float, scale: float) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    counts = rng.poisson(mean, n_event)
    n = counts.sum()
    # Half of them in a few directions, so that there is something to merge.
    axis = rng.integers(0, 3, n) * 2.0 - 2
    narrow = rng.random(n) < 0.5
    eta = np.where(narrow, axis + rng.normal(0, 0.15, n), rng.uniform(-2.5, 2.5, n))
    phi = np.where(narrow, 3.1 * axis / 2 + rng.normal(0, 0.15, n), rng.uniform(-3.14, 3.14, n))
    pt = 0.5 + rng.exponential(scale, n)
    return np.concatenate([[0], np.cumsum(counts)]), momenta(pt, eta, phi)


def place(four: Any) -> tuple[float, float, float]:
    x, y, z, energy = (float(v) for v in four)
    return x * x + y * y, 0.5 * math.log((energy + z) / (energy - z)), math.atan2(y, x)


def slow_event(four: Any, radius: Radius) -> list[tuple[Any, list[int]]]:
    """Jets of one event, every distance computed for every step."""
    left = [(np.array(p), [i]) for i, p in enumerate(four)]
    jets = []
    while left:
        best = (math.inf, -1, -1)
        for i, (p, _) in enumerate(left):
            pt2, y, phi = place(p)
            size = min(max(radius.rho / math.sqrt(pt2), radius.smallest), radius.largest)
            best = min(best, (size**2 / pt2, i, -1))
            for j, (q, _) in enumerate(left[:i]):
                other2, other_y, other_phi = place(q)
                turn = abs(phi - other_phi)
                turn = min(turn, 2 * math.pi - turn)
                apart = (y - other_y) ** 2 + turn**2
                best = min(best, (min(1 / pt2, 1 / other2) * apart, i, j))
        _, i, j = best
        p, tracks = left.pop(i)
        if j < 0:
            jets.append((p, tracks))
        else:
            left[j] = (left[j][0] + p, left[j][1] + tracks)
    return sorted(jets, key=lambda jet: -math.hypot(*jet[0][:2]))


def same(found: Jets, offsets: Any, four: Any, radius: Radius) -> None:
    for event in range(len(offsets) - 1):
        first, stop = offsets[event : event + 2]
        expected = slow_event(four[first:stop], radius)
        own = slice(*found.offsets[event : event + 2])
        pts = [math.hypot(*p[:2]) for p, _ in expected]
        assert found.pt[own].tolist() == pytest.approx(pts, rel=1e-9)
        phis = [math.atan2(p[1], p[0]) for p, _ in expected]
        assert found.phi[own].tolist() == pytest.approx(phis, abs=1e-9)
        assert found.eta[own].tolist() == pytest.approx(
            [math.asinh(p[2] / pt) for (p, _), pt in zip(expected, pts, strict=True)], abs=1e-9
        )
        assert found.n_track[own].tolist() == [len(tracks) for _, tracks in expected]
        for jet, (_, tracks) in enumerate(expected):
            assert set(found.jet_of_track[first + np.array(tracks)]) == {own.start + jet}


@settings(max_examples=8, deadline=None)
@given(SEEDS, st.sampled_from([VARIABLE, ANTI_KT_04, Radius(30.0, 0.1, 1.0)]))
def test_the_slow_twin(seed: int, radius: Radius) -> None:
    offsets, four = particles(seed, 4, 10, 60.0)
    same(cluster(offsets, four, radius), offsets, four, radius)


def test_the_radius_matters() -> None:
    offsets, four = particles(5, 20, 12, 60.0)
    fixed, variable = (cluster(offsets, four, radius) for radius in (ANTI_KT_04, VARIABLE))
    assert len(variable.pt) > len(fixed.pt) + 10
    narrow = cluster(offsets, four, Radius(30.0, 0.3, 0.4))
    assert len(fixed.pt) < len(narrow.pt) < len(variable.pt)


@pytest.mark.parametrize("size", [0.2, 0.4, 1.0])
def test_fastjet(size: float) -> None:
    fastjet = pytest.importorskip("fastjet", reason="fastjet is the referee (lepid[reference])")
    offsets, four = particles(7, 40, 60, 3.0)
    found = cluster(offsets, four, Radius(0.0, size, size), min_pt=5.0)
    columns = dict(zip(("px", "py", "pz", "E"), four.T, strict=True))
    events = ak.unflatten(ak.zip(columns, with_name="Momentum4D"), np.diff(offsets))
    definition = fastjet.JetDefinition(fastjet.antikt_algorithm, size)
    sequence = fastjet.ClusterSequence(events, definition)
    jets = sequence.inclusive_jets(5.0)
    x, y, z = (ak.to_numpy(ak.flatten(jets[name])) for name in ("px", "py", "pz"))
    n_track = ak.to_numpy(ak.flatten(ak.num(sequence.constituents(5.0), axis=2)))
    event = np.repeat(np.arange(40), ak.num(jets))
    order = np.lexsort((-np.hypot(x, y), event))
    assert len(order) > 100
    np.testing.assert_array_equal(np.diff(found.offsets), ak.num(jets))
    np.testing.assert_allclose(found.pt, np.hypot(x, y)[order], rtol=1e-10)
    np.testing.assert_allclose(found.eta, np.arcsinh(z / np.hypot(x, y))[order], atol=1e-10)
    np.testing.assert_array_equal(found.n_track, n_track[order])


@settings(max_examples=8, deadline=None)
@given(SEEDS)
def test_the_order_of_particles_and_a_rotation_change_nothing(seed: int) -> None:
    offsets, four = particles(seed, 3, 12, 30.0)
    rng = np.random.default_rng(seed)
    order = np.concatenate([a + rng.permutation(b - a) for a, b in pairwise(offsets)]).astype(int)
    turn = rng.uniform(-np.pi, np.pi)
    turned = four.copy()
    turned[:, 0] = four[:, 0] * np.cos(turn) - four[:, 1] * np.sin(turn)
    turned[:, 1] = four[:, 0] * np.sin(turn) + four[:, 1] * np.cos(turn)
    plain, found = cluster(offsets, four, VARIABLE), cluster(offsets, turned[order], VARIABLE)
    np.testing.assert_allclose(found.pt, plain.pt, rtol=1e-9)
    np.testing.assert_allclose(found.eta, plain.eta, atol=1e-9)
    np.testing.assert_array_equal(found.jet_of_track, plain.jet_of_track[order])


def test_momentum_is_conserved_and_soft_jets_are_left_out() -> None:
    offsets, four = particles(9, 10, 20, 5.0)
    every = cluster(offsets, four, VARIABLE)
    assert every.n_track.sum() == len(four)
    total = np.sum(every.pt * np.cos(every.phi)), np.sum(every.pt * np.sinh(every.eta))
    np.testing.assert_allclose(total, (four[:, 0].sum(), four[:, 2].sum()), rtol=1e-9)
    hard = cluster(offsets, four, VARIABLE, min_pt=8.0)
    np.testing.assert_array_equal(hard.pt, every.pt[every.pt >= 8.0])
    assert 0 < len(hard.pt) < len(every.pt)
    np.testing.assert_array_equal(hard.jet_of_track >= 0, every.pt[every.jet_of_track] >= 8.0)
    np.testing.assert_array_equal(
        np.bincount(hard.jet_of_track[hard.jet_of_track >= 0]), hard.n_track
    )


def test_one_pair() -> None:
    offsets = np.array([0, 0, 2, 3])
    four = momenta([60.0, 60.0, 20.0], [0.0, 0.3, 1.0], [3.1, -3.1, 0.0])
    # 30 GeV over 60 GeV is above 0.4: the largest radius, as in fixed size.
    assert cluster(offsets, four, VARIABLE).n_track.tolist() == [2, 1]
    four = momenta([200.0, 200.0, 20.0], [0.0, 0.3, 1.0], [3.1, -3.1, 0.0])
    found = cluster(offsets, four, VARIABLE)
    assert found.offsets.tolist() == [0, 0, 2, 3]
    assert found.n_track.tolist() == [1, 1, 1]
    assert found.mass[2] == pytest.approx(PION_MASS, rel=1e-5)
    assert cluster(np.array([0, 0]), np.empty((0, 4)), VARIABLE).pt.tolist() == []


@pytest.mark.parametrize("bad", [np.nan, np.inf, 0.0])
def test_a_particle_without_momentum_is_an_error(bad: float) -> None:
    four = momenta([1.0, 2.0], [0.0, 1.0], [0.0, 1.0])
    four[1, :2] = bad
    with pytest.raises(BadInput, match="1 particles have no finite transverse momentum"):
        cluster(np.array([0, 2]), four, ANTI_KT_04)
