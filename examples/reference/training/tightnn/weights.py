"""How much each muon counts in training, and the three reweightings in pt of the talk."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from training.tightnn.inputs import Muons

Floats = npt.NDArray[np.float64]

# Mean of the sample, of the run whose pile-up the weights imitate, and the width of both.
PILEUP, PILEUP_RUN2, PILEUP_WIDTH = 46.0, 34.0, 12.0
# GeV; in logarithms of about the same width.
PT_EDGES = (4.0, 5.0, 6.0, 7.0, 8.5, 10.0, 12.5, 15.0, 20.0, 25.0, 35.0, 50.0, np.inf)
# Muons of a bin in which a class has few count at most so much more than others of that class.
MOST = 20.0
REWEIGHTINGS = ("none", "flat", "signal", "background")


def physical(muons: Muons, *, run2: bool) -> Floats:
    """Weights with which muons are counted, [n]: of the sample, or with the pile-up of Run 2."""
    weight = np.asarray(muons.columns["weight"], np.float64)
    return weight * to_run2(muons.columns["pileup"]) if run2 else weight


def to_run2(pileup: npt.NDArray[Any]) -> Floats:
    """Factor for each muon that gives the pile-up of Run 2, [n]."""
    distances = ((pileup - mean) ** 2 / (2.0 * PILEUP_WIDTH**2) for mean in (PILEUP, PILEUP_RUN2))
    return np.asarray(np.exp(next(distances) - next(distances)))


def training(muons: Muons, weight: Floats, reweighting: str) -> Floats:
    """Weights to train with, [n]: both classes weigh the same.

    Parameters
    ----------
    weight : physical, [n]
    reweighting : "none"; "flat": both classes as many in each bin of pt; "signal": the signal has
        the pt of the background; "background": the other way round
    """
    cell = np.searchsorted(PT_EDGES, muons.columns["pt"], "right") - 1
    classes = (muons.signal, ~muons.signal)
    shapes = [_shape(cell[mine], weight[mine]) for mine in classes]
    wanted = {
        "none": shapes,
        "flat": [np.full_like(shapes[0], 1.0 / len(shapes[0]))] * 2,
        "signal": [shapes[1]] * 2,
        "background": [shapes[0]] * 2,
    }[reweighting]
    found = weight.copy()
    for mine, shape, goal in zip(classes, shapes, wanted, strict=True):
        factor = np.divide(goal, shape, out=np.zeros_like(goal), where=shape > 0)
        found[mine] *= np.minimum(factor, MOST)[cell[mine]]
        found[mine] *= 0.5 * len(found) / found[mine].sum()
    return found


def _shape(cell: npt.NDArray[np.int64], weight: Floats) -> Floats:
    """Part of the muons in each bin."""
    counts = np.bincount(cell, weight, minlength=len(PT_EDGES) - 1)
    return np.asarray(counts / counts.sum())
