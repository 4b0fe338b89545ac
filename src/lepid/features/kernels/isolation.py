"""Sums over what lies in cones around leptons."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from lepid.features.kernels.association import Pairs
from lepid.features.kernels.compiled import kernel

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

SHRINKING = 10.0  # GeV


def cone_sum(pairs: Pairs, values: Array, radius: Array | float) -> Floats:
    """Sum of `values` with dr below `radius`, [n_lepton], in the order of distance.

    Parameters
    ----------
    pairs : of the tracks or clusters that count, in a cone that is at least as large
    values : of the constituents, [n_constituent]
    radius : one, or [n_lepton]
    """
    n_lepton = len(pairs.offsets) - 1
    radii = np.broadcast_to(np.asarray(radius, np.float64), n_lepton)
    total = np.zeros(n_lepton)
    _cone_sum((pairs.offsets, pairs.rows, pairs.dr), np.asarray(values), radii, total)
    return total


def ptcone(pairs: Pairs, pt: Array, radius: float) -> Floats:
    """Sum of the pt of tracks in a cone of fixed size, [n_lepton], in the unit of `pt`.

    Parameters
    ----------
    pairs : of a lepton and the tracks that count: its own are left out by the caller
    pt : [n_track]

    Source
    ------
    Athena xAODPrimitives/IsolationType.h, IsolationTool/Root/TrackIsolationTool.cxx
    """
    return cone_sum(pairs, pt, radius)


def ptvarcone(pairs: Pairs, pt: Array, lepton_pt: Array, radius: float) -> Floats:
    """The same in a cone that shrinks as 10 GeV / pt of the lepton, [n_lepton].

    Parameters
    ----------
    lepton_pt : GeV, [n_lepton]
    radius : the largest size
    """
    with np.errstate(divide="ignore"):
        shrinking = SHRINKING / np.asarray(lepton_pt, np.float64)
    return cone_sum(pairs, pt, np.minimum(radius, shrinking))


@kernel
def _cone_sum(
    pairs: tuple[Integers, Integers, Floats], values: Array, radius: Floats, total: Floats
) -> None:
    offsets, rows, dr = pairs
    for lepton in range(len(total)):
        for k in range(offsets[lepton], offsets[lepton + 1]):
            if dr[k] < radius[lepton]:
                total[lepton] += values[rows[k]]
