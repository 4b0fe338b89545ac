"""Shapes of signal and background against slow twins."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from lepid.efficiency.tag_and_probe import mass_shapes
from lepid.efficiency.tag_and_probe.pair_table import Histogram
from lepid.efficiency.tag_and_probe.resonances import FORMULAS, resonance
from lepid.errors import BadInput, UnknownName

EDGES = np.linspace(50.0, 130.0, 81)
WINDOW = EDGES[10:71]


def gaussian(width: float, pairs: float = 1e6) -> Histogram:
    contents = pairs * np.diff(norm.cdf(EDGES, 91.0, width))
    return Histogram(contents, contents)


def test_a_template_is_smeared_by_a_gaussian_and_moved() -> None:
    shape = mass_shapes.template(EDGES, gaussian(2.0), resonance("Z"))
    for shift, smear in ((0.0, 0.0), (0.7, 1.5), (-1.0, 3.0), (-1.0, -3.0)):
        found = shape.fractions(WINDOW, shift, smear)
        expected = np.diff(norm.cdf(WINDOW, 91.0 + shift, np.hypot(2.0, smear)))
        assert found == pytest.approx(expected / expected.sum(), abs=2e-3)
        assert found.sum() == pytest.approx(1.0)


def test_the_variance_of_a_template_is_that_of_its_pairs() -> None:
    rng = np.random.default_rng(1)
    mean = gaussian(3.0, 400.0).values
    shape = mass_shapes.template(EDGES, Histogram(mean, mean), resonance("Z"))
    toys = []
    for _ in range(2000):
        drawn = rng.poisson(mean)[10:70]
        toys.append(drawn / mean[10:70].sum())
    peak = slice(25, 37)
    assert shape.variances(WINDOW)[peak] == pytest.approx(np.var(toys, axis=0)[peak], rel=0.15)
    # Bins twice as wide have the pairs of two.
    wide = shape.variances(WINDOW[::2])
    assert wide == pytest.approx(shape.variances(WINDOW).reshape(-1, 2).sum(axis=1))
    assert not mass_shapes.crystal_ball(resonance("Z")).variances(WINDOW).any()


def test_bins_of_same_sign_pairs_are_merged() -> None:
    contents = np.zeros(60)
    contents[[3, 4, 20, 21, 22, 40, 41, 55]] = (3, 2, 2, 1, 2, 4, 1, 6)
    shape = mass_shapes.fixed(WINDOW, Histogram(contents, contents))
    assert shape.made_of is not None
    ends, merged = shape.made_of
    assert merged.values.tolist() == [5.0, 5.0, 5.0, 6.0]
    assert ends.tolist() == [60.0, 65.0, 83.0, 102.0, 120.0]
    found = np.add.reduceat(shape.fractions(WINDOW), [0, 5, 23, 42])
    assert found == pytest.approx(np.array([5, 5, 5, 6]) / 21)


@pytest.mark.parametrize("name", FORMULAS)
def test_backgrounds_are_distributions(name: str) -> None:
    shape = mass_shapes.background(name, (60.0, 120.0))
    start = [p.start for p in shape.parameters]
    whole = shape.fractions(WINDOW, *start)
    assert whole.min() >= 0.0
    assert whole.sum() == pytest.approx(1.0)
    assert np.add.reduceat(whole, range(0, 60, 2)) == pytest.approx(
        shape.fractions(WINDOW[::2], *start)
    )


def test_errors() -> None:
    negative = gaussian(2.0).values - 1.0
    with pytest.raises(BadInput, match="not negative"):
        mass_shapes.template(EDGES, Histogram(negative, negative), resonance("Z"))
    none = np.zeros(60)
    with pytest.raises(BadInput, match="some that are not 0"):
        mass_shapes.fixed(WINDOW, Histogram(none, none))
    with pytest.raises(UnknownName, match="line"):
        mass_shapes.background("line", (60.0, 120.0))
