"""lepid efficiency: how often each true class passes each working point."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lepid.cli import terminal
from lepid.cli.outputs import check
from lepid.efficiency import export, summary
from lepid.efficiency.counting import EfficiencyTable
from lepid.errors import BadInput, UnknownWorkingPoint
from lepid.events import files
from lepid.files_out import atomic
from lepid.html_report import html
from lepid.measurement import measure
from lepid.pipeline import decorate_new
from lepid.plotting import efficiency_figure, png, save
from lepid.taggers import plan as plans
from lepid.taggers import session

IMAGES = (".png", ".pdf", ".svg")


def run(arguments: argparse.Namespace) -> int:
    """Measure the files of the command line, show the table and write it."""
    outputs = [Path(path) for path in arguments.output]
    check(outputs, (*IMAGES, ".html", *export.WRITERS), arguments.files)
    table = _measure(arguments)
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


def _rows(table: EfficiencyTable, chosen: Sequence[str]) -> list[summary.Row]:
    for name in chosen:
        if name not in table.working_points:
            where = f"tagger {table.tagger}"
            raise UnknownWorkingPoint.of(where, "working point", name, table.working_points)
    return [row for row in summary.rows(table) if not chosen or row.working_point in chosen]


def _measure(arguments: argparse.Namespace) -> EfficiencyTable:
    total = files.count(arguments.files, arguments.tree)
    options: dict[str, Any] = {"scheme": arguments.scheme, "schema": arguments.schema}
    options |= {k: v for k in ("pt_edges", "abseta_edges") if (v := getattr(arguments, k))}
    needs = [arguments.weight.partition(".")[0]] if arguments.weight else []
    around = plans.takes_surroundings([arguments.tagger])
    table: EfficiencyTable | None = None
    with (
        session.settings(arguments.provider, arguments.threads),
        terminal.progress(total, "events", quiet=arguments.quiet) as advance,
    ):
        for events, path, number in files.chunks(
            arguments.files, arguments.step, arguments.tree, arguments.schema, needs, around=around
        ):
            tagged = decorate_new(events, arguments.tagger, schema=arguments.schema)
            weight = arguments.weight
            part = measure(tagged, arguments.tagger, weight=weight, origin=path, **options)
            table = part if table is None else table + part
            advance(number)
    if table is None:
        raise BadInput("files", "no file was given")
    return table


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
        with atomic(path) as partial:
            partial.write_text(html(table, images), encoding="utf-8")
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
