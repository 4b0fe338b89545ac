"""Soft-lepton observables on real files, beside what CMS stores."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest

import lepid

pytestmark = pytest.mark.real

NANO = "coffea_nano_tt_v12.root"
# file: collection, jets, leptons with a jet
HELD = {
    "skhep_uproot-physlite-rntuple_v1-0-0-0.root": ("Muons", "Jets", 40),
    "coffea_PHYSLITE_example.root": ("Electrons", "Jets", 121),
    "skhep_uproot-issue-123a.root": ("Muons", "Jets", 22),
    NANO: ("Muon", "Jet", 178),
    "egammatnp_DYto2E.root": ("Electron", "Jet", 1857),
    "coffea_nano_dy_rntuple.root": ("Muon", "Jet", 16),
    "coffea_delphes.root": ("Electron", "Jet", 0),
}


@pytest.mark.parametrize("name", HELD)
def test_jets_of_every_format(real_data: Path, name: str) -> None:
    collection, jets, n = HELD[name]
    events = lepid.open(real_data / "root" / name)
    loss = "at jet" if collection == "Muons" else "none"
    found = lepid.associate(events, collection, energy_loss=loss)
    near = found.index >= 0
    assert ak.sum(near) == n
    unit = 1000 if jets == "Jets" else 1
    pt, eta = ("PT", "Eta") if "delphes" in name else ("pt", "eta")
    jet = events[jets][found.index[near]]
    lepton = events[collection][near]
    assert ak.all(jet[pt] > 25 * unit)
    assert ak.all(abs(jet[eta]) < 2.5)
    assert ak.all(found.dr[near] < 0.4)
    assert ak.all(ak.isclose(found.ptfrac[near], lepton[pt] / jet[pt], rtol=1e-6))
    observed = [np.asarray(ak.flatten(found[field][near])) for field in ("ptrel", "z", "z_added")]
    assert all(np.isfinite(column).all() for column in observed)
    assert ak.all(found.ptrel[near] <= lepton[pt] * np.cosh(lepton[eta]) * (1 + 1e-6))


def raw(events: Any) -> Any:
    """The events with the pt of their jets before the energy correction."""
    changed = {name: events[name] for name in ("Muon", "Jet")}
    pt = events.Jet.pt * (1 - events.Jet.rawFactor)
    changed["Jet"] = ak.zip({"pt": pt, "eta": events.Jet.eta, "phi": events.Jet.phi})
    return ak.zip(changed, depth_limit=1)


def test_the_jets_of_nanoaod(real_data: Path) -> None:
    """NanoAOD says which jet holds each muon, and its momentum relative to the rest of the jet."""
    events = lepid.open(real_data / "root" / NANO)
    found = lepid.associate(events, "Muon")
    both = (found.index >= 0) & (events.Muon.jetIdx >= 0)
    assert ak.sum(both) == 170
    assert ak.all(found.index[both] == events.Muon.jetIdx[both])
    # CMS takes the muon out of the jet before the correction, which is for the rest alone.
    without = lepid.associate(raw(events), "Muon", pt=0.0, abseta=5.0)
    same = (without.index == events.Muon.jetIdx) & (events.Muon.jetPtRelv2 > 0)
    own, theirs = without.ptrel_removed[same], events.Muon.jetPtRelv2[same]
    ratio = np.asarray(ak.flatten(own / theirs))
    # Of a jet that is the muon alone CMS stores what rounding leaves.
    alone = np.isnan(ratio)
    assert alone.sum() <= 3
    ratio = ratio[~alone]
    assert len(ratio) > 170
    # It knows an offset for pile-up too.
    low, median, high = np.quantile(ratio, [0.1, 0.5, 0.9])
    assert abs(median - 1) < 0.001
    assert 0.99 < low < high < 1.01
