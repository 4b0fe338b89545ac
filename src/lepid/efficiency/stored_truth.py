"""Truth classes that a file holds as numbers of one column, and files that say what these are."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lepid.efficiency.truth import Scheme
from lepid.errors import BadInput, near_misses
from lepid.events.schema import FLAVOURS

KEYS = ("column", "classes")


def load(path: Path) -> Scheme:
    """Scheme of a TOML file: a `column`, and the number or numbers of each of its `[classes]`.

    Raises
    ------
    BadInput : there is no such file, or it is not one
    """
    where = str(path)
    if not path.is_file():
        raise BadInput(where, "no such truth scheme file", (), "check the path")
    try:
        facts = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        wrong = f"not a truth scheme: {type(error).__name__}: {error}"
        raise BadInput(where, wrong, (), "write column = ... and [classes]") from error
    unknown = [key for key in facts if key not in KEYS]
    if unknown:
        raise BadInput(where, f"unknown key {unknown[0]!r}", near_misses(unknown[0], KEYS))
    column, named = (facts.get(key) for key in KEYS)
    if not (isinstance(column, str) and column and isinstance(named, dict) and named):
        raise BadInput(where, "has no column and [classes]", (), "write both")
    codes: dict[int, int] = {}
    for name, given in named.items():
        numbers = given if isinstance(given, list) else [given]
        if not numbers or not all(type(number) is int for number in numbers):
            raise BadInput(where, f"class {name!r} is {given!r}, not whole numbers")
        for number in numbers:
            if number in codes:
                raise BadInput(where, f"{number} is twice in [classes]", (), "once in one class")
            codes[number] = numbers[0]
    classes = {codes[_first(given)]: name for name, given in named.items()}
    needs = dict.fromkeys(FLAVOURS, (column,))
    return Scheme(where, classes, needs, {}, source=where, codes=codes)


def _first(given: Any) -> int:
    return int(given[0] if isinstance(given, list) else given)


def classes_of(scheme: Scheme, column: str, values: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Truth class of each lepton whose file has a column with it, [n_lepton].

    Parameters
    ----------
    column : its name, for the errors
    values : [n_lepton]

    Raises
    ------
    BadInput : other than whole numbers, or one that the scheme does not know
    """
    known: Mapping[int, int] = scheme.codes or {code: code for code in scheme.classes}
    is_whole = np.isfinite(values) if values.dtype.kind == "f" else np.ones(len(values), bool)
    is_whole[is_whole] = values[is_whole] == np.rint(values[is_whole])
    if not is_whole.all():
        wrong = f"column {column} holds other than whole numbers"
        raise BadInput(f"truth scheme {scheme.name}", wrong, (), "name a column of classes")
    numbers = np.array(sorted(known), np.int64)
    found = values.astype(np.int64)
    place = np.minimum(np.searchsorted(numbers, found), len(numbers) - 1)
    strange = np.unique(found[numbers[place] != found]).tolist()
    if strange:
        wrong = f"column {column} holds {', '.join(map(str, strange[:8]))}, which is no class"
        listed = ", ".join(f"{code} {scheme.classes[known[code]]}" for code in sorted(known))
        raise BadInput(f"truth scheme {scheme.name}", wrong, (), f"known: {listed}")
    return np.array([known[int(number)] for number in numbers], np.int64)[place]
