"""What a card may say of a likelihood."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from lepid.errors import BadCard
from lepid.taggers import card_file
from lepid.taggers.card import Card

NODES = [
    {"name": "variables", "inputs": ["f1", "f3"]},
    {"name": "bins", "inputs": ["et", "abseta"]},
]
CARD: dict[str, Any] = {
    "tagger": "mine_lh", "network": "one", "flavour": "electron", "description": "d",
    "source": "ours", "outputs": [{"name": "lh", "node": "discriminant"}],
    "networks": [{"path": "d.json", "nodes": NODES, "likelihood": {}}],
}  # fmt: skip


def network(**changes: Any) -> dict[str, Any]:
    card = copy.deepcopy(CARD)
    card["networks"][0] |= changes
    return card


def test_the_least_card() -> None:
    likelihood = Card.model_validate(CARD).networks[0].likelihood
    assert likelihood is not None
    assert (likelihood.plateaus, likelihood.neighbour, likelihood.empty) == ((), "value", None)


def test_an_onnx_network_is_none() -> None:
    card = copy.deepcopy(CARD)
    del card["networks"][0]["likelihood"]
    assert Card.model_validate(card).networks[0].likelihood is None


PILEUP = {"pileup": {"most": 50}}
WRONG = {
    "no bins": (network(nodes=NODES[:1]), "nodes of a likelihood are variables, bins"),
    "one bin": (network(nodes=[NODES[0], {"name": "bins", "inputs": ["et"]}]), "nodes of a like"),
    "pileup without a node": (network(likelihood=PILEUP), "with pileup, pileup"),
    "a node without pileup": (
        network(nodes=[*NODES, {"name": "pileup", "inputs": ["n"]}]), "with pileup, pileup"),
    "two pileups": (
        network(nodes=[*NODES, {"name": "pileup", "inputs": ["n", "m"]}], likelihood=PILEUP),
        "with pileup, pileup"),
    "tracks": (network(nodes=[NODES[0], {**NODES[1], "per": "track"}]), "one row per lepton"),
    "one per call": (network(batched=False), "one row per lepton"),
    "another skip": (network(likelihood={"skip": [{"feature": "f33"}]}), r"'f33', .*near: f3"),
    "a skip twice": (network(likelihood={"skip": [{"feature": "f1"}] * 2}), "a variable twice"),
    "plateaus": (network(likelihood={"plateaus": [[0, 5], [4, 8]]}), "do not ascend"),
    "another neighbour": (network(likelihood={"neighbour": "x"}), "'value' or 'index'"),
    "an output": ({**CARD, "outputs": [{"name": "lh", "node": "y"}]}, "at the node 'discriminant'"),
}  # fmt: skip


@pytest.mark.parametrize("kind", WRONG)
def test_what_does_not_fit(kind: str) -> None:
    card, fact = WRONG[kind]
    with pytest.raises(ValidationError, match=fact):
        Card.model_validate(card)


def test_a_misspelt_key_has_its_near_misses(tmp_path: Path) -> None:
    folder = tmp_path / "mine_lh" / "one"
    folder.mkdir(parents=True)
    text = (
        'tagger = "mine_lh"\nnetwork = "one"\nflavour = "electron"\ndescription = "d"\n'
        'source = "ours"\n[[outputs]]\nname = "lh"\nnode = "discriminant"\n'
        '[[networks]]\npath = "d.json"\n[[networks.nodes]]\nname = "variables"\ninputs = ["f1"]\n'
        '[[networks.nodes]]\nname = "bins"\ninputs = ["et", "abseta"]\n[networks.likelihood]\n'
    )
    path = folder / "card.toml"
    for line, near in (
        ("plateau = []", "networks[0].likelihood.plateau: (.|\n)*near: plateaus"),
        ('skip = [{ feature = "f1", above_e = 1.0 }]', "skip[0].above_e: (.|\n)*near: above_et"),
    ):
        path.write_text(text + line, encoding="utf-8")
        with pytest.raises(BadCard, match=near.replace("[", r"\[").replace("]", r"\]")):
            card_file.load(path)
