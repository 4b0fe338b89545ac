"""How the commands that convert a network name it, and say what its inputs are."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from lepid.errors import BadInput

HINT = "check the inputs: one without a unit is taken in the unit of the file"


def add(command: argparse.ArgumentParser, network: str) -> None:
    """Add the names, the flavour and the columns; the network is called `network` if left out."""
    command.add_argument("--tagger", required=True, metavar="NAME", help="such as electron_mine")
    command.add_argument(
        "--network", default=network, metavar="NAME", help=f"{network} if left out"
    )
    command.add_argument("--flavour", required=True, choices=("electron", "muon"))
    command.add_argument(
        "--feature", action="append", default=[], metavar="INPUT=COLUMN[,UNIT]",
        help="column of the leptons that an input is, and the unit of the training; repeatable",
    )  # fmt: skip


def given(arguments: argparse.Namespace) -> dict[str, Any]:
    """What `add` added, as the converters take it.

    Raises
    ------
    BadInput : a feature that is not INPUT=COLUMN[,UNIT], or one that is given twice
    """
    features = {}
    for name, text in pairs(arguments.feature, "INPUT=COLUMN[,UNIT]").items():
        column, _, unit = text.partition(",")
        features[name] = (column, unit)
    return {
        "tagger": arguments.tagger, "network": arguments.network, "flavour": arguments.flavour,
        "features": features,
    }  # fmt: skip


def pairs(words: Sequence[str], what: str, where: str = "lepid convert") -> dict[str, str]:
    """NAME -> VALUE of words NAME=VALUE.

    Raises
    ------
    BadInput : another word, or a name that is given twice
    """
    found: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not (name and equals and value):
            raise BadInput(where, f"{word!r} is not {what}")
        if name in found:
            raise BadInput(where, f"{name} is given twice")
        found[name] = value
    return found
