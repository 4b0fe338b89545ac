"""Derived points on independent leptons: pulls, and what is said of them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import chi2, kstest
from training.derived import pulls, results
from training.derived.signal import NEGATIVE, WEIGHTS, Signal
from training.points import named
from training.splits import TEST, VALIDATION

from lepid.analysis.derivation import evaluated
from lepid.taggers import catalogue
from lepid.working_points.bins import Bins
from lepid.working_points.derive import derive
from lepid.working_points.table import Table
from lepid.working_points.written import table_of

BINS = Bins((10.0, 20.0, 40.0, np.inf), (0.0, 1.05, 2.5))


def toys(seed: int, n: int = 6000, *, shift: float = 0.0) -> Signal:
    """Leptons whose score falls with |eta| and rises with pT; `shift`: of those of the test."""
    rng = np.random.default_rng(seed)
    pt, abseta = 10.0 + rng.exponential(20.0, n), rng.uniform(0.0, 2.5, n)
    split = np.where(rng.random(n) < 0.5, VALIDATION, TEST).astype(np.int8)
    score = np.log(pt) - 0.3 * abseta + rng.normal(size=n) + shift * (split == TEST)
    card = catalogue.load("muon_plit", "reference-run3")
    weight = rng.uniform(0.3, 1.7, n)
    return Signal(card, "discriminant", score, pt, abseta, weight, split, BINS)


def derived_and_table(signal: Signal, kind: str) -> tuple[pulls.Derived, Table]:
    own = signal.part(VALIDATION, kind)
    targets = [(name, pulls._target(name, own)) for name in pulls.TARGETS]
    wanted = [pulls.Wanted(name, "prompt", target, "") for name, target in targets]
    found = derive(own, wanted, signal.bins, nested=True)
    return found, table_of(named(signal.card, found), Path("points.json"))


@pytest.mark.parametrize("kind", WEIGHTS)
def test_the_pulls_of_good_points_are_as_wide_as_they_say(kind: str) -> None:
    found = [pulls.closure(toys(seed), kind, "") for seed in range(25)]
    every = np.concatenate([done.pulls.ravel() for done in found])
    assert 0.85 < every.std() < 1.15
    # The three points of a bin share its leptons.
    assert abs(every.mean()) < 4 / np.sqrt(len(every) / 3)
    chances = [done.p for done in found]
    assert kstest(chances, "uniform").pvalue > 1e-3
    assert all(done.astray == 0 for done in found)


@pytest.mark.parametrize("kind", WEIGHTS)
def test_points_of_other_leptons_are_found_out(kind: str) -> None:
    done = pulls.closure(toys(3, shift=0.5), kind, "")
    assert done.p < 1e-4
    # More of them pass.
    assert done.pulls.mean() > 1.0


def slow(signal: Signal, kind: str) -> tuple[npt.NDArray[np.float64], float]:
    """Pulls [n_point, n_bin] and chi2, lepton by lepton and bin by bin."""
    derived, _ = derived_and_table(signal, kind)
    found, total = [], 0.0
    for group in np.unique(derived.points[0].groups):
        sums = []
        for split in (VALIDATION, TEST):
            part = signal.part(split, kind)
            weight, mean = 0.0, np.zeros(3)
            spread = np.zeros((3, 3))
            for i in range(len(part.pt)):
                row, column = (
                    max(k for k in range(len(edges) - 1) if value >= edges[k])
                    for value, edges in (
                        (part.pt[i], BINS.pt_edges), (part.abseta[i], BINS.abseta_edges),
                    )
                )  # fmt: skip
                if derived.points[0].groups[row, column] != group:
                    continue
                rising = 0.9 - 0.35 * np.exp(-part.pt[i] / 14)
                missed = np.array([
                    (part.quantities["discriminant"][i] > point.cuts[0, row, column]) - target
                    for point, target in zip(derived.points, (0.95, rising, 0.6), strict=True)
                ])  # fmt: skip
                weight += part.weight[i]
                mean += part.weight[i] * missed
                spread += part.weight[i] ** 2 * np.outer(missed, missed)
            sums.append((mean / weight, spread / weight**2))
        both = sums[0][1] + sums[1][1]
        found.append(sums[1][0] / np.sqrt(np.diag(both)))
        total += float(sums[1][0] @ np.linalg.inv(both) @ sums[1][0])
    return np.array(found).T, total


@pytest.mark.parametrize("kind", WEIGHTS)
def test_pulls_beside_a_slow_twin(kind: str) -> None:
    signal = toys(11, 3000)
    done = pulls.closure(signal, kind, "")
    expected, total = slow(signal, kind)
    np.testing.assert_allclose(done.pulls, expected, rtol=1e-6)
    assert done.chi2 == pytest.approx(total, rel=1e-6)
    assert done.p == pytest.approx(chi2.sf(total, expected.size), rel=1e-5)


def test_leptons_of_a_looser_point_that_a_tighter_one_takes_are_counted() -> None:
    signal = toys(5)
    some = signal.part(TEST, "one")
    _, table = derived_and_table(signal, "one")
    passed = pulls.decided(table, some)
    np.testing.assert_array_equal(passed[0], table.decide(
        some.quantities, {"pt": some.pt, "abseta": some.abseta})["Loose"])  # fmt: skip
    assert pulls.astray(passed) == 0
    turned = passed.copy()
    turned[0, np.flatnonzero(passed[2])[:3]] = False
    assert pulls.astray(turned) == 3


def test_the_weights_are_of_three_kinds() -> None:
    signal = toys(1, 20_000)
    one, positive, mixed = (signal.weights(kind) for kind in WEIGHTS)
    assert (one == 1.0).all()
    np.testing.assert_array_equal(positive, signal.weight)
    np.testing.assert_array_equal(np.abs(mixed), signal.weight)
    assert (mixed < 0).mean() == pytest.approx(NEGATIVE, abs=0.01)
    np.testing.assert_array_equal(mixed, signal.weights("mixed"))


def test_one_target_rises_with_pt() -> None:
    pt = np.array([10.0, 30.0, 1e4])
    rising = evaluated("Rising", str(pulls.TARGETS["Rising"]), pt, np.zeros(3))
    np.testing.assert_allclose(rising, 0.9 - 0.35 * np.exp(-pt / 14.0))


def test_what_is_written_says_all_of_it(tmp_path: Path) -> None:
    signals = [toys(1)]
    results.write(signals, tmp_path)
    kept = json.loads((tmp_path / "results.json").read_text())
    assert len(kept["rows"]) == 9
    first = kept["rows"][0]
    assert first["network"] == "muon_plit@reference-run3"
    assert first["largest"] == pytest.approx(np.abs(first["pulls"]).max())
    page = (tmp_path / "results.md").read_text()
    assert len([line for line in page.splitlines() if line.startswith("| muons, PLIT")]) == 3
    least, largest = (pick(row[name] for row in kept["rows"])
                      for pick, name in ((min, "p"), (max, "largest")))  # fmt: skip
    assert f"is {least:.2g}, the largest pull {largest:.1f}; 0 leptons" in page
    assert (tmp_path / "figures" / "derived-points.png").stat().st_size > 10_000


def test_random_divisions_of_good_points_have_one_per_cut() -> None:
    found = results.divided(toys(2), "positive")
    assert abs(found.value - 1.0) < 4 * found.error
    assert 0.01 < found.error < 0.2
