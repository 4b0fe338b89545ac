"""Efficiencies of probes as json, csv, tex, root and correctionlib files."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from lepid.efficiency import corrections, counting, csv_files, json_files, latex, planes
from lepid.efficiency.counting import BINNED
from lepid.efficiency.json_files import Format
from lepid.efficiency.tag_and_probe.bins import Measured
from lepid.efficiency.tag_and_probe.result import ProbeEfficiency
from lepid.errors import BadInput
from lepid.files_out import write_text
from lepid.root_files import write_objects
from lepid.tables import write_corrections

FORMAT = Format(
    "lepid tag and probe", 1, "a table of efficiencies of probes", "lepid tag-and-probe -o x.json"
)
Results: TypeAlias = Sequence[ProbeEfficiency]
Floats: TypeAlias = npt.NDArray[np.float64]
SIDES = ("passed", "failed")


def restored(content: Any) -> tuple[ProbeEfficiency, ...]:
    """Results of the content of their JSON file.

    Raises
    ------
    KeyError, TypeError, ValueError : it is not complete
    """
    found: tuple[ProbeEfficiency, ...] = json_files.restored(
        tuple[ProbeEfficiency, ...], content["results"]
    )
    return found


def total_ends(result: ProbeEfficiency) -> tuple[Floats, Floats]:
    """Ends of the interval with all uncertainties, [n_pt, n_abseta]; NaN where one is not known."""
    down = np.hypot(result.value - result.low, result.systematic)
    up = np.hypot(result.high - result.value, result.systematic)
    return result.value - down, result.value + up


def _write_json(results: Results, path: Path) -> None:
    content = {
        "summary": [one.content() for one in results],
        "results": [json_files.plain(one) for one in results],
    }
    json_files.write(FORMAT, content, path)


def _write_csv(results: Results, path: Path) -> None:
    rows = [row for one in results for row in _rows(one)]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    # The notes are text of any length: they stand last.
    columns.sort(key=("how", "notes").__contains__)
    csv_files.write(columns, rows, path)


def _rows(result: ProbeEfficiency) -> list[dict[str, str | float]]:
    rows = []
    for one in result.content()["bins"]:
        identity = ("tagger", "collection", "resonance")
        row: dict[str, Any] = {name: result.identity.get(name, "") for name in identity}
        row["working_point"] = result.working_point
        for axis in BINNED:
            low, high = one.get(axis, (-np.inf, np.inf))
            row |= {f"{axis}_low": low, f"{axis}_high": np.inf if high is None else high}
        row |= {"efficiency": one["value"], "efficiency_low": one["low"]}
        row |= {"efficiency_high": one["high"], "systematic": one["systematic"]}
        row |= {f"systematic_{name}": half for name, half in one["systematics"].items()}
        sides = [*SIDES, *(f"background_{side}" for side in SIDES)]
        row |= {name: one.get(name) for name in (*sides, "chi2", "ndof", "p_value")}
        row |= {"how": one["how"], "notes": "; ".join(one["notes"])}
        rows.append({name: np.nan if value is None else value for name, value in row.items()})
    return rows


def _write_tex(results: Results, path: Path) -> None:
    tables = [_tex(one) for one in results]
    text = "\n".join(["% needs \\usepackage{booktabs}", *tables]) + "\n"
    write_text(text, path)


def _tex(result: ProbeEfficiency) -> str:
    pt, abseta = result.edges or ((-np.inf, np.inf), (-np.inf, np.inf))
    found = [np.atleast_2d(part) for part in (result.value, result.low, result.high)]
    systematic = np.atleast_2d(result.systematic) if result.variations else None

    def cell(i: int, j: int) -> str:
        other = None if systematic is None else float(systematic[i, j])
        return latex.measured([float(part[i, j]) for part in found], other)

    what = f"{result.identity.get('tagger', '')} {result.working_point}"
    caption = f"Efficiency of {latex.escaped(what)} for probes of "
    caption += f"{latex.escaped(result.identity.get('resonance', ''))}, {result.method.text()}; "
    caption += "uncertainties: statistical" + (", then systematic." if result.variations else ".")
    return latex.in_bins(pt, abseta, cell, caption, f"probes:{what}")


def _write_root(results: Results, path: Path) -> None:
    identity = json.dumps([{**one.identity, "working_point": one.working_point} for one in results])
    objects: dict[str, Any] = {"lepid": identity}
    for one in results:
        folder = planes.object_name(one.working_point)
        for place, each in enumerate(one.bins):
            name = "all"
            if one.edges:
                i, j = divmod(place, one.shape[1])
                name = f"pt{i}_abseta{j}"
            objects |= {f"{folder}/masses/{name}/{k}": v for k, v in _masses(each).items()}
        if one.edges:
            objects |= {f"{folder}/{k}": v for k, v in _planes(one).items()}
    write_objects(path, objects)


def _planes(result: ProbeEfficiency) -> dict[str, Any]:
    grids = planes.of_interval("efficiency", result.value, result.low, result.high)
    none = np.zeros_like(result.value)
    grids |= {"systematic": (result.systematic, none)}
    grids |= {f"systematic_{name}": (half, none) for name, half in result.systematics.items()}
    what = f"{result.identity.get('tagger', '')} {result.working_point}, {result.method.text()}"
    return planes.planes(grids, (result.edges[0], result.edges[1]), what)


def _masses(one: Measured) -> dict[str, Any]:
    edges = one.masses.edges.tolist()
    found = {}
    for side in SIDES:
        pairs = getattr(one.masses, side)
        found[side] = counting.line(pairs.values, pairs.variances, edges, f"probe {side}")
        if one.fit:
            for name in ("signal", "background"):
                curve = getattr(one.fit.curves, name)[side]
                label = f"{name} of the fit, probe {side}"
                found[f"{side}_{name}"] = counting.line(curve, np.zeros_like(curve), edges, label)
    return found


def _write_correctionlib(results: Results, path: Path) -> None:
    first = results[0]
    if any(not one.edges or one.edges != first.edges for one in results):
        wrong = "all probes are one bin, or the points have other bins"
        raise BadInput(str(path), wrong, (), "measure in bins: without --inclusive")
    name = first.identity.get("tagger", "").partition("@")[0] or "efficiency"
    points = {one.working_point: _by_value(one) for one in results}
    entry = corrections.entry(
        name,
        "; ".join(f"{k}: {v}" for k, v in first.identity.items() if v),
        {
            "working_point": ("string", ", ".join(points)),
            "value": ("string", "nominal; up, down: all uncertainties; stat; one per source"),
            "pt": ("real", "transverse momentum [GeV]"),
            "abseta": ("real", "absolute value of eta"),
        },
        "efficiency",
        corrections.category("working_point", points),
    )
    write_corrections(path, "lepton efficiency measured with tag and probe", [entry])


def _by_value(result: ProbeEfficiency) -> dict[str, Any]:
    low, high = total_ends(result)
    values = {"nominal": result.value, "up": high, "down": low}
    values |= {"statup": result.high, "statdown": result.low}
    for source, half in result.systematics.items():
        values |= {f"{source}up": result.value + half, f"{source}down": result.value - half}
    edges = [np.array(line) for line in result.edges]
    grids = {name: corrections.grid(each, edges, BINNED) for name, each in values.items()}
    return corrections.category("value", grids)


WRITERS: dict[str, Callable[[Results, Path], None]] = {
    ".json": _write_json,
    ".json.gz": _write_json,
    ".csv": _write_csv,
    ".tex": _write_tex,
    ".root": _write_root,
    ".correctionlib.json": _write_correctionlib,
    ".correctionlib.json.gz": _write_correctionlib,
}
