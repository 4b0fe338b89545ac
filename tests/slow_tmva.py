"""BDTs of TMVA evaluated in plain Python, node by node as TMVA goes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import numpy as np


def leaf(node: ElementTree.Element, row: Sequence[float]) -> ElementTree.Element:
    while node.attrib["nType"] == "0":
        x = np.float32(row[int(node.attrib["IVar"])])
        right = bool(x >= np.float32(node.attrib["Cut"]))
        if node.attrib["cType"] == "0":
            right = not right
        (node,) = [each for each in node if each.attrib["pos"] == ("r" if right else "l")]
    return node


def score(path: Path, row: Sequence[float]) -> float:
    root = ElementTree.parse(path).getroot()
    options = {each.attrib["name"]: each.text for each in root.iter("Option")}
    trees = list(root.iter("BinaryTree"))
    leaves = [leaf(tree[0], row) for tree in trees]
    if options["BoostType"] == "Grad":
        total = sum(float(np.float32(each.attrib["res"])) for each in leaves)
        return 2 / (1 + math.exp(-2 * total)) - 1
    key = "nType" if options["UseYesNoLeaf"] == "True" else "purity"
    weights = [float(np.float32(tree.attrib["boostWeight"])) for tree in trees]
    values = [float(np.float32(each.attrib[key])) for each in leaves]
    return sum(w * v for w, v in zip(weights, values, strict=True)) / sum(weights)
