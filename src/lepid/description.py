"""Correctionlib files with a line ``lepid: {json}`` in their description.

It says what the format of the file has no place for.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from lepid.errors import BadTable, near_misses
from lepid.tables import Tables, assemble
from lepid.units import FACTORS

MARK = "lepid:"
Rules = TypeVar("Rules", bound=BaseModel)


def rules(content: Tables, kind: type[Rules], what: str, writer: str) -> Rules:
    """What the line in the description of `content` says.

    Parameters
    ----------
    kind : what it may say
    what, writer : what the file should be, and the function that writes such files

    Raises
    ------
    BadTable : no such line, or several; not JSON, or not of this kind
    """
    path = content.path
    lines = [line for line in content.description.splitlines() if line.startswith(MARK)]
    if len(lines) != 1:
        wrong = f"not {what}: the description has {len(lines)} lines `{MARK} {{...}}`"
        raise BadTable(path, wrong, (), f"write it with {writer}")
    try:
        return kind.model_validate(json.loads(lines[0].removeprefix(MARK)))
    except json.JSONDecodeError as error:
        raise BadTable(path, f"the `{MARK}` line is not JSON: {error}") from error
    except ValidationError as error:
        found = [(".".join(map(str, e["loc"])), e["msg"]) for e in error.errors()]
        wrong = "; ".join(f"{place}: {message}" for place, message in found)
        raise BadTable(path, f"the `{MARK}` line is wrong: {wrong}") from error


def with_rules(text: str, said: BaseModel) -> str:
    """A description of `text` and the line that says `said`."""
    return f"{text}\n{MARK} {said.model_dump_json(exclude_defaults=True)}"


def assemble_with_rules(
    path: Path, text: str, said: BaseModel, corrections: Sequence[Mapping[str, Any]]
) -> Tables:
    """What a correctionlib v2 file at `path` holds, described by `text` and a line with `said`.

    Parameters
    ----------
    text : one line or several
    corrections : made by `lepid.tables.correction`

    Raises
    ------
    BadTable : a correction breaks the rules of schema v2
    """
    return assemble(path, with_rules(text, said), [dict(c) for c in corrections])


def check_correction(content: Tables, where: str, name: str, features: Mapping[str, str]) -> None:
    """Raise `BadTable` unless the correction `name` is there and its inputs can be fed.

    Parameters
    ----------
    where : what names the correction
    features : correction input -> feature or column
    """
    path = content.path
    if name not in content.names:
        wrong = f"{where} names the correction {name!r}, which is not there"
        raise BadTable(path, wrong, near_misses(name, content.names))
    inputs = content.inputs(name)
    if not inputs:
        raise BadTable(path, f"correction {name!r} has no input, expected pt, et or abseta")
    missing = sorted(set(inputs) - set(features))
    if missing:
        wrong = f"no feature is named for the inputs {missing} of {name!r}"
        raise BadTable(path, wrong, near_misses(missing[0], features))
    for axis, kind in content.input_types(name).items():
        if kind != "real":
            raise BadTable(path, f"input {axis!r} of {name!r} is {kind}, expected real")


def check_units(path: str, found: Iterable[tuple[str, str]]) -> None:
    """Raise `BadTable` if a unit is unknown, or one thing has two: each is converted once.

    Parameters
    ----------
    found : things and their units
    """
    units: dict[str, str] = {}
    for thing, unit in found:
        if unit not in FACTORS:
            do = f"use one of: {', '.join(name for name in FACTORS if name)}"
            wrong = f"{thing} has the unknown unit {unit!r}"
            raise BadTable(path, wrong, near_misses(unit, FACTORS), do)
        if units.setdefault(thing, unit) != unit:
            raise BadTable(path, f"{thing} has two units, {units[thing]!r} and {unit!r}")
