"""Small networks with the inputs of the PLIV cards: a sum over tracks, and a sum of inputs."""

from __future__ import annotations

import hashlib
import re
import runpy
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
CARDS = HERE.parent / "models"
SALT = runpy.run_path(str(HERE / "taggers" / "conftest.py"))
# The further behind a track is, the less it counts: another order is another answer.
RNN = """
<ir_version: 10, opset_import: ["" : 20]>
rnn (float[n_lepton,n_tracks,6] Trk_inputs) => (float[n_lepton,1] prompt)
{
    each = MatMul(Trk_inputs, w_track)
    nothing = Sub(each, each)
    ones = Add(nothing, one)
    place = CumSum(ones, axis)
    share = Div(each, place)
    total = ReduceSum <keepdims = 0> (share, axis)
    prompt = Sigmoid(total)
}
"""
TREES = """
<ir_version: 10, opset_import: ["" : 20]>
trees (float[n_lepton,N] inputs) => (float[n_lepton,1] scores)
{
    total = MatMul(inputs, w_lepton)
    scores = Tanh(total)
}
"""
W_TRACK = np.array([0.1, -0.05, 0.8, 0.03, 2.0, 0.9], np.float32)
SCALES = {"PtRel": 1e-4, "CaloClusterERel": 1e-2, "MVAXBin": 0.05, "DRlj": 3.0,
          "TrackJetNTrack": 0.02, "LongitudinalBest": 5e-3, "ThetaCutVtx": 5e-3}  # fmt: skip


def weights(names: list[str]) -> np.ndarray:
    """Of the inputs of the trees."""
    found = [next((s for end, s in SCALES.items() if name.endswith(end)), 0.05) for name in names]
    return np.array(found, np.float32)


def install(models: Path, flavour: str, network: str = "small") -> Path:
    """Put networks of `<flavour>_pliv@<network>` into a folder of models; gives its folder."""
    text = (CARDS / f"{flavour}_pliv" / "atlas-2020-02-25" / "card.toml").read_text("utf-8")
    text = re.sub(r'network = ".*"', f'network = "{network}"\nreference = true', text)
    folder = models / f"{flavour}_pliv" / network
    folder.mkdir(parents=True)
    blocks = re.split(r"(?m)(?=^\[\[networks\]\])", text)
    for place, block in enumerate(blocks[1:], start=1):
        if "Trk_inputs" in block:
            made = SALT["parsed"](RNN, {"w_track": W_TRACK[:, None], "one": np.ones(1, np.float32),
                                        "axis": np.array([1])})  # fmt: skip
        else:
            names = re.findall(r'"(PromptLeptonImprovedInput_\w+)"', block)
            trees = TREES.replace("N]", f"{len(names)}]")
            made = SALT["parsed"](trees, {"w_lepton": place * weights(names)[:, None]})
        path = folder / f"part{place}.onnx"
        path.write_bytes(made)
        digest = hashlib.sha256(made).hexdigest()
        blocks[place] = re.sub(r"path = .*", f'file = "{path.name}"\nsha256 = "{digest}"', block)
    (folder / "card.toml").write_text("".join(blocks), encoding="utf-8")
    return folder
