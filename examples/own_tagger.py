"""A tagger of one's own: a network, a card and working points in a folder, and no Python."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

import awkward as ak
import numpy as np
from onnx import TensorProto, helper, numpy_helper

import lepid
from lepid.tables import correction, formula
from lepid.working_points.table import Binding, Requirement, Rules, write

CARD = """
tagger = "muon_mine"
network = "first"
flavour = "muon"
experiment = "atlas"
description = "logistic regression on the relative isolation of a muon"
source = "ours"
working_points = ["points.json"]

[[outputs]]
name = "pprompt"
doc = "prompt muon"
node = "score"

[discriminants.discriminant]
kind = "logit"
output = "pprompt"

[[networks]]
file = "network.onnx"
sha256 = "{sha256}"

[[networks.nodes]]
name = "inputs"
inputs = [
    {{ feature = "pt", unit = "GeV", mean = 30.0, std = 20.0 }},
    {{ feature = "topoetcone20", unit = "GeV", mean = 2.0, std = 4.0 }},
]
"""


def network() -> bytes:
    """The sigmoid of a weighted sum of two inputs."""
    weights = numpy_helper.from_array(np.array([[0.8], [-2.5]], np.float32), "weights")
    bias = numpy_helper.from_array(np.array([0.5], np.float32), "bias")
    nodes = [
        helper.make_node("Gemm", ["inputs", "weights", "bias"], ["sum"]),
        helper.make_node("Sigmoid", ["sum"], ["score"]),
    ]
    ends = [
        helper.make_tensor_value_info("inputs", TensorProto.FLOAT, ["n", 2]),
        helper.make_tensor_value_info("score", TensorProto.FLOAT, ["n", 1]),
    ]
    graph = helper.make_graph(nodes, "mine", ends[:1], ends[1:], [weights, bias])
    opset = [helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=opset, ir_version=9).SerializeToString()


def write_tagger(models: Path) -> None:
    """Write models/muon_mine/first/ with its three files."""
    folder = models / "muon_mine" / "first"
    folder.mkdir(parents=True)
    serialised = network()
    digest = hashlib.sha256(serialised).hexdigest()
    (folder / "network.onnx").write_bytes(serialised)
    (folder / "card.toml").write_text(CARD.format(sha256=digest), encoding="utf-8")
    cut = correction(
        "Tight",
        "cut on the logit, rising with pt",
        {"pt": "transverse momentum of the muon [GeV]"},
        ("cut", "the discriminant must exceed it"),
        formula("0.2+0.005*min(x,100)", "pt"),
    )
    rules = Rules(
        tagger="muon_mine",
        points={"Tight": (Requirement(correction="Tight", quantity="discriminant", sense=">"),)},
        inputs={"pt": "pt"},
        bound_to=Binding(sha256=(digest,)),
    )
    write(folder / "points.json", "Working points of my own muon tagger", rules, [cut])


def main() -> None:
    """Make the tagger, then use it like any other."""
    models = Path(tempfile.mkdtemp(prefix="lepid-models-"))
    write_tagger(models)
    os.environ["LEPID_MODELS"] = str(models)

    sample = Path(__file__).resolve().parents[1] / "tests" / "data" / "reference.root"
    events = lepid.decorate(lepid.open(sample), "muon_mine")
    mine = events["Muons"]["muon_mine"]
    print("fields:", ", ".join(mine.fields))
    print("pass Tight:", ak.sum(mine["Tight"]), "of", ak.count(mine["Tight"]), "muons")
    lepid.report(events)


if __name__ == "__main__":
    main()
