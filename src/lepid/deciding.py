"""Scores and discriminants on flat columns into decisions, also for shifted pt and eta."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from lepid.errors import WrongUnits
from lepid.events.schema import Schema
from lepid.features import definitions
from lepid.taggers.card import Card
from lepid.units import convert
from lepid.working_points.table import Table

Columns = Mapping[str, npt.NDArray[Any]]
Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
PT_RANGE = (0.5, 10_000.0)  # GeV
# Columns that a caller adds to those of the events.
PT, ETA = "<pt>", "<eta>"


def looked_at(
    card: Card,
    table: Table,
    values: Columns,
    columns: Columns,
    schema: Schema,
    *,
    points: Sequence[str] | None = None,
) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """Inputs of the corrections of `table`, and what its points compare, [n_lepton] each.

    Parameters
    ----------
    values : outputs and discriminants
    points : None for all
    """
    shifted = _shifted(table, columns)
    axes = {
        name: _feature(shifted, feature, unit, columns, schema)
        for name, (feature, unit) in table.axes().items()
    }
    units = {output.name: output.unit for output in card.outputs}
    compared = {}
    for quantity, unit in table.quantities(points).items():
        if quantity in values:
            own = units.get(quantity, "")
            compared[quantity] = convert(values[quantity], schema.unit(own), unit or own)
        else:
            compared[quantity] = _feature(shifted, quantity, unit, columns, schema)
    return axes, compared


def _feature(shifted: Columns, feature: str, unit: str, columns: Columns, schema: Schema) -> Floats:
    """A feature in `unit`, shifted where the caller shifts it."""
    if feature in shifted:
        return convert(shifted[feature], schema.unit(unit), unit)
    return definitions.evaluate(feature, unit, columns, schema.unit)


def decide(
    card: Card, table: Table, values: Columns, columns: Columns, schema: Schema
) -> tuple[dict[str, Bools], Bools]:
    """Decisions of one table, and which leptons it can decide."""
    axes, compared = looked_at(card, table, values, columns, schema)
    shifted = _shifted(table, columns)
    ranges = {
        r.feature: _feature(shifted, r.feature, r.unit, columns, schema) for r in table.rules.range
    }
    # A quantity may be infinite, where a denominator was zero, but not undefined.
    good = [np.isfinite(axis) for axis in axes.values()] + [~np.isnan(q) for q in compared.values()]
    known = np.logical_and.reduce(good)
    inside = table.inside(ranges)
    return table.decide(compared, axes), known if inside is None else known & inside


def _shifted(table: Table, columns: Columns) -> Columns:
    """Feature -> the shifted values that stand in for it, in the unit of the events."""
    moves = {"pt": PT, "et": PT, "abseta": ETA}
    # A table may bin in another feature under these names, such as the supercluster's |eta|.
    moves |= {feature: moves[n] for n, (feature, _) in table.axes().items() if n in moves}
    present = {feature: columns[key] for feature, key in moves.items() if key in columns}
    return {f: np.abs(v) if moves[f] == ETA else v for f, v in present.items()}


def decide_again(
    card: Card, tables: Sequence[Table], schema: Schema, collection: str, columns: Columns
) -> Columns:
    """Fields of a result with the working points of `tables` decided for shifted pt or eta.

    `columns` holds the old fields as ``<tagger>.<field>``, and the shifts as `PT` and `ETA`.
    """
    prefix = f"{card.tagger}."
    own = {k.removeprefix(prefix): v for k, v in columns.items() if k.startswith(prefix)}
    if PT in columns:
        check_units(columns[PT], schema, f"shifted events.{collection}")
    valid = own["scored"]
    for table in tables:
        decided, inside = decide(card, table, own, columns, schema)
        valid = valid & inside
        own |= decided
    fields = {name: only(valid, value) for name, value in own.items()}
    return {**fields, "scored": valid}


def only(valid: Bools, value: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """`value` where the lepton is valid; elsewhere False or NaN."""
    none = False if value.dtype.kind == "b" else np.nan
    return np.where(valid, value, np.array(none, value.dtype))


def check_units(pt: npt.NDArray[Any], schema: Schema, where: str) -> None:
    """Raise `WrongUnits` if no pt is one of a lepton in the unit of the format."""
    unit = schema.unit("GeV")
    finite = pt[np.isfinite(pt)]
    energies = convert(finite, unit, "GeV")
    low, high = PT_RANGE
    if len(finite) and not ((energies >= low) & (energies <= high)).any():
        span = float(finite.min()), float(finite.max())
        raise WrongUnits.of(f"{where}['pt']", unit, *span, schema.name)
