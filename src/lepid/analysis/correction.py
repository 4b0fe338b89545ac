"""`correct`: columns of simulated leptons corrected to data, an explicit step."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy.typing as npt

from lepid.errors import BadInput
from lepid.events.objects.attach import note, notes, with_field
from lepid.events.objects.tables import apply
from lepid.events.recognise import recognise
from lepid.events.schema import Schema
from lepid.features import column_corrections, definitions
from lepid.features.column_corrections import ColumnCorrections
from lepid.taggers import plan as plans
from lepid.units import convert

Columns = Mapping[str, npt.NDArray[Any]]
RAW = "_uncorrected"


def correct(
    events: Any, collection: str, table: str | Path, *, schema: str | Path | Schema | None = None
) -> Any:
    """Events whose leptons have columns corrected to data, such as shower shapes.

    A corrected column takes the place of the raw one, which stays as ``<column>_uncorrected``.
    Meant for simulation: nothing in data tells lepid that it is data.

    Parameters
    ----------
    collection : "Electrons", or what these events call them
    table : correctionlib file of shifts and stretches, see `lepid.features.column_corrections`
    schema : format of the events, if the names do not tell

    Returns
    -------
    New events, to be decorated; `report` names what was corrected. A value is NaN where what its
    correction depends on is not known.

    Raises
    ------
    BadTable : the file is no such table
    MissingColumns : lists all columns that the corrections need and the events lack
    BadInput : a column is corrected already, or a network ran on the uncorrected ones

    Source
    ------
    As Athena's ElectronPhotonVariableCorrectionTool: shift and stretch per bin
    """
    known = recognise(events, schema)
    finder = known.finder(known.flavour(collection))
    corrections = column_corrections.read(Path(table))
    where = f"events.{collection}"
    needs = dict.fromkeys(corrections.rules.corrected, f"corrections of {table}")
    for feature, _ in corrections.axes().values():
        for column in definitions.needs(feature):
            needs.setdefault(column, f"corrections of {table}")
    read = {"pt": finder.require({"pt": "the leptons"})["pt"], **plans.require(finder, needs)}
    own = {column: read[column] for column in corrections.rules.corrected}
    _check(where, own, finder.there(collection))
    _check_not_run(events, collection)
    compute = partial(_corrected, corrections, known.schema)
    found = apply(known, collection, read, compute)
    leptons = known.events[collection]
    for column, name in own.items():
        leptons = with_field(leptons, leptons[name], f"{name}{RAW}")
        leptons = with_field(leptons, found[column], name)
    facts = {
        "schema": known.schema.name,
        "corrected": [*own.values()],
        "of": collection,
        "table": str(table),
        "sha256": corrections.sha256,
    }
    result = with_field(known.events, leptons, collection)
    return note(result, {f"correction of {collection} by {Path(table).name}": facts})


def _check(where: str, own: Mapping[str, str], there: list[str]) -> None:
    linked = [name for name in own.values() if "." in name]
    if linked:
        wrong = f"{', '.join(linked)} belongs to what the leptons link to"
        raise BadInput(where, wrong, (), "correct columns of the leptons themselves")
    twice = [name for name in own.values() if f"{name}{RAW}" in there]
    if twice:
        wrong = f"{', '.join(twice)} is corrected already: {twice[0]}{RAW} is there"
        raise BadInput(where, wrong, (), "correct the events as they were read, once")


def _check_not_run(events: Any, collection: str) -> None:
    ran = [
        tagger
        for tagger, facts in notes(events).items()
        if facts.get("collection") == collection and facts.get("source") == "network"
    ]
    if ran:
        wrong = f"{', '.join(ran)} ran on the uncorrected columns"
        raise BadInput(f"events.{collection}", wrong, (), "correct first, then decorate")


def _corrected(
    corrections: ColumnCorrections, schema: Schema, columns: Columns, _: Any
) -> dict[str, npt.NDArray[Any]]:
    axes = {
        name: definitions.evaluate(feature, unit, columns, schema.unit)
        for name, (feature, unit) in corrections.axes().items()
    }
    found = {}
    for column in corrections.rules.corrected:
        unit, raw = corrections.unit(column), columns[column]
        value = corrections.apply(column, convert(raw, schema.unit(unit), unit), axes)
        own = convert(value, unit, schema.unit(unit))
        found[column] = own.astype(raw.dtype) if raw.dtype.kind == "f" else own
    return found
