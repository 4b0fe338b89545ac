"""lwtnn JSON: every kind of layer and node against the slow twin; errors name the layer."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from lepid.convert import lwtnn
from lepid.errors import BadFile
from lepid.taggers.graph.layers import PLAIN, SHAPED

N_INPUT = 3
LENGTHS = (0, 1, 4)


def numbers(rng: np.random.Generator, n: int) -> list[float]:
    return [float(x) for x in rng.normal(size=n)]


def part(rng: np.random.Generator, n_in: int, n_out: int, *, again: bool = False) -> dict[str, Any]:
    made = {"weights": numbers(rng, n_in * n_out), "bias": numbers(rng, n_out)}
    return {**made, "U": numbers(rng, n_out * n_out)} if again else made


def dense(
    rng: np.random.Generator, n_in: int, n_out: int, activation: Any = "tanh"
) -> dict[str, Any]:
    return {"architecture": "dense", **part(rng, n_in, n_out), "activation": activation}


def recurrent(
    rng: np.random.Generator, kind: str, n_in: int, n_out: int, **more: Any
) -> dict[str, Any]:
    gates = {"lstm": "ifoc", "gru": "zrh", "simplernn": "h"}[kind]
    return {
        "architecture": kind,
        "components": {name: part(rng, n_in, n_out, again=True) for name in gates},
        "activation": "tanh",
        "inner_activation": "hard_sigmoid",
        **more,
    }


def convolution(
    rng: np.random.Generator, n_in: int, n_out: int, n_kernel: int, **more: Any
) -> dict[str, Any]:
    return {
        "architecture": "conv1d",
        "weights": numbers(rng, n_in * n_out * n_kernel),
        "bias": numbers(rng, n_out),
        "activation": "rectified",
        **more,
    }


def inputs(rng: np.random.Generator, n: int = N_INPUT) -> list[dict[str, Any]]:
    return [
        {"name": f"x{i}", "offset": float(rng.normal()), "scale": float(rng.uniform(0.5, 2))}
        for i in range(n)
    ]


def sequential(rng: np.random.Generator, *layers: dict[str, Any], n_out: int) -> dict[str, Any]:
    return {
        "inputs": inputs(rng),
        "layers": list(layers),
        "outputs": [f"y{i}" for i in range(n_out)],
    }


ROWS: dict[str, Callable[[np.random.Generator], tuple[dict[str, Any], int]]] = {
    "dense": lambda rng: (dense(rng, N_INPUT, 4), 4),
    "dense without bias": lambda rng: ({**dense(rng, N_INPUT, 4), "bias": []}, 4),
    "activation alone": lambda rng: (
        {"architecture": "dense", "weights": [], "bias": [], "activation": "softmax"}, 3),
    "normalization": lambda rng: (
        {"architecture": "normalization", "weights": numbers(rng, 3), "bias": numbers(rng, 3)}, 3),
    "maxout": lambda rng: (
        {"architecture": "maxout", "sublayers": [part(rng, 3, 2) for _ in range(3)]}, 2),
    "highway": lambda rng: (
        {"architecture": "highway", "activation": "tanh",
         "components": {"t": part(rng, 3, 3), "carry": part(rng, 3, 3)}}, 3),
}  # fmt: skip


@pytest.mark.parametrize("kind", ROWS)
def test_layers_of_one_row(kind: str, slow: SimpleNamespace, evaluate: Any) -> None:
    rng = np.random.default_rng(len(kind))
    layer, n_out = ROWS[kind](rng)
    data = sequential(rng, layer, dense(rng, n_out, 2, "linear"), n_out=2)
    rows = rng.normal(size=(5, N_INPUT))
    found = evaluate(lwtnn.of(data, "test"), inputs=rows)
    expected = np.array([slow.sequential(data, row) for row in rows.tolist()])
    assert expected.std(axis=0).min() > 1e-3
    np.testing.assert_allclose(found["y0"], expected[:, 0], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found["y1"], expected[:, 1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "function", [*PLAIN, *({"function": f, "alpha": 0.3} for f in SHAPED), "elu"]
)
def test_activations(function: Any, slow: SimpleNamespace, evaluate: Any) -> None:
    data: dict[str, Any] = {
        "inputs": [{"name": name, "offset": 0.0, "scale": 1.0} for name in "ab"],
        "layers": [{"architecture": "dense", "weights": [], "bias": [], "activation": function}],
        "outputs": ["ya", "yb"],
    }
    values = [-31.0, -29.0, -20.0, -2.5, -2.4, -1.0, 0.0, 0.7, 2.4, 2.6, 15.0, 31.0]
    rows = np.array([values, values[::-1]]).T
    found = evaluate(lwtnn.of(data, "test"), inputs=rows)
    expected = np.array([slow.sequential(data, row) for row in rows.tolist()])
    # Relative alone: a logarithm of what is near 0 is a discriminant.
    np.testing.assert_allclose(found["ya"], expected[:, 0], rtol=2e-5, atol=1e-30)
    np.testing.assert_allclose(found["yb"], expected[:, 1], rtol=2e-5, atol=1e-30)


SEQUENCES: dict[str, Callable[[np.random.Generator], list[dict[str, Any]]]] = {
    "lstm": lambda rng: [recurrent(rng, "lstm", 3, 4)],
    "gru": lambda rng: [recurrent(rng, "gru", 3, 4, inner_activation="sigmoid")],
    "simplernn": lambda rng: [recurrent(rng, "simplernn", 3, 4)],
    "softmax inside": lambda rng: [recurrent(rng, "gru", 3, 4, activation="softmax")],
    "two": lambda rng: [recurrent(rng, "lstm", 3, 5), recurrent(rng, "gru", 5, 4)],
    "valid": lambda rng: [convolution(rng, 3, 4, 2)],
    "same": lambda rng: [convolution(rng, 3, 4, 4, padding="same", dilation_rate=2)],
    "same, two": lambda rng: [convolution(rng, 3, 4, 2, padding="same")],
    "causal": lambda rng: [convolution(rng, 3, 4, 3, padding="causal")],
    "one neighbour": lambda rng: [convolution(rng, 3, 4, 1)],
}


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("kind", SEQUENCES)
def test_layers_of_a_list(kind: str, length: int, slow: SimpleNamespace, evaluate: Any) -> None:
    rng = np.random.default_rng(len(kind) + 50 * length)
    data = sequential(rng, *SEQUENCES[kind](rng), dense(rng, 4, 2, "linear"), n_out=2)
    rows = rng.normal(size=(3, length, N_INPUT))
    found = evaluate(lwtnn.of(data, "test"), sequence=rows)
    expected = np.array([slow.sequential(data, row) for row in rows.tolist()])
    np.testing.assert_allclose(found["y0"], expected[:, 0], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found["y1"], expected[:, 1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("places", [(0, 0), (1, 4), (2, 1)])
def test_embedding_puts_a_row_of_a_table_in_place(
    places: tuple[int, int], slow: SimpleNamespace, evaluate: Any
) -> None:
    rng = np.random.default_rng(3)
    tables = [{"index": i, "n_out": 3, "weights": numbers(rng, 12)} for i in places]
    layer = {"architecture": "embedding", "sublayers": tables}
    data = sequential(rng, layer, recurrent(rng, "gru", 7, 4), dense(rng, 4, 2), n_out=2)
    for variable in data["inputs"]:
        variable |= {"offset": 0.0, "scale": 1.0}
    rows = rng.integers(0, 4, (30, 2, N_INPUT)).astype(float)
    if places == (1, 4):
        rows[..., 2] = rng.integers(0, 4, (30, 2))
    if places == (0, 0):
        # The second table is looked up with what the first gave.
        tables[0]["weights"] = [float(x) for x in rng.integers(0, 4, 12)]
    if places == (2, 1):
        rows[:2, 0, 2] = [4.0, 1.5]
        rows[2, 1, 1] = -1.0
    found = evaluate(lwtnn.of(data, "test"), sequence=rows)
    expected = np.array([slow.sequential(data, row) for row in rows.tolist()])
    unknown = np.isnan(expected[:, 0])
    assert unknown.sum() == (3 if places == (2, 1) else 0)
    np.testing.assert_allclose(found["y0"], expected[:, 0], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found["y1"], expected[:, 1], rtol=1e-4, atol=1e-5)


def whole_graph(rng: np.random.Generator) -> dict[str, Any]:
    """Two rows and two lists, every type of node, a node that stands before its source."""
    return {
        "inputs": [
            {"name": "node_0", "variables": inputs(rng)},
            {"name": "other", "variables": inputs(rng, 2)},
        ],
        "input_sequences": [
            {"name": "tracks", "variables": inputs(rng, 4)},
            {"name": "clusters", "variables": inputs(rng, 2)},
        ],
        "nodes": [
            {"type": "concatenate", "sources": [9, 5, 6, 7]},
            {"type": "input", "sources": [0], "size": 3},
            {"type": "input", "sources": [1], "size": 2},
            {"type": "input_sequence", "sources": [0], "size": 4},
            {"type": "time_distributed", "sources": [3], "layer_index": 0},
            {"type": "sum", "sources": [4]},
            {"type": "sequence", "sources": [4], "layer_index": 1},
            {"type": "sequence", "sources": [8], "layer_index": 2},
            {"type": "input_sequence", "sources": [1], "size": 2},
            {"type": "add", "sources": [1, 10]},
            {"type": "feed_forward", "sources": [2], "layer_index": 3},
            {"type": "feed_forward", "sources": [0], "layer_index": 4},
            {"type": "time_distributed", "sources": [6], "layer_index": 5},
            {"type": "sum", "sources": [6]},
        ],
        "layers": [
            dense(rng, 4, 5),
            recurrent(rng, "gru", 5, 3),
            recurrent(rng, "lstm", 2, 2),
            dense(rng, 2, 3),
            dense(rng, 13, 2, "softmax"),
            dense(rng, 3, 2, "sigmoid"),
        ],
        "outputs": {
            "class": {"labels": ["a", "b"], "node_index": 11},
            "each": {"labels": ["c", "d"], "node_index": 12},
            "total": {"labels": ["e", "f", "g"], "node_index": 13},
        },
    }


@pytest.mark.parametrize("length", LENGTHS)
def test_a_graph_with_every_type_of_node(
    length: int, slow: SimpleNamespace, evaluate: Any, tmp_path: Path
) -> None:
    rng = np.random.default_rng(length)
    data = whole_graph(rng)
    path = tmp_path / "graph.json"
    path.write_text(json.dumps(data))
    widths = {"node_0": 3, "other": 2, "tracks": 4, "clusters": 2}
    rows = {name: rng.normal(size=(3, widths[name])) for name in ("node_0", "other")}
    lists = {name: rng.normal(size=(3, length, widths[name])) for name in ("tracks", "clusters")}
    found = evaluate(lwtnn.read(path), **rows, **lists)
    assert list(found) == ["a", "b", "c", "d", "e", "f", "g"]
    for i in range(3):
        one = {name: value[i].tolist() for name, value in rows.items()}
        several = {name: value[i].tolist() for name, value in lists.items()}
        for name, expected in slow.graph(data, one, several).items():
            np.testing.assert_allclose(found[name][i], expected, rtol=1e-4, atol=1e-5)


def test_the_order_of_leptons_and_their_number_change_nothing(evaluate: Any) -> None:
    rng = np.random.default_rng(0)
    network = lwtnn.of(sequential(rng, dense(rng, 3, 2), n_out=2), "test")
    rows = rng.normal(size=(40, 3))
    order = rng.permutation(40)
    whole = evaluate(network, inputs=rows)["y0"]
    np.testing.assert_array_equal(evaluate(network, inputs=rows[order])["y0"], whole[order])
    np.testing.assert_array_equal(evaluate(network, inputs=rows[:7])["y0"], whole[:7])
    assert evaluate(network, inputs=rows[:0])["y0"].shape == (0,)


@pytest.mark.parametrize("function", ["rectified", "hard_sigmoid", "sigmoid", "tanh", "softmax"])
def test_nan_stays_nan_and_only_for_its_lepton(function: str, evaluate: Any) -> None:
    rng = np.random.default_rng(0)
    layers = dense(rng, 3, 4, function), dense(rng, 4, 2, function)
    network = lwtnn.of(sequential(rng, *layers, n_out=2), "test")
    rows = rng.normal(size=(4, 3))
    whole = evaluate(network, inputs=rows)
    rows[2, 1] = np.nan
    holed = evaluate(network, inputs=rows)
    for name, values in whole.items():
        assert np.isfinite(values).all()
        np.testing.assert_array_equal(np.isnan(holed[name]), [False, False, True, False])
        np.testing.assert_array_equal(holed[name][[0, 1, 3]], values[[0, 1, 3]])


def test_nan_in_a_list(evaluate: Any) -> None:
    rng = np.random.default_rng(1)
    network = lwtnn.of(whole_graph(rng), "test")
    fed = {name: rng.normal(size=(3, n)) for name, n in (("node_0", 3), ("other", 2))}
    fed |= {name: rng.normal(size=(3, 2, n)) for name, n in (("tracks", 4), ("clusters", 2))}
    fed["clusters"][1, 0, 1] = np.nan
    for values in evaluate(network, **fed).values():
        assert np.isnan(values[1]).all()
        assert np.isfinite(values[[0, 2]]).all()


def test_defaults_of_both_forms_are_kept() -> None:
    rng = np.random.default_rng(0)
    data = sequential(rng, dense(rng, 3, 1), n_out=1)
    data["defaults"] = {"x1": 7.0}
    data["inputs"][2]["default"] = -1
    (node,) = lwtnn.of(data, "test").inputs
    assert [variable.default for variable in node.variables] == [None, 7.0, -1.0]


def test_labels_that_occur_twice_get_their_step(evaluate: Any) -> None:
    data = whole_graph(np.random.default_rng(0))
    data["outputs"]["total"]["labels"] = ["a", "node_0", "g"]
    rng = np.random.default_rng(1)
    fed = {name: rng.normal(size=(1, n)) for name, n in (("node_0", 3), ("other", 2))}
    fed |= {name: rng.normal(size=(1, 2, n)) for name, n in (("tracks", 4), ("clusters", 2))}
    names = list(evaluate(lwtnn.of(data, "test"), **fed))
    assert [name.split("_")[0] for name in names] == ["a", "b", "c", "d", "a", "node", "g"]
    assert len(set(names)) == 7


# --- errors -------------------------------------------------------------------------------------


def small() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    return sequential(rng, dense(rng, 3, 4), dense(rng, 4, 2, "softmax"), n_out=2)


def broken(*path: Any, value: Any = None, start: Callable[[], Any] = small) -> dict[str, Any]:
    """A network with one thing in it replaced, or taken out if `value` is None."""
    data = copy.deepcopy(start())
    place = data
    for step in path[:-1]:
        place = place[step]
    if value is None:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return data


def one_layer(kind: str, **keys: Any) -> dict[str, Any]:
    return broken("layers", value=[{"architecture": kind, **keys}])


def graph() -> dict[str, Any]:
    return whole_graph(np.random.default_rng(0))


def lstm() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    return sequential(rng, recurrent(rng, "lstm", 3, 2), n_out=2)


GATE = {"weights": [1.0] * 9, "bias": [0.0] * 3}
CASES: list[tuple[Any, list[str]]] = [
    ([1], ["not an object"]),
    (broken("layers"), ["no layers"]),
    (broken("outputs"), ["no outputs"]),
    (broken("inputs", value=[]), ["no inputs"]),
    (broken("inputs", 0, "offset"), ["no offset"]),
    (broken("inputs", 0, "scale", value="1"), ["scale of x0", "'1'"]),
    (broken("inputs", 0, "scale", value=float("nan")), ["scale of x0", "nan"]),
    (broken("inputs", 0, "name", value="x1"), ["'x1' twice"]),
    (broken("outputs", value=["a"]), ["1 output labels for 2"]),
    (broken("outputs", value=["a", "a"]), ["'a' twice"]),
    (broken("outputs", value=[1, 2]), ["list of labels"]),
    (broken("layers", 1, "architecture", value="densely"),
     ["layer 1", "'densely'", "near: dense", "lstm"]),
    (broken("layers", 1, "architecture"), ["layer 1", "architecture"]),
    (broken("layers", 1, "activation", value="softmx"),
     ["layer 1 (dense)", "'softmx'", "near: softmax", "leakyrelu"]),
    (broken("layers", 1, "activation"), ["layer 1 (dense)", "activation is None"]),
    (broken("layers", 1, "activation", value="leakyrelu"), ["leakyrelu has no alpha"]),
    (broken("layers", 1, "activation", value={"function": "swish", "alpha": "x"}), ["alpha is"]),
    (broken("layers", 0, "weights", value=[1.0] * 4), ["layer 0 (dense)", "4 numbers", "of 3"]),
    (broken("layers", 0, "weights", value=[1.0, float("inf"), 1.0]), ["layer 0", "finite"]),
    (broken("layers", 0, "weights", value=[[1.0]]), ["layer 0", "weights"]),
    (broken("layers", 0, "weights", value=["a"]), ["layer 0", "weights is not"]),
    (broken("layers", 0, "bias", value=[1.0]), ["4 rows of weights and 1 of bias"]),
    (one_layer("normalization", weights=[1.0], bias=[1.0]), ["layer 0 (normalization)", "for 3"]),
    (one_layer("maxout", sublayers=[]), ["layer 0 (maxout)", "no sublayers"]),
    (one_layer("maxout", sublayers=[GATE, {"weights": [1.0] * 3, "bias": [1.0]}]), ["1, 3 num"]),
    (one_layer("maxout", sublayers=[{**GATE, "bias": [1.0]}]), ["sublayer 0", "3 rows"]),
    (one_layer("highway", components={"t": GATE}, activation="tanh"), ["no component 'carry'"]),
    (one_layer("highway", components={"t": GATE, "carry": {"weights": [1.0] * 3, "bias": [1.0]}},
               activation="tanh"), ["3 and 1", "expected 3"]),
    (broken("layers", 0, "components", "i", start=lstm), ["layer 0 (lstm)", "component 'i'"]),
    (broken("layers", 0, "components", "i", "U", start=lstm), ["component i", "U"]),
    (broken("layers", 0, "components", "i", "U", value=[1.0] * 6, start=lstm), ["3 rows of U"]),
    (broken("layers", 0, "components", "i", value={"weights": [1.0] * 3, "bias": [1.0], "U": [1.0]},
            start=lstm), ["1, 2 numbers"]),
    (broken("layers", 0, "inner_activation", start=lstm), ["layer 0 (lstm)", "inner_activation"]),
    (one_layer("conv1d", weights=[1.0] * 4, bias=[1.0], activation="tanh"), ["4 weights"]),
    (one_layer("conv1d", weights=[1.0] * 3, bias=[1.0], activation="softmax"), ["softmax"]),
    (one_layer("conv1d", weights=[1.0] * 3, bias=[1.0], activation="tanh", padding="full"),
     ["'full'", "causal"]),
    (one_layer("conv1d", weights=[1.0] * 3, bias=[1.0], activation="tanh", dilation_rate=0),
     ["dilation_rate is 0"]),
    (one_layer("embedding", sublayers=[{"index": 3, "n_out": 1, "weights": [1.0]}]), ["0 to 2"]),
    (one_layer("embedding", sublayers=[{"index": 0, "n_out": 0, "weights": [1.0]}]), ["n_out is"]),
    (one_layer("embedding", sublayers=[{"index": 0, "n_out": 2, "weights": [1.0]}]), ["multiple"]),
    (broken("layers", value=[small()["layers"][0], *lstm()["layers"]]),
     ["layer 1 (lstm)", "not recurrent"]),
    (broken("nodes", 1, "type", value="inputs", start=graph),
     ["node 1", "'inputs'", "near: input", "time_distributed"]),
    (broken("nodes", 1, "sources", value=[], start=graph), ["node 1 (input)", "no sources"]),
    (broken("nodes", 5, "sources", value=[4, 4], start=graph), ["node 5 (sum)", "found 2"]),
    (broken("nodes", 1, "sources", value=[2], start=graph), ["names input 2, there are 2"]),
    (broken("nodes", 1, "size", value=4, start=graph), ["size 4", "node_0 has 3"]),
    (broken("nodes", 10, "sources", value=[4], start=graph),
     ["node 10 (feed_forward)", "one row", "node 4 (time_distributed)", "list"]),
    (broken("nodes", 5, "sources", value=[1], start=graph), ["node 5 (sum)", "node 1 (input)"]),
    (broken("nodes", 10, "sources", value=[99], start=graph), ["names node 99, there are 14"]),
    (broken("nodes", 10, "sources", value=[11], start=graph), ["depends on itself"]),
    (broken("nodes", 9, "sources", value=[1, 2], start=graph), ["adds rows of 3, 2"]),
    (broken("nodes", 10, "layer_index", value=9, start=graph), ["names layer 9, there are 6"]),
    (broken("nodes", 10, "layer_index", value=2, start=graph),
     ["node 10 (feed_forward)", "layer 2 (lstm)", "sequence"]),
    (broken("nodes", 7, "layer_index", value=3, start=graph), ["node 7", "layer 3 (dense)"]),
    (broken("outputs", "class", "node_index", value=-1, start=graph), ["output class", "node -1"]),
    (broken("outputs", "class", "labels", start=graph), ["output class", "no labels"]),
    (broken("outputs", value={"a": {"labels": ["x"], "node_index": 11}}, start=graph),
     ["output a", "1 output labels for 2"]),
    ({**graph(), "outputs": {}}, ["no output"]),
]  # fmt: skip


@pytest.mark.parametrize(("data", "facts"), CASES, ids=[" ".join(facts) for _, facts in CASES])
def test_what_is_not_supported_is_named(data: Any, facts: list[str]) -> None:
    with pytest.raises(BadFile) as caught:
        lwtnn.of(data, "net.json")
    text = str(caught.value)
    assert text.startswith("net.json: ")
    assert all(fact in text for fact in facts), text


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", b"[1]"])
def test_a_file_that_is_no_network(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "net.json"
    path.write_bytes(content)
    with pytest.raises(BadFile, match=r"net\.json"):
        lwtnn.read(path)
    with pytest.raises(BadFile, match=r"absent\.json"):
        lwtnn.read(tmp_path / "absent.json")
