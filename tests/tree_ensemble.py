"""A forest as other tools export it: one `TreeEnsembleRegressor` of ONNX."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import TensorProto, helper

from lepid.taggers.forest import Forest


def onnx_of(forest: Forest) -> bytes:
    """Network ``inputs`` [n, n_input] -> ``scores`` [n, n_output]; sums with no factor."""
    assert forest.scale == 1.0
    nodes: dict[str, list[Any]] = {
        name: []
        for name in (
            "treeids", "nodeids", "featureids", "values", "modes", "truenodeids", "falsenodeids",
            "missing_value_tracks_true",
        )
    }  # fmt: skip
    leaves: dict[str, list[Any]] = {"treeids": [], "nodeids": [], "ids": [], "weights": []}
    for number, (tree, group) in enumerate(zip(forest.trees, forest.group, strict=True)):
        split = tree.feature >= 0
        n_node = len(split)
        nodes["treeids"] += [number] * n_node
        nodes["nodeids"] += range(n_node)
        nodes["featureids"] += np.where(split, tree.feature, 0).tolist()
        nodes["values"] += np.where(split, tree.threshold, 0).tolist()
        nodes["modes"] += ["BRANCH_LT" if each else "LEAF" for each in split]
        nodes["truenodeids"] += np.where(split, tree.left, 0).tolist()
        nodes["falsenodeids"] += np.where(split, tree.right, 0).tolist()
        nodes["missing_value_tracks_true"] += (split & tree.nan_left).astype(int).tolist()
        ends = np.flatnonzero(~split)
        leaves["treeids"] += [number] * len(ends)
        leaves["nodeids"] += ends.tolist()
        leaves["ids"] += [group] * len(ends)
        leaves["weights"] += tree.value[ends].tolist()
    keys = {f"nodes_{name}": value for name, value in nodes.items()}
    keys |= {f"target_{name}": value for name, value in leaves.items()}
    transform = {"identity": "NONE"}.get(forest.transform, forest.transform.upper())
    node = helper.make_node(
        "TreeEnsembleRegressor", ["inputs"], ["scores"], domain="ai.onnx.ml",
        n_targets=len(forest.base), base_values=list(forest.base), post_transform=transform, **keys,
    )  # fmt: skip
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", width])
        for name, width in (("inputs", len(forest.inputs)), ("scores", len(forest.base)))
    ]
    graph = helper.make_graph([node], "trees", ends[:1], ends[1:])
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("ai.onnx.ml", 3)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=9)
    serialised: bytes = model.SerializeToString()
    return serialised
