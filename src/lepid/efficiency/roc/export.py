"""ROC curves and rejections as json, csv, tex and root files, chosen by suffix."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lepid.efficiency import csv_files, latex
from lepid.efficiency.planes import object_name
from lepid.efficiency.roc.curves import AtEfficiency
from lepid.efficiency.roc.tables import COLUMNS, Told, area_text, identity, rejection_text, rows
from lepid.efficiency.suffixes import write_as
from lepid.files_out import write_text
from lepid.root_files import graph, write_objects

FORMAT, VERSION = "lepid roc", 1


def write(told: Sequence[Told], path: Path) -> None:
    """Write what is told of some samples in the format of the suffix, one of `WRITERS`.

    Raises
    ------
    BadInput : no format has this suffix
    BadFile : the file cannot be written
    """
    write_as(told, path, WRITERS)


def as_json(told: Sequence[Told]) -> dict[str, Any]:
    """All numbers; what is no finite number is None, a rejection without end ``"inf"``."""
    return {"format": FORMAT, "version": VERSION, "taggers": [_strict(_of(one)) for one in told]}


def _of(told: Told) -> dict[str, Any]:
    return {
        "identity": identity(told),
        "rows": rows(told),
        "curves": {name: _points(points) for name, points in told.curves.items()},
        "bins": {
            variable: {
                "edges": list(told.choice.edges[variable]),
                "signal_efficiency": told.choice.fixed,
                "cut_per_bin": told.choice.per_bin,
                "cut": found.cut.tolist(),
                **{
                    f"{kind}_{part}": getattr(getattr(found, kind), part).tolist()
                    for kind in ("signal", "background")
                    for part in ("value", "low", "high", "passed", "total")
                },
            }
            for variable, found in told.bins.items()
        },
        "distributions": {
            name: {
                "edges": found.edges.tolist(),
                "density": found.value.tolist(),
                "error": found.error.tolist(),
                "outside": list(found.outside),
            }
            for name, found in told.distributions.items()
        },
        "composition": {
            name: dict(zip(("part", "low", "high"), parts, strict=True))
            for name, parts in told.composition.items()
        },
        "importance": {name: worth._asdict() for name, worth in told.importance.items()},
        "correlations": {
            "columns": ["score", *told.sample.variables],
            **{kind: matrix.tolist() for kind, matrix in told.correlations.items()},
        },
    }


def _points(points: AtEfficiency) -> dict[str, list[float]]:
    return {
        "signal_efficiency": points.signal.tolist(),
        "cut": points.cut.tolist(),
        "background_efficiency": points.background.tolist(),
        "low": points.low.tolist(),
        "high": points.high.tolist(),
    }


def _strict(content: Any) -> Any:
    if isinstance(content, Mapping):
        return {name: _strict(value) for name, value in content.items()}
    if isinstance(content, list | tuple):
        return [_strict(value) for value in content]
    if isinstance(content, float) and not math.isfinite(content):
        return None if math.isnan(content) else str(content)
    return content


def _write_json(told: Sequence[Told], path: Path) -> None:
    write_text(json.dumps(as_json(told), allow_nan=False) + "\n", path)


def _write_csv(told: Sequence[Told], path: Path) -> None:
    csv_files.write(COLUMNS, [row for one in told for row in rows(one)], path)


def _write_tex(told: Sequence[Told], path: Path) -> None:
    text = "\n".join(["% needs \\usepackage{booktabs}", *(_table(one) for one in told)])
    write_text(text + "\n", path)


def _table(told: Told) -> str:
    sample = told.sample
    efficiencies = [f"{100 * e:g}\\,\\%" for e in told.choice.efficiencies]
    columns = ["Background", "Leptons", "Area", *efficiencies]
    body = []
    for name, points in told.points.items():
        numbers = zip(points.rejection, points.rejection_low, points.rejection_high, strict=True)
        texts = [_tex_number(rejection_text(*map(float, each))) for each in numbers]
        area = area_text(told.areas[name]).replace("+-", r"\pm")
        body.append([latex.escaped(name), str(told.counts[name]), f"${area}$", *texts])
    caption = f"Rejection of background by {latex.escaped(sample.name)} at efficiencies of "
    caption += f"{latex.escaped(told.signal)}; uncertainties: "
    caption += latex.escaped(identity(told)["intervals"]) + "."
    comments = [f"% {name}: {text}" for name, text in identity(told).items()]
    return "\n".join(
        [
            *comments,
            r"\begin{table}[htbp]",
            r"  \centering",
            f"  \\caption{{{caption}}}",
            *latex.tabular(columns, body),
            r"\end{table}",
        ]
    )


def _tex_number(text: str) -> str:
    value, *ends = text.split()
    if len(ends) != 2:
        return f"${text}$" if value == ">" else "--"
    up = ends[0].replace("inf", r"\infty")
    return f"${value}^{{{up}}}_{{{ends[1]}}}$"


def _write_root(told: Sequence[Told], path: Path) -> None:
    objects: dict[str, Any] = {"lepid": json.dumps([identity(one) for one in told])}
    for one in told:
        folder = object_name(one.sample.name)
        for name, points in one.curves.items():
            axes = f"efficiency of {one.signal}", f"efficiency of {name}"
            parts = {"": points.background, "_low": points.low, "_high": points.high}
            for part, values in parts.items():
                key = f"{folder}/roc_{object_name(name)}{part}"
                objects[key] = graph(points.signal, values, one.sample.name, axes)
        for variable in one.bins:
            objects |= _rejections(one, variable, folder)
    write_objects(path, objects)


def _rejections(told: Told, variable: str, folder: str) -> dict[str, Any]:
    """Graphs at the centres of the bins; what has no end, or no number, is left out."""
    edges = np.asarray(told.choice.edges[variable], np.float64)
    centres, found = 0.5 * (edges[1:] + edges[:-1]), {}
    axes = variable, f"rejection at {told.choice.fixed:g}"
    for part, values in zip(("", "_low", "_high"), told.bins[variable].rejection, strict=True):
        known = np.isfinite(values) & np.isfinite(centres)
        if known.any():
            key = f"{folder}/rejection_{variable}{part}"
            found[key] = graph(centres[known], values[known], told.sample.name, axes)
    return found


WRITERS: dict[str, Callable[[Sequence[Told], Path], None]] = {
    ".json": _write_json,
    ".csv": _write_csv,
    ".tex": _write_tex,
    ".root": _write_root,
}
