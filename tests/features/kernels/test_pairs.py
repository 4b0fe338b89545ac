"""Pairs of a tag and a probe, against loops written from the docstring."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lepid.features.kernels.pairs import ordered_pairs

EVENTS = st.lists(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=4), max_size=6)


def slow_pairs(events: list[list[tuple[bool, bool]]]) -> list[tuple[int, int]]:
    found, first = [], 0
    for event in events:
        for i, (tag, _) in enumerate(event):
            for j, (_, probe) in enumerate(event):
                if tag and probe and i != j:
                    found.append((first + i, first + j))
        first += len(event)
    return found


@given(EVENTS)
def test_pairs_are_those_of_the_loops(events: list[list[tuple[bool, bool]]]) -> None:
    offsets = np.cumsum([0, *map(len, events)]).astype(np.int64)
    flat = np.array([pair for event in events for pair in event], bool).reshape(-1, 2)
    tags, probes = ordered_pairs(offsets, flat[:, 0].copy(), flat[:, 1].copy())
    assert list(zip(tags.tolist(), probes.tolist(), strict=True)) == slow_pairs(events)


def test_two_tags_that_are_probes_pair_twice() -> None:
    both = np.ones(2, bool)
    tags, probes = ordered_pairs(np.array([0, 2]), both, both)
    assert (tags.tolist(), probes.tolist()) == ([0, 1], [1, 0])
