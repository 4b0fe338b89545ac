"""Derived points on independent events: a table, numbers, a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib import style
from matplotlib.axes import Axes
from scipy.stats import norm
from training import records
from training.canvas import STYLE, canvas
from training.curves import Measured
from training.derived.pulls import SMOOTHING, TARGETS, Closure, closure
from training.derived.signal import NEGATIVE, WEIGHTS, Signal

from lepid.files_out import atomic
from lepid.plotting.figure import StyledFigure

# Network, kind of weights, smoothing.
Key = tuple[str, str, str]
DIVISIONS = 20
LABELS = {
    "muon_plit": "muons, PLIT",
    "electron_dnn": "electrons, D_el",
    "muon_tightnn": "soft muons, TightNN",
}
TITLES = {
    "one": "one for each",
    "positive": "pile-up of Run 2",
    "mixed": f"the same, {NEGATIVE:.0%} negative",
}
COLOURS = {"muon_plit": "#3f90da", "electron_dnn": "#bd1f01", "muon_tightnn": "#ffa90e"}
EDGES = np.linspace(-4.0, 4.0, 17)


def write(signals: Sequence[Signal], folder: Path) -> None:
    """Write results.md, results.json and the picture in `folder`."""
    found = measure(signals)
    random = {(signal.name, kind): divided(signal, kind) for signal in signals for kind in WEIGHTS}
    (folder / "figures").mkdir(parents=True, exist_ok=True)
    with atomic(folder / "results.md") as partial:
        partial.write_text(text(found, random) + "\n", "utf-8")
    records.dump(numbers(found, random), folder / "results.json")
    with atomic(folder / "figures" / "derived-points.png") as partial:
        picture(found).savefig(partial, format="png", dpi=120)


def measure(signals: Sequence[Signal]) -> dict[Key, Closure]:
    """All networks with all weights and ways of smoothing."""
    return {
        (signal.name, kind, smoothing): closure(signal, kind, smoothing)
        for signal in signals
        for kind in WEIGHTS
        for smoothing in SMOOTHING
    }


def divided(signal: Signal, kind: str) -> Measured:
    """Mean chi2 per cut, and its error, where chance says which leptons are for the derivation.

    It is 1 if the uncertainties are right; one division alone could be lucky.
    """
    rng = np.random.default_rng(1)
    values = []
    for _ in range(DIVISIONS):
        dealt = signal._replace(split=rng.permutation(signal.split))
        done = closure(dealt, kind, "")
        values.append(done.chi2 / done.pulls.size)
    return Measured(float(np.mean(values)), float(np.std(values, ddof=1) / np.sqrt(DIVISIONS)))


def numbers(
    found: Mapping[Key, Closure], random: Mapping[tuple[str, str], Measured]
) -> dict[str, object]:
    """What the json file holds."""
    rows = [
        {"network": network, "weights": kind, "smoothing": smoothing or "none"}
        | {**done._asdict(), "pulls": done.pulls.tolist(), "largest": done.largest}
        for (network, kind, smoothing), done in found.items()
    ]
    return {
        "targets": TARGETS, "negative": NEGATIVE, "rows": rows, "divisions": DIVISIONS,
        "chi2 per cut": dict(random),
    }  # fmt: skip


def text(found: Mapping[Key, Closure], random: Mapping[tuple[str, str], Measured]) -> str:
    """Table of markdown: one row for each network and kind of weights."""
    names = [f"{name or 'steps'}: chi2 / n, p, largest" for name in SMOOTHING]
    head = ["leptons", "weights", "derived from", "cuts of a point", *names, "at random: chi2 / n"]
    lines = [f"| {' | '.join(head)} |", f"| {' | '.join(['---'] * len(head))} |"]
    for network, kind in dict.fromkeys((network, kind) for network, kind, _ in found):
        row = [found[network, kind, smoothing] for smoothing in SMOOTHING]
        who = LABELS[network.split("@")[0]], TITLES[kind], f"{row[0].leptons:,}", str(row[0].n_bin)
        cells = [*who, *map(_cell, row), random[network, kind].text()]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, "", _summary(found)])


def _cell(done: Closure) -> str:
    return f"{done.chi2:.0f} / {done.pulls.size}, {done.p:.2g}, {done.largest:.1f}"


def _summary(found: Mapping[Key, Closure]) -> str:
    least = min(done.p for done in found.values())
    largest = max(done.largest for done in found.values())
    astray = sum(done.astray for done in found.values())
    return (
        f"The smallest p of these {len(found)} is {least:.2g}, the largest pull {largest:.1f}; "
        f"{astray} leptons pass a tighter point and fail a looser one."
    )


def picture(found: Mapping[Key, Closure]) -> StyledFigure:
    """Pulls of the cuts with steps beside the normal distribution, one panel for each weight."""
    with style.context(STYLE):
        made, panels = canvas(1, len(WEIGHTS), size=(4.6, 4.2))
        for panel, kind in zip(panels, WEIGHTS, strict=True):
            shown = {n.split("@")[0]: v for (n, k, s), v in found.items() if (k, s) == (kind, "")}
            _panel(panel, shown)
            panel.set_title(f"Weights: {TITLES[kind]}", loc="left", fontsize=12)
        panels[0].set_ylabel("Cuts")
    return made


def _panel(panel: Axes, found: Mapping[str, Closure]) -> None:
    every = {name: done.pulls.ravel() for name, done in found.items()}
    panel.hist(
        list(every.values()), EDGES, stacked=True, color=[COLOURS[n] for n in every],
        label=[LABELS[name] for name in every],
    )  # fmt: skip
    together = np.concatenate(list(every.values()))
    expected = len(together) * np.diff(norm.cdf(EDGES))
    panel.stairs(expected, EDGES, color="black", linewidth=1.5, label="unit normal")
    panel.set_xlim(EDGES[0], EDGES[-1])
    panel.set_ylim(0.0, 2.0 * expected.max())
    panel.set_xlabel("Pull of the efficiency")
    said = f"mean {together.mean():.2f}, width {together.std():.2f}, {len(together)} cuts"
    panel.legend(title=said, title_fontsize=9.5, fontsize=9.5, loc="upper left")
