"""Batches through networks: rows, sequences with and without padding, one lepton per call."""

from __future__ import annotations

import threading
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import parser

from lepid.errors import NetworkMismatch
from lepid.taggers import inference, session
from lepid.taggers.batching import Sequence
from lepid.taggers.card_network import Node
from lepid.taggers.card_outputs import Output
from lepid.taggers.inference import Network

X = Node(name="x", inputs=("pt", "eta", "phi"))
T = Node(name="t", per="track", inputs=("a", "b"))


def outputs(number: int = 2, node: str = "y", per: str = "lepton") -> list[Output]:
    return [
        Output(name="abcdefgh"[i], node=node, index=i, per=per)  # type: ignore[arg-type]
        for i in range(number)
    ]


class Kind:
    def __init__(self, name: str, kind: str) -> None:
        self.name, self.type = name, kind


class Fake:
    """A session whose answers are computed by a function of what it is fed."""

    def __init__(self, answer: Any, kind: str = "tensor(float)") -> None:
        self.answer, self.kind, self.fed = answer, kind, []

    def get_providers(self) -> list[str]:
        return ["CPUExecutionProvider"]

    def get_outputs(self) -> list[Kind]:
        return [Kind("y", self.kind)]

    def run(self, nodes: list[str], fed: dict[str, Any]) -> list[Any]:
        self.fed.append(fed)
        if isinstance(self.answer, Exception):
            raise self.answer
        return [self.answer(fed) for _ in nodes]


def run(fake: Fake, takes: Any, *, tracks: Any = None, read: Any = None, **options: Any) -> Any:
    nodes = [T] if tracks else [X]
    rows = {} if tracks else {"x": np.zeros((options.pop("n", 3), 3), np.float32)}
    network = Network(fake, takes, "card mine@one")
    return inference.run(network, read or outputs(), nodes, rows, tracks or {}, **options)


def ragged(lengths: list[int], width: int = 2) -> Sequence:
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    values = np.random.default_rng(1).normal(size=(offsets[-1], width)).astype(np.float32)
    return Sequence(offsets, np.arange(offsets[-1]), values)


# --- one row per lepton -------------------------------------------------------------------------


@given(n=st.integers(0, 40), batch=st.integers(1, 13))
def test_the_size_of_a_batch_changes_nothing(loaded: tuple[Any, Any], n: int, batch: int) -> None:
    net, model = loaded
    rows = {"x": np.random.default_rng(n).normal(size=(n, 3)).astype(np.float32)}
    network = Network(model, "leptons", "here")
    before, inference.ROWS = inference.ROWS, batch
    try:
        scores = inference.run(network, outputs(), [X], rows, {})
    finally:
        inference.ROWS = before
    whole = inference.run(network, outputs(), [X], rows, {})
    for i, name in enumerate("ab"):
        assert scores[name].dtype == np.float32
        assert scores[name].tolist() == whole[name].tolist()
        slow = [
            float(sum(r * w for r, w in zip(row, net.weights[:, i], strict=True)))
            for row in rows["x"]
        ]
        np.testing.assert_allclose(scores[name], slow, rtol=1e-5, atol=1e-5)


@pytest.fixture(scope="module")
def loaded(tiny_network: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    """A network file and its session."""
    net = tiny_network(tmp_path_factory.mktemp("net") / "net.onnx")
    return net, session._new(str(net.path), str(net.path), "cpu", 1)


def test_memory_is_bounded_by_the_batch() -> None:
    fake = Fake(lambda fed: np.zeros((len(fed["x"]), 2), np.float32))
    run(fake, "leptons", n=2 * inference.ROWS + 5)
    assert sorted(len(fed["x"]) for fed in fake.fed) == [5, inference.ROWS, inference.ROWS]


def test_no_leptons_run_no_network() -> None:
    fake = Fake(RuntimeError("must not run"))
    scores = run(fake, "leptons", n=0)
    assert {name: value.shape for name, value in scores.items()} == {"a": (0,), "b": (0,)}
    for takes in ("leptons", "objects", "one"):
        found = run(fake, takes, tracks={"t": ragged([])}, read=outputs(1, per="track"))
        assert found["a"].shape == (0,)
        assert found["a"].dtype == np.float32


@pytest.mark.parametrize("axes", [(2,), (1, 2), (2, 1)], ids=str)
def test_columns_of_an_output_with_more_axes(axes: tuple[int, ...]) -> None:
    fake = Fake(lambda fed: np.arange(2.0 * len(fed["x"])).reshape(-1, *axes))
    scores = run(fake, "leptons")
    assert scores["a"].tolist() == [0, 2, 4]
    assert scores["b"].tolist() == [1, 3, 5]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda fed: np.float32(1.0), r"'y' gave the shape \(\) for 3 leptons, a is column 0"),
        (lambda fed: np.zeros((1, 2)), r"'y' gave the shape \(1, 2\) for 3 leptons"),
        (lambda fed: np.zeros(3), r"'y' gave the shape \(3,\) for 3 leptons, b is column 1"),
        (lambda fed: np.zeros((3, 0)), r"'y' gave the shape \(3, 0\) for 3 leptons"),
        (RuntimeError("bad alloc\nand more"), r"onnxruntime cannot run the network: bad alloc$"),
        (RuntimeError(), r"onnxruntime cannot run the network: RuntimeError"),
    ],
    ids=["scalar", "one row", "one column", "no column", "error", "silent error"],
)
def test_an_answer_that_is_not_one_row_per_lepton(answer: Any, message: str) -> None:
    with pytest.raises(NetworkMismatch, match=message) as caught:
        run(Fake(answer), "leptons")
    assert caught.value.where == "card mine@one"


