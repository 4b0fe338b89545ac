"""What the tests of converters share: random lwtnn networks, their slow twin, files of Athena."""

from __future__ import annotations

import json
import runpy
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnxruntime
import pytest
import uproot

from lepid.taggers.graph import layered
from lepid.taggers.graph.layers import Layered

HERE = Path(__file__).resolve().parent


@pytest.fixture(scope="session")
def slow() -> SimpleNamespace:
    """lwtnn in plain Python: `slow_lwtnn.py`."""
    return SimpleNamespace(**runpy.run_path(str(HERE.parent / "slow_lwtnn.py")))


@pytest.fixture(scope="session")
def evaluate() -> Callable[..., dict[str, Any]]:
    """Outputs by name of a network of layers, run by onnxruntime."""

    def run(network: Layered, **fed: Any) -> dict[str, Any]:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(
            layered.build(network), options, providers=["CPUExecutionProvider"]
        )
        names = [output.name for output in session.get_outputs()]
        given = {name: np.asarray(value, np.float32) for name, value in fed.items()}
        return dict(zip(names, session.run(names, given), strict=True))

    return run


VARIABLES = (
    "d0significance", "dPOverP", "deltaEta1", "deltaPhiRescaled2", "trans_TRTPID",
    "nPixHitsPlusDeadSensors", "nSCTHitsPlusDeadSensors", "EoverP", "eta", "et", "Rhad1", "Rhad",
    "f3", "f1", "weta2", "Rphi", "Reta", "Eratio", "wtots1", "SCTWeightedCharge", "qd0",
)  # fmt: skip
FOLDER = "ElectronPhotonSelectorTools/offline/mc20_20240509"
N_QUANTILE = 50


@dataclass(frozen=True)
class Area:
    """A calibration area with a small electron network.

    Attributes
    ----------
    root : Path
    network : lwtnn's JSON
    quantiles : variable -> [n_quantile]; references among them
    """

    root: Path
    network: dict[str, Any]
    quantiles: dict[str, Any]

    @property
    def folder(self) -> Path:
        return self.root / FOLDER

    def conf(self, name: str, **keys: str | None) -> Path:
        """Write a conf with these keys changed, left out if None."""
        rng = np.random.default_rng(len(name))
        made: dict[str, str | None] = {
            "inputModelFileName": f"{FOLDER}/network.json",
            "inputQuantileFileName": f"{FOLDER}/quantiles.root",
            "Variables": ",".join(VARIABLES),
            "multiClass": "true",
            "Fractions": joined(np.round(rng.uniform(0.05, 0.4, 50), 3)),
            "CutSelector": joined(np.round(rng.normal(size=100), 4)),
            "CutSelectorCF": joined(np.round(rng.normal(size=100), 4)),
            "CutAmbiguity": joined([3, 3, 1, 1, 1, 0, 1, 1, 63, 1]),
            "CutBL": joined([1] * 8 + [0] * 2),
            "CutPi": joined([2] * 9 + [1]),
            "CutSCT": joined([7] * 10),
            "doSmoothBinInterpolation": "true",
        }
        made |= keys
        path = self.folder / f"{name}.conf"
        path.write_text("".join(f"{k}: {v}\n" for k, v in made.items() if v is not None))
        return path


def joined(values: Any) -> str:
    return "; ".join(str(value) for value in values)


def dense(rng: np.random.Generator, n_in: int, n_out: int, activation: Any) -> dict[str, Any]:
    weights = (rng.normal(size=n_in * n_out) * 1.5).tolist()
    bias = rng.normal(size=n_out).tolist()
    return {"architecture": "dense", "weights": weights, "bias": bias, "activation": activation}


@pytest.fixture
def area(tmp_path: Path) -> Area:
    """A calibration area: network of six classes, quantiles; confs are written by its `conf`."""
    rng = np.random.default_rng(5)
    order = rng.permutation(len(VARIABLES))
    variables = [{"name": VARIABLES[i], "offset": 0.0, "scale": 1.0} for i in order]
    layers = [
        dense(rng, len(VARIABLES), 16, {"function": "leakyrelu", "alpha": 0.2}),
        {"architecture": "normalization", "weights": rng.uniform(0.5, 1, 16).tolist(),
         "bias": rng.normal(size=16).tolist()},
        dense(rng, 16, 6, "softmax"),
    ]  # fmt: skip
    nodes = [{"type": "input", "sources": [0], "size": len(VARIABLES)}]
    nodes += [{"type": "feed_forward", "sources": [i], "layer_index": i} for i in range(3)]
    network = {
        "inputs": [{"name": "node_0", "variables": variables}],
        "input_sequences": [],
        "nodes": nodes,
        "layers": layers,
        "outputs": {"class": {"labels": [f"out_{i}" for i in range(6)], "node_index": 3}},
    }
    quantiles: dict[str, Any] = {"references": np.linspace(0, 1, N_QUANTILE)}
    for i, name in enumerate(VARIABLES):
        quantiles[name] = np.sort(rng.normal(size=N_QUANTILE)) * (i + 1)
    quantiles["nPixHitsPlusDeadSensors"] = np.sort(rng.integers(0, 7, N_QUANTILE)).astype(float)
    made = Area(tmp_path / "calibration", network, quantiles)
    made.folder.mkdir(parents=True)
    (made.folder / "network.json").write_text(json.dumps(network))
    with uproot.recreate(made.folder / "quantiles.root") as file:
        file["tree"] = quantiles
    return made
