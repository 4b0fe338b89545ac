"""Pictures of what the PLIT networks can do, and of what they are fed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib.style
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.ticker import NullFormatter
from training.canvas import STYLE, canvas
from training.curves import Scored, curve, rejections
from training.leptons import Leptons
from training.plit.runs import Run

from lepid.plotting.figure import StyledFigure, save
from lepid.taggers import catalogue

Floats = npt.NDArray[np.float64]
Tested = Mapping[str, tuple[Run, Leptons, Scored]]
PANEL = (4.6, 3.4)
_canvas = partial(canvas, size=PANEL)
LOOK = {
    "plit": ("PLIT", "#3f90da", "o"),
    "bdt": ("BDT on track aggregates", "#bd1f01", "s"),
    "ptvarcone30": (r"$p_T^{varcone30}/p_T$", "#717581", "^"),
}
SHOWN = ("muon-run3", "electron-run3-barrel", "electron-run3-endcap")
TITLES = {
    "muon-run3": "Muons, Run 3",
    "electron-run3-barrel": "Electrons, barrel, Run 3",
    "electron-run3-endcap": "Electrons, endcap, Run 3",
}
EFFICIENCY = 0.9
TITLE_SIZE = 13.0
# Of the rejections of the three kinds of leptons in bins.
RANGE = ((4, 2000), (4, 200), (2, 200))
FEWEST = 50
# Inputs that are shown in another unit than the network takes, and what else their axes say.
IN_GEV = {"pt": 1e-3, "track_pt": 1e-3, "qOverP": 1e3}
UNITS = {
    "pt": "GeV", "track_pt": "GeV", "qOverP": "1/GeV", "btagIp_d0": "mm", "btagIp_z0SinTheta": "mm",
    "btagIp_d0Uncertainty": "mm", "btagIp_z0SinThetaUncertainty": "mm",
}  # fmt: skip
SHORT = (("numberOf", ""), ("btagIp_", ""), ("PixelLayer", ""), ("NextToInnermost", "Next"))


class Variable(NamedTuple):
    """What rejection is shown against."""

    name: str
    label: str
    edges: tuple[float, ...]
    of: Callable[[Leptons], Floats]


VARIABLES = (
    Variable("pt", r"$p_T$ [GeV]", (10, 15, 20, 25, 32, 43, 60, 100), lambda x: x.columns["pt"]),
    Variable(
        "eta", r"$|\eta|$", (0, 0.5, 1.0, 1.37, 1.52, 2.0, 2.5), lambda x: np.abs(x.columns["eta"])
    ),
    Variable(
        "pile-up",
        "Interactions per crossing",
        (10, 30, 38, 46, 54, 62, 90),
        lambda x: x.columns["pileup"],
    ),
)


def write(tested: Tested, folder: Path) -> None:
    """All pictures, as png, in `folder`."""
    shown = {name: tested[name] for name in SHOWN}
    folder.mkdir(parents=True, exist_ok=True)
    with matplotlib.style.context(STYLE):
        save(roc(shown), folder / "roc.png")
        save(profiles(shown), folder / "rejection.png")
        save(discriminants(shown), folder / "discriminant.png")
        save(losses(folder.parent, SHOWN), folder / "losses.png")
        for flavour, name in (("muon", SHOWN[0]), ("electron", SHOWN[1])):
            save(inputs(*shown[name][:2]), folder / f"inputs-{flavour}.png")


def losses(folder: Path, names: Sequence[str]) -> StyledFigure:
    """Losses against epochs."""
    picture, panels = _canvas(1, len(names))
    for panel, name in zip(panels, names, strict=True):
        history = json.loads((folder / f"{name}.json").read_text("utf-8"))["history"]
        epochs = np.arange(1, len(history) + 1)
        for key, label in (("train", "all tasks, training"), ("validation", "all, validation")):
            panel.plot(epochs, [epoch[key] for epoch in history], label=label)
        panel.plot(epochs, [epoch["classes"] for epoch in history], label="classes, validation")
        panel.set(xlabel="Epoch", yscale="log", ylim=(0.05, 3))
        panel.set_title(TITLES[name], fontsize=TITLE_SIZE)
    panels[0].set_ylabel("Loss")
    panels[0].legend()
    return picture


def roc(tested: Tested) -> StyledFigure:
    """Rejection against efficiency, and the ratio to the trees."""
    picture, panels = _canvas(2, len(tested), heights=(3, 1))
    efficiencies = np.linspace(0.7, 0.995, 60)
    marks = (0.8, 0.9, 0.95)
    for place, (name, (_, _, scored)) in enumerate(tested.items()):
        upper, lower = panels[place], panels[len(tested) + place]
        trees = curve(scored, "bdt", efficiencies)
        measured = rejections(scored, marks)
        for key, (label, colour, marker) in LOOK.items():
            values = curve(scored, key, efficiencies)
            upper.plot(efficiencies, values, color=colour, label=label)
            sure = [(x, *m) for x, m in zip(marks, measured[key], strict=True) if m.sure]
            x, y, error = np.array(sure).T
            upper.errorbar(x, y, error, color=colour, fmt=marker, markersize=4, capsize=2)
            lower.plot(efficiencies, values / trees, color=colour)
        upper.set(yscale="log", xlim=(0.7, 1.0), ylim=(1, 10_000))
        upper.set_title(TITLES[name], fontsize=TITLE_SIZE)
        upper.yaxis.set_minor_formatter(NullFormatter())
        upper.tick_params(labelbottom=False)
        lower.set(xlabel="Prompt efficiency", xlim=(0.7, 1.0), ylim=(0, 2))
    panels[0].set_ylabel("Rejection of other leptons")
    panels[0].legend(loc="upper right")
    panels[len(tested)].set_ylabel("To BDT")
    return picture


def profiles(tested: Tested) -> StyledFigure:
    """Rejection in bins, each cut at 90 % of the prompt leptons of its bin."""
    picture, panels = _canvas(len(tested), len(VARIABLES))
    for row, (name, (_, leptons, scored)) in enumerate(tested.items()):
        for column, variable in enumerate(VARIABLES):
            panel = panels[row * len(VARIABLES) + column]
            _profile(panel, leptons, scored, variable)
            panel.set(xlabel=variable.label, yscale="log", ylim=RANGE[row])
            panel.yaxis.set_minor_formatter(NullFormatter())
            if column == 0:
                panel.set_ylabel(f"{TITLES[name]}\nRejection at 90 %")
    panels[0].legend(loc="upper left", ncols=2)
    return picture


def _profile(panel: Axes, leptons: Leptons, scored: Scored, variable: Variable) -> None:
    values, edges = variable.of(leptons), np.array(variable.edges, float)
    found: dict[str, list[tuple[float, ...]]] = {name: [] for name in LOOK}
    for low, high in pairwise(edges):
        inside = (values >= low) & (values < high)
        if min((inside & leptons.prompt).sum(), (inside & ~leptons.prompt).sum()) < FEWEST:
            continue
        measured = rejections(scored.of(inside), (EFFICIENCY,))
        for name, rows in found.items():
            if measured[name][0].sure:
                rows.append((0.5 * (low + high), 0.5 * (high - low), *measured[name][0]))
    for shift, (name, (label, colour, marker)) in enumerate(LOOK.items()):
        if not found[name]:
            continue
        x, half, y, error = np.array(found[name]).T
        panel.errorbar(
            x + 0.12 * (shift - 1) * half, y, error, half, color=colour, fmt=marker,
            markersize=4, linewidth=1, label=label,
        )  # fmt: skip


def discriminants(tested: Tested) -> StyledFigure:
    """Log-ratio of the two scores, of prompt leptons and by class of the others."""
    picture, panels = _canvas(1, len(tested))
    bins = np.linspace(-10, 10, 41)
    classes = {"b hadron": (8,), "c hadron": (9,), "light": (10,), "tau, photon": (5, 6, 7)}
    for panel, (name, (_, leptons, scored)) in zip(panels, tested.items(), strict=True):
        score, iff = scored.scores["plit"], leptons.columns["iff"]
        groups = {"prompt": leptons.prompt}
        groups |= {label: np.isin(iff, codes) for label, codes in classes.items()}
        for label, chosen in groups.items():
            weight = leptons.columns["weight"][chosen]
            panel.hist(
                np.clip(score[chosen], -9.99, 9.99), bins, weights=weight / weight.sum(),
                histtype="step", linewidth=1.4, label=label,
            )  # fmt: skip
        panel.set(xlabel="PLIT discriminant", yscale="log", xlim=(-10, 10), ylim=(2e-4, 5))
        panel.set_title(TITLES[name], fontsize=TITLE_SIZE)
    panels[0].set_ylabel("Fraction per bin")
    panels[0].legend(loc="upper left", ncols=2)
    return picture


def inputs(run: Run, leptons: Leptons) -> StyledFigure:
    """What the network takes, of prompt and of other leptons."""
    card = catalogue.load(*run.network.split("@"))
    of_track = np.repeat(leptons.prompt, np.diff(leptons.offsets))
    values: dict[str, tuple[Any, Any]] = {}
    for node, table, prompt in zip(
        card.networks[0].nodes, (leptons.inputs, leptons.tracks), (leptons.prompt, of_track),
        strict=True,
    ):  # fmt: skip
        names = [entry.feature for entry in node.inputs]
        values |= {name: (table[:, i], prompt) for i, name in enumerate(names)}
    across = 5
    picture, panels = _canvas(-(-len(values) // across), across, size=(3.0, 2.3))
    for panel, (name, (column, prompt)) in zip(panels, values.items(), strict=False):
        _input(panel, name, column * IN_GEV.get(name, 1.0), prompt)
    for panel in panels[len(values) :]:
        panel.remove()
    panels[0].legend()
    return picture


def _input(panel: Axes, name: str, column: Floats, prompt: npt.NDArray[np.bool_]) -> None:
    low, high = np.quantile(column, (0.002, 0.998))
    whole = np.array_equal(column, np.round(column))
    bins = np.arange(low - 0.5, high + 1.5) if whole else np.linspace(low, high, 41)
    for label, chosen, colour in (("prompt", prompt, "#3f90da"), ("other", ~prompt, "#bd1f01")):
        shown = np.clip(column[chosen], bins[0], np.nextafter(bins[-1], bins[0]))
        panel.hist(
            shown, bins, weights=np.full(len(shown), 1 / max(len(shown), 1)),
            histtype="step", linewidth=1.2, color=colour, label=label,
        )  # fmt: skip
    label = name
    for old, new in SHORT:
        label = label.replace(old, new)
    unit = f" [{UNITS[name]}]" if name in UNITS else ""
    panel.set(xlabel=label + unit, yscale="log")
    panel.set_ylim(bottom=max(panel.get_ylim()[0], 1e-4), top=2)
    panel.yaxis.set_minor_formatter(NullFormatter())
