"""The arguments of lepid roc."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from lepid.cli.arguments import add_checkpoint, add_common, edges, names

OUTPUTS = (".json", ".csv", ".tex", ".root", ".html", ".png", ".pdf", ".svg", ".leptons.npz")


def add_roc(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    layout: Callable[..., argparse.HelpFormatter],
    run: Callable[[argparse.Namespace], int],
) -> None:
    """Add `roc` to the commands."""
    command = commands.add_parser(
        "roc",
        help="measure how well taggers tell signal from background",
        description="ROC curves, areas and rejections of each background, with uncertainties.",
        formatter_class=layout,
        epilog="example: lepid roc mc.root --tagger muon_plit --signal PromptMuon"
        " --background BHadronDecay,CHadronDecay,LightFlavorDecay -o roc.html",
    )
    command.add_argument(
        "files", nargs="+", metavar="FILE", help="ROOT, parquet or HDF5 files, or patterns"
    )
    command.add_argument(
        "--tagger", action="append", default=[], metavar="NAME[:QUANTITY]",
        help="tagger or tagger@network, and what to cut on; repeatable",
    )  # fmt: skip
    command.add_argument("--signal", type=names, metavar="A,B,...", help="truth classes")
    command.add_argument(
        "--background", type=names, metavar="A,B,...", help="the same; all others if left out"
    )
    command.add_argument(
        "-o", "--output", action="append", default=[], metavar="OUT",
        help=f"{' '.join(OUTPUTS)}; repeatable",
    )  # fmt: skip
    add_checkpoint(command, ".leptons.npz")
    command.add_argument(
        "--sense", choices=(">", "<"), default="",
        help="signal has larger or smaller values; as the working points say if left out",
    )  # fmt: skip
    command.add_argument(
        "--importance",
        action="store_true",
        help="also what each input of the networks is worth: the area lost without it",
    )
    command.add_argument(
        "--scheme", metavar="NAME", help="truth classes: iff, dnn, cms, or a .toml file"
    )
    command.add_argument("--weight", metavar="COLUMN", help="weight of events or leptons")
    command.add_argument("--pileup", metavar="COLUMN", help="measure against this too")
    command.add_argument(
        "--efficiencies", type=edges, metavar="A,B,...", help="of the signal; 0.7,0.8,0.9,0.95"
    )
    command.add_argument(
        "--fixed", type=float, metavar="X", help="efficiency for bins and composition; 0.9"
    )
    command.add_argument("--per-bin", action="store_true", help="each bin has a cut of its own")
    command.add_argument(
        "--reweight", choices=("flat", "signal", "background"),
        help="give signal and background these spectra in pT and |eta|",
    )  # fmt: skip
    command.add_argument("--pt-edges", type=edges, metavar="A,B,...", help="GeV; 'inf' may be last")
    command.add_argument("--abseta-edges", type=edges, metavar="A,B,...", help="edges in |eta|")
    command.add_argument("--pileup-edges", type=edges, metavar="A,B,...", help="of that column")
    command.add_argument(
        "--picture", choices=("curves", "classes", "distributions", "bins"), default="curves",
        help="what a .png, .pdf or .svg shows",
    )  # fmt: skip
    command.add_argument("--style", choices=("atlas", "cms"), help="style of pictures")
    add_common(command)
    command.set_defaults(run=run)
