"""Fits of masses of pairs: intervals, templates of few pairs, weights."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from lepid.efficiency.tag_and_probe import mass_fit
from lepid.efficiency.tag_and_probe.mass_shapes import background, crystal_ball, template
from lepid.efficiency.tag_and_probe.pair_table import Histogram, PassFail
from lepid.efficiency.tag_and_probe.resonances import resonance

RECORDED = np.linspace(50.0, 130.0, 81)
EDGES = RECORDED[10:71]
UNDER = dict.fromkeys(mass_fit.SIDES, background("exponential", (60.0, 120.0)))
SIGNAL = np.diff(norm.cdf(RECORDED, 91.0, 3.0))
FLAT = np.full(60, 1.0 / 60.0)


def drawn(rng: np.random.Generator, signal: float, under: float) -> Histogram:
    contents = rng.poisson(signal * SIGNAL[10:70] + under * FLAT).astype(float)
    return Histogram(contents, contents)


def shape(rng: np.random.Generator, pairs: float) -> dict[str, mass_fit.Shape]:
    contents = rng.poisson(pairs * SIGNAL).astype(float)
    return dict.fromkeys(
        mass_fit.SIDES, template(RECORDED, Histogram(contents, contents), resonance("Z"))
    )


def test_pulls_with_templates_of_as_few_pairs_as_the_data() -> None:
    """Without the uncertainty of the templates the goodness of fit would be bad."""
    rng = np.random.default_rng(3)
    pulls, chi2, ndof = [], 0.0, 0
    for _ in range(12):
        masses = PassFail(EDGES, drawn(rng, 800.0, 100.0), drawn(rng, 200.0, 150.0))
        found = mass_fit.fit(masses, shape(rng, 600.0), UNDER)
        assert found.valid
        side = found.high - found.value if found.value < 0.8 else found.value - found.low
        pulls.append((found.value - 0.8) / side)
        chi2, ndof = chi2 + found.chi2, ndof + found.ndof
    assert np.abs(pulls).max() < 4.0
    assert 0.5 < np.std(pulls) < 1.6
    assert chi2 < ndof + 4.0 * np.sqrt(2.0 * ndof)


def test_an_efficiency_of_one_has_a_lower_end() -> None:
    rng = np.random.default_rng(4)
    masses = PassFail(EDGES, drawn(rng, 300.0, 30.0), drawn(rng, 0.0, 60.0))
    found = mass_fit.fit(masses, dict.fromkeys(mass_fit.SIDES, crystal_ball(resonance("Z"))), UNDER)
    assert found.valid
    assert found.interval == mass_fit.LIKELIHOOD
    assert 0.9 < found.low < found.value
    assert found.value > 0.97
    assert found.high == pytest.approx(1.0, abs=0.01)


def test_the_interval_is_where_the_likelihood_has_risen_by_one() -> None:
    """The scan by halves agrees with MINOS."""
    rng = np.random.default_rng(5)
    masses = PassFail(EDGES, drawn(rng, 300.0, 30.0), drawn(rng, 100.0, 60.0))
    seen = []
    original = mass_fit._interval

    def spy(minuit: object) -> tuple[float, float, str]:
        found = original(minuit)
        value = minuit.values["efficiency"]  # type: ignore[attr-defined]
        seen.append((found, [mass_fit._crossing(minuit, value, end) for end in (0.0, 1.0)]))
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mass_fit, "_interval", spy)
        mass_fit.fit(masses, dict.fromkeys(mass_fit.SIDES, crystal_ball(resonance("Z"))), UNDER)
    (low, high, _), (below, above) = seen[0]
    assert below == pytest.approx(low, abs=1e-3)
    assert above == pytest.approx(high, abs=1e-3)


def test_a_jpsi_of_weighted_pairs() -> None:
    """Weights from 0.2 to 3, and 1.5 times as much background as signal that fails."""
    rng = np.random.default_rng(6)
    start = resonance("J/psi")
    edges = np.asarray(start.mass_edges)[10:]
    sides, truth = [], []
    for number, under in ((4000, 2000), (1500, 2200)):
        mass = np.concatenate([rng.normal(3.094, 0.04, number), rng.uniform(2.6, 3.6, under)])
        weight = rng.uniform(0.2, 3.0, len(mass))
        truth.append(weight[:number].sum())
        sums = (np.histogram(mass, edges, weights=weight**power)[0] for power in (1, 2))
        sides.append(Histogram(*sums))
    masses = PassFail(edges, *sides)
    under = dict.fromkeys(mass_fit.SIDES, background("exponential", start.window))
    found = mass_fit.fit(masses, dict.fromkeys(mass_fit.SIDES, crystal_ball(start)), under)
    assert found.valid
    efficiency = truth[0] / sum(truth)
    assert abs(found.value - efficiency) < 3.0 * 0.5 * (found.high - found.low)
    # A binomial of as many pairs of these weights, and the background on top.
    binomial = np.sqrt(efficiency * (1.0 - efficiency) / 5500.0 * 1.21)
    assert binomial < 0.5 * (found.high - found.low) < 2.5 * binomial
    assert found.p_value > 1e-3


def test_scales_of_weights() -> None:
    plain = Histogram(np.array([0.0, 3.0, 9.0]), np.array([0.0, 3.0, 9.0]))
    assert mass_fit.weight_scale(plain).tolist() == [1.0, 1.0, 1.0]
    double = Histogram(2.0 * plain.values, 4.0 * plain.values)
    assert mass_fit.weight_scale(double).tolist() == pytest.approx([2.0, 2.0, 2.0])
