"""The arguments of `lepid tag-and-probe`."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from lepid.cli.arguments import add_common, edges
from lepid.efficiency.tag_and_probe.resonances import BACKGROUNDS, METHODS, RESONANCES, SIGNALS

Layout = Callable[..., argparse.HelpFormatter]


def _run(arguments: argparse.Namespace) -> int:
    from lepid.cli import tag_and_probe  # noqa: PLC0415  (plots take a second to load)

    return tag_and_probe.run(arguments)


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser], layout: Layout) -> None:
    """Add `tag-and-probe` to the commands."""
    command = commands.add_parser(
        "tag-and-probe",
        help="measure working points with pairs of a resonance, without truth",
        description="Efficiency of working points for probes of a resonance: pairs with a tag, "
        "background taken from their masses.",
        formatter_class=layout,
        epilog="example: lepid tag-and-probe data.root --tagger cms_electron_mva_iso "
        "--tag 'pt > 32 and cutBased == 4' --probe 'pt > 10' -o table.html",
    )
    command.add_argument(
        "files", nargs="+", metavar="FILE", help="ROOT or parquet files, or pairs: .pairs.json"
    )
    command.add_argument("--tagger", metavar="NAME", help="tagger or tagger@network")
    command.add_argument(
        "--tag", action="append", default=[], metavar="[NAME:]TEXT",
        help="selection of tags, 'pt > 30 and muon_plit.Tight'; more, with names, are variations",
    )  # fmt: skip
    command.add_argument("--probe", default="", metavar="TEXT", help="selection of probes")
    command.add_argument(
        "-o", "--output", action="append", default=[], metavar="OUT",
        help=".html with a plot of each fit, .json, or .pairs.json, which adds up; repeatable",
    )  # fmt: skip
    command.add_argument(
        "--working-point", action="append", default=[], metavar="NAME",
        help="measure only these; repeatable",
    )  # fmt: skip
    command.add_argument(
        "--resonance", choices=tuple(RESONANCES), default="Z", help="Z if left out"
    )
    command.add_argument("--method", choices=METHODS, default="fit", help="fit if left out")
    command.add_argument("--signal", choices=SIGNALS, help="of a fit; a template with --simulation")
    command.add_argument(
        "--background", choices=BACKGROUNDS, default="exponential", help="of a fit"
    )
    command.add_argument("--window", type=edges, metavar="A,B", help="GeV, masses to fit")
    command.add_argument("--peak", type=edges, metavar="A,B", help="GeV, masses to count")
    command.add_argument("--simulation", metavar="FILE", help=".pairs.json of simulation")
    command.add_argument("--vary", action="store_true", help="vary window, shapes and tags")
    command.add_argument("--inclusive", action="store_true", help="all probes as one bin")
    command.add_argument("--pt-edges", type=edges, metavar="A,B,...", help="GeV; 'inf' may be last")
    command.add_argument("--abseta-edges", type=edges, metavar="A,B,...", help="edges in |eta|")
    command.add_argument("--mass-edges", type=edges, metavar="A,B,...", help="GeV")
    command.add_argument("--weight", metavar="COLUMN", help="weight of events or leptons")
    add_common(command)
    command.set_defaults(run=_run)
