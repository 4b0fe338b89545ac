"""lwtnn as its C++ code has it, number by number in plain Python: the slow twin."""

from __future__ import annotations

import math
from typing import Any

Row = list[float]
Rows = list[Row]


def activate(values: Row, how: Any) -> Row:
    name, alpha = (how["function"], how["alpha"]) if isinstance(how, dict) else (how, 1.0)
    if name == "softmax":
        top = max(values)
        powers = [math.exp(value - top) for value in values]
        return [power / sum(powers) for power in powers]
    return [one(value, name, alpha) for value in values]


def one(x: float, name: str, alpha: float) -> float:
    if name == "linear":
        return x
    if name == "sigmoid":
        return sigmoid(x)
    if name == "rectified":
        return max(x, 0.0)
    if name == "tanh":
        return math.tanh(x)
    if name == "hard_sigmoid":
        return min(max(0.2 * x + 0.5, 0.0), 1.0)
    if name == "elu":
        return x if x >= 0 else alpha * (math.exp(x) - 1.0)
    if name == "leakyrelu":
        return x if x > 0 else alpha * x
    if name == "swish":
        return x * sigmoid(alpha * x)
    assert name == "abs"
    return abs(x)


def sigmoid(x: float) -> float:
    if x < -30.0:
        return 0.0
    if x > 30.0:
        return 1.0
    return 1.0 / (1.0 + math.exp(-x))


