"""Which writer a file name asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lepid.errors import BadInput, near_misses


def write_as(what: Any, path: Path, writers: Mapping[str, Callable[[Any, Path], None]]) -> None:
    """Write `what` by the writer of the longest suffix that the name of `path` ends in.

    Raises
    ------
    BadInput : there is none
    """
    name = path.name.lower()
    # The longest suffix wins: .correctionlib.json ends in .json too.
    for suffix in sorted(writers, key=len, reverse=True):
        if name.endswith(suffix) and len(name) > len(suffix):
            return writers[suffix](what, path)
    given = "".join(path.suffixes) or path.name
    wrong = f"no format has the suffix {given!r}"
    do = f"use one of: {', '.join(writers)}"
    raise BadInput(str(path), wrong, near_misses(given, writers), do)
