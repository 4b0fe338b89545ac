"""Decision trees of any tool to a model folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lepid.convert import folder
from lepid.errors import BadFile, BadInput, UnknownName
from lepid.features.kernels.forest import Tree
from lepid.taggers import forest as forests
from lepid.taggers.forest import INPUTS, SCORES, TRANSFORMS, Forest

FILE = "forest" + forests.SUFFIX


def bad(path: Path, tree: int, node: int, wrong: str, do: str = "") -> BadFile:
    """The error of one node of a file."""
    return BadFile(str(path), f"tree {tree}, node {node}: {wrong}", (), do)


def tree(
    path: Path, number: int, n_input: int, nodes: Mapping[str, npt.ArrayLike], leaf: npt.ArrayLike
) -> Tree:
    """A tree of the file at `path`, if every row that goes down it comes to one leaf.

    Parameters
    ----------
    nodes : feature, threshold, left, right, nan_left, value, [n_node] each; the root is first
    leaf : [n_node], which nodes are leaves

    Raises
    ------
    BadFile : names the tree and the node
    """
    is_leaf = np.asarray(leaf, np.bool_)
    found = Tree(
        np.where(is_leaf, -1, np.asarray(nodes["feature"], np.int64)),
        np.asarray(nodes["threshold"], np.float32),
        np.asarray(nodes["left"], np.int64),
        np.asarray(nodes["right"], np.int64),
        np.asarray(nodes["nan_left"], np.bool_),
        np.asarray(nodes["value"], np.float64),
    )
    if len({len(column) for column in found}) > 1 or not len(is_leaf):
        raise BadFile(str(path), f"tree {number}: its nodes have not one length")
    ahead, seen = [0], set[int]()
    while ahead:
        node = ahead.pop()
        if node in seen or not 0 <= node < len(is_leaf):
            wrong = "is reached twice" if node in seen else f"there are {len(is_leaf)} nodes"
            raise bad(path, number, node, wrong)
        seen.add(node)
        if is_leaf[node]:
            if not np.isfinite(found.value[node]):
                raise bad(path, number, node, f"the leaf holds {found.value[node]}")
            continue
        if not 0 <= found.feature[node] < n_input:
            wrong = f"splits feature {found.feature[node]}, there are {n_input}"
            raise bad(path, number, node, wrong)
        if np.isnan(found.threshold[node]):
            raise bad(path, number, node, "the threshold is NaN")
        ahead += [int(found.left[node]), int(found.right[node])]
    return found


def convert(
    forest: Forest,
    source: str,
    root: Path,
    *,
    tagger: str,
    network: str,
    flavour: str,
    features: Mapping[str, tuple[str, str]] | None = None,
    outputs: Sequence[str] = (),
    transform: str = "",
    nan: bool = False,
) -> Path:
    """Write `<root>/<tagger>/<network>/` with a forest; its path.

    Parameters
    ----------
    source : name of the file that it was read from
    features : input of the file -> column or feature of the leptons, and the unit that the trees
        were trained with; an input that is not named is the column of its own name, as it stands
    outputs : names of the scores; ``score``, or ``class_0`` and so on, if left out
    transform : of the sums, one of `TRANSFORMS`, instead of that of the file
    nan : leptons with NaN have a score: NaN goes where the training sent it

    Raises
    ------
    BadCard : the names cannot stand in a card; nothing is written
    UnknownName : `features` names an input that there is not, `transform` no transform
    BadInput : not as many `outputs` as the forest has
    """
    given = dict(features or {})
    for name in given:
        if name not in forest.inputs:
            raise UnknownName.of(source, "input", name, forest.inputs)
    if transform:
        if transform not in TRANSFORMS:
            raise UnknownName.of("transform", "transform", transform, TRANSFORMS)
        chosen: Any = transform
        forest = replace(forest, transform=chosen, scale=1.0)
    content = forests.write(forest)
    card = folder.card_of(
        {
            "tagger": tagger,
            "network": network,
            "flavour": flavour,
            "description": f"{len(forest.trees)} decision trees, {source}",
            "source": source,
            "outputs": _outputs(forest, outputs, source),
            "networks": [
                {
                    "file": FILE,
                    "sha256": folder.sha256(content),
                    "nodes": [{"name": INPUTS, "inputs": _inputs(forest, given, nan=nan)}],
                }
            ],
        }
    )
    return folder.write(root, card, content)


def _outputs(forest: Forest, names: Sequence[str], source: str) -> list[dict[str, Any]]:
    n_output = len(forest.base)
    usual = ["score"] if n_output == 1 else [f"class_{i}" for i in range(n_output)]
    if len(names or usual) != n_output:
        wrong = f"{len(names)} names of outputs, the trees give {n_output}"
        raise BadInput(source, wrong, (), "give one name for each class, in their order")
    indices: list[dict[str, Any]] = [{"index": i} if n_output > 1 else {} for i in range(n_output)]
    return [
        {"name": name, "node": SCORES, **index}
        for name, index in zip(names or usual, indices, strict=True)
    ]


def _inputs(
    forest: Forest, features: Mapping[str, tuple[str, str]], *, nan: bool
) -> list[dict[str, Any]]:
    pairs = [features.get(name, (name, "")) for name in forest.inputs]
    more = {"nan": True} if nan else {}
    return [{"feature": feature, "unit": unit, **more} for feature, unit in pairs]
