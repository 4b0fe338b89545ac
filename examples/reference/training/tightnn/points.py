"""Working points of the TightNN networks: at the efficiency of Tight, in each bin or in all."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from training.points import SAMPLE, named
from training.tightnn.cuts import ABSETA_EDGES, MOST_CHI2, PT_EDGES, Maps
from training.tightnn.inputs import Muons

from lepid.tables import Node, binning, constant, correction
from lepid.taggers import card_file
from lepid.working_points import table
from lepid.working_points.bins import Bins
from lepid.working_points.derive import derive
from lepid.working_points.points import Derived, Sample, Wanted
from lepid.working_points.table import Requirement
from lepid.working_points.written import table_of

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
INPUTS = {"pt": "pt of the muon [GeV]", "abseta": "|eta| of the muon"}
SIGNAL = f"signal muons {SAMPLE}"
# Of the maps of Tight, but no muon may be outside, and few are above 100 GeV.
BINS = Bins((0.0, *PT_EDGES[1:-2], np.inf), (*ABSETA_EDGES[:-1], np.inf))
ALL = Bins((0.0, np.inf), (0.0, np.inf))


class Cuts(NamedTuple):
    """Cuts on the score: in bins of pt and |eta|, and one for all muons."""

    binned: Derived
    one: Derived

    @property
    def flat(self) -> float:
        """The one for all muons."""
        return float(self.one.points[0].cuts.item())

    def passes(self, muons: Muons, score: Floats) -> dict[str, Bools]:
        """Point -> whether each muon passes, [n]."""
        pt, abseta = muons.columns["pt"], np.abs(muons.columns["eta"])
        return {
            derived.points[0].name: score
            > derived.points[0].cuts.ravel()[derived.bins.places(pt, abseta)]
            for derived in self
        }


def find(muons: Muons, weight: Floats, score: Floats, tight: Bools) -> Cuts:
    """Cuts that keep as much of the signal as the cuts of Tight do.

    Parameters
    ----------
    muons : that no network was fitted to
    tight : whether each is Tight
    """
    pt, abseta = muons.columns["pt"], np.abs(muons.columns["eta"])
    sample = Sample({"score": score}, {SIGNAL: muons.signal}, pt, abseta, weight)
    like = Wanted("TightNN", SIGNAL, tight.astype(np.float64), "efficiency of CutBasedTight")
    flat = replace(like, name="TightNNFlat", text="efficiency of CutBasedTight in all")
    return Cuts(derive(sample, [like], BINS), derive(sample, [flat], ALL))


def write(card_path: Path, found: Cuts, maps: Maps, path: Path) -> None:
    """Write the points, and the cuts of Tight beside them."""
    card = card_file.load(card_path)
    tables = [table_of(named(card, derived), path) for derived in found]
    grid = {
        "rho_prime": ("rhoPrime", "<=", maps.rho_prime, "ours, in the form of Athena's"),
        "significance": ("qOverPSignificance", "<=", maps.significance, "ours, as Athena's"),
        "chi2": ("reducedChi2", "<", np.full_like(maps.rho_prime, MOST_CHI2), "Athena"),
    }
    corrections = [
        *(node for made in tables for node in json.loads(made.tables.text)["corrections"]),
        *(
            correction(name, f"cut on {of}, {why}", INPUTS, ("cut", f"on {of}"), _grid(values))
            for name, (of, _, values, why) in grid.items()
        ),
    ]
    by_cuts = tuple(
        Requirement(correction=name, quantity=of, sense=sense)
        for name, (of, sense, _, _) in grid.items()
    )
    points = {name: rule for made in tables for name, rule in made.rules.points.items()}
    rules = tables[0].rules.model_copy(update={"points": {**points, "CutBasedTight": by_cuts}})
    path.parent.mkdir(parents=True, exist_ok=True)
    table.write(path, named(card, found.binned).description, rules, corrections)


def _grid(values: Floats) -> Node:
    """Cuts in bins of pt, in them in bins of |eta|."""
    abseta = (0.0, *ABSETA_EDGES[1:-1], np.inf)
    lines = [
        binning("abseta", abseta, [constant(float(cut), "abseta") for cut in line])
        for line in values
    ]
    return binning("pt", (0.0, *PT_EDGES[1:]), lines)
