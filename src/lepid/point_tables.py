"""Cuts of working points as people take them away: rows for a terminal or page, csv, tex."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from itertools import pairwise, product
from pathlib import Path

import numpy as np

from lepid.efficiency import csv_files
from lepid.efficiency.latex import escaped, tabular
from lepid.efficiency.summary import bin_text
from lepid.errors import BadInput, near_misses
from lepid.files_out import write_text
from lepid.tables import save
from lepid.working_points import wps
from lepid.working_points.grid import Floats, Grid, grids
from lepid.working_points.table import Table

SYMBOLS = {"pt": r"$p_\mathrm{T}$", "et": r"$E_\mathrm{T}$", "abseta": r"$|\eta|$"}
NAMES = {"pt": "pT", "et": "ET", "abseta": "|eta|"}


def title(grid: Grid) -> str:
    """Point, quantity and sense of a grid."""
    return f"{grid.point}: {grid.quantity} {grid.sense} cut"


def efficiencies(grid: Grid) -> str:
    """Which efficiencies the point was to have and has; empty where the table does not say."""
    parts = [
        f"{what} {span(values)}"
        for what, values in (("asked for", grid.target), ("reached", grid.efficiency))
        if np.isfinite(values).all()
    ]
    return f"efficiency {', '.join(parts)}" if parts else ""


def span(values: Floats) -> str:
    """One number, or the smallest and largest, to four digits."""
    low, high = (f"{value:.4g}" for value in (values.min(), values.max()))
    return low if low == high else f"{low} to {high}"


def columns(grid: Grid, names: Mapping[str, str] = NAMES) -> list[str]:
    """Headings of a grid: that of its rows, then one per bin of the second input."""
    first, *others = (names.get(name, name) for name in grid.inputs)
    unit = f" [{grid.units[0]}]" if grid.units[0] else ""
    bins = [bin_text(ends) for line in grid.edges[1:] for ends in pairwise(line)]
    return [first + unit, *([f"{others[0]} {text}" for text in bins] or ["cut"])]


def rows(grid: Grid, plus_minus: str = " ± ") -> list[list[str]]:
    """Cells of a grid in the order of `columns`."""
    first = list(pairwise(grid.edges[0]))
    cut, low, high, sigma = (
        values.reshape(len(first), -1)
        for values in (grid.cuts, grid.low, grid.high, grid.uncertainty)
    )
    return [
        [
            bin_text(ends),
            *(
                cell((cut[i, j], low[i, j], high[i, j]), sigma[i, j], plus_minus)
                for j in range(cut.shape[1])
            ),
        ]
        for i, ends in enumerate(first)
    ]


def cell(cuts: tuple[float, float, float], sigma: float, plus_minus: str = " ± ") -> str:
    """A cut with the digits that its uncertainty leaves; both ends where it changes in the bin.

    Parameters
    ----------
    cuts : in the middle of a bin, the smallest and the largest
    """
    known = math.isfinite(sigma) and sigma > 0.0
    digits = min(6, max(0, 1 - math.floor(math.log10(sigma)))) if known else 0
    cut, low, high = (f"{x:.{digits}f}" if known else f"{x:.6g}" for x in cuts)
    text = cut if cuts[1] == cuts[2] else f"{low} to {high}"
    return f"{text}{plus_minus}{sigma:.{digits}f}" if known else text


# --- files --------------------------------------------------------------------------------------


def write(table: Table, path: Path) -> None:
    """Write the points of `table` in the format that the suffix of `path` names.

    Raises
    ------
    BadInput : no format has this suffix
    BadTable : the format has no place for what the table says
    BadFile : the file cannot be written
    """
    for suffix in sorted(WRITERS, key=len, reverse=True):
        if path.name.lower().endswith(suffix):
            return WRITERS[suffix](table, path)
    wrong = f"no table of working points has the suffix {path.suffix!r}"
    raise BadInput(
        str(path), wrong, near_misses(path.suffix, WRITERS), f"use one of: {', '.join(WRITERS)}"
    )


def _write_json(table: Table, path: Path) -> None:
    save(path, table.tables)


def _write_csv(table: Table, path: Path) -> None:
    numbers = ("cut", "cut_min", "cut_max", "uncertainty", "target", "efficiency",
               "efficiency_uncertainty")  # fmt: skip
    ends = [f"{axis}_{end}" for axis in ("energy", "abseta") for end in ("low", "high")]
    columns = ("tagger", "point", "quantity", "sense", "input", "unit", *ends, *numbers)
    found = []
    for grid in grids(table):
        start = [table.rules.tagger, grid.point, grid.quantity, grid.sense]
        energy = "" if grid.inputs[0] == "abseta" else grid.inputs[0]
        values = (grid.cuts, grid.low, grid.high, grid.uncertainty, grid.target, grid.efficiency,
                  grid.efficiency_uncertainty)  # fmt: skip
        flat = zip(*(each.ravel() for each in values), strict=True)
        for bins, cells in zip(product(*map(pairwise, grid.edges)), flat, strict=True):
            by_name = dict(zip(grid.inputs, bins, strict=True))
            edges = [
                *by_name.get(energy, (math.nan, math.nan)),
                *by_name.get("abseta", (math.nan, math.nan)),
            ]
            unit = grid.units[0] if energy else ""
            found.append(dict(zip(columns, (*start, energy, unit, *edges, *cells), strict=True)))
    csv_files.write(columns, found, path)


def _write_tex(table: Table, path: Path) -> None:
    parts = ["% needs \\usepackage{booktabs}", f"% {table.tables.description.splitlines()[0]}"]
    parts += [_tex_grid(table, grid) for grid in grids(table)]
    write_text("\n".join(parts) + "\n", path)


def _tex_grid(table: Table, grid: Grid) -> str:
    head = columns(grid, {name: SYMBOLS.get(name, escaped(name)) for name in grid.inputs})
    said = (f"{table.rules.tagger}, {title(grid)}", efficiencies(grid))
    body = [[_tex_bin(first), *(f"${each}$" for each in cells)]
            for first, *cells in rows(grid, r" \pm ")]  # fmt: skip
    wide = [[cell.replace(" to ", r"\ \text{to}\ ") for cell in line] for line in body]
    return "\n".join([
        r"\begin{table}[htbp]",
        r"  \centering",
        f"  \\caption{{{escaped('; '.join(filter(None, said)))}.}}",
        *tabular([_tex_bin(text) for text in head], wide),
        r"\end{table}",
    ])  # fmt: skip


def _tex_bin(text: str) -> str:
    return text.replace(" to ", "--").replace("< ", "$<$").replace("> ", "$>$")


def _write_wps(table: Table, path: Path) -> None:
    wps.write(table, path)


WRITERS: dict[str, Callable[[Table, Path], None]] = {
    ".json": _write_json,
    ".json.gz": _write_json,
    ".csv": _write_csv,
    ".tex": _write_tex,
    ".yaml": _write_wps,
    ".yml": _write_wps,
}
