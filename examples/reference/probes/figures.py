"""Pictures of tag and probe on the reference sample."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import matplotlib.style
import numpy as np
from training.canvas import STYLE, canvas

from lepid.plotting.figure import COLOURS, StyledFigure, save
from lepid.plotting.masses import mass_figure
from probes.measured import NOMINAL, Compared
from probes.mixed import CHANNELS

PANEL = (5.4, 3.6)
TITLE_SIZE = 13.0
# Names of what is drawn, and the bin whose fit is shown: 20 to 30 GeV in the barrel.
TITLES = {
    "electron_dnn": "Electrons, DNN",
    "electron_plit": "Electrons, PLIT after DNN Medium",
    "muon_plit": "Muons, PLIT",
}
SHOWN = 2


def write(found: Mapping[str, Mapping[str, Mapping[str, Compared]]], folder: Path) -> None:
    """All pictures, as png, in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, methods in found.items():
        with matplotlib.style.context(STYLE):
            save(efficiencies(name, methods[NOMINAL]), folder / f"probes-{name}.png")
        point = CHANNELS[name].points[1]
        save(mass_figure(methods[NOMINAL][point].found, SHOWN), folder / f"probes-{name}-fit.png")


def efficiencies(name: str, points: Mapping[str, Compared]) -> StyledFigure:
    """Measured and true efficiencies against pT, with the pulls below."""
    edges, abseta = np.array(CHANNELS[name].pt_edges), CHANNELS[name].abseta_edges
    ends = np.minimum(edges, 100.0)
    middle, half = 0.5 * (ends[1:] + ends[:-1]), 0.5 * np.diff(ends)
    columns = len(abseta) - 1
    picture, panels = canvas(2, columns, size=PANEL, heights=(3.0, 1.0))
    for place, (point, one) in enumerate(points.items()):
        colour = COLOURS[place]
        for j in range(columns):
            value, low, high = (getattr(one.found, n)[:, j] for n in ("value", "low", "high"))
            truth, below, above = (getattr(one.truth, n)[:, j] for n in ("value", "low", "high"))
            shift = (place - 1) * 0.15 * half
            upper, lower = panels[j], panels[columns + j]
            for x, w, y, a, b in zip(middle, half, truth, below, above, strict=True):
                upper.fill_between([x - w, x + w], a, b, color=colour, alpha=0.25, linewidth=0)
                upper.plot([x - w, x + w], [y, y], color=colour, linewidth=1.2)
            error = [value - low, high - value]
            style = {"color": colour, "markersize": 4.5, "linestyle": "none"}
            upper.errorbar(middle + shift, value, error, fmt="o", capsize=2, label=point, **style)
            lower.plot(middle + shift, one.pulls[:, j], marker="o", **style)
    lowest = min(float(np.nanmin(one.found.low)) for one in points.values())
    for j in range(columns):
        upper, lower = panels[j], panels[columns + j]
        upper.set(xlim=(ends[0], ends[-1]), ylim=(max(lowest - 0.05, 0.0), 1.28))
        upper.set_title(
            rf"{TITLES[name]}, {abseta[j]:g} < $|\eta|$ < {abseta[j + 1]:g}", fontsize=TITLE_SIZE
        )
        upper.tick_params(labelbottom=False)
        lower.set(xlim=(ends[0], ends[-1]), ylim=(-4.0, 4.0), xlabel=r"Probe $p_T$ [GeV]")
        lower.axhspan(-1.0, 1.0, color="0.9", zorder=0)
        lower.axhline(0.0, color="black", linewidth=0.8)
        lower.set_yticks([-3, 0, 3])
    panels[0].set_ylabel("Efficiency")
    panels[columns].set_ylabel("Pull")
    panels[columns - 1].legend(title="Points: measured, bands: truth", loc="upper right", ncols=3)
    return picture
