"""lepid scale-factors: efficiencies in data over those in simulation."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from lepid.cli import terminal
from lepid.cli.arguments import names
from lepid.cli.outputs import check
from lepid.efficiency import export
from lepid.efficiency.intervals import Array
from lepid.efficiency.scale_factors import file as factor_files
from lepid.efficiency.scale_factors.of_tables import MINIMUM, scale_factors
from lepid.efficiency.scale_factors.ratio import COMBINED, NOMINAL, UP, Factors
from lepid.errors import BadInput

SUFFIXES = (".json", ".json.gz")


def add(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    layout: partial[argparse.HelpFormatter],
) -> None:
    """Add the command."""
    command = commands.add_parser(
        "scale-factors",
        help="divide efficiencies in data by those in simulation",
        description="Scale factors of two efficiency tables, as a correctionlib file that "
        "lepid.weights applies. Thin bins are merged in pT in both tables.",
        formatter_class=layout,
        epilog="example: lepid scale-factors data.json simulation.json -o sf.json.gz",
    )
    command.add_argument("data", metavar="DATA", help=".json table of lepid efficiency")
    command.add_argument("simulation", metavar="SIMULATION", help="the same of simulation")
    command.add_argument("-o", "--output", metavar="OUT", help=".json or .json.gz")
    command.add_argument(
        "--working-point",
        action="append",
        metavar="NAME",
        help="only these; repeatable",
    )
    command.add_argument(
        "--truth-class", type=names, metavar="A,B,...", help="of simulation; all if left out"
    )
    command.add_argument(
        "--data-class", type=names, metavar="A,B,...", help="of data; all if left out"
    )
    command.add_argument(
        "--source",
        action="append",
        default=[],
        metavar="NAME=DATA[,DATA]",
        help="uncertainty: data measured in another way, or with it up and down; repeatable",
    )
    command.add_argument(
        "--minimum",
        type=float,
        default=MINIMUM,
        metavar="N",
        help=f"effective leptons per bin; {MINIMUM:g}",
    )
    command.add_argument("--json", action="store_true", help="print JSON instead of text")
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Divide the tables of the command line, show the factors and write them."""
    sources = dict(_source(text) for text in arguments.source)
    files = [arguments.data, arguments.simulation, *(f for each in sources.values() for f in each)]
    output = Path(arguments.output) if arguments.output else None
    if output:
        check([output], SUFFIXES, files)
    factors = scale_factors(
        export.read(Path(arguments.data)),
        export.read(Path(arguments.simulation)),
        working_points=arguments.working_point,
        truth_class=arguments.truth_class,
        data_class=arguments.data_class,
        sources={k: [export.read(Path(f)) for f in each] for k, each in sources.items()},
        minimum=arguments.minimum,
    )
    if output:
        factor_files.write(factors, output)
    if arguments.json:
        terminal.say_json({name: _facts(point) for name, point in factors.points.items()})
        return 0
    columns = ("working point", "bins", "scale factor", "uncertainty")
    rows = [(name, *_row(point)) for name, point in factors.points.items()]
    terminal.say_table(f"{factors.tagger} on {factors.collection}", columns, rows)
    terminal.say_wrapped(factors.about)
    for line in dict.fromkeys(line for point in factors.points.values() for line in point.said):
        terminal.say(line)
    if output:
        terminal.say(f"written: {output}")
    return 0


def _source(text: str) -> tuple[str, list[str]]:
    name, equals, files = text.partition("=")
    if not equals or not names(files):
        raise BadInput(f"--source {text}", "expected NAME=DATA or NAME=UP,DOWN, two .json tables")
    return name.strip(), names(files)


def _facts(point: Factors) -> dict[str, Any]:
    edges = dict(zip(("pt_edges", "abseta_edges"), point.edges, strict=True))
    numbers = {**edges, **point.values, "efficiency": point.efficiency}
    return {**{name: _listed(value) for name, value in numbers.items()}, "said": list(point.said)}


def _listed(values: Array) -> list[Any]:
    """JSON has neither NaN nor infinity: null."""
    known = np.isfinite(values).ravel().tolist()
    flat = [v if finite else None for v, finite in zip(values.ravel().tolist(), known, strict=True)]
    return flat if values.ndim == 1 else np.reshape(np.array(flat, object), values.shape).tolist()


def _row(point: Factors) -> tuple[str, str, str]:
    nominal = point.values[NOMINAL]
    sizes = point.values[f"{COMBINED}{UP}"] - nominal
    measured = np.isfinite(nominal)
    spans = [
        f"{values[measured].min():.4f} to {values[measured].max():.4f}"
        for values in (nominal, sizes)
    ]
    return f"{np.count_nonzero(measured)} of {nominal.size}", spans[0], spans[1]
