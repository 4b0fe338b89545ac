"""Fractions that reject a mixture best, against the mixture itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lepid
from lepid import errors
from lepid.analysis.fractions import Mixture, best
from lepid.taggers.card import Form

FORM = Form.model_validate({
    "kind": "log_ratio", "numerator": {"s": "1"}, "denominator": {"a": "f_a", "b": "f_b"},
    "source": "ours",
})  # fmt: skip
N = 20_000


def mixture(share: float, seed: int = 1) -> Mixture:
    """Three classes with exact probabilities: the best fractions are the shares of the mixture."""
    rng = np.random.default_rng(seed)
    means = {"s": (0.0, 0.0), "a": (1.5, 0.3), "b": (-0.4, 1.5)}

    def scores(name: str) -> dict[str, Any]:
        points = rng.normal(size=(N, 2)) + means[name]
        density = {k: np.exp(-0.5 * ((points - m) ** 2).sum(axis=1)) for k, m in means.items()}
        total = sum(density.values())
        return {k: v / total for k, v in density.items()}

    signal, a, b = (scores(name) for name in "sab")
    background = {k: np.concatenate([a[k], b[k]]) for k in a}
    weights = np.repeat([share / N, (1 - share) / N], N)
    return Mixture(signal, np.ones(N), background, weights)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_the_best_fractions_are_those_of_the_mixture(share: float) -> None:
    # Neyman and Pearson: signal over the sum of the backgrounds as they are mixed.
    some = mixture(share)
    found = best(some, FORM, 0.8)
    assert found["f_a"] + found["f_b"] == pytest.approx(1.0, abs=1e-3)
    assert found["f_a"] == pytest.approx(share, abs=0.1)
    truth = {"f_a": share, "f_b": 1 - share}
    assert some.left(FORM, found, 0.8) <= some.left(FORM, truth, 0.8) + 1e-4
    # On other leptons they are as good as the exact ones, and better than wrong ones.
    other = mixture(share, seed=2)
    assert other.left(FORM, found, 0.8) < other.left(FORM, truth, 0.8) + 2e-3
    wrong = {"f_a": 1 - share, "f_b": share}
    if share != 0.5:
        assert other.left(FORM, found, 0.8) < other.left(FORM, wrong, 0.8)


def test_what_is_left_is_counted_with_weights() -> None:
    some = mixture(0.3)
    value = np.log(some.signal["s"] / (0.3 * some.signal["a"] + 0.7 * some.signal["b"]))
    cut = np.quantile(value, 0.2)
    other = np.log(some.background["s"] / (0.3 * some.background["a"] + 0.7 * some.background["b"]))
    expected = some.background_weights[other > cut].sum()
    assert some.left(FORM, {"f_a": 0.3, "f_b": 0.7}, 0.8) == pytest.approx(expected, abs=1e-4)


@pytest.fixture(scope="module")
def electrons(phys_sample: Path) -> Any:
    return lepid.decorate(lepid.open(phys_sample), "electron_dnn")


OPTIONS: dict[str, Any] = {
    "discriminant": "D_el", "signal": "El", "background": {"HF": 2.0, "LFH": 1.0},
    "efficiency": 0.8, "scheme": "dnn",
}  # fmt: skip


def test_fractions_of_events_are_taken_by_decorate(electrons: Any, phys_sample: Path) -> None:
    found = lepid.optimise_fractions(electrons, "electron_dnn", **OPTIONS)
    assert all(0 <= value <= 1 for value in found.values())
    again = lepid.decorate(
        lepid.open(phys_sample), "electron_dnn", fractions={"electron_dnn": found}
    )  # fmt: skip
    assert "D_el" in again["Electrons", "electron_dnn"].fields
    halves = [electrons[:2000], electrons[2000:]]
    assert lepid.optimise_fractions(iter(halves), "electron_dnn", **OPTIONS) == found


@pytest.mark.parametrize(
    ("change", "error", "fact"),
    [
        ({"efficiency": 1.0}, errors.BadInput, "not between 0 and 1"),
        ({"background": {"HF": 0.0}}, errors.BadInput, "shares of the background"),
        ({"background": {}}, errors.BadInput, "shares of the background"),
        ({"background": {"HV": 1.0}}, errors.UnknownName, "no class 'HV'"),
        ({"discriminant": "D_e"}, errors.UnknownName, "near: D_el"),
        ({"discriminant": "D_CF"}, errors.BadInput, "D_CF has no fractions"),
        ({"signal": "Known"}, errors.UnknownName, "no class 'Known'"),
    ],
)
def test_what_is_refused(
    electrons: Any, change: dict[str, Any], error: type[Exception], fact: str
) -> None:
    with pytest.raises(error, match=fact):
        lepid.optimise_fractions(electrons, "electron_dnn", **(OPTIONS | change))
    with pytest.raises(errors.BadInput, match="there are no events"):
        lepid.optimise_fractions([], "electron_dnn", **OPTIONS)
