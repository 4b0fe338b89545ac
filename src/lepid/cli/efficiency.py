"""lepid efficiency: how often each true class passes each working point."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lepid.cli import terminal
from lepid.cli.outputs import check
from lepid.efficiency import export, summary
from lepid.efficiency.counting import EfficiencyTable, added
from lepid.errors import BadInput, UnknownWorkingPoint
from lepid.events import files
from lepid.files_out import atomic
from lepid.html_report.efficiency import efficiency_html
from lepid.measurement import measure
from lepid.pipeline import decorate_new
from lepid.plotting.efficiency import efficiency_figure
from lepid.plotting.figure import png, save
from lepid.taggers import plan as plans
from lepid.taggers import session

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
    others = [path for path in arguments.files if path not in tables]
    given = [f"--{name.replace('_', '-')}" for name in MEASURING if getattr(arguments, name)]
    if others or given:
        wrong = f"tables are added up as they are, without {', '.join([*others, *given])}"
        raise BadInput("tables", wrong, (), "measure the events first, then add")
    return added([(path, export.read(Path(path))) for path in tables])


def _rows(table: EfficiencyTable, chosen: Sequence[str]) -> list[summary.Row]:
    for name in chosen:
        if name not in table.working_points:
            where = f"tagger {table.tagger}"
            raise UnknownWorkingPoint.of(where, "working point", name, table.working_points)
    return [row for row in summary.rows(table) if not chosen or row.working_point in chosen]


def _measure(arguments: argparse.Namespace) -> EfficiencyTable:
    checkpoint = Path(arguments.checkpoint) if arguments.checkpoint else None
    paths = [str(path) for path in files.expand(arguments.files)]
    table = _begun(checkpoint, arguments, paths) if checkpoint else None
    left = [path for path in paths if table is None or path not in table.sources]
    options: dict[str, Any] = {"scheme": arguments.scheme, "schema": arguments.schema}
    options |= {k: v for k in ("pt_edges", "abseta_edges") if (v := getattr(arguments, k))}
    needs = [arguments.weight.partition(".")[0]] if arguments.weight else []
    around = plans.takes_surroundings([arguments.tagger])
    total = sum(files.count(path, arguments.tree) for path in left)
    with (
        session.settings(arguments.provider, arguments.threads),
        terminal.progress(total, "events", quiet=arguments.quiet) as advance,
    ):
        for path in left:
            for events, _, number in files.chunks(
                path, arguments.step, arguments.tree, arguments.schema, needs, around=around
            ):
                tagged = decorate_new(
                    events, arguments.tagger, schema=arguments.schema, tables=arguments.table
                )
                weight = arguments.weight
                part = measure(tagged, arguments.tagger, weight=weight, origin=path, **options)
                table = part if table is None else table + part
                advance(number)
            # A file is in it whole or not at all.
            if checkpoint and table is not None:
                export.write(table, checkpoint)
    if table is None:
        raise BadInput("files", "no file was given")
    return table


def _begun(
    checkpoint: Path, arguments: argparse.Namespace, paths: Sequence[str]
) -> EfficiencyTable | None:
    """What an earlier run of the same command had measured when it ended."""
    check([checkpoint], PARTS, arguments.files)
    if not checkpoint.exists():
        return None
    table = export.read(checkpoint)
    asked = {
        "tagger": (arguments.tagger, (table.tagger, f"{table.tagger}@{table.network}")),
        "scheme": (arguments.scheme, (None, table.scheme)),
        "weight": (arguments.weight, (table.metadata.get("weight"),)),
        "pt-edges": (arguments.pt_edges, (None, list(table.pt_edges))),
        "abseta-edges": (arguments.abseta_edges, (None, list(table.abseta_edges))),
    }
    wrong = [
        f"--{n} {given} is not what it has" for n, (given, has) in asked.items() if given not in has
    ]
    wrong += [f"{path} is in it and not asked for" for path in table.sources if path not in paths]
    if wrong:
        do = "run the same command again, or name another checkpoint"
        raise BadInput(str(checkpoint), "; ".join(wrong), (), do)
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
            partial.write_text(efficiency_html(table, images), encoding="utf-8")
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
