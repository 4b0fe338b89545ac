"""Candidates around leptons beside a twin that goes pair by pair."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lepid.features import constituents, tracks
from lepid.features.kernels.association import Directions
from lepid.features.tracks import Tracks
from lepid.taggers.card_network import Input

ORDERS = ("nearest", "stored", "pt")


def make(seed: int) -> tuple[Directions, Tracks]:
    rng = np.random.default_rng(seed)
    n_lepton, n_other = rng.integers(0, 3, 4), rng.integers(0, 30, 4)

    def offsets(n: Any) -> Any:
        return np.concatenate([[0], np.cumsum(n)])

    def place(n: int) -> tuple[Any, Any]:
        return rng.uniform(-3.2, 3.2, n).astype(np.float32), rng.uniform(-0.8, 0.8, n)

    phi, eta = place(n_lepton.sum())
    leptons = Directions(offsets(n_lepton), phi, eta=eta)
    phi, eta = place(n_other.sum())
    # Few values of pt, so that some are equal.
    pt = rng.integers(1, 5, len(phi)).astype(np.float32)
    return leptons, Tracks(offsets(n_other), {"phi": phi, "eta": eta, "pt": pt}, lambda unit: unit)


def slow(leptons: Directions, others: Tracks, cone: float, order: str) -> list[list[Any]]:
    """(row, dr, deta, dphi) of each lepton in order."""
    found = []
    for event in range(len(leptons.offsets) - 1):
        for lepton in range(leptons.offsets[event], leptons.offsets[event + 1]):
            near = []
            for row in range(others.offsets[event], others.offsets[event + 1]):
                deta = float(others.columns["eta"][row]) - float(leptons.eta[lepton])
                dphi = float(others.columns["phi"][row]) - float(leptons.phi[lepton])
                dphi = (dphi + math.pi) % (2 * math.pi) - math.pi
                dr = math.hypot(deta, dphi)
                if np.float32(dr) <= np.float32(cone):
                    pt = float(others.columns["pt"][row])
                    key = {"nearest": dr, "stored": 0.0, "pt": -pt}[order]
                    near.append((key, row, dr, deta, dphi))
            found.append([each[1:] for each in sorted(near)])
    return found


@given(st.integers(0, 2**32 - 1), st.sampled_from(ORDERS), st.floats(0.1, 1.5))
def test_the_slow_twin(seed: int, order: Any, cone: float) -> None:
    leptons, others = make(seed)
    found = constituents.neighbours(leptons, others, cone, order)
    expected = slow(leptons, others, cone, order)
    pairs = found.pairs
    assert pairs.offsets.tolist() == np.cumsum([0, *map(len, expected)]).tolist()
    flat = [each for one in expected for each in one]
    assert pairs.rows.tolist() == [each[0] for each in flat]
    for place, name in enumerate(tracks.DISTANCE, start=1):
        right = [each[place] for each in flat]
        np.testing.assert_allclose(found.columns[name], right, rtol=0, atol=1e-12)


def test_they_are_rows_of_a_network_clipped_and_with_defaults() -> None:
    leptons, others = make(5)
    columns = {**others.columns, "w": np.where(others.columns["pt"] > 2, np.nan, 7.0)}
    others = Tracks(others.offsets, columns, others.unit_of)
    found = constituents.neighbours(leptons, others, 1.0, "pt")
    entries = [
        Input(feature="pt", mean=1.0, std=2.0, lower=0.4, upper=1.2),
        Input(feature="eta_of_lepton_relative"),
        Input(feature="w", default=-1.0, default_source="ours", upper=5.0),
    ]
    rows = tracks.values(entries, found, others)
    assert len(rows) == len(found.pairs.rows) > 5
    for values, row, deta in zip(rows.tolist(), found.pairs.rows, found.pairs.deta, strict=True):
        pt = float(others.columns["pt"][row])
        expected = [min(max((pt - 1) / 2, 0.4), 1.2), -deta, -1.0 if pt > 2 else 5.0]
        assert values == [float(np.float32(each)) for each in expected]


def test_needs() -> None:
    features = ["charge", "pf_muon", "eta_of_lepton_relative", "dr_lepton"]
    found = constituents.needs(features, "stored")
    assert found == {
        "eta": "their order and distance", "phi": "their order and distance",
        "charge": "input charge", "pdgId": "input pf_muon",
    }  # fmt: skip
    assert "pt" in constituents.needs(features, "pt")
    # The flag of a lepton's own tracks is nothing that candidates have.
    assert constituents.needs(["muon_track"], "nearest")["muon_track"] == "input muon_track"
