"""The arguments of `lepid charge-flips`."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from lepid.cli.arguments import add_checkpoint, add_common, edges
from lepid.efficiency.tag_and_probe.resonances import RESONANCES


def _run(arguments: argparse.Namespace) -> int:
    from lepid.cli import charge_flips  # noqa: PLC0415  (fits take a second to load)

    return charge_flips.run(arguments)


def add(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    layout: Callable[..., argparse.HelpFormatter],
) -> None:
    """Add `charge-flips` to the commands."""
    command = commands.add_parser(
        "charge-flips",
        help="measure how often a charge is wrong, with pairs of the same charge",
        description="Probability that the charge of a lepton is measured wrong, in bins of pT and "
        "|eta|, from pairs of a resonance that have the same charge.",
        formatter_class=layout,
        epilog="example: lepid charge-flips data.root --collection Electron "
        "--select 'pt > 20 and cutBased == 4' -o flips.correctionlib.json",
    )
    command.add_argument(
        "files", nargs="+", metavar="FILE", help="ROOT or parquet files, or pairs: .charges.json"
    )
    command.add_argument(
        "--collection", metavar="NAME", help="leptons, as these files call them: Electrons"
    )
    command.add_argument(
        "--select", metavar="TEXT", help="selection of both, 'pt > 20 and electron_dnn.Tight'"
    )
    command.add_argument(
        "-o", "--output", action="append", default=[], metavar="OUT",
        help=".json .csv .tex .root .correctionlib.json, or .charges.json, which adds up; "
        "repeatable",
    )  # fmt: skip
    command.add_argument("--resonance", choices=tuple(RESONANCES), help="Z if left out")
    command.add_argument("--window", type=edges, metavar="A,B", help="GeV, ends of the sidebands")
    command.add_argument("--peak", type=edges, metavar="A,B", help="GeV, masses to count")
    command.add_argument("--pt-edges", type=edges, metavar="A,B,...", help="GeV; 'inf' may be last")
    command.add_argument("--abseta-edges", type=edges, metavar="A,B,...", help="edges in |eta|")
    command.add_argument("--mass-edges", type=edges, metavar="A,B,...", help="GeV")
    add_checkpoint(command, ".charges.json")
    add_common(command)
    command.set_defaults(run=_run)
