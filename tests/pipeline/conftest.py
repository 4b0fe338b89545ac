"""Events of every kind for the tests of the pipeline: drawn by formula, small, always the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import onnx
import pytest
import uproot
from coffea.nanoevents import NanoAODSchema, NanoEventsFactory
from onnx import TensorProto, helper, numpy_helper

PLIT = ("PLIT_TPLTmu_pmuxpromp", "PLIT_TPLTmu_pnpxall")
DNN = ("pel", "pcf", "ppc", "phf", "ple", "plh")
N_EVENT = 60


def jagged(rng: np.random.Generator, n_event: int, columns: dict[str, Any]) -> Any:
    """Jagged records, 0 to 3 in each event; a column is a function of the number of objects."""
    counts = rng.integers(0, 4, n_event)
    flat = {name: draw(int(counts.sum())) for name, draw in columns.items()}
    return ak.unflatten(ak.zip(flat), counts)


@pytest.fixture(scope="session")
def make_events() -> Callable[..., Any]:
    """Function: plain ATLAS events (MeV) with PLIT scores, DNN scores and decisions, and truth."""

    def make(n_event: int = N_EVENT, seed: int = 1, dtype: str = "float32") -> Any:
        rng = np.random.default_rng(seed)
        common = {
            "pt": lambda n: (5e3 + rng.exponential(3e4, n)).astype(dtype),
            "eta": lambda n: rng.uniform(-2.4, 2.4, n).astype(dtype),
            "phi": lambda n: rng.uniform(-3, 3, n).astype(dtype),
            "charge": lambda n: rng.choice([-1.0, 1.0], n).astype("float32"),
            "truthType": lambda n: rng.choice([2, 3, 6, 7, 17], n).astype("int32"),
            "truthOrigin": lambda n: rng.choice([0, 10, 12, 26], n).astype("int32"),
            "truthPdgId": lambda n: rng.choice([-11, 11], n).astype("int32"),
        }
        mother = {f"firstEgMother{k}": lambda n: np.full(n, 0, "int32") for k in
                  ("TruthType", "TruthOrigin", "PdgId")}  # fmt: skip
        plit = {
            PLIT[0]: lambda n: rng.uniform(0.1, 0.99, n).astype(dtype),
            PLIT[1]: lambda n: (10 ** rng.uniform(-4, 0, n)).astype(dtype),
        }
        scores = {
            f"DFCommonElectronsDNN_{k}": lambda n: rng.uniform(0.01, 0.99, n).astype(dtype)
            for k in DNN
        }
        loose = {"DFCommonElectronsDNNLoose": lambda n: rng.random(n) < 0.5}
        return ak.zip(
            {
                "Electrons": jagged(rng, n_event, {**common, **mother, **scores, **loose}),
                "Muons": jagged(rng, n_event, {**common, **plit}),
                "weight": ak.Array(rng.uniform(-0.5, 2.0, n_event)),
            },
            depth_limit=1,
        )

    return make


@pytest.fixture
def events(make_events: Callable[..., Any]) -> Any:
    """Sixty plain ATLAS events."""
    return make_events()


@pytest.fixture(scope="session")
def nano_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file in the format of NanoAOD, with columns that no tagger needs."""
    rng = np.random.default_rng(7)

    def common(low: float) -> dict[str, Any]:
        return {
            "pt": lambda n: (low + rng.exponential(30, n)).astype("float32"),
            "eta": lambda n: rng.uniform(-2.4, 2.4, n).astype("float32"),
            "phi": lambda n: rng.uniform(-3, 3, n).astype("float32"),
            "mass": lambda n: np.full(n, 0.1, "float32"),
            "charge": lambda n: rng.choice([-1, 1], n).astype("int32"),
            "genPartFlav": lambda n: rng.choice([0, 1, 5], n).astype("uint8"),
        }

    # The points cut close to 1.
    draw = {k: lambda n: 1 - 10 ** rng.uniform(-3, 0.3, n) for k in ("mvaIso", "mvaNoIso")}
    score = {k: lambda n, f=f: f(n).astype("float32") for k, f in draw.items()}
    near = {"deltaEtaSC": lambda n: rng.normal(0, 0.02, n).astype("float32")}
    muon = {"mvaMuID": lambda n: rng.uniform(0, 1, n).astype("float32")}
    path = tmp_path_factory.mktemp("nano") / "nano.root"
    with uproot.recreate(path) as file:
        columns = {
            "Electron": jagged(rng, N_EVENT, common(6) | score | near),
            "Muon": jagged(rng, N_EVENT, common(4) | muon),
            "Jet": jagged(rng, N_EVENT, {k: common(20)[k] for k in ("pt", "eta", "phi", "mass")}),
            "run": np.ones(N_EVENT, "uint32"),
            "luminosityBlock": np.ones(N_EVENT, "uint32"),
            "event": np.arange(N_EVENT, dtype="uint64"),
            "genWeight": rng.choice([-1.5, 2.5], N_EVENT).astype("float32"),
        }
        # A plain assignment would write an RNTuple.
        types = {name: ak.type(ak.Array(column)).content for name, column in columns.items()}
        file.mktree("Events", types).extend(columns)
    return path


