"""Draws the masses of pairs and their fits, in the styles of `lepid.plotting.figure`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lepid.efficiency.summary import bin_text
from lepid.efficiency.tag_and_probe.bins import Measured
from lepid.efficiency.tag_and_probe.mass_fit import Curves
from lepid.efficiency.tag_and_probe.pair_table import PassFail
from lepid.efficiency.tag_and_probe.result import ProbeEfficiency
from lepid.plotting.figure import COLOURS, SIZES, STYLES, StyledFigure, in_style

SIDES = ("passed", "failed")
MASS_LABEL = r"$m_{\ell\ell}$ [GeV]"
# Inches, and fractions of them: figure, left and right picture, masses and pulls.
SIZE, LEFTS, WIDTH = (9.6, 4.9), (0.085, 0.58), 0.4
MASSES, PULLS = (0.31, 0.5), (0.12, 0.16)
NOTES = 2


def bin_title(result: ProbeEfficiency, place: int) -> str:
    """Which probes a bin of a result holds, such as ``pT 20 to 30 GeV, |eta| 0 to 0.8``."""
    if not result.edges:
        return "all probes"
    i, j = divmod(place, result.shape[1])
    (pt, abseta) = result.edges
    return f"pT {bin_text((pt[i], pt[i + 1]))} GeV, |eta| {bin_text((abseta[j], abseta[j + 1]))}"


def result_text(one: Measured) -> str:
    """Efficiency with its interval in one line."""
    value, low, high = one.ends
    if not np.isfinite(value):
        return "not measured"
    return f"{value:.4f} +{high - value:.4f} -{value - low:.4f}"


def mass_figure(result: ProbeEfficiency, place: int, style: str | None = None) -> Any:
    """Figure of the masses of one bin: passed left, failed right, with the fit and its pulls.

    Parameters
    ----------
    place : of the bin in `result.bins`
    style : atlas or cms; None follows the experiment
    """
    one = result.bins[place]
    chosen = style or result.identity.get("experiment", "")
    parameters = STYLES[chosen if chosen in STYLES else ""][0]
    with in_style(parameters):
        figure = StyledFigure([parameters, SIZES], figsize=SIZE, facecolor="white")
        for left, side in zip(LEFTS, SIDES, strict=True):
            axes = figure.add_axes((left, MASSES[0], WIDTH, MASSES[1]))
            _draw(axes, one, side)
            if one.fit:
                axes.tick_params(labelbottom=False)
                below = figure.add_axes((left, PULLS[0], WIDTH, PULLS[1]))
                _pulls(below, one.masses, one.fit.curves, side)
                axes = below
            axes.set_xlabel(MASS_LABEL)
        for line, text in enumerate(_head(result, place)):
            look: dict[str, Any] = {
                "fontsize": 8.5 if line == NOTES else 11,
                "weight": "normal" if line else "bold",
            }
            figure.text(LEFTS[0], 0.955 - 0.05 * line, text, **look)
    return figure


def _head(result: ProbeEfficiency, place: int) -> Sequence[str]:
    one = result.bins[place]
    first = f"{result.identity.get('tagger', '')} {result.working_point}: "
    where = bin_title(result, place)
    first += where.replace("pT", r"$p_{\mathrm{T}}$").replace("|eta|", r"$|\eta|$")
    second = f"Efficiency {result_text(one)}   ({one.how})"
    if one.fit and one.fit.ndof > 0:
        second += (
            rf"   $\chi^2$/ndof = {one.fit.chi2:.1f}/{one.fit.ndof}, p = {one.fit.p_value:.2g}"
        )
    return first, second, "; ".join(one.notes)


def _draw(axes: Any, one: Measured, side: str) -> None:
    masses = one.masses
    histogram = getattr(masses, side)
    centres = 0.5 * (masses.edges[1:] + masses.edges[:-1])
    shown = histogram.values > 0.0
    handles = [
        axes.errorbar(
            centres[shown],
            histogram.values[shown],
            yerr=np.sqrt(histogram.variances[shown]),
            linestyle="none",
            marker="o",
            markersize=3.2,
            linewidth=0.9,
            color="black",
            label="Pairs",
            zorder=3,
        )
    ]
    if one.fit:
        curves = one.fit.curves
        signal, background = curves.signal[side], curves.background[side]
        whole, under = signal + background, {"facecolor": COLOURS[1], "alpha": 0.3, "fill": True}
        line: dict[str, Any] = {"baseline": None, "linewidth": 1.6, "color": COLOURS[0]}
        handles += [
            axes.stairs(whole, masses.edges, label="Fit", **line),
            axes.stairs(background, masses.edges, linewidth=0, label="Background", **under),
        ]
    width = masses.edges[1] - masses.edges[0]
    axes.set_ylabel(f"Pairs / {width:g} GeV" if width != 1.0 else "Pairs / GeV")
    axes.set_xlim(masses.edges[0], masses.edges[-1])
    tops = histogram.values + np.sqrt(histogram.variances)
    axes.set_ylim(0.0, 1.25 * max(float(tops.max()), 1.0))
    axes.text(0.04, 0.945, f"Probe {side}", transform=axes.transAxes, va="top", fontsize=11)
    axes.legend(handles=handles, loc="upper right", frameon=False, fontsize=10)


def _pulls(axes: Any, masses: PassFail, curves: Curves, side: str) -> None:
    histogram = getattr(masses, side)
    expected = curves.signal[side] + curves.background[side]
    total = histogram.values.sum()
    scale = histogram.variances.sum() / total if total else 1.0
    pulls = (histogram.values - expected) / np.sqrt(np.maximum(expected * scale, 1e-9))
    # Where less than one pair is expected a pull says nothing.
    pulls = np.where(expected >= 1.0, pulls, np.nan)
    axes.axhspan(-2.0, 2.0, color="0.92", linewidth=0, zorder=0)
    axes.axhline(0.0, color="black", linewidth=0.8)
    centres = 0.5 * (masses.edges[1:] + masses.edges[:-1])
    axes.plot(centres, pulls, linestyle="none", marker="o", markersize=2.5, color="black")
    axes.set_xlim(masses.edges[0], masses.edges[-1])
    axes.set_ylim(-4.5, 4.5)
    axes.set_yticks([-4, -2, 0, 2, 4])
    axes.set_ylabel("Pull")
