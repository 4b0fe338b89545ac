"""Trees, RNTuples, histograms and graphs in ROOT files. The only module that imports uproot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt
import uproot

from lepid.errors import BadFile, NoLeptons
from lepid.files_out import atomic

# ATLAS TTree, ATLAS RNTuple, NanoAOD and lepid's own output, Delphes, TopCPToolkit.
TREE_NAMES = ("CollectionTree", "EventData", "Events", "Delphes", "reco", "nominal", "analysis")
METADATA_KEY = "lepid"
TOP = -1
COMPLETE = "check that the file is complete"


@dataclass(frozen=True)
class Tree:
    """One TTree or RNTuple of an open ROOT file.

    Attributes
    ----------
    path : str
    name : str, of the tree
    n_event : int
    metadata : str, what lepid stored beside the tree when it wrote the file, else empty
    source : the tree, open
    """

    path: str
    name: str
    n_event: int
    metadata: str
    source: Any

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns that can be read; a split branch is named by its leaves."""
        return tuple(self._readable)

    def form(self, column: str) -> Any:
        """Awkward form of a column; nothing is read."""
        return self._readable[column][0]

    def read(self, column: str, start: int, stop: int) -> Any:
        """Array of a column for entries [`start`, `stop`).

        Raises
        ------
        BadFile : the file is damaged there
        """
        branch = self._readable[column][1]
        options = {"entry_start": start, "entry_stop": stop, "array_cache": None}
        return _read(Path(self.path), lambda: branch.array(**options))

    @cached_property
    def _readable(self) -> dict[str, tuple[Any, Any]]:
        kind = _fields if hasattr(self.source, "field_records") else _leaves
        found: dict[str, tuple[Any, Any]] = {}
        for name, form, branch in _read(Path(self.path), lambda: list(kind(self.source))):
            found.setdefault(name, (form, branch))
        return found


def open_tree(path: Path, tree: str | None = None) -> Tree:
    """The tree called `tree` in the file at `path`, or the one whose name lepid knows.

    Raises
    ------
    BadFile : not a ROOT file, or a truncated one
    NoLeptons : no tree of that name, or several trees and no known name among them
    """
    file = _open(path)
    classes = _read(path, lambda: file.classnames(cycle=False))
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
    n_event = _read(path, lambda: int(source.num_entries))
    stored = classes.get(METADATA_KEY) == "TObjString"
    metadata = _read(path, lambda: str(file[METADATA_KEY])) if stored else ""
    return Tree(str(path), tree, n_event, metadata, source)


def _open(path: Path) -> Any:
    if not path.is_file():
        raise BadFile(str(path), "no such file")
    file = _read(path, lambda: uproot.open(path))
    size = path.stat().st_size
    if size < file.file.fEND:
        wrong = (
            f"cannot be read as a ROOT file: only {size} of its {file.file.fEND} bytes are there"
        )
        raise BadFile(str(path), wrong, (), COMPLETE)
    return file


def _read(path: Path, action: Any) -> Any:
    # uproot meets a damaged file with many kinds of exception; all of them mean this.
    try:
        return action()
    except Exception as error:
        text = str(error).strip().splitlines()
        wrong = f"cannot be read as a ROOT file ({type(error).__name__}: {text[0] if text else ''})"
        raise BadFile(str(path), wrong, (), COMPLETE) from error


def _leaves(source: Any) -> Iterator[tuple[str, Any, Any]]:
    """(name, form, branch) of the branches of a TTree that hold values of a known kind.

    Counters are left out: jagged arrays know their counts.
    """
    leaves = [(key, branch) for key, branch in source.iteritems() if not branch.branches]
    counters = {leaf.member("fName") for _, branch in leaves if (leaf := branch.count_leaf)}
    for key, branch in leaves:
        if branch.name not in counters and (form := _form(branch)) is not None:
            yield key.rpartition("/")[2], form, branch


