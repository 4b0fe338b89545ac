"""Efficiency tables as json, csv, tex, root and correctionlib files, chosen by suffix."""

from __future__ import annotations

import csv
import gzip
import io
import json
import math
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from uhi.io.json import default, object_hook

from lepid.efficiency import corrections, counting, latex, planes, summary
from lepid.efficiency.counting import BINNED, EfficiencyTable
from lepid.errors import BadFile, BadInput, near_misses
from lepid.files_out import atomic
from lepid.root_files import write_objects
from lepid.tables import write_corrections

FORMAT, VERSION = "lepid efficiency table", 1
# JSON has no infinity, but every reader takes a number too large for it as one.
INFINITY, INFINITY_MARK = "1e999", "\x00infinity"


def write(table: EfficiencyTable, path: Path) -> None:
    """Write `table` in the format that the suffix of `path` names, one of `WRITERS`.

    Raises
    ------
    BadInput : no format has this suffix
    BadFile : the file cannot be written
    """
    name = path.name.lower()
    # The longest suffix wins: .correctionlib.json ends in .json too.
    for suffix in sorted(WRITERS, key=len, reverse=True):
        if name.endswith(suffix) and len(name) > len(suffix):
            return WRITERS[suffix](table, path)
    given = "".join(path.suffixes) or path.name
    wrong = f"no table format has the suffix {given!r}"
    do = f"use one of: {', '.join(WRITERS)}"
    raise BadInput(str(path), wrong, near_misses(given, WRITERS), do)


def read(path: Path) -> EfficiencyTable:
    """Table that `write` stored at `path` as ``.json`` or ``.json.gz``.

    Raises
    ------
    BadFile : missing, not JSON, or not a complete efficiency table of lepid
    """
    try:
        raw = path.read_bytes()
        text = gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
        content = json.loads(text, object_hook=object_hook)
    except (OSError, EOFError, ValueError) as error:
        raise BadFile(str(path), f"cannot be read as JSON: {error}") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        wrong = "not an efficiency table of lepid"
        do = "give a .json or .json.gz file that lepid efficiency wrote"
        raise BadFile(str(path), wrong, (), do)
    if content.get("version") != VERSION:
        wrong = f"version {content.get('version')} of the format; this lepid reads {VERSION}"
        raise BadFile(str(path), wrong)
    try:
        return counting.restored(content)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise BadFile(str(path), f"not a complete efficiency table: {error!r}") from error


def as_json(table: EfficiencyTable) -> dict[str, Any]:
    """Everything in the table, and its inclusive rows for readers without hist.

    Not strict JSON yet: it holds arrays, and infinite edges.
    """
    rows = [asdict(row) for row in summary.rows(table)]
    for row in rows:
        del row["by"], row["pt"], row["abseta"]
    return {"format": FORMAT, "version": VERSION, "summary": rows, **counting.serialised(table)}


def _write_json(table: EfficiencyTable, path: Path) -> None:
    content = _strict(json.loads(json.dumps(as_json(table), default=default)))
    text = json.dumps(content, allow_nan=False).replace(json.dumps(INFINITY_MARK), INFINITY)
    with atomic(path) as partial:
        if path.suffix == ".gz":
            partial.write_bytes(gzip.compress(text.encode(), mtime=0))
        else:
            partial.write_text(text + "\n", encoding="utf-8")


def _strict(content: Any) -> Any:
    if isinstance(content, dict):
        return {name: _strict(value) for name, value in content.items()}
    if isinstance(content, list):
        return [_strict(value) for value in content]
    if isinstance(content, float) and not math.isfinite(content):
        return None if math.isnan(content) else INFINITY_MARK
    return content


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
