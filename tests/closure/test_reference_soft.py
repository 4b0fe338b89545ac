"""The shipped soft-lepton trees: XGBoost's own answers, events of the sample, real files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest

import lepid
from lepid.errors import MissingColumns
from lepid.taggers import catalogue, forest

pytestmark = pytest.mark.usefixtures("no_search_paths")

COLLECTION = {"muon": "Muons", "electron": "Electrons"}
FLAVOURS = pytest.mark.parametrize("flavour", COLLECTION)
ANSWERS = Path(__file__).resolve().parents[1] / "data" / "softbdt.npz"


def name(flavour: str) -> str:
    return f"{flavour}_softbdt@reference"


@FLAVOURS
def test_the_answers_of_xgboost(flavour: str) -> None:
    card = catalogue.load(*name(flavour).split("@"))
    path, digest = catalogue.locate(card, card.networks[0])
    with np.load(ANSWERS) as file:
        rows, expected = file[f"{flavour}/inputs"], file[f"{flavour}/scores"]
    assert len(np.unique(expected)) > 20
    np.testing.assert_allclose(forest.get(path, digest).evaluate(rows)[:, 0], expected, atol=1e-6)


@pytest.fixture(scope="module")
def decorated(reference_sample: Path) -> Any:
    return lepid.decorate(lepid.open(reference_sample), [name(flavour) for flavour in COLLECTION])


@FLAVOURS
def test_leptons_of_the_sample(flavour: str, decorated: Any) -> None:
    leptons = decorated[COLLECTION[flavour]]
    record = leptons[f"{flavour}_softbdt"]
    near = lepid.associate(decorated, COLLECTION[flavour])
    assert 50 < ak.sum(record.scored) < ak.sum(near.index >= 0)
    assert ak.all(near.dr[record.scored] < 0.4)
    assert ak.all(near.ptrel[record.scored] <= 5000)
    score = record.p_HF[record.scored]
    assert ak.all((score > 0) & (score < 1))
    assert ak.all(np.isnan(record.p_HF[~record.scored]))
    for tighter, looser in (("HF70", "HF80"), ("HF80", "HF90")):
        assert ak.all(record[looser] | ~record[tighter])
        assert ak.sum(record[tighter]) < ak.sum(record[looser])
    truth = lepid.truth(decorated, COLLECTION[flavour], "iff")[record.scored]
    heavy, light = (
        ak.flatten(score[chosen]) for chosen in ((truth == 8) | (truth == 9), truth == 10)
    )
    assert np.median(heavy) > 0.7
    assert np.median(light) < 0.2


def test_one_muon_at_a_time_has_the_same_score(decorated: Any) -> None:
    events = decorated[ak.num(decorated.Muons) > 1][:6]
    whole = events.Muons.muon_softbdt.p_HF
    for place in range(len(events)):
        alone = lepid.decorate(events[place : place + 1], name("muon"))
        assert ak.array_equal(
            alone.Muons.muon_softbdt.p_HF, whole[place : place + 1], equal_nan=True
        )


@pytest.mark.real
def test_muons_of_a_real_file(real_data: Path) -> None:
    path = real_data / "root" / "skhep_uproot-physlite-rntuple_v1-0-0-0.root"
    record = ak.flatten(lepid.decorate(lepid.open(path), name("muon")).Muons.muon_softbdt)
    assert ak.sum(record.scored) >= 20
    score = record.p_HF[record.scored]
    assert ak.all((score > 0) & (score < 1))


@pytest.mark.real
def test_muons_of_an_old_file_lack_columns(real_data: Path) -> None:
    events = lepid.open(real_data / "root" / "skhep_uproot-issue-123a.root")
    with pytest.raises(MissingColumns, match=r"Muons\.segmentDeltaEta.*CovMatrixDiag"):
        lepid.decorate(events, name("muon"))


@pytest.mark.real
def test_electrons_of_a_physlite_lack_their_shower_shapes(real_data: Path) -> None:
    events = lepid.open(real_data / "root" / "skhep_uproot-physlite-rntuple_v1-0-0-0.root")
    with pytest.raises(MissingColumns) as caught:
        lepid.decorate(events, name("electron"))
    text = str(caught.value)
    assert all(column in text for column in ("Rhad1", "weta2", "eProbabilityHT", "ptvarcone30"))
