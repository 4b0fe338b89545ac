"""What is told of a RocSample: rejections, curves, bins, distributions, composition."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from lepid.efficiency.roc.bins import Binned
from lepid.efficiency.roc.curves import Area, AtEfficiency, Floats
from lepid.efficiency.roc.sample import CLASS, SCORE, WEIGHT, RocSample
from lepid.efficiency.roc.spectra import Distribution
from lepid.errors import BadInput

EFFICIENCIES = (0.7, 0.8, 0.9, 0.95)
# The efficiency at which rejections in bins and the composition are taken.
FIXED = 0.9
EDGES = {
    "pt": (5.0, 10.0, 15.0, 20.0, 25.0, 30.0, 40.0, 50.0, 60.0, 80.0, 120.0, 200.0),
    "abseta": (0.0, 0.5, 1.0, 1.37, 1.52, 2.0, 2.5),
    "pileup": (0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0),
}
TOTAL = "all background"
N_POINT, N_BIN = 199, 40
COLUMNS = (
    "tagger", "network", "quantity", "spectrum", "signal", "background", "n_signal",
    "n_background", "area", "area_error", "signal_efficiency", "cut", "background_efficiency",
    "rejection", "rejection_low", "rejection_high",
)  # fmt: skip


@dataclass(frozen=True)
class Choice:
    """At which efficiencies and in which bins.

    Attributes
    ----------
    efficiencies : of the signal, for the rejections
    fixed : the one for bins and composition
    edges : variable -> edges; pt in GeV
    per_bin : whether each bin has a cut of its own
    """

    efficiencies: tuple[float, ...] = EFFICIENCIES
    fixed: float = FIXED
    edges: Mapping[str, Sequence[float]] = field(default_factory=lambda: dict(EDGES))
    per_bin: bool = False


@dataclass(frozen=True)
class Told:
    """All numbers of one sample.

    Attributes
    ----------
    sample : RocSample
    choice : Choice
    counts : signal, each background and all of it -> number of leptons
    areas, points, curves : background -> area, rejections at the efficiencies, and on a line of
        efficiencies for drawing; `TOTAL` is all of it
    bins : variable -> Binned, for all background
    distributions : class -> Distribution, signal first
    composition : background -> part of what is left at `choice.fixed`, and ends of its interval
    correlations : "signal" or "background" -> [n, n] of the score and the variables
    """

    sample: RocSample
    choice: Choice
    counts: Mapping[str, int]
    areas: Mapping[str, Area]
    points: Mapping[str, AtEfficiency]
    curves: Mapping[str, AtEfficiency]
    bins: Mapping[str, Binned]
    distributions: Mapping[str, Distribution]
    composition: Mapping[str, tuple[float, float, float]]
    correlations: Mapping[str, Floats]

    @property
    def signal(self) -> str:
        """The signal in words."""
        return " + ".join(self.sample.signal)


def tell(sample: RocSample, choice: Choice | None = None) -> Told:
    """All numbers of a sample.

    A background whose weights do not add up to a positive number is in the sum alone.

    Raises
    ------
    BadInput : as the methods of `RocSample`
    """
    chosen = choice or Choice()
    curves, areas, points = {}, {}, {}
    line = np.linspace(0.0, 1.0, N_POINT + 2)[1:]
    for name in (TOTAL, *sample.populated):
        own = None if name == TOTAL else name
        if own and not sample.column(WEIGHT)[sample.of_classes(own)].sum() > 0.0:
            continue
        curve = sample.curve(own)
        areas[name] = curve.area
        points[name] = curve.at(chosen.efficiencies)
        curves[name] = curve.at(line)
    whole = sample.curve().at(chosen.fixed)
    edges = score_edges(sample)
    shown = [*sample.signal, *(name for name in areas if name != TOTAL)]
    return Told(
        sample,
        chosen,
        _counts(sample),
        areas,
        points,
        curves,
        {
            name: sample.against(name, chosen.edges[name], chosen.fixed, per_bin=chosen.per_bin)
            for name in sample.variables
        },
        {name: sample.distribution(name, edges) for name in shown if _has_weight(sample, name)},
        sample.composition(float(whole.cut[0])),
        {
            kind: sample.correlations(names)
            for kind, names in (("signal", sample.signal), ("background", sample.background))
        },
    )


def score_edges(sample: RocSample) -> Floats:
    """Bins that hold all but the outermost 0.1 % of the scores on each side.

    Raises
    ------
    BadInput : all finite scores are equal
    """
    scores = sample.column(SCORE)
    finite = scores[np.isfinite(scores)]
    if not finite.size or finite.min() == finite.max():
        raise BadInput(sample.name, "all scores are equal: there is no curve to draw")
    low, high = np.quantile(finite, (0.001, 0.999))
    if not high > low:
        low, high = finite.min(), finite.max()
    return np.linspace(low, high, N_BIN + 1)


def rows(told: Told) -> list[dict[str, str | float | int]]:
    """One entry of `COLUMNS` for each background and efficiency."""
    sample, found = told.sample, []
    for name, points in told.points.items():
        area = told.areas[name]
        head = (sample.tagger, sample.network, sample.quantity, sample.spectrum, told.signal, name)
        counts = told.counts["signal"], told.counts[name], area.value, area.error
        for numbers in zip(
            points.asked.tolist(),
            points.cut.tolist(),
            points.background.tolist(),
            points.rejection.tolist(),
            points.rejection_low.tolist(),
            points.rejection_high.tolist(),
            strict=True,
        ):
            found.append(dict(zip(COLUMNS, (*head, *counts, *numbers), strict=True)))
    return found


def identity(told: Told) -> dict[str, str]:
    """What was measured, as label and text; empty entries are left out."""
    sample = told.sample
    lost = {name: n for name, n in sample.unscored.items() if n}
    lines = {
        "tagger": sample.tagger,
        "network": sample.network,
        "quantity": sample.quantity,
        "collection": sample.collection,
        "truth classes": sample.scheme,
        "signal": told.signal,
        "background": ", ".join(sample.populated),
        "leptons": f"{told.counts['signal']} signal, {told.counts[TOTAL]} background",
        "without a score": ", ".join(f"{n} {name}" for name, n in lost.items()),
        "spectra in pT and |eta|": _spectrum(sample),
        "intervals": f"{sample.curve().interval}, 68.3 %, with the error of the cut",
        "files": ", ".join(sample.sources),
        **sample.metadata,
    }
    return {name: text for name, text in lines.items() if text}


def rejection_text(value: float, low: float, high: float) -> str:
    """``12.3 +0.4 -0.3``; ``> 35`` where nothing is left, with the lower end of its interval."""
    if math.isnan(value):
        return "-"
    if math.isinf(value):
        return f"> {low:.3g}"
    down = value - low
    digits = min(4, max(0, 1 - math.floor(math.log10(down)))) if down > 0.0 else 2
    # An interval that nearly touches a rejection without end has no digits to show.
    above = f"{high - value:.{digits}f}" if high < 100.0 * value else f"{high - value:.2g}"
    return f"{value:.{digits}f} +{above} -{down:.{digits}f}"


def area_text(area: Area) -> str:
    """``0.9123 +- 0.0012``."""
    if not area.error > 0.0:
        return f"{area.value:.4f}"
    digits = min(6, max(3, 1 - math.floor(math.log10(area.error))))
    return f"{area.value:.{digits}f} +- {area.error:.{digits}f}"


def _spectrum(sample: RocSample) -> str:
    if not sample.spectrum:
        return ""
    what = "flat" if sample.spectrum == "flat" else f"those of the {sample.spectrum}"
    return f"{what}; {sample.left_out} leptons without a counterpart are left out"


def _has_weight(sample: RocSample, name: str) -> bool:
    return bool(sample.column(WEIGHT)[sample.of_classes(name)].sum() > 0.0)


def _counts(sample: RocSample) -> dict[str, int]:
    number = np.bincount(
        sample.columns[CLASS].astype(np.int64), minlength=len(sample.classes)
    ).tolist()
    own = {
        name: number[sample.classes.index(name)] for name in (*sample.signal, *sample.background)
    }
    total = {"signal": sum(own[name] for name in sample.signal)}
    return {**own, **total, TOTAL: sum(own[name] for name in sample.background)}
