"""Events of a resonance with known efficiencies and charge flips, and background below it."""

from __future__ import annotations

from typing import Any

import numpy as np

from lepid.efficiency.tag_and_probe import pair_table
from lepid.efficiency.tag_and_probe.pair_table import Leptons, PairTable
from lepid.efficiency.tag_and_probe.resonances import RESONANCES

PT_EDGES, ABSETA_EDGES = (20.0, 38.0, 50.0, 150.0), (0.0, 0.9, 1.6, 2.4)
TRUTH = np.array([[0.80, 0.70, 0.60], [0.90, 0.82, 0.75], [0.95, 0.90, 0.85]])
FLIPS = np.tile([0.006, 0.02, 0.05], (3, 1))
BACKGROUND_PASSES, TAGGED = 0.35, 0.6


def bins(leptons: Leptons) -> tuple[Any, Any]:
    """Bins of pT and |eta|, moved into the table where they are outside."""
    found = []
    for values, edges in ((leptons.pt, PT_EDGES), (np.abs(leptons.eta), ABSETA_EDGES)):
        found.append(np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2))
    return found[0], found[1]


def draw(
    rng: np.random.Generator, n_signal: int, n_background: int
) -> tuple[Leptons, np.ndarray, np.ndarray]:
    """Leptons, two per event and back to back; whether each passes; whether it is a tag."""
    n = n_signal + n_background
    # The cut keeps the tails of Breit and Wigner inside the table.
    mass = 91.188 + 1.25 * np.tan((rng.random(n_signal) - 0.5) * np.pi * 0.96)
    mass += rng.normal(0.0, 1.8, n_signal)
    mass = np.concatenate([mass, 50 + rng.exponential(45, n_background)])
    eta = rng.uniform(-2.4, 2.4, (n, 2))
    # Back to back the momenta would follow from the mass: a boost brings them nearer together.
    apart = np.cosh(eta[:, 0] - eta[:, 1])
    pt = mass / np.sqrt(2.0 * (apart + 1.0)) * np.exp(rng.uniform(0.0, 1.0, n))
    ratio = np.exp(rng.uniform(-0.5, 0.5, n))
    pts = np.stack([pt * ratio, pt / ratio], axis=1)
    turn = np.arccos(np.clip(apart - 0.5 * (mass / pt) ** 2, -1.0, 1.0))
    phi = np.stack([np.zeros(n), turn], axis=1).ravel()
    charge = np.tile([1.0, -1.0], n)
    flat = pts.ravel(), eta.ravel(), phi
    leptons = Leptons(np.arange(0, 2 * n + 1, 2), *flat, charge, np.ones(2 * n))
    efficiency, flip = TRUTH[bins(leptons)], FLIPS[bins(leptons)]
    background = np.arange(2 * n) >= 2 * n_signal
    passed = rng.random(2 * n) < np.where(background, BACKGROUND_PASSES, efficiency)
    wrong = rng.random(2 * n) < np.where(background, 0.5, flip)
    leptons = leptons._replace(charge=np.where(wrong, -charge, charge))
    return leptons, passed, rng.random(2 * n) < TAGGED


def empty(**changes: Any) -> PairTable:
    """Table of the toys without pairs."""
    fields = {
        "tagger": "toy",
        "network": "",
        "collection": "Electrons",
        "experiment": "atlas",
        "resonance": "Z",
        "tags": {"nominal": "any"},
        "working_points": ("Tight",),
        "mass_edges": RESONANCES["Z"].mass_edges,
        "pt_edges": PT_EDGES,
        "abseta_edges": ABSETA_EDGES,
    }
    return pair_table.empty(**{**fields, **changes})


def table(rng: np.random.Generator, n_signal: int, n_background: int) -> PairTable:
    """Pairs of a toy."""
    leptons, passed, tag = draw(rng, n_signal, n_background)
    every = np.ones(len(passed), bool)
    return pair_table.count(
        empty(), leptons, tags={"nominal": tag}, probe=every, decisions={"Tight": passed}, mass=0.0
    )
