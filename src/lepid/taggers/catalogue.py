"""Which taggers exist, where their cards, tables and network files are."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from lepid.errors import (
    BadCard,
    BadTable,
    ChangedNetwork,
    MissingNetwork,
    NetworkMismatch,
    UnknownTagger,
)
from lepid.taggers import card_file
from lepid.taggers.card import Card
from lepid.taggers.card_network import Network

PACKAGE = Path(__file__).resolve().parent.parent


def _folders(variable: str) -> list[Path]:
    return [Path(p).expanduser() for p in os.environ.get(variable, "").split(os.pathsep) if p]


def _shipped(name: str) -> list[Path]:
    # An editable install also copies the wheel's folders, and that copy goes stale: the checkout
    # comes first. `PACKAGE` is src/lepid there and site-packages/lepid in a wheel.
    checkout = PACKAGE.parent.parent / name
    in_checkout = PACKAGE.parent.name == "src" and checkout.is_dir()
    return [checkout] if in_checkout else [PACKAGE / f"_{name}"]


def model_folders() -> list[Path]:
    """Folders that hold `<tagger>/<network>/card.toml`, in order: `LEPID_MODELS`, then lepid's."""
    return [*_folders("LEPID_MODELS"), *_shipped("models")]


def paths() -> dict[tuple[str, str], Path]:
    """(tagger, network) -> path of its card; where two folders hold the same, the first wins."""
    found: dict[tuple[str, str], Path] = {}
    for folder in model_folders():
        for path in sorted(folder.glob("*/*/card.toml")):
            found.setdefault((path.parent.parent.name, path.parent.name), path)
    return found


def taggers() -> list[str]:
    """Names of the taggers that have a card, sorted."""
    return sorted({tagger for tagger, _ in paths()})


def networks(tagger: str) -> list[Card]:
    """Cards of `tagger`, ordered by network name, the stored ones first.

    Raises
    ------
    UnknownTagger : no card has this name
    BadCard : one of them does not load
    """
    found = [load(*key) for key in paths() if key[0] == tagger]
    if not found:
        raise UnknownTagger.of("taggers", "tagger", tagger, taggers())
    return sorted(found, key=lambda card: (bool(card.networks), card.network))


def cards() -> list[Card]:
    """Every card that loads, by tagger and network."""
    bad = broken()
    return [load(*key) for key, path in sorted(paths().items()) if str(path) not in bad]


def load(tagger: str, network: str) -> Card:
    """The card of one network of a tagger.

    Raises
    ------
    UnknownTagger : no card has this name
    BadCard : it does not load
    """
    known = paths()
    if (tagger, network) not in known:
        names = [n for t, n in known if t == tagger]
        if not names:
            raise UnknownTagger.of("taggers", "tagger", tagger, {t for t, _ in known})
        raise UnknownTagger.of(tagger, "network", network, names)
    path = known[tagger, network]
    return _load(path, path.stat().st_mtime_ns)


@cache
def _load(path: Path, modified: int) -> Card:
    return card_file.load(path)


def folder(card: Card) -> Path:
    """Folder of the card."""
    return paths()[card.tagger, card.network].parent


def table_path(card: Card, name: str) -> Path:
    """Path of the working-point table `name`: beside the card, or among lepid's tables.

    Raises
    ------
    BadTable : it is nowhere
    """
    places = [folder(card) / name, *(root / name for root in _shipped("wp_tables"))]
    for place in places:
        if place.is_file():
            return place
    looked = ", ".join(str(place) for place in places)
    wrong = f"working points {name} not found (looked at: {looked})"
    raise BadTable(f"card {card.name}", wrong, (), "put the file beside the card")


def find(card: Card, network: Network) -> Path | None:
    """Path of the network file, or None if it is not on this machine."""
    return next((place for place in _places(card, network) if place.is_file()), None)


def here(cards: Iterable[Card]) -> list[Card]:
    """Those whose networks are all on this machine; confs of Athena only if there is no other."""
    found = [card for card in cards if all(find(card, network) for network in card.networks)]
    return [c for c in found if not any(network.conf for network in c.networks)] or found


def _places(card: Card, network: Network) -> list[Path]:
    if network.path:
        return [root / network.path for root in _folders("LEPID_CALIBRATION")]
    beside = folder(card) / network.file
    roots = _folders("LEPID_MODELS")
    deep = [root / card.tagger / card.network / network.file for root in roots]
    return [beside, *deep, *(root / card.tagger / network.file for root in roots)]


def locate(card: Card, network: Network) -> tuple[Path, str]:
    """Path and sha256 of the network file.

    Raises
    ------
    MissingNetwork : it is not on this machine
    NetworkMismatch : it is a configuration of Athena, which is to be converted
    ChangedNetwork : its sha256 is not the one of the card
    """
    path = find(card, network)
    if path is None:
        variable = "LEPID_CALIBRATION" if network.path else "LEPID_MODELS"
        looked = [str(place) for place in _places(card, network)]
        do = f"set {variable} to the folder that holds {network.path or network.file}"
        raise MissingNetwork.of(f"card {card.name}", network.path or network.file, looked, do)
    if network.conf:
        # Cards of confs have the name of their menu.
        raise NetworkMismatch.conf(str(path), card.network)
    digest = sha256(path)
    if network.sha256 and digest != network.sha256:
        raise ChangedNetwork.of(str(path), network.sha256, digest)
    return path, digest


def sha256(path: Path) -> str:
    """Hash of the content of the file at `path`, 64 hexadecimal digits."""
    stat = path.stat()
    return _sha256(path, stat.st_mtime_ns, stat.st_size)


@cache
def _sha256(path: Path, modified: int, size: int) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def broken() -> dict[str, BadCard]:
    """Path -> error, for each card that does not load."""
    errors: dict[str, BadCard] = {}
    for (tagger, network), path in paths().items():
        try:
            load(tagger, network)
        except BadCard as error:
            errors[str(path)] = error
    return errors
