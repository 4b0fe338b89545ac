"""Pictures of what the electron network and its rivals can do."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib.style
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FormatStrFormatter, LogLocator, NullFormatter
from training.canvas import STYLE, canvas
from training.curves import curve, rejections
from training.electron import results
from training.electron.compared import (
    BACKGROUND,
    CLASSES,
    ECIDS,
    LIKELIHOOD,
    NETWORK,
    TREES,
    Compared,
    log_ratio,
)
from training.electron.inputs import VARIABLES

from lepid.plotting.figure import COLOURS, StyledFigure, save
from lepid.taggers.card import Card

Floats = npt.NDArray[np.float64]
PANEL = (3.9, 3.1)
_canvas = partial(canvas, size=PANEL)
TITLE = 12.5
LOOK = {
    NETWORK: (COLOURS[0], "o", "-"),
    TREES: (COLOURS[1], "s", "--"),
    LIKELIHOOD: (COLOURS[2], "^", "-."),
    ECIDS: (COLOURS[3], "D", ":"),
}
CLASS_COLOURS = dict(zip(CLASSES, (*COLOURS[:5], COLOURS[6]), strict=True))
NAMES = {
    "El": "prompt (El)", "CF": "wrong charge (CF)", "PC": "conversions (PC)",
    "HF": "heavy flavour (HF)", "LFEg": r"light flavour $e/\gamma$ (LFEg)",
    "LFH": "light hadrons (LFH)",
}  # fmt: skip
MARKS = (0.8, 0.9, 0.95)
SCAN = (0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
BINS = np.linspace(60.0, 120.0, 25)


def write(said: Compared, found: dict[str, Any], card: Card, folder: Path) -> None:
    """All pictures, as png, in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    test = results.of_test(said)
    with matplotlib.style.context(STYLE):
        save(classes(test), folder / "electron-classes.png")
        save(likelihood(test, found), folder / "electron-likelihood.png")
        save(discriminants(test), folder / "electron-discriminants.png")
        save(fractions(said, card), folder / "electron-fractions.png")
        save(charge(said), folder / "electron-charge.png")
        save(correlations(test), folder / "electron-correlations.png")


def classes(test: Compared) -> StyledFigure:
    """Rejection of each class against the efficiency for prompt electrons, by the best ratio."""
    picture, panels = _canvas(2, 3)
    efficiencies = np.linspace(0.5, 0.995, 100)
    for panel, name in zip(panels, CLASSES[1:], strict=False):
        scores = {tagger: log_ratio(p, "El", name) for tagger, p in test.classes.items()}
        if name == "CF":
            scores[ECIDS] = test.charge[ECIDS]
        _curves(panel, test.scored(scores, name), efficiencies)
        panel.set(xlim=(0.5, 1.0), xlabel="Efficiency of prompt electrons")
        panel.set_title(NAMES[name], fontsize=TITLE)
    for row in (0, 3):
        panels[row].set_ylabel("Rejection")
    panels[0].legend(loc="lower left", fontsize=10)
    panels[0].set_ylim(1, 300)
    _matrix(panels[5], test)
    return picture


def _curves(panel: Axes, scored: Any, efficiencies: Floats, marks: Any = MARKS) -> None:
    """Curves with errors at some efficiencies."""
    measured = rejections(scored, marks)
    for tagger in scored.scores:
        colour, marker, dash = LOOK[tagger]
        panel.plot(efficiencies, curve(scored, tagger, efficiencies), dash, color=colour)
        values = np.array([v if v.sure else (np.nan, np.nan) for v in measured[tagger]])
        panel.errorbar(
            marks, values[:, 0], values[:, 1], color=colour, fmt=marker, markersize=4,
            linewidth=1.2, label=tagger,
        )  # fmt: skip
    _logarithmic(panel)


def _logarithmic(panel: Axes) -> None:
    """Numbers at 1, 2 and 5 of each decade."""
    panel.set(yscale="log")
    panel.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    panel.yaxis.set_major_formatter(FormatStrFormatter("%g"))
    panel.yaxis.set_minor_formatter(NullFormatter())


def _matrix(panel: Axes, test: Compared) -> None:
    """Areas of all pairs of classes, above the diagonal of the network, below of the trees."""
    size = len(CLASSES)
    shown = np.full((size, size), np.nan)
    for i, one in enumerate(CLASSES):
        for j, other in enumerate(CLASSES):
            if i == j:
                continue
            tagger = NETWORK if i < j else TREES
            chosen = test.of(test.truth(one, other))
            score = log_ratio(chosen.classes[tagger], one, other)
            shown[i, j] = results.area_of(chosen, score, one)
    panel.imshow(shown, cmap="Blues", vmin=0.5, vmax=1.1, aspect="auto")
    for i, j in np.ndindex(shown.shape):
        if i != j:
            panel.text(j, i, f"{shown[i, j]:.3f}", ha="center", va="center", fontsize=9)
    panel.set_xticks(range(size), CLASSES)
    panel.set_yticks(range(size), CLASSES)
    panel.tick_params(which="both", length=0)
    panel.set_title("area: DNN above, GBDT below", fontsize=TITLE)


