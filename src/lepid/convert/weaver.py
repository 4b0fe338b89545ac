"""The `preprocess.json` that weaver exports beside a network.

Source
------
weaver-core weaver/utils/data/config.py (export_json); CMSSW PhysicsTools/ONNXRuntime and
RecoBTag/FeatureTools (center_norm_pad), which has min_length and max_length too
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lepid.errors import BadFile, near_misses

HEAD = ("output_names", "input_names")
LENGTHS = ("var_length", "min_length", "max_length")
NEEDED = ("median", "norm_factor", "replace_inf_value", "lower_bound", "upper_bound")
MASK = "_mask"


@dataclass(frozen=True)
class Variable:
    """One variable: ``(x - median) * norm_factor``, then clipped, and what stands for padding."""

    name: str
    median: float
    norm_factor: float
    replace_inf_value: float
    lower_bound: float
    upper_bound: float
    pad: float


@dataclass(frozen=True)
class Group:
    """One input node: its variables, and how many rows it has at least and at most."""

    name: str
    variables: tuple[Variable, ...]
    shortest: int
    longest: int

    @property
    def prefix(self) -> str:
        """What it shares with the other nodes of its list: ``pf`` of ``pf_features``."""
        return self.name.rpartition("_")[0] or self.name


@dataclass(frozen=True)
class Preprocessing:
    """What `preprocess.json` says.

    Attributes
    ----------
    labels : of the classes, in the order of the output
    groups : in the order of the network
    """

    labels: tuple[str, ...]
    groups: tuple[Group, ...]


def read(path: Path) -> Preprocessing:
    """What the file at `path` says.

    Raises
    ------
    BadFile : it cannot be read, or a key is missing, unknown or cannot be meant; names the key
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadFile(str(path), f"cannot be read as JSON: {error}") from error
    if not isinstance(data, Mapping):
        raise BadFile(str(path), "is not a preprocess.json of weaver")
    labels, names = (_strings(path, data, key) for key in HEAD)
    _known(path, "", data, (*HEAD, *names))
    return Preprocessing(labels, tuple(_group(path, data, name) for name in names))


def _group(path: Path, data: Mapping[str, Any], name: str) -> Group:
    group = _get(path, data, "", name, Mapping)
    _known(path, name, group, ("var_names", "var_infos", *LENGTHS))
    names = _strings(path, group, "var_names", name)
    infos = _get(path, group, name, "var_infos", Mapping)
    _known(path, f"{name}.var_infos", infos, names)
    if "var_length" in group:
        shortest = longest = _length(path, group, name, "var_length")
    else:
        shortest, longest = (_length(path, group, name, key) for key in LENGTHS[1:])
    if not 0 <= shortest <= longest or not longest:
        wrong = f"{name}: {shortest} to {longest} rows"
        raise BadFile(str(path), wrong, (), "lengths ascend, and the last is 1 or more")
    variables = tuple(_variable(path, infos, f"{name}.var_infos", each) for each in names)
    return Group(name, variables, shortest, longest)


def _variable(path: Path, infos: Mapping[str, Any], place: str, name: str) -> Variable:
    info = _get(path, infos, place, name, Mapping)
    place = f"{place}.{name}"
    _known(path, place, info, (*NEEDED, "pad"))
    given = {key: _number(path, info, place, key) for key in NEEDED}
    pad = _number(path, info, place, "pad") if "pad" in info else 0.0
    found = Variable(name, pad=pad, **given)
    if not found.norm_factor > 0:
        raise BadFile(str(path), f"{place}.norm_factor: {found.norm_factor:g} is not above 0")
    if not found.lower_bound < found.upper_bound:
        raise BadFile(str(path), f"{place}: lower_bound is not below upper_bound")
    return found


def _get(path: Path, data: Mapping[str, Any], place: str, key: str, kind: type[Any]) -> Any:
    where = f"{place}.{key}".lstrip(".")
    if key not in data:
        raise BadFile(str(path), f"{where} is missing", near_misses(key, data))
    if not isinstance(data[key], kind):
        wrong = f"{where}: expected {'a table' if kind is Mapping else 'a list'}"
        raise BadFile(str(path), f"{wrong}, found {data[key]!r:.40}")
    return data[key]


def _strings(path: Path, data: Mapping[str, Any], key: str, place: str = "") -> tuple[str, ...]:
    found = _get(path, data, place, key, list)
    where = f"{place}.{key}".lstrip(".")
    if not found or not all(isinstance(each, str) and each for each in found):
        raise BadFile(str(path), f"{where}: expected names, found {found!r:.40}")
    twice = sorted({each for each in found if found.count(each) > 1})
    if twice:
        raise BadFile(str(path), f"{where}: {', '.join(twice)} stands there twice")
    return tuple(found)


def _number(path: Path, data: Mapping[str, Any], place: str, key: str) -> float:
    value = data.get(key)
    if key not in data:
        raise BadFile(str(path), f"{place}.{key} is missing", near_misses(key, data))
    # NaN and Infinity are JSON for Python.
    good = isinstance(value, int | float) and not isinstance(value, bool)
    if not good or not math.isfinite(value or 0.0):
        raise BadFile(str(path), f"{place}.{key}: expected a number, found {value!r:.40}")
    return float(value or 0.0)


def _length(path: Path, data: Mapping[str, Any], place: str, key: str) -> int:
    value = _number(path, data, place, key)
    if value != int(value):
        raise BadFile(str(path), f"{place}.{key}: expected a whole number, found {value:g}")
    return int(value)


def _known(path: Path, place: str, data: Mapping[str, Any], names: Iterable[str]) -> None:
    known = list(names)
    for key in data:
        if key not in known:
            where = f"{place}.{key}".lstrip(".")
            raise BadFile(str(path), f"{where}: unknown key", near_misses(key, known))
