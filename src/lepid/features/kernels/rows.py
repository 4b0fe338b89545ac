"""Columns of constituents to the rows that a network takes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from lepid.features.kernels.compiled import kernel

Array = npt.NDArray[Any]
Integers = npt.NDArray[np.int64]

# As many rows as stay in a core's cache while the columns are written one after the other.
BLOCK = 4096


def fill(
    values: npt.NDArray[np.float32],
    columns: Iterable[tuple[Array, Integers, float, float]],
) -> None:
    """Write ``(column[rows] - mean) / std`` into each column of `values`, rounded once.

    Parameters
    ----------
    values : [n_row, n_column]
    columns : for each column the source [n_source], rows [n_row], mean and std
    """
    every = list(columns)
    with np.errstate(over="ignore", invalid="ignore"):
        for start in range(0, len(values), BLOCK):
            block = values[start : start + BLOCK]
            for place, (source, rows, mean, std) in enumerate(every):
                _fill(block[:, place], source, rows[start : start + BLOCK], mean, std)


@kernel
def _fill(
    column: npt.NDArray[np.float32],
    source: Array,
    rows: Integers,
    mean: float,
    std: float,
) -> None:
    if mean == 0.0 and std == 1.0:
        for k in range(len(rows)):
            column[k] = np.float32(source[rows[k]])
    else:
        for k in range(len(rows)):
            column[k] = np.float32((np.float64(source[rows[k]]) - mean) / std)
