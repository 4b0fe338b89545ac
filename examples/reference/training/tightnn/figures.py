"""Pictures of what the TightNN networks can do."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import matplotlib.style
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FormatStrFormatter, NullFormatter
from training.canvas import STYLE, canvas
from training.curves import Measured, Scored, curve
from training.electron.results import rank_correlation
from training.tightnn import runs
from training.tightnn.compared import BINNED, FLAT, TIGHT, Compared
from training.tightnn.runs import RUN2, RUN3
from training.tightnn.weights import REWEIGHTINGS

from lepid.plotting.figure import StyledFigure, save

Floats = npt.NDArray[np.float64]
PANEL = (4.6, 3.4)
_canvas = partial(canvas, size=PANEL)
TITLE = 13.0
LOOK = {
    TIGHT: ("Tight by cuts", "#717581", "s"),
    BINNED: ("TightNN, at the same efficiency per bin", "#3f90da", "o"),
    FLAT: ("TightNN, one cut", "#bd1f01", "^"),
}
LINES = {
    "none": ("none", "#3f90da"), "flat": ("both flat", "#ffa90e"),
    "signal": ("signal to background", "#bd1f01"),
    "background": ("background to signal", "#832db6"),
}  # fmt: skip
RIVALS = {
    "run3": ("TightNN", "#3f90da"), "run3-gbdt": ("GBDT", "#bd1f01"),
    "run3-lstm": ("LSTM", "#ffa90e"), "run3-transformer": ("transformer", "#832db6"),
}  # fmt: skip
LABELS = {"pt": r"$p_T$ [GeV]", "abseta": r"$|\eta|$"}
TITLES = {RUN3.name: "Run 3", RUN2.name: "Run 2"}
TICKS = [4, 5, 6, 8, 10, 15, 20, 30, 50]


def write(tested: Mapping[str, Compared], tables: Mapping[str, Any], output: Path) -> None:
    """All pictures, as png, in `output`/figures."""
    folder = output / "figures"
    folder.mkdir(parents=True, exist_ok=True)
    with matplotlib.style.context(STYLE):
        for name in tested:
            picture = acceptance(tables["bins"][name], TITLES[name])
            save(picture, folder / f"tightnn-acceptance-{name}.png")
        save(scores(tested[RUN3.name]), folder / "tightnn-scores.png")
        save(reweighting(tested[RUN3.name]), folder / "tightnn-reweighting.png")
        save(training(output), folder / "tightnn-training.png")
        save(ranking(tables["ranking"]), folder / "tightnn-ranking.png")
        save(correlations(tested[RUN3.name]), folder / "tightnn-correlations.png")


def acceptance(bins: Mapping[str, Any], title: str) -> StyledFigure:
    """Signal and background that pass, against pt and |eta|, and the ratio of the latter."""
    picture, panels = _canvas(3, 2, heights=(2.2, 3, 1.6))
    for column, (axis, rows) in enumerate(bins.items()):
        kept, left, ratio = (panels[2 * row + column] for row in range(3))
        for key, (label, colour, marker) in LOOK.items():
            style = {"color": colour, "fmt": marker, "label": label}
            for panel, place in ((kept, 0), (left, 1)):
                _points(panel, rows, [row[key][place] for row in rows], style)
            if key != TIGHT:
                _points(ratio, rows, [row["gain"][key] for row in rows], style)
        ratio.axhline(1.0, color="0.6", linewidth=0.8, zorder=0)
        kept.set_ylim(0.75, 1.05)
        left.set_ylim(0.0, 1.15)
        ratio.set_ylim(0.5, 3.2)
        for panel in (kept, left, ratio):
            _axis(panel, axis, rows)
            panel.tick_params(labelbottom=panel is ratio)
        ratio.set_xlabel(LABELS[axis])
        if column == 0:
            for panel, label in ((kept, "Signal efficiency"), (left, "Background acceptance"),
                                 (ratio, "Cuts / TightNN")):  # fmt: skip
                panel.set_ylabel(label)
            left.legend(loc="upper right", fontsize=9.5)
    panels[0].set_title(f"{title}: muons in jets", fontsize=TITLE)
    return picture


def _points(
    panel: Axes, rows: Sequence[Any], values: Sequence[Measured], style: Mapping[str, Any]
) -> None:
    middle = [0.5 * (row["low"] + row["high"]) for row in rows]
    half = [0.5 * (row["high"] - row["low"]) for row in rows]
    panel.errorbar(
        middle, [v.value for v in values], [v.error for v in values], half, markersize=4,
        linewidth=1.2, **style,
    )  # fmt: skip


def _axis(panel: Axes, axis: str, rows: Sequence[Any]) -> None:
    panel.set_xlim(rows[0]["low"], rows[-1]["high"])
    if axis == "pt":
        panel.set_xscale("log")
        panel.xaxis.set_major_locator(FixedLocator(TICKS))
        panel.xaxis.set_major_formatter(FormatStrFormatter("%g"))
        panel.xaxis.set_minor_formatter(NullFormatter())


def scores(found: Compared) -> StyledFigure:
    """Scores of both classes, and what passes against what is kept."""
    picture, panels = _canvas(1, 2)
    edges = np.linspace(0, 1, 41)
    signal = found.muons.signal
    for mine, label, colour in ((signal, "heavy hadrons", "#3f90da"),
                                (~signal, "pions and kaons", "#bd1f01")):  # fmt: skip
        weight, score = found.weight[mine], found.scores[RUN3.name][mine]
        counts = np.histogram(score, edges, weights=weight)[0]
        errors = np.sqrt(np.histogram(score, edges, weights=weight**2)[0])
        total = weight.sum()
        panels[0].stairs(counts / total, edges, color=colour, label=label, linewidth=1.3)
        middle = 0.5 * (edges[1:] + edges[:-1])
        panels[0].errorbar(middle, counts / total, errors / total, color=colour, fmt="none")
    panels[0].axvline(found.cuts.flat, color="0.5", linestyle="--", linewidth=1.0)
    panels[0].set(xlabel="Score, Run 3", ylabel="Fraction per bin", xlim=(0, 1), ylim=(0, None))
    panels[0].legend(loc="upper left")
    efficiencies = np.linspace(0.5, 0.995, 100)
    for name, (label, colour) in RIVALS.items():
        scored = Scored({name: found.scores[name]}, signal, found.weight)
        passes = 1.0 / curve(scored, name, efficiencies)
        panels[1].plot(efficiencies, passes, color=colour, label=label, linewidth=1.3)
    for key in (TIGHT, FLAT):
        kept, left = found.fractions(key)
        label, _, marker = LOOK[key]
        colour = LOOK[TIGHT][1] if key == TIGHT else RIVALS[RUN3.name][1]
        panels[1].errorbar(
            kept.value, left.value, left.error, kept.error, color=colour, fmt=marker, label=label,
            markersize=6,
        )  # fmt: skip
    panels[1].set(xlabel="Signal efficiency", ylabel="Background acceptance", xlim=(0.5, 1.0),
                  ylim=(0, 1))  # fmt: skip
    panels[1].legend(loc="upper left")
    return picture


def reweighting(found: Compared) -> StyledFigure:
    """The reweightings against pt, each with one cut that keeps as much in all as Tight."""
    picture, panels = _canvas(1, 2)
    pt = found.muons.columns["pt"]
    edges = np.array([4, 4.5, 5, 6, 7, 8, 10, 12, 15, 20, 30, 50], float)
    inside = [(pt >= low) & (pt < high) for low, high in pairwise(edges)]
    rows = [{"low": low, "high": high} for low, high in pairwise(edges)]
    shown = {TIGHT: LOOK[TIGHT][:2]} | {
        FLAT if name == "none" else f"run3-{name}-seed1": LINES[name] for name in REWEIGHTINGS
    }
    for key, (label, colour) in shown.items():
        both = [found.fractions(key, some) for some in inside]
        style = {"color": colour, "fmt": "s" if key == TIGHT else "o", "label": label}
        for panel, place in zip(panels, (0, 1), strict=True):
            _points(panel, rows, [parts[place] for parts in both], style)
            _axis(panel, "pt", rows)
            panel.set_xlabel(LABELS["pt"])
    panels[0].set(ylabel="Signal efficiency", ylim=(0.5, 1.02))
    panels[1].set(ylabel="Background acceptance", ylim=(0, 1.0))
    panels[0].legend(loc="lower right", title="Reweighting")
    return picture


def training(folder: Path) -> StyledFigure:
    """Loss and accuracy against epochs, with and without dropout."""
    picture, panels = _canvas(2, 2)
    for column, name in enumerate(TITLES):
        history = json.loads((folder / f"{name}.json").read_text("utf-8"))["history"]
        epochs = np.arange(1, len(history) + 1)
        for row, (key, label) in enumerate((("", "Loss"), ("_accuracy", "Accuracy"))):
            panel = panels[2 * row + column]
            for part, colour in (("train", "#3f90da"), ("validation", "#bd1f01")):
                word = "training, with dropout" if part == "train" else part
                values = [epoch[part + key] for epoch in history]
                panel.plot(epochs, values, color=colour, label=word, linewidth=1.3)
            best = int(np.argmin([epoch["validation"] for epoch in history]))
            panel.axvline(epochs[best], color="0.6", linestyle=":", linewidth=1.0)
            panel.set_xlabel("Epoch")
            if column == 0:
                panel.set_ylabel(label)
        panels[column].set_title(TITLES[name], fontsize=TITLE)
    panels[0].legend()
    return picture


def ranking(tables: Mapping[str, Mapping[str, Measured]]) -> StyledFigure:
    """Accuracy that is lost by permuting each input."""
    picture, panels = canvas(1, 2, size=(5.2, 5.6))
    for panel, (name, lost) in zip(panels, tables.items(), strict=True):
        values = list(lost.values())[::-1]
        places = np.arange(len(values))
        panel.barh(
            places, [100 * v.value for v in values], xerr=[100 * v.error for v in values],
            color="#3f90da", error_kw={"linewidth": 1.0},
        )  # fmt: skip
        panel.set_yticks(places, list(lost)[::-1], fontsize=8.5)
        panel.tick_params(axis="y", which="both", length=0)
        panel.axvline(0.0, color="0.3", linewidth=0.8)
        panel.set_xlabel("Accuracy lost [%]")
        panel.set_title(TITLES[name], fontsize=TITLE)
    return picture


def correlations(found: Compared) -> StyledFigure:
    """Correlations of the inputs in both classes."""
    picture, panels = canvas(1, 2, size=(5.6, 5.0))
    names = runs.inputs_of(RUN3)
    image: Any = None
    signal = found.muons.signal
    for place, (panel, mine, title) in enumerate(
        zip(panels, (signal, ~signal), ("Heavy hadrons", "Pions and kaons"), strict=True)
    ):
        matrix = rank_correlation(found.muons.inputs[mine])
        image = panel.imshow(matrix, cmap="RdBu_r", vmin=-1, vmax=1)
        panel.set_title(title, fontsize=TITLE)
        panel.tick_params(which="both", length=0)
        panel.set_yticks(range(len(names)), names if place == 0 else [], fontsize=8)
        panel.set_xticks(range(len(names)), names, fontsize=8, rotation=90)
    bar = picture.colorbar(image, ax=panels, shrink=0.8, pad=0.01)
    bar.set_label("Rank correlation")
    return picture
