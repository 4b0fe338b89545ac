"""HDF5 files of the flavour-tagging layout: a row for each lepton or jet. The only home of h5py."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple, Self

import awkward as ak
import h5py
import numpy as np
import numpy.typing as npt

from lepid.errors import BadFile, NoLeptons
from lepid.files_out import atomic

# Names of the flavour-tagging tools; one of them is taken where a file has several tables.
DATASETS = ("electrons", "muons", "jets")
# Which of the places in a row hold a track; the others are padding.
VALID = "valid"
METADATA = "lepid"
# Bytes that are compressed together: less than what HDF5 keeps of a dataset.
CHUNK = 256 * 1024
COMPLETE = "check that the file is complete"
# Bytes up to which a part of the rows is kept for its other columns: for each column HDF5 undoes
# the compression of all. Files that are read whole, maybe many at once, keep nothing.
ROWS = 32 * 1024 * 1024


class Field(NamedTuple):
    """One column of a file: a field of a dataset [n_row], or [n_row, n_place] of constituents."""

    dataset: Any
    name: str
    dtype: np.dtype[Any]


@dataclass(frozen=True)
class H5File:
    """The rows of one dataset as events with one object each, and its constituents.

    Attributes
    ----------
    path, n_event : of the file; one event for each row
    metadata : what lepid stored when it wrote the file, else empty
    dataset : the rows, open
    """

    path: str
    n_event: int
    metadata: str
    dataset: Any

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of its columns, ``dataset.field``."""
        return tuple(self._fields)

    def form(self, column: str) -> Any:
        """Awkward form of a column; nothing is read."""
        field = self._fields[column]
        numbers = ak.forms.NumpyForm(field.dtype.name)
        return numbers if field.dataset.ndim == 1 else ak.forms.ListOffsetForm("i64", numbers)

    def read(self, column: str, start: int, stop: int) -> Any:
        """Array of a column for rows [`start`, `stop`); padding of constituents is left out.

        Raises
        ------
        BadFile : the file is damaged there, or compressed in a way that nothing here can undo
        """
        field = self._fields[column]
        values = self._values(field.dataset, field.name, start, stop).astype(field.dtype)
        if field.dataset.ndim == 1:
            return ak.Array(values)
        there = self._values(field.dataset, VALID, start, stop).astype(bool)
        return ak.unflatten(values[there], np.count_nonzero(there, axis=1))

    def _values(self, dataset: Any, name: str, start: int, stop: int) -> npt.NDArray[Any]:
        try:
            size = (stop - start) * dataset.dtype.itemsize * math.prod(dataset.shape[1:])
            if stop - start == self.n_event or size > ROWS:
                return np.asarray(dataset.fields(name)[start:stop])
            kept = self._kept.get(dataset.name)
            if kept is None or kept[0] != (start, stop):
                kept = self._kept[dataset.name] = (start, stop), dataset[start:stop]
            return np.asarray(kept[1][name])
        except OSError as error:
            lost = _lost_filters(dataset)
            if not lost:
                raise _damaged(self.path, error) from error
            wrong = f"{dataset.name[1:]} is compressed with {', '.join(lost)}, which is not here"
            raise BadFile(self.path, wrong, (), "pip install hdf5plugin, or repack it") from error

    @cached_property
    def _kept(self) -> dict[str, tuple[tuple[int, int], npt.NDArray[Any]]]:
        """The part of each dataset that was read last, and its range."""
        return {}

    @cached_property
    def _fields(self) -> dict[str, Field]:
        tables = [self.dataset, *_constituents(self.dataset)]
        found = {}
        for table in tables:
            for name, dtype in _numbers(table):
                found[f"{_base(table)}.{name}"] = Field(table, name, dtype)
        return found


def open_file(path: Path, tree: str | None = None) -> H5File:
    """The rows of the dataset `tree`, or of the only one that can be meant.

    Raises
    ------
    BadFile : not an HDF5 file, a truncated one, or one that refers to files that are not there
    NoLeptons : no such dataset, or several and no name that is known
    """
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise _damaged(str(path), error) from error
    datasets = dict(_datasets(file))
    rows = [name for name, each in datasets.items() if each.dtype.names and each.ndim == 1]
    chosen = datasets[_chosen(path, datasets, rows, tree)]
    for each in (chosen, *_constituents(chosen)):
        _require_sources(path, each)
        if _lost_filters(each):
            _more_filters()
    stored = datasets.get(METADATA)
    metadata = stored.asstr()[()] if stored is not None and stored.shape == () else ""
    return H5File(str(path), len(chosen), metadata, chosen)


def _chosen(path: Path, datasets: dict[str, Any], rows: list[str], tree: str | None) -> str:
    if tree is not None:
        if tree not in rows:
            raise NoLeptons(str(path), f"no dataset {tree!r} with a row for each object", rows,
                            "give one of these as tree=" if rows else "")  # fmt: skip
        return tree
    known = [name for name in rows if _base(datasets[name]) in DATASETS]
    candidates = rows if len(rows) == 1 else known
    if len(candidates) == 1:
        return candidates[0]
    if rows:
        wrong = f"several datasets with a row for each object: {', '.join(rows)}"
        raise NoLeptons(str(path), wrong, (), "give one of these as tree=")
    held = ", ".join(f"{name} {list(each.shape)}" for name, each in datasets.items())
    wrong = f"no dataset with a row for each object and named fields; it holds: {held or 'nothing'}"
    raise NoLeptons(str(path), wrong, (), "write a structured array, as atlas-ftag-tools do")


