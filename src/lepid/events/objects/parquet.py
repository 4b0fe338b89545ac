"""Events in parquet files, one column of a collection at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import awkward as ak
import numpy as np
import pyarrow
import pyarrow.parquet

from lepid.errors import BadFile
from lepid.files_out import atomic


@dataclass(frozen=True)
class ParquetFile:
    """The rows of one parquet file as events.

    Attributes
    ----------
    path, n_event : of the file
    metadata : what lepid stored when it wrote the file, else empty
    """

    path: str
    n_event: int
    metadata: str

    @cached_property
    def _file(self) -> Any:
        return pyarrow.parquet.ParquetFile(self.path)

    @cached_property
    def _empty(self) -> Any:
        return ak.Array(ak.metadata_from_parquet(self.path)["form"].length_zero_array())

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of its columns; a column of a collection is ``collection.column``."""
        return tuple(self._paths)

    @cached_property
    def _paths(self) -> dict[str, tuple[str, ...]]:
        form = self._empty.layout.form
        return {".".join(p): p for name in form.fields for p in _paths(form.content(name), (name,))}

    def form(self, column: str) -> Any:
        """Awkward form of a column; nothing is read."""
        return self._project(self._empty, column).layout.form

    def read(self, column: str, start: int, stop: int) -> Any:
        """Array of a column for rows [`start`, `stop`); reads the row groups that hold them.

        Raises
        ------
        BadFile : the file is damaged there
        """
        if start >= stop:
            return self._project(self._empty, column)
        facts = self._file.metadata
        sizes = [facts.row_group(i).num_rows for i in range(facts.num_row_groups)]
        ends = np.cumsum(sizes)
        begins = ends - sizes
        touched = [int(i) for i in np.flatnonzero((begins < stop) & (ends > start))]
        first = int(begins[touched[0]])
        try:
            table = self._file.read_row_groups(touched, columns=self._stored(column))
        except (pyarrow.ArrowException, OSError) as error:
            raise _damaged(self.path, error) from error
        array = self._project(ak.from_arrow(table), column)[start - first : stop - first]
        if array.type.content != self.form(column).type:
            # Arrow forgets for a part of a record that nothing of it is missing.
            array = ak.transform(_unmasked, array)
        return array

    def _project(self, events: Any, column: str) -> Any:
        """The column out of a record array; a list that is None becomes an empty one."""
        top, *inner = self._paths[column]
        array = events[top]
        for name in inner:
            array = array[name]
        if array.ndim > 1 and array.layout.is_option:
            counts = ak.fill_none(ak.num(array, axis=1), 0)
            array = ak.unflatten(ak.flatten(array, axis=1), counts)
        return array

    def _stored(self, column: str) -> list[str]:
        """Paths below which the file stores the values of a column."""
        top, *inner = self._paths[column]
        field = self._file.schema_arrow.field(top)
        path = top
        for name in inner:
            kind = getattr(field.type, "storage_type", field.type)
            if hasattr(kind, "value_field"):
                path += f".list.{kind.value_field.name}"
                kind = getattr(kind.value_type, "storage_type", kind.value_type)
            path, field = f"{path}.{name}", kind.field(name)
        schema = self._file.schema
        leaves = [schema.column(i).path for i in range(len(schema))]
        # Old writers name the levels of a list otherwise; then the whole collection is read.
        return [path] if any(f"{leaf}.".startswith(f"{path}.") for leaf in leaves) else [top]


def _unmasked(layout: Any, **_: Any) -> Any:
    return layout.content if isinstance(layout, ak.contents.UnmaskedArray) else None


def _paths(form: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Paths of the columns in a top-level column, through one list and any records."""
    lists = 1 if len(path) == 1 else 0
    while form.is_option or (form.is_list and lists):
        lists -= form.is_list
        form = form.content
    if form.is_record and not form.is_tuple and form.fields:
        for name in form.fields:
            yield from _paths(form.content(name), (*path, name))
    else:
        yield path


def _damaged(path: str, error: Exception) -> BadFile:
    wrong = f"cannot be read as a parquet file ({type(error).__name__})"
    return BadFile(path, wrong, (), "check that the file is complete")


def open_file(path: Path) -> ParquetFile:
    """The events of a parquet file.

    Raises
    ------
    BadFile : not a parquet file, or a truncated one
    """
    try:
        footer = pyarrow.parquet.ParquetFile(path)
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise _damaged(str(path), error) from error
    stored = (footer.schema_arrow.metadata or {}).get(b"lepid", b"").decode()
    return ParquetFile(str(path), footer.metadata.num_rows, stored)


class ParquetWriter:
    """Writes chunks of events as records; the file appears when all are written."""

    def __init__(self, path: Path, metadata: str) -> None:
        self._atomic = atomic(path)
        self._metadata = {b"lepid": metadata.encode()}
        self._writer: Any = None

    def __enter__(self) -> Self:
        self._partial = self._atomic.__enter__()
        return self

    def extend(self, chunk: Mapping[str, Any]) -> None:
        """Append one chunk; every chunk must have the columns of the first."""
        events = ak.Array(ak.contents.RecordArray([v.layout for v in chunk.values()], list(chunk)))
        table = ak.to_arrow_table(events, extensionarray=False)
        if self._writer is None:
            schema = table.schema.with_metadata({**(table.schema.metadata or {}), **self._metadata})
            self._writer = pyarrow.parquet.ParquetWriter(self._partial, schema, compression="zstd")
        self._writer.write_table(table.cast(self._writer.schema))

    def __exit__(self, *error: Any) -> None:
        if self._writer is not None:
            self._writer.close()
        self._atomic.__exit__(*error)
