"""What a likelihood is made of; what comes out of it is in test_building.py."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lepid.analysis.recipe import ATLAS, Recipe, plateaus, unit
from lepid.errors import BadInput, UnknownName
from lepid.taggers import catalogue


@pytest.mark.parametrize(
    ("changes", "facts"),
    [
        ({"et_edges": (0.0, 20.0, 10.0)}, ["et_edges", "do not ascend"]),
        ({"abseta_edges": (0.0,)}, ["abseta_edges", "fewer than two"]),
        ({"variables": ()}, ["variables", "none is given"]),
        ({"n_bin": 1}, ["n_bin", "1, expected two or more"]),
        ({"only": "EventInfo.split"}, ["'EventInfo.split'", "COLUMN=NUMBER"]),
    ],
)
def test_a_recipe_that_contradicts_itself(changes: dict[str, Any], facts: list[str]) -> None:
    with pytest.raises(BadInput) as caught:
        dataclasses.replace(Recipe(), **changes).check()
    assert all(fact in str(caught.value) for fact in facts), str(caught.value)


def test_the_default_recipe_is_fine_and_has_the_variables_of_the_atlas_card() -> None:
    Recipe().check()
    (node, *_) = catalogue.load("electron_lh", "atlas-mc20-20210514").networks[0].nodes
    assert [(e.feature, e.unit) for e in node.inputs] == [(name, unit(name)) for name in ATLAS]


def test_what_is_used() -> None:
    assert Recipe().chosen() == ("", 0.0)
    assert Recipe(only="EventInfo.split=2").chosen() == ("EventInfo.split", 2.0)


def test_classes() -> None:
    found = Recipe(signal=("El",), background=("HF", "LFH")).codes()
    assert found == {"signal": [0], "background": [3, 5]}
    with pytest.raises(UnknownName, match="no class 'hf'"):
        Recipe(background=("hf",)).codes()
    with pytest.raises(BadInput, match="El is in both"):
        Recipe(background=("El", "HF")).codes()
    with pytest.raises(BadInput, match="one of them has no class"):
        Recipe(background=()).codes()


def test_the_card(tmp_path: Path) -> None:
    card = Recipe(reference=True).card(tmp_path / "electron_lh" / "mine", "0" * 64)
    assert (card.name, card.reference) == ("electron_lh@mine", True)
    likelihood = card.networks[0].likelihood
    assert likelihood is not None
    assert {skip.feature: (skip.from_abseta, skip.above_et) for skip in likelihood.skip} == {
        "transformed_e_probability_ht": (2.01, math.inf), "f3": (2.37, 80.0)}  # fmt: skip
    with pytest.raises(BadInput, match="no card can lie there"):
        Recipe().card(tmp_path / "Electron LH" / "mine", "0" * 64)


@given(st.lists(st.floats(0.5, 1e3), min_size=2, max_size=8, unique=True), st.booleans())
def test_each_plateau_lies_in_its_bin(edges: list[float], open_end: bool) -> None:
    edges = [*sorted(edges), *([math.inf] if open_end else [])]
    found = plateaus(edges)
    assert len(found) == len(edges) - 1
    assert (found[0][0], found[-1][1]) == (edges[0], math.inf)
    for (low, high), begin, end in zip(found[:-1], edges, edges[1:], strict=False):
        assert begin <= low <= high <= end
