"""Events in parquet files, one top-level column at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, Self

import awkward as ak
import numpy as np
import pyarrow
import pyarrow.parquet

from lepid.errors import BadFile
from lepid.events.objects.virtual import pick
from lepid.files_out import atomic


@dataclass(frozen=True)
class ParquetFile:
    """The rows of one parquet file as events; a top-level column is read as a whole.

    Attributes
    ----------
    path, n_event, columns : of the file
    metadata : what lepid stored when it wrote the file, else empty
    """

    path: str
    n_event: int
    columns: tuple[str, ...]
    metadata: str
    row_groups: tuple[int, ...]

    def arrays(
        self, columns: Iterable[str], start: int, stop: int, accessed: list[Any] | None = None
    ) -> Any:
        """Virtual record array of `columns` for rows [`start`, `stop`)."""
        ends = np.cumsum(self.row_groups)
        begins = ends - self.row_groups
        touched = [int(i) for i in np.flatnonzero((begins < stop) & (ends > start))]
        first = int(begins[touched[0]]) if touched else 0
        whole = ak.metadata_from_parquet(self.path)["form"]
        fields = {}
        for name in columns:
            form, _, _ = ak.to_buffers(whole.content(name).length_zero_array(), form_key="{id}")

            @cache
            def buffers(name: str = name) -> Mapping[str, Any]:
                if accessed is not None:
                    accessed.append(name)
                rows = ak.from_parquet(self.path, columns=[name], row_groups=touched)
                values = ak.to_packed(rows[name][start - first : stop - first])
                container: Mapping[str, Any] = ak.to_buffers(values, form_key="{id}")[2]
                return container

            container = {key: partial(pick, buffers, key) for key in form.expected_from_buffers()}
            fields[name] = ak.from_buffers(form, stop - start, container)
        layouts = [field.layout for field in fields.values()]
        return ak.Array(ak.contents.RecordArray(layouts, list(fields), length=stop - start))


def open_file(path: Path) -> ParquetFile:
    """The events of a parquet file.

    Raises
    ------
    BadFile : not a parquet file, or a truncated one
    """
    try:
        footer = pyarrow.parquet.ParquetFile(path)
        form = ak.metadata_from_parquet(str(path))["form"]
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        wrong = f"cannot be read as a parquet file ({type(error).__name__})"
        raise BadFile(str(path), wrong, (), "check that the file is complete") from error
    facts = footer.metadata
    groups = tuple(facts.row_group(i).num_rows for i in range(facts.num_row_groups))
    stored = (footer.schema_arrow.metadata or {}).get(b"lepid", b"").decode()
    return ParquetFile(str(path), facts.num_rows, tuple(form.fields), stored, groups)


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
        table = ak.to_arrow_table(events, extensionarray=True)
        if self._writer is None:
            schema = table.schema.with_metadata({**(table.schema.metadata or {}), **self._metadata})
            self._writer = pyarrow.parquet.ParquetWriter(self._partial, schema, compression="zstd")
        self._writer.write_table(table.cast(self._writer.schema))

    def __exit__(self, *error: Any) -> None:
        if self._writer is not None:
            self._writer.close()
        self._atomic.__exit__(*error)
