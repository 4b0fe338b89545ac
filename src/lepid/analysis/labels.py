"""Truth classes of the leptons of events."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from lepid.efficiency import stored_truth
from lepid.efficiency import truth as rules
from lepid.errors import BadInput, MissingColumns, UnknownName
from lepid.events.objects.flat import Columns, apply
from lepid.events.recognise import Recognised, recognise
from lepid.events.schema import Schema


def truth(
    events: Any,
    collection: str,
    scheme: str | None = None,
    *,
    charge_flips: bool | None = None,
    schema: str | Path | Schema | None = None,
) -> Any:
    """Truth class of each lepton, as the code of the scheme.

    Parameters
    ----------
    collection : "Electrons", "Muons", or what these events call them
    scheme : "iff", "dnn", "cms", or a ``.toml`` file that says what the numbers of a column are;
        None takes the scheme of the experiment
    charge_flips : whether charge flips are a class of their own; None takes the scheme's habit
    schema : format of the events, if the names do not tell

    Returns
    -------
    Integers, jagged like the collection.

    Raises
    ------
    UnknownName : no such collection or scheme
    MissingColumns : the events have no truth
    BadInput : the scheme has no classes for these leptons
    """
    known = recognise(events, schema)
    return classify(known, collection, scheme or default_scheme(known.schema), charge_flips)


def default_scheme(schema: Schema) -> str:
    """Truth scheme that the experiment uses."""
    return "cms" if schema.experiment == "cms" else "iff"


def scheme_named(name: str) -> rules.Scheme:
    """The truth scheme called `name`, or that of a ``.toml`` file.

    Raises
    ------
    UnknownName : there is none
    BadInput : the file is not one
    """
    if name.endswith(".toml"):
        return stored_truth.load(Path(name))
    if name not in rules.SCHEMES:
        raise UnknownName.of("truth", "truth scheme", name, rules.SCHEMES)
    return rules.SCHEMES[name]


def classify(known: Recognised, collection: str, scheme: str, flips: bool | None = None) -> Any:
    """Truth class of each lepton of a collection of recognised events."""
    flavour = known.flavour(collection)
    chosen = scheme_named(scheme)
    find = known.finder(flavour).find
    needed = {column: find(column) for column in chosen.required(flavour, flips)}
    missing = {c: f"truth scheme {scheme}" for c, name in needed.items() if name is None}
    stored = next((name for column in chosen.stored if (name := find(column))), None)
    if chosen.codes and not missing:
        stored = next(iter(needed.values()))
    if stored and (missing or chosen.codes):
        return _stored(known, collection, chosen, stored, flips)
    if missing:
        where, available = f"events.{collection}", known.columns[collection]
        raise MissingColumns.of(where, missing, available, do="use simulation that keeps its truth")
    optional = {c: name for c in chosen.optional.get(flavour, ()) if (name := find(c))}
    compute = partial(_classify, scheme, flavour, flips)
    return apply(known.events, collection, {**optional, **needed}, compute)["class"]


def _stored(
    known: Recognised, collection: str, scheme: rules.Scheme, column: str, flips: bool | None
) -> Any:
    """The classes in a column of the file, as they are."""
    if flips is not None:
        wrong = f"the classes of {column} are as the file has them"
        raise BadInput("charge_flips", wrong, (), "leave charge_flips out")

    def compute(columns: Columns) -> Columns:
        return {"class": stored_truth.classes_of(scheme, column, columns["class"])}

    return apply(known.events, collection, {"class": column}, compute)["class"]


def _classify(scheme: str, flavour: str, flips: bool | None, columns: Columns) -> Columns:
    return {"class": rules.classify(scheme, flavour, columns, charge_flips=flips)}


def truth_results(known: Recognised, asked: bool | str) -> list[tuple[str, str, Any]]:
    """(collection, ``truth_<scheme>``, classes), where the scheme has classes for the leptons.

    Raises
    ------
    UnknownName, MissingColumns : as in `truth`
    BadInput : the scheme has classes for none of the leptons
    """
    scheme = asked if isinstance(asked, str) else default_scheme(known.schema)
    needs = scheme_named(scheme).needs
    found = [collection for flavour, collection in known.leptons.items() if flavour in needs]
    if not found:
        wrong = f"scheme {scheme!r} has classes for {', '.join(needs)}s, and there are none"
        raise BadInput("truth", wrong)
    name = Path(scheme).stem if scheme.endswith(".toml") else scheme
    return [(each, f"truth_{name}", classify(known, each, scheme)) for each in found]
