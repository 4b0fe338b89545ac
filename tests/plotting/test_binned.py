"""Pictures of efficiencies of probes and of scale factors hold the numbers and say so."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lepid.efficiency.scale_factors.ratio import Measured, ScaleFactors, ratio
from lepid.efficiency.tag_and_probe import bins
from lepid.efficiency.tag_and_probe.bins import Ends, Method, Yields
from lepid.efficiency.tag_and_probe.pair_table import Histogram, PassFail
from lepid.efficiency.tag_and_probe.result import ProbeEfficiency
from lepid.errors import BadInput, UnknownName
from lepid.plotting.binned import factor_figure, probe_figure
from lepid.plotting.figure import save, save_pages

EDGES = (10.0, 30.0, math.inf), (0.0, 1.5, 2.5)
VALUES = np.array([[0.8, 0.7], [0.9, math.nan]])
NOTHING = Histogram(np.zeros(1), np.zeros(1))


def measured(values: Any) -> tuple[bins.Measured, ...]:
    masses = PassFail(np.array([80.0, 100.0]), NOTHING, NOTHING)
    return tuple(
        bins.Measured(Ends(v, v - 0.02, v + 0.01), "count", Yields(1, 1, 0, 0), masses)
        for v in np.ravel(values)
    )


def result(point: str = "Tight", edges: Any = EDGES, shift: float = 0.03) -> ProbeEfficiency:
    ways = {"window": (measured(VALUES + shift),)}
    identity = {"tagger": "toy", "collection": "Muons", "resonance": "Z", "experiment": "cms"}
    return ProbeEfficiency(point, Method("count"), edges, measured(VALUES), ways, identity)


def factors() -> ScaleFactors:
    edges = tuple(np.array(line) for line in EDGES)
    data = Measured(edges, VALUES, VALUES - 0.02, VALUES + 0.01, ways={"fit": (VALUES + 0.03,)})
    rates = np.full((2, 2), 0.9)
    simulation = Measured(edges, rates, rates - 0.01, rates + 0.01)
    return ScaleFactors("toy", "Muons", {"Tight": ratio(data, simulation)})


def heights(panel: Any) -> list[float]:
    """Vertical places of the points with a label."""
    named = [c for c in panel.containers if not str(c.get_label()).startswith("_")]
    return [float(y) for c in named if hasattr(c, "lines") for y in c.lines[0].get_ydata()]


def spans(panel: Any) -> set[float]:
    """Lengths of all vertical bars."""
    found = set()
    for one in panel.collections:
        for path in one.get_paths():
            (x0, y0), (x1, y1) = path.vertices[0], path.vertices[-1]
            if x0 == x1:
                found.add(round(float(y1 - y0), 6))
    return found


def test_probes_have_both_bars() -> None:
    figure = probe_figure([result(), result("Loose")])
    first, second = figure.axes
    assert heights(first) == pytest.approx([0.8, 0.9] * 2)
    assert heights(second) == pytest.approx([0.7] * 2)
    stat, total = 0.03, math.hypot(0.02, 0.03) + math.hypot(0.01, 0.03)
    assert {round(stat, 6), round(total, 6)} <= spans(first)
    text = " ".join(one.get_text() for one in figure.texts)
    assert "toy, Muons, Z: count" in text
    assert "beyond caps" in text
    assert [one.get_text() for one in figure.legends[0].texts] == ["Tight", "Loose"]


def test_scale_factors_are_below_the_efficiencies() -> None:
    figure = factor_figure(factors())
    upper, other, lower, _ = figure.axes
    assert heights(upper) == pytest.approx([0.8, 0.9, 0.9, 0.9])
    assert heights(other) == pytest.approx([0.7, 0.9, 0.9])
    assert heights(lower) == pytest.approx([0.8 / 0.9, 1.0])
    assert upper.get_position().y0 > lower.get_position().y1
    assert upper.get_position().x0 == lower.get_position().x0
    assert upper.get_xlim() == lower.get_xlim()
    low, high = lower.get_ylim()
    assert (low + high) / 2 == pytest.approx(1.0)
    assert [one.get_text() for one in figure.legends[0].texts] == ["data", "simulation"]


@pytest.mark.parametrize("style", [None, "atlas", "cms"])
def test_styles_and_formats(style: str | None, tmp_path: Path) -> None:
    for name, figure in (("a", probe_figure([result()], style=style)),
                         ("b", factor_figure(factors(), style=style))):  # fmt: skip
        save(figure, tmp_path / f"{name}.svg")
        assert (tmp_path / f"{name}.svg").stat().st_size > 5000


def test_pages_are_in_one_pdf(tmp_path: Path) -> None:
    figures = [probe_figure([result()]), factor_figure(factors())]
    save_pages(figures, tmp_path / "x.pdf")
    assert (tmp_path / "x.pdf").read_bytes().count(b"/Type /Page ") == 2
    with pytest.raises(BadInput, match="2 pictures do not fit"):
        save_pages(figures, tmp_path / "x.png")
    save_pages(figures[:1], tmp_path / "x.png")
    assert (tmp_path / "x.png").read_bytes()[:4] == b"\x89PNG"


def test_errors() -> None:
    with pytest.raises(UnknownName, match="no style 'cdf'"):
        probe_figure([result()], style="cdf")
    with pytest.raises(UnknownName, match="no working point 'Loose'"):
        factor_figure(factors(), working_points=["Loose"])
    with pytest.raises(BadInput, match="all probes are one bin"):
        probe_figure([result(edges=())])
    with pytest.raises(BadInput, match="have other bins"):
        probe_figure([result(), result("Loose", ((10.0, 40.0, math.inf), EDGES[1]))])
