"""Trees, RNTuples, histograms and graphs in ROOT files. The only module that imports uproot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import uproot

from lepid.errors import BadFile, NoLeptons
from lepid.files_out import atomic

# ATLAS TTree, ATLAS RNTuple, NanoAOD and lepid's own output, Delphes, TopCPToolkit.
TREE_NAMES = ("CollectionTree", "EventData", "Events", "Delphes", "reco", "nominal", "analysis")
METADATA_KEY = "lepid"


@dataclass(frozen=True)
class Tree:
    """One TTree or RNTuple of an open ROOT file.

    Attributes
    ----------
    path : str
    name : str, of the tree
    n_event : int
    columns : names of its columns; a column of a split branch is named by its leaf
    metadata : str, what lepid stored beside the tree when it wrote the file, else empty
    """

    path: str
    name: str
    n_event: int
    columns: tuple[str, ...]
    metadata: str
    source: Any

    def arrays(
        self, columns: Iterable[str], start: int, stop: int, accessed: list[Any] | None = None
    ) -> Any:
        """Virtual record array of `columns` for entries [`start`, `stop`).

        Nothing is read until a value is used; `accessed` then collects what was read.
        """
        wanted = set(columns)
        return self.source.arrays(
            filter_name=lambda name: name.rpartition("/")[2] in wanted,
            entry_start=start,
            entry_stop=stop,
            virtual=True,
            access_log=accessed,
        )


def open_tree(path: Path, tree: str | None = None) -> Tree:
    """The tree called `tree` in the file at `path`, or the one whose name lepid knows.

    Raises
    ------
    BadFile : not a ROOT file, or a truncated one
    NoLeptons : no tree of that name, or several trees and no known name among them
    """
    file = _open(path)
    classes = file.classnames(cycle=False)
    trees = [key for key, kind in classes.items() if kind in ("TTree", "ROOT::RNTuple")]
    if tree is None:
        known = [name for name in TREE_NAMES if name in trees] or (trees if len(trees) == 1 else [])
        if not known:
            wrong = f"no tree of a known name; the file holds: {', '.join(trees) or 'no tree'}"
            raise NoLeptons(str(path), wrong, (), "give tree=")
        tree = known[0]
    elif tree not in trees:
        raise NoLeptons(str(path), f"no tree {tree!r}", trees, "give one of these as tree=")
    source = _read(path, lambda: file[tree])
    metadata = str(file[METADATA_KEY]) if METADATA_KEY in classes else ""
    return Tree(str(path), tree, int(source.num_entries), _column_names(source), metadata, source)


def _open(path: Path) -> Any:
    if not path.is_file():
        raise BadFile(str(path), "no such file")
    return _read(path, lambda: uproot.open(path))


def _read(path: Path, action: Any) -> Any:
    # uproot meets a damaged file with many kinds of exception; all of them mean this.
    try:
        return action()
    except Exception as error:
        text = str(error).strip().splitlines()
        wrong = f"cannot be read as a ROOT file ({type(error).__name__}: {text[0] if text else ''})"
        raise BadFile(str(path), wrong, (), "check that the file is complete") from error


def _column_names(source: Any) -> tuple[str, ...]:
    if hasattr(source, "fields"):
        # RNTuple.keys() walks all sub-fields, which takes seconds; the top level is enough.
        names = [field.name for field in source.fields if not field.name.startswith("_")]
    else:
        leaves = [(key, branch) for key, branch in source.iteritems() if not branch.branches]
        names = [key.rpartition("/")[2] for key, branch in leaves if _is_readable(branch)]
    return tuple(dict.fromkeys(names))


def _is_readable(branch: Any) -> bool:
    # Some branches of an ATLAS file hold C++ classes that have no array form; ask each one.
    try:
        branch.interpretation.awkward_form(branch.file)
    except (uproot.interpretation.identify.UnknownInterpretation, ValueError, TypeError):
        return False
    except uproot.interpretation.objects.CannotBeAwkward:
        return False
    return True


def write_objects(path: Path, objects: Mapping[str, Any]) -> None:
    """Write histograms, graphs and strings under their names into a new ROOT file."""
    with atomic(path) as partial, uproot.recreate(partial) as file:
        for name, value in objects.items():
            file[name] = value


class TreeWriter:
    """Writes chunks of events as the TTree ``Events``; the file appears when all are written.

    Each chunk maps a collection to a jagged record array (branches ``<collection>_<column>`` and
    the counter ``n<collection>``) or a column to a flat array.
    """

    def __init__(self, path: Path, metadata: str) -> None:
        self._atomic = atomic(path)
        self._metadata = metadata
        self._file: Any = None
        self._tree: Any = None

    def __enter__(self) -> Self:
        self._file = uproot.recreate(self._atomic.__enter__())
        return self

    def extend(self, chunk: Mapping[str, Any]) -> None:
        """Append one chunk; every chunk must have the columns of the first."""
        if self._tree is None:
            self._tree = self._file.mktree("Events", {k: v.type.content for k, v in chunk.items()})
        self._tree.extend(dict(chunk))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None:
            self._file[METADATA_KEY] = self._metadata
        self._file.close()
        self._atomic.__exit__(kind, error, traceback)
