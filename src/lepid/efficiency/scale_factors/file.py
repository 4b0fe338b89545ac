"""Scale factors as correctionlib files: written, and those of others recognised and looked up."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from lepid.description import MARK, assemble_with_rules
from lepid.description import rules as described
from lepid.efficiency.corrections import NOT_MEASURED, category, grid
from lepid.efficiency.intervals import Array
from lepid.efficiency.scale_factors.ratio import DOWN, NOMINAL, UP, Factors, ScaleFactors
from lepid.errors import BadInput, BadTable, UnknownName, UnknownWorkingPoint, near_misses
from lepid.nodes import edges, keys, walk
from lepid.tables import Tables, save
from lepid.tables import read as read_tables
from lepid.units import FACTORS

SYSTEMATIC = "systematic"
MOMENTA, ANGLES = ("pt", "et"), ("eta", "abseta")
# Names of the nominal value in files of ATLAS, of CMS, and of lepid.
NOMINALS = (NOMINAL, "sf", "central")
# No collider makes leptons of this pT in GeV; in MeV every table reaches it.
TOO_HARD = 1e4

Told: TypeAlias = str | int | tuple[str, str]


class Pair(BaseModel):
    """Names of the two corrections of a working point."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    scale_factors: str
    efficiency: str


class Rules(BaseModel):
    """What the ``lepid:`` line of a file of scale factors says."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tagger: str
    collection: str
    points: dict[str, Pair] = Field(min_length=1)
    inputs: dict[str, str] = Field(description="correction input -> feature or column")
    sha256: list[str] = Field(default=[], description="of the networks that were measured")


class Axis(NamedTuple):
    """What a real or integer input takes: feature or column, its unit and the type."""

    feature: str
    unit: str
    kind: str


def write(factors: ScaleFactors, path: Path) -> None:
    """Write scale factors as a correctionlib v2 file, gzipped if `path` ends in ``.gz``.

    Each working point ``P`` is a correction ``P`` of the bins and of the text `systematic`, and a
    correction ``P_efficiency``, that of simulation. Bins without a number are NaN, and so is what
    is outside.

    Raises
    ------
    BadInput : there are no points, or the name of one is that of another with ``_efficiency``
    BadTable, BadFile : the file cannot be written
    """
    if not factors.points:
        raise BadInput(str(path), "no working points to write")
    names = {p: Pair(scale_factors=p, efficiency=f"{p}_efficiency") for p in factors.points}
    if taken := sorted({pair.efficiency for pair in names.values()} & set(names)):
        raise BadInput(str(path), f"the name {taken[0]!r} is that of two corrections")
    inputs = {feature: feature for feature in factors.axes}
    said = Rules(
        tagger=factors.tagger,
        collection=factors.collection,
        points=names,
        inputs=inputs,
        sha256=list(factors.sha256),
    )
    entries = [
        entry
        for point, mine in factors.points.items()
        for entry in _entries(mine, names[point], factors)
    ]
    text = f"scale factors, data over simulation; {factors.about}".rstrip("; ")
    save(path, assemble_with_rules(path, text, said, entries))


def _entries(mine: Factors, names: Pair, factors: ScaleFactors) -> list[dict[str, Any]]:
    first, second = factors.axes
    real = [
        {"name": first, "type": "real", "description": "transverse momentum [GeV]"},
        {"name": second, "type": "real", "description": "pseudorapidity"},
    ]
    varied = {
        "name": SYSTEMATIC,
        "type": "string",
        "description": "nominal; syst: all in quadrature; stat; one pair per source",
    }
    each = {name: grid(value, mine.edges, factors.axes) for name, value in mine.values.items()}
    said = "; ".join(mine.said)
    return [
        {
            "name": names.scale_factors,
            "description": said,
            "version": 1,
            "inputs": [*real, varied],
            "output": {"name": "weight", "type": "real", "description": "NaN where not measured"},
            "data": category(SYSTEMATIC, each),
        },
        {
            "name": names.efficiency,
            "description": "efficiency in simulation",
            "version": 1,
            "inputs": real,
            "output": {"name": "efficiency", "type": "real", "description": "NaN outside"},
            "data": grid(mine.efficiency, mine.edges, factors.axes),
        },
    ]


@dataclass(frozen=True)
class Lookup:
    """One correction, and what each of its inputs takes.

    Attributes
    ----------
    content : Tables, which answer NaN where the file would refuse
    name : of the correction
    axes : input -> Axis
    fixed : input -> its one value
    varied : input that names the variation, empty if there is none
    variations : its values, the nominal one first; ``nominal`` alone without such an input
    """

    content: Tables
    name: str
    axes: Mapping[str, Axis]
    fixed: Mapping[str, str | int]
    varied: str
    variations: tuple[str, ...]

    def evaluate(self, variation: str, values: Mapping[str, npt.NDArray[Any]]) -> Array:
        """Value of each lepton [n]; NaN where an input is not finite or outside the bins.

        Parameters
        ----------
        values : input -> [n], in the unit of its axis
        """
        good = np.logical_and.reduce([np.isfinite(column) for column in values.values()])
        given: list[Any] = []
        for name in self.content.inputs(self.name):
            if name in self.axes:
                # correctionlib maps NaN to the last bin: zeros stand in, and the mask counts.
                column = np.where(good, values[name], 0.0)
                given.append(column.astype(np.int64) if self.axes[name].kind == "int" else column)
            else:
                given.append(variation if name == self.varied else self.fixed[name])
        found = np.broadcast_to(self.content.look_up(self.name, *given), good.shape)
        return np.where(good, found, np.nan)


class Opened(NamedTuple):
    """What a file of scale factors gives for one working point.

    Attributes
    ----------
    factors : Lookup
    efficiency : Lookup of the efficiency in simulation, None if the file has none
    tagger, collection : whose leptons; empty if the file does not say
    sha256 : of the networks that were measured
    """

    factors: Lookup
    efficiency: Lookup | None
    tagger: str
    collection: str
    sha256: tuple[str, ...]


def read(
    path: Path,
    working_point: str,
    *,
    correction: str | None = None,
    efficiency: str | None = None,
    inputs: Mapping[str, Told] | None = None,
    variations: Sequence[str] | None = None,
) -> Opened:
    """Scale factors of `working_point` in any correctionlib file.

    Parameters
    ----------
    correction, efficiency : names of corrections, where the file does not tell
    inputs : input -> feature or column, with its unit or without; or the value of a text
    variations : those wanted; None takes all that are the nominal one or end in up or down

    Raises
    ------
    BadTable : not a correctionlib file, or an input is not recognised and not told
    UnknownWorkingPoint, UnknownName : no such point, correction, input or variation
    """
    content = read_tables(path)
    told: dict[str, Told] = {}
    whose: tuple[str, str, tuple[str, ...]] = ("", "", ())
    if any(line.startswith(MARK) for line in content.description.splitlines()):
        rules = described(content, Rules, "scale factors", "lepid.write_scale_factors")
        if working_point not in rules.points:
            raise UnknownWorkingPoint.of(str(path), "working point", working_point, rules.points)
        pair = rules.points[working_point]
        correction, efficiency = correction or pair.scale_factors, efficiency or pair.efficiency
        told |= rules.inputs
        whose = rules.tagger, rules.collection, tuple(rules.sha256)
    told |= inputs or {}
    names = [_correction(content, correction or working_point, working_point)]
    names += [_correction(content, efficiency, working_point)] if efficiency else []
    there = {name for mine in names for name in content.inputs(mine)}
    for name in inputs or {}:
        if name not in there:
            raise UnknownName.of(str(path), "input", name, there)
    lookups = [_lookup(content, name, working_point, told) for name in names]
    factors = _chosen(lookups[0], variations)
    return Opened(factors, lookups[1] if efficiency else None, *whose)


def _correction(content: Tables, name: str, point: str) -> str:
    if name in content.names:
        return name
    with_key = [n for n in content.names if any(point in k for k in _keys(content, n).values())]
    if name == point and len(with_key) == 1:
        return with_key[0]
    do = f"pass correction= or efficiency= with one of: {', '.join(content.names)}"
    raise UnknownName.of(content.path, "correction", name, content.names, do)


def _keys(content: Tables, name: str) -> dict[str, list[Any]]:
    return keys(content.entry(name)["data"])


def _lookup(content: Tables, name: str, point: str, told: Mapping[str, Told]) -> Lookup:
    axes: dict[str, Axis] = {}
    fixed: dict[str, str | int] = {}
    varied, variations = "", (NOMINAL,)
    unknown = {}
    possible = _keys(content, name)
    for entry, kind in content.input_types(name).items():
        known = possible.get(entry, [])
        value = told.get(entry)
        if kind == "string":
            first = [key for key in NOMINALS if key in known]
            if value is not None and value not in known:
                raise UnknownName.of(f"{content.path}: {name}", entry, str(value), known)
            if value is not None or point in known:
                fixed[entry] = str(value) if value is not None else point
            elif first and not varied:
                varied = entry
                variations = (first[0], *(key for key in known if key != first[0]))
            else:
                unknown[entry] = f"text, one of {', '.join(map(str, known)) or 'any'}"
        elif isinstance(value, int):
            fixed[entry] = value
        elif value is not None or entry.lower() in (*MOMENTA, *ANGLES):
            axes[entry] = _axis(content, name, entry, kind, value)
        else:
            unknown[entry] = "a number of the lepton"
    if unknown:
        listed = "; ".join(f"{entry} ({what})" for entry, what in unknown.items())
        near = [n for entry in unknown for n in near_misses(entry.lower(), (*MOMENTA, *ANGLES))]
        do = "pass inputs={input: feature, column, (column, unit) or the text}"
        wrong = f"lepid does not know what these inputs of {name!r} take: {listed}"
        raise BadTable(content.path, wrong, list(dict.fromkeys(near)), do)
    if not axes:
        raise BadTable(content.path, f"no input of {name!r} is a number of the lepton")
    return Lookup(content.tolerant(NOT_MEASURED), name, axes, fixed, varied, variations)


def _axis(content: Tables, name: str, entry: str, kind: str, value: Told | None) -> Axis:
    stated = content.inputs(name)[entry]
    feature, unit = value if isinstance(value, tuple) else (str(value or entry.lower()), stated)
    momentum = entry.lower() in MOMENTA or feature in MOMENTA
    if unit and unit not in FACTORS:
        known = [name for name in FACTORS if name]
        raise UnknownName.of(f"{content.path}: {name}: {entry}", "unit", unit, known)
    if momentum and not unit:
        found = (edges(node).get(entry, ()) for node in walk(content.entry(name)["data"]))
        highest = max((e for line in found for e in line if math.isfinite(e)), default=0.0)
        if highest > TOO_HARD:
            wrong = f"input {entry!r} of {name!r} has no unit, and edges up to {highest:g}"
            do = f"pass inputs={{{entry!r}: ({feature!r}, 'MeV')}} if it is in MeV"
            raise BadTable(content.path, wrong, (), do)
        unit = "GeV"
    return Axis(feature, unit, kind)


def _chosen(lookup: Lookup, asked: Sequence[str] | None) -> Lookup:
    nominal, *others = lookup.variations
    for name in asked or ():
        if name not in lookup.variations:
            where = f"{lookup.content.path}: {lookup.name}"
            raise UnknownName.of(where, "variation", name, lookup.variations)
    # Others, such as `stat`, may hold the size of an uncertainty, which is no weight.
    moved = [name for name in others if name.lower().endswith((UP, DOWN))]
    chosen = tuple(dict.fromkeys(asked)) if asked else (nominal, *moved)
    parts = lookup.content, lookup.name, lookup.axes, lookup.fixed, lookup.varied
    return Lookup(*parts, chosen)
