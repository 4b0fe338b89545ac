"""Which constituents share a vertex, from the edges between them."""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt


@numba.njit(nogil=True)
def vertex_index(edges: npt.NDArray[np.float32], length: int) -> npt.NDArray[np.int64]:
    """Lowest place among the constituents that edges connect to each one.

    Parameters
    ----------
    edges : [n_object, length * (length - 1)], logits of the ordered pairs (0, 1), (0, 2), ...,
        (1, 0), ...; a pair is connected if the mean of both directions is not negative
    length : constituents of each object

    Returns
    -------
    [n_object, length]

    Source
    ------
    What the networks of Salt do after their vertexing task; the union-find is ours.
    """
    n_object = edges.shape[0]
    index = np.empty((n_object, length), np.int64)
    for i in range(n_object):
        for j in range(length):
            index[i, j] = j
        for j in range(length):
            for k in range(j + 1, length):
                there = edges[i, j * (length - 1) + k - 1]
                back = edges[i, k * (length - 1) + j]
                if (there + back) / np.float32(2) >= 0:
                    low, high = j, k
                    while index[i, low] != low:
                        low = index[i, low]
                    while index[i, high] != high:
                        high = index[i, high]
                    index[i, max(low, high)] = min(low, high)
        for j in range(length):
            # Its parent stands before it and points to the lowest place already.
            index[i, j] = index[i, index[i, j]]
    return index
