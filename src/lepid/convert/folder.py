"""Model folders: a card, its network, its working points, all or nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from lepid.errors import BadCard, BadInput
from lepid.files_out import atomic_folder
from lepid.tables import Node
from lepid.taggers import card_file
from lepid.taggers.card import Card
from lepid.working_points import table
from lepid.working_points.table import Requirement, Rules

CARD, NETWORK, POINTS = "card.toml", "network.onnx", "points.json"


def sha256(content: bytes) -> str:
    """Hash of `content`, 64 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def card_of(keys: Mapping[str, Any]) -> Card:
    """The card with these keys.

    Raises
    ------
    BadCard : they break the rules of cards
    """
    try:
        return Card.model_validate(keys)
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
        raise BadCard.of(f"card {keys.get('tagger')}@{keys.get('network')}", problems) from error


def requirements(
    card: Card, made: Mapping[str, Iterable[tuple[Node, Requirement]]]
) -> tuple[list[Node], dict[str, tuple[Requirement, ...]]]:
    """Corrections of all working points, and what each of them requires.

    Parameters
    ----------
    made : working point -> its corrections, each with the requirement that uses it

    Raises
    ------
    BadInput : a working point has the name of a field of the card
    """
    taken = [name for name in made if name in card.fields]
    if taken:
        wrong = f"a working point cannot be called {taken[0]}, a field of the card"
        raise BadInput("athena-conf", wrong, (), "give it another name")
    pairs = {name: list(entries) for name, entries in made.items()}
    corrections = [node for entries in pairs.values() for node, _ in entries]
    return corrections, {name: tuple(r for _, r in entries) for name, entries in pairs.items()}


def write(
    root: Path,
    card: Card,
    network: bytes = b"",
    points: tuple[Rules, Sequence[Mapping[str, Any]]] | None = None,
) -> Path:
    """Write `<root>/<tagger>/<network>/` with all that is given; its path.

    Parameters
    ----------
    network : content of the file of its network
    points : rules and corrections of `POINTS`

    Raises
    ------
    BadFile : the folder is there already, or cannot be written; nothing is
    BadTable : the points break the rules of tables; nothing is written
    """
    path = root / card.tagger / card.network
    with atomic_folder(path) as partial:
        (partial / CARD).write_text(card_file.dump(card), encoding="utf-8")
        if network:
            (partial / card.networks[0].file).write_bytes(network)
        if points:
            table.write(partial / POINTS, f"Working points of {card.name}.", *points)
    return path