# --- sequences ----------------------------------------------------------------------------------


def total(fed: dict[str, Any]) -> Any:
    """Sum of the tracks of each lepton, [k, 2]."""
    return fed["t"].sum(axis=1)


@given(lengths=st.lists(st.integers(0, 6), max_size=20), tokens=st.integers(1, 20))
def test_numbers_per_lepton_and_per_track_come_back_in_order(
    lengths: list[int], tokens: int
) -> None:
    one = ragged(lengths)
    found = run(Fake(total), "leptons", tracks={"t": one}, tokens=tokens)
    each = run(
        Fake(lambda fed: 2 * fed["t"]), "leptons", tracks={"t": one}, read=outputs(2, per="track"),
        tokens=tokens,
    )  # fmt: skip
    for i, name in enumerate("ab"):
        slow = [
            one.values[low:high, i].sum() for low, high in pairwise(one.offsets)
        ]  # fmt: skip
        np.testing.assert_allclose(found[name], slow, rtol=1e-5, atol=1e-5)
        np.testing.assert_array_equal(each[name], 2 * one.values[:, i])


def test_one_call_per_lepton_sees_one_lepton() -> None:
    def answer(fed: dict[str, Any]) -> Any:
        assert fed["t"].ndim == 2
        assert fed["x"].shape == (1, 3)
        return np.float32(fed["t"].sum() + fed["x"].sum())

    one = ragged([2, 0, 2])
    rows = {"x": np.arange(9, dtype=np.float32).reshape(3, 3)}
    fake = Fake(answer)
    found = inference.run(
        Network(fake, "one", "here"), [Output(name="a", node="y")], [X, T], rows, {"t": one}
    )
    slow = [
        one.values[low:high].sum() + row.sum()
        for low, high, row in zip(one.offsets, one.offsets[1:], rows["x"], strict=False)
    ]
    np.testing.assert_allclose(found["a"], slow, rtol=1e-5)
    assert len(fake.fed) == 3


def test_what_a_network_needs_at_least_and_its_mask() -> None:
    node = T.model_copy(update={"minimum": 3, "pad": -9.0, "mask": "there"})
    fake = Fake(lambda fed: fed["t"])
    one = ragged([1, 4, 0])
    found = inference.run(
        Network(fake, "leptons", "here"), outputs(2, per="track"), [node], {}, {"t": one}
    )
    np.testing.assert_array_equal(found["b"], one.values[:, 1])
    by_length = {int(fed["there"].sum()): fed for fed in fake.fed}
    assert {n: fed["t"].shape for n, fed in by_length.items()} == {
        4: (1, 4, 2), 1: (1, 3, 2), 0: (1, 3, 2)
    }  # fmt: skip
    assert by_length[1]["there"].tolist() == [[[1], [0], [0]]]
    assert by_length[1]["t"][0, 1:].tolist() == [[-9, -9], [-9, -9]]
    assert by_length[0]["t"].tolist() == [[[-9, -9]] * 3]


def test_integers_stay_integers_also_without_tracks() -> None:
    fake = Fake(lambda fed: fed["t"][..., 0].astype(np.int8), kind="tensor(int8)")
    for lengths in ([2, 1], [0, 0], []):
        found = run(fake, "leptons", tracks={"t": ragged(lengths)}, read=outputs(1, per="track"))
        assert found["a"].dtype == np.int32