def likelihood(test: Compared, found: dict[str, Any]) -> StyledFigure:
    """The network and the likelihood at efficiencies that are equal in all bins."""
    picture, panels = _canvas(4, len(BACKGROUND), heights=(3, 1.2, 3, 1.2))
    efficiencies = np.linspace(0.6, 0.98, 60)
    rows = [panels[i * len(BACKGROUND) : (i + 1) * len(BACKGROUND)] for i in range(4)]
    for column, name in enumerate(BACKGROUND):
        upper, lower, in_et, ratio = (row[column] for row in rows)
        flat = {tagger: test.flat[tagger] for tagger in (NETWORK, LIKELIHOOD)}
        scored = test.scored(flat, name)
        _curves(upper, scored, efficiencies)
        upper.set_title(NAMES[name], fontsize=TITLE)
        values = {t: curve(scored, t, efficiencies) for t in flat}
        lower.plot(efficiencies, values[NETWORK] / values[LIKELIHOOD], color=LOOK[NETWORK][0])
        ratios = np.array(found["classes"][name][f"to {LIKELIHOOD}"])
        _points(lower, np.array(MARKS), None, ratios, NETWORK)
        upper.set_xlim(0.6, 1.0)
        lower.set(xlim=(0.6, 1.0), xlabel="Efficiency of prompt electrons")
        _in_bins(in_et, ratio, found["et"][name])
        for axes in (upper, in_et):
            axes.tick_params(labelbottom=False)
        lower.set_ylim(0.5, 2.2)
        ratio.set_ylim(0, 5)
        for axes in (lower, ratio):
            axes.axhline(1.0, color="0.6", linewidth=0.8, zorder=0)
    for row, label in zip(rows, ("Rejection", "Ratio", "Rejection at 90 %", "Ratio"),
                          strict=True):  # fmt: skip
        row[0].set_ylabel(label)
    rows[0][0].legend()
    return picture


def _in_bins(upper: Axes, lower: Axes, bins: list[dict[str, Any]]) -> None:
    known = [b for b in bins if "ratio" in b]
    middle = np.array([0.5 * (b["low"] + b["high"]) for b in known])
    half = np.array([0.5 * (b["high"] - b["low"]) for b in known])
    for tagger in (NETWORK, LIKELIHOOD):
        _points(upper, middle, half, np.array([b[tagger] for b in known]), tagger)
    _points(lower, middle, half, np.array([b["ratio"] for b in known]), NETWORK)
    _logarithmic(upper)
    for axes in (upper, lower):
        axes.set(xscale="log", xlim=(results.ET_EDGES[0], results.ET_EDGES[-1]))
        axes.xaxis.set_major_locator(FixedLocator([5, 10, 20, 50, 100]))
        axes.xaxis.set_major_formatter(FormatStrFormatter("%g"))
        axes.xaxis.set_minor_formatter(NullFormatter())
    lower.set_xlabel(r"$E_\mathrm{T}$ [GeV]")


def _points(panel: Axes, x: Floats, half: Any, values: Floats, tagger: str) -> None:
    """Points with errors; those that are not surer than their size are left out."""
    sure = (values[:, 1] < values[:, 0]) & np.isfinite(values[:, 0])
    colour, marker, _ = LOOK[tagger]
    panel.errorbar(
        x[sure], values[sure, 0], values[sure, 1], None if half is None else half[sure],
        color=colour, fmt=marker, markersize=4, linewidth=1.2,
    )  # fmt: skip


def discriminants(test: Compared) -> StyledFigure:
    """D_el and D_CF of the network, and the likelihood, of each class."""
    picture, panels = _canvas(1, 3)
    shown = (
        (test.prompt[NETWORK], (-12, 9), r"$D_{el}$"),
        (test.charge[NETWORK], (-8, 12), r"$D_{CF}$ (logarithm)"),
        (test.prompt[LIKELIHOOD], (-2.0, 1.0), r"$D_{LH}$"),
    )
    weight = test.electrons.columns["weight"]
    for panel, (value, (low, high), label) in zip(panels, shown, strict=True):
        bins = np.linspace(low, high, 41)
        inside = np.clip(value, low, np.nextafter(high, low))
        for name in CLASSES:
            mine = test.truth(name)
            panel.hist(
                inside[mine], bins, weights=weight[mine] / weight[mine].sum(), histtype="step",
                linewidth=1.3, color=CLASS_COLOURS[name], label=NAMES[name],
            )  # fmt: skip
        panel.set(xlabel=label, yscale="log", xlim=(low, high), ylim=(1e-4, 1))
    panels[0].set_ylabel("Fraction per bin")
    handles, labels = panels[0].get_legend_handles_labels()
    picture.legend(handles, labels, loc="outside upper center", ncols=len(CLASSES), fontsize=10)
    return picture


