"""Small networks with the inputs of the PLIT cards, in Salt's convention, with random weights."""

from __future__ import annotations

import hashlib
import re
import runpy
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
CARDS = HERE.parent / "models"
SALT = runpy.run_path(str(HERE / "taggers" / "conftest.py"))
# Outputs of the network text, and what the cards call them.
NODES = {
    "muon": {"N_pprompt": "TPLTmu_pmuxpromp", "N_pnpx": "TPLTmu_pnpxall"},
    "electron": {"N_pprompt": "PLITel_pelxpromp", "N_pnpx": "PLITel_pnpxall"},
}
# Means and widths of inputs that are not about 0 and 1.
SCALES = {
    "pt": (3e4, 3e4), "track_pt": (3e4, 3e4), "qOverP": (0, 5e-4), "deta_lepton": (0, 0.2),
    "dphi_lepton": (0, 0.2), "dr_lepton": (0.2, 0.1), "d0_significance": (0, 20),
    "z0SinTheta_significance": (0, 50), "numberOfSCTHits": (8, 2), "numberOfPixelHits": (4, 1),
    "caloClusterERel": (-40, 60), "caloClusterSumEtRel": (1, 0.5), "eta": (0, 1.5),
}  # fmt: skip
ORIGIN = '[[outputs]]\nname = "TrackOrigin"\nnode = "N_TrackOrigin"\nper = "track"\n\n'


def install(models: Path, flavour: str, network: str = "small", **own_track: str) -> Path:
    """Put networks of `<flavour>_plit@<network>` into a folder of models; gives its folder.

    The card is that of the ATLAS network of Run 3, with an output per track and
    ``own_track`` = "link" for muons too, or what is given.
    """
    atlas = CARDS / f"{flavour}_plit" / "atlas-2025-04-25-run3" / "card.toml"
    text = atlas.read_text("utf-8")
    flag = own_track.get("own_track", "link")
    changes = {
        r'network = ".*"': f'network = "{network}"\nreference = true',
        r"working_points = .*\n": "",
        r"stored = .*\n": "",
        r"own_track = .*\n": "",
        r"\[discriminants": ORIGIN + "[discriminants",
        r'per = "track"\ninputs': f'per = "track"\nown_track = "{flag}"\ninputs',
    }
    # The comment on what Athena does stands before what it is about.
    text = re.sub(r"(?m)^#.*\n", "", text)
    for old, new in changes.items():
        text = re.sub(old, new, text)
    folder = models / f"{flavour}_plit" / network
    folder.mkdir(parents=True)
    blocks = re.split(r"(?=\[\[networks\]\])", text)
    for place, block in enumerate(blocks[1:], start=1):
        inputs = [
            re.findall(r'"(\w+)"', part)
            for part in re.findall(r"inputs = \[(.*?)\n\]", block, re.S)
        ]
        names = [[name for name in part if name not in ("MeV", "mm")] for part in inputs]
        path = folder / f"part{place}.onnx"
        path.write_bytes(_network(flavour, names[0], names[1], seed=place))
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        where = f'file = "{path.name}"\nsha256 = "{digest}"'
        blocks[place] = re.sub(r"path = .*", where, block)
    (folder / "card.toml").write_text("".join(blocks), encoding="utf-8")
    return folder


def _network(flavour: str, lepton: list[str], track: list[str], seed: int) -> bytes:
    """An attention network for these inputs."""
    text = SALT["NETWORK"]
    text = text.replace("float[1,3]", f"float[1,{len(lepton)}]")
    text = text.replace("float[n_tracks,4]", f"float[n_tracks,{len(track)}]")
    text = text.replace("value_ints = [3]", f"value_ints = [{len(lepton)}]")
    for old, new in NODES[flavour].items():
        text = text.replace(old, new)
    rng = np.random.default_rng(seed)
    shapes = SALT["WEIGHTS"] | {"w_embed": (len(lepton) + len(track), 8)}
    weights: dict[str, Any] = {name: rng.normal(size=s) for name, s in shapes.items()}
    for node, names in (("jet", lepton), ("track", track)):
        scales = np.array([SCALES.get(name, (0, 1)) for name in names])
        weights |= {f"mean_{node}": scales[:, 0], f"std_{node}": scales[:, 1]}
    weights["w_embed"] *= 0.3
    weights["w_head"] *= 0.2
    model: bytes = SALT["parsed"](text, {n: w.astype(np.float32) for n, w in weights.items()})
    return model
