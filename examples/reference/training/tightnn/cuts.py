"""A Tight identification by cuts, in the form of Athena's: maps of cuts in pt and |eta|.

Athena's maps are not public. These keep the parts `KEPT` of the signal that is Medium, in each bin;
which of the two cuts at low pt does how much is what leaves the least background.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from training.tightnn.inputs import Muons, names

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

# GeV. Both cuts below 20, that on rho' alone up to 500, none above, as in Athena.
PT_EDGES = (4.0, 5.0, 6.0, 8.0, 10.0, 15.0, 20.0, 30.0, 50.0, 100.0, 500.0, np.inf)
BOTH_BELOW, NONE_ABOVE = 20.0, 500.0
ABSETA_EDGES = (0.0, 0.6, 1.05, 1.7, 2.5)
# ours: below 20 GeV and above.
KEPT = (0.90, 0.96)
MOST_CHI2 = 8.0  # of the combined track; Athena
# What passes always.
NO_CUT = 1e6
# With fewer signal muons in a bin its cut is that of all |eta|, or of the bin of pt below.
FEWEST = 150
STEPS = 41


class Maps(NamedTuple):
    """Upper cuts on rho' and on the significance of q/p, [n_pt, n_abseta]."""

    rho_prime: Floats
    significance: Floats


def fit(muons: Muons, weight: Floats) -> Maps:
    """Maps that keep `KEPT` of the signal in each bin."""
    shape = len(PT_EDGES) - 1, len(ABSETA_EDGES) - 1
    maps = Maps(np.full(shape, NO_CUT), np.full(shape, NO_CUT))
    in_pt, in_eta = bins(muons)
    for i, low in enumerate(PT_EDGES[:-1]):
        row = in_pt == i
        if low >= NONE_ABOVE:
            continue
        if i and (row & muons.signal).sum() < FEWEST:
            for values in maps:
                values[i] = values[i - 1]
            continue
        for j in range(shape[1]):
            cell = row & (in_eta == j)
            chosen = cell if (cell & muons.signal).sum() >= FEWEST else row
            found = _cuts(muons.of(chosen), weight[chosen], both=low < BOTH_BELOW)
            maps.rho_prime[i, j], maps.significance[i, j] = found
    return maps


def bins(muons: Muons) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Bins of pt and |eta|, [n] each; 2.5 is in the last one."""
    pt, abseta = muons.columns["pt"], np.abs(muons.columns["eta"])
    inner = ABSETA_EDGES[1:-1]
    return np.searchsorted(PT_EDGES, pt, "right") - 1, np.searchsorted(inner, abseta, "right")


def passes(maps: Maps, muons: Muons) -> Bools:
    """Whether each muon is Tight, [n]."""
    place = bins(muons)
    rho, significance, chi2 = quantities(muons)
    good = (rho <= maps.rho_prime[place]) & (significance <= maps.significance[place])
    return good & (chi2 < MOST_CHI2)


def quantities(muons: Muons) -> tuple[Floats, Floats, Floats]:
    """What is cut on: rho', significance of q/p, reduced chi squared, [n] each."""
    order = names()
    wanted = ("rhoPrime", "qOverPSignificance", "reducedChi2")
    rho, significance, chi2 = (
        muons.inputs[:, order.index(name)].astype(np.float64) for name in wanted
    )
    return rho, significance, chi2


def _cuts(muons: Muons, weight: Floats, *, both: bool) -> tuple[float, float]:
    """The cuts on rho' and on the significance that leave the least background."""
    rho, significance, _ = quantities(muons)
    signal = muons.signal
    if not both:
        return round(_quantile(rho[signal], weight[signal], KEPT[1]), 5), NO_CUT
    best = (np.inf, NO_CUT, NO_CUT)
    for kept in np.linspace(KEPT[0], 1.0, STEPS):
        cut = _quantile(rho[signal], weight[signal], kept)
        left = rho <= cut
        mine = signal & left
        share = KEPT[0] * weight[signal].sum() / weight[mine].sum()
        other = _quantile(significance[mine], weight[mine], min(share, 1.0))
        background = weight[~signal & left & (significance <= other)].sum()
        best = min(best, (background, cut, other))
    return round(best[1], 5), round(best[2], 5)


def _quantile(values: Floats, weight: Floats, part: float) -> float:
    order = np.argsort(values)
    below = np.cumsum(weight[order])
    place = np.searchsorted(below, part * below[-1] * (1.0 - 1e-12))
    return float(values[order][min(place, len(values) - 1)])
