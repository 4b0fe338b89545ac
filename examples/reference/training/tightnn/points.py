"""Working points of the TightNN networks: at the efficiency of Tight, in each bin or in all."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from training.tightnn import cuts
from training.tightnn.cuts import ABSETA_EDGES, FEWEST, MOST_CHI2, PT_EDGES, Maps
from training.tightnn.inputs import Muons

from lepid.tables import Node, binning, constant, correction
from lepid.taggers import card_file
from lepid.working_points import table
from lepid.working_points.table import Binding, Requirement, Rules

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
INPUTS = {"pt": "pt of the muon [GeV]", "abseta": "|eta| of the muon"}


class Cuts(NamedTuple):
    """Cuts on the score: [n_pt, n_abseta] in bins, and one for all muons."""

    binned: Floats
    flat: float

    def passes(self, muons: Muons, score: Floats) -> dict[str, Bools]:
        """Point -> whether each muon passes, [n]."""
        return {"TightNN": score > self.binned[cuts.bins(muons)], "TightNNFlat": score > self.flat}


def find(muons: Muons, weight: Floats, score: Floats, tight: Bools) -> Cuts:
    """Cuts that keep as much of the signal as the cuts of Tight do.

    Parameters
    ----------
    muons : that no network was fitted to
    tight : whether each is Tight
    """
    signal = muons.signal
    in_pt, in_eta = cuts.bins(muons.of(signal))
    values = score[signal], weight[signal], tight[signal]
    flat = _cut(*values)
    binned = np.full((len(PT_EDGES) - 1, len(ABSETA_EDGES) - 1), flat)
    for i in range(binned.shape[0]):
        row = in_pt == i
        if row.sum() < FEWEST:
            binned[i] = binned[max(i - 1, 0)]
            continue
        for j in range(binned.shape[1]):
            cell = row & (in_eta == j)
            chosen = cell if cell.sum() >= FEWEST else row
            binned[i, j] = _cut(*(value[chosen] for value in values))
    return Cuts(np.round(binned, 6), round(flat, 6))


def _cut(score: Floats, weight: Floats, tight: Bools) -> float:
    """Halfway between the last score that has to pass and the next one."""
    order = np.argsort(-score)
    kept = np.cumsum(weight[order])
    last = np.searchsorted(kept, weight[tight].sum() * (1.0 - 1e-9))
    nearby = score[order][last : last + 2]
    return float(nearby.mean())


def write(card_path: Path, found: Cuts, maps: Maps, path: Path) -> None:
    """Write the points, and the cuts of Tight beside them."""
    card = card_file.load(card_path)
    (network,) = card.networks
    grid = {
        "TightNN": ("score", ">", found.binned, "as many of the signal as CutBasedTight per bin"),
        "TightNNFlat": (
            "score", ">", np.full_like(found.binned, found.flat),
            "as many of the signal as CutBasedTight in all",
        ),
        "rho_prime": ("rhoPrime", "<=", maps.rho_prime, "ours, in the form of Athena's"),
        "significance": ("qOverPSignificance", "<=", maps.significance, "ours, as Athena's"),
        "chi2": ("reducedChi2", "<", np.full_like(maps.rho_prime, MOST_CHI2), "Athena"),
    }  # fmt: skip
    points = {
        "TightNN": ("TightNN",),
        "TightNNFlat": ("TightNNFlat",),
        "CutBasedTight": ("rho_prime", "significance", "chi2"),
    }
    corrections = [
        correction(name, f"cut on {of}, {why}", INPUTS, ("cut", f"on {of}"), _grid(values))
        for name, (of, _, values, why) in grid.items()
    ]
    rules = Rules(
        tagger=card.tagger,
        points={
            point: tuple(
                Requirement(correction=name, quantity=grid[name][0], sense=grid[name][1])
                for name in parts
            )
            for point, parts in points.items()
        },
        inputs={name: name for name in INPUTS},
        bound_to=Binding(
            sha256=(network.sha256,),
            columns=card.stored_columns,
        ),
    )
    text = f"{card.name}: at efficiencies of lepid's own simulation, not of data"
    path.parent.mkdir(parents=True, exist_ok=True)
    table.write(path, text, rules, corrections)


def _grid(values: Floats) -> Node:
    """Cuts in bins of pt, in them in bins of |eta|."""
    abseta = (0.0, *ABSETA_EDGES[1:-1], np.inf)
    lines = [
        binning("abseta", abseta, [constant(float(cut), "abseta") for cut in line])
        for line in values
    ]
    return binning("pt", (0.0, *PT_EDGES[1:]), lines)
