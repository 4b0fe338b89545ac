"""Energy in the calorimeter: deposits of particles, their clusters, sums around leptons."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from simulation import constants as c
from simulation.cones import pairs
from simulation.helix import Parameters, at_radius, perigee
from simulation.particles import Bools, Floats, Integers, Particles, offsets_of
from simulation.trajectories import ELECTRON, MUON, PHOTON, converted_energy

INVISIBLE = (12, 14, 16)
CONES = (0.2, 0.3, 0.4)


class Deposits(NamedTuple):
    """Energy that particles leave in the calorimeter, sorted by event.

    `offsets` [n_event + 1]; `particle` [n] is a flat position; `em` and `hadronic` [n] are
    transverse energies in GeV; `eta`, `phi` [n] where they hit; `neutral`, `electromagnetic`
    [n]; `pileup` [n] comes from another collision.
    """

    offsets: Integers
    particle: Integers
    em: Floats
    hadronic: Floats
    eta: Floats
    phi: Floats
    neutral: Bools
    electromagnetic: Bools
    pileup: Bools


def deposits(particles: Particles, rng: np.random.Generator) -> Deposits:
    """Deposits of all particles that reach the calorimeter; muons leave none here.

    Of pile-up only what may be the seed of a cluster is kept, the rest is in the isolation sums.
    """
    kind = np.abs(particles.pdg)
    pileup = particles.interaction > 0
    least = np.where(pileup, c.PILEUP_MIN_ET, c.CALORIMETER_MIN_ET)
    reaches = particles.final & (particles.pt > least)
    rows = np.flatnonzero(reaches & ~np.isin(kind, (*INVISIBLE, MUON)))
    energy = particles.e[rows] - converted_energy(particles)[rows]
    phi = _azimuth(particles, rows)
    rows, energy, phi = rows[~np.isnan(phi)], energy[~np.isnan(phi)], phi[~np.isnan(phi)]
    electromagnetic = np.isin(kind[rows], (ELECTRON, PHOTON))
    share = _em_share(energy, electromagnetic, rng)
    response = np.where(electromagnetic, 1.0, share + (1.0 - share) * c.HADRON_RESPONSE)
    em, hadron = c.EM_RESOLUTION, c.HADRON_RESOLUTION
    stochastic = np.where(electromagnetic, em[0], hadron[0])
    constant = np.where(electromagnetic, em[1], hadron[1])
    width = np.hypot(stochastic / np.sqrt(np.maximum(energy, 0.3)), constant)
    # Log-normal: the softest hadrons would be negative half of the time otherwise.
    measured = energy * response * np.exp(width * rng.standard_normal(len(rows)) - 0.5 * width**2)
    eta = particles.eta[rows]
    transverse = measured / np.cosh(eta)
    event = np.searchsorted(particles.offsets, rows, side="right") - 1
    return Deposits(
        offsets=offsets_of(np.bincount(event, minlength=particles.n_event)),
        particle=rows,
        em=transverse * share,
        hadronic=transverse * (1.0 - share),
        eta=eta,
        phi=phi,
        neutral=particles.charge[rows] == 0,
        electromagnetic=electromagnetic,
        pileup=pileup[rows],
    )


def _azimuth(particles: Particles, rows: Integers) -> Floats:
    """Azimuth where particles hit the calorimeter, NaN for those that curl up before."""
    position = (particles.x[rows], particles.y[rows], particles.z[rows])
    momentum = (particles.px[rows], particles.py[rows], particles.pz[rows])
    charge = particles.charge[rows]
    d0, z0, phi0 = perigee(position, momentum, charge)
    theta = np.arctan2(particles.pt[rows], particles.pz[rows])
    p = np.sqrt(momentum[0] ** 2 + momentum[1] ** 2 + momentum[2] ** 2)
    return azimuth((d0, z0, phi0, theta, charge / p))


def azimuth(parameters: Parameters) -> Floats:
    """Azimuth where helices hit the calorimeter, [n], NaN where they curl up before.

    Parameters
    ----------
    parameters : d0, z0, phi, theta, q/p at the perigee, [n] each, mm, rad, 1/GeV
    """
    d0, _, _, theta, _ = parameters
    # Forward particles reach the endcap before they have turned all the way.
    depth = c.CALORIMETER_DEPTH * np.tan(np.minimum(theta, np.pi - theta))
    radius = np.minimum(c.CALORIMETER_RADIUS, np.maximum(depth, np.abs(d0) + 1.0))
    return at_radius(parameters, radius)[0]


def _em_share(energy: Floats, electromagnetic: Bools, rng: np.random.Generator) -> Floats:
    """Part of the energy that is left in the electromagnetic calorimeter, [n]."""
    n = len(energy)
    kind = rng.random(n)
    late, minimum = c.HADRON_MIP
    ionising = np.minimum(minimum / np.maximum(energy, minimum), 1.0)
    share = np.where(kind < late, ionising, rng.beta(*c.HADRON_EM_SHARE, n))
    early = 1.0 - c.HADRON_LEAKAGE * rng.exponential(1.0, n)
    share = np.where(kind > 1.0 - c.HADRON_EM_LIKE, early, share)
    leak = c.EM_LEAKAGE * rng.exponential(1.0, n)
    return np.clip(np.where(electromagnetic, 1.0 - leak, share), 0.0, 1.0)


def calorimeter_isolation(
    cells: Deposits,
    event: Integers,
    lepton: tuple[Floats, Floats, Floats],
    *,
    pileup: Floats,
    electron: bool,
    rng: np.random.Generator,
) -> dict[str, Floats]:
    """Columns topoetcone20, 30, 40 and neflowisol20, [n_lepton] each, GeV.

    Deposits of the hard collision in the cone without the lepton's own, and noise and pile-up
    that are 0 on average: the mean density per interaction is subtracted, as in ATLAS.

    Parameters
    ----------
    event : [n_lepton]
    lepton : pt [GeV], eta, phi, [n_lepton] each
        For electrons those of the cluster, whose core is left out.
    pileup : [n_lepton]
        Number of interactions of the crossing.
    """
    pt, eta, phi = lepton
    near = pairs(cells.offsets, (cells.eta, cells.phi), event, (eta, phi), CONES[-1])
    kept = ~cells.pileup[near.row]
    if electron:
        turn = np.abs(cells.phi[near.row] - phi[near.lepton])
        turn = np.minimum(turn, 2.0 * np.pi - turn)
        window = c.CORE_WINDOW
        core = np.abs(cells.eta[near.row] - eta[near.lepton]) < window[0]
        kept &= ~(core & (turn < window[1]))
    energy = (cells.em + cells.hadronic)[near.row] * kept
    # The cells along a muon count as its own, with all that other particles leave in them.
    least = 0.0 if electron else c.MUON_CORE
    random = _pileup(pileup, rng)
    leakage = c.CORE_LEAKAGE * pt * rng.standard_normal(len(pt)) if electron else 0.0
    columns = {}
    for number, radius in enumerate(CONES):
        counted = (near.distance >= least) & (near.distance < radius)
        inside = near.total(energy * counted, len(pt))
        columns[f"topoetcone{round(100 * radius)}"] = inside + random[number] + leakage
    flow = np.where(cells.neutral[near.row], 1.0, c.NEUTRAL_FLOW_LEFT)
    neutral = near.total(energy * flow * (near.distance < CONES[0]), len(pt))
    columns["neflowisol20"] = neutral + c.PILEUP_NEUTRAL * random[0] + leakage
    return columns


def _pileup(pileup: Floats, rng: np.random.Generator) -> Floats:
    """Pile-up and noise in the three cones after the subtraction, [3, n_lepton], GeV."""
    areas = np.diff(np.pi * np.array((0.0, *CONES)) ** 2)
    mean = c.PILEUP_DENSITY * areas[:, None] * pileup
    crowd = rng.gamma(mean / c.PILEUP_GRAIN) * c.PILEUP_GRAIN - mean
    noise = c.NOISE_DENSITY * np.sqrt(areas / np.pi)[:, None]
    return np.cumsum(crowd + noise * rng.standard_normal(mean.shape), axis=0)
