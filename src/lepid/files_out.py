"""Files appear under their final name complete, or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lepid.errors import BadFile


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Temporary path beside `path` with its suffixes, renamed to it when the block succeeds.

    Raises
    ------
    BadFile : the folder of `path` does not exist or cannot be written to
    """
    if not path.parent.is_dir():
        raise BadFile(str(path), "the folder to write into does not exist", (), "make it first")
    name, dot, suffixes = path.name.partition(".")
    partial = path.with_name(f".{name}.part-{os.getpid()}{dot}{suffixes}")
    try:
        yield partial
        os.replace(partial, path)
    except PermissionError as error:
        raise BadFile(str(path), "cannot be written", (), "choose another folder") from error
    finally:
        partial.unlink(missing_ok=True)