@pytest.fixture
def nano(nano_file: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """Function: mode of coffea -> NanoEvents of `nano_file`."""
    monkeypatch.setattr(NanoAODSchema, "warn_missing_crossrefs", False)

    def make(mode: str) -> Any:
        if mode == "dask":
            pytest.importorskip("dask_awkward")
        factory = NanoEventsFactory.from_root(
            {str(nano_file): "Events"}, schemaclass=NanoAODSchema, mode=mode
        )
        return factory.events()

    return make


OWN_CARD = """
tagger = "muon_own"
network = "{network}"
flavour = "muon"
description = "a tagger of the tests"
source = "ours"
reference = {reference}
working_points = ["points.json"]

[[outputs]]
name = "signal"
node = "p"
index = 0

[[outputs]]
name = "background"
node = "p"
index = 1

[discriminants.discriminant]
kind = "log_ratio"
numerator = {{ signal = "1" }}
denominator = {{ background = "1" }}

[[networks]]
file = "net.onnx"
sha256 = "{digest}"

[[networks.nodes]]
name = "x"
inputs = [{{ feature = "pt", unit = "GeV", mean = 30.0, std = 20.0 }}, "eta"]
"""
OWN_WEIGHTS = np.array([[0.7, -0.2], [0.3, 0.5]], np.float32)  # [n_input, n_output]


def own_table(digest: str) -> dict[str, Any]:
    """Points that cut at 0 below 25 GeV and at 0.5 above; Wide takes pt from 10 to 60 GeV."""
    requirement = {"correction": "Half", "quantity": "discriminant", "sense": ">"}
    rules = {
        "tagger": "muon_own",
        "points": {"Half": [requirement]},
        "inputs": {"pt": "pt"},
        "range": [{"feature": "pt", "unit": "GeV", "low": 10.0, "high": 60.0}],
        "bound_to": {"sha256": [digest]},
    }
    cut = {
        "nodetype": "binning",
        "input": "pt",
        "edges": [0.0, 25.0, 1000.0],
        "content": [0.0, 0.5],
        "flow": "clamp",
    }
    return {
        "schema_version": 2,
        "description": f"points of the tests\nlepid: {json.dumps(rules)}",
        "corrections": [
            {
                "name": "Half",
                "version": 1,
                "inputs": [{"name": "pt", "type": "real", "description": "pt [GeV]"}],
                "output": {"name": "cut", "type": "real"},
                "data": cut,
            }
        ],
    }


@pytest.fixture
def own_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Function that puts a network of the tagger muon_own into LEPID_MODELS; gives its folder."""
    models = tmp_path / "models"
    monkeypatch.setenv("LEPID_MODELS", str(models))

    def install(network: str = "mine", *, reference: bool = False) -> Path:
        folder = models / "muon_own" / network
        folder.mkdir(parents=True)
        graph = helper.make_graph(
            [
                helper.make_node("MatMul", ["x", "w"], ["z"]),
                helper.make_node("Softmax", ["z"], ["p"], axis=1),
            ],
            "own",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 2])],
            [helper.make_tensor_value_info("p", TensorProto.FLOAT, ["n", 2])],
            [numpy_helper.from_array(OWN_WEIGHTS, "w")],
        )
        opset = [helper.make_opsetid("", 17)]
        model = helper.make_model(graph, opset_imports=opset, ir_version=8)
        onnx.save(model, folder / "net.onnx")
        digest = hashlib.sha256((folder / "net.onnx").read_bytes()).hexdigest()
        card = OWN_CARD.format(network=network, digest=digest, reference=str(reference).lower())
        (folder / "card.toml").write_text(card, encoding="utf-8")
        (folder / "points.json").write_text(json.dumps(own_table(digest)), encoding="utf-8")
        return folder

    return install
