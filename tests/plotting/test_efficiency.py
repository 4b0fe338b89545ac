"""Figures hold the numbers of the table, and leave the settings of matplotlib alone."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure

from lepid.efficiency import counting
from lepid.efficiency.counting import EfficiencyTable
from lepid.errors import BadInput, UnknownName, UnknownWorkingPoint
from lepid.plotting import figure as plotting
from lepid.plotting.efficiency import FAINT, WIDE, efficiency_figure

PNG = b"\x89PNG\r\n\x1a\n"


def table_of(pt: float = 40.0, n: int = 500, **changes: Any) -> EfficiencyTable:
    rng = np.random.default_rng(4)
    options = {"classes": ("prompt", "heavy", "light"), "working_points": ("Loose", "Tight")}
    options |= {"pt_edges": (0.0, 10.0, 20.0, 50.0, math.inf), "abseta_edges": (0.0, 1.37, 2.5)}
    return counting.count(
        counting.empty("electron_dnn", "stored", **(options | changes)),
        decisions={"Loose": rng.random(n) < 0.8, "Tight": rng.random(n) < 0.3},
        scored=np.ones(n, bool),
        truth_class=rng.integers(0, 2, n),
        pt=rng.exponential(pt, n),
        abseta=rng.uniform(0.0, 2.5, n),
    )


def texts(figure: Figure) -> str:
    found = figure.findobj(mpl.text.Text)
    return "\n".join(text.get_text() for text in found)


@pytest.mark.parametrize("by", ["pt", "abseta"])
@pytest.mark.parametrize("style", [None, "atlas", "cms"])
def test_points_and_bars_are_those_of_the_table(by: Any, style: Any) -> None:
    table = table_of()
    figure = efficiency_figure(table, by, style=style)
    assert [panel.get_title(loc="left") for panel in figure.axes] == ["prompt", "heavy"]
    for panel, name in zip(figure.axes, ("prompt", "heavy"), strict=True):
        pairs = zip(panel.containers[::2], panel.containers[1::2], strict=True)
        for (clear, faint), point in zip(pairs, table.working_points, strict=True):
            result = table.efficiency(point, name, (by,))
            wide = result.high - result.low > WIDE
            for container, chosen in ((clear, ~wide), (faint, wide)):
                line, _, (across, upright) = container.lines
                np.testing.assert_allclose(line.get_ydata(), result.value[chosen])
                ends = np.array([segment[:, 1] for segment in upright.get_segments()])
                expected = np.stack([result.low, result.high], axis=1)[chosen]
                np.testing.assert_allclose(ends.reshape(-1, 2), expected)
                assert len(across.get_segments()) == chosen.sum()
            assert clear.get_label() == point
    assert plotting.png(figure).startswith(PNG)


def test_bins_with_wide_intervals_are_faint_and_the_caption_says_so() -> None:
    figure = efficiency_figure(table_of(n=12), "pt")
    clear, faint = figure.axes[0].containers[:2]
    assert len(faint.lines[0].get_ydata()) > 0
    assert faint.lines[0].get_alpha() == FAINT
    assert clear.lines[0].get_alpha() is None
    assert f"faint if wider than {WIDE:g}" in texts(figure)


def test_open_bin_ends_at_infinity_on_a_logarithmic_axis() -> None:
    panel = efficiency_figure(table_of(), "pt").axes[0]
    assert panel.get_xscale() == "log"
    assert panel.get_xlim() == (5.0, 100.0)
    labels = {
        tick: label.get_text()
        for tick, label in zip(panel.get_xticks(), panel.get_xticklabels(), strict=True)
    }
    assert labels[5.0] == "0"
    assert labels[100.0] == r"$\infty$"
    assert (labels[10.0], labels[20.0], labels[50.0]) == ("10", "20", "50")


def test_eta_axis_is_linear() -> None:
    panel = efficiency_figure(table_of(), "abseta").axes[0]
    assert (panel.get_xscale(), panel.get_xlim()) == ("linear", (0.0, 2.5))


def test_empty_bins_are_not_drawn() -> None:
    table = table_of(pt_edges=(0.0, 10.0, 1e6, math.inf))
    panel = efficiency_figure(table, "pt").axes[0]
    assert len(panel.containers[0].lines[0].get_ydata()) == 2
    assert panel.get_xlim()[1] == 1e6


def test_chosen_classes_and_points() -> None:
    figure = efficiency_figure(
        table_of(), "pt", classes=["heavy", "light"], working_points=["Tight"]
    )
    assert [panel.get_title(loc="left") for panel in figure.axes] == ["heavy"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["Tight"]


@pytest.mark.parametrize("number", [1, 3, 4, 7, 11])
def test_panels_do_not_overlap_nor_leave_the_page(number: int) -> None:
    table = table_of(classes=[f"class {i}" for i in range(number)]) if number > 1 else table_of()
    if number > 1:
        n = 20 * number
        table = counting.count(
            table,
            decisions=dict.fromkeys(table.working_points, np.arange(n) % 2 == 0),
            scored=np.ones(n, bool),
            truth_class=np.arange(n) % number,
            pt=np.full(n, 30.0),
            abseta=np.full(n, 1.0),
        )
    classes = None if number > 1 else ["prompt"]
    figure = efficiency_figure(table, "pt", classes=classes)
    boxes = [panel.get_position() for panel in figure.axes]
    assert len(boxes) == number
    for i, box in enumerate(boxes):
        assert box.x0 > 0.0
        assert box.y0 > 0.0
        assert box.x1 < 1.0
        assert box.y1 < 1.0
        assert not any(box.overlaps(other) for other in boxes[i + 1 :])


def test_label_is_of_lepid_unless_given() -> None:
    assert "lepid\nSimulation" in texts(efficiency_figure(table_of(), "pt", style="atlas"))
    labelled = texts(efficiency_figure(table_of(), "pt", label="ATLAS Work in progress"))
    assert "ATLAS\nWork in progress" in labelled
    assert "lepid" not in labelled


def test_interval_and_tagger_are_named() -> None:
    found = texts(efficiency_figure(table_of(collection="Electrons"), "pt"))
    assert "electron_dnn (stored), Electrons" in found
    assert "clopper-pearson, 68.3 %" in found


def test_style_follows_the_experiment() -> None:
    fonts = {
        name: efficiency_figure(table_of(experiment=name), "pt").parameters[0]
        for name in ("atlas", "cms")
    }
    assert fonts["atlas"] != fonts["cms"]


def test_settings_of_matplotlib_stay() -> None:
    # The backend is looked up, and may be loaded, by reading it.
    names = set(mpl.rcParams) - {"backend"}
    before = {name: mpl.rcParams[name] for name in names}
    plotting.png(efficiency_figure(table_of(), "pt", style="cms"))
    assert {name: mpl.rcParams[name] for name in names} == before
    assert not any(name in sys.modules for name in ("tkinter", "PyQt6", "PySide6"))


def test_style_holds_where_the_figure_is_saved() -> None:
    figure = efficiency_figure(table_of(), "pt", style="atlas")
    with mpl.rc_context({"font.sans-serif": ["DejaVu Sans"], "mathtext.fontset": "cm"}):
        inside = plotting.png(figure)
    assert inside == plotting.png(figure)


@pytest.mark.parametrize("suffix", plotting.SUFFIXES)
def test_saved_by_suffix(tmp_path: Path, suffix: str) -> None:
    figure = efficiency_figure(table_of(), "pt")
    plotting.save(figure, tmp_path / f"plot{suffix}")
    start = {".png": PNG, ".pdf": b"%PDF", ".svg": b"<?xml"}[suffix]
    assert (tmp_path / f"plot{suffix}").read_bytes().startswith(start)


def test_what_cannot_be_drawn(tmp_path: Path) -> None:
    table = table_of()
    with pytest.raises(BadInput, match=r"'\.pgn'") as caught:
        plotting.save(efficiency_figure(table, "pt"), tmp_path / "plot.pgn")
    assert ".png" in str(caught.value)
    assert not list(tmp_path.iterdir())
    with pytest.raises(UnknownName, match="'phi'"):
        efficiency_figure(table, "phi")
    with pytest.raises(UnknownName, match="'lhcb'"):
        efficiency_figure(table, "pt", style="lhcb")
    with pytest.raises(UnknownWorkingPoint, match="'Medium'"):
        efficiency_figure(table, "pt", working_points=["Medium"])
    with pytest.raises(UnknownName, match="'tau'"):
        efficiency_figure(table, "pt", classes=["tau"])
    with pytest.raises(BadInput, match="no scored leptons"):
        efficiency_figure(table, "pt", classes=["light"])
    with pytest.raises(BadInput, match="no working point"):
        efficiency_figure(table, "pt", working_points=[])
