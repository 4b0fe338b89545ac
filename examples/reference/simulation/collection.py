"""Reconstructed objects of a batch: flat columns, event after event."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from simulation.particles import Integers, offsets_of

Array = npt.NDArray[Any]
NO_LINK = -1


@dataclass(frozen=True)
class Collection:
    """Objects of a batch of events; GeV and mm.

    Parameters
    ----------
    offsets : [n_event + 1]
    columns : name -> [n_object] or [n_object, n_element]
        Names are those of ATLAS. A link is the int32 position of its target among the objects
        of the same event, -1 where there is none.
    """

    offsets: Integers
    columns: dict[str, Array]

    def __len__(self) -> int:
        return int(self.offsets[-1])

    def __getitem__(self, name: str) -> Array:
        return self.columns[name]

    @property
    def event(self) -> Integers:
        """Event of each object, [n_object]."""
        return np.repeat(np.arange(len(self.offsets) - 1), np.diff(self.offsets))

    def extended(self, columns: dict[str, Array]) -> Collection:
        """The same objects with more columns.

        Raises
        ------
        ValueError : a column has another number of objects
        """
        for name, column in columns.items():
            if len(column) != len(self):
                message = f"column {name} has {len(column)} rows, the collection has {len(self)}"
                raise ValueError(message)
        return Collection(self.offsets, self.columns | columns)

    def links(self, rows: npt.ArrayLike, events: npt.ArrayLike) -> npt.NDArray[np.int32]:
        """Links to flat `rows` of this collection from objects of `events`; -1 stays -1."""
        flat = np.asarray(rows)
        local = flat - self.offsets[np.asarray(events)]
        return np.where(flat < 0, NO_LINK, local).astype(np.int32)

    def rows(self, links: npt.ArrayLike, events: npt.ArrayLike) -> Integers:
        """Flat rows of this collection that the `links` of objects of `events` point to."""
        local = np.asarray(links, dtype=np.int64)
        return np.where(local < 0, NO_LINK, local + self.offsets[np.asarray(events)])


def collect(events: npt.ArrayLike, n_event: int, columns: dict[str, Array]) -> Collection:
    """A collection of objects that are sorted by event.

    Parameters
    ----------
    events : [n_object]
        Event of each object, not decreasing.
    columns : name -> [n_object, ...]
    """
    counts = np.bincount(np.asarray(events, dtype=np.int64), minlength=n_event)
    return Collection(offsets_of(counts), {}).extended(columns)
