"""Graphs of cuts to a card with working points."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uproot

from lepid.convert import electron_plit
from lepid.errors import BadFile, BadInput
from lepid.taggers import card_file, catalogue
from lepid.taggers.card import Card
from lepid.working_points import table
from lepid.working_points.table import SENSES

PT = np.array([12.0, 25.0, 60.0])
CUTS = np.array([[-1.0, 0.5, 2.0], [0.25, 0.25, -3.0]])


def write(path: Path, edges: Any = (0.0, 1.37, 2.47), n_point: int = 3) -> Path:
    with uproot.recreate(path) as file:
        file["binning"] = np.zeros(len(edges) - 1), np.array(edges)
        for i, cuts in enumerate(CUTS):
            file[f"g{i}"] = uproot.as_TGraph({"x": PT[:n_point], "y": cuts[:n_point]})
    return path


@pytest.fixture
def card(no_search_paths: None) -> Card:
    return catalogue.load("electron_plit", "atlas-2025-04-25-run3")


def slow_cut(pt: float, abseta: float, n_point: int = 3) -> float:
    """TGraph::Eval: a straight line between neighbours, and the outer ones go on."""
    cuts = CUTS[0 if abseta < 1.37 else 1]
    if n_point == 1:
        return float(cuts[0])
    left = min(max(int(np.searchsorted(PT, pt)) - 1, 0), n_point - 2)
    share = (pt - PT[left]) / (PT[left + 1] - PT[left])
    return float(cuts[left] + share * (cuts[left + 1] - cuts[left]))


@pytest.mark.parametrize("sense", [">", "<="])
def test_cuts_are_those_of_the_graphs(sense: Any, card: Card, tmp_path: Path) -> None:
    points = {"Tight": write(tmp_path / "a.root"), "One": write(tmp_path / "b.root", n_point=1)}
    folder = electron_plit.convert(points, card, sense, tmp_path / "models")
    made = table.read(folder / "points.json")
    rng = np.random.default_rng(0)
    pt = np.concatenate([[5.0, 12.0, 25.0, 60.0, 500.0], rng.uniform(5, 100, 200)])
    abseta = np.concatenate([[0.0, 1.37, 1.37, 2.46, 0.1], rng.uniform(0, 2.47, 200)])
    for name, n_point in (("Tight", 3), ("One", 1)):
        expected = [slow_cut(*each, n_point) for each in zip(pt, abseta, strict=True)]
        (requirement,) = made.requirements(name)
        found = made.cuts(requirement, {"pt": pt, "abseta": abseta})
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
        decided = made.decide({"discriminant": found}, {"pt": pt, "abseta": abseta})[name]
        np.testing.assert_array_equal(decided, SENSES[sense](found, found))
    inside = made.inside({"abseta": np.array([0.0, 2.4699, 2.47, 3.0])})
    np.testing.assert_array_equal(inside, [True, True, False, False])


def test_the_card_is_the_same_but_for_its_points(card: Card, tmp_path: Path) -> None:
    points = {"Tight": write(tmp_path / "a.root")}
    folder = electron_plit.convert(points, card, ">", tmp_path / "models")
    again = card_file.load(folder / "card.toml")
    assert again.working_points == ("points.json",)
    assert again.model_copy(update={"working_points": ()}) == card
    bound = table.read(folder / "points.json").rules.bound_to
    assert bound.path == tuple(network.path for network in card.networks)
    assert bound.columns == card.stored_columns


def test_what_does_not_fit(card: Card, tmp_path: Path) -> None:
    good = write(tmp_path / "a.root")
    other = write(tmp_path / "b.root", edges=(0.0, 1.37, 2.5))
    root = tmp_path / "models"
    with pytest.raises(BadFile, match=r"(?s)ranges of \|eta\| differ.*0 to 2.47.*0 to 2.5"):
        electron_plit.convert({"A": good, "B": other}, card, ">", root)
    with pytest.raises(BadInput, match="has a field pelxpromp"):
        electron_plit.convert({"pelxpromp": good}, card, ">", root)
    stored = catalogue.load("electron_dnn", "stored")
    with pytest.raises(BadInput, match="has no discriminant"):
        electron_plit.convert({"A": good}, stored, ">", root)
    assert not root.exists()
