"""A TightNN network as ONNX, in the call convention of Athena."""

from __future__ import annotations

import warnings
from pathlib import Path

import onnx
import torch
from torch import nn

TAKES, GIVES = "flatten_input", "sequential"
OPSET = 17


def export(network: nn.Module, path: Path, *, n_input: int) -> None:
    """Write ``flatten_input`` [n, n_input] -> ``sequential`` [n, 1], the sigmoid of the logit.

    Inputs are normalised inside. Athena calls with n = 1.
    """
    whole = nn.Sequential(network.eval(), nn.Sigmoid()).eval()
    with warnings.catch_warnings():
        # The exporter that torch prefers by now needs one more package and writes larger files.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            whole, (torch.rand(2, n_input),), str(path), opset_version=OPSET, dynamo=False,
            input_names=[TAKES], output_names=[GIVES],
            dynamic_axes={TAKES: {0: "n_lepton"}, GIVES: {0: "n_lepton"}},
        )  # fmt: skip
    onnx.checker.check_model(onnx.load(path), full_check=True)
