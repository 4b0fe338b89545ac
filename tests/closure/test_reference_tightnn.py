"""The shipped TightNN networks: answers of torch, and what the points decide on the sample."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest

import lepid
from lepid.taggers import catalogue, inference, twin
from lepid.taggers.session import Settings

pytestmark = pytest.mark.usefixtures("no_search_paths")

NAMES = ("muon_tightnn@reference-run3", "muon_tightnn@reference-run2")
CLOSURE = Path(__file__).resolve().parents[1] / "data" / "tightnn.npz"


def ready(name: str) -> Any:
    """The network of the card, as lepid runs it."""
    card = catalogue.load(*name.split("@"))
    (part,) = card.networks
    path, digest = catalogue.locate(card, part)
    made = twin.get(path, digest, card, part, Settings("cpu", 1))
    return lambda rows: inference.run(
        made, card.outputs, part.nodes, {part.nodes[0].name: rows}, {}
    )


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("n", [1, 64])
def test_the_networks_answer_as_torch_does(name: str, n: int) -> None:
    with np.load(CLOSURE) as file:
        given, answers = (file[f"{name}/{part}"][:n] for part in ("inputs", "scores"))
    assert given.shape == (n, 24 if name.endswith("3") else 19)
    found = ready(name)(given)["score"]
    np.testing.assert_allclose(found, answers, atol=1e-6)
    assert n == 1 or np.ptp(answers) > 0.5


@pytest.mark.parametrize("name", NAMES)
def test_points_tell_heavy_hadrons_from_pions_and_kaons(reference_sample: Path, name: str) -> None:
    events = lepid.decorate(lepid.open(reference_sample), name, source="network", truth="iff")
    muons = ak.flatten(events["Muons"])
    record, iff = muons["muon_tightnn"], muons["truth_iff"]
    heavy, light = (record["scored"] & np.isin(iff, codes) for codes in ((8, 9), (10,)))
    assert min(ak.sum(heavy), ak.sum(light)) > 10
    for point in ("TightNN", "TightNNFlat", "CutBasedTight"):
        kept = ak.mean(record[point][heavy])
        assert 0.75 < kept < 1
        assert ak.mean(record[point][light]) < kept - 0.1
    assert not ak.any(record["TightNN"][~record["scored"]])


@pytest.mark.parametrize("name", NAMES)
def test_the_cuts_of_tight_are_explained(reference_sample: Path, name: str) -> None:
    events = lepid.decorate(lepid.open(reference_sample), name, source="network")
    why = ak.flatten(lepid.explain(events, "muon_tightnn", "CutBasedTight"))
    told = set(why["failed"].to_list())
    assert {"", "rhoPrime", "qOverPSignificance"} <= told
    assert {entry for entry in told if entry.startswith("not scored")} == {
        "not scored: pt >= 4 GeV", "not scored: |eta| <= 2.5", "not scored: Medium or Tight",
    }  # fmt: skip
    record = ak.flatten(events["Muons"]["muon_tightnn"])
    assert (why["failed"] == "").to_list() == record["CutBasedTight"].to_list()
