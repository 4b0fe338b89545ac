"""derive(): decorated events into working points, against the flat columns of the same leptons."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest

import lepid
from lepid import errors
from lepid.analysis.derivation import evaluated

N_EVENT = 6000
EDGES: dict[str, Any] = {"pt_edges": (0.0, 20.0, 40.0, np.inf), "abseta_edges": (0.0, 1.2, 2.5)}


def make(seed: int = 3, **changes: Any) -> Any:
    """Muons in MeV with PLIT scores, isolation and truth; a change is a column [n_lepton]."""
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, 4, N_EVENT)
    n = int(counts.sum())
    heavy = rng.random(n) < 0.4
    prompt = 1 / (1 + np.exp(-rng.normal(np.where(heavy, -1, 3), 1.5)))
    columns = {
        "pt": (4e3 + rng.exponential(3e4, n)).astype("float32"),
        "eta": rng.uniform(-2.4, 2.4, n).astype("float32"),
        "truthType": np.where(heavy, 7, 6),
        "truthOrigin": np.where(heavy, 26, 12),
        "PLIT_TPLTmu_pmuxpromp": prompt,
        "PLIT_TPLTmu_pnpxall": 1 - prompt,
        "w": rng.choice([1.0, 1.0, 1.0, -0.5], n),
    }
    columns |= {name: change(columns) for name, change in changes.items()}
    muons = ak.unflatten(ak.zip(columns), counts)
    return ak.zip({"Muons": muons, "genWeight": rng.uniform(0.5, 2, N_EVENT)}, depth_limit=1)


@pytest.fixture(scope="module")
def decorated() -> Any:
    return lepid.decorate(make(), "muon_plit")


def flat(events: Any, name: str) -> Any:
    muons = events["Muons"]
    column = muons["muon_plit"][name] if name in muons["muon_plit"].fields else muons[name]
    return ak.to_numpy(ak.flatten(column))


def prompt_bins(events: Any) -> Any:
    """Value and weight of the prompt muons of each bin, muon by muon."""
    classes = ak.to_numpy(ak.flatten(lepid.truth(events, "Muons")))
    pt, abseta = flat(events, "pt") / 1e3, np.abs(flat(events, "eta"))
    for i, low in enumerate(EDGES["pt_edges"][:-1]):
        for j, left in enumerate(EDGES["abseta_edges"][:-1]):
            here = (classes == 4) & (pt >= low) & (pt < EDGES["pt_edges"][i + 1])
            here &= (abseta >= left) & (abseta < EDGES["abseta_edges"][j + 1])
            yield (i, j), here


@pytest.mark.parametrize("weight", [None, "Muons.w", "genWeight"])
def test_cuts_keep_the_efficiency_in_every_bin(decorated: Any, weight: str | None) -> None:
    made = lepid.derive(
        decorated, "muon_plit", signal="PromptMuon", efficiency={"Tight": 0.9}, weight=weight,
        **EDGES,
    )  # fmt: skip
    (point,) = made.derived.points
    weights = np.ones(len(flat(decorated, "pt")))
    if weight == "Muons.w":
        weights = flat(decorated, "w")
    elif weight:
        counts = ak.num(decorated["Muons"])
        weights = np.repeat(ak.to_numpy(decorated[weight]), ak.to_numpy(counts))
    score = flat(decorated, "discriminant")
    for place, here in prompt_bins(decorated):
        passed = here & (score > point.cuts[0][place])
        share = weights[passed].sum() / weights[here].sum()
        assert share == pytest.approx(0.9, abs=2 / here.sum())
        assert share == pytest.approx(point.reached[place], abs=1e-9)


def test_chunks_and_order_change_nothing(decorated: Any) -> None:
    options: dict[str, Any] = {"signal": "PromptMuon", "efficiency": {"T": 0.8}, **EDGES}
    whole = lepid.derive(decorated, "muon_plit", **options)
    chunks = [decorated[4000:], decorated[:1000], decorated[1000:1000], decorated[1000:4000]]
    parts = lepid.derive(iter(chunks), "muon_plit", **options)
    for one, other in zip(whole.derived.points, parts.derived.points, strict=True):
        np.testing.assert_array_equal(one.cuts, other.cuts)
        np.testing.assert_array_equal(one.spreads, other.spreads)


def test_the_points_belong_to_the_scores(decorated: Any, tmp_path: Path) -> None:
    made = lepid.derive(
        decorated, "muon_plit", signal="PromptMuon", efficiency={"T": 0.8}, **EDGES
    )  # fmt: skip
    lepid.write_working_points(made, tmp_path / "points.json")
    assert made.bound_to.columns == ("PLIT_TPLTmu_pmuxpromp", "PLIT_TPLTmu_pnpxall")
    assert made.bound_to.sha256 == ()


def test_targets_of_every_kind(decorated: Any) -> None:
    made = lepid.derive(
        decorated,
        "muon_plit",
        signal="PromptMuon",
        efficiency={"Flat": 0.9, "Text": "0.9", "Rising": "0.95 - 0.3 * exp(-pt / 20)"},
        like={"AsVeryLoose": "R3PLITVeryLoose", "AsTight": "muon_plit.R3PLITasPLIVefficiencyTight"},
        rejection={"Reject": ("BHadronDecay", 5)},
        quantity="pmuxpromp",
        **EDGES,
    )
    flat_, text, rising, loose, tight, reject = made.derived.points
    np.testing.assert_array_equal(flat_.cuts, text.cuts)
    classes = ak.to_numpy(ak.flatten(lepid.truth(decorated, "Muons")))
    pt, score = flat(decorated, "pt").astype(float) / 1e3, flat(decorated, "pmuxpromp")
    for place, here in prompt_bins(decorated):
        goal = np.mean(0.95 - 0.3 * np.exp(-pt[here].astype(float) / 20))
        assert rising.target[place] == pytest.approx(goal, abs=1e-9)
        for point, other in (
            (loose, "R3PLITVeryLoose"), (tight, "R3PLITasPLIVefficiencyTight"),
        ):  # fmt: skip
            assert point.target[place] == pytest.approx(flat(decorated, other)[here].mean())
            passed = (score > point.cuts[0][place])[here].mean()
            assert passed == pytest.approx(point.target[place], abs=2 / here.sum())
    heavy = classes == 8
    assert reject.population == "BHadronDecay"
    assert heavy.any()
    assert 1 / reject.reached == pytest.approx(5, rel=0.05)


def test_muons_without_a_score_take_no_part() -> None:
    lost = make(PLIT_TPLTmu_pmuxpromp=lambda c: np.where(
        np.arange(len(c["pt"])) % 3 == 0, np.nan, c["PLIT_TPLTmu_pmuxpromp"]
    ))  # fmt: skip
    options: dict[str, Any] = {"signal": "PromptMuon", "efficiency": {"T": 0.8}, **EDGES}
    made = lepid.derive(lepid.decorate(lost, "muon_plit"), "muon_plit", **options)
    whole = lepid.derive(lepid.decorate(make(), "muon_plit"), "muon_plit", **options)
    assert made.derived.leptons["PromptMuon"] < 0.7 * whole.derived.leptons["PromptMuon"]


def test_formulas_in_the_language_of_tformula() -> None:
    pt, abseta = np.array([10.0, 40.0, np.nan]), np.array([0.5, 2.0, 1.0])
    values = evaluated("T", "0.5 + 0.1 * log10(pt) - 0.01*abseta", pt, abseta)
    np.testing.assert_allclose(values[:2], 0.5 + 0.1 * np.log10(pt[:2]) - 0.01 * abseta[:2])
    assert np.isnan(values[2])


WRONG: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "class": ({"signal": "PromptMoun"}, errors.UnknownName, "near: PromptMuon"),
    "quantity": ({"quantity": "discriminat"}, errors.UnknownName, "near: discriminant"),
    "point": (
        {"like": {"L": "R3PLITVeryLose"}}, errors.UnknownWorkingPoint, "near: R3PLITVeryLoose",
    ),
    "tagger": (
        {"like": {"L": "muon_isolation.Tight"}}, errors.BadInput, "not decorated with it",
    ),
    "formula": ({"efficiency": {"T": "0.9 +* pt"}}, errors.BadTable, "formula '0.9 [+][*] pt'"),
    "target": ({"efficiency": {"T": 1.5}}, errors.BadInput, "target is 1.5"),
    "formula above 1": ({"efficiency": {"T": "pt"}}, errors.BadInput, "not between 0 and 1"),
    "rejection": (
        {"rejection": {"R": ("BHadronDecay", 0.5)}}, errors.BadInput, "rejection is 0.5",
    ),
    "edges": ({"pt_edges": (10, 0)}, errors.BadInput, "pt edges"),
    "empty bin": ({"pt_edges": (0, 1, 20)}, errors.BadInput, "no leptons of PromptMuon in 2 of 4"),
    "no class there": ({"signal": "ElectronFromMuon"}, errors.BadInput, "there are no leptons"),
    "weight": ({"weight": "Muons.v"}, errors.BadInput, "no column 'Muons.v'"),
    "no points": ({"efficiency": {}}, errors.BadInput, "needs a name"),
    "scheme": ({"scheme": "if"}, errors.UnknownName, "no truth scheme 'if'"),
    "axis": ({"axes": ("et", "abseta_nowhere")}, errors.MissingColumns, "abseta_nowhere"),
}  # fmt: skip


@pytest.mark.parametrize("kind", WRONG)
def test_what_is_refused(decorated: Any, kind: str) -> None:
    change, error, fact = WRONG[kind]
    options: dict[str, Any] = {"signal": "PromptMuon", "efficiency": {"T": 0.8}, **EDGES}
    with pytest.raises(error, match=fact):
        lepid.derive(decorated, "muon_plit", **(options | change))


def test_events_that_are_not_decorated() -> None:
    with pytest.raises(errors.BadInput, match="not decorated"):
        lepid.derive(make(), "muon_plit", signal="PromptMuon", efficiency={"T": 0.8})
    with pytest.raises(errors.BadInput, match="there are no events"):
        lepid.derive([], "muon_plit", signal="PromptMuon", efficiency={"T": 0.8})


def test_chunks_of_different_networks() -> None:
    card = "muon_plit@atlas-2025-04-25-run3"
    one = lepid.decorate(make(), "muon_plit")
    other = lepid.decorate(make(), "muon_plit")
    notes = dict(other.attrs["lepid"])
    notes["muon_plit"] = {**notes["muon_plit"], "card": card}
    other.attrs["lepid"] = notes
    with pytest.raises(errors.BadInput, match="different networks"):
        lepid.derive([one, other], "muon_plit", signal="PromptMuon", efficiency={"T": 0.8}, **EDGES)


def test_several_quantities_need_a_name() -> None:
    n = 100
    events = ak.zip(
        {"Muons": ak.unflatten(ak.zip({
            "pt": np.full(n, 3e4), "eta": np.zeros(n), "truthType": np.full(n, 6),
            "truthOrigin": np.full(n, 12), "ptvarcone30": np.zeros(n),
            "topoetcone20": np.zeros(n), "neflowisol20": np.zeros(n),
            "ptvarcone30_Nonprompt_All_MaxWeightTTVA_pt500": np.zeros(n),
            "ptvarcone30_Nonprompt_All_MaxWeightTTVA_pt1000": np.zeros(n),
            "ptcone20_Nonprompt_All_MaxWeightTTVA_pt500": np.zeros(n),
            "ptcone20_Nonprompt_All_MaxWeightTTVA_pt1000": np.zeros(n),
        }), np.full(50, 2))},
        depth_limit=1,
    )  # fmt: skip
    done = lepid.decorate(events)
    if "card" not in done.attrs["lepid"].get("muon_isolation", {}):
        pytest.fail(str(done.attrs["lepid"]["muon_isolation"]))
    with pytest.raises(errors.BadInput, match="several quantities"):
        lepid.derive(done, "muon_isolation", signal="PromptMuon", efficiency={"T": 0.8})


def test_derived_points_are_decided_on_other_events(decorated: Any, tmp_path: Path) -> None:
    path = tmp_path / "points.json"
    made = lepid.derive(
        decorated, "muon_plit", signal="PromptMuon", efficiency={"Tight": 0.9}, **EDGES
    )
    lepid.write_working_points(made, path)
    other = lepid.decorate(make(seed=4), "muon_plit")
    found = lepid.decide(other, "muon_plit", table=path)
    prompt = lepid.truth(other, "Muons") == 4
    assert ak.mean(found["Tight"][prompt]) == pytest.approx(0.9, abs=0.01)
    assert set(other["Muons", "muon_plit"].fields) < set(found.fields)
    assert ak.all(found["R3PLITVeryLoose"] == other["Muons", "muon_plit", "R3PLITVeryLoose"])


def test_points_of_other_scores_are_not_decided(decorated: Any, tmp_path: Path) -> None:
    path = tmp_path / "points.json"
    made = lepid.derive(
        decorated, "muon_plit", signal="PromptMuon", efficiency={"Tight": 0.9}, **EDGES
    )
    bound = made.bound_to.model_copy(update={"columns": ("another_network_pmuxpromp",)})
    lepid.write_working_points(replace(made, bound_to=bound), path)
    with pytest.raises(errors.UnboundTable, match="another_network_pmuxpromp"):
        lepid.decide(decorated, "muon_plit", table=path)
    points = {"R3PLITVeryLoose": 0.9}
    same = lepid.derive(decorated, "muon_plit", signal="PromptMuon", efficiency=points, **EDGES)
    lepid.write_working_points(same, path)
    with pytest.raises(errors.BadTable, match="has the name of a field"):
        lepid.decide(decorated, "muon_plit", table=path)
