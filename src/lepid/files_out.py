"""Files appear under their final name complete, or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lepid.errors import BadFile


def cache_folder() -> Path | None:
    """Folder for what lepid can make again: `LEPID_CACHE`, else that of the system.

    It need not exist; None for a user without a home directory.
    """
    chosen = os.environ.get("LEPID_CACHE")
    shared = os.environ.get("LOCALAPPDATA" if sys.platform == "win32" else "XDG_CACHE_HOME")
    try:
        if chosen:
            return Path(chosen).expanduser()
        if sys.platform == "darwin":
            return Path.home() / "Library" / "Caches" / "lepid"
        if sys.platform == "win32":
            return (
                (Path(shared) if shared else Path.home() / "AppData" / "Local") / "lepid" / "cache"
            )
        return (Path(shared) if shared else Path.home() / ".cache") / "lepid"
    except RuntimeError:
        return None


def check_folder(path: Path) -> None:
    """Raise `BadFile` where no file can be written at `path`."""
    if not path.parent.is_dir():
        raise BadFile(str(path), "the folder to write into does not exist", (), "make it first")
    if path.is_dir():
        raise BadFile(str(path), "is a folder", (), "name a file")
    if not os.access(path.parent, os.W_OK):
        raise BadFile(str(path), "cannot be written", (), "choose another folder")


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Temporary path beside `path` with its suffixes, renamed to it when the block succeeds.

    Raises
    ------
    BadFile : the folder of `path` does not exist or cannot be written to
    """
    check_folder(path)
    name, dot, suffixes = path.name.partition(".")
    # Threads of a process and machines that share a disk write the same file at once.
    partial = path.with_name(f".{name}.part-{os.getpid()}-{secrets.token_hex(4)}{dot}{suffixes}")
    try:
        yield partial
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def write_text(text: str, path: Path) -> None:
    """Write text as UTF-8, whole or not at all.

    Raises
    ------
    BadFile : as `atomic`
    """
    with atomic(path) as partial:
        partial.write_text(text, encoding="utf-8")


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Temporary folder, renamed to `path` when the block succeeds; folders above are made.

    Raises
    ------
    BadFile : there is something at `path`, or nothing can be written there
    """
    if path.exists():
        do = "remove it, or choose another name"
        raise BadFile(str(path), "is there already, and nothing is overwritten", (), do)
    root = next(folder for folder in path.absolute().parents if folder.exists())
    if not root.is_dir() or not os.access(root, os.W_OK):
        raise BadFile(str(path), "cannot be written", (), "choose another folder")
    partial = root / f".{path.name}.part-{os.getpid()}-{secrets.token_hex(4)}"
    partial.mkdir()
    try:
        yield partial
        path.parent.mkdir(parents=True, exist_ok=True)
        os.replace(partial, path)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
