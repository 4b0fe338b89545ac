"""A small electron network on the inputs of Athena's, with points that cut as Athena's selector."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from lepid.features.electrons import VARIABLES, feature_of
from lepid.tables import Node, binning, correction
from lepid.working_points import table
from lepid.working_points.cuts import binned, interpolated
from lepid.working_points.table import Binding, Range, Requirement, Rules

CLASSES = ("pel", "pcf", "ppc", "phf", "ple", "plh")
FRACTIONS = ("f_CF", "f_PC", "f_HF", "f_LFEg", "f_LFH")
ET_UPPER = (7, 10, 15, 20, 25, 30, 35, 40, 45, 6000)
ET_NODES = (5.5, 8.5, 12.5, 17.5, 22.5, 27.5, 32.5, 37.5, 42.5, 47.5)
ETA_UPPER = (0.1, 0.6, 0.8, 1.15, 1.37, 1.52, 1.81, 2.01, 2.37, 2.47)
RNG = np.random.default_rng(20240628)
F = np.round(RNG.uniform(0.05, 0.5, (5, 10)), 3)
CUTS = np.round(RNG.normal(0.3, 0.5, (10, 10)), 3)
CUTS_CF = np.round(RNG.normal(-0.3, 0.5, (10, 10)), 3)
PIXELS = (3, 3, 3, 3, 3, 2, 2, 2, 1, 0)
SILICON = (7, 7, 8, 7, 7, 7, 6, 7, 7, 5)
BLAYER = (1, 1, 1, 1, 1, 1, 1, 1, 0, 0)
MASKS = (0b1, 0b10011, 0b11111111, 0b1, 0b10001, 0b1, 0b11, 0b111, 0b1, 0b0)
# About the mean and the width of each variable in the reference sample.
SCALES = {
    "eta": (1.1, 0.7), "et": (2e4, 2e4), "f3": (0.02, 0.02), "Rhad": (0.03, 0.05),
    "Rhad1": (0.01, 0.03), "Reta": (0.93, 0.03), "weta2": (0.011, 0.001), "f1": (0.27, 0.1),
    "Eratio": (0.85, 0.1), "deltaEta1": (0, 0.004), "d0": (0, 0.1), "qd0": (0, 0.1),
    "d0significance": (1.5, 2), "Rphi": (0.93, 0.03), "dPOverP": (0.2, 0.2),
    "deltaPhiRescaled2": (0, 0.02), "trans_TRTPID": (0, 0.1), "wtots1": (2.7, 0.7),
    "EoverP": (1.3, 0.6), "nPixHitsPlusDeadSensors": (4, 1), "nSCTHitsPlusDeadSensors": (8, 1),
    "SCTWeightedCharge": (0.8, 0.5),
}  # fmt: skip
WEIGHTS = np.round(RNG.normal(0, 0.3, (len(VARIABLES), 6)), 3).astype(np.float32)
RECTANGULAR = (
    ("kinematic", "abseta_cluster", "<="),
    ("silicon", "nSiHitsPlusDeadSensors", ">="),
    ("pixel", "nPixHitsPlusDeadSensors", ">="),
    ("blayer", "passesBLayer", ">="),
    ("ambiguity", "ambiguityType", "bit"),
)
CARD = """
tagger = "electron_dnn"
network = "small"
flavour = "electron"
experiment = "atlas"
description = "a network of the tests"
source = "ours"
reference = true
working_points = ["points.json"]

{outputs}
[fractions]
abseta_edges = [{edges}]
abseta = "abseta_cluster"
source = "ours"

[fractions.values]
{fractions}

[discriminants.D_el]
kind = "log_ratio"
numerator = {{ pel = "1 - f_CF", pcf = "f_CF" }}
denominator = {{ ppc = "f_PC", phf = "f_HF", ple = "f_LFEg", plh = "f_LFH" }}

[discriminants.D_CF]
kind = "log_ratio"
numerator = {{ pel = "1" }}
denominator = {{ pcf = "1" }}

[[networks]]
file = "net.onnx"
sha256 = "{digest}"

[[networks.nodes]]
name = "x"
inputs = [
{inputs}
]
"""


def network() -> bytes:
    """Softmax of a linear map of the inputs."""
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["x", "w"], ["z"]),
            helper.make_node("Softmax", ["z"], ["p"], axis=1),
        ],
        "dnn",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", len(VARIABLES)])],
        [helper.make_tensor_value_info("p", TensorProto.FLOAT, ["n", 6])],
        [numpy_helper.from_array(WEIGHTS, "w")],
    )
    opset = [helper.make_opsetid("", 17)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=8)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def corrections(smooth: bool) -> list[Node]:
    """The cuts, one correction each."""
    axes = {"et": "transverse energy [GeV]", "abseta": "|eta| of the cluster"}
    eta = {"abseta": axes["abseta"]}
    edges = [0, *ETA_UPPER]
    grids = {"mva": CUTS, "cf": CUTS_CF}
    nodes = {
        name: interpolated(ET_NODES, edges, cuts) if smooth else binned([0, *ET_UPPER], edges, cuts)
        for name, cuts in grids.items()
    }
    rows: Mapping[str, Any] = {
        "kinematic": [2.47] * 10, "silicon": SILICON, "pixel": PIXELS, "blayer": BLAYER,
        "ambiguity": MASKS,
    }  # fmt: skip
    return [
        *(correction(n, n, eta, ("cut", "cut"), binning("abseta", edges, c))
          for n, c in rows.items()),
        *(correction(n, n, axes, ("cut", "cut"), node) for n, node in nodes.items()),
    ]  # fmt: skip


def install(models: Path, *, smooth: bool = True) -> Path:
    """Put `electron_dnn@small` into a folder of models; gives its folder."""
    folder = models / "electron_dnn" / "small"
    folder.mkdir(parents=True)
    content = network()
    (folder / "net.onnx").write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    lines = []
    for variable in VARIABLES:
        feature, unit = feature_of(variable, "small")
        mean, std = SCALES[variable]
        entry = f'feature = "{feature}", unit = "{unit}", mean = {mean:.6f}, std = {std:.6f}'
        lines.append(f"    {{ {entry} }},")
    outputs = [
        f'[[outputs]]\nname = "{name}"\nnode = "p"\nindex = {place}\n'
        for place, name in enumerate(CLASSES)
    ]
    text = CARD.format(
        outputs="\n".join(outputs), digest=digest, inputs="\n".join(lines),
        edges=", ".join(map(str, ETA_UPPER)),
        fractions="\n".join(f"{n} = {v.tolist()}" for n, v in zip(FRACTIONS, F, strict=True)),
    )  # fmt: skip
    (folder / "card.toml").write_text(text, encoding="utf-8")
    requirements = tuple(
        Requirement.model_validate({"correction": name, "quantity": quantity, "sense": sense})
        for name, quantity, sense in RECTANGULAR
    )
    prompt = Requirement(correction="mva", quantity="D_el", sense=">=")
    flips = Requirement(correction="cf", quantity="D_CF", sense=">=")
    rules = Rules(
        tagger="electron_dnn",
        points={"Tight": (*requirements, flips, prompt), "TightNoCF": (*requirements, prompt)},
        inputs={"et": "et", "abseta": "abseta_cluster"},
        range=(Range(feature="isForward", high=0.0),),
        bound_to=Binding(sha256=(digest,)),
    )
    table.write(folder / "points.json", "points of the tests", rules, corrections(smooth))
    return folder
