"""Efficiency tables as json, csv, tex, root and correctionlib files, chosen by suffix."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from uhi.io.json import default, object_hook

from lepid.efficiency import corrections, counting, json_files, latex, planes, summary
from lepid.efficiency.counting import BINNED, EfficiencyTable
from lepid.efficiency.json_files import Format
from lepid.efficiency.suffixes import write_as
from lepid.files_out import atomic
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
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    identity = ("tagger", "network", "collection", "scheme")
    bins = [f"{name}_{end}" for name in BINNED for end in ("low", "high")]
    numbers = ("passed", "total", "efficiency", "efficiency_low", "efficiency_high", "interval")
    last = ("unscored", "outside")
    writer.writerow([*identity, "truth_class", "working_point", "by", *bins, *numbers, *last])
    outside = table.outside
    for by in ((), ("pt",), ("abseta",), BINNED):
        for row in summary.rows(table, by):
            start = [getattr(table, name) for name in identity]
            start += [row.truth_class, row.working_point, " ".join(by) or "inclusive"]
            values = (row.passed, row.total, row.efficiency, row.low, row.high)
            left = (table.unscored[row.truth_class], outside[row.truth_class])
            cells = [_csv_number(value) for value in (*row.pt, *row.abseta, *values)]
            writer.writerow([*start, *cells, row.interval, left[0], _csv_number(left[1])])
    _write_text(text.getvalue(), path)


def _csv_number(value: float) -> str:
    # Empty is what every reader of csv takes as a missing number.
    return "" if math.isnan(value) else f"{value:.10g}"


def _write_tex(table: EfficiencyTable, path: Path) -> None:
    _write_text(latex.document(table), path)


def _write_text(text: str, path: Path) -> None:
    with atomic(path) as partial:
        partial.write_text(text, encoding="utf-8")


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
