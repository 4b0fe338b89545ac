"""Background of charge flips against slow twins and known shapes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.stats import norm

from lepid.efficiency.tag_and_probe.flip_background import Cells, minus_log, profiled, ratio

EDGES = np.linspace(60.0, 120.0, 61)
PEAK = (80.0, 100.0)


def slow(signal: float, seen: float, beside: float, part: float) -> tuple[float, float]:
    def value(background: float) -> float:
        one, two = signal + part * background, background
        return float(one - seen * np.log(one) + two - beside * np.log(max(two, 1e-12)))

    found = minimize_scalar(value, bounds=(1e-9, 1e3), method="bounded", options={"xatol": 1e-9})
    return float(found.x), float(found.fun)


@pytest.mark.parametrize("part", [0.2, 0.5, 1.3])
def test_the_profile_is_the_maximum(part: float) -> None:
    for signal, seen, beside in ((3.0, 10.0, 20.0), (0.5, 0.0, 4.0), (8.0, 4.0, 1.0)):
        cells = Cells(np.array([[0.0, seen]]), np.array([[0.0, beside]]), np.array([part]))
        background, value = slow(signal, seen, beside, part)
        assert profiled(np.array([signal]), cells)[0] == pytest.approx(background, abs=1e-4)
        assert minus_log(np.array([signal]), cells) == pytest.approx(value, abs=1e-7)


@pytest.mark.parametrize(("turn_on", "scale"), [(40.0, 9.0), (80.0, 25.0)])
def test_the_ratio_of_a_shaped_background(turn_on: float, scale: float) -> None:
    """Momenta far below or above half the mass: a line would be wrong by up to a half."""
    rng = np.random.default_rng(7)
    heights = norm.cdf(EDGES[:-1], turn_on, 7.0) * np.exp(-(EDGES[:-1] - 60.0) / scale)
    heights /= heights.sum()
    peak = np.diff(norm.cdf(EDGES, 91.0, 2.5))
    inside = slice(20, 40)
    truth = heights[inside].sum() / (1.0 - heights[inside].sum())
    values = np.array(
        [rng.poisson(6000 * peak + 3000 * heights), rng.poisson(100 * peak + 1500 * heights)]
    ).astype(float)
    assert ratio(EDGES, values, PEAK, "Z") == pytest.approx(truth, rel=0.12)
    assert abs(truth - 0.5) > 0.12


def test_with_few_pairs_a_line_has_to_do() -> None:
    values = np.zeros((2, 60))
    values[:, [0, 30, 50]] = 5.0
    assert ratio(EDGES, values, PEAK, "Z") == pytest.approx(0.5)
