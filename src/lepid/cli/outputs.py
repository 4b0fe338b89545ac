"""Where a command may write: checked before anything is read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lepid.errors import BadFile, near_misses
from lepid.events import files


def check(outputs: Sequence[Path], suffixes: Sequence[str], inputs: Sequence[str]) -> None:
    """Raise unless each output has one of the suffixes, lies in a folder and is no input.

    Raises
    ------
    BadFile : says which output cannot be written, and why
    """
    for path in outputs:
        if not path.name.lower().endswith(tuple(suffixes)):
            wrong = f"nothing is written with the suffix {path.suffix!r}"
            near = near_misses(path.suffix, suffixes)
            raise BadFile(str(path), wrong, near, f"end the name in one of: {', '.join(suffixes)}")
        if not path.parent.is_dir():
            raise BadFile(str(path), "the folder to write into does not exist", (), "make it first")
        if path.is_dir():
            raise BadFile(str(path), "is a folder", (), "give the name of a file")
        if inputs and path.exists() and any(map(path.samefile, _read(inputs))):
            raise BadFile(str(path), "is one of the files to read", (), "write to another name")


def _read(inputs: Sequence[str]) -> list[Path]:
    """Files that the inputs name: tables too, which are no events."""
    there = [Path(name) for name in inputs if Path(name).exists()]
    patterns = [name for name in inputs if not Path(name).exists()]
    return [*there, *(files.expand(patterns) if patterns else ())]
