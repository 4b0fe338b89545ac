"""The kernels of the likelihood alone; the twin of the whole is beside `taggers/likelihood.py`."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lepid.features.kernels.likelihood import (
    EMPTY,
    GOOD,
    UNKNOWN,
    Bins,
    Histograms,
    Leptons,
    Rule,
    discriminant,
    products,
    without_pileup,
)

SEEDS = st.integers(0, 2**32 - 1)
NEVER = np.full(3, np.inf)
RULE = Rule(NEVER, NEVER, by_index=False)


def leptons(rng: np.random.Generator, n: int = 50) -> Leptons:
    edges = np.array([0.0, 10.0, 20.0, np.inf])
    plateaus = np.array([[0, 8.0], [15.0, 15.0], [22.0, np.inf]])
    bins = Bins(edges[1:-1], np.array([1.0]), edges, plateaus)
    return Leptons(rng.uniform(0, 40, n), rng.uniform(0, 2, n), bins)


def histograms(rng: np.random.Generator, n_bin: int = 5) -> Histograms:
    shape = (2, 3, 2, 3)
    content = rng.random((*shape, n_bin)) + 0.1
    content /= content.sum(axis=-1, keepdims=True)
    start = n_bin * np.arange(np.prod(shape)).reshape(shape)
    size, low = np.full(shape, n_bin), rng.uniform(-1, 0, shape)
    return Histograms(start, size, low, np.full(shape, 0.3), content.ravel())


def moved(densities: Histograms, order: list[int], classes: list[int]) -> Histograms:
    """The same densities with variables and classes in another order."""
    whole = [part[classes][..., order] for part in densities[:4]]
    return Histograms(*(np.ascontiguousarray(part) for part in whole), densities.content)


@settings(max_examples=25)
@given(SEEDS)
def test_the_order_of_the_variables_does_not_matter(seed: int) -> None:
    rng = np.random.default_rng(seed)
    where, densities, x = leptons(rng), histograms(rng), rng.uniform(-2, 2, (50, 3))
    found, _ = products(where, x, densities, RULE)
    turned = moved(densities, [2, 0, 1], [0, 1])
    again, _ = products(where, x[:, [2, 0, 1]], turned, RULE)
    np.testing.assert_allclose(again, found, rtol=1e-12)


@settings(max_examples=25)
@given(SEEDS)
def test_background_for_signal_turns_the_sign(seed: int) -> None:
    rng = np.random.default_rng(seed)
    where, densities, x = leptons(rng), histograms(rng), rng.uniform(-2, 2, (50, 3))
    found, _ = products(where, x, densities, RULE)
    again, _ = products(where, x, moved(densities, [0, 1, 2], [1, 0]), RULE)
    assert again.tolist() == found[::-1].tolist()
    np.testing.assert_allclose(discriminant(*again), -discriminant(*found), atol=1e-12)


@settings(max_examples=25)
@given(SEEDS)
def test_it_is_continuous_in_et_and_flat_on_a_plateau(seed: int) -> None:
    rng = np.random.default_rng(seed)
    one, densities, x = leptons(rng, 1), histograms(rng), rng.uniform(-2, 2, (1, 3))

    def at(et: float) -> float:
        where = one._replace(et=np.array([et]))
        return float(products(where, x, densities, RULE)[0][0, 0])

    for edge in (8.0, 10.0, 15.0, 20.0, 22.0):
        assert at(np.nextafter(edge, 0)) == pytest.approx(at(edge), rel=1e-9)
    assert at(3.0) == at(8.0)
    assert at(22.0) == at(900.0)
    assert at(9.0) != at(8.0)


def test_what_became_of_each_lepton() -> None:
    rng = np.random.default_rng(1)
    where, densities = leptons(rng, 3), histograms(rng)
    x = rng.uniform(-2, 2, (3, 3))
    x[1, 2] = np.nan
    densities.content[:] = np.nan
    assert products(where, x, densities, RULE)[1].tolist() == [EMPTY, UNKNOWN, EMPTY]
    x[1, 2] = 0.0
    assert products(where, x, histograms(rng), RULE)[1].tolist() == [GOOD] * 3


def test_the_limits_of_the_discriminant() -> None:
    s = np.array([1e-100, 1e-99, 1.0, 0.0, 1.0, 0.5, np.nan])
    b = np.array([1e-100, 1e-100, 0.0, 1.0, 1e-20, 0.5, 0.5])
    lowest, highest = -math.log(1e99 - 1) / 15, -math.log(1 / (1 - 1e-15) - 1) / 15
    found = discriminant(s, b).tolist()
    assert found[:6] == pytest.approx([lowest, 0.0, highest, lowest, highest, 0.0], abs=1e-12)
    assert math.isnan(found[6])


@settings(max_examples=25)
@given(SEEDS)
def test_the_correction_for_pile_up_keeps_the_order_and_the_ends(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = 50
    where = leptons(rng, 1)._replace(et=np.full(n, 17.0), abseta=np.full(n, 0.5))
    # Loose below hard, and hard + slope n above loose.
    references = np.broadcast_to(np.array([-0.5, 0.3, -0.01, 0.0])[:, None, None], (4, 3, 2))
    values = np.sort(rng.uniform(-2, 3, n))
    number = np.full(n, rng.integers(0, 60))
    found = without_pileup(where, values, number.astype(float), references.copy(), (2.0, 50.0))
    assert (np.diff(found) >= -1e-12).all()
    outside = (values <= -0.5) | (values > 2.0)
    assert found[outside].tolist() == values[outside].tolist()
    none = without_pileup(where, values, np.zeros(n), references.copy(), (2.0, 50.0))
    np.testing.assert_allclose(none, values, atol=1e-12)
