"""Efficiency tables as json, csv, tex, root and correctionlib files, chosen by suffix."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from uhi.io.json import default, object_hook

from lepid.efficiency import corrections, counting, csv_files, json_files, latex, planes, summary
from lepid.efficiency.counting import BINNED, EfficiencyTable
from lepid.efficiency.json_files import Format
from lepid.efficiency.suffixes import write_as
from lepid.files_out import write_text
from lepid.root_files import write_objects
from lepid.tables import write_corrections

FORMAT = Format("lepid efficiency table", 1, "an efficiency table", "lepid efficiency")


def write(table: EfficiencyTable, path: Path) -> None:
    """Write `table` in the format that the suffix of `path` names, one of `WRITERS`.

    Raises
    ------
    BadInput : no format has this suffix
    BadFile : the file cannot be written
    """
    write_as(table, path, WRITERS)


def read(path: Path) -> EfficiencyTable:
    """Table that `write` stored at `path` as ``.json`` or ``.json.gz``.

    Raises
    ------
    BadFile : missing, not JSON, or not a complete efficiency table of lepid
    """
    return json_files.parsed(path, FORMAT, json_files.load(path), restored)


def restored(content: Any) -> EfficiencyTable:
    """Table of the content of its JSON file."""
    # uhi takes arrays where JSON has lists.
    arrays = json.loads(json.dumps(content["histogram"]), object_hook=object_hook)
    return counting.restored({**content, "histogram": arrays})


def as_json(table: EfficiencyTable) -> dict[str, Any]:
    """Everything in the table, and its inclusive rows for readers without hist; holds arrays."""
    rows = [asdict(row) for row in summary.rows(table)]
    for row in rows:
        del row["by"], row["pt"], row["abseta"]
    return {"summary": rows, **counting.serialised(table)}


def _write_json(table: EfficiencyTable, path: Path) -> None:
    json_files.write(FORMAT, json.loads(json.dumps(as_json(table), default=default)), path)


def _write_csv(table: EfficiencyTable, path: Path) -> None:
    identity = ("tagger", "network", "collection", "scheme")
    bins = [f"{name}_{end}" for name in BINNED for end in ("low", "high")]
    numbers = ("passed", "total", "efficiency", "efficiency_low", "efficiency_high", "interval")
    last = ("unscored", "outside")
    columns = (*identity, "truth_class", "working_point", "by", *bins, *numbers, *last)
    outside = table.outside
    found = []
    for by in ((), ("pt",), ("abseta",), BINNED):
        for row in summary.rows(table, by):
            start = [getattr(table, name) for name in identity]
            start += [row.truth_class, row.working_point, " ".join(by) or "inclusive"]
            values = (row.passed, row.total, row.efficiency, row.low, row.high, row.interval)
            left = (table.unscored[row.truth_class], outside[row.truth_class])
            cells = (*start, *row.pt, *row.abseta, *values, *left)
            found.append(dict(zip(columns, cells, strict=True)))
    csv_files.write(columns, found, path)


def _write_tex(table: EfficiencyTable, path: Path) -> None:
    write_text(latex.document(table), path)


def _write_root(table: EfficiencyTable, path: Path) -> None:
    identity = json.dumps(summary.identity(table))
    write_objects(path, {"lepid": identity, **planes.histograms(table)})


def _write_correctionlib(table: EfficiencyTable, path: Path) -> None:
    write_corrections(path, corrections.description(table), [corrections.correction(table)])


WRITERS: dict[str, Callable[[EfficiencyTable, Path], None]] = {
    ".json": _write_json,
    ".json.gz": _write_json,
    ".csv": _write_csv,
    ".tex": _write_tex,
    ".root": _write_root,
    ".correctionlib.json": _write_correctionlib,
    ".correctionlib.json.gz": _write_correctionlib,
}
