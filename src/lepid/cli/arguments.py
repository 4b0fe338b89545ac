"""Arguments that several commands share."""

from __future__ import annotations

import argparse
from itertools import pairwise

from lepid.errors import BadInput

STEP = 50_000


def names(text: str) -> list[str]:
    """Words of ``a,b,c``."""
    return [part.strip() for part in text.split(",") if part.strip()]


def add_reading(command: argparse.ArgumentParser) -> None:
    """Add how files are read, and what is printed."""
    command.add_argument("--tree", metavar="NAME", help="tree, if its name is unusual")
    command.add_argument("--schema", metavar="NAME", help="format, if the columns do not tell")
    command.add_argument(
        "--step", type=positive, default=STEP, metavar="N", help="events at a time"
    )
    command.add_argument("--quiet", action="store_true", help="no progress")
    command.add_argument("--json", action="store_true", help="print JSON instead of text")


def add_common(command: argparse.ArgumentParser) -> None:
    """Add these, and what runs networks."""
    command.add_argument("--provider", choices=("auto", "cpu", "cuda"), help="what runs networks")
    command.add_argument("--threads", type=positive, metavar="N", help="threads of a network")
    command.add_argument(
        "--table", action="append", default=[], metavar="FILE",
        help="working points of your own to decide too, .json; repeatable",
    )  # fmt: skip
    add_reading(command)


def add_checkpoint(command: argparse.ArgumentParser, suffix: str) -> None:
    """Add the argument that names it."""
    command.add_argument(
        "--checkpoint",
        metavar="FILE",
        help=f"{suffix}, kept after each file; the same command goes on from there",
    )


def edges(text: str) -> list[float]:
    """Numbers of ``a,b,c``, which increase."""
    try:
        found = [float(part) for part in text.split(",")]
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of numbers a,b,c") from error
    if len(found) < 2 or not all(low < high for low, high in pairwise(found)):
        raise argparse.ArgumentTypeError(f"{text!r} is not two or more numbers that increase")
    return found


def two_ends(arguments: argparse.Namespace, name: str) -> tuple[float, float] | None:
    """The ends that an argument ``A,B`` gives; None if it is left out.

    Raises
    ------
    BadInput : there are more
    """
    found = getattr(arguments, name)
    if found and len(found) != 2:
        raise BadInput(f"--{name}", f"{len(found)} numbers, and it has two ends: A,B")
    return (found[0], found[1]) if found else None


def positive(text: str) -> int:
    """A whole number of 1 or more."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 1 or more")
    return int(text)
