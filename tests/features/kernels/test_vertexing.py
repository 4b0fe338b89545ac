"""Vertices out of edges against a slow twin."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lepid.features.kernels.vertexing import vertex_index


def slow_twin(edges: list[float], length: int) -> list[int]:
    """Spreads the lowest place along the edges until nothing moves."""
    pairs = [(j, k) for j in range(length) for k in range(length) if j != k]
    logit = dict(zip(pairs, np.float32(edges), strict=True))
    index = list(range(length))
    for _ in range(length):
        for j, k in pairs:
            if (logit[j, k] + logit[k, j]) / np.float32(2) >= 0:
                index[j] = min(index[j], index[k])
    return index


@given(data=st.data(), length=st.integers(0, 7), n_object=st.integers(0, 3))
def test_against_the_slow_twin(data: Any, length: int, n_object: int) -> None:
    size = n_object * length * (length - 1)
    logits = st.floats(-3, 1, width=32)
    drawn = data.draw(st.lists(logits, min_size=size, max_size=size))
    edges = np.array(drawn, np.float32).reshape(n_object, length * (length - 1))
    found = vertex_index(edges, length)
    assert found.shape == (n_object, length)
    assert found.tolist() == [slow_twin(each.tolist(), length) for each in edges]


def test_a_chain_that_is_found_late() -> None:
    # 0-3, 3-1 and 1-2: the lowest place has to come all the way.
    edges = np.full((1, 20), -1, np.float32)
    for j, k in ((0, 3), (3, 1), (1, 2)):
        edges[0, j * 4 + k - (k > j)] = edges[0, k * 4 + j - (j > k)] = 1
    assert vertex_index(edges, 5).tolist() == [[0, 0, 0, 0, 4]]


def test_one_direction_may_outweigh_the_other() -> None:
    assert vertex_index(np.array([[2, -1]], np.float32), 2).tolist() == [[0, 0]]
    assert vertex_index(np.array([[1, -2]], np.float32), 2).tolist() == [[0, 1]]
    assert vertex_index(np.array([[0, 0]], np.float32), 2).tolist() == [[0, 0]]
