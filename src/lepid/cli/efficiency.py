"""lepid efficiency: how often each true class passes each working point."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lepid.analysis.measurement import measure
from lepid.cli import terminal
from lepid.cli.gathering import Checkpoint, added, gathered, refuse_others
from lepid.cli.outputs import check
from lepid.efficiency import export, summary
from lepid.efficiency.counting import EfficiencyTable
from lepid.errors import BadInput, UnknownWorkingPoint
from lepid.files_out import write_text
from lepid.html_report.efficiency import efficiency_html
from lepid.plotting.efficiency import efficiency_figure
from lepid.plotting.figure import png, save

IMAGES = (".png", ".pdf", ".svg")
# Tables that this command wrote, and arguments that only events take.
PARTS = (".json", ".json.gz")
MEASURING = ("tagger", "scheme", "pt_edges", "abseta_edges", "weight", "checkpoint")


def run(arguments: argparse.Namespace) -> int:
    """Measure the files of the command line, show the table and write it."""
    outputs = [Path(path) for path in arguments.output]
    check(outputs, (*IMAGES, ".html", *export.WRITERS), arguments.files)
    table = _table(arguments)
    rows = _rows(table, arguments.working_point)
    for path in outputs:
        _write(table, path, arguments)
    if arguments.json:
        terminal.say_json([vars(row) for row in rows])
        return 0
    _show(table, rows)
    for path in outputs:
        terminal.say(f"written: {path}")
    return 0


def _table(arguments: argparse.Namespace) -> EfficiencyTable:
    """Table of the events, or the sum of tables of parts of the work."""
    tables = [path for path in arguments.files if path.lower().endswith(PARTS)]
    if not tables:
        if not arguments.tagger:
            raise BadInput("--tagger", "no tagger is named", (), "pass --tagger NAME")
        return _measure(arguments)
    do = "measure the events first, then add"
    refuse_others(arguments, tables, "tables", MEASURING, do)
    return added([(path, export.read(Path(path))) for path in tables])


def _rows(table: EfficiencyTable, chosen: Sequence[str]) -> list[summary.Row]:
    for name in chosen:
        if name not in table.working_points:
            where = f"tagger {table.tagger}"
            raise UnknownWorkingPoint.of(where, "working point", name, table.working_points)
    return [row for row in summary.rows(table) if not chosen or row.working_point in chosen]


def _measure(arguments: argparse.Namespace) -> EfficiencyTable:
    options: dict[str, Any] = {"scheme": arguments.scheme, "schema": arguments.schema}
    options |= {k: v for k in ("pt_edges", "abseta_edges") if (v := getattr(arguments, k))}
    weight = arguments.weight

    def part(events: Any, path: str) -> EfficiencyTable:
        return measure(events, arguments.tagger, weight=weight, origin=path, **options)

    kept = Checkpoint(PARTS, export.read, export.write, _facts)
    return gathered(arguments, [arguments.tagger], part, kept, [weight])


def _facts(table: EfficiencyTable) -> dict[str, tuple[Any, ...]]:
    """What the arguments are for a table that was kept."""
    return {
        "tagger": (table.tagger, f"{table.tagger}@{table.network}"),
        "scheme": (None, table.scheme),
        "weight": (table.metadata.get("weight"),),
        "pt_edges": (None, list(table.pt_edges)),
        "abseta_edges": (None, list(table.abseta_edges)),
    }


def _write(table: EfficiencyTable, path: Path, arguments: argparse.Namespace) -> None:
    style = arguments.style or table.experiment or None
    options = {"working_points": arguments.working_point or None, "style": style}
    suffix = path.suffix.lower()
    if suffix in IMAGES:
        figure = efficiency_figure(table, arguments.by, **options)
        save(figure, path)
    elif suffix == ".html":
        images = {
            f"efficiency against {name}": png(efficiency_figure(table, by, **options))
            for by, name in (("pt", "pT"), ("abseta", "|eta|"))
        }
        write_text(efficiency_html(table, images), path)
    else:
        export.write(table, path)


def _show(table: EfficiencyTable, rows: Sequence[summary.Row]) -> None:
    lines = [
        (
            row.truth_class,
            row.working_point,
            summary.value_text(row),
            f"{summary.count_text(row.passed)} / {summary.count_text(row.total)}",
        )
        for row in rows
    ]
    title = f"{table.tagger}@{table.network} on {table.collection}, {table.scheme} classes"
    columns = ("class", "working point", "efficiency", "passed / all")
    terminal.say_table(title, columns, lines)
    terminal.say(f"intervals: {summary.interval_text(table)}")
    for name, unscored, outside in summary.left_out(table):
        lost = f"{unscored} without a score, {summary.count_text(outside)} outside the bins"
        terminal.say(f"{name}: {lost}")
