"""lepid taggers, lepid show: what there is and what it says."""

from __future__ import annotations

import argparse
from pathlib import Path

from lepid.cli import terminal
from lepid.errors import NetworkMismatch
from lepid.taggers import catalogue
from lepid.taggers.card import Card
from lepid.taggers.card_jets import Jets
from lepid.taggers.card_outputs import Form
from lepid.taggers.plan import split
from lepid.working_points import table as working_points
from lepid.working_points.table import Requirement, Table

ABSENT, CONF = "no file", "conf to convert"


def taggers(arguments: argparse.Namespace) -> int:
    """List the taggers and their networks; fails if a card does not load."""
    broken = catalogue.broken()
    cards = catalogue.cards()
    if arguments.json:
        listed = [{"name": c.name, "description": c.description, "state": _state(c)} for c in cards]
        problems = {path: str(error) for path, error in broken.items()}
        terminal.say_json({"taggers": listed, "broken": problems})
    else:
        rows = [(card.name, _state(card), card.description) for card in cards]
        terminal.say_table("taggers", ("name", "runs from", "what it is"), rows)
        for variable in ("LEPID_CALIBRATION", "LEPID_MODELS"):
            names = [
                card.name
                for card in cards
                if _state(card) == ABSENT and _variable(card) == variable
            ]
            if names:
                terminal.say_wrapped(f"{ABSENT}: set {variable} for {', '.join(names)}")
        for card in cards:
            if _state(card) == CONF:
                terminal.say_wrapped(f"{card.name}: {_found_conf(card).do}")
        for error in broken.values():
            terminal.say(str(error))
    return 1 if broken else 0


def _found_conf(card: Card) -> NetworkMismatch:
    return NetworkMismatch.conf(card.networks[0].path, card.network)


def _state(card: Card) -> str:
    if not card.networks:
        return "stored"
    if not all(catalogue.find(card, network) for network in card.networks):
        return ABSENT
    if any(network.conf for network in card.networks):
        return CONF
    return "network" + (", if named" if card.reference else "")


def _variable(card: Card) -> str:
    return "LEPID_CALIBRATION" if card.networks[0].path else "LEPID_MODELS"


def show(arguments: argparse.Namespace) -> int:
    """Show the cards of a tagger, or a table of working points."""
    name = arguments.name
    if name.endswith((".json", ".json.gz")):
        table = working_points.read(Path(name))
        if arguments.json:
            terminal.say_json(table.rules.model_dump(exclude_defaults=True))
        else:
            _show_table(table)
        return 0
    tagger, network = split(name)
    cards = [catalogue.load(tagger, network)] if network else catalogue.networks(tagger)
    if arguments.json:
        terminal.say_json([card.model_dump(exclude_defaults=True) for card in cards])
        return 0
    for card in cards:
        _show_card(card)
    # The networks of a tagger share tables.
    tables = {catalogue.table_path(c, name): None for c in cards for name in c.working_points}
    for path in tables:
        _show_table(working_points.read(path))
    return 0


def _show_card(card: Card) -> None:
    lines = [
        f"{card.name}: {card.description}",
        f"  card    {catalogue.folder(card) / 'card.toml'}",
        f"  source  {card.source}",
    ]
    for output in card.outputs:
        origin = " or ".join(output.stored) or f"{output.node}[{output.index or 0}]"
        lines.append(f"  output  {output.name}: {output.doc} (from {origin})")
    for name, forms in card.discriminants.items():
        lines += [f"  discriminant  {name} = {_form(form)}" for form in forms]
    lines += [f"  decision  {d.name} (from {' or '.join(d.stored)})" for d in card.decisions]
    for bits in card.bits:
        files = f"with {' or '.join(bits.beside)}: " if bits.beside else ""
        lines.append(f"  bits      {files}{', '.join(bits.names)}")
    nodes = [node for network in card.networks for node in network.nodes]
    if any(entry.feature.startswith("jet_") for node in nodes for entry in node.inputs):
        lines.append(f"  jets    {_jets(card.jets)}")
    for network in card.networks:
        place = network.file or f"<LEPID_CALIBRATION>/{network.path}"
        lines.append(f"  network  {place}: {catalogue.find(card, network) or 'not here'}")
        if network.valid:
            lines.append(f"    scored are: {', '.join(c.doc for c in network.valid)}")
        for node in network.nodes:
            listed = ", ".join(entry.feature for entry in node.inputs)
            lines.append(f"    {node.name}, {len(node.inputs)} per {node.per}: {listed}")
            lines += [f"    {switch} is true" for switch in node.switches]
        if network.gives:
            lines.append(f"    gives the networks after it {', '.join(network.given)}")
    lines += [f"  note    {note}" for note in card.notes]
    terminal.say_wrapped("\n".join(lines))


def _jets(jets: Jets) -> str:
    near = f"the nearest with dR < {jets.dr:g}, pt > {jets.pt:g} GeV, |eta| < {jets.abseta:g}"
    return f"{near}; energy loss taken out: {jets.energy_loss}"


def _form(form: Form) -> str:
    if form.output:
        return form.output if form.kind == "score" else f"-ln(1/{form.output} - 1)/{form.scale:g}"
    above, below = (
        " + ".join(
            name if weight == "1" else f"({weight}) {name}" for name, weight in terms.items()
        )
        for terms in (form.numerator, form.denominator)
    )
    ratio = f"[{above}] / [{below}]"
    return f"ln {ratio}" if form.kind == "log_ratio" else ratio


def _requirement(table: Table, requirement: Requirement) -> str:
    inputs = ", ".join(table.tables.inputs(requirement.correction))
    return f"{requirement.quantity} {requirement.sense} {requirement.correction}({inputs})"


def _show_table(table: Table) -> None:
    points = table.rules.points.items()
    rows = [(point, " and ".join(_requirement(table, r) for r in rs)) for point, rs in points]
    terminal.say_table(f"working points of {table.path}", ("point", "requires"), rows)
    axes = [f"{name} = {feature} [{unit}]" for name, (feature, unit) in table.axes().items()]
    terminal.say_wrapped(f"  {table.tables.description.splitlines()[0]}")
    terminal.say_wrapped(f"  binned in {', '.join(axes)}")
    terminal.say_wrapped(f"  bound to {table.binding_text()}")
    cuts = [
        ("" if place else name, where or "everywhere", cut)
        for name in dict.fromkeys(r.correction for _, rs in points for r in rs)
        for place, (where, cut) in enumerate(table.tables.parts(name))
    ]
    terminal.say_table("cuts", ("cut", "where", "value"), cuts)
