"""Rows of results as csv files."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from lepid.files_out import write_text


def write(columns: Sequence[str], rows: Sequence[Mapping[str, str | float]], path: Path) -> None:
    """Write rows; a number that is none is an empty cell."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _cell(value) for name, value in row.items()})
    write_text(text.getvalue(), path)


def _cell(value: str | float) -> str:
    # Empty is what every reader of csv takes as a missing number.
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.10g}"
    return str(value)
