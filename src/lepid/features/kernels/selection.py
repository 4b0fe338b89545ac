"""Which tracks a tagger takes: cuts on momentum, direction, impact parameters and hits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lepid.errors import BadInput
from lepid.features.kernels.compiled import kernel
from lepid.units import convert

Array = npt.NDArray[Any]
Integers = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

# Columns of tracks that `selected` counts, in its order.
HITS = (
    "numberOfPixelHits",
    "numberOfPixelDeadSensors",
    "numberOfSCTHits",
    "numberOfSCTDeadSensors",
    "numberOfPixelHoles",
    "numberOfSCTHoles",
    "numberOfPixelSharedHits",
    "numberOfSCTSharedHits",
)


class TrackCuts(NamedTuple):
    """Cuts on tracks; the defaults are the selection ``r22default`` of ATLAS.

    Attributes
    ----------
    above_pt : MeV; pt is larger
    max_abseta : |eta| is at most this
    below_d0, below_z0 : mm; |d0| and |z0 sin theta| are smaller
    min_silicon_hits : pixel and SCT hits and dead sensors together
    max_silicon_holes, max_pixel_holes : holes in both, and in the pixel detector
    max_shared_modules : shared pixel hits plus half the shared SCT hits, rounded down
    dead_sensors : whether they count as hits
    inclusive : whether a pt, d0 or z0 at its limit passes

    Source
    ------
    Athena LeptonTaggers/src/DecoratePLIT.cxx (passed_r22tracking_cuts)
    """

    above_pt: float = 500.0
    max_abseta: float = 2.5
    below_d0: float = 3.5
    below_z0: float = 5.0
    min_silicon_hits: int = 8
    max_silicon_holes: int = 2
    max_pixel_holes: int = 1
    max_shared_modules: int = 1
    dead_sensors: bool = True
    inclusive: bool = False


R22_DEFAULT = TrackCuts()
# Athena LeptonTaggers/src/DecoratePromptLeptonRNN.cxx: its 6.5 hits are cut off to an integer, and
# 1.5 shared modules without rounding are what 1 is with it.
PLIV = TrackCuts(
    below_d0=np.inf, below_z0=1.0, min_silicon_hits=6, dead_sensors=False, inclusive=True
)


def selected(
    cuts: TrackCuts,
    rows: Integers,
    columns: Mapping[str, Array],
    impact: tuple[Array, Array, Integers],
    unit_of: Callable[[str], str],
) -> Bools:
    """Which tracks pass, [n].

    A number that is not known fails no cut, as in Athena: an impact parameter that is NaN passes.

    Parameters
    ----------
    rows : [n], rows of the tracks
    columns : `theta`, `qOverP` and `HITS`, [n_track] each
    impact : d0 and z0 sin theta, and where in these the tracks are, [n]
    unit_of : unit -> the unit of the format for what it measures

    Raises
    ------
    BadInput : a number of hits is not known
    """
    hits = [np.asarray(columns[name]) for name in HITS]
    if any(column.dtype != np.uint8 for column in hits):
        hits = [_counts(name, column) for name, column in zip(HITS, hits, strict=True)]
    scales = ("MeV", "mm", "mm")
    limits = [
        float(convert(np.array(value), unit, unit_of(unit)))
        for value, unit in zip((cuts.above_pt, cuts.below_d0, cuts.below_z0), scales, strict=True)
    ]
    if cuts.inclusive:
        toward = (-np.inf, np.inf, np.inf)
        limits = [float(np.nextafter(*pair)) for pair in zip(limits, toward, strict=True)]
    # The angle at which eta is the limit: |eta| is larger outside, with no logarithm per track.
    steep = 2.0 * np.arctan(np.exp(-cuts.max_abseta))
    track = np.asarray(columns["theta"]), np.asarray(columns["qOverP"])
    passed = np.empty(len(rows), np.bool_)
    with np.errstate(divide="ignore"):
        within = ((*limits, steep), (*cuts[4:8], int(cuts.dead_sensors)))
        _selected(within, rows, (*track, *impact), tuple(hits), passed)
    return passed


def _counts(name: str, column: Array) -> Integers:
    if column.dtype.kind == "f" and not np.isfinite(column).all():
        wrong = f"is not known for {np.count_nonzero(~np.isfinite(column))} tracks"
        raise BadInput(f"tracks[{name!r}]", wrong, (), "drop these tracks, or this column")
    return column.astype(np.int64)


@kernel
def _selected(
    cuts: tuple[tuple[float, ...], tuple[int, ...]],
    rows: Integers,
    numbers: tuple[Array, ...],
    hits: tuple[Array, ...],
    passed: Bools,
) -> None:
    above_pt, below_d0, below_z0, steep = cuts[0]
    min_hit, max_hole, max_pixel_hole, max_shared, dead = cuts[1]
    theta, q_over_p, d0, z0, at = numbers
    pixel, dead_pixel, sct, dead_sct, pixel_holes, sct_holes, pixel_shared, sct_shared = hits
    for k in range(len(rows)):
        row = rows[k]
        # One byte each in files: their sums do not fit into one.
        n_hit = np.int64(pixel[row]) + np.int64(sct[row])
        n_hit += dead * (np.int64(dead_pixel[row]) + np.int64(dead_sct[row]))
        n_hole = np.int64(pixel_holes[row]) + np.int64(sct_holes[row])
        n_shared = np.int64(pixel_shared[row]) + np.int64(sct_shared[row]) // 2
        angle = np.float64(theta[row])
        failed = (
            (n_hit < min_hit)
            | (n_hole > max_hole)
            | (pixel_holes[row] > max_pixel_hole)
            | (n_shared > max_shared)
            | (angle < steep)
            | (angle > np.pi - steep)
            | (abs(d0[at[k]]) >= below_d0)
            | (abs(z0[at[k]]) >= below_z0)
        )
        passed[k] = not failed and not np.sin(angle) / abs(np.float64(q_over_p[row])) <= above_pt
