"""Muons of the TightNN training: who they are, how much they weigh, cuts and working points."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest
from training.tightnn import cuts, inputs, points, weights
from training.tightnn.inputs import Muons

import lepid
from lepid.taggers import catalogue
from lepid.working_points import table

NAME = "muon_tightnn@reference-run3"


@pytest.fixture(scope="module")
def gathered(reference_sample: Path) -> Muons:
    return inputs.of_events(lepid.open(reference_sample))


def delta_r(a: Any, b: Any) -> float:
    turn = math.remainder(float(a["phi"]) - float(b["phi"]), 2 * math.pi)
    return math.hypot(float(a["eta"]) - float(b["eta"]), turn)


def test_muons_are_those_of_hadrons_in_jets(gathered: Muons, reference_sample: Path) -> None:
    events = lepid.open(reference_sample)
    truth = lepid.truth(events, "Muons", "iff")
    wanted = ["pt", "eta", "phi", "quality", "muonType"]
    rows = []
    for muons, jets, classes in zip(
        events["Muons"][wanted].to_list(),
        events["AntiKt4EMPFlowJets"][["pt", "eta", "phi"]].to_list(),
        truth.to_list(),
        strict=True,
    ):
        good = [jet for jet in jets if jet["pt"] > 25_000 and abs(jet["eta"]) < 2.5]
        for muon, iff in zip(muons, classes, strict=True):
            near = min((delta_r(muon, jet) for jet in good), default=math.inf)
            kept = near < 0.4 and iff in (8, 9, 10) and muon["pt"] >= 4000
            kept = kept and abs(muon["eta"]) <= 2.5 and muon["quality"] & 7 <= 1
            if kept and muon["muonType"] == 0:
                rows.append((muon["pt"] / 1000, iff, near))
    assert len(gathered.inputs) == len(rows) > 30
    for i, (pt, iff, near) in enumerate(rows):
        assert gathered.columns["pt"][i] == pytest.approx(pt, rel=1e-6)
        assert gathered.columns["iff"][i] == iff
        assert gathered.columns["dr"][i] == pytest.approx(near, abs=1e-5)
    assert gathered.signal.tolist() == [iff != 10 for _, iff, _ in rows]
    assert 0 < gathered.signal.sum() < len(rows)


def test_inputs_are_those_of_the_card_and_those_of_run_2_come_first(gathered: Muons) -> None:
    (run2,) = catalogue.load("muon_tightnn", "reference-run2").networks
    assert gathered.inputs.shape[1] == len(inputs.names()) == 24
    assert [e.feature for e in run2.nodes[0].inputs] == inputs.names()[: inputs.N_RUN2]
    assert not run2.nodes[0].switches
    assert np.isfinite(gathered.inputs).all()
    rho = gathered.inputs[:, inputs.names().index("rhoPrime")]
    assert (rho > 0).all()


def test_muons_survive_a_file(gathered: Muons, reference_sample: Path, tmp_path: Path) -> None:
    source = tmp_path / "sample" / "ttbar_allhad" / "000.root"
    source.parent.mkdir(parents=True)
    source.symlink_to(reference_sample)
    inputs.gather(source, tmp_path / "gathered" / "ttbar_allhad" / "000.npz")
    again = inputs.load(tmp_path / "gathered")
    np.testing.assert_array_equal(again.inputs, gathered.inputs)
    assert set(again.columns["process"]) == {inputs.PROCESSES.index("ttbar_allhad")}
    both = inputs.joined([again.of(again.signal), again.of(~again.signal)])
    assert sorted(both.columns["pt"]) == sorted(gathered.columns["pt"])


# --- drawn muons --------------------------------------------------------------------------------


def drawn(n: int = 40_000, seed: int = 3) -> tuple[Muons, Any]:
    """Muons whose signal is harder and agrees better, and weights."""
    rng = np.random.default_rng(seed)
    signal = rng.random(n) < 0.6
    pt = 4 * np.exp(rng.exponential(np.where(signal, 0.9, 0.5)))
    given = np.zeros((n, 24), np.float32)
    order = inputs.names()
    given[:, order.index("rhoPrime")] = rng.exponential(np.where(signal, 0.04, 0.12))
    given[:, order.index("qOverPSignificance")] = rng.exponential(np.where(signal, 0.8, 1.6))
    given[:, order.index("reducedChi2")] = rng.gamma(5, np.where(signal, 0.2, 0.3))
    columns = {
        "pt": pt,
        "eta": rng.uniform(-2.5, 2.5, n),
        "iff": np.where(signal, rng.choice([8, 9], n), 10),
        "weight": np.where(signal, 1.0, rng.exponential(0.2, n)),
        "pileup": rng.normal(46, 12, n),
    }
    return Muons(given, columns), columns["weight"]


def test_pile_up_of_run_2_is_lower() -> None:
    muons, weight = drawn()
    np.testing.assert_array_equal(weights.physical(muons, run2=False), weight)
    shifted = weights.physical(muons, run2=True)
    for value, expected in ((weight, 46), (shifted, 34)):
        assert np.average(muons.columns["pileup"], weights=value) == pytest.approx(expected, abs=1)


def shares(muons: Muons, weight: Any, mine: Any) -> Any:
    """Part of a class in each bin of pt, straight from the definition."""
    edges, pt = weights.PT_EDGES, muons.columns["pt"]
    found = [weight[mine & (pt >= low) & (pt < high)].sum() for low, high in pairwise(edges)]
    return np.array(found) / weight[mine].sum()


@pytest.mark.parametrize("name", weights.REWEIGHTINGS)
def test_reweightings(name: str) -> None:
    muons, weight = drawn()
    found = weights.training(muons, weight, name)
    signal = muons.signal
    assert found[signal].sum() == pytest.approx(found[~signal].sum())
    assert found.sum() == pytest.approx(len(found))
    before = [shares(muons, weight, mine) for mine in (signal, ~signal)]
    after = [shares(muons, found, mine) for mine in (signal, ~signal)]
    flat = np.full(len(before[0]), 1 / len(before[0]))
    goal = {"none": before, "flat": [flat, flat], "signal": [before[1]] * 2,
            "background": [before[0]] * 2}[name]  # fmt: skip
    # No muon counts more than some others: hard background is too rare to become as hard.
    for one, other in zip(after, goal, strict=True):
        np.testing.assert_allclose(one, other, atol=0.035)
    assert np.abs(after[0] - before[0]).max() > 0.05 or name in ("none", "background")


def test_what_a_reweighting_does_to_one_muon_has_a_limit() -> None:
    muons, weight = drawn(3000)
    hard = muons.columns["pt"] > weights.PT_EDGES[-2]
    weight[hard & ~muons.signal] *= 1e-6
    found = weights.training(muons, weight, "background")
    mine = ~muons.signal
    factor = (found / weight)[mine]
    assert factor.max() / np.average(factor, weights=weight[mine]) < 1.2 * weights.MOST
    assert (hard & mine).any()


# --- cuts ---------------------------------------------------------------------------------------


def slow_passes(maps: cuts.Maps, rho: float, q: float, chi2: float, pt: float, eta: float) -> bool:
    i = max(k for k, edge in enumerate(cuts.PT_EDGES) if pt >= edge)
    j = max(k for k, edge in enumerate(cuts.ABSETA_EDGES[:-1]) if abs(eta) >= edge)
    return bool(rho <= maps.rho_prime[i, j] and q <= maps.significance[i, j] and chi2 < 8)


def test_the_maps_keep_what_they_are_for() -> None:
    muons, weight = drawn(120_000)
    maps = cuts.fit(muons, weight)
    passed = cuts.passes(maps, muons)
    rows = zip(*cuts.quantities(muons), muons.columns["pt"], muons.columns["eta"], strict=True)
    some = [slow_passes(maps, *row) for row, _ in zip(rows, range(2000), strict=False)]
    assert passed[:2000].tolist() == some
    signal, pt = muons.signal, muons.columns["pt"]
    for low, high, kept in ((4, 5, 0.90), (8, 10, 0.90), (20, 30, 0.96), (50, 100, 0.96)):
        inside = signal & (pt >= low) & (pt < high)
        assert np.average(passed[inside], weights=weight[inside]) == pytest.approx(kept, abs=0.003)
    # Two cuts leave less than the better one of them alone at the same efficiency.
    soft = pt < 5
    rho, _, _ = cuts.quantities(muons)
    alone = rho <= np.quantile(rho[soft & signal], 0.90)
    left = soft & ~signal
    assert weight[left & passed].sum() < 0.95 * weight[left & alone].sum()


def test_maps_end_where_athenas_do() -> None:
    muons, weight = drawn()
    maps = cuts.fit(muons, weight)
    low = np.array(cuts.PT_EDGES[:-1])
    assert (maps.significance[low >= 20] == cuts.NO_CUT).all()
    assert (maps.significance[low < 20] < 10).all()
    assert (maps.rho_prime[low >= 500] == cuts.NO_CUT).all()
    assert (maps.rho_prime[low < 500] < 1).all()


# --- working points -----------------------------------------------------------------------------


def test_points_keep_as_much_as_the_cuts() -> None:
    muons, weight = drawn(60_000)
    maps = cuts.fit(muons, weight)
    tight = cuts.passes(maps, muons)
    rng = np.random.default_rng(9)
    score = np.clip(rng.normal(np.where(muons.signal, 0.7, 0.4), 0.15), 0, 1)
    found = points.find(muons, weight, score, tight)
    passed = found.passes(muons, score)
    signal = muons.signal
    pt, abseta = muons.columns["pt"], np.abs(muons.columns["eta"])
    for low, high in pairwise(points.BINS.pt_edges):
        for near, far in pairwise(points.BINS.abseta_edges):
            cell = signal & (pt >= low) & (pt < high) & (abseta >= near) & (abseta < far)
            if cell.sum() >= 600:
                kept, wanted = (np.average(p[cell], weights=weight[cell])
                                for p in (passed["TightNN"], tight))  # fmt: skip
                assert kept == pytest.approx(wanted, abs=2 / cell.sum())
    kept, wanted = (np.average(p[signal], weights=weight[signal])
                    for p in (passed["TightNNFlat"], tight))  # fmt: skip
    assert kept == pytest.approx(wanted, abs=1e-3)
    assert np.ptp(found.binned.points[0].cuts) > 0.05


def test_the_table_decides_as_the_cuts_were_meant(tmp_path: Path) -> None:
    muons, weight = drawn(30_000)
    maps = cuts.fit(muons, weight)
    tight = cuts.passes(maps, muons)
    score = np.random.default_rng(2).random(len(weight))
    found = points.find(muons, weight, score, tight)
    card = catalogue.folder(catalogue.load(*NAME.split("@"))) / "card.toml"
    points.write(card, found, maps, tmp_path / "points.json")
    made = table.read(tmp_path / "points.json")
    rho, significance, chi2 = cuts.quantities(muons)
    values = {"score": score, "rhoPrime": rho, "qOverPSignificance": significance,
              "reducedChi2": chi2}  # fmt: skip
    axes = {"pt": muons.columns["pt"], "abseta": np.abs(muons.columns["eta"])}
    decided = made.decide(values, axes)
    for name, expected in found.passes(muons, score).items():
        np.testing.assert_array_equal(decided[name], expected)
    np.testing.assert_array_equal(decided["CutBasedTight"], tight)
    assert 0 < ak.sum(tight) < len(tight)
