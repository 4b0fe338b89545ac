"""Named working points: requirements joined by *and*, each a correctionlib look-up.

The set's description holds one line ``lepid: {json}`` with the points, what they cut on, the
sense, the range and the network that they belong to; a file without it is no table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from lepid.description import assemble_with_rules, check_correction, check_units
from lepid.description import rules as described
from lepid.errors import BadTable, UnboundTable, UnknownWorkingPoint
from lepid.tables import Tables, save
from lepid.tables import read as read_tables

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


def _bit(value: Floats, mask: Floats) -> Bools:
    # Shifts by less than 0 or more than 63 bits are undefined, and 1e300 is no integer.
    there: Bools = (value >= 0) & (value < 63) & (value == np.floor(value))
    bit = np.where(there, value, 0).astype(np.int64)
    held: Bools = there & ((mask.astype(np.int64) >> bit) & 1 == 1)
    return held


SENSES: dict[str, Callable[[Floats, Floats], Bools]] = {
    ">": np.greater,
    ">=": np.greater_equal,
    "<": np.less,
    "<=": np.less_equal,
    # Athena's ambiguity masks: the cut is a mask, the quantity the number of the bit.
    "bit": _bit,
}


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Requirement(_Part):
    """``quantity sense cut``, the cut looked up for each lepton."""

    correction: str = Field(description="name of the correction that gives the cut")
    quantity: str = Field(description="output, discriminant, feature or column that is compared")
    sense: Literal[">", ">=", "<", "<=", "bit"]


class Binding(_Part):
    """Which scores the points may be used with: any of these suffices."""

    sha256: tuple[str, ...] = ()
    path: tuple[str, ...] = ()
    columns: tuple[str, ...] = Field(default=(), description="stored columns of the scores")
    inputs: bool = Field(
        default=False, description="true: cuts on columns, no network to belong to"
    )


class Range(_Part):
    """Closed range of a feature; leptons outside are not scored."""

    feature: str
    unit: str = ""
    low: float | None = None
    high: float | None = None


class Rules(_Part):
    """What the ``lepid:`` line of a table says."""

    tagger: str
    points: dict[str, tuple[Requirement, ...]] = Field(min_length=1)
    inputs: dict[str, str] = Field(description="correction input -> feature or column")
    range: tuple[Range, ...] = ()
    bound_to: Binding


class Table:
    """Working points of one file.

    Attributes
    ----------
    path : str
    rules : Rules
    tables : Tables
    """

    def __init__(self, path: str, rules: Rules, content: Tables) -> None:
        self.path, self.rules, self.tables = path, rules, content

    @property
    def points(self) -> list[str]:
        """Names of the working points, in file order."""
        return list(self.rules.points)

    def quantities(self, points: Sequence[str] | None = None) -> dict[str, str]:
        """What the points compare -> its unit, `points` None for all."""
        chosen = self.points if points is None else points
        return {
            r.quantity: self.tables.output_unit(r.correction)
            for point in chosen
            for r in self.requirements(point)
        }

    def axes(self) -> dict[str, tuple[str, str]]:
        """Correction input -> its feature or column, and its unit."""
        units = {}
        for requirements in self.rules.points.values():
            for requirement in requirements:
                units.update(self.tables.inputs(requirement.correction))
        return {name: (self.rules.inputs[name], unit) for name, unit in units.items()}

    def requirements(self, point: str) -> tuple[Requirement, ...]:
        """Requirements of a working point.

        Raises
        ------
        UnknownWorkingPoint : the table has none of this name
        """
        if point not in self.rules.points:
            raise UnknownWorkingPoint.of(self.path, "working point", point, self.points)
        return self.rules.points[point]

    def check_binding(self, sha256: str, path: str, columns: Sequence[str]) -> None:
        """Raise `UnboundTable` unless the table belongs to the scores that are described.

        Parameters
        ----------
        sha256, path : of the network that made the scores, empty for stored ones
        columns : stored columns that hold the scores
        """
        bound = self.rules.bound_to
        if bound.inputs or (sha256 and sha256 in bound.sha256) or (path and path in bound.path):
            return
        if columns and bound.columns and set(columns) <= set(bound.columns):
            return
        if columns:
            used = f"the columns {', '.join(columns)}"
        else:
            used = f"the network {path} with sha256 {sha256[:16]}..."
        raise UnboundTable.of(self.path, self.binding_text(), used)

    def binding_text(self) -> str:
        """What the points belong to, in words."""
        bound = self.rules.bound_to
        if bound.inputs:
            return "columns of the file, no network"
        parts = [f"sha256 {digest[:16]}..." for digest in bound.sha256] + list(bound.path)
        if bound.columns:
            parts.append(f"the columns {', '.join(bound.columns)}")
        return " or ".join(parts) or "nothing"

    def cuts(self, requirement: Requirement, axes: Mapping[str, Floats]) -> Floats:
        """Cut of one requirement for each lepton, [n_lepton]; `axes` are finite."""
        names = self.tables.inputs(requirement.correction)
        return self.tables.look_up(requirement.correction, *(axes[name] for name in names))

    def decide(self, values: Mapping[str, Floats], axes: Mapping[str, Floats]) -> dict[str, Bools]:
        """Working point -> whether each lepton passes; False where something is not finite.

        Parameters
        ----------
        values : quantity -> [n_lepton], in the unit of `quantities`
        axes : correction input -> [n_lepton], in the unit of `axes`; points whose quantity is
            not among `values` are left out
        """
        known = np.logical_and.reduce([np.isfinite(axis) for axis in axes.values()])
        # correctionlib maps NaN to the last bin: zeros stand in, and the mask takes them out.
        safe = axes if known.all() else {k: np.where(known, v, 0.0) for k, v in axes.items()}
        decisions: dict[str, Bools] = {}
        for point, requirements in self.rules.points.items():
            if not all(r.quantity in values for r in requirements):
                continue
            passed = known.copy()
            for r in requirements:
                # A comparison with NaN is False.
                passed &= SENSES[r.sense](values[r.quantity], self.cuts(r, safe))
            decisions[point] = passed
        return decisions

    def inside(self, ranges: Mapping[str, Floats]) -> Bools | None:
        """Whether each lepton is inside the closed range of the table; None if it has none.

        `ranges` maps the feature of each range to [n_lepton], in the unit of the range.
        """
        masks = [
            (ranges[r.feature] >= (-np.inf if r.low is None else r.low))
            & (ranges[r.feature] <= (np.inf if r.high is None else r.high))
            for r in self.rules.range
        ]
        return np.logical_and.reduce(masks) if masks else None


def read(path: Path) -> Table:
    """The working points in the correctionlib file at `path`.

    Raises
    ------
    BadTable : not a correctionlib file, no ``lepid:`` line, or a line that does not fit the file
    """
    return _read(path, path.stat().st_mtime_ns if path.is_file() else 0)


@cache
def _read(path: Path, modified: int) -> Table:
    return _table(read_tables(path))


def _table(content: Tables) -> Table:
    path = content.path
    writer = "lepid.working_points.table.write"
    rules = described(content, Rules, "working points", writer)
    for point, requirements in rules.points.items():
        if not requirements:
            raise BadTable(path, f"working point {point!r} has no requirement")
        for requirement in requirements:
            where = f"working point {point!r}"
            check_correction(content, where, requirement.correction, rules.inputs)
    check_units(path, _units(rules, content))
    return Table(path, rules, content)


def _units(rules: Rules, content: Tables) -> Iterator[tuple[str, str]]:
    """What has a unit, and which."""
    yield from ((f"range of {r.feature!r}", r.unit) for r in rules.range)
    for requirements in rules.points.values():
        for r in requirements:
            inputs = content.inputs(r.correction).items()
            yield from ((f"input {name!r}", unit) for name, unit in inputs)
            yield f"cut on {r.quantity!r}", content.output_unit(r.correction)


def write(path: Path, text: str, rules: Rules, corrections: Sequence[Mapping[str, Any]]) -> None:
    """Write working points as a correctionlib v2 file.

    Parameters
    ----------
    text : short description, one line or several
    corrections : made by `lepid.tables.correction`

    Raises
    ------
    BadTable : a correction or the rules do not fit; nothing is written
    """
    save(path, made(path, text, rules, corrections).tables)


def made(path: Path, text: str, rules: Rules, corrections: Sequence[Mapping[str, Any]]) -> Table:
    """The table that `write` would write at `path`.

    Raises
    ------
    BadTable : a correction or the rules do not fit
    """
    return _table(assemble_with_rules(path, text, rules, corrections))
