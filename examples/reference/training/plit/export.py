"""A fitted network as ONNX in Salt's convention: one lepton per call, scalars out."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import torch
from torch import Tensor, nn
from training.plit import fit
from training.plit.network import Plit

OPSET = 20
# Paths of 2**6 edges: more tracks than a cone holds.
DOUBLINGS = 6
CLOSURE_TRACKS = (0, 1, 5, 40)


class OneLepton(nn.Module):
    """Probabilities of one lepton from `jet_features` [1, n] and `track_features` [n_track, n]."""

    def __init__(self, network: Plit, per_track: bool) -> None:
        super().__init__()
        self.network, self.per_track = network, per_track

    def forward(self, lepton: Tensor, tracks: Tensor) -> tuple[Tensor, ...]:
        """One probability for each class; origin and vertex of each track if asked for."""
        scores = self.network(lepton, tracks.unsqueeze(0))
        prompt, other = scores.classes.softmax(-1)[0].unbind(-1)
        if not self.per_track:
            return prompt, other
        origin = scores.origins[0].argmax(-1)[1:].to(torch.int8)
        return prompt, other, origin, vertices(scores.edges[0])


def vertices(edges: Tensor) -> Tensor:
    """Index of the vertex of each track: the first track that edges connect it to.

    `edges` [1 + n, 1 + n] begin with the lepton, which is in no vertex.
    """
    place = torch.arange(edges.shape[-1])
    tracks = (place[:, None] > 0) & (place[None, :] > 0)
    joined = (((edges > 0.0) & tracks) | (place[:, None] == place[None, :])).float()
    for _ in range(DOUBLINGS):
        joined = ((joined @ joined) > 0.0).float()
    return (joined.argmax(-1)[1:] - 1).to(torch.int8)


def export(
    network: Plit,
    path: Path,
    *,
    model: str,
    classes: tuple[str, str],
    lepton: list[str],
    track: list[str],
    per_track: bool = False,
) -> None:
    """Write the network; its outputs are named ``<model>_<class>``.

    Parameters
    ----------
    lepton, track : names of the inputs
    per_track : with the origin and the vertex of each track
    """
    outputs = [f"{model}_{name}" for name in classes]
    if per_track:
        outputs += [f"{model}_TrackOrigin", f"{model}_VertexIndex"]
    dynamic = {"track_features": {0: "n_tracks"}} | {name: {0: "n_tracks"} for name in outputs[2:]}
    with warnings.catch_warnings():
        # The exporter that torch prefers by now needs one more package and writes larger files.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            OneLepton(network.eval(), per_track).eval(),
            (torch.rand(1, len(lepton)), torch.rand(5, len(track))),
            str(path),
            opset_version=OPSET,
            input_names=["jet_features", "track_features"],
            output_names=outputs,
            dynamic_axes=dynamic,
            dynamo=False,
        )
    graph = onnx.load(path)
    config = {
        "onnx_model_version": "v1",
        "model_name": model,
        "output_names": outputs,
        "inputs": [{"name": "jet_var", "variables": _variables(lepton)}],
        "input_sequences": [{"name": "tracks_r22default_dr", "variables": _variables(track)}],
    }
    entry = graph.metadata_props.add()
    entry.key, entry.value = "gnn_config", json.dumps(config)
    graph.doc_string = model
    onnx.checker.check_model(graph, full_check=True)
    onnx.save(graph, path)


def _variables(names: list[str]) -> list[dict[str, Any]]:
    # The graph normalises its inputs itself.
    return [{"name": name, "offset": 0.0, "scale": 1.0} for name in names]


def closure(network: Plit, some: fit.Examples) -> dict[str, npt.NDArray[Any]]:
    """Inputs of leptons with 0, 1, 5 and 40 tracks, and what torch answers.

    The leptons are of `some`, and their tracks those of many.
    """
    offsets = np.concatenate([[0], np.cumsum(CLOSURE_TRACKS)])
    tracks = some.tracks[: offsets[-1]]
    lepton = some.lepton[: len(CLOSURE_TRACKS)]
    nothing = np.zeros(len(tracks), np.int64)
    given = fit.Examples(lepton, tracks, offsets, nothing[:4], np.ones(4), nothing, nothing)
    return {"lepton": lepton, "tracks": tracks, "scores": fit.predict(network, given)}
