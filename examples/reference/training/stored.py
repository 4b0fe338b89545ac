"""The committed sample with the scores of the reference networks in it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import uproot

import lepid
from lepid.files_out import atomic
from lepid.taggers import catalogue

TREE = "CollectionTree"
CONTAINER = {"electron": "Electrons", "muon": "Muons"}


def add_scores(source: Path, path: Path, names: Iterable[str]) -> None:
    """Write the events of `source` again, with a column for each score that a card stores.

    Parameters
    ----------
    names : of networks, ``tagger@network``
    """
    with uproot.open(source) as file:
        columns = {name: file[TREE][name].array() for name in _branches(file[TREE])}
    events = lepid.open(source)
    for name in names:
        card = catalogue.load(*name.split("@"))
        container = CONTAINER[card.flavour]
        record = lepid.decorate(events, name, source="network")[container][card.tagger]
        for output in card.outputs:
            for column in output.stored:
                columns[f"{container}AuxDyn.{column}"] = record[output.name]
    tree = _grouped(columns)
    types = {name: _type(array) for name, array in tree.items()}
    with atomic(path) as partial, uproot.recreate(partial, compression=uproot.LZMA(9)) as file:
        file.mktree(TREE, types, field_name=_branch_name).extend(tree)


def _branches(tree: Any) -> list[str]:
    # uproot writes how many objects there are anew.
    return [name for name in tree.keys() if not name.startswith("n")]  # noqa: SIM118  (a tree iterates over branches)


def _grouped(columns: dict[str, Any]) -> dict[str, Any]:
    """Columns of one container as one jagged record array; those of the event as they are."""
    containers: dict[str, dict[str, Any]] = {}
    flat = {}
    for name, array in columns.items():
        container, _, column = name.partition(".")
        if array.ndim == 1:
            flat[name] = ak.to_numpy(array)
        else:
            containers.setdefault(container, {})[column] = _regular(array)
    return {name: ak.zip(mine, depth_limit=2) for name, mine in containers.items()} | flat


def _regular(array: Any) -> Any:
    """Lists of one as such: uproot writes no other ones within those of an event."""
    return ak.to_regular(array, axis=2) if array.ndim > 2 else array


def _type(array: Any) -> Any:
    return array.dtype if isinstance(array, np.ndarray) else array.type.content


def _branch_name(outer: str, inner: str) -> str:
    return f"{outer}.{inner}" if outer else inner
