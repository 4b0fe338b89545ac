"""What flies through the inner detector: charged particles with what happens to them on the way.

Electrons radiate, and charged pions and kaons that decay in flight leave one track with a kink.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from simulation import constants as c
from simulation.particles import Bools, Floats, Integers, Particles

ELECTRON, MUON, PHOTON, PION, KAON = 11, 13, 22, 211, 321


@dataclass(frozen=True)
class Trajectories:
    """Charged particles that may leave a track, sorted by event.

    Parameters
    ----------
    particle : [n]
        Flat position in the particles: the electron, the muon also of a kinked track, ...
    truth : [n]
        Flat position of the particle that leaves most of the hits.
    event : [n]
    charge : [n], in units of e
    px, py, pz : [n], GeV
        At the production vertex, with the curvature that the inner detector sees.
    x, y, z : [n], mm
    start, end : [n], mm
        Radii between which hits are left.
    retained : [n]
        As in the particles.
    kink : [n], rad
        Angle between hadron and muon of a decay in flight, 0 elsewhere.
    kink_radius : [n], mm
        Where, infinite elsewhere.
    """

    particle: Integers
    truth: Integers
    event: Integers
    charge: npt.NDArray[np.int8]
    px: Floats
    py: Floats
    pz: Floats
    x: Floats
    y: Floats
    z: Floats
    start: Floats
    end: Floats
    retained: Floats
    kink: Floats
    kink_radius: Floats


def trajectories(particles: Particles, rng: np.random.Generator) -> Trajectories:
    """Trajectories of all charged particles in reach of the inner detector."""
    event = particles.event
    seeds, hadrons = _choose(particles, event)
    origin = np.where(hadrons >= 0, hadrons, seeds)
    order = np.lexsort((origin, event[seeds]))
    seeds, hadrons, origin = seeds[order], hadrons[order], origin[order]
    radius = np.where(hadrons >= 0, particles.decay_radius[origin], np.inf)
    flown, kink = _kinks(particles, seeds, origin, radius)
    retained = particles.retained[seeds]
    momentum = np.stack([particles.px[origin], particles.py[origin], particles.pz[origin]])
    length = np.linalg.norm(momentum, axis=0)
    muon = np.sqrt(particles.px[seeds] ** 2 + particles.py[seeds] ** 2 + particles.pz[seeds] ** 2)
    seen = 1.0 / (flown / length + (1.0 - flown) / muon)
    factor = (1.0 - c.TRACK_BREM_SHARE * (1.0 - retained)) * seen / length
    first = _first_point(particles, origin, rng)
    end = np.where(hadrons >= 0, np.inf, particles.decay_radius[origin])
    return Trajectories(
        particle=seeds,
        truth=np.where(flown > 0.5, origin, seeds),
        event=event[seeds],
        charge=particles.charge[origin],
        px=momentum[0] * factor,
        py=momentum[1] * factor,
        pz=momentum[2] * factor,
        x=particles.x[first],
        y=particles.y[first],
        z=particles.z[first],
        start=np.hypot(particles.x[first], particles.y[first]),
        end=end,
        retained=retained,
        kink=kink,
        kink_radius=radius,
    )


def _choose(particles: Particles, event: Integers) -> tuple[Integers, Integers]:
    """Particles with a track of their own, and for each kinked muon its hadron, else -1."""
    pt, start = particles.pt, np.hypot(particles.x, particles.y)
    lasting = particles.final | (particles.decay_radius > c.TRACK_MIN_END)
    central = np.abs(particles.pz) < np.sinh(c.TRACK_MAX_ABSETA + 0.1) * pt
    seen = lasting & (particles.charge != 0) & (pt > 0.9 * c.TRACK_MIN_PT) & central
    seen &= _in_reach(particles, event)
    mother = particles.mother.astype(np.int64)
    mothers = np.where(mother >= 0, mother + particles.offsets[event], -1)
    muon = particles.final & (np.abs(particles.pdg) == MUON) & (mothers >= 0)
    muons = np.flatnonzero(muon)
    parents = mothers[muons]
    light = np.isin(np.abs(particles.pdg[parents]), (PION, KAON))
    late = light & (particles.decay_radius[parents] > c.KINK_MIN_RADIUS)
    kinked, hadrons = muons[late], parents[late]
    hadron_of = np.full(particles.n_particle, -1)
    hadron_of[kinked] = hadrons
    seen[hadrons] = False
    seen[kinked] = pt[kinked] > c.TRACK_MIN_PT
    seen &= (start < c.TRACK_MAX_START) | (hadron_of >= 0)
    seeds = np.flatnonzero(seen)
    return seeds, hadron_of[seeds]


def _in_reach(particles: Particles, event: Integers) -> Bools:
    """All but pile-up that passes far from the primary vertex, which nothing here looks at."""
    away = np.abs(particles.z - particles.primary_vertex[event, 2])
    sine = particles.pt / np.maximum(particles.e, 1e-9)
    return (particles.interaction < 1) | (away * sine < c.PILEUP_REACH)


def _kinks(
    particles: Particles, muons: Integers, hadrons: Integers, radius: Floats
) -> tuple[Floats, Floats]:
    """Part of the tracker that the hadron flew, and the kink; of masses and momenta alone.

    The angle follows from the massless neutrino, whatever the field did to the directions.
    """
    late = np.isfinite(radius)
    flown = np.where(late, np.minimum(radius, c.TRACKER_RADIUS) / c.TRACKER_RADIUS, 0.0)
    p_hadron, p_muon = (
        np.sqrt(particles.px[i] ** 2 + particles.py[i] ** 2 + particles.pz[i] ** 2)
        for i in (hadrons, muons)
    )
    neutrino = particles.e[hadrons] - particles.e[muons]
    product = 2.0 * p_hadron * p_muon
    cosine = (p_hadron**2 + p_muon**2 - neutrino**2) / np.maximum(product, 1e-9)
    return flown, np.where(late, np.arccos(np.clip(cosine, -1.0, 1.0)), 0.0)


def _first_point(particles: Particles, rows: Integers, rng: np.random.Generator) -> Integers:
    """Particles at whose production the tracks seem to begin, [n].

    The pair of a radiated photon flies along the electron, and may be found with its hits in the
    layers before, unless it is made so late that they have parted.
    """
    radiator = radiators(particles)[rows]
    early = np.hypot(particles.x[rows], particles.y[rows]) < c.INHERITED_RADIUS
    taken = (radiator >= 0) & early & (rng.random(len(rows)) < c.INHERITED_HITS)
    return np.where(taken, radiator, rows)


def radiators(particles: Particles) -> Integers:
    """Electron that radiated the photon that made each particle, flat, -1 elsewhere."""
    event_start = np.repeat(particles.offsets[:-1], np.diff(particles.offsets))
    mother = np.where(particles.mother < 0, -1, particles.mother + event_start)
    photon = (particles.pdg == PHOTON) & (mother >= 0)
    photon &= (np.abs(particles.pdg[mother]) == ELECTRON) & particles.final[mother]
    pair = (mother >= 0) & photon[mother]
    return np.where(pair, mother[mother], -1)


def converted_energy(particles: Particles) -> Floats:
    """Energy of the pairs that each electron radiated, [n_particle], GeV.

    An electron carries what it radiates in its own momentum, the pairs come on top of it.
    """
    radiator = radiators(particles)
    pair = radiator >= 0
    energy = particles.e[pair]
    total = np.bincount(radiator[pair], weights=energy, minlength=particles.n_particle)
    return total.astype(float)
