"""Resonances that decay into two leptons, and the names of what is done with their masses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lepid.errors import UnknownName

TEMPLATE, CRYSTAL_BALL = "template", "double-crystal-ball"
FIT, SIDEBANDS, SAME_SIGN, COUNT = "fit", "sidebands", "same-sign", "count"
METHODS = (FIT, SIDEBANDS, SAME_SIGN, COUNT)
SIGNALS = (TEMPLATE, CRYSTAL_BALL)
BACKGROUNDS = ("exponential", "polynomial", "cms")
# Particle Data Group, Phys. Rev. D 110 (2024) 030001; GeV.
LEPTON_MASSES = {"electron": 0.00051099895, "muon": 0.1056583755}


@dataclass(frozen=True)
class Resonance:
    """What a fit of a resonance begins with; all in GeV.

    Attributes
    ----------
    mass : of the Particle Data Group
    width : of the observed peak, where a fit starts
    edges : ends of the range that is recorded, and the width of its bins
    window : range that is fitted
    peak : range that is counted where sidebands give the background
    """

    mass: float
    width: float
    edges: tuple[float, float, float]
    window: tuple[float, float]
    peak: tuple[float, float]

    @property
    def mass_edges(self) -> tuple[float, ...]:
        """Edges of the bins that are recorded, GeV."""
        low, high, width = self.edges
        # Rounded: 2.4 + 3 * 0.02 is not 2.46 in binary, and windows are given in decimals.
        count = round((high - low) / width) + 1
        return tuple(np.round(np.linspace(low, high, count), 9).tolist())


# Masses of the Particle Data Group; ranges are ours, J/psi below the psi(2S).
RESONANCES = {
    "Z": Resonance(91.1880, 2.5, (50.0, 130.0, 1.0), (60.0, 120.0), (80.0, 100.0)),
    "J/psi": Resonance(3.0969, 0.05, (2.4, 3.6, 0.02), (2.6, 3.6), (2.9, 3.3)),
}


def resonance(name: str) -> Resonance:
    """The resonance of this name.

    Raises
    ------
    UnknownName : there is none
    """
    if name not in RESONANCES:
        raise UnknownName.of("tag and probe", "resonance", name, RESONANCES)
    return RESONANCES[name]
