"""What happens to particles on their way through the inner detector.

Photons convert at the radii of the material, electrons radiate hard photons that convert, both
with their natural rates; one pion or kaon of an event is made to decay to a muon, with a weight.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from simulation import ancestry
from simulation import constants as c
from simulation.decay_kernels import COLUMNS, Batch, conversions, forced_decays, tridents
from simulation.particles import Particles, append

from lepid.efficiency.truth_codes import Origin, Type

Array = npt.NDArray[Any]
Bools = npt.NDArray[np.bool_]

BREMSSTRAHLUNG_PHOTON = 36  # origin code, which lepid's own rules never ask for


def radiate(particles: Particles, rng: np.random.Generator) -> Particles:
    """Particles with the energy that electrons keep, and the pairs that their photons make.

    The electron stays one particle with the momentum of its production, which includes what it
    radiates; photons that convert and their pairs come on top, as daughters and grand-daughters.
    """
    electrons = _candidates(particles, (11,), c.BREMSSTRAHLUNG_PT_MIN, c.CONVERSION_ETA_MAX)
    retained = particles.retained.copy()
    rows = tridents(_batch(particles, electrons), retained, rng)
    return _with_daughters(replace(particles, retained=retained), rows, ends=False)


def convert(particles: Particles, rng: np.random.Generator) -> Particles:
    """Particles after photon conversions; the nucleus takes a momentum of the order m^2 / E."""
    photons = _candidates(particles, (22,), c.CONVERSION_PT_MIN, c.CONVERSION_ETA_MAX)
    return _with_daughters(particles, conversions(_batch(particles, photons), rng), ends=True)


def decay_in_flight(particles: Particles, rng: np.random.Generator, fraction: float) -> Particles:
    """Particles after the decay of one charged pion or kaon in a fraction of the events.

    Each candidate of an event is as likely to be taken. The weight of muon and neutrino makes up
    for it: number of candidates x probability to decay to a muon in the detector / fraction.
    """
    if fraction == 0.0:
        return particles
    hadrons = _candidates(particles, (211, 321), c.DECAY_PT_MIN, c.DECAY_ETA_MAX)
    rows = forced_decays(_batch(particles, hadrons), fraction, rng)
    return _with_daughters(particles, rows, ends=True)


def _candidates(
    particles: Particles, codes: tuple[int, ...], pt_min: float, eta_max: float
) -> Bools:
    chosen = particles.final & np.isin(abs(particles.pdg), codes) & (particles.pt > pt_min)
    inside: Bools = chosen & (abs(particles.eta) < eta_max)
    return inside


def _batch(particles: Particles, chosen: Bools) -> Batch:
    momenta = np.stack([particles.px, particles.py, particles.pz, particles.e], axis=1)
    points = np.stack([particles.x, particles.y, particles.z], axis=1)
    return Batch(particles.offsets, chosen, particles.pdg, particles.charge, momenta, points)


def _with_daughters(
    particles: Particles, rows: npt.NDArray[np.float64], *, ends: bool
) -> Particles:
    """Particles with the new ones of a kernel; `ends` says whether their source ends there."""
    made = {name: rows[:, i] for i, name in enumerate(COLUMNS)}
    events = made.pop("event").astype(np.int64)
    source = particles.offsets[events] + made.pop("source").astype(np.int64)
    if ends:
        final, radius = particles.final.copy(), particles.decay_radius.copy()
        final[source] = False
        radius[source] = np.hypot(made["x"], made["y"])
        particles = replace(particles, final=final, decay_radius=radius)
    made["weight"] = made["weight"] * particles.weight[source]
    labels = _labels(particles, source, made["pdg"].astype(np.int32))
    return append(particles, events, **made, **labels)


def _labels(
    particles: Particles, source: npt.NDArray[np.int64], pdg: npt.NDArray[np.int32]
) -> dict[str, Array]:
    """Charge and truth of new particles of a given source."""
    code, parent = abs(pdg), abs(particles.pdg[source])
    heavy = np.isin(particles.track_origin[source], range(ancestry.FROM_B, ancestry.FROM_TAU + 1))
    shower = np.isin(code, (11, 22))
    decay = np.where(parent == 211, Origin.PionDecay, Origin.KaonDecay)
    first = {
        name: np.where(shower, getattr(particles, name)[source], 0)
        for name in ("eg_mother_type", "eg_mother_origin", "eg_mother_pdg")
    }
    return first | {
        "charge": np.where(code % 2 == 1, -np.sign(pdg), 0),
        "final": np.isin(code, (11, 13)),
        "truth_type": np.select(
            [code == 11, code == 13, code == 22],
            [Type.BkgElectron, Type.BkgMuon, Type.BkgPhoton],
            ancestry.NEUTRINO,
        ),
        "truth_origin": np.select(
            [code == 11, code == 13, code == 22],
            [np.full(len(code), Origin.PhotonConv), decay, BREMSSTRAHLUNG_PHOTON],
            0,
        ),
        "track_origin": np.where(heavy, particles.track_origin[source], ancestry.OTHER_SECONDARY),
        "interaction": particles.interaction[source],
    }
