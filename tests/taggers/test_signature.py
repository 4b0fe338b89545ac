"""Network files that do not fit their card: every difference has its sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from onnx import TensorProto

from lepid.errors import NetworkMismatch
from lepid.taggers import session, signature
from lepid.taggers.card import Card


class Value:
    """What onnxruntime says of an input or output."""

    def __init__(self, name: str, shape: list[Any], kind: str = "tensor(float)") -> None:
        self.name, self.shape, self.type = name, shape, kind


class Signature:
    """A session that says what it takes and gives."""

    def __init__(self, inputs: list[Value], outputs: list[Value]) -> None:
        self.inputs, self.outputs = inputs, outputs

    def get_inputs(self) -> list[Value]:
        return self.inputs

    def get_outputs(self) -> list[Value]:
        return self.outputs


X, Y = Value("x", ["n", 3]), Value("y", ["n", 2])


def card(index: int | None = 1, node: str = "x", output: str = "y") -> Card:
    return Card.model_validate(
        {"tagger": "mine", "network": "one", "flavour": "muon", "description": "d", "source": "s",
         "outputs": [{"name": "p", "node": output, "index": index}],
         "networks": [{"path": "n.onnx", "nodes": [{"name": node, "inputs": ["a", "b", "c"]}]}]}
    )  # fmt: skip


def check(found: Any, card: Card) -> None:
    signature.check(found, card, card.networks[0], Path("folder/n.onnx"))


@pytest.mark.parametrize(
    ("x", "y", "index"),
    [
        (X, Y, 0),
        (X, Y, 1),
        (X, Value("y", ["n", 1]), None),
        (X, Value("y", ["n"]), None),
        (X, Value("y", ["n"]), 0),
        (X, Value("y", ["n", "m"]), 7),
        # shapes that are known only when it runs
        (Value("x", []), Value("y", []), 3),
        (Value("x", [None, 3]), Value("y", [None, 2]), 1),
        (X, Value("y", ["n", 2], "tensor(double)"), 1),
    ],
)
def test_what_fits(x: Value, y: Value, index: int | None) -> None:
    assert check(Signature([x], [y]), card(index)) is None


@pytest.mark.parametrize(
    ("x", "y", "card", "message"),
    [
        ([Value("x", ["n", 4])], [Y], card(), "lists 3 inputs for 'x', the network takes 4"),
        ([X], [Y], card(node="z"), "the card feeds 'z', the network takes x"),
        ([X], [Y], card(node="z"), "the network takes 'x', which the card does not feed"),
        ([X, Value("w", ["n", 1])], [Y], card(), "takes 'w', which the card does not feed"),
        ([Value("x", ["n", 3], "tensor(double)")], [Y], card(), "'x' takes tensor(double)"),
        ([Value("x", [1, 3])], [Y], card(), "'x' takes exactly 1 leptons per call"),
        ([Value("x", [3])], [Y], card(), "'x' has the shape [3], expected [n_lepton, n_input]"),
        ([Value("x", ["n", 3, 2])], [Y], card(), "'x' has the shape"),
        ([X], [Y], card(output="z"), "the card reads 'z', the network gives y"),
        ([X], [Y], card(2), "p is column 2 of 2"),
        ([X], [Value("y", ["n"])], card(1), "p is column 1 of 1"),
        ([X], [Y], card(None), "'y' has 2 columns, the card does not say which is p"),
        ([X], [Value("y", ["n"], "tensor(int64)")], card(0), "'y' gives tensor(int64)"),
        ([X], [Value("y", [], "seq(map(int64,tensor(float)))")], card(0), "gives seq(map"),
    ],
)  # fmt: skip
def test_what_does_not_fit(x: list[Value], y: list[Value], card: Card, message: str) -> None:
    with pytest.raises(NetworkMismatch) as caught:
        check(Signature(x, y), card)
    assert message in caught.value.wrong
    assert caught.value.where == str(Path("folder/n.onnx"))
    assert caught.value.do == "see the card"


def ragged(batched: bool, per: str = "track", mask: str = "") -> Card:
    """One output per lepton or track of a network that takes tracks."""
    return Card.model_validate(
        {"tagger": "mine", "network": "one", "flavour": "muon", "description": "d", "source": "s",
         "outputs": [{"name": "p", "node": "y", "per": per}],
         "networks": [{"path": "n.onnx", "batched": batched, "nodes": [
             {"name": "x", "inputs": ["a", "b", "c"]},
             {"name": "t", "per": "track", "inputs": ["d", "e"], "mask": mask}]}]}
    )  # fmt: skip


def took(batched: bool, *others: Value) -> list[Value]:
    lead = ["k"] if batched else []
    return [Value("x", [*(lead or [1]), 3]), Value("t", [*lead, "n", 2]), *others]


@pytest.mark.parametrize(
    ("batched", "per", "shape", "kind"),
    [
        (False, "lepton", [], "tensor(float)"),
        (False, "lepton", [1], "tensor(float)"),
        (True, "lepton", ["k", 1], "tensor(float)"),
        (False, "track", ["n"], "tensor(int8)"),
        (True, "track", ["k", "n"], "tensor(int64)"),
        (True, "track", ["k", "n", 1], "tensor(float)"),
    ],
)
def test_what_fits_with_tracks(batched: bool, per: str, shape: list[Any], kind: str) -> None:
    found = Signature(took(batched), [Value("y", shape, kind)])
    assert check(found, ragged(batched, per)) is None


def test_a_mask_is_fed_too() -> None:
    found = Signature(took(True, Value("m", ["k", "n", 1])), [Value("y", ["k", "n"])])
    assert check(found, ragged(True, mask="m")) is None
    with pytest.raises(NetworkMismatch, match="the network takes 'm', which the card does not"):
        check(found, ragged(True))
    wide = Signature(took(True, Value("m", ["k", "n", 2])), [Value("y", ["k", "n"])])
    with pytest.raises(NetworkMismatch, match="the card lists 1 inputs for 'm'"):
        check(wide, ragged(True, mask="m"))


@pytest.mark.parametrize(
    ("inputs", "y", "card", "message"),
    [
        (took(False), Value("y", []), ragged(True, "lepton"),
         "'x' takes exactly 1 leptons per call, not any number"),
        (took(False), Value("y", []), ragged(True, "lepton"),
         "'t' has the shape ['n', 2], expected [n_lepton, n_track, n_input]"),
        (took(True), Value("y", ["k"]), ragged(False, "lepton"),
         "'t' has the shape ['k', 'n', 2], expected [n_track, n_input]"),
        ([Value("x", [2, 3]), Value("t", ["n", 2])], Value("y", []), ragged(False, "lepton"),
         "'x' takes exactly 2 leptons per call, not one"),
        ([Value("x", [1, 3]), Value("t", [40, 2])], Value("y", []), ragged(False, "lepton"),
         "'t' takes exactly 40 tracks per call, not any number"),
        (took(False), Value("y", ["n", 8]), ragged(False), "'y' has 8 columns"),
        (took(False), Value("y", [2]), ragged(False, "lepton"), "'y' has 2 columns"),
        (took(False), Value("y", [], "tensor(int8)"), ragged(False, "lepton"),
         "'y' gives tensor(int8), expected"),
        (took(False), Value("y", ["n"], "tensor(string)"), ragged(False),
         "'y' gives tensor(string), expected"),
    ],
)  # fmt: skip
def test_what_does_not_fit_with_tracks(
    inputs: list[Value], y: Value, card: Card, message: str
) -> None:
    with pytest.raises(NetworkMismatch) as caught:
        check(Signature(inputs, [y]), card)
    assert message in caught.value.wrong


def transposed(**lengths: int) -> Card:
    return Card.model_validate(
        {"tagger": "mine", "network": "one", "flavour": "muon", "description": "d", "source": "s",
         "outputs": [{"name": "p", "node": "y"}],
         "networks": [{"path": "n.onnx", "nodes": [
             {"name": "x", "inputs": ["a", "b", "c"], "transposed": True},
             {"name": "t", "per": "candidate", "inputs": ["d", "e"], "transposed": True,
              "mask": "m", **lengths}]}]}
    )  # fmt: skip


def flat(x: list[Any], t: list[Any], m: list[Any]) -> Signature:
    given = {"x": x, "t": t, "m": m}
    return Signature([Value(name, shape) for name, shape in given.items()], [Value("y", ["k"])])


@pytest.mark.parametrize(
    ("shapes", "card", "message"),
    [
        ((["k", 3, 1], ["k", 2, "n"], ["k", 1, "n"]), transposed(), ""),
        ((["k", 3, "z"], ["k", 2, 8], ["k", 1, 8]), transposed(minimum=8, maximum=8), ""),
        ((["k", 3, 1], ["k", 2, 8], ["k", 1, 8]), transposed(minimum=4, maximum=8),
         "'t' takes exactly 8 candidates per call, not any number"),
        ((["k", 3, 1], ["k", 2, 8], ["k", 1, 9]), transposed(minimum=8, maximum=8),
         "'m' takes exactly 9 candidates per call, not 8"),
        ((["k", 3, 1], ["k", "n", 2], ["k", "n", 1]), transposed(),
         "'t' takes exactly 2 candidates per call, not any number"),
        ((["k", 4, 1], ["k", 2, "n"], ["k", 1, "n"]), transposed(),
         "the card lists 3 inputs for 'x', the network takes 4"),
        ((["k", 3], ["k", 2, "n"], ["k", 1, "n"]), transposed(),
         "'x' has the shape ['k', 3], expected [n_lepton, n_input, 1]"),
        ((["k", 3, 1], [8, 2, 8], ["k", 1, 8]), transposed(minimum=8, maximum=8),
         "'t' takes exactly 8 leptons per call, not any number"),
        (([1, 3, 1], ["k", 2, "n"], ["k", 1, "n"]), transposed(),
         "'x' takes exactly 1 leptons per call, not any number"),
    ],
)  # fmt: skip
def test_networks_that_take_inputs_before_constituents(
    shapes: tuple[list[Any], ...], card: Card, message: str
) -> None:
    if not message:
        check(flat(*shapes), card)
        return
    with pytest.raises(NetworkMismatch) as caught:
        check(flat(*shapes), card)
    assert message in caught.value.wrong


def test_vertices_have_a_plural() -> None:
    other = Card.model_validate(
        {**transposed().model_dump(), "networks": [{"path": "n.onnx", "nodes": [
            {"name": "t", "per": "secondary_vertex", "inputs": ["d"]}]}]}
    )  # fmt: skip
    found = Signature([Value("t", ["k", 5, 1])], [Value("y", ["k"])])
    with pytest.raises(NetworkMismatch, match="takes exactly 5 secondary vertices per call"):
        check(found, other)


def test_all_differences_are_listed_once() -> None:
    wide = [Value("x", [1, 4], "tensor(int64)")]
    with pytest.raises(NetworkMismatch) as caught:
        check(Signature(wide, [Y]), card(None))
    problems = caught.value.wrong.split("; ")
    assert len(problems) == len(set(problems)) == 4


def test_real_files_say_what_the_check_expects(tmp_path: Path, tiny_network: Any) -> None:
    def load(**options: Any) -> Any:
        net = tiny_network(tmp_path / f"{len(options)}{list(options)}.onnx", **options)
        return session._new(str(net.path), str(net.path), "cpu", 1)

    assert check(load(), card()) is None
    with pytest.raises(NetworkMismatch, match="lists 3 inputs for 'x', the network takes 5"):
        check(load(width=5), card())
    with pytest.raises(NetworkMismatch, match="exactly 1 leptons per call"):
        check(load(batch=1), card())
    with pytest.raises(NetworkMismatch, match=r"'x' takes tensor\(double\)"):
        check(load(kind=TensorProto.DOUBLE), card())
    with pytest.raises(NetworkMismatch, match="p is column 1 of 1"):
        check(load(outputs=1), card())
