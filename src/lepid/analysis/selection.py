"""Leptons that pass a selection, from words such as ``pt > 30 and electron_dnn.Tight``."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lepid.errors import BadInput, MissingColumns
from lepid.events.recognise import Recognised
from lepid.features import definitions
from lepid.provenance import facts_about
from lepid.taggers import plan as plans

Bools = npt.NDArray[np.bool_]

COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
}
# Momenta are compared in GeV whatever the unit of the events; the rest as the events have it.
GEV = ("pt", "et")
_CONDITION = re.compile(r"(not\s+)?([A-Za-z_][\w.]*)\s*(?:(>=|<=|==|!=|>|<)\s*(\S+))?")


@dataclass(frozen=True)
class Condition:
    """One requirement: a name, or a name compared with a number.

    Attributes
    ----------
    name : column, feature, or ``tagger.point``
    sense : one of `COMPARISONS`, or empty: the name is true
    value : what the name is compared with
    negated : whether the requirement must not hold
    """

    name: str
    sense: str = ""
    value: float = 0.0
    negated: bool = False


def parse(text: str) -> tuple[Condition, ...]:
    """Requirements of ``a > 1 and b and not c``; empty text has none.

    Raises
    ------
    BadInput : a part is no requirement
    """
    found = []
    for part in re.split(r"\band\b", text) if text.strip() else ():
        match = _CONDITION.fullmatch(part.strip())
        number = match[4] if match else None
        try:
            value = float(number or 0.0)
        except ValueError:
            match, value = None, 0.0
        if match is None:
            wrong = f"{part.strip()!r} is no requirement"
            do = "write them as: pt > 30 and abseta < 2.5 and electron_dnn.Tight and not isEB"
            raise BadInput(f"selection {text!r}", wrong, (), do)
        found.append(Condition(match[2], match[3] or "", value, bool(match[1])))
    return tuple(found)


def columns_of(
    known: Recognised, collection: str, conditions: Sequence[Condition]
) -> dict[str, Any]:
    """What the requirements take of the events: column names, or decisions.

    Raises
    ------
    BadInput : the events are not decorated with a tagger
    MissingColumns : lists all columns that are not there
    """
    needs: dict[str, str] = {}
    arrays: dict[str, Any] = {}
    for one in conditions:
        tagger, dot, field = one.name.rpartition(".")
        if dot:
            arrays[f"<{one.name}>"] = _decision(known, collection, tagger, field)
        else:
            needs |= dict.fromkeys(definitions.needs(one.name), f"the selection on {one.name}")
    finder = known.finder(known.flavour(collection))
    return plans.require(finder, needs) | arrays


def evaluate(
    conditions: Sequence[Condition],
    flat: Mapping[str, npt.NDArray[Any]],
    unit_of: Callable[[str], str],
    n_lepton: int,
) -> Bools:
    """Which leptons meet all requirements, [n_lepton]; a value that is no number meets none.

    Parameters
    ----------
    flat : columns that `columns_of` named, [n_lepton] each
    unit_of : unit -> the unit of the format for what it measures
    """
    passed = np.ones(n_lepton, np.bool_)
    for one in conditions:
        key = f"<{one.name}>"
        if key in flat:
            values = np.asarray(flat[key])
        elif one.name in definitions.FEATURES or one.name in GEV:
            unit = "GeV" if one.name in GEV else definitions.FEATURES[one.name].unit
            values = definitions.evaluate(one.name, unit, flat, unit_of)
        else:
            values = np.asarray(flat[one.name])
        if one.sense:
            met = np.asarray(COMPARISONS[one.sense](values, one.value))
        else:
            met = np.asarray(values != 0)
        # `not` and != would let NaN pass.
        passed &= (met != one.negated) & ~np.isnan(values.astype(np.float64))
    return passed


def _decision(known: Recognised, collection: str, tagger: str, field: str) -> Any:
    facts = facts_about(known.events, tagger)
    where = f"selection on {tagger}.{field}"
    if facts["collection"] != collection:
        wrong = f"{tagger} decides {facts['collection']}, and these leptons are {collection}"
        raise BadInput(where, wrong)
    record = known.events[collection][plans.split(tagger)[0]]
    if field not in record.fields:
        raise MissingColumns.of(where, {field: "the selection"}, record.fields, "name one of these")
    return record[field]