def _form(branch: Any) -> Any:
    # The interface objects and store headers of an ATLAS file hold no values.
    if branch.typename.startswith("xAOD::"):
        return None
    # Other branches hold C++ classes that have no array form; ask each one.
    try:
        form = branch.interpretation.awkward_form(branch.file)
    except (uproot.interpretation.identify.UnknownInterpretation, ValueError, TypeError):
        return None
    except uproot.interpretation.objects.CannotBeAwkward:
        return None
    # Members of a C++ object that uproot does not show have names with @ in its form.
    names = form.columns()
    shown = [name for name in names if "@" not in name]
    if not shown:
        return None
    return form if shown == names else form.select_columns(shown)


def _fields(source: Any) -> Iterator[tuple[str, Any, Any]]:
    """(name, form, field) of the top-level fields of an RNTuple.

    A static store of ATLAS, ``ElectronsAux:``, is one record: its fields count as top-level ones.
    """
    # uproot's own `fields` and `keys` search all records once per field, which takes seconds.
    children: dict[int, list[int]] = {}
    for i, record in enumerate(source.field_records):
        parent = TOP if record.parent_field_id == i else record.parent_field_id
        children.setdefault(parent, []).append(i)

    def members(i: int) -> Iterator[Any]:
        for child in children.get(i, ()):
            field = source.all_fields[child]
            if field.is_anonymous:
                yield from members(child)
            else:
                yield field

    def paths(i: int) -> Iterator[str]:
        for field in members(i):
            yield field.path or ""  # the alternatives of a variant have no path
            yield from paths(field.field_id)

    def forms(field: Any, name: str) -> Iterator[tuple[str, Any, Any]]:
        form = source.field_form(field.field_id, list(paths(field.field_id)))
        if form.is_record and name.endswith("Aux:"):
            for member in members(field.field_id):
                yield from forms(member, name + member.name)
        elif form.columns():
            yield name, form, field

    for field in members(TOP):
        if not field.name.startswith("_"):
            yield from forms(field, field.name)


class Histogram(NamedTuple):
    """A histogram of one variable.

    Attributes
    ----------
    edges : [n_bin + 1]
    contents : [n_bin + 2], below and above the edges at the ends
    """

    edges: npt.NDArray[np.float64]
    contents: npt.NDArray[np.float64]


def histograms(path: Path) -> dict[str, Histogram]:
    """Histograms of one variable in the file at `path`, by their path inside, in file order.

    Raises
    ------
    BadFile : not a ROOT file, or a damaged one
    """
    found = {}
    for key, each in _objects(path, ("TH1F", "TH1D", "TH1I")):
        contents, edges = _read(path, partial(each.to_numpy, flow=True))
        found[key] = Histogram(edges[1:-1].astype(np.float64), contents.astype(np.float64))
    return found


def graphs(path: Path) -> dict[str, tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]]:
    """Graphs in the file at `path`, by their path inside, in file order: x and y, [n] each.

    Raises
    ------
    BadFile : not a ROOT file, or a damaged one
    """
    found = {}
    for key, each in _objects(path, ("TGraph", "TGraphErrors", "TGraphAsymmErrors")):
        x, y = (_read(path, partial(each.member, name)) for name in ("fX", "fY"))
        found[key] = np.asarray(x, np.float64), np.asarray(y, np.float64)
    return found


def _objects(path: Path, kinds: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    file = _open(path)
    for key, kind in _read(path, lambda: file.classnames(cycle=False)).items():
        if kind in kinds:
            yield key, _read(path, partial(file.__getitem__, key))


def graph(
    x: npt.NDArray[np.float64], y: npt.NDArray[np.float64], title: str, axes: tuple[str, str]
) -> Any:
    """Graph to be given to `write_objects`; uproot writes none with error bars.

    Parameters
    ----------
    x, y : [n], finite
    axes : labels of both
    """
    return uproot.as_TGraph({"x": x, "y": y}, title, *axes)


def write_objects(path: Path, objects: Mapping[str, Any]) -> None:
    """Write histograms, graphs and strings under their names into a new ROOT file."""
    with atomic(path) as beside, uproot.recreate(beside) as file:
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
