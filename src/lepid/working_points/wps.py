"""Working points as the `wps` command of atlas-ftag-tools writes them: global cuts in YAML."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from lepid.errors import BadFile, BadTable, first_line
from lepid.files_out import atomic
from lepid.tables import constant, correction
from lepid.working_points import table
from lepid.working_points.grid import grids
from lepid.working_points.table import Binding, Requirement, Rules, Table

CUT, SIGNAL = "cut_value", "signal"


def read(path: Path, tagger: str, quantity: str, bound_to: Binding) -> Table:
    """Table of the global cuts of a YAML file; ftag passes what is larger than the cut.

    Parameters
    ----------
    tagger : of lepid
    quantity : what the cuts are on: a discriminant with the fractions of the file
    bound_to : the scores that they belong to

    Raises
    ------
    BadFile : not YAML, or not of one tagger with a `cut_value` for each point
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadFile(str(path), f"cannot be read as YAML: {first_line(error)}") from error
    name, said = _one_tagger(path, content)
    points = {str(k): v for k, v in said.items() if isinstance(v, dict) and CUT in v}
    cuts = {k: v[CUT] for k, v in points.items()}
    bad = [k for k, cut in cuts.items() if not isinstance(cut, int | float) or not np.isfinite(cut)]
    if bad or not cuts:
        wrong = f"{CUT} of {bad[0]} is no number" if bad else f"no point has a {CUT}"
        raise BadFile(str(path), wrong, (), "write it with `wps -e ...` of atlas-ftag-tools")
    kept = {str(k): v for k, v in said.items() if not isinstance(v, dict)}
    facts = ", ".join(f"{k} {v}" for k, v in kept.items())
    corrections = [
        correction(
            point, f"global cut of {name}", {"pt": "pt of the lepton [GeV]"},
            ("cut", f"on {quantity}"), constant(float(cut), "pt"),
        )
        for point, cut in cuts.items()
    ]  # fmt: skip
    rules = Rules(
        tagger=tagger,
        points={
            point: (Requirement(correction=point, quantity=quantity, sense=">"),) for point in cuts
        },
        inputs={"pt": "pt"},
        bound_to=bound_to,
    )
    text = f"{name}, from the working points of atlas-ftag-tools: {facts}"
    return table.made(path, text, rules, corrections)


def _one_tagger(path: Path, content: Any) -> tuple[str, Mapping[Any, Any]]:
    taggers = {k: v for k, v in content.items() if isinstance(v, dict)} if content and isinstance(
        content, dict
    ) else {}  # fmt: skip
    if len(taggers) != 1:
        wrong = f"holds {len(taggers)} taggers, expected one: {', '.join(map(str, taggers))}"
        raise BadFile(str(path), wrong, (), "keep one of them in a file")
    (name,) = taggers
    return str(name), taggers[name]


def write(some: Table, path: Path) -> None:
    """Write the points of a table as such a YAML file.

    Raises
    ------
    BadTable : a point has several requirements, cuts in bins, or another sense than ``>``
    BadFile : the file cannot be written
    """
    said: dict[str, Any] = {}
    for grid in grids(some):
        if grid.point in said or grid.sense != ">":
            wrong = f"{grid.point} is not one requirement `quantity > cut`, and ftag has no other"
            raise BadTable(some.path, wrong)
        low, high = float(grid.low.min()), float(grid.high.max())
        if low != high:
            wrong = f"{grid.point} has cuts from {low:g} to {high:g}, and ftag has global ones"
            do = "derive it in one bin: --pt-edges 0,inf --abseta-edges 0,inf"
            raise BadTable(some.path, wrong, (), do)
        said[grid.point] = {CUT: low}
        if np.isfinite(grid.efficiency).all():
            said[grid.point]["sample"] = {"eff": {SIGNAL: float(f"{grid.efficiency.mean():.6g}")}}
    with atomic(path) as partial:
        text = yaml.safe_dump({some.rules.tagger: said}, sort_keys=False)
        partial.write_text(text, encoding="utf-8")
