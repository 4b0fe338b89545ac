"""lepid convert: foreign networks and working points to model folders."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lepid.cli import convert_trees, convert_weaver, naming, terminal
from lepid.convert import electron_dnn, electron_lh, electron_plit, lwtnn_folder
from lepid.errors import BadInput
from lepid.taggers import card_file, catalogue
from lepid.taggers.card import Card
from lepid.taggers.plan import split
from lepid.working_points import table

Layout = Callable[..., argparse.HelpFormatter]
FORMATS = (
    ("lwtnn", "a network in lwtnn's JSON, sequential or graph"),
    ("athena-conf", "ATLAS's electron network or likelihood with its working points"),
    ("electron-plit-graphs", "cuts of ATLAS's electron PLIT"),
    ("weaver", "a network of weaver, ONNX with its preprocess.json"),
    *((name, text) for name, (text, _) in convert_trees.FORMATS.items()),
)


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser], layout: Layout) -> None:
    """Add `convert` and its formats to the commands."""
    text = "make a model folder from a foreign network"
    convert = commands.add_parser("convert", help=text, description=text, formatter_class=layout)
    formats = convert.add_subparsers(dest="format", required=True, metavar="FORMAT")
    made = {
        name: formats.add_parser(
            name, help=text, description=f"Convert {text}.", formatter_class=layout
        )
        for name, text in FORMATS
    }
    _add_lwtnn(made["lwtnn"])
    _add_athena_conf(made["athena-conf"])
    _add_graphs(made["electron-plit-graphs"])
    convert_weaver.add(made["weaver"])
    made["weaver"].set_defaults(run=_weaver)
    for name in convert_trees.FORMATS:
        convert_trees.add(made[name], name, _trees)
    for each in made.values():
        each.add_argument(
            "-o", "--output", required=True, metavar="FOLDER", type=Path,
            help="gets TAGGER/NETWORK/card.toml and the rest; then a folder for LEPID_MODELS",
        )  # fmt: skip
        each.add_argument("--json", action="store_true", help="print JSON instead of text")


def _add_lwtnn(command: argparse.ArgumentParser) -> None:
    command.epilog = (
        "example: lepid convert lwtnn net.json -o models --tagger electron_mine --flavour electron"
        " --feature jet_pt=pt,GeV"
    )
    command.add_argument("file", metavar="FILE", type=Path, help="lwtnn's JSON")
    naming.add(command, "lwtnn")
    command.set_defaults(run=_lwtnn)


def _add_athena_conf(command: argparse.ArgumentParser) -> None:
    command.epilog = "example: lepid convert athena-conf Tight=tight.conf -o models --network mine"
    command.add_argument(
        "points", nargs="*", metavar="NAME=CONF",
        help="a working point and its conf; what it names is looked for below the folders"
        " above the conf and below LEPID_CALIBRATION",
    )  # fmt: skip
    command.add_argument(
        "--menu", metavar="NAME",
        help="instead of confs: those of ATLAS below LEPID_CALIBRATION, atlas-mc20-20240509,"
        " atlas-mc16-20210430, or, for the likelihood, atlas-mc20-20210514",
    )  # fmt: skip
    command.add_argument("--network", metavar="NAME", help="name of the result; that of the menu")
    command.add_argument(
        "--ignore", action="append", default=[], metavar="KEY",
        help="a key of the confs that lepid may not know; repeatable",
    )  # fmt: skip
    command.set_defaults(run=_athena_conf)


def _add_graphs(command: argparse.ArgumentParser) -> None:
    command.epilog = (
        "example: lepid convert electron-plit-graphs isolPLITTightRun3=tight.root -o models"
        " --card electron_plit@atlas-2025-04-25-run3 --sense '>'"
    )
    command.add_argument(
        "points", nargs="+", metavar="NAME=FILE",
        help="a working point and its ROOT file: a histogram `binning`, a graph per bin of |eta|",
    )  # fmt: skip
    command.add_argument(
        "--card", required=True, metavar="TAGGER@NETWORK",
        help="card that the points belong to; a copy with them is written",
    )  # fmt: skip
    command.add_argument(
        "--sense", required=True, choices=(">", ">=", "<", "<="),
        help="a lepton passes if its discriminant is > (or <=, ...) the cut; Athena's code reads as"
        " <=, prompt electrons have large values",
    )  # fmt: skip
    command.set_defaults(run=_graphs)


def _lwtnn(arguments: argparse.Namespace) -> int:
    path = lwtnn_folder.convert(
        arguments.file,
        arguments.output,
        **naming.given(arguments),
    )
    return _say(path, arguments, naming.HINT)


def _weaver(arguments: argparse.Namespace) -> int:
    return _say(convert_weaver.run(arguments), arguments, naming.HINT)


def _trees(arguments: argparse.Namespace) -> int:
    return _say(convert_trees.run(arguments), arguments, naming.HINT)


def _athena_conf(arguments: argparse.Namespace) -> int:
    given = naming.pairs(arguments.points, "NAME=CONF")
    if bool(given) == bool(arguments.menu):
        wrong = "give working points as NAME=CONF, or a --menu"
        raise BadInput("lepid convert athena-conf", wrong)
    network = arguments.network or arguments.menu
    if not network:
        raise BadInput("lepid convert athena-conf", "the result has no name", (), "give --network")
    if arguments.menu:
        points = electron_dnn.menu(arguments.menu)
    else:
        points = {name: Path(path) for name, path in given.items()}
    likelihood = electron_lh.is_likelihood(next(iter(points.values())))
    convert = electron_lh.convert if likelihood else electron_dnn.convert
    return _say(convert(points, network, arguments.output, arguments.ignore), arguments)


def _graphs(arguments: argparse.Namespace) -> int:
    points = {k: Path(v) for k, v in naming.pairs(arguments.points, "NAME=FILE").items()}
    tagger, network = split(arguments.card)
    if network is None:
        known = ", ".join(card.name for card in catalogue.networks(tagger))
        wrong = f"{arguments.card!r} names no network"
        raise BadInput("--card", wrong, (), f"use one of: {known}")
    card = catalogue.load(tagger, network)
    return _say(electron_plit.convert(points, card, arguments.sense, arguments.output), arguments)


def _say(path: Path, arguments: argparse.Namespace, hint: str = "") -> int:
    card = card_file.load(path / "card.toml")
    facts = _facts(path, card)
    if arguments.json:
        terminal.say_json(facts)
        return 0
    terminal.say(f"wrote {path}")
    terminal.say(f"  outputs         {', '.join(facts['outputs'])}")
    for node, names in facts["inputs"].items():
        terminal.say_wrapped(f"  inputs          {node}: {', '.join(names)}")
    if facts["working_points"]:
        terminal.say_wrapped(f"  working points  {', '.join(facts['working_points'])}")
    if hint:
        terminal.say(hint)
    terminal.say(f"next: LEPID_MODELS={arguments.output} lepid show {card.name}")
    return 0


def _facts(path: Path, card: Card) -> dict[str, Any]:
    points = [
        point
        for name in card.working_points
        if (path / name).is_file()
        for point in table.read(path / name).points
    ]
    return {
        "folder": str(path),
        "card": card.name,
        "outputs": [output.name for output in card.outputs],
        "inputs": {
            node.name: [entry.feature for entry in node.inputs]
            for network in card.networks
            for node in network.nodes
        },
        "working_points": points,
    }
