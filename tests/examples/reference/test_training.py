"""Training of the reference networks: leptons, rejections, scores in the sample."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import onnxruntime
import pytest
import uproot
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score
from training import curves, leptons, stored
from training.curves import Measured, Scored

import lepid
from lepid.taggers import catalogue

NAMES = {"muon": "muon_plit@reference-run3", "electron": "electron_plit@reference-run3"}
COLLECTION = {"muon": "Muons", "electron": "Electrons"}


@pytest.fixture(scope="module", params=["muon", "electron"])
def flavour(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def gathered(flavour: str, reference_sample: Path) -> leptons.Leptons:
    return leptons.gather(lepid.open(reference_sample), NAMES[flavour])


def own_track(events: Any, flavour: str) -> Any:
    """Columns of the track of each lepton, through the links, lepton by lepton."""
    rows = []
    for event in range(len(events)):
        tracks = events.InDetTrackParticles[event]
        for lepton in events[COLLECTION[flavour]][event]:
            if flavour == "muon":
                row = lepton["inDetTrackParticleLink"]["m_persIndex"]
            else:
                gsf = events.GSFTrackParticles[event]
                best = lepton["trackParticleLinks"]["m_persIndex"][0]
                row = gsf[best]["originalTrackParticle"]["m_persIndex"]
            rows.append({n: float(tracks[int(row)][n]) for n in leptons.IMPACT})
    return rows


def test_the_preselection_is_that_of_the_talk(
    gathered: leptons.Leptons, flavour: str, reference_sample: Path
) -> None:
    events = ak.materialize(lepid.open(reference_sample))
    known = lepid.truth(events, COLLECTION[flavour], "iff")
    expected = []
    flat = ak.flatten(events[COLLECTION[flavour]])
    for lepton, track, iff in zip(flat, own_track(events, flavour), ak.flatten(known), strict=True):
        d0 = abs(track["btagIp_d0"] / track["btagIp_d0Uncertainty"])
        good = abs(track["btagIp_z0SinTheta"]) < 0.5 and lepton.pt > 10_000 and iff not in (0, 1)
        abseta = abs(lepton.eta)
        if flavour == "muon":
            good &= d0 < 3 and abseta < 2.5 and lepton.quality % 8 <= 1
        else:
            good &= d0 < 5 and (abseta < 1.37 or 1.52 < abseta < 2.5)
        if good:
            expected.append(float(lepton.pt) / 1000)
    assert len(expected) > 100
    np.testing.assert_allclose(gathered.columns["pt"], expected, rtol=1e-6)


def test_the_inputs_are_those_that_the_network_is_fed(
    gathered: leptons.Leptons, flavour: str, reference_sample: Path
) -> None:
    events = lepid.decorate(lepid.open(reference_sample), NAMES[flavour], source="network")
    lepton = ak.flatten(events[COLLECTION[flavour]])
    card = catalogue.load(*NAMES[flavour].split("@"))
    prompt = card.outputs[0]
    scores = ak.to_numpy(lepton[card.tagger][prompt.name])
    pt = ak.to_numpy(lepton.pt).astype(np.float64) / 1000
    loaded = [
        onnxruntime.InferenceSession(str(catalogue.locate(card, network)[0]))
        for network in card.networks
    ]
    for i in range(0, len(gathered.inputs), 5):
        row = int(np.argmin(np.abs(pt - gathered.columns["pt"][i])))
        low, high = gathered.offsets[i : i + 2]
        fed = {"jet_features": gathered.inputs[[i]], "track_features": gathered.tracks[low:high]}
        endcap = len(loaded) > 1 and abs(gathered.columns["eta"][i]) >= 1.37
        found = loaded[int(endcap)].run([prompt.node], fed)[0]
        assert found == pytest.approx(scores[row], abs=1e-6)


def test_leptons_survive_a_file_and_a_split(gathered: leptons.Leptons, tmp_path: Path) -> None:
    path = tmp_path / "some" / "leptons.npz"
    leptons.save(gathered, path)
    again = leptons.load(path)
    part = gathered.columns["split"] == 0
    both = leptons.joined([gathered.of(part), gathered.of(~part)])
    order = np.argsort(np.concatenate([np.flatnonzero(part), np.flatnonzero(~part)]))
    lengths = np.diff(both.offsets)[order]
    for name in ("inputs", "tracks", "offsets", "origin", "vertex", "jet"):
        np.testing.assert_array_equal(getattr(again, name), getattr(gathered, name))
    np.testing.assert_array_equal(both.inputs[order], gathered.inputs)
    np.testing.assert_array_equal(lengths, np.diff(gathered.offsets))
    first = np.concatenate([gathered.tracks[a:b] for a, b in zip(
        gathered.offsets[:-1][part], gathered.offsets[1:][part], strict=True)])  # fmt: skip
    np.testing.assert_array_equal(both.tracks[: len(first)], first)


def test_prompt_leptons_and_others_differ_where_they_have_to(gathered: leptons.Leptons) -> None:
    prompt = gathered.prompt
    assert 0.2 < prompt.mean() < 0.95
    relative = gathered.inputs[:, 3]
    assert np.median(relative[~prompt]) > np.median(relative[prompt])
    # A prompt lepton is most of the nearest track jet.
    assert np.median(gathered.jet[prompt, 0]) > 0.9
    assert set(np.unique(gathered.columns["split"])) == {0, 1, 2}


# --- rejections ---------------------------------------------------------------------------------


def drawn(n: int, seed: int, gap: float = 1.0) -> Scored:
    rng = np.random.default_rng(seed)
    prompt = rng.random(n) < 0.6
    weight = rng.uniform(0.5, 1.5, n)
    return Scored({"one": rng.normal(size=n) + gap * prompt}, prompt, weight)


@settings(max_examples=20)
@given(st.integers(0, 1000), st.sampled_from([0.5, 0.8, 0.95]))
def test_rejection_against_a_loop_over_all_cuts(seed: int, efficiency: float) -> None:
    scored = drawn(200, seed)
    score, weight, prompt = scored.scores["one"], scored.weight, scored.prompt
    for cut in np.sort(score)[::-1]:
        passed = score >= cut
        if weight[passed & prompt].sum() >= efficiency * weight[prompt].sum():
            break
    left = weight[passed & ~prompt].sum()
    expected = weight[~prompt].sum() / left if left else np.inf
    found = curves.curve(scored, "one", np.array([efficiency]))[0]
    assert found == pytest.approx(expected, rel=1e-9)


@settings(max_examples=20)
@given(st.integers(0, 1000))
def test_area_against_scikit_learn(seed: int) -> None:
    scored = drawn(300, seed)
    weight = scored.weight
    expected = roc_auc_score(scored.prompt, scored.scores["one"], sample_weight=weight)
    assert curves.area(scored, "one").value == pytest.approx(expected, abs=1e-12)


def test_the_error_is_the_spread_of_independent_samples() -> None:
    values = [curves.curve(drawn(2000, seed), "one", np.array([0.8]))[0] for seed in range(200)]
    found = curves.rejections(drawn(2000, 0), (0.8,))["one"][0]
    assert found.error == pytest.approx(np.std(values), rel=0.35)


def test_leptons_of_equal_scores_pass_together() -> None:
    rng = np.random.default_rng(4)
    some = drawn(2000, 4)
    rounded = np.round(some.scores["one"], 1)
    tied = Scored({"one": rounded}, some.prompt, some.weight)
    marks = np.array([0.6, 0.8, 0.95])
    order = rng.permutation(2000)
    dealt = Scored({"one": rounded[order]}, some.prompt[order], some.weight[order])
    for scored in (tied, dealt):
        found = [value.value for value in curves.rejections(scored, tuple(marks))["one"]]
        np.testing.assert_allclose(found, curves.curve(tied, "one", marks), rtol=1e-9)


def test_the_error_of_an_area_is_the_spread_of_independent_samples() -> None:
    values = [curves.area(drawn(500, seed), "one").value for seed in range(200)]
    assert curves.area(drawn(500, 0), "one").error == pytest.approx(np.std(values), rel=0.2)


def test_a_tagger_is_once_as_good_as_itself() -> None:
    scored = drawn(500, 1)
    scored.scores["two"] = scored.scores["one"]
    ratio = curves.ratios(scored, (0.8,), "one", "two")[0]
    assert ratio == Measured(1.0, 0.0)


@pytest.mark.parametrize(
    ("measured", "text"),
    [
        (Measured(123.4, 12.3), "123 ± 12"),
        (Measured(12.34, 0.51), "12.3 ± 0.5"),
        (Measured(5.678, 0.043), "5.68 ± 0.04"),
        (Measured(np.inf, np.nan), "none left"),
        (Measured(44.0, np.nan), "44 (few left)"),
        (Measured(np.nan, np.nan), "-"),
    ],
)
def test_numbers_have_the_digits_of_their_errors(measured: Measured, text: str) -> None:
    assert measured.text() == text


def test_without_leptons_of_a_kind_there_is_no_rejection() -> None:
    scored = drawn(50, 2)
    alone = scored.of(scored.prompt)
    assert np.isnan(curves.rejections(alone, (0.8,))["one"][0].value)
    assert np.isnan(curves.area(alone, "one").value)
    perfect = Scored({"one": scored.prompt.astype(float)}, scored.prompt, scored.weight)
    assert curves.rejections(perfect, (0.8,))["one"][0].text() == "none left"


# --- the sample with scores ---------------------------------------------------------------------


def test_a_sample_with_scores_is_the_same_otherwise(reference_sample: Path, tmp_path: Path) -> None:
    path = tmp_path / "scored.root"
    stored.add_scores(reference_sample, path, NAMES.values())
    with uproot.open(reference_sample) as old, uproot.open(path) as new:
        left, right = old[stored.TREE], new[stored.TREE]
        assert set(left.keys()) == set(right.keys())
        for name in left.keys():  # noqa: SIM118
            assert left[name].typename == right[name].typename
            if "_plit_" not in name:
                assert ak.array_equal(left[name].array(), right[name].array(), equal_nan=True)
