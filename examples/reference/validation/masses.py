"""Invariant masses of pairs of leptons."""

from __future__ import annotations

import numpy as np
from simulation.collection import Array

Z_MASS_MIN = 50.0  # GeV; what is lighter is a J/psi


def pair_columns(
    leptons: dict[str, Array], event_weight: Array, lepton_mass: float
) -> dict[str, Array]:
    """Invariant mass (GeV) of the two hardest prompt leptons of opposite charge, per event."""
    event = leptons["event"]
    order = np.lexsort((-leptons["pt"], event))
    order = order[leptons["prompt"][order]]
    first, second = order[:-1], order[1:]
    # The hardest of an event has another event before it.
    leads = np.ones(len(order), dtype=bool)
    leads[1:] = event[order[1:]] != event[order[:-1]]
    opposite = leptons["charge"][first] * leptons["charge"][second] < 0
    both = leads[:-1] & (event[first] == event[second]) & opposite
    first, second = first[both], second[both]
    pairs = np.stack([first, second], axis=1)
    mass = pair_mass(*(leptons[name][pairs] for name in ("pt", "eta", "phi")), lepton_mass)
    return {
        "mass": mass,
        "weight": event_weight[event[first]],
        "z": mass > Z_MASS_MIN,
        "jpsi": mass < Z_MASS_MIN,
        "opposite": np.ones(len(mass), dtype=np.int64),
    }


def pair_mass(pt: Array, eta: Array, phi: Array, lepton_mass: float) -> Array:
    """Mass of pairs (GeV), [n]; each of the arguments [n, 2], GeV."""
    momentum = np.stack([pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta)])
    energy = np.sqrt((momentum**2).sum(axis=0) + lepton_mass**2).sum(axis=1)
    square = energy**2 - (momentum.sum(axis=2) ** 2).sum(axis=0)
    return np.asarray(np.sqrt(np.maximum(square, 0.0)))