def _datasets(file: Any) -> Iterator[tuple[str, Any]]:
    names: list[str] = []
    file.visit(names.append)
    for name in names:
        if isinstance(file[name], h5py.Dataset):
            yield name, file[name]


def _base(dataset: Any) -> str:
    return str(dataset.name).rpartition("/")[2]


def _constituents(dataset: Any) -> list[Any]:
    """Datasets beside this one with a list of constituents for each of its rows.

    Without `valid` nothing tells them from padding, and they are left out.
    """
    beside = (each for each in dataset.parent.values() if isinstance(each, h5py.Dataset))
    return [
        each
        for each in beside
        if each.ndim == 2 and len(each) == len(dataset) and VALID in (each.dtype.names or ())
    ]


def _numbers(table: Any) -> Iterator[tuple[str, np.dtype[Any]]]:
    """Fields that hold one number, and how it is given: native, at least 32 bits for floats."""
    for name in table.dtype.names:
        dtype = table.dtype[name]
        if dtype.kind in "biuf" and not dtype.shape and (table.ndim == 1 or name != VALID):
            # Half precision is for storage: kernels have no arithmetic for it.
            native = dtype.newbyteorder("=")
            yield name, np.dtype(np.float32) if native == np.float16 else native


def _require_sources(path: Path, dataset: Any) -> None:
    """HDF5 gives zeros for what a virtual dataset takes from files that are not there."""
    if not dataset.is_virtual:
        return
    files = {source.file_name for source in dataset.virtual_sources()} - {"."}
    lost = [name for name in sorted(files) if not (path.parent / name).exists()]
    if lost:
        shown = ", ".join(lost[:3]) + (", ..." if len(lost) > 3 else "")
        wrong = f"{_base(dataset)} is made of {len(files)} files, and {len(lost)} are not there"
        raise BadFile(str(path), f"{wrong}: {shown}", (), "put them where they were")


def _lost_filters(dataset: Any) -> list[str]:
    """Names of the filters of a dataset that HDF5 does not have here."""
    made = dataset.id.get_create_plist()
    filters = [made.get_filter(place) for place in range(made.get_nfilters())]
    lost = [each for each in filters if not h5py.h5z.filter_avail(each[0])]
    return [each[3].decode() or f"filter {each[0]}" for each in lost]


def _more_filters() -> None:
    # Optional: what h5py brings reads the files of the flavour-tagging tools.
    try:
        import_module("hdf5plugin")
    except ImportError:
        return


def _damaged(path: str, error: Exception) -> BadFile:
    wrong = f"cannot be read as an HDF5 file ({type(error).__name__}: {str(error).splitlines()[0]})"
    return BadFile(path, wrong, (), COMPLETE)


class H5Writer:
    """Writes chunks of events, a row for each object; the file appears when all are written."""

    def __init__(self, path: Path, metadata: str) -> None:
        self._atomic = atomic(path)
        self._metadata = metadata
        self._file: Any = None

    def __enter__(self) -> Self:
        self._file = h5py.File(self._atomic.__enter__(), "w")
        self._file[METADATA] = self._metadata
        return self

    def extend(self, chunk: Mapping[str, Any]) -> None:
        """Append one chunk; every chunk must have the columns of the first.

        Parameters
        ----------
        chunk : name of a dataset -> records, jagged or one per event; name of a column ->
            [n_event], which the rows of each dataset get
        """
        beside = {name: array for name, array in chunk.items() if not array.fields}
        for name, records in chunk.items():
            if records.fields:
                rows = _rows(records, beside)
                if name not in self._file:
                    size = max(1, CHUNK // rows.dtype.itemsize)
                    self._file.create_dataset(
                        name, shape=(0,), maxshape=(None,), dtype=rows.dtype, chunks=(size,),
                        compression="gzip", compression_opts=1, shuffle=True,
                    )  # fmt: skip
                dataset = self._file[name]
                dataset.resize(len(dataset) + len(rows), axis=0)
                dataset[len(dataset) - len(rows) :] = rows

    def __exit__(self, *error: Any) -> None:
        self._file.close()
        self._atomic.__exit__(*error)


def _rows(records: Any, beside: Mapping[str, Any]) -> npt.NDArray[Any]:
    """Structured array of records, [n_object], with the columns of their events."""
    number = ak.to_numpy(ak.num(records)) if records.ndim > 1 else np.ones(len(records), np.int64)
    flat = ak.flatten(records) if records.ndim > 1 else records
    columns = {name: ak.to_numpy(flat[name]) for name in flat.fields}
    for name, values in beside.items():
        columns.setdefault(name, np.repeat(ak.to_numpy(values), number))
    rows = np.empty(len(flat), [(name, values.dtype) for name, values in columns.items()])
    for name, values in columns.items():
        rows[name] = values
    return rows
