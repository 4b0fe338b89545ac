"""New weights: spectra are alike, and sums are kept."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lepid.efficiency.roc.reweighting import SPECTRA, reweighted
from lepid.errors import BadInput, UnknownName

PT, ETA = (0.0, 10.0, 20.0, 40.0, 200.0), (0.0, 1.0, 2.5)


def leptons(seed: int, n: int = 3_000) -> tuple[Any, Any, Any, Any]:
    rng = np.random.default_rng(seed)
    signal = rng.random(n) < 0.5
    pt = rng.exponential(np.where(signal, 35.0, 12.0))
    return signal, pt, rng.uniform(0.0, 2.4, n), rng.uniform(0.5, 1.5, n)


def sums(pt: Any, eta: Any, weight: Any) -> Any:
    return np.histogram2d(pt, eta, (PT, ETA), weights=weight)[0]


@pytest.mark.parametrize("spectrum", SPECTRA)
@pytest.mark.parametrize("weighted", [False, True])
def test_spectra_are_alike(spectrum: str, weighted: bool) -> None:
    signal, pt, eta, weight = leptons(1)
    before = weight if weighted else np.ones(len(pt))
    found = reweighted(signal, (pt, eta), (PT, ETA), spectrum, weight if weighted else None)
    one, other = (sums(pt[k], eta[k], found.weight[k]) for k in (signal, ~signal))
    np.testing.assert_allclose(one / one.sum(), other / other.sum(), rtol=1e-10)
    inside = pt < PT[-1]
    assert found.left_out == np.count_nonzero(~inside)
    for kind in (signal, ~signal):
        assert found.weight[kind].sum() == pytest.approx(before[kind & inside].sum())
    if spectrum == "flat":
        np.testing.assert_allclose(one, one[0, 0], rtol=1e-10)
    else:
        kept = signal if spectrum == "signal" else ~signal
        np.testing.assert_allclose(found.weight[kept & inside], before[kept & inside], rtol=1e-10)


def test_a_bin_without_one_of_the_kinds_is_left_out() -> None:
    signal = np.array([True, True, False, False, True])
    found = reweighted(signal, ([1, 3, 1, 1, np.nan],), ((0, 2, 4),), "signal")
    np.testing.assert_array_equal(found.weight, [1, 0, 1, 1, 0])
    assert found.left_out == 2


def test_a_bin_of_mixed_signs_without_a_positive_sum_is_left_out() -> None:
    signal = np.array([True, True, False, False, False])
    weight = [1.0, 1.0, 1.0, -2.0, 3.0]
    found = reweighted(signal, ([1, 3, 1, 1, 3],), ((0, 2, 4),), "flat", weight)
    np.testing.assert_array_equal(found.weight, [0, 1, 0, 0, 3])


@given(st.integers(0, 10_000), st.sampled_from(SPECTRA))
def test_doing_it_twice_changes_nothing(seed: int, spectrum: str) -> None:
    signal, pt, eta, weight = leptons(seed, 300)
    once = reweighted(signal, (pt, eta), (PT, ETA), spectrum, weight)
    twice = reweighted(signal, (pt, eta), (PT, ETA), spectrum, once.weight)
    np.testing.assert_allclose(twice.weight, once.weight, rtol=1e-9)


@pytest.mark.parametrize(
    ("changes", "fact"),
    [
        ({"columns": ()}, "0 variables and 1 sets of edges"),
        ({"columns": ([1.0],)}, "a variable has shape"),
        ({"edges": ((2, 1),)}, "edges must increase"),
        ({"edges": ((5, 6),)}, "no bin has signal and background"),
        ({"is_signal": [True, True]}, "no background leptons"),
    ],
)
def test_bad_input(changes: dict[str, Any], fact: str) -> None:
    good: dict[str, Any] = {
        "is_signal": [True, False], "columns": ([1.0, 1.5],), "edges": ((0, 2),),
        "spectrum": "flat",
    }  # fmt: skip
    reweighted(**good)
    with pytest.raises(BadInput, match=fact):
        reweighted(**(good | changes))


def test_an_unknown_spectrum() -> None:
    with pytest.raises(UnknownName, match="near: signal"):
        reweighted([True, False], ([1.0, 1.5],), ((0, 2),), "signl")
