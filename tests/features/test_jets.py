"""Pairs of leptons and jets, and which observables are computed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lepid.features import jets
from lepid.features.jets import RELATIVE, Rules
from lepid.features.kernels.relative import Momenta, relative


def momenta(*rows: tuple[float, float, float], kind: Any = np.float64) -> Momenta:
    return Momenta(np.array([0, len(rows)]), *np.array(rows, kind).reshape(-1, 3).T)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_jets_that_count(kind: Any) -> None:
    pt = np.array([25, np.nextafter(kind(25), kind(26)), 100, 100, np.nan, 100], kind)
    eta = np.array([0, 0, 2.5, -np.nextafter(kind(2.5), kind(0)), 0, np.nan], kind)
    expected = [False, True, False, True, False, False]
    assert Rules().accepted(pt, eta).tolist() == expected
    assert Rules(pt=30, abseta=3).accepted(pt, eta).tolist() == [
        False,
        False,
        True,
        True,
        False,
        False,
    ]


def test_pairs_of_both_sides_are_the_same() -> None:
    rng = np.random.default_rng(2)
    leptons, there = (
        momenta(*np.stack([rng.exponential(20, n), *rng.normal(0, 0.5, (2, n))], axis=1))
        for n in (30, 20)
    )
    good = rng.random(20) < 0.6
    of_leptons = jets.near_leptons(leptons, there, good, 0.4)
    of_jets = jets.near_jets(leptons, there, good, 0.4)
    pairs = set(zip(of_leptons.leptons.tolist(), of_leptons.rows.tolist(), strict=True))
    assert len(pairs) > 20
    assert pairs == set(zip(of_jets.rows.tolist(), of_jets.leptons.tolist(), strict=True))
    assert all(good[jet] for _, jet in pairs)


@pytest.mark.parametrize("side", ["leptons", "jets"])
def test_the_edge_of_the_cone_is_outside(side: str) -> None:
    near = jets.near_leptons if side == "leptons" else jets.near_jets
    lepton = momenta((5, 0, 0))
    # 0.4 in float32 is more than 0.4, and what rounds to it may be less.
    for eta, n in ((0.4, 0), (np.nextafter(0.4, 0), 1), (float(np.float32(0.4)), 0)):
        assert len(near(lepton, momenta((50, eta, 0)), np.ones(1, bool), 0.4).rows) == n


def test_only_what_is_wanted() -> None:
    lepton, jet, rows = momenta((10, 0, 0.3)), momenta((40, 0, 0)), (np.array([0]), np.array([0]))
    loss = np.array([4.0])
    some = ["z_removed", "ptrel_added"]
    found = jets.observed(lepton, jet, rows, some, Rules(energy_loss="at jet"), loss=loss)
    expected = relative(lepton, jet, rows, loss=loss, loss_at_jet=True)
    assert list(found) == some
    assert all(found[name] == expected[name] for name in some)
    other = jets.observed(lepton, jet, rows, RELATIVE, Rules(energy_loss="at muon"), loss=loss)
    assert list(other) == list(RELATIVE) == list(expected)
    assert other["ptrel_added"] != expected["ptrel_added"]
