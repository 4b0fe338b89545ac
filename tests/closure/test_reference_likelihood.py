"""electron_lh@reference on the committed sample, beside the network whose points it imitates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest

import lepid
from lepid.taggers import catalogue
from lepid.working_points import table

pytestmark = pytest.mark.usefixtures("no_search_paths")

LIKELIHOOD, NETWORK = "electron_lh@reference", "electron_dnn@reference"
POINTS = ("Loose", "Medium", "Tight")


@pytest.fixture(scope="module")
def electrons(reference_sample: Path) -> Any:
    events = lepid.open(reference_sample)
    events = lepid.decorate(events, [LIKELIHOOD, NETWORK], source="network", truth="dnn")
    return ak.flatten(events["Electrons"])


def test_nearly_all_electrons_have_a_likelihood(electrons: Any) -> None:
    record = electrons["electron_lh"]
    assert ak.mean(record["scored"]) > 0.95
    found = record["D_LH"][record["scored"]].to_numpy()
    assert np.isfinite(found).all()
    assert np.ptp(found) > 0.5


@pytest.mark.parametrize("point", POINTS)
def test_a_point_keeps_as_many_prompt_electrons_as_that_of_the_network(
    electrons: Any, point: str
) -> None:
    prompt = electrons[electrons["truth_dnn"] == 0]
    one, other = (prompt[tagger][point].to_numpy() for tagger in ("electron_lh", "electron_dnn"))
    assert len(prompt) > 100
    only, alone = (one & ~other).sum(), (other & ~one).sum()
    # Those that one of the two keeps are as often of the one as of the other.
    assert abs(only - alone) <= 3 * np.sqrt(only + alone)
    assert only + alone > 0


def test_points_reject_background_and_lie_in_each_other(electrons: Any) -> None:
    record = electrons["electron_lh"]
    truth = electrons["truth_dnn"].to_numpy()
    kept = [record[point].to_numpy() for point in POINTS]
    rates = [passed[truth >= 2].mean() for passed in kept]
    assert rates[0] > rates[1] > rates[2]
    for passed in kept:
        assert passed[truth >= 2].mean() < 0.6 * passed[truth == 0].mean()
    assert not (kept[2] & ~kept[1]).any()
    assert not (kept[1] & ~kept[0]).any()


def test_both_have_the_same_cuts_beside_their_discriminants() -> None:
    def others(name: str, point: str) -> list[str]:
        card = catalogue.load(*name.split("@"))
        points = table.read(catalogue.table_path(card, card.working_points[0]))
        quantities = [requirement.quantity for requirement in points.requirements(point)]
        return [quantity for quantity in quantities if not quantity.startswith("D_")]

    for point in POINTS:
        assert others(LIKELIHOOD, point) == others(NETWORK, point)
        assert "ambiguityType" in others(LIKELIHOOD, point)
