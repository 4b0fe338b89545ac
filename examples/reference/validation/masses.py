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
    px, py, pz, e = (
        a + b
        for a, b in zip(
            _momentum(leptons, first, lepton_mass),
            _momentum(leptons, second, lepton_mass),
            strict=True,
        )
    )
    mass = np.sqrt(np.maximum(e**2 - px**2 - py**2 - pz**2, 0.0))
    return {
        "mass": mass,
        "weight": event_weight[event[first]],
        "z": mass > Z_MASS_MIN,
        "jpsi": mass < Z_MASS_MIN,
        "opposite": np.ones(len(mass), dtype=np.int64),
    }


def _momentum(
    leptons: dict[str, Array], rows: Array, mass: float
) -> tuple[Array, Array, Array, Array]:
    pt, eta, phi = (leptons[name][rows] for name in ("pt", "eta", "phi"))
    energy = np.sqrt((pt * np.cosh(eta)) ** 2 + mass**2)
    return pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta), energy
