"""Pictures and pages of mass fits show the pairs, the fit and what was found."""

from __future__ import annotations

import runpy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from lepid.efficiency.tag_and_probe.result import ProbeEfficiency, probe_efficiency
from lepid.html_report.tag_and_probe import probes_html
from lepid.plotting.figure import png
from lepid.plotting.masses import bin_title, mass_figure

TOYS = Path(__file__).parents[1] / "efficiency" / "tag_and_probe" / "pair_toys.py"


@pytest.fixture(scope="module")
def toys() -> SimpleNamespace:
    return SimpleNamespace(**runpy.run_path(str(TOYS)))


@pytest.fixture(scope="module")
def fitted(toys: SimpleNamespace) -> ProbeEfficiency:
    table = toys.table(np.random.default_rng(1), 3000, 600)
    return probe_efficiency(table, "Tight", inclusive=True)


@pytest.fixture(scope="module")
def few(toys: SimpleNamespace) -> Any:
    return toys.table(np.random.default_rng(1), 40, 0)


def texts(figure: Any) -> str:
    return "\n".join(text.get_text() for text in figure.texts)


def test_the_pairs_the_fit_and_their_pulls_are_drawn(fitted: ProbeEfficiency) -> None:
    figure = mass_figure(fitted, 0)
    (one,) = fitted.bins
    masses, below = figure.axes[0], figure.axes[1]
    points = np.asarray(masses.containers[0].lines[0].get_ydata())
    shown = one.masses.passed.values
    assert points.tolist() == shown[shown > 0].tolist()
    curves = {patch.get_label(): patch.get_data().values for patch in masses.patches}
    assert one.fit is not None
    whole = one.fit.curves.signal["passed"] + one.fit.curves.background["passed"]
    assert np.allclose(curves["Fit"], whole)
    assert np.allclose(curves["Background"], one.fit.curves.background["passed"])
    assert below.get_ylabel() == "Pull"
    assert f"{one.ends.value:.4f}" in texts(figure)
    assert f"p = {one.fit.p_value:.2g}" in texts(figure)
    assert len(figure.axes) == 4


def test_a_page_holds_the_numbers_and_the_fits(fitted: ProbeEfficiency) -> None:
    (one,) = fitted.bins
    title = bin_title(fitted, 0)
    page = probes_html([fitted.content()], [{title: png(mass_figure(fitted, 0))}], {})
    assert page.count("data:image/png") == 1
    assert one.fit is not None
    for fact in (title, f"{one.ends.value:.4f}", f"{one.fit.chi2:.1f}/{one.fit.ndof}", "toy"):
        assert fact in page


def test_few_pairs_have_no_goodness_of_fit(
    few: Any,
) -> None:
    result = probe_efficiency(few, "Tight", inclusive=True, minimum=1)
    (one,) = result.bins
    assert one.fit is not None
    assert one.fit.ndof <= 0
    assert "ndof" not in texts(mass_figure(result, 0))
    assert "too few pairs" in probes_html([result.content()], [{"all": b""}], {})
