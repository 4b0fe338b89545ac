"""Pictures of PLIV beside PLIT."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from itertools import pairwise
from pathlib import Path

import matplotlib.style
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.ticker import NullFormatter
from training.canvas import STYLE, canvas
from training.curves import Scored, curve, rejections
from training.leptons import Leptons

from lepid.plotting.figure import StyledFigure, save

Floats = npt.NDArray[np.float64]
Tested = Mapping[str, tuple[str, Leptons, Scored]]
_canvas = partial(canvas, size=(4.6, 3.4))
LOOK = {
    "plit": ("PLIT", "#3f90da", "o"),
    "pliv": ("PLIV", "#bd1f01", "s"),
    "ptvarcone30": (r"$p_T^{varcone30}/p_T$", "#717581", "^"),
}
CLASSES = {"b hadron": (8,), "c hadron": (9,), "light": (10,), "tau": (7,), "photon": (5,)}
# What is harder than the last edge is in the last bin.
PT, ABSETA = (10.0, 15.0, 20.0, 25.0, 32.0, 43.0, 100.0), (0.0, 0.7, 1.37, 2.0, 2.5)
LEAST, MOST = -9.9, 7.9
TITLE_SIZE = 13.0
EFFICIENCY, FEWEST = 0.9, 50
RANGE = ((3, 3000), (3, 500), (2, 500))


def write(tested: Tested, folder: Path) -> None:
    """All pictures, as png, in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    with matplotlib.style.context(STYLE):
        save(rejection(tested), folder / "pliv-rejection.png")
        save(scores(tested), folder / "pliv-score.png")


def rejection(tested: Tested) -> StyledFigure:
    """Rejection against efficiency, pt and |eta|, one row of panels for each kind of leptons."""
    picture, panels = _canvas(len(tested), 3)
    for row, (label, leptons, scored) in enumerate(tested.values()):
        left, middle, right = panels[3 * row : 3 * row + 3]
        _roc(left, scored)
        _profile(middle, scored, leptons.columns["pt"], PT)
        _profile(right, scored, np.abs(leptons.columns["eta"]), ABSETA)
        left.set_ylabel(f"{label.capitalize()}\nRejection of other leptons")
        middle.set(xlabel=r"$p_T$ [GeV]", xlim=(PT[0], PT[-1]))
        right.set(xlabel=r"$|\eta|$", xlim=(ABSETA[0], ABSETA[-1]))
        for panel in (middle, right):
            panel.set(ylabel="Rejection at 90 %", ylim=RANGE[row])
        for panel in (left, middle, right):
            panel.set_yscale("log")
            panel.yaxis.set_minor_formatter(NullFormatter())
    panels[0].legend(loc="upper right")
    return picture


def _roc(panel: Axes, scored: Scored) -> None:
    efficiencies = np.linspace(0.7, 0.995, 60)
    marks = (0.8, 0.9, 0.95)
    measured = rejections(scored, marks)
    for name, (label, colour, marker) in LOOK.items():
        values = curve(scored, name, efficiencies)
        panel.plot(efficiencies, values, color=colour, label=label)
        sure = [(x, *m) for x, m in zip(marks, measured[name], strict=True) if m.sure]
        if sure:
            x, y, error = np.array(sure).T
            panel.errorbar(x, y, error, color=colour, fmt=marker, markersize=4, capsize=2)
    panel.set(xlabel="Prompt efficiency", xlim=(0.7, 1.0), ylim=(1, 10_000))


def _profile(panel: Axes, scored: Scored, values: Floats, edges: tuple[float, ...]) -> None:
    """Each bin is cut at 90 % of its prompt leptons."""
    found: dict[str, list[tuple[float, ...]]] = {name: [] for name in LOOK}
    for low, high in pairwise(edges):
        some = scored.of((values >= low) & (values < (np.inf if high == edges[-1] else high)))
        if min(some.prompt.sum(), (~some.prompt).sum()) < FEWEST:
            continue
        measured = rejections(some, (EFFICIENCY,))
        for name, rows in found.items():
            if measured[name][0].sure:
                rows.append((0.5 * (low + high), 0.5 * (high - low), *measured[name][0]))
    for shift, (name, (_, colour, marker)) in enumerate(LOOK.items()):
        if found[name]:
            x, half, y, error = np.array(found[name]).T
            panel.errorbar(
                x + 0.12 * (shift - 1) * half, y, error, half, color=colour, fmt=marker,
                markersize=4, linewidth=1,
            )  # fmt: skip


def scores(tested: Tested) -> StyledFigure:
    """What the trees add up for prompt leptons, and by class for the others."""
    picture, panels = _canvas(1, len(tested))
    bins = np.linspace(-10, 8, 37)
    for panel, (label, leptons, scored) in zip(panels, tested.values(), strict=True):
        iff = leptons.columns["iff"]
        groups = {"prompt": scored.prompt}
        groups |= {name: np.isin(iff, codes) for name, codes in CLASSES.items()}
        for name, chosen in groups.items():
            if chosen.sum() < FEWEST:
                continue
            weight = scored.weight[chosen]
            # Counted by hand: matplotlib gives bins without leptons no line.
            with np.errstate(divide="ignore"):
                total = 2 * np.arctanh(-scored.scores["pliv"][chosen])
            counts, _ = np.histogram(np.clip(total, LEAST, MOST), bins, weights=weight)
            panel.stairs(counts / weight.sum(), bins, linewidth=1.4, label=name)
        panel.set(xlabel="2 artanh(PLIV score)", yscale="log", xlim=(-10, 8), ylim=(5e-4, 5))
        panel.set_title(label.capitalize(), fontsize=TITLE_SIZE)
    panels[0].set_ylabel("Fraction per bin")
    panels[0].legend(loc="upper center", ncols=2)
    return picture
