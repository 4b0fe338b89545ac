"""Corrections of columns in simulation, ``stretch * value + shift``, as correctionlib files.

The line ``lepid: {json}`` of the description says which corrections belong to which column.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, model_validator

from lepid.description import assemble_with_rules, check_correction, check_units
from lepid.description import rules as described
from lepid.tables import Tables, save
from lepid.tables import read as read_tables

Floats = npt.NDArray[np.float64]


class Correction(BaseModel):
    """Names of the corrections that give shift and stretch of a column; 0 and 1 without them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    shift: str = ""
    stretch: str = ""

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not (self.shift or self.stretch):
            raise ValueError("neither shift nor stretch")
        return self


class Rules(BaseModel):
    """What the ``lepid:`` line of a file of column corrections says."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    corrected: dict[str, Correction] = Field(min_length=1, description="column -> its corrections")
    inputs: dict[str, str] = Field(description="correction input -> feature or column")


class ColumnCorrections:
    """Corrections of one file.

    Attributes
    ----------
    path : str
    rules : Rules
    """

    def __init__(self, path: str, rules: Rules, content: Tables) -> None:
        self.path, self.rules, self._content = path, rules, content

    @property
    def sha256(self) -> str:
        """Of what the file holds."""
        return hashlib.sha256(self._content.text.encode()).hexdigest()

    def axes(self) -> dict[str, tuple[str, str]]:
        """Correction input -> its feature or column, and its unit."""
        units: dict[str, str] = {}
        for correction in self.rules.corrected.values():
            for name in filter(None, (correction.shift, correction.stretch)):
                units |= self._content.inputs(name)
        return {name: (self.rules.inputs[name], unit) for name, unit in units.items()}

    def unit(self, column: str) -> str:
        """Unit in which the shift of a column is added."""
        shift = self.rules.corrected[column].shift
        return self._content.output_unit(shift) if shift else ""

    def apply(self, column: str, values: Floats, axes: Mapping[str, Floats]) -> Floats:
        """The corrected column, [n]; NaN where an input of its corrections is not finite.

        Parameters
        ----------
        values : [n], in the unit of `unit`
        axes : correction input -> [n], in the unit of `axes`
        """
        correction = self.rules.corrected[column]
        stretch, good = self._look_up(correction.stretch, 1.0, axes, len(values))
        shift, also = self._look_up(correction.shift, 0.0, axes, len(values))
        return np.where(good & also, stretch * values + shift, np.nan)

    def _look_up(
        self, name: str, neutral: float, axes: Mapping[str, Floats], n: int
    ) -> tuple[Floats, npt.NDArray[np.bool_]]:
        if not name:
            return np.full(n, neutral), np.ones(n, np.bool_)
        taken = [axes[axis] for axis in self._content.inputs(name)]
        good = np.logical_and.reduce([np.isfinite(axis) for axis in taken])
        # correctionlib maps NaN to the last bin: zeros stand in, and the mask takes them out.
        return self._content.look_up(name, *(np.where(good, axis, 0.0) for axis in taken)), good


def read(path: Path) -> ColumnCorrections:
    """The column corrections in the correctionlib file at `path`.

    Raises
    ------
    BadTable : not a correctionlib file, no ``lepid:`` line, or a line that does not fit the file
    """
    return _checked(read_tables(path))


def write(path: Path, text: str, rules: Rules, corrections: Sequence[Mapping[str, Any]]) -> None:
    """Write column corrections as a correctionlib v2 file.

    Parameters
    ----------
    text : short description, one line or several
    corrections : made by `lepid.tables.correction`

    Raises
    ------
    BadTable : a correction or the rules do not fit; nothing is written
    """
    content = assemble_with_rules(path, text, rules, corrections)
    _checked(content)
    save(path, content)


def _checked(content: Tables) -> ColumnCorrections:
    writer = "lepid.features.column_corrections.write"
    rules = described(content, Rules, "corrections of columns", writer)
    found: list[tuple[str, str]] = []
    for column, correction in rules.corrected.items():
        for name in filter(None, (correction.shift, correction.stretch)):
            check_correction(content, f"column {column!r}", name, rules.inputs)
            found += [(f"input {axis!r}", unit) for axis, unit in content.inputs(name).items()]
            found.append((f"correction {name!r}", content.output_unit(name)))
    check_units(content.path, found)
    return ColumnCorrections(content.path, rules, content)
