"""Leptons for ROC curves as npz files, which come back to the last bit."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from lepid.efficiency.roc.sample import RocSample
from lepid.errors import BadFile
from lepid.files_out import atomic

SUFFIX = ".leptons.npz"
FORMAT, VERSION = "lepid leptons for ROC curves", 1
HEADER = "lepid"


def write(samples: Sequence[RocSample], path: Path) -> None:
    """Write samples, one for each tagger."""
    arrays: dict[str, Any] = {}
    listed = []
    for place, one in enumerate(samples):
        facts = {entry.name: getattr(one, entry.name) for entry in fields(one)}
        columns = facts.pop("columns")
        listed.append(facts | {"columns": list(columns)})
        arrays |= {f"{place}/{name}": column for name, column in columns.items()}
    header = json.dumps({"format": FORMAT, "version": VERSION, "samples": listed}, default=dict)
    with atomic(path) as partial, partial.open("wb") as file:
        np.savez(file, **{HEADER: np.array(header), **arrays})


def read(path: Path) -> list[RocSample]:
    """Samples that `write` stored.

    Raises
    ------
    BadFile : missing, or not a complete file of such leptons
    """
    do = f"give a {SUFFIX} file that lepid roc wrote"
    try:
        # numpy itself leaves a damaged file open.
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            header = json.loads(str(file[HEADER]))
            if (header["format"], header["version"]) != (FORMAT, VERSION):
                raise BadFile(str(path), f"not {FORMAT} of version {VERSION}", (), do)
            return [_sample(place, one, file) for place, one in enumerate(header["samples"])]
    except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        if isinstance(error, BadFile):
            raise
        raise BadFile(str(path), f"not leptons for ROC curves: {error}", (), do) from error


def _sample(place: int, facts: dict[str, Any], file: Any) -> RocSample:
    facts = {k: tuple(v) if isinstance(v, list) else v for k, v in facts.items()}
    facts["columns"] = {name: file[f"{place}/{name}"] for name in facts["columns"]}
    return RocSample(**facts)
