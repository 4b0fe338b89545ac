"""A small network in weaver's form: two inputs of candidates, their mask, one of the lepton."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from onnx import parser

# Sums over what the mask keeps, and over all that is fed, so that padding shows.
GRAPH = """<ir_version: 9, opset_import: ["" : 20]>
small (float[n, 1, k] pf_points, float[n, 2, k] pf_features, float[n, 1, k] pf_mask,
       float[n, 2, 1] lepton) => (float[n, 3] softmax) <int64[1] last = {2}> {
  kept = Mul(pf_features, pf_mask)
  a = ReduceSum<keepdims=0>(kept, last)
  b = ReduceSum<keepdims=0>(pf_points, last)
  flat = Squeeze(lepton, last)
  joined = Concat<axis=1>(a, b)
  scaled = Add(joined, joined)
  heads = Concat<axis=1>(flat, b)
  softmax = Add(scaled, heads)
}"""


def info(**changes: Any) -> dict[str, Any]:
    """What the file says of one variable."""
    base = {"median": 0, "norm_factor": 1, "replace_inf_value": 0, "lower_bound": -1e32,
            "upper_bound": 1e32, "pad": 0}  # fmt: skip
    return base | changes


def group(variables: dict[str, Any], **lengths: int) -> dict[str, Any]:
    """What the file says of one input node."""
    return {"var_names": list(variables), "var_infos": variables, **lengths}


def preprocessing() -> dict[str, Any]:
    """What the file says."""
    some = {"min_length": 3, "max_length": 4}
    return {
        "output_names": ["label_a", "label_b", "label_c"],
        "input_names": ["pf_points", "pf_features", "pf_mask", "lepton"],
        "pf_points": group({"pf_deta": info(pad=9)}, **some),
        "pf_features": group(
            {"pf_pt": info(median=2, norm_factor=0.5, lower_bound=-0.5, upper_bound=1.5),
             "pf_d0": info(replace_inf_value=-3)}, **some),
        "pf_mask": group({"pf_mask": info()}, **some),
        "lepton": group({"mu_pt": info(norm_factor=0.25), "mu_dxy": info(upper_bound=2)},
                        var_length=1),
    }  # fmt: skip


def write(
    folder: Path, said: dict[str, Any] | None = None, graph: str = GRAPH
) -> tuple[Path, Path]:
    """Both files in a folder."""
    folder.mkdir(exist_ok=True)
    model, path = folder / "model.onnx", folder / "preprocess.json"
    model.write_bytes(parser.parse_model(graph).SerializeToString())
    path.write_text(json.dumps(preprocessing() if said is None else said))
    return model, path
