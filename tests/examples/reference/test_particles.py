"""Tests of the list of particles that generation hands to the detector."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from simulation.particles import (
    PER_EVENT,
    PER_PARTICLE,
    Particles,
    append,
    build,
    columns,
    concatenate,
    select_events,
)


def three_events() -> Particles:
    return build(
        [0, 2, 2, 5],
        pdg=[11, 22, 13, 211, 321],
        px=[1.0, 2.0, 3.0, 4.0, 5.0],
        mother=[-1, 0, -1, -1, 1],
        event_number=[7, 8, 9],
        primary_vertex=np.arange(9.0).reshape(3, 3),
    )


def as_lists(particles: Particles) -> list[list[tuple[int, float, int]]]:
    rows = list(
        zip(particles.pdg.tolist(), particles.px.tolist(), particles.mother.tolist(), strict=True)
    )
    edges = particles.offsets.tolist()
    return [rows[start:stop] for start, stop in pairwise(edges)]


class TestBuild:
    def test_left_out_columns_are_those_of_a_final_particle_without_history(self) -> None:
        particles = build([0, 2], pdg=[11, -11])
        assert particles.final.all()
        assert particles.mother.tolist() == [-1, -1]
        assert particles.weight.tolist() == [1.0, 1.0]
        assert np.isinf(particles.decay_radius).all()
        assert particles.event_weight.tolist() == [1.0]

    def test_dtypes_are_those_of_the_interface(self) -> None:
        made = columns(three_events())
        assert {k: made[k].dtype for k in PER_PARTICLE | PER_EVENT} == {
            k: np.dtype(v) for k, v in (PER_PARTICLE | PER_EVENT).items()
        }

    def test_wrong_length_is_refused(self) -> None:
        with pytest.raises(ValueError, match=r"column pdg has shape \(3,\)"):
            build([0, 2], pdg=[1, 2, 3])

    def test_unknown_column_is_refused(self) -> None:
        with pytest.raises(ValueError, match="no columns \\['colour'\\]"):
            build([0, 1], colour=[1])

    def test_kinematics(self) -> None:
        particles = build([0, 2], px=[3.0, 0.0], py=[4.0, 0.0], pz=[0.0, 1.0])
        assert particles.pt.tolist() == [5.0, 0.0]
        assert particles.eta[0] == 0.0
        assert 10.0 < particles.eta[1] < np.inf
        assert particles.event.tolist() == [0, 0]


class TestEvents:
    def test_concatenate_then_select_gives_the_batches_back(self) -> None:
        first, second = three_events(), select_events(three_events(), [2, 0])
        both = concatenate([first, second])
        assert as_lists(both) == as_lists(first) + as_lists(second)
        assert as_lists(select_events(both, [3, 4])) == as_lists(second)
        assert both.event_number.tolist() == [7, 8, 9, 9, 7]

    def test_select_takes_masks_and_repeats(self) -> None:
        events = three_events()
        lists = as_lists(events)
        assert as_lists(select_events(events, np.array([True, False, True]))) == lists[::2]
        assert as_lists(select_events(events, [2, 2])) == [lists[2], lists[2]]
        assert as_lists(select_events(events, np.zeros(3, bool))) == []

    def test_nothing_to_concatenate(self) -> None:
        with pytest.raises(ValueError, match="at least one batch"):
            concatenate([])


class TestAppend:
    def test_new_particles_stand_behind_those_of_their_event(self) -> None:
        events = three_events()
        longer = append(events, [2, 0, 2, 1], pdg=[1, 2, 3, 4], px=[0.1, 0.2, 0.3, 0.4])
        expected = as_lists(events)
        for event, pdg, px in ((2, 1, 0.1), (0, 2, 0.2), (2, 3, 0.3), (1, 4, 0.4)):
            expected[event].append((pdg, px, -1))
        assert as_lists(longer) == expected
        assert longer.event_number.tolist() == [7, 8, 9]

    def test_nothing_new(self) -> None:
        assert as_lists(append(three_events(), [])) == as_lists(three_events())
