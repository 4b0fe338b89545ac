"""Decision trees of TMVA's XML to a forest.

Source
------
ROOT tmva/tmva/src/MethodBDT.cxx, DecisionTree.cxx, DecisionTreeNode.cxx
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import numpy as np

from lepid.convert import trees
from lepid.errors import BadFile
from lepid.features.kernels.forest import Tree
from lepid.taggers.forest import Forest, below

BOOSTS = ("Grad", "AdaBoost", "Bagging")
REGRESSION = 1  # TMVA's kRegression: leaves hold responses, also those of a BDTG that classifies
LEAVES = {"response": "res", "yes or no": "nType", "purity": "purity"}


def read(path: Path) -> Forest:
    """The forest in the file at `path`: gradient boost, AdaBoost or bagging that classifies.

    Raises
    ------
    BadFile : not a BDT of TMVA, or something in it is not supported; names the tree and the node
    """
    try:
        root = ElementTree.parse(path).getroot()
    except (OSError, ElementTree.ParseError) as error:
        raise BadFile(str(path), f"cannot be read as XML: {error}") from error
    try:
        return _forest(root, path)
    except (KeyError, ValueError) as error:
        wrong = f"is not a BDT of TMVA ({type(error).__name__}: {error})"
        raise BadFile(str(path), wrong) from error


def _forest(root: Element, path: Path) -> Forest:
    method = root.get("Method", "")
    if root.tag != "MethodSetup" or not method.startswith("BDT::"):
        what = method or "a MethodSetup" if root.tag == "MethodSetup" else root.tag
        raise BadFile(str(path), f"holds {what}, not a BDT of TMVA")
    options = {each.attrib["name"]: (each.text or "").strip() for each in root.iter("Option")}
    facts = {each.attrib["name"]: each.attrib["value"] for each in root.iter("Info")}
    _check(root, path, options, facts)
    weights = next(root.iter("Weights"), None)
    each = [] if weights is None else weights.findall("BinaryTree")
    if weights is None or not each:
        raise BadFile(str(path), "has no trees")
    names = _names(root, path)
    kind = int(weights.get("AnalysisType", weights.get("TreeType", "0")))
    boost = options["BoostType"]
    yes_no = options.get("UseYesNoLeaf", "True") == "True" and boost != "Grad"
    leaves = "response" if kind == REGRESSION else "yes or no" if yes_no else "purity"
    found = tuple(_tree(path, n, len(names), one, LEAVES[leaves]) for n, one in enumerate(each))
    if boost == "Grad":
        return Forest(names, found, (0,) * len(found), transform="tanh")
    # TMVA reads them in float32 and adds in float64.
    shares = np.array([float(one.attrib["boostWeight"]) for one in each], np.float32)
    if options.get("UseWeightedTrees", "True") != "True":
        shares = np.ones_like(shares)
    total = float(shares.astype(np.float64).sum())
    if not total > np.finfo(np.float64).eps:
        raise BadFile(str(path), f"the weights of its trees add up to {total:g}")
    weighted = [t._replace(value=t.value * float(w)) for t, w in zip(found, shares, strict=True)]
    return Forest(names, tuple(weighted), (0,) * len(found), scale=1 / total)


def _check(root: Element, path: Path, options: Mapping[str, str], facts: Mapping[str, str]) -> None:
    """Raise `BadFile` for what lepid does not compute."""
    boost = options.get("BoostType", "")
    if boost not in BOOSTS:
        known = f"lepid knows {', '.join(BOOSTS)}"
        raise BadFile(str(path), f"BoostType {boost!r} is not supported", (), known)
    analysis = facts.get("AnalysisType", "Classification")
    if analysis != "Classification":
        raise BadFile(str(path), f"AnalysisType {analysis!r} is not supported, only Classification")
    transforms = [each.get("Name", "?") for each in root.iter("Transform")]
    number = sum(int(e.get("NTransformations", "0")) for e in root.iter("Transformations"))
    if number or transforms or options.get("VarTransform", "None") not in ("None", "I", ""):
        named = ", ".join(transforms) or options.get("VarTransform", str(number))
        wrong = f"the variables are transformed ({named}), which is not supported"
        raise BadFile(
            str(path), wrong, (), "train with VarTransform=None: trees gain nothing by it"
        )
    if options.get("DoPreselection", "False") == "True":
        raise BadFile(str(path), "DoPreselection is not supported", (), "train without it")


def _names(root: Element, path: Path) -> tuple[str, ...]:
    """Labels of the variables in their order, or their expressions where these are the same."""
    variables = sorted(root.iter("Variable"), key=lambda each: int(each.attrib["VarIndex"]))
    for key in ("Label", "Expression"):
        names = tuple(each.get(key, "") for each in variables)
        if all(names) and len(set(names)) == len(names):
            return names
    raise BadFile(str(path), "has no variables, or two of one name")


def _tree(path: Path, number: int, n_input: int, element: Element, leaf: str) -> Tree:
    top = element.find("Node")
    if top is None:
        raise BadFile(str(path), f"tree {number} has no node")
    columns: dict[str, list[Any]] = {name: [] for name in Tree._fields}
    ahead: list[tuple[Element, Callable[[int], None]]] = [(top, lambda _: None)]
    while ahead:
        node, place = ahead.pop()
        k = len(columns["left"])
        place(k)
        split = int(node.attrib["nType"]) == 0
        if int(node.get("NCoef", "0")):
            raise trees.bad(path, number, k, "a Fisher cut is not supported")
        sides = {each.get("pos"): each for each in node.findall("Node")}
        if split and set(sides) != {"l", "r"}:
            raise trees.bad(path, number, k, "a split without a left and a right node")
        columns["feature"].append(int(node.attrib["IVar"]) if split else -1)
        columns["threshold"].append(_cut(path, number, k, node) if split else 0.0)
        # TMVA compares floats: to the right where x >= cut, or, for cType 0, where it is not.
        # The other way round, so that what is below goes left. NaN is never >= and goes along.
        low, high = ("l", "r") if int(node.attrib["cType"]) else ("r", "l")
        columns["nan_left"].append(True)
        columns["value"].append(0.0 if split else float(np.float32(node.attrib[leaf])))
        columns["left"].append(-1)
        columns["right"].append(-1)
        if split:
            ahead.append((sides[high], _sets(columns["right"], k)))
            ahead.append((sides[low], _sets(columns["left"], k)))
    arrays = {name: np.array(values) for name, values in columns.items()}
    arrays["threshold"] = below(np.array(columns["threshold"], np.float32))
    return trees.tree(path, number, n_input, arrays, arrays["feature"] < 0)


def _sets(column: list[Any], place: int) -> Callable[[int], None]:
    return lambda value: column.__setitem__(place, value)


def _cut(path: Path, number: int, node: int, element: Element) -> float:
    cut = float(element.attrib["Cut"])
    if not math.isfinite(cut):
        raise trees.bad(path, number, node, f"the cut is {element.attrib['Cut']}")
    return cut
