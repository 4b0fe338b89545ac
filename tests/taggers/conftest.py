"""Networks that take one lepton per call, as Salt exports them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
import pytest
from onnx import numpy_helper, parser

from lepid.taggers import twin
from lepid.taggers.card import Card

N_LEPTON_INPUT, N_TRACK_INPUT = 3, 4

# One register keeps the attention defined without tracks; the shapes are computed as torch does.
NETWORK = """
<ir_version: 9, opset_import: ["": 20]>
salt (float[1,3] jet_features, float[n_tracks,4] track_features)
=> (float N_pprompt, float N_pnpx, int8[n_tracks] N_TrackOrigin, int64[n_tracks] N_Loop) {
  jet = Sub (jet_features, mean_jet)
  jets = Div (jet, std_jet)
  front = Constant <value_ints = [0]> ()
  one = Constant <value_ints = [1]> ()
  last = Constant <value_ints = [-1]> ()
  track = Unsqueeze (track_features, front)
  tracks_from = Sub (track, mean_track)
  tracks = Div (tracks_from, std_track)
  track_shape = Shape (tracks)
  n = Gather (track_shape, one)
  wide = Constant <value_ints = [3]> ()
  jet_shape = Concat <axis = 0> (one, n, wide)
  jets_row = Unsqueeze (jets, one)
  each_jet = Expand (jets_row, jet_shape)
  both = Concat <axis = -1> (each_jet, tracks)
  hidden = MatMul (both, w_embed)
  embedded = Add (hidden, b_embed)
  tokens = Concat <axis = 1> (embedded, register)
  normed = LayerNormalization <axis = -1> (tokens, gain, bias)
  inward = MatMul (normed, w_in)
  q, k, v = Split <axis = -1, num_outputs = 3> (inward)
  heads = Constant <value_ints = [1, -1, 2, 4]> ()
  q_heads = Reshape (q, heads)
  k_heads = Reshape (k, heads)
  v_heads = Reshape (v, heads)
  q_first = Transpose <perm = [0, 2, 1, 3]> (q_heads)
  k_first = Transpose <perm = [0, 2, 3, 1]> (k_heads)
  v_first = Transpose <perm = [0, 2, 1, 3]> (v_heads)
  products = MatMul (q_first, k_first)
  attention = Softmax <axis = -1> (products)
  mixed = MatMul (attention, v_first)
  back = Transpose <perm = [0, 2, 1, 3]> (mixed)
  flat_shape = Shape (tokens)
  flat = Reshape (back, flat_shape)
  summed = Add (tokens, flat)
  active = Relu (summed)
  gate = MatMul (active, w_gate)
  weights = Softmax <axis = 1> (gate)
  weighted = Mul (active, weights)
  pooled = ReduceSum <keepdims = 0> (weighted, one)
  logits = Gemm <transB = 1> (pooled, w_head, b_head)
  classes = Softmax <axis = -1> (logits)
  p0, p1 = Split <axis = -1, num_outputs = 2> (classes)
  N_pprompt = Squeeze (p0)
  N_pnpx = Squeeze (p1)
  own = Slice (active, front, last, one)
  origins = MatMul (own, w_origin)
  origin = ArgMax <axis = -1, keepdims = 0> (origins)
  origin_of = Squeeze (origin, front)
  N_TrackOrigin = Cast <to = 3> (origin_of)
  trips = Constant <value_int = 2> ()
  yes = Constant <value = bool {1}> ()
  looped = Loop (trips, yes, origin_of) <body = again
    (int64 i, bool go, int64[m] x) => (bool go_on, int64[m] y) {
      go_on = Identity (go)
      y = Add (x, x)
    }>
  N_Loop = Identity (looped)
}
"""
WEIGHTS = {
    "mean_jet": (3,), "std_jet": (3,), "mean_track": (4,), "std_track": (4,), "w_embed": (7, 8),
    "b_embed": (8,), "register": (1, 1, 8), "gain": (8,), "bias": (8,), "w_in": (8, 24),
    "w_gate": (8, 1), "w_head": (2, 8), "b_head": (2,), "w_origin": (8, 5),
}  # fmt: skip


class Single(NamedTuple):
    """An ONNX file and a card that reads some of its outputs."""

    path: Path
    sha256: str
    card: Card


def parsed(text: str, weights: dict[str, Any]) -> bytes:
    """Serialised model of the ONNX text with these constants."""
    model = parser.parse_model(text)
    tensors = [numpy_helper.from_array(value, name) for name, value in weights.items()]
    model.graph.initializer.extend(tensors)
    onnx.checker.check_model(model)
    serialised: bytes = model.SerializeToString()
    return serialised


@pytest.fixture(scope="session")
def salt_like() -> Callable[..., Single]:
    """Writes a network in Salt's convention; `change` edits its text."""

    def write(
        path: Path,
        outputs: tuple[str, ...] = ("N_pprompt", "N_pnpx"),
        change: tuple[str, str] = ("", ""),
        scale: float = 1.0,
        minimum: int = 0,
    ) -> Single:
        rng = np.random.default_rng(1)
        weights = {n: rng.normal(size=s).astype(np.float32) for n, s in WEIGHTS.items()}
        weights["mean_jet"] = np.array([3e4, 0, 0.1], np.float32)
        weights["std_jet"] = np.array([2e4, 1.3, 0.05], np.float32)
        weights["std_track"] = np.array([1e-5, 1, 2, 0.1], np.float32)
        weights["mean_track"] *= weights["std_track"]
        weights["w_head"] *= np.float32(scale)
        assert change[0] in NETWORK
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(parsed(NETWORK.replace(*change, 1), weights))
        track = {"name": "track_features", "per": "track", "inputs": ["a", "b", "c", "d"]}
        card = Card.model_validate(
            {"tagger": "mine", "network": "one", "flavour": "muon", "description": "d",
             "source": "s",
             "outputs": [
                 {"name": name, "node": name, "per": "lepton" if "_p" in name else "track"}
                 for name in outputs
             ],
             "networks": [{"path": "n.onnx", "batched": False, "nodes": [
                 {"name": "jet_features", "inputs": ["pt", "eta", "ratio"]},
                 {**track, "minimum": minimum},
             ]}]}
        )  # fmt: skip
        return Single(path, hashlib.sha256(path.read_bytes()).hexdigest(), card)

    return write


@pytest.fixture
def no_networks() -> None:
    """No network of an earlier test."""
    twin._MADE.clear()
