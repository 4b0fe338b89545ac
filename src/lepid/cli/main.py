"""The arguments of every command, and what an error looks like."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence

from lepid.cli import catalogue, decorate, doctor, efficiency
from lepid.errors import LepidError

FAILED, INTERRUPTED = 1, 130
STEP = 50_000


def main(words: Sequence[str] | None = None) -> int:
    """Run one command; 0 done, 1 failed, 2 wrong usage.

    Parameters
    ----------
    words : arguments without the program's name; None takes those of the process
    """
    arguments = parser().parse_args(words)
    run: Callable[[argparse.Namespace], int] = arguments.run
    try:
        return run(arguments)
    except LepidError as error:
        sys.stderr.write(f"lepid {arguments.command}: {error}\n")
        return FAILED
    except BrokenPipeError:
        # The reader of a pipe, such as head, has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; no output was left half-written\n")
        return INTERRUPTED


def parser() -> argparse.ArgumentParser:
    """Parser of all commands."""
    top = argparse.ArgumentParser(
        prog="lepid",
        description="Lepton taggers on columnar events: scores, discriminants, working points.",
        epilog="`lepid COMMAND --help` describes a command.",
    )
    top.add_argument("--version", action=_Version, nargs=0, help="show the version")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_decorate(commands)
    _add_efficiency(commands)
    for name, run, text in (
        ("taggers", catalogue.taggers, "list the taggers and their networks"),
        ("doctor", doctor.run, "say what this machine gives lepid"),
    ):
        plain = commands.add_parser(name, help=text, description=text)
        plain.add_argument("--json", action="store_true", help="print JSON")
        plain.set_defaults(run=run)
    text = "show the card of a tagger, or a table of working points"
    show = commands.add_parser("show", help=text, description=text)
    show.add_argument("name", help="tagger, tagger@network, or a .json file of working points")
    show.add_argument("--json", action="store_true", help="print JSON")
    show.set_defaults(run=catalogue.show)
    return top


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version  # noqa: PLC0415  (slow, and asked for rarely)

        parser.exit(message=f"lepid {version('lepid')}\n")


def _add_decorate(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser(
        "decorate",
        help="write leptons with scores, discriminants and working points",
        description="Decorate the leptons of ROOT or parquet files and write one file.",
        epilog="example: lepid decorate 'data/*.root' -o decorated.parquet --tagger muon_plit",
    )
    command.add_argument(
        "files", nargs="+", metavar="IN", help="ROOT or parquet files, or patterns"
    )
    command.add_argument("-o", "--output", required=True, metavar="OUT", help=".root or .parquet")
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
    command.add_argument("--truth", metavar="SCHEME", help="add truth classes: iff, dnn or cms")
    _add_common(command)
    command.set_defaults(run=decorate.run)


def _add_efficiency(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser(
        "efficiency",
        help="measure working points per true class in pT and |eta|",
        description="Efficiency of each working point for each true class, with uncertainties.",
        epilog="example: lepid efficiency mc.root --tagger electron_dnn -o table.html",
    )
    command.add_argument(
        "files", nargs="+", metavar="FILE", help="ROOT or parquet files, or patterns"
    )
    command.add_argument("--tagger", required=True, metavar="NAME", help="tagger or tagger@network")
    command.add_argument(
        "-o",
        "--output",
        action="append",
        default=[],
        metavar="OUT",
        help=".json .csv .tex .html .root .correctionlib.json .png .pdf; repeatable",
    )
    command.add_argument("--scheme", metavar="NAME", help="truth classes: iff, dnn or cms")
    command.add_argument(
        "--working-point",
        action="append",
        default=[],
        metavar="NAME",
        help="show only these; repeatable",
    )
    command.add_argument(
        "--pt-edges", type=_edges, metavar="A,B,...", help="GeV; 'inf' may be last"
    )
    command.add_argument("--abseta-edges", type=_edges, metavar="A,B,...", help="edges in |eta|")
    command.add_argument("--weight", metavar="COLUMN", help="event weight, such as genWeight")
    command.add_argument("--by", choices=("pt", "abseta"), default="pt", help="axis of a picture")
    command.add_argument("--style", choices=("atlas", "cms"), help="style of pictures")
    _add_common(command)
    command.set_defaults(run=efficiency.run)


def _add_common(command: argparse.ArgumentParser) -> None:
    command.add_argument("--tree", metavar="NAME", help="tree, if its name is unusual")
    command.add_argument("--schema", metavar="NAME", help="format, if the columns do not tell")
    command.add_argument("--step", type=int, default=STEP, metavar="N", help="events at a time")
    command.add_argument("--provider", choices=("auto", "cpu", "cuda"), help="what runs networks")
    command.add_argument("--threads", type=int, metavar="N", help="threads of a network")
    command.add_argument("--quiet", action="store_true", help="no progress")
    command.add_argument("--json", action="store_true", help="print JSON instead of text")


def _edges(text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of numbers a,b,c") from error
