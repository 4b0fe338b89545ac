"""What is shipped of PLIV: the RNN as lwtnn and ONNX, trees as XGBoost JSON, TMVA XML and ONNX."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, ElementTree, SubElement, indent

import numpy as np
import onnx
from onnx import TensorProto, helper
from training.pliv.network import Rnn, lwtnn

from lepid.convert import lwtnn as reader
from lepid.convert import xgboost_json
from lepid.files_out import atomic
from lepid.taggers import forest as forests
from lepid.taggers.forest import INPUTS, SCORES, Forest
from lepid.taggers.graph import layered

OPSET, OPSET_ML, IR_VERSION = 17, 3, 9
RNN = "rnn"
# Athena's names of the inputs of the RNN, in its order.
VARIABLES = tuple(
    f"m_cone_tracks_{name}"
    for name in (
        "numberOfPixelHits", "numberOfSCTHits", "Z0Sin", "D0Sig", "DRTrackJet",
        "PtRelOverTrackJetPt",
    )
)  # fmt: skip


def write_rnn(network: Rnn, labels: Sequence[str], folder: Path) -> None:
    """Write ``rnn.json`` for lwtnn, and what `lepid convert lwtnn` makes of it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{RNN}.json"
    with atomic(path) as partial:
        text = json.dumps(lwtnn(network, VARIABLES, labels), separators=(",", ":"))
        partial.write_text(text, "utf-8")
    with atomic(folder / f"{RNN}.onnx") as partial:
        partial.write_bytes(layered.build(reader.read(path)))


def write_trees(booster: Any, inputs: Sequence[str], path: Path, xml: Path) -> Forest:
    """Write ``<path>.json``, ``.onnx``, lepid's ``.npz``, and for TMVA `xml`, the same trees.

    They say -1 for prompt leptons and 1 for others: tanh of half of what XGBoost adds up.
    """
    best = booster[: booster.best_iteration + 1]
    best.feature_names = list(inputs)
    with tempfile.TemporaryDirectory() as scratch:
        saved = Path(scratch) / "trees.json"
        best.save_model(saved)
        found = replace(xgboost_json.read(saved), transform="tanh", scale=0.5)
        content = saved.read_bytes()
    made = {".json": content, ".npz": forests.write(found), ".onnx": tree_ensemble(found)}
    path.parent.mkdir(parents=True, exist_ok=True)
    for end, written in made.items():
        with atomic(path.with_suffix(end)) as partial:
            partial.write_bytes(written)
    xml.parent.mkdir(parents=True, exist_ok=True)
    with atomic(xml) as partial:
        tmva(found, partial)
    return found


def tmva(forest: Forest, path: Path) -> None:
    """Write the trees as a BDTG of TMVA, whose answer is tanh of what its leaves add up to."""
    root = Element("MethodSetup", Method="BDT::PLIV")
    facts = SubElement(root, "GeneralInfo")
    SubElement(facts, "Info", name="AnalysisType", value="Classification")
    options = SubElement(root, "Options")
    for name, value in (("BoostType", "Grad"), ("VarTransform", "None")):
        SubElement(options, "Option", name=name, modified="Yes").text = value
    variables = SubElement(root, "Variables", NVar=str(len(forest.inputs)))
    for place, name in enumerate(forest.inputs):
        SubElement(
            variables, "Variable", VarIndex=str(place), Expression=name, Label=name, Type="F"
        )
    # The trees of a BDTG are those of a regression.
    weights = SubElement(root, "Weights", NTrees=str(len(forest.trees)), AnalysisType="1")
    for number, tree in enumerate(forest.trees):
        element = SubElement(
            weights, "BinaryTree", type="DecisionTree", boostWeight="1.0", itree=str(number)
        )
        # What the sum begins with is a part of every leaf of the first tree.
        base = forest.base[0] if number == 0 else 0.0
        _node(element, tree, (0, "s", 0), (forest.scale, base))
    indent(root, "")
    ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


def _node(
    parent: Element, tree: Any, place: tuple[int, str, int], answer: tuple[float, float]
) -> None:
    row, side, depth = place
    leaf = tree.feature[row] < 0
    value = answer[0] * (float(tree.value[row]) + answer[1]) if leaf else 0.0
    element = SubElement(
        parent, "Node", pos=side, depth=str(depth), NCoef="0",
        IVar=str(int(tree.feature[row]) if not leaf else -1),
        Cut=f"{0.0 if leaf else float(tree.threshold[row]):.9g}", cType="1", res=f"{value:.9g}",
        rms="0", purity="0.5", nType="-99" if leaf else "0",
    )  # fmt: skip
    if not leaf:
        _node(element, tree, (int(tree.left[row]), "l", depth + 1), answer)
        _node(element, tree, (int(tree.right[row]), "r", depth + 1), answer)


def tree_ensemble(forest: Forest) -> bytes:
    """The trees as an operator of ONNX, tanh behind it."""
    sizes = [len(tree.feature) for tree in forest.trees]
    feature, threshold, left, right, nan_left, value = (
        np.concatenate([getattr(tree, name) for tree in forest.trees])
        for name in ("feature", "threshold", "left", "right", "nan_left", "value")
    )
    leaf = feature < 0
    tree = np.repeat(np.arange(len(sizes)), sizes)
    node = np.concatenate([np.arange(size) for size in sizes])
    trees = helper.make_node(
        "TreeEnsembleRegressor", [INPUTS], ["sums"], domain="ai.onnx.ml", n_targets=1,
        post_transform="NONE", aggregate_function="SUM", base_values=list(forest.base),
        nodes_treeids=tree.tolist(), nodes_nodeids=node.tolist(),
        nodes_featureids=np.where(leaf, 0, feature).tolist(),
        nodes_modes=np.where(leaf, "LEAF", "BRANCH_LT").tolist(),
        nodes_values=np.where(leaf, 0, threshold).astype(float).tolist(),
        nodes_truenodeids=np.where(leaf, 0, left).tolist(),
        nodes_falsenodeids=np.where(leaf, 0, right).tolist(),
        nodes_missing_value_tracks_true=nan_left.astype(int).tolist(),
        target_treeids=tree[leaf].tolist(), target_nodeids=node[leaf].tolist(),
        target_ids=[0] * int(leaf.sum()), target_weights=value[leaf].astype(float).tolist(),
    )  # fmt: skip
    scale = helper.make_tensor("scale", TensorProto.FLOAT, [], [forest.scale])
    nodes = [
        trees, helper.make_node("Mul", ["sums", "scale"], ["scaled"]),
        helper.make_node("Tanh", ["scaled"], [SCORES]),
    ]  # fmt: skip
    ends = [(INPUTS, len(forest.inputs)), (SCORES, 1)]
    infos = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["n", size]) for n, size in ends]
    graph = helper.make_graph(nodes, "trees", infos[:1], infos[1:], [scale])
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", OPSET_ML)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)
    onnx.checker.check_model(model)
    content: bytes = model.SerializeToString()
    return content
