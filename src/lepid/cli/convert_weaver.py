"""lepid convert weaver: a network with its preprocess.json to a model folder."""

from __future__ import annotations

import argparse
from pathlib import Path

from lepid.cli import naming
from lepid.convert import weaver_folder
from lepid.convert.weaver_folder import KINDS, Around
from lepid.errors import BadInput


def add(command: argparse.ArgumentParser) -> None:
    """Add the arguments to the command."""
    command.epilog = (
        "example: lepid convert weaver model.onnx preprocess.json -o models --tagger muon_mine"
        " --flavour muon --around pf=candidate,0.4 --feature PF_pt=pt,GeV"
    )
    command.add_argument("model", metavar="ONNX", type=Path, help="the network")
    command.add_argument("preprocessing", metavar="JSON", type=Path, help="its preprocess.json")
    naming.add(command, "weaver")
    command.add_argument(
        "--around", action="append", default=[], metavar="LIST=KIND[,CONE]",
        help="of what the inputs LIST_... take lists, once for each: "
        f"{', '.join(KINDS)}; CONE is the largest distance from the lepton, 0.4 if left out",
    )  # fmt: skip
    command.add_argument(
        "--order", choices=("nearest", "stored", "pt"), default="stored",
        help="which of them comes first; stored, as the file has them, if left out",
    )  # fmt: skip
    command.add_argument(
        "--wrap", action="append", default=[], metavar="INPUT",
        help="an input that was trained with pad_mode wrap, which the JSON does not say",
    )  # fmt: skip
    command.add_argument(
        "--output-name", action="append", default=[], metavar="NAME",
        help="name of a score, once for each class; the labels of the JSON if left out",
    )  # fmt: skip


def run(arguments: argparse.Namespace) -> Path:
    """Convert as the arguments say; the folder that was written."""
    return weaver_folder.convert(
        arguments.model,
        arguments.preprocessing,
        arguments.output,
        around={k: _around(v) for k, v in naming.pairs(arguments.around, _AROUND).items()},
        order=arguments.order,
        wrap=arguments.wrap,
        outputs=arguments.output_name,
        **naming.given(arguments),
    )


_AROUND = "LIST=KIND[,CONE]"


def _around(text: str) -> Around:
    kind, comma, cone = text.partition(",")
    try:
        return Around(kind, float(cone) if comma else None)
    except ValueError as error:
        raise BadInput("--around", f"the cone {cone!r} is not a number", (), "0.4") from error
