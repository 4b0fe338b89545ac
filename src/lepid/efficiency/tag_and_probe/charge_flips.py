"""How often a charge is measured wrong, from pairs of a resonance with the same charge."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Self, TypeAlias

import numpy as np
import numpy.typing as npt

from lepid.efficiency.tag_and_probe import flip_background, mass_fit
from lepid.efficiency.tag_and_probe.pair_table import Leptons, check_edges, invariant_mass
from lepid.efficiency.tag_and_probe.resonances import resonance
from lepid.errors import BadInput
from lepid.features.kernels.pairs import ordered_pairs

Floats: TypeAlias = npt.NDArray[np.float64]
Places: TypeAlias = npt.NDArray[np.intp]

# What a lepton with a wrong charge passes.
FLIP = "charge_flip"
# A rate of 0 or of a half has no slope.
LOWEST, HIGHEST = 1e-9, 0.499


@dataclass(frozen=True)
class ChargeTable:
    """Pairs of leptons, each once, by the bins of both and by their charges.

    Attributes
    ----------
    collection, select, resonance : what was measured
    pt_edges, mass_edges : GeV; the last of pt may be infinite
    abseta_edges : ascending
    values : [n_bin, n_bin, opposite or same charge, n_mass] with the bins of pT and |eta| row by
        row; the first bin is not above the second
    experiment : ``"atlas"``, ``"cms"`` or empty: the style of pictures
    sources : input files
    """

    collection: str
    select: str
    resonance: str
    pt_edges: tuple[float, ...]
    abseta_edges: tuple[float, ...]
    mass_edges: tuple[float, ...]
    values: Floats
    experiment: str = ""
    sources: tuple[str, ...] = ()

    @classmethod
    def empty(
        cls,
        collection: str,
        select: str,
        resonance: str,
        *,
        pt_edges: Sequence[float],
        abseta_edges: Sequence[float],
        mass_edges: Sequence[float],
    ) -> Self:
        """Table without pairs.

        Raises
        ------
        BadInput : edges do not increase
        """
        named = {"pt_edges": pt_edges, "abseta_edges": abseta_edges, "mass_edges": mass_edges}
        for kind, edges in named.items():
            check_edges(kind, edges)
        n_bin = (len(pt_edges) - 1) * (len(abseta_edges) - 1)
        values = np.zeros((n_bin, n_bin, 2, len(mass_edges) - 1))
        pt, abseta, mass = (tuple(map(float, edges)) for edges in named.values())
        return cls(collection, select, resonance, pt, abseta, mass, values)

    @property
    def shape(self) -> tuple[int, int]:
        """Number of bins in pT and in |eta|."""
        return len(self.pt_edges) - 1, len(self.abseta_edges) - 1

    def counted(self, leptons: Leptons, chosen: npt.NDArray[np.bool_], mass: float) -> Self:
        """Table with the pairs of these leptons added.

        Parameters
        ----------
        chosen : [n_lepton]
        mass : of a lepton, GeV

        Raises
        ------
        BadInput : weights differ from 1, for which the likelihood is not defined
        """
        numbers = (leptons.pt, leptons.eta, leptons.phi)
        good = chosen & np.logical_and.reduce([np.isfinite(x) for x in numbers])
        good &= leptons.charge != 0
        if (leptons.weight[good] != 1.0).any():
            do = "leave the weights out, and draw unweighted events"
            raise BadInput("charge flips", "the likelihood counts pairs, without weights", (), do)
        pt = np.searchsorted(self.pt_edges, leptons.pt, side="right") - 1
        abseta = np.searchsorted(self.abseta_edges, np.abs(leptons.eta), side="right") - 1
        n_pt, n_abseta = self.shape
        good &= (pt >= 0) & (pt < n_pt) & (abseta >= 0) & (abseta < n_abseta)
        one, other = ordered_pairs(leptons.offsets, good, good)
        one, other = one[one < other], other[one < other]
        found = invariant_mass(leptons, one, other, mass)
        place = np.searchsorted(self.mass_edges, found, side="right") - 1
        inside = (place >= 0) & (place < len(self.mass_edges) - 1)
        bins = np.sort(
            np.stack([(pt * n_abseta + abseta)[x[inside]] for x in (one, other)]), axis=0
        )
        same = (leptons.charge[one] * leptons.charge[other] > 0)[inside]
        values = self.values.copy()
        np.add.at(values, (*bins, same.astype(np.intp), place[inside]), 1.0)
        return replace(self, values=values)

    def __add__(self, other: ChargeTable) -> ChargeTable:
        """Table of the pairs of both.

        Raises
        ------
        BadInput : they do not measure the same thing in the same bins; lists every difference
        """
        if not isinstance(other, ChargeTable):
            return NotImplemented
        names = [name for name in vars(self) if name not in ("values", "sources")]
        pairs = [(name, getattr(self, name), getattr(other, name)) for name in names]
        differences = [f"{name}: {a!r} and {b!r}" for name, a, b in pairs if a != b]
        if differences:
            do = "add tables of one selection and binning"
            raise BadInput("tables of charges", "; ".join(differences), (), do)
        sources = tuple(dict.fromkeys(self.sources + other.sources))
        return replace(self, values=self.values + other.values, sources=sources)


@dataclass(frozen=True)
class FlipRates:
    """Probability that a charge is measured wrong.

    Attributes
    ----------
    value, error : [n_pt, n_abseta]; NaN in bins without pairs, or whose rate ended
        at a limit because the background took all pairs of the same charge
    covariance : [n_bin, n_bin], bins row by row
    pt_edges, abseta_edges : of the bins, pt in GeV
    chi2, ndof : of the numbers of pairs of the same charge, where 5 are expected
    identity : collection, selection, resonance, experiment and files of the pairs
    """

    value: Floats
    error: Floats
    covariance: Floats
    pt_edges: tuple[float, ...]
    abseta_edges: tuple[float, ...]
    chi2: float
    ndof: int
    identity: Mapping[str, str] = field(default_factory=dict)


def charge_flip_rates(
    table: ChargeTable,
    *,
    peak: tuple[float, float] | None = None,
    window: tuple[float, float] | None = None,
) -> FlipRates:
    """Rates that make the observed pairs of the same charge most likely.

    A pair of leptons i and j has the same charge with the probability
    e_i (1 - e_j) + e_j (1 - e_i).
    Cuts on pT shape the masses of the background, so the pairs of each two bins of pT are fitted:
    that gives the background in the peak over that beside it. What is beside the peak of each two
    bins of pT and |eta| then enters the likelihood as a number of its own, and so the errors.
    The error of the ratio itself does not.

    Parameters
    ----------
    peak : GeV, what is counted; None is that of the resonance
    window : GeV, the outer ends of the sidebands; None is that of the resonance

    Raises
    ------
    BadInput : no pair in the peak, no sideband, or a likelihood without a valid maximum

    Source
    ------
    The likelihood of ATLAS, Eur. Phys. J. C 79 (2019) 639; the background is ours.
    """
    start = resonance(table.resonance)
    first, second, cells = _cells(table, peak or start.peak, window or start.window)
    if not len(first):
        raise BadInput("charge flips", "no pair in the peak", (), "loosen the selection")
    total = np.maximum(cells.signal.sum(axis=1), 0.0)
    used = np.unique(np.concatenate([first, second]))
    one, other = np.searchsorted(used, first), np.searchsorted(used, second)

    def same(rates: Floats) -> Floats:
        a, b = rates[one], rates[other]
        return np.asarray(total * (a + b - 2.0 * a * b))

    def minus_log(rates: Floats) -> float:
        return flip_background.minus_log(same(rates), cells)

    rate = np.clip(0.5 * cells.signal[:, 1].sum() / max(total.sum(), 1.0), 1e-4, 0.3)
    values, covariance, valid = mass_fit.minimise(
        minus_log, np.full(len(used), rate), LOWEST, HIGHEST
    )
    if not valid:
        do = "merge bins of pT and |eta|: some have too few pairs of the same charge"
        raise BadInput("charge flips", "the likelihood has no valid maximum", (), do)
    signal = same(values)
    expected = signal + cells.ratio * cells.beside[:, 1]
    enough = expected >= mass_fit.EXPECTED
    squares = expected + cells.ratio**2 * cells.beside[:, 1]
    chi2 = float(np.sum((cells.peak[:, 1] - expected)[enough] ** 2 / squares[enough]))
    n_bin = math.prod(table.shape)
    # At a limit the likelihood has a slope, and its curvature is no uncertainty.
    bounded = (values < 1e-7) | (values > HIGHEST - 1e-3)
    values = np.where(bounded, np.nan, values)
    covariance = np.where(bounded[:, None] | bounded, np.nan, covariance)
    whole, matrix = np.full(n_bin, np.nan), np.full((n_bin, n_bin), np.nan)
    whole[used], matrix[np.ix_(used, used)] = values, covariance
    return FlipRates(
        whole.reshape(table.shape),
        np.sqrt(np.diag(matrix)).reshape(table.shape),
        matrix,
        table.pt_edges,
        table.abseta_edges,
        chi2,
        int(enough.sum()) - len(used),
        {
            "collection": table.collection,
            "select": table.select,
            "resonance": table.resonance,
            "experiment": table.experiment,
            "files": ", ".join(table.sources),
        },
    )


def _cells(
    table: ChargeTable, peak: tuple[float, float], window: tuple[float, float]
) -> tuple[Places, Places, flip_background.Cells]:
    """Both bins of each kind of pairs that is in the peak, and these pairs."""
    edges = np.asarray(table.mass_edges)
    centres = 0.5 * (edges[1:] + edges[:-1])
    chosen = (centres > window[0]) & (centres < window[1])
    ends = edges[np.r_[chosen, False] | np.r_[False, chosen]]
    values = table.values[..., chosen]
    inside, beside = flip_background.places(ends, peak)
    if not (centres[chosen] < peak[0]).any() or not (centres[chosen] > peak[1]).any():
        wrong = f"the window {window[0]:g} to {window[1]:g} GeV leaves no sideband"
        do = f"give a window around {peak[0]:g} to {peak[1]:g} GeV"
        raise BadInput("charge flips", wrong, (), do)
    first, second = np.nonzero(values[..., inside].sum(axis=(2, 3)) > 0.0)
    some = values[first, second]
    n_pt, n_abseta = table.shape
    kind = np.minimum(first, second) // n_abseta * n_pt + np.maximum(first, second) // n_abseta
    ratio = np.zeros(len(first))
    for one in np.unique(kind):
        pairs = some[kind == one].sum(axis=0)
        ratio[kind == one] = flip_background.ratio(ends, pairs, peak, table.resonance)
    peaks, besides = (some[..., where].sum(axis=2) for where in (inside, beside))
    return first, second, flip_background.Cells(peaks, besides, ratio)
