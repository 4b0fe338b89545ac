"""Shower shapes and identification variables of electron candidates; all of it is invented.

A few latent quantities, most of them from the particles around, drive all shapes together, so
that the shapes of a candidate are correlated; the widths keep the classes from being told apart.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from simulation import constants as c
from simulation.particles import Bools, Floats


class Latent(NamedTuple):
    """What the shapes of candidates depend on, [n] each.

    `abseta`; `retained` energy after bremsstrahlung; `hadronic` energy behind, `ring` energy
    around, `second` photon in the cluster and `impurity` from hadrons, all relative to the
    cluster; `electron` whether the track is that of an electron.
    """

    abseta: Floats
    retained: Floats
    hadronic: Floats
    ring: Floats
    second: Floats
    impurity: Floats
    electron: Bools


def shower_shapes(latent: Latent, rng: np.random.Generator) -> dict[str, Floats]:
    """Columns of the shapes, [n] each."""
    n = len(latent.abseta)
    normal = dict(zip(c.SHAPE_WIDTHS, rng.standard_normal((len(c.SHAPE_WIDTHS), n)), strict=True))
    noise = {name: width * normal[name] for name, width in c.SHAPE_WIDTHS.items()}
    # Some hadronic showers are as narrow as those of electrons.
    spread = c.HADRON_SPREAD * rng.gamma(c.HADRON_SPREAD_SHAPE, 1.0, n)
    wide = latent.impurity * np.where(rng.random(n) < c.HADRON_NARROW, 0.0, spread)
    ring = np.minimum(latent.ring, 1.0) * rng.random(n)
    pair = np.minimum(latent.second, 0.5) * rng.random(n)
    leak = np.minimum(latent.hadronic, 1.0)
    radiated = 1.0 - latent.retained
    forward = latent.abseta / 2.5
    common = c.SHAPE_COMMON * rng.standard_normal(n) + wide + 0.5 * ring
    lengthened = rng.random(n)
    return {
        "Reta": 0.945 - 0.070 * common - 0.04 * ring + noise["Reta"],
        "Rphi": 0.955 - 0.080 * common - 0.05 * radiated - 0.04 * pair + noise["Rphi"],
        "weta2": 0.0102 + 0.0009 * forward + 0.0030 * common + noise["weta2"],
        "wtots1": np.maximum(2.1 + forward + 1.8 * common + 0.9 * pair + noise["wtots1"], 0.3),
        "Eratio": np.clip(
            1.0 - np.abs(noise["Eratio"]) - 0.9 * pair - 0.30 * np.maximum(common, 0.0), 0.0, 1.0
        ),
        "f1": np.clip(0.28 - 0.12 * common * lengthened + noise["f1"], 0.0, 0.8),
        "f3": c.SHAPE_F3 * np.exp(noise["f3"]) + 0.02 * np.maximum(common, 0.0) + 0.03 * leak,
        "Rhad1": 0.35 * leak * lengthened + noise["Rhad1"],
        "Rhad": 0.35 * leak * lengthened + 0.4 * leak + noise["Rhad"],
    }


def transition_radiation(latent: Latent, rng: np.random.Generator) -> Floats:
    """Column eProbabilityHT, [n]; 0.5 where the track has no hits there."""
    mean, width = c.TRANSITION_ELECTRON
    mean_hadron, width_hadron = c.TRANSITION_HADRON
    normal = rng.standard_normal(len(latent.abseta))
    drawn = np.where(latent.electron, mean + width * normal, mean_hadron + width_hadron * normal)
    # ATLAS transforms the probability p to -ln(1 / p - 1) / 15: the inverse of it.
    return np.where(latent.abseta < c.TRT_MAX_ABSETA, 1.0 / (1.0 + np.exp(-15.0 * drawn)), 0.5)
