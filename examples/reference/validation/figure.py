"""What a figure of the page is: data. `fill` and `draw` turn it into histograms and a picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import hist
import numpy as np
from simulation.processes import PROCESSES

from lepid.efficiency.truth_codes import DNN, IFF
from validation.leptons import SOURCES
from validation.source import SAMPLE

SHAPE, PEAK, FRACTION, MEAN, COMPOSITION, RATIO = (
    "shape",
    "peak",
    "fraction",
    "mean",
    "composition",
    "ratio",
)


@dataclass(frozen=True)
class Series:
    """What tells the curves of a figure apart: a column of codes, and the name of each code."""

    column: str
    names: Mapping[int, str]


@dataclass(frozen=True)
class Panel:
    """One plot: a column against its axis.

    Parameters
    ----------
    column : on the horizontal axis
    axis : its bins
    label : of the horizontal axis, with the unit
    log : the vertical axis is logarithmic
    y : column that is averaged, or true for what passed, in figures of that kind
    y_label : of the vertical axis; empty for what the kind of figure calls it
    normal : draw a Gaussian of unit width as well
    select : columns that have to be true, on top of those of the figure
    weight : column of the weights
    """

    column: str
    axis: hist.axis.Regular | hist.axis.Variable
    label: str
    log: bool = False
    y: str = ""
    y_label: str = ""
    normal: bool = False
    select: tuple[str, ...] = ()
    weight: str = "weight"


@dataclass(frozen=True)
class Figure:
    """One picture with its caption.

    Parameters
    ----------
    name : of the figure on the page
    title : heading
    kind : SHAPE: one normalised curve per series. PEAK: counts, and a Gaussian core. FRACTION: of
        what passed, with intervals. MEAN: of a column. COMPOSITION: parts of each process.
        RATIO: two series, and one over the other.
    table : which of the columns of `leptons.tables`
    series : the curves
    panels : the plots
    shows, expect, invented : the three sentences of the caption
    processes : those it is made of; empty for all
    select : columns that have to be true
    kinds : folders that it is made of
    """

    name: str
    title: str
    kind: str
    table: str
    series: Series
    panels: tuple[Panel, ...]
    shows: str
    expect: str
    invented: str
    processes: tuple[str, ...] = ()
    select: tuple[str, ...] = ()
    kinds: tuple[str, ...] = (SAMPLE,)


PROCESS_NAMES = {
    "ttbar_nonallhad": r"$t\bar{t}$ leptonic",
    "ttbar_allhad": r"$t\bar{t}$ hadronic",
    "Zee": r"$Z\to ee$",
    "Zmumu": r"$Z\to\mu\mu$",
    "Jpsi_ee": r"$J/\psi\to ee$",
    "Jpsi_mumu": r"$J/\psi\to\mu\mu$",
    "Wjets": r"$W$ + jet",
    "photon_jet": r"$\gamma$ + jet",
    "dijet": "dijet",
}
DNN_CLASSES = Series(
    "dnn",
    {
        DNN.El: "electron",
        DNN.CF: "charge flip",
        DNN.PC: "prompt photon",
        DNN.HF: "heavy flavour",
        DNN.LFEg: r"light, $e/\gamma$",
        DNN.LFH: "light, hadron",
    },
)
MUON_CLASSES = Series(
    "iff",
    {
        IFF.PromptMuon: "prompt",
        IFF.BHadronDecay: "b hadron",
        IFF.CHadronDecay: "c hadron",
        IFF.TauDecay: "tau",
        IFF.LightFlavorDecay: "light (in flight)",
    },
)
ELECTRON_CLASSES = Series(
    "iff",
    {
        IFF.IsoElectron: "prompt",
        IFF.ChargeFlipIsoElectron: "charge flip",
        IFF.PromptPhotonConversion: "prompt photon",
        IFF.BHadronDecay: "b hadron",
        IFF.CHadronDecay: "c hadron",
        IFF.TauDecay: "tau",
        IFF.LightFlavorDecay: "light",
    },
)
TRACK_ORIGINS = Series(
    "origin",
    {
        0: "pile-up",
        1: "fake",
        2: "primary",
        3: "from b",
        4: "from b to c",
        5: "from c",
        7: "other secondary",
    },
)
LEPTON_SOURCES = Series("source", dict(enumerate(SOURCES)))
PROCESS_SERIES = Series(
    "process",
    {code: PROCESS_NAMES[name] for code, name in enumerate(PROCESSES) if name in PROCESS_NAMES},
)
MADE = Series("made", {0: "overlay", 1: "multiparton interactions"})
PROCESS_AXIS = hist.axis.Regular(len(PROCESSES), -0.5, len(PROCESSES) - 0.5)


def regular(n: int, low: float, high: float) -> hist.axis.Regular:
    """Bins of equal width."""
    return hist.axis.Regular(n, low, high)


def whole(last: int, first: int = 0) -> hist.axis.Regular:
    """One bin for each whole number."""
    return hist.axis.Regular(last - first + 1, first - 0.5, last + 0.5)


def logarithmic(n: int, low: float, high: float) -> hist.axis.Variable:
    """Bins of equal ratio."""
    return hist.axis.Variable(np.geomspace(low, high, n + 1))


def variable(edges: tuple[float, ...]) -> hist.axis.Variable:
    """Bins with given edges."""
    return hist.axis.Variable(edges)


def _significance(column: str, label: str) -> Panel:
    return Panel(column, regular(41, -8.2, 8.2), label, log=True, normal=True)


IMPACT = (
    _significance("d0 significance", r"$d_0/\sigma(d_0)$"),
    _significance("z0 significance", r"$z_0\sin\theta\,/\,\sigma(z_0\sin\theta)$"),
)
ISOLATION = (
    Panel("ptvarcone30Rel", regular(30, 0.0, 1.5), r"ptvarcone30 / $p_{\mathrm{T}}$", log=True),
    Panel("topoetcone20Rel", regular(36, -0.6, 1.2), r"topoetcone20 / $p_{\mathrm{T}}$", log=True),
    Panel("topoetcone20", regular(40, -6.0, 14.0), "topoetcone20 [GeV]", log=True),
)
