"""`importance`: what each input of a network is worth for telling two kinds of leptons apart."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lepid.analysis.discrimination import classes_named, lower
from lepid.analysis.labels import classify, default_scheme, scheme_named
from lepid.analysis.measurement import weights
from lepid.efficiency.roc.curves import Area, Floats
from lepid.efficiency.roc.spectra import Importance
from lepid.efficiency.roc.spectra import importance as shuffled
from lepid.errors import BadInput, UnknownName
from lepid.evaluation import WHERE, evaluate
from lepid.events.objects.flat import is_dask
from lepid.events.objects.tables import apply
from lepid.events.recognise import Recognised, recognise
from lepid.events.schema import Schema
from lepid.surroundings import Surroundings
from lepid.taggers import plan as plans
from lepid.taggers.batching import Sequence as Ragged
from lepid.taggers.card import Card
from lepid.taggers.card_network import Network, Node
from lepid.taggers.plan import Plan

Array = npt.NDArray[Any]
Integers = npt.NDArray[np.int64]
TRUTH, WEIGHT = "<truth>", "<weight>"
MOST = 10_000


def importance(
    events: Any,
    tagger: str,
    *,
    signal: str | Sequence[str],
    background: str | Sequence[str] | None = None,
    quantity: str = "",
    sense: str = "",
    efficiency: float | None = None,
    scheme: str | None = None,
    weight: Any = None,
    fractions: Mapping[str, Any] | None = None,
    most: int = MOST,
    repeat: int = 5,
    seed: int = 1,
    advance: Callable[[int], object] = int,
    schema: str | Path | Schema | None = None,
) -> tuple[Area, dict[str, Importance]]:
    """What each input of a network is worth: what is lost when its values are dealt out anew.

    Parameters
    ----------
    events : with what the network takes; they need not be decorated
    tagger : ``"tagger@network"``, or a tagger with one network on this machine
    signal : truth class or classes
    background : the same; None takes all other classes of the scheme
    quantity, sense : as in `roc`
    efficiency : None measures the loss of area under the ROC curve; a number the part of the
        background that passes in addition, at this efficiency of the signal
    scheme, weight : as in `roc`
    fractions : of the discriminants, name -> number, as in `decorate`
    most : leptons that are used, drawn at random if there are more
    repeat : how often each input is dealt out
    seed : of the dealing
    advance : is called with 1 whenever the network has run; it runs `runs` times
    schema : format of the events, if the names do not tell

    Returns
    -------
    The area with all inputs as they are, and input -> Importance, the largest loss first. An input
    of a sequence is ``"tracks.d0"``, ``tracks`` being the node: its values are dealt out among all
    constituents of all leptons; ``"tracks"`` is the whole sequence, which goes to another lepton.
    Inputs that say the same hide each other.

    Raises
    ------
    BadInput : there are no such leptons, the tagger runs no network here, or `repeat` is below 2
    UnknownName : no such class, quantity or scheme
    LepidError : as `decorate`

    Source
    ------
    L. Breiman, Machine Learning 45 (2001) 5, section 10.
    """
    if is_dask(events):
        do = "give events.compute()"
        raise BadInput(f"tagger {tagger}", "dask events hold no values yet", (), do)
    known = recognise(events, schema)
    chosen = scheme or default_scheme(known.schema)
    kinds = _classes(chosen, signal, background)
    plan, compared = _plan(known, tagger, quantity, fractions or {})
    sign = -1.0 if lower(plan.card, plan.tables, compared, sense) else 1.0
    collection = known.leptons[plan.card.flavour]
    truth = classify(known, collection, chosen)
    columns: dict[str, Any] = {**plan.columns, TRUTH: truth}
    if weight is not None:
        columns[WEIGHT] = weights(known.events, weight, truth)
    # Nothing is decided, which takes most of the time of a small network.
    bare = replace(plan, tables=(), decisions={})
    made: list[tuple[Area, dict[str, Importance]]] = []

    def compute(flat: Any, tables: Any) -> Any:
        around = Surroundings(plan, known.schema, collection, flat, tables)
        rng = np.random.default_rng(seed)
        wanted = _drawn(flat[TRUTH], [*kinds[0], *kinds[1]], most, rng)
        feed = {**flat, **around.aggregates(), WHERE: wanted}

        def score(change: Deal | None) -> Array:
            found = evaluate(bare, known.schema, collection, feed, around, change=change)
            advance(1)
            values: Array = sign * found[compared]
            return values

        leptons = _Leptons(score, names(plan.card), np.isin(flat[TRUTH], kinds[0]))
        measure = {"efficiency": efficiency, "repeat": repeat, "seed": seed}
        made.append(leptons.importance(flat.get(WEIGHT), measure))
        return {TRUTH: flat[TRUTH]}

    apply(known, collection, columns, compute, plan.around.tables)
    area, found = made[0]
    return area, dict(sorted(found.items(), key=lambda item: -item[1].loss))


def runs(tagger: str, repeat: int = 5) -> int:
    """How often `importance` runs the network of a card."""
    card = plans.card_named(tagger)
    return 1 + repeat * len(names(card))


def names(card: Card) -> list[str]:
    """Inputs of the networks of a card, as `importance` calls them."""
    found: dict[str, None] = {}
    for network in card.networks:
        for node in network.nodes:
            if node.per != "lepton":
                found[node.name] = None
            found |= dict.fromkeys(_name(node, entry.feature) for entry in node.inputs)
    return list(found)


def _name(node: Node, feature: str) -> str:
    return feature if node.per == "lepton" else f"{node.name}.{feature}"


def _classes(
    scheme: str, signal: str | Sequence[str], background: str | Sequence[str] | None
) -> tuple[list[int], list[int]]:
    """Codes of signal and background."""
    codes = {name: code for code, name in scheme_named(scheme).classes.items()}
    mine = [codes[name] for name in classes_named(scheme, signal, "signal")]
    other = [codes[name] for name in classes_named(scheme, background, "background")]
    other = other or [code for code in codes.values() if code not in mine]
    both = [name for name, code in codes.items() if code in mine and code in other]
    if both or not mine:
        wrong = f"{', '.join(both)} is signal and background" if both else "there is no signal"
        raise BadInput("importance", wrong, (), "name each class once")
    return mine, other


def _plan(
    known: Recognised, tagger: str, quantity: str, fractions: Mapping[str, Any]
) -> tuple[Plan, str]:
    """Plan of the network, and the quantity that is compared."""
    card = plans.card_named(tagger)
    if card.flavour not in known.leptons:
        raise BadInput(f"tagger {tagger}", f"these events have no {card.flavour} collection")
    plan = plans.make(tagger, "network", known.finder(card.flavour), fractions=fractions)
    there = [*plan.forms, *(o.name for o in plan.card.outputs if o.per == "lepton")]
    if quantity and quantity not in there:
        raise UnknownName.of(f"tagger {tagger}", "quantity", quantity, there)
    first = list(plan.forms) or there
    if not quantity and len(first) > 1:
        do = f"name one of: {', '.join(first)}"
        raise BadInput(f"tagger {tagger}", "has several quantities", (), do)
    chosen = quantity or first[0]
    forms = {name: form for name, form in plan.forms.items() if name == chosen}
    return replace(plan, forms=forms), chosen


def _drawn(
    truth: Array, codes: Sequence[int], most: int, rng: np.random.Generator
) -> npt.NDArray[np.bool_]:
    """Leptons of some classes, at most so many, [n_lepton]."""
    wanted: npt.NDArray[np.bool_] = np.isin(truth, codes)
    rows = np.flatnonzero(wanted)
    if len(rows) > most:
        wanted[:] = False
        wanted[rng.choice(rows, most, replace=False)] = True
    return wanted


# --- the leptons --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Deal:
    """Takes the inputs of each lepton from others; one order of all leptons for each input."""

    orders: Mapping[str, Floats]

    def __call__(
        self,
        network: Network,
        rows: Mapping[str, Array],
        sequences: Mapping[str, Ragged],
        chosen: npt.NDArray[np.bool_],
    ) -> tuple[dict[str, Array], dict[str, Ragged]]:
        """Inputs of a network for the `chosen` leptons, dealt among these."""
        given, ragged = dict(rows), dict(sequences)
        # An order of all gives one of some: by how they follow each other.
        orders = {name: np.argsort(order[chosen]) for name, order in self.orders.items()}
        for node in network.nodes:
            for place, entry in enumerate(node.inputs):
                order = orders.get(_name(node, entry.feature))
                if order is None:
                    continue
                if node.name in given:
                    given[node.name] = _swapped(given[node.name], place, order)
                else:
                    one = ragged[node.name]
                    # A lepton has several constituents: their order follows from that of leptons.
                    every = np.random.default_rng(order.astype(np.uint64)).permutation(
                        len(one.rows)
                    )
                    ragged[node.name] = replace(one, values=_swapped(one.values, place, every))
            if node.name in ragged and node.name in orders:
                ragged[node.name] = _moved(ragged[node.name], orders[node.name])
        return given, ragged


def _swapped(values: Array, place: int, order: Integers) -> Array:
    new = values.copy()
    new[:, place] = values[order, place]
    return new


def _moved(sequence: Ragged, order: Integers) -> Ragged:
    """The sequence of lepton ``order[i]`` for lepton i."""
    lengths = sequence.lengths[order]
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    within = np.arange(offsets[-1]) - np.repeat(offsets[:-1], lengths)
    rows = np.repeat(sequence.offsets[:-1][order], lengths) + within
    return Ragged(offsets, sequence.rows[rows], sequence.values[rows])


@dataclass(frozen=True)
class _Leptons:
    """Leptons that a network scores.

    Attributes
    ----------
    score : inputs dealt out anew, or None -> score of each lepton, NaN without one, [n_lepton]
    names : inputs of the network
    signal : whether each lepton is signal, [n_lepton]
    """

    score: Callable[[Deal | None], Array]
    names: Sequence[str]
    signal: npt.NDArray[np.bool_]

    def importance(
        self, weight: Array | None, measure: Mapping[str, Any]
    ) -> tuple[Area, dict[str, Importance]]:
        """Area, and what is lost without each input."""
        whole = self.score(None)
        scored = np.isfinite(whole)
        place = np.full(len(whole), -1.0)
        own = np.arange(float(scored.sum()))

        def evaluated(dealt: Mapping[str, Any]) -> Array:
            orders = {}
            for name, order in dealt.items():
                if order is not own:
                    orders[name] = place.copy()
                    orders[name][scored] = order
            return (self.score(Deal(orders)) if orders else whole)[scored]

        weights = None if weight is None else weight[scored]
        columns = dict.fromkeys(self.names, own)
        return shuffled(evaluated, columns, self.signal[scored], weights, **measure)
