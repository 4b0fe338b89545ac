"""The arguments of `lepid scale-factors`."""

from __future__ import annotations

import argparse
from functools import partial

from lepid.cli.arguments import names
from lepid.efficiency.scale_factors.of_tables import MINIMUM


def add(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    layout: partial[argparse.HelpFormatter],
) -> None:
    """Add the command."""
    command = commands.add_parser(
        "scale-factors",
        help="divide efficiencies in data by those in simulation",
        description="Scale factors of what lepid efficiency, tag-and-probe or charge-flips "
        "measured, as a correctionlib file that lepid.weights applies. Of two efficiency tables "
        "thin bins are merged in pT.",
        formatter_class=layout,
        epilog="example: lepid scale-factors data.json simulation.json -o sf.json.gz",
    )
    command.add_argument(
        "data", metavar="DATA", help=".json of lepid efficiency, tag-and-probe or charge-flips"
    )
    command.add_argument("simulation", metavar="SIMULATION", help="the same of simulation")
    command.add_argument(
        "-o",
        "--output",
        action="append",
        default=[],
        metavar="OUT",
        help=".json or .json.gz (correctionlib) .csv .tex .root .html .png .pdf; repeatable",
    )
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
    command.add_argument("--style", choices=("atlas", "cms"), help="style of pictures")
    command.add_argument("--json", action="store_true", help="print JSON instead of text")
    command.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from lepid.cli import scale_factors  # noqa: PLC0415  (plots take a second to load)

    return scale_factors.run(arguments)
