"""Pictures of what soft-lepton trees can do."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib.style
import numpy as np
import numpy.typing as npt
from matplotlib.ticker import MaxNLocator, NullFormatter
from training.canvas import STYLE, canvas
from training.curves import Measured, Scored, curve
from training.soft.inputs import HEAVY, LIGHT, PROMPT, Leptons

from lepid.efficiency.truth_codes import IFF
from lepid.plotting.figure import StyledFigure, save

Floats = npt.NDArray[np.float64]
Tested = Mapping[str, tuple[Leptons, dict[str, Floats]]]
PANEL = (5.4, 4.0)
LOOK = {
    "soft": ("BDT", "#3f90da", "o"),
    "lepton": ("BDT without jets", "#ffa90e", "v"),
    "jets": ("BDT of jets alone", "#94a4a2", "D"),
    "ptrel": (r"$p_T^{rel}$", "#bd1f01", "s"),
}
KINDS = {
    "b hadrons": ((IFF.BHadronDecay,), "#3f90da"),
    "c hadrons": ((IFF.CHadronDecay,), "#832db6"),
    "light": (LIGHT, "#bd1f01"),
    "prompt": (PROMPT, "#717581"),
}
MARKS = (0.7, 0.8, 0.9)
SHOWN = 12
TITLE_SIZE = 13.0


def write(tested: Tested, found: Mapping[str, Any], folder: Path) -> None:
    """All pictures, as png, in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    with matplotlib.style.context(STYLE):
        save(roc(tested, found), folder / "soft-roc.png")
        save(profiles(found), folder / "soft-pt.png")
        save(scores(tested), folder / "soft-scores.png")
        save(importance(found), folder / "soft-importance.png")


def roc(tested: Tested, found: Mapping[str, Any]) -> StyledFigure:
    """Rejection of light leptons against the efficiency for those of b and c hadrons."""
    picture, panels = canvas(1, len(tested), size=PANEL)
    efficiencies = np.linspace(0.4, 0.99, 60)
    for panel, (flavour, (leptons, values)) in zip(panels, tested.items(), strict=True):
        kept = leptons.among(*HEAVY, *LIGHT)
        whole = Scored(values, leptons.among(*HEAVY), leptons.columns["weight"]).of(kept)
        for name, (label, colour, marker) in LOOK.items():
            panel.plot(efficiencies, curve(whole, name, efficiencies), color=colour, label=label)
            points = found[flavour]["rejection"][name]
            sure = [(x, *m) for x, m in zip(MARKS[::-1], points, strict=True) if m.sure]
            if sure:
                x, y, error = np.array(sure).T
                panel.errorbar(x, y, error, color=colour, fmt=marker, markersize=4, capsize=2)
        panel.set(xlabel="Efficiency for leptons of b and c hadrons", yscale="log")
        panel.set(xlim=(0.4, 1.0), ylim=(0.9, 400))
        panel.set_title(f"Soft {flavour}s", fontsize=TITLE_SIZE)
        panel.yaxis.set_minor_formatter(NullFormatter())
    panels[0].set_ylabel("Rejection of light leptons")
    panels[0].legend()
    return picture


def profiles(found: Mapping[str, Any]) -> StyledFigure:
    """Rejection at 80 % in bins of pt."""
    picture, panels = canvas(1, len(found), size=PANEL)
    for panel, (flavour, facts) in zip(panels, found.items(), strict=True):
        for place, (name, (label, colour, marker)) in enumerate(LOOK.items()):
            sure = [
                (np.sqrt(b["low"] * b["high"]) * 1.03 ** (place - 1.5), *b["rejection"][name])
                for b in facts["pt"]
                if "rejection" in b and b["rejection"][name].sure
            ]
            if sure:
                x, y, error = np.array(sure).T
                panel.errorbar(x, y, error, color=colour, fmt=marker, capsize=2, label=label)
        edges = [b["low"] for b in facts["pt"]] + [facts["pt"][-1]["high"]]
        panel.set(xlabel=r"$p_T$ [GeV]", xscale="log", yscale="log", xlim=(edges[0], edges[-1]))
        panel.set_xticks(edges, [f"{edge:g}" for edge in edges])
        panel.xaxis.set_minor_formatter(NullFormatter())
        panel.set_title(f"Soft {flavour}s, 80 % in each bin", fontsize=TITLE_SIZE)
        panel.set_ylim(1, 60)
        panel.yaxis.set_minor_formatter(NullFormatter())
    panels[0].set_ylabel("Rejection of light leptons")
    panels[0].legend(ncols=2)
    return picture


def scores(tested: Tested) -> StyledFigure:
    """Distributions of the score."""
    picture, panels = canvas(1, len(tested), size=PANEL)
    edges = np.linspace(0.0, 1.0, 41)
    for panel, (flavour, (leptons, values)) in zip(panels, tested.items(), strict=True):
        for label, (codes, colour) in KINDS.items():
            here = leptons.among(*codes)
            weight = leptons.columns["weight"][here]
            content, _ = np.histogram(values["soft"][here], edges, weights=weight)
            square, _ = np.histogram(values["soft"][here], edges, weights=weight**2)
            norm = content.sum() * np.diff(edges)
            panel.stairs(content / norm, edges, color=colour, label=label)
            middle = 0.5 * (edges[1:] + edges[:-1])
            panel.errorbar(middle, content / norm, np.sqrt(square) / norm, color=colour, fmt="none")
        panel.set(xlabel=r"$p_{HF}$", xlim=(0, 1), yscale="log", ylim=(5e-3, 80))
        panel.set_title(f"Soft {flavour}s", fontsize=TITLE_SIZE)
    panels[0].set_ylabel("Leptons, normalised")
    panels[0].legend(ncols=2, loc="upper left")
    return picture


def importance(found: Mapping[str, Any]) -> StyledFigure:
    """Area that is lost with an input that is that of another lepton."""
    picture, panels = canvas(1, len(found), size=(7.0, 4.4))
    for panel, (flavour, facts) in zip(panels, found.items(), strict=True):
        values: dict[str, Measured] = dict(list(facts["importance"].items())[:SHOWN])
        names = [name.replace("inDetTrackParticleLink", "ID track") for name in values]
        names = [name.replace("trackParticleLinks", "track") for name in names]
        place = np.arange(len(names))[::-1]
        lost = [value.value for value in values.values()]
        error = [value.error for value in values.values()]
        panel.barh(place, lost, color="#3f90da")
        panel.errorbar(lost, place, xerr=error, fmt="none", color="black", capsize=2)
        panel.xaxis.set_major_locator(MaxNLocator(5))
        panel.set_xlim(0, 1.1 * max(lost))
        panel.set_yticks(place, names, fontsize=9)
        panel.tick_params(axis="y", which="minor", left=False, right=False)
        panel.set(xlabel="Area lost when shuffled")
        panel.set_title(f"Soft {flavour}s", fontsize=TITLE_SIZE)
    return picture
