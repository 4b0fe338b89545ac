"""Ragged sequences to equal-length batches without padding, and back."""

from __future__ import annotations

from collections.abc import Sequence as Several
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from lepid.errors import BadInput

Integers = npt.NDArray[np.int64]
# Constituents in one call. More gain nothing on a CPU: the activations leave its caches.
TOKENS = 1024
# Attention holds a number for each pair of constituents, and vertexing a row.
PAIRS = 32 * TOKENS


# Rows that are written at once out of columns: they stay in the cache of a core.
BLOCK = 4096


def rows(columns: Several[npt.NDArray[Any]]) -> npt.NDArray[np.float32]:
    """Columns [n_total] side by side, [n_total, n_input]; faster than `numpy.stack`."""
    n_total = len(columns[0])
    whole = np.empty((n_total, len(columns)), np.float32)
    for start in range(0, n_total, BLOCK):
        part = slice(start, start + BLOCK)
        for i, column in enumerate(columns):
            whole[part, i] = column[part]
    return whole


@dataclass(frozen=True)
class Sequence:
    """What one input node takes of the constituents around each lepton.

    Attributes
    ----------
    offsets : [n_lepton + 1] int64, ascending from 0: lepton i has the rows offsets[i]:offsets[i+1]
    rows : [n_total] int64, place of each constituent in its own collection
    values : [n_total, n_input] float32; one output of a network is [n_total]
    """

    offsets: Integers
    rows: Integers
    values: npt.NDArray[Any]

    def __post_init__(self) -> None:
        n_total, n_row = len(self.values), len(self.rows)
        ends = (int(self.offsets[0]), int(self.offsets[-1])) if len(self.offsets) else (-1, -1)
        if n_row != n_total or ends != (0, n_total) or (np.diff(self.offsets) < 0).any():
            wrong = f"offsets from {ends[0]} to {ends[1]}, {n_row} rows and {n_total} values"
            raise BadInput("sequence", f"{wrong} do not belong together")

    @property
    def lengths(self) -> Integers:
        """Constituents of each lepton, [n_lepton]."""
        return np.diff(self.offsets)

    def of(self, chosen: npt.NDArray[np.bool_]) -> Sequence:
        """The sequence of the chosen leptons alone."""
        if chosen.all():
            return self
        lengths = self.lengths
        kept = np.repeat(chosen, lengths)
        offsets = np.concatenate([[0], np.cumsum(lengths[chosen])])
        return Sequence(offsets, self.rows[kept], self.values[kept])

    def first(self, most: int | None) -> Sequence:
        """The sequence with at most so many constituents of each lepton."""
        if most is None or (self.lengths <= most).all():
            return self
        place = np.arange(len(self.rows)) - np.repeat(self.offsets[:-1], self.lengths)
        offsets = np.concatenate([[0], np.cumsum(np.minimum(self.lengths, most))])
        return Sequence(offsets, self.rows[place < most], self.values[place < most])

    def packed(self, batch: Batch, which: int) -> npt.NDArray[Any]:
        """Values of the leptons of `batch`, of which this is sequence number `which`.

        Returns
        -------
        [k, length, n_input]
        """
        return self.values.take(batch.places(self.offsets, which), axis=0)

    def finite(self) -> npt.NDArray[np.bool_]:
        """Whether all numbers of a lepton are finite, [n_lepton]."""
        bad = ~np.isfinite(self.values).all(axis=1)
        before = np.concatenate([[0], np.cumsum(bad)])
        found: npt.NDArray[np.bool_] = before[self.offsets[1:]] == before[self.offsets[:-1]]
        return found


def together(n_lepton: int, parts: Several[tuple[Integers, Sequence]]) -> Sequence:
    """One sequence over all leptons; those in no part have no constituents.

    Parameters
    ----------
    parts : leptons [k] and their sequence; no lepton in two of them
    """
    lengths = np.zeros(n_lepton, np.int64)
    for leptons, part in parts:
        lengths[leptons] = part.lengths
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    rows = np.empty(offsets[-1], np.int64)
    values = np.empty(offsets[-1], parts[0][1].values.dtype)
    for leptons, part in parts:
        shift = np.repeat(offsets[leptons] - part.offsets[:-1], part.lengths)
        places = shift + np.arange(len(part.rows))
        rows[places], values[places] = part.rows, part.values
    return Sequence(offsets, rows, values)


@dataclass(frozen=True)
class Batch:
    """Leptons that have equal numbers of constituents.

    Attributes
    ----------
    leptons : [k]
    lengths : constituents of each, by sequence
    """

    leptons: Integers
    lengths: tuple[int, ...]

    def places(self, offsets: Integers, which: int) -> Integers:
        """Rows of sequence number `which` that these leptons have, [k, length]."""
        return offsets[self.leptons][:, None] + np.arange(self.lengths[which])


def batches(
    offsets: Several[Integers], n_lepton: int, tokens: int = TOKENS, pairs: int = PAIRS
) -> list[Batch]:
    """All leptons in batches of equal lengths, the longest first.

    Parameters
    ----------
    offsets : [n_lepton + 1] of each sequence
    tokens : bound of the constituents in a batch
    pairs : bound of the pairs of constituents in a batch
    """
    lengths = np.stack([np.diff(o) for o in offsets]) if offsets else np.zeros((0, n_lepton), int)
    order = np.lexsort(lengths) if offsets else np.arange(n_lepton)
    ordered = lengths[:, order]
    changes = np.flatnonzero((np.diff(ordered) != 0).any(axis=0)) + 1
    found = []
    for group in np.split(np.arange(n_lepton), changes) if n_lepton else ():
        equal = tuple(int(length) for length in ordered[:, group[0]])
        total = sum(equal)
        size = max(1, min(tokens // (total + 1), pairs // (total * total + 1)))
        for start in range(group[0], group[-1] + 1, size):
            stop = min(start + size, group[-1] + 1)
            found.append(Batch(order[start:stop].astype(np.int64, copy=False), equal))
    return found[::-1]


def padded(
    values: npt.NDArray[Any], minimum: int, pad: float | tuple[float, ...] | Literal["wrap"]
) -> npt.NDArray[Any]:
    """[k, length, n] with rows behind, up to `minimum` of them.

    Parameters
    ----------
    pad : in the rows behind: a number, one for each of n, or the rows that are there once more,
        0 if there are none
    """
    k, length, n = values.shape
    if minimum <= length:
        return values
    if pad == "wrap":
        again = np.arange(minimum) % max(length, 1)
        return values[:, again] if length else np.zeros((k, minimum, n), values.dtype)
    behind = np.broadcast_to(np.asarray(pad, values.dtype), (k, minimum - length, n))
    return np.concatenate([values, behind], axis=1)
