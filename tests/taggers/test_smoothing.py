"""Smoothing beside a twin in plain Python, and what it must keep."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lepid.taggers.smoothing import smoothed

SEEDS = st.integers(0, 2**32 - 1)


def twin(values: list[float], weights: list[float], low: float, high: float, n: int) -> list[float]:
    total = sum(weights)
    counts, outside = [0.0] * n, [0.0, 0.0]
    for value, weight in zip(values, weights, strict=True):
        if value < low or value >= high:
            outside[value >= high] += weight
        else:
            counts[min(int((value - low) / (high - low) * n), n - 1)] += weight
    effective = total**2 / sum(w * w for w in weights)
    centres = [(i + 0.5) / n for i in range(n)]
    inside = sum(counts)
    mean = sum(c * x for c, x in zip(counts, centres, strict=True)) / inside
    sigma = math.sqrt(
        sum(c * (x - mean) ** 2 for c, x in zip(counts, centres, strict=True)) / inside
    )
    running, quartile = 0.0, {}
    for i in range(n):
        running += counts[i]
        for part in (0.25, 0.75):
            if part not in quartile and running >= part * inside:
                quartile[part] = centres[i]
    iqr = (quartile[0.75] - quartile[0.25]) / 1.34
    h = 0.9 * (min(sigma, iqr) if iqr else sigma) * effective**-0.2

    def spread(widths: list[float]) -> list[float]:
        out = [0.0] * n
        for j in range(n):
            share = [
                sum(math.exp(-0.5 * ((image - centres[j]) / widths[j]) ** 2)
                    for image in (centres[i], -centres[i], 2 - centres[i]))
                for i in range(n)
            ]  # fmt: skip
            for i in range(n):
                out[i] += counts[j] * share[i] / sum(share)
        return out

    if h > 0:
        pilot = spread([h] * n)
        some = [i for i in range(n) if counts[i] > 0]
        usual = math.exp(sum(counts[i] * math.log(pilot[i]) for i in some) / inside)
        widths = [h * math.sqrt(usual / pilot[i]) if counts[i] > 0 else h for i in range(n)]
        counts = spread(widths)
    counts[0] += outside[0]
    counts[-1] += outside[1]
    return [(effective * c / total + 1 / n) / (effective + 1) for c in counts]


@pytest.mark.parametrize("seed", range(6))
def test_the_slow_twin(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.exponential(0.4, 200) * rng.choice([0.0, 1.0, 1.0], 200)
    weights = rng.choice([0.0, 0.5, 1.0, 3.0], 200)
    found = smoothed(values, weights, 0.0, 1.0, 20)
    expected = twin(values.tolist(), weights.tolist(), 0.0, 1.0, 20)
    np.testing.assert_allclose(found, expected, rtol=1e-9)


@settings(max_examples=30)
@given(SEEDS)
def test_probabilities_add_up_and_none_is_zero(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(0, 300))
    found = smoothed(rng.normal(0.5, 0.5, n), rng.random(n), 0.0, 1.0, 50)
    assert found.sum() == pytest.approx(1, abs=1e-12)
    assert (found > 0).all()


@settings(max_examples=30)
@given(SEEDS, st.floats(0.1, 100), st.floats(-50, 50))
def test_neither_the_unit_nor_the_scale_of_the_weights_matters(
    seed: int, scale: float, shift: float
) -> None:
    rng = np.random.default_rng(seed)
    values, weights = rng.integers(0, 64, 100) / 64 + 1 / 128, rng.random(100) + 0.1
    found = smoothed(values, weights, 0.0, 1.0, 32)
    moved = smoothed(values * scale + shift, weights * 7, shift, scale + shift, 32)
    np.testing.assert_allclose(moved, found, rtol=1e-6)


@settings(max_examples=30)
@given(SEEDS)
def test_mirrored_values_have_the_mirrored_density(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.integers(-20, 84, 301) / 64 + 1 / 128
    ones = np.ones(301)
    found = smoothed(values, ones, 0.0, 1.0, 32)
    np.testing.assert_allclose(smoothed(1 - values, ones, 0.0, 1.0, 32)[::-1], found, rtol=0.02)


def test_a_step_at_an_end_stays() -> None:
    rng = np.random.default_rng(1)
    found = smoothed(rng.uniform(0, 1, 50_000), np.ones(50_000), 0.0, 1.0, 50)
    np.testing.assert_allclose(found, 1 / 50, rtol=0.1)


def test_it_comes_nearer_to_the_truth_than_the_histogram() -> None:
    rng = np.random.default_rng(2)
    fine = np.histogram(rng.normal(0.5, 0.1, 2_000_000), 100, (0, 1))[0] / 2e6
    values = rng.normal(0.5, 0.1, 500)
    raw = np.histogram(values, 100, (0, 1))[0] / 500
    found = smoothed(values, np.ones(500), 0.0, 1.0, 100)
    assert np.abs(found - fine).sum() < 0.5 * np.abs(raw - fine).sum()


def test_nothing_and_one_value() -> None:
    none = np.zeros(0)
    assert smoothed(none, none, 0.0, 1.0, 4).tolist() == [0.25] * 4
    ones = np.ones(99)
    assert smoothed(0.3 * ones, ones, 0.0, 1.0, 4)[1] == pytest.approx(99.25 / 100)
    assert smoothed(5 * ones, ones, 0.0, 1.0, 4)[3] == pytest.approx(99.25 / 100)
