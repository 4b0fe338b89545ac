"""Pairs to scale factors to weights: toys whose data lose passing probes at a known rate."""

from __future__ import annotations

import runpy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import awkward as ak
import numpy as np
import pytest
from scipy.stats import chi2

import lepid
from lepid.efficiency.tag_and_probe import pair_table
from lepid.efficiency.tag_and_probe.bins import Method
from lepid.efficiency.tag_and_probe.pair_table import PairTable

PAIR_TOYS = Path(__file__).parents[1] / "efficiency" / "tag_and_probe" / "pair_toys.py"
# What data keep of the probes that pass, [n_pt, n_abseta].
KEPT = np.array([[0.90, 0.95, 0.97], [0.85, 0.92, 0.98], [0.95, 0.88, 0.93]])
TOYS = 60


@pytest.fixture(scope="module")
def toys() -> SimpleNamespace:
    return SimpleNamespace(**runpy.run_path(str(PAIR_TOYS)))


def draw(toys: SimpleNamespace, rng: np.random.Generator, n: int, of_data: bool) -> Any:
    """Leptons of the resonance, whether each passes, and whether it is a tag."""
    leptons, passed, tag = toys.draw(rng, n, 0)
    if of_data:
        passed &= rng.random(len(passed)) < KEPT[toys.bins(leptons)]
    return leptons, passed, tag


def pairs(toys: SimpleNamespace, drawn: Any) -> PairTable:
    leptons, passed, tag = drawn
    every = np.ones(len(passed), bool)
    return pair_table.count(
        toys.empty(), leptons, tags={"nominal": tag}, probe=every,
        decisions={"Tight": passed}, mass=0.0,
    )  # fmt: skip


def weighted(drawn: Any, inside: Any, path: Path) -> Any:
    """Weights of the leptons of simulation, records of variations."""
    leptons, passed, _ = drawn
    columns = {"pt": leptons.pt, "eta": leptons.eta, "pass": passed, "inside": inside}
    electrons = ak.unflatten(ak.zip(columns), np.full(len(passed) // 2, 2))
    events = ak.zip({"Electrons": electrons}, depth_limit=1)
    found = lepid.weights(
        events, path, "Tight", passed="pass", collection="Electrons", schema="plain",
        where=electrons["inside"], per="lepton",
    )  # fmt: skip
    return ak.flatten(found)


def test_the_nominal_and_the_yield_have_pulls_of_one(toys: SimpleNamespace, tmp_path: Path) -> None:
    """Counted pairs without background: what is left is statistics."""
    rng = np.random.default_rng(21)
    bin_pulls, yield_pulls, sums = [], [], []
    for _ in range(TOYS):
        simulation = draw(toys, rng, 12_000, of_data=False)
        # Range of masses that holds all pairs: nothing is lost beside it.
        whole = Method("count", peak=(50.0, 130.0))
        measured = [
            lepid.probe_efficiency(pairs(toys, drawn), "Tight", method=whole)
            for drawn in (draw(toys, rng, 6_000, of_data=True), simulation)
        ]
        factors = lepid.scale_factors(*measured)
        point = factors.points["Tight"].values
        up, down = (np.abs(point[f"stat{end}"] - point["nominal"]) for end in ("up", "down"))
        side = np.where(point["nominal"] < KEPT, up, down)
        bin_pulls.append((point["nominal"] - KEPT) / side)
        lepid.write_scale_factors(factors, tmp_path / "sf.json")
        leptons, passed, _ = other = draw(toys, rng, 12_000, of_data=False)
        i, j = toys.bins(leptons)
        inside = (leptons.pt >= 20) & (leptons.pt < 150) & (np.abs(leptons.eta) < 2.4)
        weights = weighted(other, inside, tmp_path / "sf.json")
        found, keep = ak.to_numpy(weights["nominal"]), inside & passed
        numbers = np.zeros(KEPT.shape)
        np.add.at(numbers, (i[keep], j[keep]), 1.0)
        # The numbers of passing leptons are given: the scale factors alone vary.
        sigma = np.sqrt(((numbers * 0.5 * (up + down)) ** 2).sum())
        yield_pulls.append((found[keep].sum() - (numbers * KEPT).sum()) / sigma)
        sums.append(found[inside].mean())
    pulls = np.array(bin_pulls)
    assert np.abs(pulls).max() < 5.0
    assert np.abs(pulls.mean(axis=0)).max() < 4.0 / np.sqrt(TOYS)
    # Clopper-Pearson is a little too wide, never too narrow.
    assert 0.85 < pulls.std() < 1.1
    assert abs(np.mean(yield_pulls)) < 3.5 / np.sqrt(TOYS)
    assert chi2.sf((np.array(yield_pulls) ** 2).sum(), TOYS) > 0.001
    assert np.std(yield_pulls) > 0.65
    # Weights move leptons from passing to failing, and make none.
    assert np.mean(sums) == pytest.approx(1.0, abs=0.002)


def test_fitted_data_over_counted_simulation(toys: SimpleNamespace, tmp_path: Path) -> None:
    rng = np.random.default_rng(22)
    leptons, passed, tag = toys.draw(rng, 24_000, 6_000)
    signal = np.arange(len(passed)) < 48_000
    passed &= ~signal | (rng.random(len(passed)) < KEPT[toys.bins(leptons)])
    simulation = pairs(toys, draw(toys, rng, 100_000, of_data=False))
    data = lepid.probe_efficiency(
        pairs(toys, (leptons, passed, tag)), "Tight",
        method=Method(signal="template"), simulation=simulation,
    )  # fmt: skip
    true = lepid.probe_efficiency(simulation, "Tight", method=Method("count", peak=(60.0, 120.0)))
    point = lepid.scale_factors(data, true).points["Tight"].values
    side = np.where(point["nominal"] < KEPT, point["statup"], point["statdown"]) - point["nominal"]
    pulls = (KEPT - point["nominal"]) / np.abs(side)
    assert np.abs(pulls).max() < 4.0
    assert chi2.sf((pulls**2).sum(), KEPT.size) > 0.01
