"""Columns of constituents to the rows that a network takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lepid.features.kernels.compiled import kernel

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

# As many rows as stay in a core's cache while the columns are written one after the other.
BLOCK = 16384
TOGETHER = 4


class Column(NamedTuple):
    """One column of a network: ``(source[rows] - mean) / std``.

    Attributes
    ----------
    source : [n_source]
    rows : [n_row]
    """

    source: Array
    rows: Integers
    mean: float = 0.0
    std: float = 1.0


def taken(source: Array, rows: Integers) -> Floats:
    """``source[rows]`` in float64, [n_row]."""
    values = np.empty(len(rows))
    _take(source, rows, values)
    return values


def filled(columns: Iterable[Column], n_row: int) -> npt.NDArray[np.float32]:
    """The columns side by side, computed in float64 and rounded once, [n_row, n_column]."""
    every = list(columns)
    values = np.empty((n_row, len(every)), np.float32)
    groups = list(_groups(every))
    with np.errstate(over="ignore", invalid="ignore"):
        for start in range(0, n_row, BLOCK):
            block = values[start : start + BLOCK]
            for places, sources, rows, scales in groups:
                _fill(block, places, sources, rows[start : start + BLOCK], scales)
    return values


def _groups(
    columns: list[Column],
) -> Iterator[tuple[tuple[int, ...], tuple[Array, ...], Integers, Floats]]:
    """Places, sources, rows, mean and std [4, 2] of columns of one type and the same rows.

    The last column is repeated where fewer than four are left, so that one loop is compiled for
    each type whatever the network takes.
    """
    alike: dict[tuple[Any, int], list[int]] = {}
    for place, column in enumerate(columns):
        alike.setdefault((column.source.dtype, id(column.rows)), []).append(place)
    for members in alike.values():
        for start in range(0, len(members), TOGETHER):
            places = members[start : start + TOGETHER]
            places += [places[-1]] * (TOGETHER - len(places))
            chosen = [columns[place] for place in places]
            scales = np.array([[column.mean, column.std] for column in chosen])
            sources = tuple(np.ascontiguousarray(column.source) for column in chosen)
            yield tuple(places), sources, chosen[0].rows, scales


@kernel
def _take(source: Array, rows: Integers, values: Floats) -> None:
    for k in range(len(rows)):
        values[k] = source[rows[k]]


@kernel
def _fill(
    block: npt.NDArray[np.float32],
    places: tuple[int, ...],
    sources: tuple[Array, ...],
    rows: Integers,
    scales: Floats,
) -> None:
    a, b, c, d = sources
    at_a, at_b, at_c, at_d = places
    if (scales[:, 0] == 0.0).all() and (scales[:, 1] == 1.0).all():
        for k in range(len(rows)):
            row = rows[k]
            block[k, at_a] = np.float32(a[row])
            block[k, at_b] = np.float32(b[row])
            block[k, at_c] = np.float32(c[row])
            block[k, at_d] = np.float32(d[row])
    else:
        for k in range(len(rows)):
            row = rows[k]
            block[k, at_a] = np.float32((np.float64(a[row]) - scales[0, 0]) / scales[0, 1])
            block[k, at_b] = np.float32((np.float64(b[row]) - scales[1, 0]) / scales[1, 1])
            block[k, at_c] = np.float32((np.float64(c[row]) - scales[2, 0]) / scales[2, 1])
            block[k, at_d] = np.float32((np.float64(d[row]) - scales[3, 0]) / scales[3, 1])
