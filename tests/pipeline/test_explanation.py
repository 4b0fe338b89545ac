"""What requirements are called; the rest is in pipeline/test_electron_inputs.py."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest

import lepid
from lepid.errors import BadInput
from lepid.explanation import names
from lepid.working_points.table import Requirement


def requirement(quantity: str, sense: Any, correction: str) -> Requirement:
    return Requirement(correction=correction, quantity=quantity, sense=sense)


def test_a_quantity_that_is_compared_twice_has_sense_and_correction() -> None:
    several = [requirement("D", ">", "a"), requirement("pt", ">", "b"), requirement("D", "<", "c")]
    assert names(several) == ["D > a", "pt", "D < c"]
    assert names(several[:2]) == ["D", "pt"]


def test_stored_scores(events: Any) -> None:
    decorated = lepid.decorate(events, "muon_plit")
    record = decorated["Muons", "muon_plit"]
    for point in ("R3PLITVeryLoose", "R2PLITasPLIVefficiencyTight"):
        why = lepid.explain(decorated, "muon_plit", point)
        assert why["discriminant"].to_list() == record[point].to_list()
        assert (why["failed"] == "discriminant").to_list() == (~record[point]).to_list()
        failed = ~record[point]
        assert why["value"][failed].to_list() == record["discriminant"][failed].to_list()
        # A point is strict: a muon at the cut fails.
        assert ak.all(why["cut"][failed] >= why["value"][failed])
        assert ak.all(np.isnan(why["cut"][~failed]))


def test_a_mask(events: Any) -> None:
    mask = events["Muons", "pt"] > 20e3
    decorated = lepid.decorate(events, "muon_plit", where={"Muons": mask})
    why = lepid.explain(decorated, "muon_plit", "R3PLITVeryLoose")
    assert (why["failed"] == "not scored").to_list() == (~mask).to_list()


def test_no_leptons(events: Any) -> None:
    decorated = lepid.decorate(events[:0], "muon_plit")
    assert lepid.explain(decorated, "muon_plit", "R3PLITVeryLoose").to_list() == []


def test_a_decision_that_the_file_stores_beside_points(
    events: Any, own_network: Callable[..., Path]
) -> None:
    folder = own_network()
    card = folder / "card.toml"
    decision = '[[decisions]]\nname = "Stored"\nstored = ["stored_bit"]\n\n[[networks]]'
    card.write_text(card.read_text().replace("[[networks]]", decision))
    decorated = lepid.decorate(events, "muon_own", source="network")
    with pytest.raises(BadInput, match="store the decision Stored itself") as caught:
        lepid.explain(decorated, "muon_own", "Stored")
    assert caught.value.do == "use events['Muons']['muon_own']"