@pytest.mark.parametrize(
    "shape", [(), (2,), (2, 2), (2, 4), (1, 3)], ids=str
)  # fmt: skip
def test_an_answer_that_is_not_one_number_per_track(shape: tuple[int, ...]) -> None:
    fake = Fake(lambda fed: np.zeros(shape, np.float32))
    message = "for 2 leptons with 3 tracks each, a is column 0"
    with pytest.raises(NetworkMismatch, match=message):
        run(fake, "leptons", tracks={"t": ragged([3, 3])}, read=outputs(1, per="track"))


def test_batches_at_once_give_the_same_and_no_more_than_allowed() -> None:
    running, most, lock = [0], [0], threading.Lock()
    together = threading.Barrier(3, timeout=20)

    def answer(fed: dict[str, Any]) -> Any:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        together.wait()
        with lock:
            running[0] -= 1
        return total(fed)

    one = ragged([5, 4, 3, 2, 1, 0])
    found = run(Fake(answer), "leptons", tracks={"t": one}, at_once=3)
    alone = run(Fake(total), "leptons", tracks={"t": one})
    assert most == [3]
    for name in "ab":
        np.testing.assert_array_equal(found[name], alone[name])


def test_an_error_in_one_of_many_batches_is_raised() -> None:
    fake = Fake(RuntimeError("no memory"))
    with pytest.raises(NetworkMismatch, match="no memory"):
        run(fake, "leptons", tracks={"t": ragged([1, 2, 3])}, at_once=2)


@pytest.mark.parametrize("answer", [np.zeros((2, 5), np.float32), np.zeros((2, 6), np.int64)])
def test_edges_that_are_none_do_not_reach_the_kernel(answer: Any) -> None:
    network = Network(Fake(lambda fed: answer), "objects", "here", partial={"y": "edges"})
    read = [Output(name="v", node="y", per="track")]
    with pytest.raises(NetworkMismatch, match="a logit for each of the 6 pairs of 3"):
        inference.run(network, read, [T], {}, {"t": ragged([3, 3])})


def test_edges_are_finished_by_the_kernel() -> None:
    network = Network(
        Fake(lambda fed: np.full((len(fed["t"]), 6, 1), 1, np.float32)), "objects", "here",
        partial={"y": "edges"},
    )  # fmt: skip
    read = [Output(name="v", node="y", per="track")]
    found = inference.run(network, read, [T], {}, {"t": ragged([3, 3])})
    assert found["v"].tolist() == [0] * 6
    assert found["v"].dtype == np.int32


def test_a_real_network_with_a_batch_axis_of_its_own() -> None:
    text = (
        '<ir_version: 9, opset_import: ["": 17]>\n'
        "net (float[k,n,2] t) => (float[k,2] y) { y = ReduceMax <axes = [1], keepdims = 0> (t) }"
    )
    model = parser.parse_model(text).SerializeToString()
    network = Network(session.load(model, "here", "cpu", 1), "leptons", "here")
    one = ragged([3, 1, 3, 2])
    found = inference.run(network, outputs(), [T], {}, {"t": one}, tokens=4)
    slow = [one.values[low:high].max(axis=0) for low, high in pairwise(one.offsets)]
    np.testing.assert_array_equal(np.stack([found["a"], found["b"]], axis=1), slow)


def test_transposed_nodes_have_their_inputs_before_the_tracks() -> None:
    fake = Fake(lambda fed: np.zeros((len(fed["x"]), 1), np.float32))
    nodes = [
        Node(name="x", inputs=("pt", "eta", "phi"), transposed=True),
        Node(name="t", per="track", inputs=("a", "b"), transposed=True, minimum=4, mask="m",
             pad=(5.0, 6.0)),
        Node(name="u", per="track", inputs=("a", "b"), minimum=4, pad="wrap"),
    ]  # fmt: skip
    rows = {"x": np.arange(6, dtype=np.float32).reshape(2, 3)}
    values = np.arange(12, dtype=np.float32).reshape(6, 2)
    one = Sequence(np.array([0, 3, 6]), np.arange(6), values)
    inference.run(Network(fake, "leptons", "here"), outputs(1), nodes, rows, {"t": one, "u": one})
    (fed,) = fake.fed
    assert fed["x"].tolist() == rows["x"][:, :, None].tolist()
    for i in range(2):
        there = values[3 * i : 3 * i + 3].tolist()
        assert fed["t"][i].T.tolist() == [*there, [5.0, 6.0]]
        assert fed["m"][i].tolist() == [[1.0, 1.0, 1.0, 0.0]]
        assert fed["u"][i].tolist() == [*there, there[0]]
    assert all(fed[name].flags.c_contiguous for name in "xtm")