def times(flat: Row, x: Row) -> Row:
    n = len(x)
    return [sum(flat[r * n + c] * x[c] for c in range(n)) for r in range(len(flat) // n)]


def plus(*rows: Row) -> Row:
    return [sum(each) for each in zip(*rows, strict=True)]


def affine(part: dict[str, Any], x: Row) -> Row:
    found = times(part["weights"], x) if part["weights"] else x
    return plus(found, part["bias"]) if part["bias"] else found


def forward(layer: dict[str, Any], x: Row) -> Row:
    kind = layer["architecture"]
    if kind == "dense":
        return activate(affine(layer, x), layer["activation"])
    if kind == "normalization":
        return [w * (v + b) for v, b, w in zip(x, layer["bias"], layer["weights"], strict=True)]
    if kind == "maxout":
        return [max(each) for each in zip(*(affine(s, x) for s in layer["sublayers"]), strict=True)]
    assert kind == "highway"
    parts = layer["components"]
    c = [sigmoid(value) for value in affine(parts["carry"], x)]
    t = activate(affine(parts["t"], x), layer["activation"])
    return [ci * ti + (1 - ci) * xi for ci, ti, xi in zip(c, t, x, strict=True)]


def scan(layer: dict[str, Any], rows: Rows) -> Rows:
    kind = layer["architecture"]
    if kind == "embedding":
        return [embed(layer, row) for row in rows]
    if kind == "conv1d":
        return convolve(layer, rows)
    parts = layer["components"]
    size = len(parts["h" if "h" in parts else "o"]["bias"])
    h, cell, found = [0.0] * size, [0.0] * size, []
    act, inner = layer["activation"], layer.get("inner_activation")

    def gate(name: str, x: Row, past: Row, how: Any) -> Row:
        return activate(plus(affine(parts[name], x), times(parts[name]["U"], past)), how)

    for x in rows:
        if kind == "simplernn":
            h = gate("h", x, h, act)
        elif kind == "lstm":
            i, f, o = (gate(name, x, h, inner) for name in "ifo")
            new = gate("c", x, h, act)
            cell = [fi * ci + ii * ni for fi, ci, ii, ni in zip(f, cell, i, new, strict=True)]
            h = [oi * ai for oi, ai in zip(o, activate(cell, act), strict=True)]
        else:
            z, r = (gate(name, x, h, inner) for name in "zr")
            new = gate("h", x, [ri * hi for ri, hi in zip(r, h, strict=True)], act)
            h = [zi * hi + (1 - zi) * ni for zi, hi, ni in zip(z, h, new, strict=True)]
        found.append(h)
    return found


def embed(layer: dict[str, Any], row: Row) -> Row:
    for part in layer["sublayers"]:
        index, n_out = part["index"], part["n_out"]
        n_category = len(part["weights"]) // n_out
        category = row[index]
        known = category == math.floor(category) and 0 <= category < n_category
        table = [
            part["weights"][k * n_category + int(category)] if known else math.nan
            for k in range(n_out)
        ]
        row = [*row[:index], *table, *row[index + 1 :]]
    return row


def convolve(layer: dict[str, Any], rows: Rows) -> Rows:
    bias, weights = layer["bias"], layer["weights"]
    n_input = len(rows[0]) if rows else 1
    n_kernel = len(weights) // n_input // len(bias)
    step = layer.get("dilation_rate", 1)
    reach = (n_kernel - 1) * step
    zeros = [[0.0] * n_input] * reach
    before = {"valid": 0, "causal": reach, "same": (reach + 1) // 2}[layer.get("padding", "valid")]
    after = 0 if layer.get("padding", "valid") == "valid" else reach - before
    rows = [*zeros[:before], *rows, *zeros[:after]]
    found = []
    for start in range(len(rows) - reach):
        row = []
        for o, offset in enumerate(bias):
            total = offset
            for i in range(n_input):
                for k in range(n_kernel):
                    weight = weights[o * n_input * n_kernel + i * n_kernel + k]
                    total += weight * rows[start + k * step][i]
            row.append(total)
        found.append(activate(row, layer["activation"]))
    return found


SEQUENTIAL = ("lstm", "gru", "simplernn", "conv1d", "embedding")


def prepared(variables: list[dict[str, Any]], row: Row) -> Row:
    return [(x + v["offset"]) * v["scale"] for v, x in zip(variables, row, strict=True)]


def last(rows: Rows, width: int) -> Row:
    return rows[-1] if rows else [0.0] * width


def sequential(data: dict[str, Any], given: Any) -> Row:
    """Outputs for one row, or for a list of rows if a layer works on one."""
    scanned = [layer for layer in data["layers"] if layer["architecture"] in SEQUENTIAL]
    if scanned:
        rows = [prepared(data["inputs"], row) for row in given]
        for layer in scanned:
            rows = scan(layer, rows)
        x = last(rows, width_of(scanned, len(data["inputs"])))
    else:
        x = prepared(data["inputs"], given)
    for layer in data["layers"]:
        if layer["architecture"] not in SEQUENTIAL:
            x = forward(layer, x)
    return x


def width_of(layers: list[dict[str, Any]], width: int) -> int:
    for layer in layers:
        if layer["architecture"] == "embedding":
            width += sum(part["n_out"] - 1 for part in layer["sublayers"])
        elif layer["architecture"] == "conv1d":
            width = len(layer["bias"])
        else:
            parts = layer["components"]
            width = len(parts["h" if "h" in parts else "o"]["bias"])
    return width


def graph(data: dict[str, Any], rows: dict[str, Row], lists: dict[str, Rows]) -> dict[str, Any]:
    """Labels and numbers of a graph for one lepton; a list of numbers for a list of rows."""
    inputs = [prepared(node["variables"], rows[node["name"]]) for node in data["inputs"]]
    sequences = [
        [prepared(node["variables"], row) for row in lists[node["name"]]]
        for node in data.get("input_sequences", [])
    ]

    def many(index: int) -> tuple[Rows, int]:
        node = data["nodes"][index]
        if node["type"] == "input_sequence":
            return sequences[node["sources"][0]], node["size"]
        found, width = many(node["sources"][0])
        layer = data["layers"][node["layer_index"]]
        if node["type"] == "time_distributed":
            return [forward(layer, row) for row in found], len(forward(layer, [0.0] * width))
        return scan(layer, found), width_of([layer], width)

    def single(index: int) -> Row:
        node = data["nodes"][index]
        if node["type"] == "input":
            return inputs[node["sources"][0]]
        if node["type"] == "concatenate":
            return [x for source in node["sources"] for x in single(source)]
        if node["type"] == "add":
            return plus(*(single(source) for source in node["sources"]))
        if node["type"] == "feed_forward":
            return forward(data["layers"][node["layer_index"]], single(node["sources"][0]))
        if node["type"] == "sum":
            found, width = many(node["sources"][0])
            return plus([0.0] * width, *found)
        return last(*many(index))

    given: dict[str, Any] = {}
    for output in data["outputs"].values():
        index = output["node_index"]
        if data["nodes"][index]["type"] == "time_distributed":
            rows_of = many(index)[0]
            for k, label in enumerate(output["labels"]):
                given[label] = [row[k] for row in rows_of]
        else:
            given |= dict(zip(output["labels"], single(index), strict=True))
    return given
