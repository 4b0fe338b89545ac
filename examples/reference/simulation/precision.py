"""Numbers of tracks as files keep them: fewer bits of the mantissa, as in ATLAS derivations.

Tracks are most of a file. They are rounded before anything is computed from them, so that what is
computed from a file equals what is stored in it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from simulation import constants as c
from simulation.collection import Array, Collection
from simulation.particles import Floats

FLOAT32_BITS = 23


def stored(tracks: Collection) -> Collection:
    """The same tracks with the columns of `constants.MANTISSA_BITS` rounded."""
    rounded: dict[str, Array] = {}
    for name, bits in c.MANTISSA_BITS.items():
        if name not in tracks.columns:
            continue
        # Files hold MeV: what is rounded in GeV would not be round there.
        scale = 1e-3 if name == "qOverP" else 1.0
        rounded[name] = round_mantissa(tracks[name] * scale, bits).astype(np.float64) / scale
    return tracks.extended(rounded)


def round_mantissa(values: Floats, bits: int) -> npt.NDArray[np.float32]:
    """Values rounded to `bits` binary digits behind the leading one; infinities and NaN stay.

    Raises
    ------
    ValueError : more bits than a float32 has
    """
    if not 0 < bits <= FLOAT32_BITS:
        message = f"a float32 has 1 to {FLOAT32_BITS} bits of mantissa, not {bits}"
        raise ValueError(message)
    single = np.ascontiguousarray(values, dtype=np.float32)
    if bits == FLOAT32_BITS:
        return single
    drop = FLOAT32_BITS - bits
    half = np.uint32(1 << (drop - 1))
    mask = np.uint32(0xFFFFFFFF << drop & 0xFFFFFFFF)
    rounded = ((single.view(np.uint32) + half) & mask).view(np.float32)
    return np.where(np.isfinite(single), rounded, single)
