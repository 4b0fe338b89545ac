"""The PLIV reference networks beside torch, XGBoost's own file, and themselves in other formats."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import onnxruntime
import pytest

import lepid
from lepid.convert import lwtnn, xgboost_json
from lepid.taggers import catalogue, forest
from lepid.taggers.graph import layered

pytestmark = pytest.mark.usefixtures("no_search_paths")

FLAVOURS = pytest.mark.parametrize("flavour", ["muon", "electron"])
COLLECTION = {"muon": "Muons", "electron": "Electrons"}
POINTS = ("PLITPrompt80", "PLITPrompt90", "PLITPrompt95")


@pytest.fixture(scope="module")
def answers() -> dict[str, Any]:
    """What torch and lepid answered in the training."""
    with np.load(Path(__file__).parents[1] / "data" / "pliv.npz") as file:
        return {name: file[name] for name in file.files}


def of(answers: dict[str, Any], flavour: str) -> dict[str, Any]:
    prefix = f"{flavour}_pliv@reference/"
    return {k.removeprefix(prefix): v for k, v in answers.items() if k.startswith(prefix)}


@FLAVOURS
def test_the_rnn_answers_as_torch_does(answers: dict[str, Any], flavour: str) -> None:
    card, given = catalogue.load(f"{flavour}_pliv", "reference"), of(answers, flavour)
    path, _ = catalogue.locate(card, card.networks[0])
    session = onnxruntime.InferenceSession(path)
    again = layered.build(lwtnn.read(path.with_suffix(".json")))
    assert again == path.read_bytes()
    assert set(given["lengths"]) == set(range(6)) or set(given["lengths"]) == set(range(1, 6))
    for length in range(1, 6):
        mine = given["lengths"] == length
        (found,) = session.run(["prompt"], {"Trk_inputs": given["tracks"][mine][:, :length]})
        np.testing.assert_allclose(found.ravel(), given["rnn"][mine, 0], atol=1e-5)
    assert np.ptp(given["rnn"][:, 0]) > 0.5


@FLAVOURS
def test_the_trees_in_each_format(answers: dict[str, Any], flavour: str) -> None:
    card, given = catalogue.load(f"{flavour}_pliv", "reference"), of(answers, flavour)
    for part in card.parts:
        path, digest = catalogue.locate(card, part)
        trees = forest.get(path, digest)
        names = tuple(entry.feature for entry in part.nodes[0].inputs)
        assert trees.inputs == names
        low, high = part.abseta or (0.0, np.inf)
        inside = (np.abs(given["eta"]) >= low) & (np.abs(given["eta"]) < high)
        score = trees.evaluate(given["inputs"])[:, 0]
        np.testing.assert_allclose(score[inside], given["score"][inside], atol=1e-6)
        chance = xgboost_json.read(path.with_suffix(".json")).evaluate(given["inputs"])[:, 0]
        np.testing.assert_allclose(2 * chance - 1, score, atol=1e-6)
        session = onnxruntime.InferenceSession(path.with_suffix(".onnx"))
        (found,) = session.run(["scores"], {"inputs": given["inputs"]})
        np.testing.assert_allclose(found[:, 0], score, atol=1e-6)


@FLAVOURS
def test_prompt_leptons_of_the_committed_sample_are_more_negative(
    reference_sample: Path, flavour: str
) -> None:
    events = lepid.open(reference_sample)
    name = f"{flavour}_pliv"
    events = lepid.decorate(events, f"{name}@reference", source="network")
    leptons = events[COLLECTION[flavour]]
    record = ak.flatten(leptons[name])
    assert ak.all(record["scored"])
    score, kind = ak.to_numpy(record["score"]), ak.to_numpy(ak.flatten(leptons["truthType"]))
    pt = ak.to_numpy(ak.flatten(leptons["pt"]))
    prompt = kind == (6 if flavour == "muon" else 2)
    hard = pt > 10_000
    assert np.median(score[prompt & hard]) < -0.8
    assert np.median(score[~prompt & hard]) > 0.0
    passed = [ak.to_numpy(record[point])[hard] for point in POINTS]
    shares = [float(p[prompt[hard]].mean()) for p in passed]
    assert shares == sorted(shares)
    assert all((tight <= loose).all() for tight, loose in pairwise(passed))
    assert shares[-1] > 0.8
    others = [float(p[~prompt[hard]].mean()) for p in passed]
    assert all(other < share for other, share in zip(others, shares, strict=True))
    # The training did not see softer leptons.
    assert ak.to_numpy(record["in_training"])[pt < 10_000].sum() == 0
