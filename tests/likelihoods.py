"""Random densities in the bins of the ATLAS likelihood, and the likelihood in plain Python.

The twin is written with the centres and widths of Athena's code, not with plateaus.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from lepid.taggers import densities
from lepid.taggers.card import Card
from lepid.taggers.densities import Density, Grid

INF = float("inf")
ET_EDGES = [0.0, 7.0, 10.0, 15.0, 20.0, 30.0, 40.0, INF]
ABSETA_EDGES = [0.0, 0.6, 0.8, 1.15, 1.37, 1.52, 1.81, 2.01, 2.37, INF]
CUT_EDGES = [0.0, 7.0, 10.0, 15.0, 20.0, 25.0, 30.0, 35.0, 40.0, 45.0, INF]
CUT_ABSETA = [0.0, 0.1, 0.6, 0.8, 1.15, 1.37, 1.52, 1.81, 2.01, 2.37, INF]
PLATEAUS = [[0.0, 6.0], [8.5, 8.5], [12.5, 12.5], [17.5, 17.5], [22.5, 27.5], [32.5, 37.5],
            [42.5, INF]]  # fmt: skip
CUT_PLATEAUS = [[0.0, 7.0], [8.5, 8.5], *([c, c] for c in np.arange(12.5, 47, 5).tolist()),
                [47.5, INF]]  # fmt: skip
VARIABLES = ("f1", "f3", "Reta", "trt")
SKIP = [
    {"feature": "trt", "from_abseta": 2.01, "above_et": 80.0},
    {"feature": "f3", "from_abseta": 2.37, "above_et": 80.0},
]


def make(seed: int, *, sizes: tuple[int, ...] = (4, 7), empty: float = 0.0) -> dict[str, Any]:
    """Densities of all variables; `sizes` are the numbers of bins that occur."""
    rng = np.random.default_rng(seed)

    def one() -> Density:
        size = int(rng.choice(sizes))
        content = rng.random(size) * (rng.random(size) > 0.2) + 1e-3
        low = float(rng.uniform(-1, 0))
        full = rng.random() >= empty
        return Density(low, low + float(rng.uniform(1, 2)), content / content.sum() * full)

    shape = (len(ET_EDGES) - 1, len(ABSETA_EDGES) - 1)
    return {
        name: ("", {kind: Grid(ET_EDGES, ABSETA_EDGES,
                               [[one() for _ in range(shape[1])] for _ in range(shape[0])])
                    for kind in densities.CLASSES})
        for name in VARIABLES
    }  # fmt: skip


def references(seed: int, *, quad: bool = False) -> dict[str, Grid]:
    """References of the correction for pile-up: loose below hard, hard falls with pile-up."""
    rng = np.random.default_rng(seed)
    shape = (len(CUT_EDGES) - 1, len(CUT_ABSETA) - 1)
    loose = rng.uniform(-1, 0, shape)
    values = {
        "pileup_loose": loose, "pileup_hard": loose + rng.uniform(0.1, 1.5, shape),
        # Some end up below the loose reference.
        "pileup_slope": rng.uniform(-0.03, 0.005, shape),
    }  # fmt: skip
    if quad:
        values["pileup_quad"] = rng.uniform(-1e-4, 1e-4, shape)
    return {k: Grid(CUT_EDGES, CUT_ABSETA, v.tolist()) for k, v in values.items()}


def card(network: str = "toy", pileup: bool = False, **likelihood: Any) -> Card:
    """A card for these densities, with the columns of the leptons under their own names."""
    nodes = [
        {"name": "variables", "inputs": list(VARIABLES)},
        {"name": "bins", "inputs": [{"feature": "et", "unit": "GeV"}, "abseta"]},
    ]
    if pileup:
        nodes.append({"name": "pileup", "inputs": ["n_vertex"]})
        likelihood["pileup"] = {"plateaus": CUT_PLATEAUS}
    options = {"plateaus": PLATEAUS, "neighbour": "index", "skip": SKIP, **likelihood}
    return Card.model_validate(
        {"tagger": "toy_lh", "network": network, "flavour": "electron", "description": "d",
         "source": "ours", "outputs": [{"name": "lh", "node": "discriminant"}],
         "discriminants": {"D_LH": {"kind": "score", "output": "lh"}},
         "networks": [{"path": "densities.json", "likelihood": options, "nodes": nodes}]}
    )  # fmt: skip


def write(path: Path, made: dict[str, Any], **more: Any) -> Path:
    """The file of these densities."""
    densities.write(path, "toy", made, **more)
    return path


def electrons(seed: int, n: int, made: dict[str, Any]) -> dict[str, Any]:
    """Rows with the edges of everything: bins, centres, 80 GeV, ends of histograms, pile-up."""
    rng = np.random.default_rng(seed)
    edges = [5.9, 6.0, 6.5, 7.0, 8.5, 10.0, 12.5, 15.0, 20.0, 22.5, 25.0, 27.5, 30.0, 32.5,
             37.5, 40.0, 42.5, 47.5, 50.0, 80.0, np.nextafter(80.0, 90), 125.0, 6000.0]  # fmt: skip
    et = np.where(rng.random(n) < 0.4, rng.choice(edges, n), rng.uniform(4, 100, n))
    etas = [0.0, 0.1, 0.6, 1.37, 1.52, 2.01, np.nextafter(2.01, 0), 2.37, 2.47, 2.6]
    abseta = np.where(rng.random(n) < 0.4, rng.choice(etas, n), rng.uniform(0, 2.5, n))
    ends = [e for _, grids in made.values() for d in grids["signal"].content[3]
            for e in (d.low, d.high, d.low + (d.high - d.low) / len(d.content))]  # fmt: skip
    shape = (n, len(VARIABLES))
    x = np.where(rng.random(shape) < 0.3, rng.choice([*ends, -5.0, 5.0], shape),
                 rng.uniform(-1.2, 2.2, shape))  # fmt: skip
    pileup = rng.choice([0, 1, 20, 49, 50, 51, 90], n)
    return {"variables": x, "bins": np.stack([et, abseta], axis=1), "pileup": pileup[:, None]}


# --- the twin -----------------------------------------------------------------------------------


def _bin(value: float, edges: list[float]) -> int:
    for k, high in enumerate(edges[1:]):
        if value < high:
            return k
    return len(edges) - 2


def _find(density: Density, x: float) -> int:
    n = len(density.content)
    width = (density.high - density.low) / n
    if x < density.low:
        return 0
    if x > density.low + width * (n - 1):
        return n - 1
    return int((x - density.low) / width)


def _at(density: Density, k: int) -> float:
    total = float(sum(density.content))
    return float(density.content[k]) / total if total else math.nan


def _width(et: float) -> float:
    return 2.0 if et < 7 else 3.0 if et < 10 else 5.0


def probability(
    grid: Grid, place: tuple[float, float], x: float, *, smooth: bool, neighbour: str
) -> float:
    """Of one variable and class, at E_T and |eta|."""
    et, abseta = place
    t, a = _bin(et, ET_EDGES), _bin(abseta, ABSETA_EDGES)
    own: Density = grid.content[t][a]
    k = _find(own, x)
    here = _at(own, k)
    still = et > 42.5 or et < 6 or 22.5 < et < 27.5 or 32.5 < et < 37.5
    if not smooth or still:
        return here
    centre = [6.0, 8.5, 12.5, 17.5, 22.5, 32.5, 42.5][t]
    centre = {(4, True): 27.5, (5, True): 37.5}.get((t, et >= centre + 5), centre)
    to = t + 1 if et > centre else t - 1
    # At the centre itself Athena adds the neighbour 0 times, which matters where it is empty.
    if not 0 <= to < 7 or et == centre:
        return here
    other: Density = grid.content[to][a]
    if neighbour == "index":
        at = k if len(other.content) == len(own.content) else 0
    else:
        at = _find(other, x)
    return here + (_at(other, at) - here) * abs(et - centre) / _width(et)


def cut(grid: Grid, et: float, abseta: float) -> float:
    """A reference, interpolated as Athena does with a vector below 7 GeV."""
    t, a = _bin(et, CUT_EDGES), _bin(abseta, CUT_ABSETA)
    here = grid.content[t][a]
    if et < 7 or et > 47.5:
        return here
    centre = [0.0, 8.5, 12.5, 17.5, 22.5, 27.5, 32.5, 37.5, 42.5, 47.5][t]
    to = min(t + 1, 9) if et > centre else t - 1
    return here + (grid.content[to][a] - here) * abs(et - centre) / _width(et)


def discriminant(made: dict[str, Any], row: dict[str, Any], *, smooth: bool = True,
                 neighbour: str = "index", empty: float = math.nan,
                 pileup: dict[str, Grid] | None = None) -> float:  # fmt: skip
    """Of one electron."""
    et, abseta = (float(value) for value in row["bins"])
    product = {"signal": 1.0, "background": 1.0}
    for v, (name, (_, grids)) in enumerate(made.items()):
        if name == "trt" and (abseta >= 2.01 or et > 80):
            continue
        if name == "f3" and (abseta >= 2.37 or et > 80):
            continue
        for kind in product:
            x = float(row["variables"][v])
            p = probability(grids[kind], (et, abseta), x, smooth=smooth, neighbour=neighbour)
            if math.isnan(p) and not smooth:
                return empty
            product[kind] *= p
    s, b = product["signal"], product["background"]
    if math.isnan(s) or math.isnan(b):
        return math.nan
    s, b = (0.0 if s < 1e-99 else s), (1e-99 if b < 1e-99 else b)
    d = s / (s + b)
    d = 1 - 1e-15 if d >= 1 else 1e-99 if d <= 0 else d
    value = -math.log(1 / d - 1) / 15
    return corrected(pileup, value, et, abseta, float(row["pileup"][0])) if pileup else value


def corrected(grids: dict[str, Grid], value: float, et: float, abseta: float, n: float) -> float:
    """The discriminant without pile-up."""
    n = min(n, 50.0)
    loose, hard, slope = (
        cut(grids[f"pileup_{k}"], et, abseta) for k in ("loose", "hard", "slope")
    )  # fmt: skip
    quad = cut(grids["pileup_quad"], et, abseta) if "pileup_quad" in grids else 0.0
    moved = hard + slope * n + quad * n * n
    if value <= loose or (value > moved and value > 2.0):
        return value
    if value <= moved:
        return loose + (value - loose) * (hard - loose) / max(moved - loose, 0.001)
    return hard + (value - moved) * (2.0 - hard) / max(2.0 - moved, 0.001)
