"""Tests of the underlying event and pile-up that are laid over hard events."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("pythia8mc", reason="pythia8mc makes the events (lepid[reference])")

from simulation import constants as c
from simulation import overlay as overlaying
from simulation.overlay import overlay
from simulation.particles import PER_PARTICLE, Particles, build, select_events
from simulation.trajectories import trajectories


def hard_events() -> Particles:
    """Two events of a b hadron (vertices 0 and 1) and its muon."""
    return build(
        [0, 2, 4],
        pdg=[511, 13, 511, -13],
        charge=[0, -1, 0, 1],
        final=[False, True, False, True],
        mother=[-1, 0, -1, 0],
        px=[20.0, 10.0, 20.0, 10.0],
        vertex=[0, 1, 0, 1],
        z=[5.0, 6.0, -40.0, -39.0],
        primary_vertex=[[0.01, 0.0, 5.0], [0.0, 0.0, -40.0]],
        event_number=[3, 4],
    )


def minbias_events() -> Particles:
    """Two events: a pair from K_S beside soft, neutral, hard and forward particles; one pion."""
    return build(
        [0, 7, 8],
        pdg=[310, 211, -211, 211, 22, 211, 211, -211],
        charge=[0, 1, -1, 1, 0, 1, 1, -1],
        final=[False, True, True, True, True, True, True, True],
        mother=[-1, 0, 0, -1, -1, -1, -1, -1],
        px=[2.0, 1.5, 0.5, 0.3, 0.45, 0.9, 1.0, 0.8],
        pz=[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 20.0, 0.0],
        vertex=[0, 1, 1, 0, 0, 0, 0, 0],
        z=[100.0, 110.0, 110.0, 100.0, 100.0, 100.0, 100.0, -7.0],
        track_origin=[2, 7, 7, 2, 2, 2, 2, 2],
        primary_vertex=[[0.0, 0.0, 100.0], [0.0, 0.0, -7.0]],
    )


def laid_over(**options: object) -> Particles:
    return overlay(hard_events(), minbias_events(), np.random.default_rng(4), **options)


def test_hard_events_stay_in_front_as_they_were() -> None:
    hard, after = hard_events(), laid_over()
    ours = after.interaction == 0
    for name in PER_PARTICLE:
        np.testing.assert_array_equal(getattr(after, name)[ours], getattr(hard, name))
    np.testing.assert_array_equal(np.flatnonzero(ours), [0, 1, *(after.offsets[1] + [0, 1])])
    np.testing.assert_array_equal(after.event_number, [3, 4])
    np.testing.assert_array_equal(after.primary_vertex, hard.primary_vertex)


def test_underlying_event_has_its_history_at_the_primary_vertex() -> None:
    pool = select_events(minbias_events(), [0])
    after = overlay(hard_events(), pool, np.random.default_rng(4))
    for event in range(2):
        start = after.offsets[event]
        here = slice(start + 2, start + 9)
        assert set(after.interaction[here]) == {-1}
        np.testing.assert_array_equal(after.mother[here], [-1, 2, 2, -1, -1, -1, -1])
        np.testing.assert_array_equal(after.vertex[here], [0, 2, 2, 0, 0, 0, 0])
        np.testing.assert_array_equal(after.track_origin[here], pool.track_origin)
        moved = after.z[here] - after.primary_vertex[event, 2]
        np.testing.assert_allclose(np.abs(moved), np.abs(pool.z - 100.0), atol=1e-9)


def test_busy_events_are_likelier_to_be_the_underlying_event() -> None:
    hard = select_events(hard_events(), np.zeros(2000, int))
    after = overlay(hard, minbias_events(), np.random.default_rng(1))
    drawn = np.bincount(after.event[after.interaction == -1], minlength=2000)
    # Five and one charged particles above the threshold, and one more for every event.
    assert abs((drawn == 7).mean() - 6 / 8) < 0.05
    assert set(drawn) == {1, 7}


def test_underlying_event_is_an_option() -> None:
    assert not (laid_over(underlying_event=False).interaction == -1).any()


def test_pileup_has_no_history_and_labels_of_its_own() -> None:
    after = laid_over()
    pileup = after.interaction > 0
    assert (after.mother[pileup] == -1).all()
    assert (after.track_origin[pileup] == 0).all()
    np.testing.assert_array_equal(after.vertex[pileup], -(after.interaction[pileup] + 1))
    assert after.final[pileup].all()


def test_soft_forward_and_distant_pileup_is_left_out() -> None:
    after = laid_over(reach=6.0)
    pileup = after.interaction > 0
    kept = {round(float(pt), 2) for pt in after.pt[pileup]}
    assert kept <= {0.5, 0.8, 0.9, 1.5}
    vertex_z = after.primary_vertex[after.event, 2]
    soft = pileup & (after.pt <= c.PILEUP_FAR_PT_MIN) & (after.pt > 0.7)
    assert soft.any()
    assert abs(after.z - vertex_z)[soft].max() < 6.0
    far = pileup & (after.pt > c.PILEUP_FAR_PT_MIN)
    assert abs(after.z - vertex_z)[far].max() > 6.0


def test_no_pileup_is_a_mean_of_zero() -> None:
    after = laid_over(mean=0.0, spread=0.0)
    assert not (after.interaction > 0).any()
    assert not after.pileup.any()


def test_an_event_of_the_pool_is_turned_and_mirrored_as_a_whole() -> None:
    hard = select_events(hard_events(), np.zeros(200, int))
    pool = select_events(minbias_events(), [0])
    after = overlay(hard, pool, np.random.default_rng(1), mean=0.0, spread=0.0)
    rows = np.flatnonzero(after.interaction == -1).reshape(200, -1)
    phi, pz = after.phi[rows], after.pz[rows]
    assert np.ptp(phi[:, 0]) > 6.0
    assert set(np.round(pz[:, 6], 9)) == {-20.0, 20.0}
    np.testing.assert_allclose(np.cos(phi - phi[:, :1]), 1.0)  # all momenta are along x
    np.testing.assert_allclose(after.pt[rows], np.tile(pool.pt, (200, 1)))
    # The pair is 10 mm from the vertex, on the side to which the event is mirrored.
    z = after.z[rows] - after.primary_vertex[np.arange(200), 2][:, None]
    np.testing.assert_allclose(z[:, 1], 10.0 * np.sign(pz[:, 6]))


def test_displaced_particles_turn_with_their_momenta() -> None:
    one = build([0, 1], pdg=[211], charge=[1], px=[1.0], x=[3.0], y=[0.0], z=[0.0],
                primary_vertex=[[1.0, 0.0, 0.0]])  # fmt: skip
    after = overlay(hard_events(), one, np.random.default_rng(1), mean=0.0, spread=0.0)
    rows = np.flatnonzero(after.interaction == -1)
    x = after.x[rows] - after.primary_vertex[:, 0]
    y = after.y[rows] - after.primary_vertex[:, 1]
    np.testing.assert_allclose(np.hypot(x, y), 2.0)
    np.testing.assert_allclose(np.arctan2(y, x), after.phi[rows])


def test_hard_leptons_of_the_pool_do_not_reach_the_detector(monkeypatch) -> None:
    leptons = build([0, 4], pdg=[13, 11, 13, 211], charge=[-1, -1, -1, 1], px=[9.0, 9.0, 1.0, 9.0])
    monkeypatch.setattr(overlaying, "batches", lambda *_, **__: iter([leptons]))
    pool = overlaying.pool(1, seed=1)
    np.testing.assert_array_equal(pool.final, [False, False, True, True])
    flown = trajectories(pool, np.random.default_rng(1))
    assert sorted(flown.particle) == [2, 3]


def test_number_of_interactions_follows_the_mean_of_each_event() -> None:
    hard = select_events(hard_events(), np.zeros(400, int))
    pool = select_events(minbias_events(), [1])
    after = overlay(hard, pool, np.random.default_rng(1), mean=30.0, spread=5.0, reach=np.inf)
    counts = np.bincount(after.event[after.interaction > 0], minlength=400)
    assert abs(after.pileup.mean() - 30.0) < 1.0
    assert abs(after.pileup.std() - 5.0) < 1.0
    assert abs((counts - after.pileup).mean()) < 1.2
    assert 0.8 < (counts - after.pileup).var() / after.pileup.mean() < 1.2
    numbers = after.interaction[after.event == 0]
    assert sorted(numbers[numbers > 0]) == list(range(1, counts[0] + 1))


def test_same_stream_same_overlay() -> None:
    first, second = laid_over(), laid_over()
    for name in PER_PARTICLE:
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))


def test_empty_pool_is_refused() -> None:
    with pytest.raises(ValueError, match="pool of minimum-bias events is empty"):
        overlay(hard_events(), select_events(minbias_events(), []), np.random.default_rng(1))
