"""Checks the flat columns that an efficiency table counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from lepid.errors import BadInput, UnknownName, UnknownWorkingPoint

Array: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Leptons:
    """Scored leptons, ready to be counted.

    Attributes
    ----------
    decisions : one [n_lepton] array for each working point of the table, in its order
    truth_class : [n_lepton], place of the class in the table
    pt, abseta, weight : [n_lepton], pt in GeV
    unscored : [n_class], number of leptons of each class that have no score
    """

    decisions: tuple[npt.NDArray[np.bool_], ...]
    truth_class: npt.NDArray[np.intp]
    pt: Array
    abseta: Array
    weight: Array
    unscored: npt.NDArray[np.intp]


def checked(
    where: str,
    *,
    classes: Sequence[str],
    working_points: Sequence[str],
    decisions: Mapping[str, npt.ArrayLike],
    scored: npt.ArrayLike,
    truth_class: npt.ArrayLike,
    pt: npt.ArrayLike,
    abseta: npt.ArrayLike,
    weight: npt.ArrayLike | None,
) -> Leptons:
    """Scored leptons of these columns, and how many of each class have no score.

    Parameters
    ----------
    where : names the table in messages
    decisions, scored, truth_class, pt, abseta, weight : as in `counting.count`

    Raises
    ------
    UnknownWorkingPoint, UnknownName, BadInput : as in `counting.count`
    """
    _check_working_points(where, decisions, working_points)
    names = np.asarray(truth_class)
    points = [_flags(decisions[name]) for name in working_points]
    keep = _flags(scored)
    numbers = {"pt": _floats(pt), "abseta": _floats(abseta)}
    numbers["weight"] = np.ones(names.shape) if weight is None else _floats(weight)
    flags = {"scored": keep, **dict(zip(working_points, points, strict=True))}
    _check_columns(where, {"truth_class": names, **numbers}, flags)
    places = _class_places(where, names, classes)
    kept = {name: column[keep] for name, column in numbers.items()}
    _check_numbers(where, kept)
    unscored = np.bincount(places[~keep], minlength=len(classes))
    return Leptons(tuple(point[keep] for point in points), places[keep], **kept, unscored=unscored)


def _floats(column: npt.ArrayLike) -> Array:
    return np.asarray(column, np.float64)


def _flags(column: npt.ArrayLike) -> npt.NDArray[Any]:
    flags = np.asarray(column)
    return flags if flags.size else flags.astype(np.bool_)


def _check_working_points(
    where: str, decisions: Mapping[str, npt.ArrayLike], working_points: Sequence[str]
) -> None:
    for name in decisions:
        if name not in working_points:
            raise UnknownWorkingPoint.of(where, "working point", name, working_points)
    absent = [name for name in working_points if name not in decisions]
    if absent:
        raise BadInput(where, f"no decisions for working point {', '.join(absent)}")


def _check_columns(
    where: str, columns: Mapping[str, npt.NDArray[Any]], flags: Mapping[str, npt.NDArray[Any]]
) -> None:
    every = {**columns, **flags}
    shapes = {column.shape for column in every.values()}
    if len(shapes) > 1 or columns["truth_class"].ndim != 1:
        listed = ", ".join(f"{name} {list(column.shape)}" for name, column in every.items())
        raise BadInput(where, f"columns must be flat and of one length: {listed}")
    for name, flag in flags.items():
        # 0 and 1 read as numbers would pick leptons by place instead of masking them.
        if flag.dtype != np.bool_:
            raise BadInput(where, f"{name} is {flag.dtype}, not bool")


def _class_places(
    where: str, column: npt.NDArray[Any], classes: Sequence[str]
) -> npt.NDArray[np.intp]:
    if column.size == 0:
        return np.zeros(0, np.intp)
    if np.issubdtype(column.dtype, np.integer):
        wrong = np.flatnonzero((column < 0) | (column >= len(classes)))
        if wrong.size:
            name = str(column[wrong[0]])
            known = [str(place) for place in range(len(classes))]
            raise UnknownName.of(where, "truth class at place", name, known)
        return column.astype(np.intp)
    found, inverse = np.unique(column.astype(str), return_inverse=True)
    for name in found.tolist():
        if name not in classes:
            raise UnknownName.of(where, "truth class", name, classes)
    return np.array([classes.index(name) for name in found.tolist()], np.intp)[inverse]


def _check_numbers(where: str, numbers: Mapping[str, Array]) -> None:
    for name, column in numbers.items():
        bad = int(np.count_nonzero(~np.isfinite(column)))
        if bad:
            wrong = f"{name} of {bad} of {column.size} scored leptons is not finite"
            raise BadInput(where, wrong, (), "mark leptons without a usable value as not scored")
    if np.any(numbers["abseta"] < 0.0):
        raise BadInput(where, "abseta is negative", (), "give |eta|")
