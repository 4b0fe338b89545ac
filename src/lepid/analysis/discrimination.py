"""Decorated events into the leptons that ROC curves are made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lepid.analysis.labelled import AXES, Asked, Chunks, Labelled, read
from lepid.analysis.labels import scheme_named
from lepid.analysis.measurement import SCORED, TRUTH
from lepid.analysis.measurement import WEIGHT as WEIGHTS
from lepid.efficiency.roc.sample import CLASS, SCORE, WEIGHT, RocSample
from lepid.errors import BadInput, UnknownName
from lepid.events.schema import Schema
from lepid.taggers import catalogue
from lepid.taggers import plan as plans
from lepid.taggers.card import Card
from lepid.working_points.table import Table

PILEUP = "pileup"
# How signal compares with background.
SENSES = (">", "<")


def roc(
    events: Chunks,
    tagger: str,
    *,
    signal: str | Sequence[str],
    background: str | Sequence[str] | None = None,
    quantity: str = "",
    sense: str = "",
    scheme: str | None = None,
    weight: Any = None,
    pileup: Any = None,
    origin: str = "",
    schema: str | Path | Schema | None = None,
) -> RocSample:
    """How well a tagger tells signal from background: leptons to draw ROC curves of.

    Parameters
    ----------
    events : decorated events, or several chunks of them, as `iterate` gives
    signal : truth class or classes
    background : the same; None takes all other classes of the scheme
    quantity : output or discriminant; needed if there are several
    sense : ``">"`` if it is larger for signal, ``"<"`` if it is smaller; empty takes what the
        working points of the tagger say, and ``">"`` if they say nothing. What is smaller for
        signal is turned round: the sample has ``-quantity``
    scheme : truth scheme; None takes the one of the experiment
    weight : as in `measure`
    pileup : a number per event or lepton to measure against, or the name of such a column,
        ``"EventInfo.averageInteractionsPerCrossing"``
    origin : file that the events come from, for the record
    schema : format of the events, if the names do not tell

    Returns
    -------
    RocSample; those of several files add up with ``+``. ``.curve()`` is the ROC curve with its
    area, ``.curve().at([0.9])`` the rejection, ``.against("pt", edges, 0.9)`` that in bins,
    ``.reweighted("signal", ...)`` the same leptons with equal spectra.

    Raises
    ------
    BadInput : the events are not decorated with the tagger, signal or background have no leptons,
        a class is both, a score is NaN, or working points cut on the quantity in both senses
    UnknownName : no such class, quantity, sense or scheme
    """
    others = {} if pileup is None else {PILEUP: pileup}
    quantities = (quantity,) if quantity else ()
    asked = Asked(tagger, quantities, scheme, weight, {}, ("pt", "abseta"), schema, others)
    found = read(events, asked)
    known = scheme_named(found.scheme).classes
    chosen = classes_named(found.scheme, signal, "signal")
    against = classes_named(found.scheme, background, "background")
    against = against or tuple(name for name in known.values() if name not in chosen)
    both = [name for name in chosen if name in against]
    if both or not against:
        wrong = f"{', '.join(both) or 'every class'} is signal and background"
        raise BadInput(f"tagger {tagger}", wrong, (), "name each class once")
    (name,) = found.quantities
    card = catalogue.load(*found.facts["card"].split("@"))
    tables = plans.tables_named(found.facts["tables"])
    turned = lower(card, tables, name, sense)
    sample = _sample(found, chosen, against, origin, turned=turned)
    named = {"weight": weight, "pileup": pileup}
    more = {name: column for name, column in named.items() if isinstance(column, str)}
    return replace(sample, metadata={**sample.metadata, **more})


def lower(card: Card, tables: Iterable[Table], quantity: str, sense: str) -> bool:
    """Whether smaller values of a quantity are more like signal: by `sense`, else by the tables.

    Raises
    ------
    UnknownName : the sense is none of ``">"`` and ``"<"``
    BadInput : the tables have both senses
    """
    where = f"tagger {card.tagger}"
    if sense:
        if sense not in SENSES:
            raise UnknownName.of(where, "sense", sense, SENSES)
        return sense == "<"
    # A discriminant can be an output under another name.
    outputs = {form.output for form in card.discriminants.get(quantity, ()) if form.kind == "score"}
    same = {quantity, *outputs}
    found = {
        requirement.sense[0]
        for table in tables
        for point in table.points
        for requirement in table.requirements(point)
        if requirement.quantity in same and requirement.sense[0] in SENSES
    }
    if len(found) > 1:
        wrong = f"its working points cut on {quantity} from below and from above"
        raise BadInput(where, wrong, (), f"say the sense: {' or '.join(SENSES)}")
    return found == {"<"}


def classes_named(scheme: str, names: str | Sequence[str] | None, kind: str) -> tuple[str, ...]:
    """The classes asked for, "signal" or "background"; none for None.

    Raises
    ------
    UnknownName : the scheme has no such class
    """
    known = scheme_named(scheme).classes.values()
    chosen = (names,) if isinstance(names, str) else tuple(names or ())
    for name in chosen:
        if name not in known:
            raise UnknownName.of(f"truth scheme {scheme}", f"{kind} class", name, known)
    return chosen


def _places(found: Labelled) -> npt.NDArray[np.int16]:
    """Place of the class of each lepton in the scheme, [n_lepton]."""
    codes = np.array(list(scheme_named(found.scheme).classes))
    order = np.argsort(codes)
    places: npt.NDArray[np.int16] = order[
        np.searchsorted(codes, found.column(TRUTH), sorter=order)
    ].astype(np.int16)
    return places


def _sample(
    found: Labelled,
    signal: tuple[str, ...],
    background: tuple[str, ...],
    origin: str,
    *,
    turned: bool,
) -> RocSample:
    (quantity,) = found.quantities
    score = found.column(f"<{quantity}>").astype(np.float64)
    classes = tuple(scheme_named(found.scheme).classes.values())
    place = _places(found)
    kept = np.isin(place, [classes.index(name) for name in (*signal, *background)])
    rows = kept & found.column(SCORED)
    columns: dict[str, npt.NDArray[Any]] = {
        SCORE: (-score if turned else score)[rows],
        CLASS: place[rows],
        WEIGHT: found.column(WEIGHTS)[rows].astype(np.float64),
        "pt": found.column(AXES[0])[rows],
        "abseta": found.column(AXES[1])[rows],
    }
    if f"<{PILEUP}>" in found.columns:
        columns[PILEUP] = found.column(f"<{PILEUP}>")[rows].astype(np.float64)
    lost = np.bincount(place[kept & ~found.column(SCORED)], minlength=len(classes))
    _check(quantity, columns)
    tagger, network = found.facts["card"].split("@")
    return RocSample(
        tagger=tagger,
        network=network,
        quantity=f"-{quantity}" if turned else quantity,
        collection=found.facts["collection"],
        scheme=found.scheme,
        experiment=found.experiment,
        classes=classes,
        signal=signal,
        background=background,
        columns=columns,
        unscored={name: int(lost[classes.index(name)]) for name in (*signal, *background)},
        sources=(origin,) if origin else (),
        metadata=({"sha256": ", ".join(found.facts["sha256"])} if found.facts["sha256"] else {}),
    )


def _check(quantity: str, columns: dict[str, npt.NDArray[Any]]) -> None:
    for name, column in columns.items():
        broken = np.isnan(column) if name == SCORE else ~np.isfinite(column)
        if broken.any():
            what = quantity if name == SCORE else name
            wrong = f"{np.count_nonzero(broken)} of {len(column)} scored leptons have no number"
            raise BadInput(what, wrong, (), "give where= to decorate, or another column")
