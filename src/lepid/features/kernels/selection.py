"""Which tracks a tagger takes: cuts on momentum, impact parameters and hits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lepid.errors import BadInput
from lepid.features.kernels.compiled import kernel

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
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


R22_DEFAULT = TrackCuts()


def selected(
    cuts: TrackCuts,
    rows: Integers,
    kinematics: tuple[Floats, Floats],
    impact: tuple[Floats, Floats],
    columns: Mapping[str, Array],
) -> Bools:
    """Which tracks pass, [n_pair].

    A number that is not known fails no cut, as in Athena: an impact parameter that is NaN passes.

    Parameters
    ----------
    rows : [n_pair], rows of the tracks
    kinematics : pt [MeV] and eta, [n_pair] each
    impact : d0 and z0 sin theta [mm], [n_pair] each
    columns : `HITS`, [n_track] each

    Raises
    ------
    BadInput : a number of hits is not known
    """
    hits = [np.asarray(columns[name]) for name in HITS]
    if any(column.dtype != np.uint8 for column in hits):
        hits = [_counts(name, column) for name, column in zip(HITS, hits, strict=True)]
    passed = np.empty(len(rows), np.bool_)
    _selected(tuple(cuts), rows, (*kinematics, *impact), tuple(hits), passed)
    return passed


def _counts(name: str, column: Array) -> Integers:
    if column.dtype.kind == "f" and not np.isfinite(column).all():
        wrong = f"is not known for {np.count_nonzero(~np.isfinite(column))} tracks"
        raise BadInput(f"tracks[{name!r}]", wrong, (), "drop these tracks, or this column")
    return column.astype(np.int64)


@kernel
def _selected(
    cuts: tuple[float, ...],
    rows: Integers,
    numbers: tuple[Floats, ...],
    hits: tuple[Array, ...],
    passed: Bools,
) -> None:
    pt, eta, d0, z0 = numbers
    above_pt, max_abseta, below_d0, below_z0, min_hits, max_holes, max_pixel_holes, shared = cuts
    pixel, dead_pixel, sct, dead_sct, pixel_holes, sct_holes, pixel_shared, sct_shared = hits
    for k in range(len(rows)):
        row = rows[k]
        # One byte each in files: their sums do not fit into one.
        n_hit = np.int64(pixel[row]) + np.int64(dead_pixel[row])
        n_hit += np.int64(sct[row]) + np.int64(dead_sct[row])
        n_hole = np.int64(pixel_holes[row]) + np.int64(sct_holes[row])
        n_shared = np.int64(pixel_shared[row]) + np.int64(sct_shared[row]) // 2
        failed = (
            (pt[k] <= above_pt)
            | (abs(eta[k]) > max_abseta)
            | (abs(d0[k]) >= below_d0)
            | (abs(z0[k]) >= below_z0)
            | (n_hit < min_hits)
            | (n_hole > max_holes)
            | (pixel_holes[row] > max_pixel_holes)
            | (n_shared > shared)
        )
        passed[k] = not failed