def fractions(said: Compared, card: Card) -> StyledFigure:
    """Rejection of each class against the fraction of one of them, the others sharing the rest."""
    picture, panels = _canvas(1, len(BACKGROUND))
    for panel, varied in zip(panels, BACKGROUND, strict=True):
        rows = [results.curve_of_fractions(said, card, varied, value) for value in SCAN]
        for name in BACKGROUND:
            wide = 2.2 if name == varied else 1.2
            panel.plot(
                SCAN, [row[name] for row in rows], color=CLASS_COLOURS[name], linewidth=wide,
                label=name,
            )  # fmt: skip
        panel.set(xlim=(0, 1), xlabel=rf"$f_\mathrm{{{varied}}}$")
        _logarithmic(panel)
    panels[0].set_ylabel("Rejection at 90 %")
    top = max(panel.get_ylim()[1] for panel in panels)
    bottom = min(panel.get_ylim()[0] for panel in panels)
    for panel in panels:
        panel.set_ylim(bottom, 2 * top)
    panels[0].legend(loc="upper left", ncols=2)
    return picture


def charge(said: Compared) -> StyledFigure:
    """Rejection of wrong charges, and pairs of Zee with the same charge before and after a cut."""
    picture, panels = _canvas(1, 3)
    test = results.of_test(said)
    scored = test.scored(test.charge, "CF")
    _curves(panels[0], scored, np.linspace(0.7, 0.995, 100), results.CHARGE_EFFICIENCIES)
    panels[0].set(
        xlabel="Efficiency of the right charge", ylabel="Rejection of wrong charges", xlim=(0.7, 1)
    )
    panels[0].legend(loc="lower left")
    pairs, masses, same = results.pairs_of_z(said)
    passed = results.pairs_passed(said)
    for panel, sign, word in ((panels[1], same, "same"), (panels[2], ~same, "opposite")):
        _peak(panel, masses[sign], "no cut", "0.35", "v")
        for tagger, label in ((LIKELIHOOD, "LH"), (ECIDS, ECIDS), (NETWORK, "DNN, $D_{CF}$")):
            colour, marker, _ = LOOK[tagger]
            both = sign & passed[tagger][pairs].all(axis=1)
            _peak(panel, masses[both], label, colour, marker)
        panel.set(xlabel=rf"$m_{{ee}}$ of {word}-sign pairs [GeV]", xlim=(60, 120), ylim=(0, None))
        panel.set_ylim(top=1.35 * panel.get_ylim()[1])
        panel.legend(loc="upper left", fontsize=10)
    panels[1].set_ylabel("Pairs / 2.5 GeV")
    return picture


def _peak(panel: Axes, masses: Floats, label: str, colour: str, marker: str) -> None:
    counts, _ = np.histogram(masses, BINS)
    middles = 0.5 * (BINS[1:] + BINS[:-1])
    panel.stairs(counts, BINS, color=colour, linewidth=1.4)
    some = counts > 0
    panel.errorbar(
        middles[some], counts[some], np.sqrt(counts[some]), color=colour, fmt=marker, markersize=4,
        linewidth=1.2, label=label,
    )  # fmt: skip


def correlations(test: Compared) -> StyledFigure:
    """Correlations of the inputs in each class."""
    picture, panels = _canvas(2, 3, size=(4.6, 4.4))
    image: Any = None
    for place, (panel, name) in enumerate(zip(panels, CLASSES, strict=True)):
        matrix = results.rank_correlation(test.electrons.inputs[test.truth(name)])
        image = panel.imshow(matrix, cmap="RdBu_r", vmin=-1, vmax=1)
        panel.set_title(NAMES[name], fontsize=TITLE)
        panel.tick_params(which="both", length=0)
        names = [SHORT.get(variable, variable) for variable in VARIABLES]
        panel.set_yticks(range(len(names)), names if place % 3 == 0 else [], fontsize=8)
        below = names if place >= 3 else []
        panel.set_xticks(range(len(names)), below, fontsize=8, rotation=90)
    bar = picture.colorbar(image, ax=panels, shrink=0.6, pad=0.01)
    bar.set_label("Rank correlation")
    return picture


SHORT: Mapping[str, str] = {
    "nPixHitsPlusDeadSensors": "nPix", "nSCTHitsPlusDeadSensors": "nSCT",
    "deltaPhiRescaled2": "deltaPhiRes2", "SCTWeightedCharge": "SCTCharge",
}  # fmt: skip
