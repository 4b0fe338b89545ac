"""The arguments of every command, and what an error looks like."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from lepid.analysis.recipe import Recipe
from lepid.cli import (
    catalogue,
    convert,
    decorate,
    doctor,
    factor_arguments,
    flip_arguments,
    likelihood,
    pair_arguments,
    working_points,
)
from lepid.cli.arguments import add_checkpoint, add_common, add_reading, edges, names, positive
from lepid.cli.roc_arguments import add_roc
from lepid.errors import LepidError

FAILED, INTERRUPTED = 1, 130
# Short names and their help stand on one line.
LAYOUT = partial(argparse.HelpFormatter, max_help_position=28)


def main(words: Sequence[str] | None = None) -> int:
    """Run one command; 0 done, 1 failed, 2 wrong usage.

    Parameters
    ----------
    words : arguments without the program's name; None takes those of the process
    """
    if words is None:
        # Without a handler the process dies at once and leaves its partial output behind.
        signal.signal(signal.SIGTERM, _terminate)
    arguments = parser().parse_args(words)
    run: Callable[[argparse.Namespace], int] = arguments.run
    try:
        status = run(arguments)
        # A reader that has gone shows here, and not after the last line of Python.
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader of a pipe, such as head, has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (LepidError, OSError) as error:
        sys.stderr.write(f"lepid {arguments.command}: {error}\n")
        return FAILED
    except KeyboardInterrupt:
        kept: str = getattr(arguments, "checkpoint", None) or ""
        there = bool(kept) and Path(kept).exists()
        left = f"the same command goes on from {kept}" if there else "nothing was written"
        sys.stderr.write(f"lepid {arguments.command}: interrupted, {left}\n")
        return INTERRUPTED
    return status


def _terminate(number: int, _: object) -> None:
    sys.exit(128 + number)


def _efficiency(arguments: argparse.Namespace) -> int:
    from lepid.cli import efficiency  # noqa: PLC0415  (plots take a second to load)

    return efficiency.run(arguments)


def _roc(arguments: argparse.Namespace) -> int:
    from lepid.cli import roc  # noqa: PLC0415  (plots take a second to load)

    return roc.run(arguments)


def parser() -> argparse.ArgumentParser:
    """Parser of all commands."""
    top = argparse.ArgumentParser(
        prog="lepid",
        description="Lepton taggers on columnar events: scores, discriminants, working points.",
        epilog="`lepid COMMAND --help` describes a command.",
        formatter_class=LAYOUT,
    )
    top.add_argument("-V", "--version", action=_Version, nargs=0, help="show the version")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_decorate(commands)
    _add_efficiency(commands)
    add_roc(commands, LAYOUT, _roc)
    pair_arguments.add(commands, LAYOUT)
    flip_arguments.add(commands, LAYOUT)
    _add_likelihood(commands)
    for name, run, text in (
        ("taggers", catalogue.taggers, "list the taggers and their networks"),
        ("doctor", doctor.run, "say what this machine gives lepid"),
    ):
        plain = commands.add_parser(name, help=text, description=text, formatter_class=LAYOUT)
        plain.add_argument("--json", action="store_true", help="print JSON")
        plain.set_defaults(run=run)
    text = "show the card of a tagger, or a table of working points"
    show = commands.add_parser("show", help=text, description=text, formatter_class=LAYOUT)
    show.add_argument("name", help="tagger, tagger@network, or a .json file of working points")
    show.add_argument("--json", action="store_true", help="print JSON")
    show.set_defaults(run=catalogue.show)
    convert.add(commands, LAYOUT)
    working_points.add(commands, LAYOUT)
    factor_arguments.add(commands, LAYOUT)
    return top


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version  # noqa: PLC0415  (slow, and asked for rarely)

        sys.stdout.write(f"lepid {version('lepid')}\n")
        parser.exit()


def _add_decorate(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser(
        "decorate",
        help="write leptons with scores, discriminants and working points",
        description="Decorate the leptons of ROOT, parquet or HDF5 files and write one file.",
        formatter_class=LAYOUT,
        epilog="example: lepid decorate 'data/*.root' -o decorated.parquet --tagger muon_plit",
    )
    command.add_argument(
        "files", nargs="+", metavar="IN", help="ROOT, parquet or HDF5 files, or patterns"
    )
    command.add_argument(
        "-o", "--output", required=True, metavar="OUT", help=".root, .parquet or .h5"
    )
    command.add_argument(
        "--tagger",
        action="append",
        metavar="NAME",
        help="tagger or tagger@network; repeatable; all if left out",
    )
    command.add_argument(
        "--source",
        choices=("auto", "stored", "network"),
        default="auto",
        help="where scores come from",
    )
    command.add_argument(
        "--keep",
        action="append",
        default=[],
        metavar="COLLECTION",
        help="write all its columns; repeatable",
    )
    command.add_argument(
        "--truth", metavar="SCHEME", help="add truth classes: iff, dnn, cms, or a .toml file"
    )
    add_common(command)
    command.set_defaults(run=decorate.run)


def _add_efficiency(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser(
        "efficiency",
        help="measure working points per true class in pT and |eta|",
        description="Efficiency of each working point for each true class, with uncertainties.",
        formatter_class=LAYOUT,
        epilog="example: lepid efficiency mc.root --tagger electron_dnn -o table.html; "
        "lepid efficiency part1.json part2.json -o whole.json adds tables up",
    )
    command.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="ROOT, parquet or HDF5 files, or patterns; or .json tables of parts, to add up",
    )
    command.add_argument("--tagger", metavar="NAME", help="tagger or tagger@network, for events")
    command.add_argument(
        "-o",
        "--output",
        action="append",
        default=[],
        metavar="OUT",
        help=".json .csv .tex .html .root .correctionlib.json .png .pdf; repeatable",
    )
    command.add_argument(
        "--scheme", metavar="NAME", help="truth classes: iff, dnn, cms, or a .toml file"
    )
    command.add_argument(
        "--working-point",
        action="append",
        default=[],
        metavar="NAME",
        help="show only these; repeatable",
    )
    command.add_argument("--pt-edges", type=edges, metavar="A,B,...", help="GeV; 'inf' may be last")
    command.add_argument("--abseta-edges", type=edges, metavar="A,B,...", help="edges in |eta|")
    command.add_argument("--weight", metavar="COLUMN", help="weight of events or leptons")
    add_checkpoint(command, ".json")
    command.add_argument("--by", choices=("pt", "abseta"), default="pt", help="axis of a picture")
    command.add_argument("--style", choices=("atlas", "cms"), help="style of pictures")
    add_common(command)
    command.set_defaults(run=_efficiency)


def _add_likelihood(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    text = "build the densities of an electron likelihood"
    top = commands.add_parser("likelihood", help=text, description=text, formatter_class=LAYOUT)
    actions = top.add_subparsers(dest="action", required=True, metavar="ACTION")
    command = actions.add_parser(
        "build",
        help="smoothed densities of labelled electrons, and a card that uses them",
        description="Smoothed densities of signal and background electrons of simulation in bins "
        "of E_T and |eta|, in the format of correctionlib, and a card that uses them.",
        formatter_class=LAYOUT,
        epilog="example: lepid likelihood build Zee.root dijet.root -o models/electron_lh/mine",
    )
    known = Recipe()
    command.add_argument(
        "files", nargs="+", metavar="FILE", help="ROOT, parquet or HDF5 files, or patterns"
    )
    command.add_argument(
        "-o", "--output", required=True, metavar="FOLDER", help="MODELS/TAGGER/NETWORK, new"
    )
    for name, text in (
        ("variables", "features or columns; those of the ATLAS likelihood if left out"),
        ("signal", f"truth classes; {','.join(known.signal)} if left out"),
        ("background", f"the same; {','.join(known.background)} if left out"),
    ):
        command.add_argument(f"--{name}", type=names, metavar="A,B,...", help=text)
    command.add_argument(
        "--scheme", metavar="NAME", help="truth classes: dnn (default), iff or cms"
    )
    command.add_argument("--et", metavar="NAME", help=f"feature to bin in; {known.et} if left out")
    command.add_argument("--abseta", metavar="NAME", help=f"the same; {known.abseta} if left out")
    command.add_argument("--et-edges", type=edges, metavar="A,B,...", help="GeV; 'inf' may be last")
    command.add_argument("--abseta-edges", type=edges, metavar="A,B,...", help="edges in |eta|")
    command.add_argument("--weight", metavar="COLUMN", help="weight of events or electrons")
    command.add_argument("--only", metavar="COLUMN=X", help="use these alone, as EventInfo.split=0")
    command.add_argument(
        "--bins", dest="n_bin", type=positive, metavar="N", help=f"per density; {known.n_bin}"
    )
    command.add_argument(
        "--minimum", type=positive, metavar="N", help=f"electrons per bin; {known.minimum}"
    )
    command.add_argument("--reference", action="store_true", help="to run only when it is named")
    add_reading(command)
    command.set_defaults(run=likelihood.build)
