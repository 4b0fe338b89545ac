"""lepid working-points: derive, show, compare and convert tables of cuts."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lepid.analysis.derivation import derive
from lepid.cli import terminal
from lepid.cli.arguments import add_common, edges, names
from lepid.cli.naming import pairs
from lepid.cli.outputs import check
from lepid.cli.point_files import OUTPUTS, add_picture, write_all
from lepid.description import MARK
from lepid.efficiency.summary import bin_text
from lepid.errors import BadFile, BadInput
from lepid.events import files
from lepid.pipeline import add_working_points, decorate_new
from lepid.point_tables import columns, efficiencies, rows, title
from lepid.taggers import catalogue, session
from lepid.taggers import plan as plans
from lepid.working_points import grid, plain, table, wps
from lepid.working_points.derive import MINIMUM, SENSES
from lepid.working_points.smooth import KINDS
from lepid.working_points.table import Binding, Table
from lepid.working_points.written import table_of

Layout = Callable[..., argparse.HelpFormatter]
JSON, YAML = (".json", ".json.gz"), (".yaml", ".yml")


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser], layout: Layout) -> None:
    """Add `working-points` and what it does to the commands."""
    text = "derive, show, compare and convert working points"
    top = commands.add_parser("working-points", help=text, description=text, formatter_class=layout)
    actions = top.add_subparsers(dest="action", required=True, metavar="ACTION")
    for name, text, build in (
        ("derive", "cuts at target efficiencies, from labelled leptons", _add_derive),
        ("show", "the cuts of a table in bins", _add_show),
        ("compare", "the cuts of two tables, bin by bin", _add_compare),
        ("convert", "a table to another format, or another format to a table", _add_convert),
    ):
        command = actions.add_parser(
            name, help=text, description=f"Give {text}.", formatter_class=layout
        )
        build(command)


def _add_derive(command: argparse.ArgumentParser) -> None:
    command.epilog = (
        "example: lepid working-points derive mc.root --tagger muon_plit --signal PromptMuon"
        " --efficiency Tight=0.9 --efficiency 'Loose=0.99-0.1*exp(-pt/20)' -o points.json"
    )
    command.add_argument(
        "files", nargs="+", metavar="FILE", help="ROOT, parquet or HDF5 files, or patterns"
    )
    command.add_argument("--tagger", required=True, metavar="NAME", help="tagger or tagger@network")
    command.add_argument(
        "--signal", required=True, type=names, metavar="A,B,...", help="truth classes"
    )
    for name, metavar, text in (
        ("efficiency", "POINT=X", "a number, or a formula of pt (GeV) and abseta"),
        ("like", "POINT=TAGGER.POINT", "the efficiency of another point in each bin"),
        ("rejection", "POINT=CLASSES:X", "one in X of these classes passes"),
    ):
        command.add_argument(
            f"--{name}", action="append", default=[], metavar=metavar, help=f"{text}; repeatable"
        )
    command.add_argument(
        "-o", "--output", action="append", default=[], metavar="OUT",
        help=f"{' '.join(OUTPUTS)}; repeatable",
    )  # fmt: skip
    command.add_argument(
        "--quantity", type=names, default=[], metavar="A[,B]", help="what to cut on"
    )
    command.add_argument(
        "--against", type=names, default=[], metavar="A,B,...",
        help="with two quantities: classes of which both cuts leave least",
    )  # fmt: skip
    command.add_argument("--sense", choices=SENSES, default=">", help="quantity SENSE cut passes")
    command.add_argument(
        "--scheme", metavar="NAME", help="truth classes: iff, dnn, cms, or a .toml file"
    )
    command.add_argument("--weight", metavar="COLUMN", help="weight of events or leptons")
    command.add_argument("--pt-edges", type=edges, metavar="A,B,...", help="GeV; 'inf' may be last")
    command.add_argument("--abseta-edges", type=edges, metavar="A,B,...", help="edges in |eta|")
    command.add_argument(
        "--axes", type=names, metavar="A,B", help="features to bin in; pt,abseta if left out"
    )
    command.add_argument(
        "--nested", action="store_true", help="a tighter point passes a subset of a looser one"
    )
    command.add_argument("--smoothing", choices=KINDS, default="", help="no steps in pT")
    add_picture(command)
    command.add_argument(
        "--minimum", type=float, default=MINIMUM, metavar="N",
        help=f"leptons on each side of a cut; thinner bins are merged ({MINIMUM:g})",
    )  # fmt: skip
    add_common(command)
    command.set_defaults(run=_derive)


def _add_show(command: argparse.ArgumentParser) -> None:
    command.add_argument("table", metavar="TABLE", help="a .json file of working points")
    command.add_argument(
        "-o", "--output", action="append", default=[], metavar="OUT",
        help=f"{' '.join(OUTPUTS)}; repeatable",
    )  # fmt: skip
    add_picture(command)
    command.add_argument("--json", action="store_true", help="print JSON")
    command.set_defaults(run=_show)


def _add_compare(command: argparse.ArgumentParser) -> None:
    for name in ("one", "other"):
        command.add_argument(name, metavar=name.upper(), help="a .json file of working points")
    command.add_argument("--json", action="store_true", help="print JSON")
    command.set_defaults(run=_compare)


def _add_convert(command: argparse.ArgumentParser) -> None:
    command.epilog = (
        "example: lepid working-points convert wps.yaml points.json --tagger muon_plit@mine"
    )
    command.add_argument(
        "file", metavar="IN", help="a table, any correctionlib file, or YAML of ftag's wps"
    )
    command.add_argument("output", metavar="OUT", help=" ".join(OUTPUTS))
    command.add_argument(
        "--tagger", metavar="TAGGER@NETWORK",
        help="whose scores the cuts are on; needed where IN does not say",
    )  # fmt: skip
    command.add_argument("--quantity", metavar="NAME", help="what they cut on")
    command.add_argument("--sense", choices=SENSES, help="of a correctionlib file: > if left out")
    command.add_argument(
        "--input", action="append", default=[], metavar="INPUT=FEATURE",
        help="what an input of a correctionlib file is; repeatable",
    )  # fmt: skip
    add_picture(command)
    command.set_defaults(run=_convert)


# --- derive -------------------------------------------------------------------------------------


def _derive(arguments: argparse.Namespace) -> int:
    outputs = [Path(path) for path in arguments.output]
    check(outputs, OUTPUTS, arguments.files)
    given = {name: pairs(getattr(arguments, name), "POINT=VALUE", "lepid working-points")
             for name in ("efficiency", "like", "rejection")}  # fmt: skip
    options: dict[str, Any] = {
        "signal": arguments.signal, "efficiency": given["efficiency"], "like": given["like"],
        "rejection": {name: _rejection(text) for name, text in given["rejection"].items()},
        "quantity": arguments.quantity, "against": arguments.against, "sense": arguments.sense,
        "scheme": arguments.scheme, "weight": arguments.weight, "nested": arguments.nested,
        "smoothing": arguments.smoothing, "minimum": arguments.minimum, "schema": arguments.schema,
    }  # fmt: skip
    options |= {k: v for k in ("pt_edges", "abseta_edges") if (v := getattr(arguments, k))}
    if arguments.axes:
        if len(arguments.axes) != 2:
            raise BadInput("--axes", f"{','.join(arguments.axes)}: expected two features A,B")
        options["axes"] = tuple(arguments.axes)
    others = [text.rpartition(".")[0] for text in given["like"].values()]
    taggers = list(dict.fromkeys([arguments.tagger, *filter(None, others)]))
    made = table_of(
        derive(_chunks(arguments, taggers), arguments.tagger, **options),
        outputs[0] if outputs else "derived",
    )
    return _tell(made, outputs, arguments)


def _tell(made: Table, outputs: Sequence[Path], arguments: argparse.Namespace) -> int:
    """Write and print a table."""
    write_all(made, outputs, arguments)
    if arguments.json:
        terminal.say_json(_facts(made))
        return 0
    _say(made)
    for path in outputs:
        terminal.say(f"written: {path}")
    return 0


def _rejection(text: str) -> tuple[list[str], float]:
    classes, _, factor = text.rpartition(":")
    try:
        return names(classes), float(factor)
    except ValueError:
        raise BadInput("--rejection", f"{text!r} is not CLASSES:NUMBER") from None


def _chunks(arguments: argparse.Namespace, taggers: Sequence[str]) -> Any:
    total = files.count(arguments.files, arguments.tree)
    needs = [arguments.weight.partition(".")[0]] if arguments.weight else []
    around = plans.takes_surroundings(taggers)
    with (
        session.settings(arguments.provider, arguments.threads),
        terminal.progress(total, "events", quiet=arguments.quiet) as advance,
    ):
        for events, _, number in files.chunks(
            arguments.files, arguments.step, arguments.tree, arguments.schema, needs, around=around
        ):
            tagged = decorate_new(events, taggers, schema=arguments.schema)
            yield add_working_points(tagged, arguments.table, schema=arguments.schema)
            advance(number)


# --- show, compare, convert ---------------------------------------------------------------------


def _show(arguments: argparse.Namespace) -> int:
    outputs = [Path(path) for path in arguments.output]
    check(outputs, OUTPUTS, [arguments.table])
    return _tell(table.read(Path(arguments.table)), outputs, arguments)


def _facts(some: Table) -> dict[str, Any]:
    found = [vars(each) for each in grid.grids(some)]
    lists = [
        {k: v.tolist() if hasattr(v, "tolist") else v for k, v in each.items()} for each in found
    ]
    return {"rules": some.rules.model_dump(exclude_defaults=True), "grids": _strict(lists)}


def _strict(value: Any) -> Any:
    """`value` with text in place of what JSON has no number for."""
    if isinstance(value, Mapping):
        return {k: _strict(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_strict(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    return value


def _say(some: Table) -> None:
    for line in some.tables.description.splitlines():
        if not line.startswith(MARK):
            terminal.say_wrapped(line)
    terminal.say_wrapped(f"bound to {some.binding_text()}")
    for each in grid.grids(some):
        terminal.say()
        terminal.say_table(title(each), columns(each), rows(each))
        said = efficiencies(each)
        if said:
            terminal.say(f"  {said}")


def _compare(arguments: argparse.Namespace) -> int:
    one, other = (table.read(Path(path)) for path in (arguments.one, arguments.other))
    found = grid.differences(one, other)
    if arguments.json:
        terminal.say_json(_strict([each._asdict() for each in found]))
        return 0
    lines: list[tuple[str, ...]] = []
    for each in found:
        name = f"{each.point} {each.quantity}"
        bins = ", ".join(f"{axis} {bin_text((low, high))}" for axis, low, high in each.bin)
        known = math.isfinite(each.uncertainty) and each.uncertainty > 0.0
        pull = f"{(each.other - each.one) / each.uncertainty:+.1f}" if known else ""
        lines.append((name, bins, f"{each.one:.6g}", f"{each.other:.6g}",
                     f"{each.other - each.one:+.4g}", pull))  # fmt: skip
    shown = [
        ("" if i and line[0] == lines[i - 1][0] else line[0], *line[1:])
        for i, line in enumerate(lines)
    ]
    head = ("point", "bin", "one", "other", "other - one", "in sigma")
    terminal.say_table(f"{one.path} and {other.path}", head, shown)
    return 0


def _convert(arguments: argparse.Namespace) -> int:
    source, goal = Path(arguments.file), Path(arguments.output)
    check([goal], OUTPUTS, [])
    if goal.exists() and source.exists() and goal.samefile(source):
        raise BadFile(str(goal), "is the file to read", (), "write to another name")
    write_all(_read(source, arguments), [goal], arguments)
    terminal.say(f"written: {goal}")
    return 0


def _read(path: Path, arguments: argparse.Namespace) -> Table:
    if path.name.lower().endswith(JSON) and not arguments.tagger:
        return table.read(path)
    if not arguments.tagger:
        do = "name the tagger@network whose scores the cuts are on"
        raise BadInput("--tagger", f"{path.name} does not say whose scores it cuts on", (), do)
    tagger, network = plans.split(arguments.tagger)
    cards = [catalogue.load(tagger, network)] if network else catalogue.networks(tagger)
    if len(cards) > 1:
        listed = ", ".join(card.name for card in cards)
        raise BadInput("--tagger", f"{tagger} has several networks", (), f"name one of: {listed}")
    (card,) = cards
    quantity = arguments.quantity or next(iter([*card.discriminants, *card.fields]))
    bound_to = Binding(
        sha256=tuple(part.sha256 for part in card.networks if part.sha256),
        path=tuple(part.path for part in card.networks if part.path),
        columns=card.stored_columns,
    )
    if path.name.lower().endswith(YAML):
        return wps.read(path, tagger, quantity, bound_to)
    inputs = pairs(arguments.input, "INPUT=FEATURE", "lepid working-points")
    return plain.read(
        path, tagger=tagger, quantity=quantity, sense=arguments.sense or ">", bound_to=bound_to,
        inputs=inputs,
    )  # fmt: skip
