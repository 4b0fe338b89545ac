"""Flat columns out of events of any kind: eager, virtual, dask or typetracer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import awkward as ak
import numpy as np
import numpy.typing as npt

from lepid.errors import BadInput, MissingPackage, near_misses

Columns = Mapping[str, npt.NDArray[Any]]
Compute = Callable[[Columns], Columns]


def is_dask(array: Any) -> bool:
    """Whether `array` is a dask-awkward collection; does not import dask."""
    return type(array).__module__.partition(".")[0] == "dask_awkward"


def dask() -> Any:
    """The package dask_awkward.

    Raises
    ------
    MissingPackage : it is not installed
    """
    try:
        import dask_awkward  # noqa: PLC0415  (optional: coffea comes without dask)
    except ImportError as error:
        raise MissingPackage.of("dask-awkward", "for dask events", "dask") from error
    return dask_awkward


def columns_of(events: Any) -> dict[str, list[str]]:
    """Collection -> its columns, for every record field of `events`. Reads nothing.

    Raises
    ------
    BadInput : `events` is not an awkward record array, or not one kind of record
    """
    if isinstance(events, ak.Array) or is_dask(events):
        form = (events._meta if is_dask(events) else events).layout.form
        while form.is_list or form.is_option or form.is_indexed:
            form = form.content
        if form.is_union:
            wrong = "some events have other columns than others"
            raise BadInput("events", wrong, (), "give them the same columns before joining them")
        if form.is_record and form.fields:
            return {name: list(form.content(name).fields) for name in form.fields}
    wrong = f"expected an array of records, found {type(events).__name__} without fields"
    raise BadInput("events", wrong, (), "pass NanoEvents, or ak.zip({'Muons': ...}, depth_limit=1)")


class Ragged(NamedTuple):
    """A result with several values for each lepton.

    Attributes
    ----------
    offsets : [n_lepton + 1]
    values : [n_value]
    """

    offsets: npt.NDArray[np.int64]
    values: npt.NDArray[Any]


def apply(events: Any, collection: str, columns: Mapping[str, Any], compute: Compute) -> Any:
    """Record array, jagged like the collection, of what `compute` makes of its flat columns.

    Parameters
    ----------
    columns : lepid's name -> column name of the collection, or an array that is jagged like it
    compute : flat columns [n_lepton] -> flat results [n_lepton] or `Ragged`; must accept
        n_lepton = 0

    Returns
    -------
    Record array; virtual and eager events compute at once, dask events when they are computed.
    """
    names = list(columns)
    table = events[collection]
    arrays = [table[c] if isinstance(c, str) else c for c in columns.values()]

    return mapped(events, arrays, partial(_apply, names, collection, compute), collection)


def _apply(
    names: Sequence[str], collection: str, compute: Compute, *arrays: Any
) -> tuple[npt.NDArray[np.int64] | None, Columns]:
    counts, flat = flatten(dict(zip(names, arrays, strict=True)), collection)
    return counts, compute(flat)


def mapped(
    events: Any,
    arrays: Sequence[Any],
    run: Callable[..., tuple[npt.NDArray[np.int64] | None, Columns]],
    collection: str,
) -> Any:
    """Record array, jagged like the collection, of what `run` makes of arrays of events.

    Parameters
    ----------
    run : the arrays, their values there -> number of objects per event and results, [n_object]
        or `Ragged` each; the number is None if there is one object per event
    """
    if is_dask(events):
        label = f"lepid-{collection}"
        return dask().map_partitions(partial(_mapped, run), *arrays, label=label)
    return _mapped(run, *arrays)


def _mapped(run: Callable[..., tuple[Any, Columns]], *arrays: Any) -> Any:
    traced = any(ak.backend(array) == "typetracer" for array in arrays)
    if traced:
        # This also tells the tracer that the values are needed.
        arrays = tuple(ak.typetracer.length_zero_if_typetracer(array) for array in arrays)
    counts, results = run(*arrays)
    record = ak.Array({name: as_column(values) for name, values in results.items()})
    record = record if counts is None else ak.unflatten(record, counts)
    return ak.Array(record.layout.to_typetracer(forget_length=True)) if traced else record


def as_column(values: Any) -> Any:
    """Array of a result, [n_object]."""
    if isinstance(values, Ragged):
        return ak.unflatten(np.ascontiguousarray(values.values), np.diff(values.offsets))
    return np.ascontiguousarray(values)


def flatten(
    arrays: Mapping[str, Any], where: str
) -> tuple[npt.NDArray[np.int64] | None, dict[str, npt.NDArray[Any]]]:
    """Number of objects per event, and each array flat in its own dtype.

    Missing numbers become NaN, missing booleans False. The counts are None for arrays that are
    flat already.

    Raises
    ------
    BadInput : an array is not one value per object, or two arrays disagree about the counts
    """
    counts: npt.NDArray[np.int64] | None = None
    first = ""
    flat: dict[str, npt.NDArray[Any]] = {}
    for name, array in arrays.items():
        if array.ndim > 2 or array.fields:
            raise BadInput(
                f"{where}[{name!r}]", f"expected one number per object, found {array.type}"
            )
        found = _counts(array, f"{where}[{name!r}]")
        if not first:
            counts, first = found, name
        elif not _same(counts, found):
            raise BadInput(
                where, f"columns {first!r} and {name!r} have different numbers of objects"
            )
        flat[name] = _numpy(ak.flatten(array, axis=1) if array.ndim == 2 else array)
    return counts, flat


def _counts(array: Any, where: str) -> npt.NDArray[np.int64] | None:
    if array.ndim == 1:
        return None
    counts = ak.to_numpy(ak.num(array, axis=1))
    if np.ma.is_masked(counts):
        raise BadInput(where, "some events are None", (), "drop them: events[~ak.is_none(events)]")
    return np.asarray(counts, dtype=np.int64)


def _same(left: npt.NDArray[np.int64] | None, right: npt.NDArray[np.int64] | None) -> bool:
    if left is None or right is None:
        return left is right
    return np.array_equal(left, right)


def _numpy(array: Any) -> npt.NDArray[Any]:
    values: Any = ak.to_numpy(array)
    if np.ma.isMaskedArray(values):
        if not np.ma.is_masked(values):
            return np.asarray(values.data)
        if values.dtype.kind == "b":
            return np.asarray(np.ma.filled(values, False))
        kind = values.dtype if values.dtype.kind == "f" else np.dtype(np.float64)
        return np.asarray(np.ma.filled(values.astype(kind), np.nan))
    return np.asarray(values)


def column(events: Any, name: str) -> Any:
    """The column `name`, or ``collection.column``.

    Raises
    ------
    BadInput : the events have no such column
    """
    collection, _, inner = name.partition(".")
    known = columns_of(events)
    if collection not in known or (inner and inner not in known[collection]):
        listed = [c for c, fields in known.items() if not fields]
        listed += [f"{c}.{f}" for c, fields in known.items() for f in fields]
        near = near_misses(name, listed)
        raise BadInput("events", f"no column {name!r}", near, "name a column, or collection.column")
    return events[collection][inner] if inner else events[collection]


def per_lepton(weight: Any, like: Any) -> Any:
    """Weights jagged `like` a collection, from one number per event or per lepton."""
    weights = ak.Array(weight)
    return weights if weights.ndim == like.ndim else ak.broadcast_arrays(weights, like)[0]


def products(records: Any) -> Any:
    """One record per event: the product of each field over the objects, 1 without any.

    Parameters
    ----------
    records : [n_event][n_object], or [n_event] with one object in each
    """
    if records.ndim == 1:
        return records
    return ak.zip({name: ak.prod(records[name], axis=1) for name in records.fields})
