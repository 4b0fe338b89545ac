"""Efficiencies of probes against the truth of toys, and what is said where they cannot be had."""

from __future__ import annotations

import json
import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy.stats import chi2

from lepid.efficiency.tag_and_probe import mass_fit
from lepid.efficiency.tag_and_probe.bins import Method, sideband
from lepid.efficiency.tag_and_probe.mass_shapes import background, crystal_ball
from lepid.efficiency.tag_and_probe.pair_table import Histogram, PairTable, PassFail
from lepid.efficiency.tag_and_probe.resonances import resonance
from lepid.efficiency.tag_and_probe.result import probe_efficiency, standard_variations
from lepid.errors import BadInput, UnknownName, UnknownWorkingPoint


@pytest.fixture(scope="module")
def data(toys: SimpleNamespace) -> PairTable:
    found: PairTable = toys.table(np.random.default_rng(1), 32_000, 8_000)
    return found


@pytest.fixture(scope="module")
def simulation(toys: SimpleNamespace) -> PairTable:
    found: PairTable = toys.table(np.random.default_rng(2), 300_000, 0)
    return found


def pulls(result: Any, truth: Any) -> Any:
    side = np.where(result.value < truth, result.high - result.value, result.value - result.low)
    return ((result.value - truth) / side).ravel()


def test_fits_of_templates_agree_with_the_truth(
    data: PairTable, simulation: PairTable, toys: SimpleNamespace
) -> None:
    result = probe_efficiency(
        data, "Tight", method=Method(signal="template"), simulation=simulation
    )
    found = pulls(result, toys.TRUTH)
    assert len(found) == 9
    assert np.abs(found).max() < 4.0
    assert chi2.sf((found**2).sum(), 9) > 0.01
    # Without the fit the background would show.
    counted = probe_efficiency(data, "Tight", method=Method("count"))
    assert chi2.sf((pulls(counted, toys.TRUTH) ** 2).sum(), 9) < 1e-3
    assert min(one.fit.p_value for one in result.bins if one.fit) > 1e-3


def test_sidebands_agree_with_the_truth(data: PairTable, toys: SimpleNamespace) -> None:
    found = pulls(probe_efficiency(data, "Tight", method=Method("sidebands")), toys.TRUTH)
    assert np.abs(found).max() < 4.0
    assert chi2.sf((found**2).sum(), 9) > 0.01


def test_same_sign_pairs_take_background_away(data: PairTable, toys: SimpleNamespace) -> None:
    """Half of the background has the same charge; flips of the signal are taken away with it."""
    result = probe_efficiency(data, "Tight", method=Method("same-sign"))
    counted = probe_efficiency(data, "Tight", method=Method("count"))
    assert np.all(np.abs(result.value - toys.TRUTH) < np.abs(counted.value - toys.TRUTH) + 0.02)
    assert np.abs(result.value - toys.TRUTH).max() < 0.05


def test_pairs_of_the_same_charge_are_a_shape_of_the_background(
    data: PairTable, simulation: PairTable, toys: SimpleNamespace
) -> None:
    method = Method(signal="template", background="same-sign")
    result = probe_efficiency(data, "Tight", method=method, simulation=simulation)
    found = pulls(result, toys.TRUTH)
    assert np.abs(found).max() < 4.0
    assert chi2.sf((found**2).sum(), 9) > 0.01
    # Without any there is no shape.
    none = PairTable.restored(data.content())
    none.values[:, :, :, 1] = 0.0
    with pytest.raises(BadInput, match="some that are not 0"):
        probe_efficiency(none, "Tight", method=method, simulation=simulation)


def test_few_simulated_probes_share_a_shape(data: PairTable, toys: SimpleNamespace) -> None:
    few = toys.table(np.random.default_rng(4), 3_000, 0)
    result = probe_efficiency(data, "Tight", method=Method(signal="template"), simulation=few)
    for one, place in zip(result.bins, np.ndindex(3, 3), strict=True):
        for side, pairs in zip(mass_fit.SIDES, few.masses("Tight", place)[1:], strict=True):
            number = pairs.values.sum() ** 2 / pairs.variances.sum()
            assert (number < 200) == any(f"simulated {side}" in note for note in one.notes)


def test_few_failing_probes_are_counted(toys: SimpleNamespace) -> None:
    table = toys.table(np.random.default_rng(3), 300, 0)
    result = probe_efficiency(table, "Tight")
    for one in result.bins:
        few = one.masses.failed.values.sum() < 20 or one.masses.passed.values.sum() < 20
        assert (one.how == "count") == few
        assert few == any("fewer than 20" in note for note in one.notes)
    assert any(one.how == "count" for one in result.bins)


def test_envelopes_are_the_largest_distances(data: PairTable, simulation: PairTable) -> None:
    method = Method("sidebands")
    variations = standard_variations(data, method, templates=False)
    assert set(variations) == {"window"}
    steps: list[int] = []
    result = probe_efficiency(
        data, "Tight", method=method, variations=variations, advance=steps.append
    )
    values = [[one.ends.value for one in some] for some in result.variations["window"]]
    slow = [max(abs(v[i] - result.bins[i].ends.value) for v in values) for i in range(9)]
    assert result.systematics["window"].ravel() == pytest.approx(slow)
    assert result.systematic.ravel() == pytest.approx(slow)
    assert sum(steps) == 9 * 3
    known = standard_variations(data, Method(), templates=True)
    assert {name: len(some) for name, some in known.items()} == {
        "window": 2,
        "signal": 1,
        "background": 2,
    }


