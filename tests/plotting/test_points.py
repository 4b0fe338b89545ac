"""Pictures of tables of working points show the numbers of the tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lepid import errors
from lepid.plotting.figure import png
from lepid.plotting.points import figure, kinds
from lepid.working_points import table
from lepid.working_points.bins import Bins
from lepid.working_points.derive import derive
from lepid.working_points.grid import grids
from lepid.working_points.points import Sample, Wanted
from lepid.working_points.table import Binding, Table
from lepid.working_points.written import Named, table_of

TABLES = Path(__file__).resolve().parents[2] / "wp_tables"
CMS = TABLES / "cms_electron_mva_iso" / "winter22.json"
PLIT = TABLES / "muon_plit" / "atlas-2025-04-25-run3.json"
DNN = TABLES / "electron_dnn" / "reference.json"
ISOLATION = TABLES / "muon_isolation" / "atlas.json"
BINS = Bins((5.0, 10.0, 20.0, np.inf), (0.0, 1.0, 2.5))


def derived(**options: Any) -> Table:
    rng = np.random.default_rng(3)
    pt = 5.0 + rng.exponential(15.0, 4000)
    quantities = {"score": np.log(pt) + rng.normal(size=len(pt))}
    every = {"El": np.ones(len(pt), np.bool_)}
    some = Sample(quantities, every, pt, rng.uniform(0, 2.5, len(pt)), np.ones(len(pt)))
    wanted = [Wanted("Loose", "El", 0.95, ""), Wanted("Tight", "El", 0.8, "")]
    made = derive(some, wanted, BINS, **options)
    axes = {"pt": "pt", "abseta": "abseta"}
    named = Named("electron_mine", "one", made, axes, Binding(columns=("a",)), {}, {})
    return table_of(named, "points.json")


def bars(axes: Any) -> list[tuple[Any, Any, Any]]:
    """Places, values and half lengths of the vertical error bars of each point."""
    found = []
    for container in axes.containers:
        data, _, (lines,) = container
        ends = np.array([segment[:, 1] for segment in lines.get_segments()])
        found.append((*data.get_data(), 0.5 * (ends[:, 1] - ends[:, 0])))
    return found


def test_what_there_is_to_draw() -> None:
    assert kinds(table.read(CMS)) == ["score"]
    assert kinds(derived()) == ["score", "efficiency"]
    assert kinds(table.read(ISOLATION)) == []
    # A mask of bits is no cut to draw.
    assert "ambiguityType" not in kinds(table.read(DNN))
    assert "D_el" in kinds(table.read(DNN))


@pytest.mark.parametrize("smoothing", ["", "pchip"])
def test_lines_are_the_cuts_of_the_table(smoothing: str) -> None:
    some = derived(smoothing=smoothing)
    panels = figure(some, "score").axes
    assert [panel.get_title(loc="left") for panel in panels] == [
        r"$|\eta|$ 0 to 1",
        r"$|\eta|$ 1 to 2.5",
    ]
    for panel, abseta in zip(panels, (0.3, 2.0), strict=True):
        lines = [line.get_data() for line in panel.lines if len(line.get_xdata()) > 20]
        assert len(lines) == 2 * 3
        for place, (x, y) in enumerate(lines):
            name = ("Loose", "Tight")[place // 3]
            cuts = some.tables.look_up(name, x, np.full(len(x), abseta))
            np.testing.assert_array_equal(y, cuts)
            edges = (5.0, 10.0, 20.0, 40.0)[place % 3 : place % 3 + 2]
            assert (x[0], x[-1]) == pytest.approx(edges)


def test_bars_are_the_uncertainties_of_the_cuts() -> None:
    some = derived()
    found = grids(some)
    for column, panel in enumerate(figure(some).axes):
        for grid, (x, value, half) in zip(found, bars(panel), strict=True):
            np.testing.assert_allclose(value, grid.cuts[:, column])
            np.testing.assert_allclose(half, grid.uncertainty[:, column], rtol=1e-6)
            assert (np.diff(x) > 0).all()


def test_efficiencies_stand_beside_what_was_asked_for() -> None:
    some = derived()
    figures = figure(some, "efficiency")
    for column, panel in enumerate(figures.axes):
        dashed = [line.get_ydata() for line in panel.lines if line.get_linestyle() == "--"]
        np.testing.assert_allclose(dashed, [[0.95, 0.95]] * 3 + [[0.8, 0.8]] * 3)
        for grid, (_, value, half) in zip(grids(some), bars(panel), strict=True):
            np.testing.assert_allclose(value, grid.efficiency[:, column])
            # Binomial, as the leptons have no weights.
            known = grid.efficiency_uncertainty[:, column]
            np.testing.assert_allclose(half, known, rtol=1e-6)
            assert (known > 0.001).all()
            assert (known < 0.03).all()


def test_pictures_of_published_points() -> None:
    (panel,) = figure(table.read(PLIT)).axes
    assert panel.get_xlabel().endswith("[MeV]")
    names = figure(table.read(PLIT)).legends[0].get_texts()
    assert [text.get_text() for text in names] == table.read(PLIT).points
    assert len(figure(table.read(CMS), style="cms").axes) == 3
    assert png(figure(table.read(DNN), "D_el", style="atlas")).startswith(b"\x89PNG")


def test_errors() -> None:
    with pytest.raises(errors.UnknownName, match=r"no kind 'scor'(?s:.*)near: score"):
        figure(table.read(CMS), "scor")
    with pytest.raises(errors.UnknownName, match=r"no style 'lhcb'"):
        figure(table.read(CMS), style="lhcb")
    with pytest.raises(errors.BadInput, match=r"no cut that changes from bin to bin"):
        figure(table.read(ISOLATION))
