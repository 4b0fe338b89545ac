"""Scale factors as correctionlib, csv, tex and root files, chosen by suffix."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from lepid.efficiency import csv_files, latex, planes
from lepid.efficiency.scale_factors import file
from lepid.efficiency.scale_factors.ratio import (
    COMBINED,
    DOWN,
    NOMINAL,
    STATISTICAL,
    UP,
    Factors,
    ScaleFactors,
)
from lepid.efficiency.suffixes import write_as
from lepid.files_out import write_text
from lepid.root_files import write_objects


def write(factors: ScaleFactors, path: str | Path) -> None:
    """Write scale factors in the format of the suffix, one of `WRITERS`; json is correctionlib's.

    Raises
    ------
    BadInput : no format has this suffix, or as `file.write`
    BadTable, BadFile : the file cannot be written
    """
    write_as(factors, Path(path), WRITERS)


def rows(factors: ScaleFactors) -> list[dict[str, Any]]:
    """One row for each working point and bin: edges, efficiencies, all variations."""
    found: list[dict[str, Any]] = []
    for point, mine in factors.points.items():
        pt, abseta = (list(pairwise(edges.tolist())) for edges in mine.edges)
        for i, j in np.ndindex(mine.values[NOMINAL].shape):
            row: dict[str, Any] = {"tagger": factors.tagger, "collection": factors.collection}
            row |= {"working_point": point, "pt_low": pt[i][0], "pt_high": pt[i][1]}
            row |= {"abseta_low": abseta[j][0], "abseta_high": abseta[j][1]}
            for name, one in (("data", mine.data), ("simulation", mine.simulation)):
                ends = {"": one.value, "_low": one.low, "_high": one.high}
                row |= {f"{name}{end}": float(values[i, j]) for end, values in ends.items()}
            found.append(row | {name: float(v[i, j]) for name, v in mine.values.items()})
    return found


def _write_csv(factors: ScaleFactors, path: Path) -> None:
    found = rows(factors)
    columns = dict.fromkeys(name for row in found for name in row)
    csv_files.write(list(columns), [dict.fromkeys(columns, "") | row for row in found], path)


def _write_tex(factors: ScaleFactors, path: Path) -> None:
    tables = [_tex(factors, name, mine) for name, mine in factors.points.items()]
    lines = ["% needs \\usepackage{booktabs}", f"% {factors.about}", *tables]
    write_text("\n".join(lines) + "\n", path)


def _tex(factors: ScaleFactors, name: str, mine: Factors) -> str:
    values = mine.values
    # The larger side of all that is not statistics.
    other = np.max(
        [
            np.abs(values[f"{COMBINED}{end}"] - values[NOMINAL]) ** 2
            - np.abs(values[f"{STATISTICAL}{end}"] - values[NOMINAL]) ** 2
            for end in (UP, DOWN)
        ],
        axis=0,
    )
    other = np.sqrt(np.maximum(other, 0.0))
    systematic = len(values) > len((NOMINAL, COMBINED, STATISTICAL)) * 2 - 1
    ends = values[f"{STATISTICAL}{DOWN}"], values[f"{STATISTICAL}{UP}"]

    def cell(i: int, j: int) -> str:
        shown = [float(part[i, j]) for part in (values[NOMINAL], *ends)]
        return latex.measured(shown, float(other[i, j]) if systematic else None)

    what = f"{factors.tagger} {name}"
    caption = f"Scale factors of {latex.escaped(what)}, data over simulation; uncertainties: "
    caption += "statistical" + (", then systematic." if systematic else ".")
    pt, abseta = (edges.tolist() for edges in mine.edges)
    return latex.in_bins(pt, abseta, cell, caption, f"factors:{what}")


def _write_root(factors: ScaleFactors, path: Path) -> None:
    identity = {"tagger": factors.tagger, "collection": factors.collection, "about": factors.about}
    objects: dict[str, Any] = {"lepid": json.dumps(identity)}
    for name, mine in factors.points.items():
        folder = planes.object_name(name)
        objects |= {f"{folder}/{key}": each for key, each in _planes(factors, name, mine).items()}
    write_objects(path, objects)


def _planes(factors: ScaleFactors, name: str, mine: Factors) -> Mapping[str, Any]:
    values = mine.values
    ends = [values[f"{COMBINED}{end}"] for end in (DOWN, UP)]
    grids = planes.of_interval("scale_factor", values[NOMINAL], *ends)
    none = np.zeros_like(values[NOMINAL])
    grids |= {f"scale_factor_{k}": (each, none) for k, each in values.items() if k != NOMINAL}
    for key, one in (("data", mine.data), ("simulation", mine.simulation)):
        grids |= planes.of_interval(f"efficiency_{key}", one.value, one.low, one.high)
    edges = mine.edges[0].tolist(), mine.edges[1].tolist()
    return planes.planes(grids, edges, f"{factors.tagger} {name}")


WRITERS: dict[str, Callable[[ScaleFactors, Path], None]] = {
    ".json": file.write,
    ".json.gz": file.write,
    ".csv": _write_csv,
    ".tex": _write_tex,
    ".root": _write_root,
}