def test_what_was_measured_is_plain(data: PairTable) -> None:
    result = probe_efficiency(data, "Tight", method=Method("count"))
    content = json.loads(json.dumps(result.content(), allow_nan=False))
    assert content["bins"][4]["pt"] == [38.0, 50.0]
    assert content["bins"][4]["abseta"] == [0.9, 1.6]
    assert content["bins"][4]["value"] == result.value[1, 1]


def test_a_line_through_both_sidebands() -> None:
    edges = np.linspace(60.0, 120.0, 61)
    heights = 3.0 - 0.02 * (0.5 * (edges[1:] + edges[:-1]) - 90.0)
    found, variance = sideband(edges, Histogram(heights, heights), (80.0, 100.0))
    assert found == pytest.approx(3.0 * 20.0)
    # Both sidebands together are twice as wide as the peak.
    assert variance == pytest.approx(3.0 * 40.0 * 0.25)
    # An asymmetric peak: the line, not the mean.
    found, _ = sideband(edges, Histogram(heights, heights), (70.0, 90.0))
    assert found == pytest.approx((3.0 + 0.02 * 10.0) * 20.0)


def test_pairs_of_weight_two_are_the_same_fit_with_empty_bins_in_it() -> None:
    rng = np.random.default_rng(6)
    edges = np.linspace(60.0, 120.0, 61)
    shapes = dict.fromkeys(mass_fit.SIDES, crystal_ball(resonance("Z")))
    under = dict.fromkeys(mass_fit.SIDES, background("exponential", (60.0, 120.0)))
    found = []
    sides = [np.r_[rng.normal(91, 2.5, n), rng.uniform(60, 120, 15)] for n in (300, 60)]
    counts = [np.histogram(side, edges)[0].astype(float) for side in sides]
    assert min((one == 0).sum() for one in counts) > 10
    for weight in (1.0, 2.0):
        parts = [Histogram(weight * one, weight**2 * one) for one in counts]
        masses = PassFail(edges, *parts)
        found.append(mass_fit.fit(masses, shapes, under))
    one, two = found
    assert one.valid
    assert two.value == pytest.approx(one.value, abs=2e-3)
    assert two.low == pytest.approx(one.low, abs=2e-3)
    assert two.high == pytest.approx(one.high, abs=2e-3)
    for side in mass_fit.SIDES:
        expected = 2.0 * one.curves.background[side].sum()
        assert two.curves.background[side].sum() == pytest.approx(expected, rel=0.1)


def slow_pearson(seen: Any, expected: Any) -> tuple[float, int]:
    groups: list[list[float]] = [[0.0, 0.0]]
    for place in range(len(seen)):
        groups[-1][0] += seen[place]
        groups[-1][1] += expected[place]
        if groups[-1][1] >= 5.0 and sum(expected[place + 1 :]) >= 5.0:
            groups.append([0.0, 0.0])
    return sum((s - e) ** 2 / e for s, e in groups), len(groups)


def test_goodness_of_fit() -> None:
    rng = np.random.default_rng(5)
    expected = rng.uniform(0.3, 9.0, 40)
    seen = rng.poisson(expected).astype(float)
    found = mass_fit.pearson(Histogram(seen, seen), expected, expected)
    assert found == pytest.approx(slow_pearson(seen, expected))


def test_errors(data: PairTable, toys: SimpleNamespace) -> None:
    with pytest.raises(UnknownWorkingPoint, match="Tigth"):
        probe_efficiency(data, "Tigth")
    with pytest.raises(UnknownName, match="novosibirsk"):
        Method(background="novosibirsk")
    with pytest.raises(UnknownName, match="Zed"):
        resonance("Zed")
    with pytest.raises(UnknownName, match="other"):
        probe_efficiency(data, "Tight", method=Method("count", tag="other"))
    with pytest.raises(BadInput, match=r"60\.5 to 120 GeV"):
        probe_efficiency(data, "Tight", method=Method(window=(60.5, 120.0)))
    with pytest.raises(BadInput, match="needs simulation"):
        probe_efficiency(data, "Tight", method=Method(signal="template"))
    with pytest.raises(BadInput, match="no pair in the window"):
        probe_efficiency(toys.empty(), "Tight")
    with pytest.raises(BadInput, match="no sideband"):
        probe_efficiency(data, "Tight", method=Method("sidebands", peak=(60.0, 120.0)))
    negative = PairTable.restored(data.content())
    negative.values[0, 0, 0, 0, :, :, 40] = -1.0
    with pytest.raises(BadInput, match="negative sum of weights"):
        probe_efficiency(negative, "Tight")


def test_a_bin_without_pairs_has_no_efficiency(data: PairTable) -> None:
    hole = PairTable.restored(data.content())
    hole.values[..., 0, 0, :] = 0.0
    result = probe_efficiency(hole, "Tight", method=Method("count"))
    assert math.isnan(result.value[0, 0])
    assert np.isfinite(result.value.ravel()[1:]).all()
    assert result.bins[0].notes == ("no pairs",)


def test_names_stand_for_methods_and_variations(data: PairTable) -> None:
    said = probe_efficiency(data, "Tight", method="sidebands", variations="standard")
    method = Method("sidebands")
    known = standard_variations(data, method, templates=False)
    meant = probe_efficiency(data, "Tight", method=method, variations=known)
    assert np.array_equal(said.value, meant.value)
    assert np.array_equal(said.systematic, meant.systematic)
    assert (said.systematic > 0.0).any()
    with pytest.raises(UnknownName, match="'side-bands'"):
        probe_efficiency(data, "Tight", method="side-bands")
    with pytest.raises(UnknownName, match="'all'"):
        probe_efficiency(data, "Tight", method="count", variations="all")
