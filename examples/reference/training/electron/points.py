"""Fractions and cuts of the electron network, as the confs of Athena's selector."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from training.electron.inputs import VARIABLES, Electrons

from lepid.convert.athena_conf import ABSETA_EDGES, ET_EDGES, FRACTIONS, N_ETA

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
# With fewer in a bin its cut is that of all |eta|.
FEWEST = 50
TTBAR = (0, 1)
MODEL, QUANTILES = "network.json", "quantiles.root"
BARREL = 1.37


class Point(NamedTuple):
    """What a working point keeps of prompt electrons in each bin, and its other cuts."""

    efficiency: float
    flips: float
    pixel: int
    silicon: int
    b_layer: int
    ambiguity: int


# Bits of ambiguityType: all but photons; only electrons and tracks that fit better than vertices.
POINTS = {
    "Loose": Point(0.95, 0.99, 1, 7, 0, 0b1111111),
    "Medium": Point(0.90, 0.98, 2, 7, 1, 0b1111111),
    "Tight": Point(0.80, 0.97, 2, 7, 1, 0b0011111),
}


def bins(some: Electrons) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Bins of E_T and |eta| of each electron, as Athena's selector counts them."""
    found = (
        np.minimum(np.searchsorted(edges, some.columns[name], "right"), N_ETA - 1)
        for name, edges in (("et", ET_EDGES), ("abseta", ABSETA_EDGES))
    )
    return next(found), next(found)


def fractions(some: Electrons, scores: Floats) -> Floats:
    """Fractions [10, 5] in the order of the key: how the classes share what is hard to reject.

    f_CF is the share of charge flips among prompt electrons. The others are the shares among the
    background of ttbar that passes where 95 % of the prompt electrons do, all classes weighing
    the same in the discriminant. Both are of electrons on the same side of |eta| 1.37.
    """
    columns = some.columns
    even = np.log(scores[:, 0] / scores[:, 2:].sum(axis=1))
    hard = np.isin(columns["process"], TTBAR)
    side = columns["abseta"] < BARREL
    found = {}
    for barrel in (True, False):
        here = side == barrel
        prompt = np.bincount(columns["truth"][here & (columns["truth"] < 2)], minlength=2)
        cut = np.quantile(even[here & (columns["truth"] == 0)], 0.05)
        left = here & hard & (even > cut) & (columns["truth"] > 1)
        counts = np.bincount(columns["truth"][left], minlength=6)[2:]
        found[barrel] = [prompt[1] / prompt.sum(), *(counts / counts.sum())]
    middles = np.array([0.0, *ABSETA_EDGES[:-1]])
    return np.round([found[bool(low < BARREL)] for low in middles], 4)


def confs(some: Electrons, scores: Floats) -> dict[str, str]:
    """Working point -> text of its conf, from electrons that were not fitted.

    Parameters
    ----------
    scores : [n, 6], or [n, 1] of a network with one output
    """
    prompt = some.columns["truth"] == 0
    kept, p = some.of(prompt), scores[prompt].astype(np.float64)
    if p.shape[1] == 1:
        value = -np.log(1.0 / p[:, 0] - 1.0) / 10.0
        return {n: conf(point, cuts(kept, value, point.efficiency)) for n, point in POINTS.items()}
    given = fractions(some, scores.astype(np.float64))
    f = given[bins(kept)[1]]
    above = p[:, 0] * (1 - f[:, 0]) + p[:, 1] * f[:, 0]
    value = np.log(above / (p[:, 2:] * f[:, 1:]).sum(axis=1))
    flips = np.log(p[:, 0] / p[:, 1])
    return {
        name: conf(
            point,
            cuts(kept, value, point.efficiency),
            cuts(kept, flips, point.flips),
            given,
        )
        for name, point in POINTS.items()
    }


def cuts(some: Electrons, value: Floats, efficiency: float) -> Floats:
    """Cut [10, 10] that this part of the electrons of each bin of E_T and |eta| passes."""
    in_et, in_eta = bins(some)
    found = np.empty((len(ET_EDGES), len(ABSETA_EDGES)))
    for i in range(len(ET_EDGES)):
        row = in_et == i
        for j in range(len(ABSETA_EDGES)):
            cell = row & (in_eta == j)
            chosen = cell if cell.sum() >= FEWEST else row
            found[i, j] = np.quantile(value[chosen], 1.0 - efficiency)
    return np.round(found, 4)


def conf(
    point: Point, cut: Floats, cut_flips: Floats | None = None, given: Floats | None = None
) -> str:
    """Text of the conf of a working point; a network of one output has no fractions."""
    keys: dict[str, str] = {
        "inputModelFileName": MODEL,
        "inputQuantileFileName": QUANTILES,
        "Variables": ",".join(VARIABLES),
        "multiClass": str(given is not None).lower(),
        "doSmoothBinInterpolation": "true",
    }
    if given is not None:
        keys |= {"cfSignal": "true", "Fractions": _rows(given)}
    keys |= {
        name: "; ".join([str(value)] * N_ETA)
        for name, value in (
            ("CutPi", point.pixel),
            ("CutSCT", point.silicon),
            ("CutBL", point.b_layer),
            ("CutAmbiguity", point.ambiguity),
        )
    }
    keys["CutSelector"] = _rows(cut)
    if cut_flips is not None:
        keys["CutSelectorCF"] = _rows(cut_flips)
    head = "# Not a conf of an experiment: see ORIGIN.md.\n"
    return head + "".join(f"{key}: {text}\n" for key, text in keys.items())


def _rows(values: Floats) -> str:
    return "; ".join(f"{value:g}" for value in values.flatten())


def efficiencies(some: Electrons, passed: Mapping[str, Bools]) -> dict[str, dict[str, float]]:
    """Part of each class that passes each point."""
    names = ("El", "CF", *(name.removeprefix("f_") for name in FRACTIONS[1:]))
    return {
        point: {
            name: float(chosen[some.columns["truth"] == code].mean())
            for code, name in enumerate(names)
        }
        for point, chosen in passed.items()
    }
