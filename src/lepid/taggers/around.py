"""What networks take of what lies around leptons: which columns of tracks, clusters, vertices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from lepid.errors import BadInput
from lepid.events.columns import Columns, required
from lepid.features import constituents, definitions, impact, jets, leptons, tracks
from lepid.features.leptons import Aggregate
from lepid.taggers import inputs
from lepid.taggers.card import Card
from lepid.taggers.card_network import Network, Node

# Kind of constituents -> column -> why.
Kinds = dict[str, dict[str, str]]
# Of the primary vertex and the beam spot, for impact parameters that files do not store.
VERTEX = ("z", "vertexType", "covariance_zz")
BEAM = ("beamPosSigmaX", "beamPosSigmaY", "beamPosSigmaXY")


@dataclass(frozen=True)
class Around:
    """What lies around the leptons and is read for a network.

    Attributes
    ----------
    collections : kind of constituents -> collection
    columns : kind -> column -> its name in the events
    aggregates : columns of the leptons that are made of them
    impact : whether the impact parameters of the tracks are "stored" or "computed"; empty without
        tracks
    defaults : which inputs are the default of the card for every lepton, and why
    """

    collections: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    aggregates: tuple[str, ...] = ()
    impact: str = ""
    defaults: tuple[str, ...] = ()

    @property
    def tables(self) -> dict[str, Mapping[str, str]]:
        """Collection -> column -> its name in the events."""
        return {self.collections[kind]: columns for kind, columns in self.columns.items()}


def reads(card: Card, columns: Columns) -> tuple[dict[str, str], Around]:
    """Column of the leptons -> its name in the events, and what is read around them.

    Raises
    ------
    BadInput : the format has no such constituents
    MissingColumns : lists all columns that are not there, of all collections
    """
    own: dict[str, str] = {}
    kinds: Kinds = {}
    aggregates: list[str] = []
    defaults: dict[str, None] = {}
    sources: list[str] = []
    given = {name for network in card.networks for name in network.given}

    def there(column: str) -> bool:
        return column in leptons.AGGREGATES or column in given or bool(columns.find(column))

    for network in card.networks:
        absent = inputs.absent(network, there)
        defaults |= dict.fromkeys(absent.values())
        needs = inputs.needs(network, absent)
        for column, feature in definitions.resolve(needs, there, columns.follows).items():
            why = f"input {feature} of {card.name}"
            made = leptons.AGGREGATES.get(column)
            if column in given:
                continue
            if made is None or columns.find(column):
                own.setdefault(column, why)
                continue
            aggregates.append(column)
            own |= dict.fromkeys(_needs(card, made), why)
            sources.append(_constituents_of(card, made, columns, kinds, why))
        for node in network.ragged:
            own |= {c: w for c, w in _own(card, node).items() if c not in own}
            if node.per == "track":
                sources.append(_tracks(card, node, columns, kinds))
            else:
                _others(card, node, columns, kinds)
    places = {kind: _constituents(card, columns, kind) for kind in kinds}
    own = definitions.resolve(own, columns.find, columns.follows)
    found = required([(columns, own), *((places[kind], kinds[kind]) for kind in kinds)])
    collections = {kind: place.collection for kind, place in places.items()}
    named = dict(zip(kinds, found[1:], strict=True))
    made_up = tuple(dict.fromkeys(aggregates))
    source = next((source for source in sources if source), "")
    return found[0], Around(collections, named, made_up, source, tuple(defaults))


def _needs(card: Card, made: Aggregate) -> list[str]:
    """Columns of the leptons that an aggregate is made of."""
    if not made.own_pt:
        loss = made.kind == "jet" and card.jets.energy_loss != "none"
        return [*made.needs, *([jets.ENERGY_LOSS] if loss else [])]
    tracks = leptons.PRIMARY_TRACKS[card.flavour]
    momenta = [f"{track}.{name}" for track in tracks for name in ("qOverP", "theta")]
    return [*made.needs, *momenta, *(["muonType"] if card.flavour == "muon" else [])]


def _constituents_of(card: Card, made: Aggregate, columns: Columns, kinds: Kinds, why: str) -> str:
    """Adds what an aggregate takes of constituents; as `_tracks`."""
    if made.kind == leptons.TRACK_JET:
        return _jets(card, columns, kinds, why)
    kinds.setdefault(made.kind, {}).update(dict.fromkeys(made.of, why))
    if made.primary:
        kinds.setdefault("vertex", {}).update(dict.fromkeys(made.primary, why))
    return ""


def _jets(card: Card, columns: Columns, kinds: Kinds, why: str) -> str:
    """Adds the track jets of the file, or what they are made of; as `_tracks`."""
    place = columns.constituents(leptons.TRACK_JET)
    if place and place.there(place.collection):
        kinds.setdefault(leptons.TRACK_JET, {}).update(
            dict.fromkeys(leptons.TRACK_JET_COLUMNS, why)
        )
        return ""
    return _of_tracks(_constituents(card, columns, "track"), (), kinds)


def _own(card: Card, node: Node) -> dict[str, str]:
    """Columns of the leptons that say where they are, and which tracks are theirs."""
    what = "the tracks" if node.per == "track" else "what lies"
    needs = dict.fromkeys(("eta", "phi"), f"{what} around {card.flavour}s")
    if node.per == "track" and node.own_track == "link":
        needs |= dict.fromkeys(leptons.OWN_TRACKS[card.flavour], "the lepton's own tracks")
    return needs


def _tracks(card: Card, node: Node, columns: Columns, kinds: Kinds) -> str:
    """Adds what `node` takes of tracks; whether their impact parameters are stored."""
    place = _constituents(card, columns, "track", node.name)
    source = _of_tracks(place, [entry.feature for entry in node.inputs], kinds, card.name)
    if node.tracks == "pliv":
        _jets(card, columns, kinds, "the track jets next to leptons")
    return source


def _of_tracks(place: Columns, features: Iterable[str], kinds: Kinds, card: str = "") -> str:
    """Adds what the selection of tracks and `features` take; as `_tracks`."""
    there = [name for name in impact.STORED if place.find(name)]
    mine = kinds.setdefault("track", {})
    for column, why in tracks.needs(features, there).items():
        mine.setdefault(column, f"inputs of {card}" if why == f"input {column}" else why)
    source = impact.source(there)
    if source == "computed":
        why = "the impact parameters of tracks"
        kinds.setdefault("vertex", {}).update(dict.fromkeys(VERTEX, why))
        kinds.setdefault("event", {}).update(dict.fromkeys(BEAM, why))
    return source


def _others(card: Card, node: Node, columns: Columns, kinds: dict[str, dict[str, str]]) -> None:
    """Adds what `node` takes of constituents that are not tracks."""
    _constituents(card, columns, node.per, node.name)
    mine = kinds.setdefault(node.per, {})
    features = [entry.feature for entry in node.inputs]
    for column, why in constituents.needs(features, node.order).items():
        mine.setdefault(column, f"inputs of {card.name}" if why == f"input {column}" else why)


def _constituents(card: Card, columns: Columns, kind: str, node: str = "") -> Columns:
    place = columns.constituents(kind)
    if place is None:
        wrong = f"a network takes one row per {kind} ({node})" if node else f"needs {kind}s"
        wrong += f", and the format {columns.schema.name!r} has none"
        do = 'use stored scores, source="stored", or a schema= that names them'
        raise BadInput(f"card {card.name}", wrong, (), do)
    return place


def needed(networks: Iterable[Network]) -> bool:
    """Whether a network takes more than columns of the leptons themselves."""
    parts = list(networks)
    names = [name for network in parts for name in inputs.needs(network)]
    return linked(names) or any(network.ragged for network in parts)


def linked(names: Iterable[str]) -> bool:
    """Whether one of these columns is behind a link, or made of what is."""
    made = {*leptons.AGGREGATES, *definitions.DERIVED}
    return any("." in name or name in made for name in names)
