"""Anti-kT jets of what the calorimeter and the spectrometer measure, soft leptons included."""

from __future__ import annotations

from typing import Any

import awkward as ak
import fastjet
import numpy as np
import numpy.typing as npt
from simulation import constants as c
from simulation.calorimeter import Deposits
from simulation.collection import NO_LINK, Collection, collect
from simulation.cones import Pairs, pairs
from simulation.particles import Floats, Integers, Particles

Array = npt.NDArray[Any]
BOTTOM, CHARM, TAU, LIGHT = 5, 4, 15, 0


def jets(
    particles: Particles, cells: Deposits, muons: Collection, electrons: Collection
) -> Collection:
    """Jets with R = 0.4 of deposits and muons; `muonLink`, `electronLink` are the nearest inside.

    The energy scale is corrected by one factor; pile-up jets are not simulated.
    """
    definition = fastjet.JetDefinition(fastjet.antikt_algorithm, c.JET_RADIUS)
    found = fastjet.ClusterSequence(_inputs(particles, cells, muons), definition)
    four = found.inclusive_jets(c.JET_MIN_PT)
    n_event = particles.n_event
    event = np.repeat(np.arange(n_event), ak.to_numpy(ak.num(four)))
    px, py, pz, e = (ak.to_numpy(ak.flatten(four[name])) for name in ("px", "py", "pz", "E"))
    pt = np.hypot(px, py)
    order = np.lexsort((-pt, event))
    event, px, py, pz, e, pt = (a[order] for a in (event, px, py, pz, e, pt))
    kept = np.abs(pz) < np.sinh(c.JET_ABSETA) * pt
    event, px, py, pz, e, pt = (a[kept] for a in (event, px, py, pz, e, pt))
    mass = np.sqrt(np.maximum(e**2 - px**2 - py**2 - pz**2, 0.0))
    eta, phi = np.arcsinh(pz / pt), np.arctan2(py, px)
    columns = {"pt": pt, "eta": eta, "phi": phi, "m": mass}
    columns["HadronConeExclTruthLabelID"] = _labels(particles, event, (eta, phi))
    for name, leptons in (("muonLink", muons), ("electronLink", electrons)):
        columns[name] = _nearest(leptons, event, (eta, phi))
    return collect(event, n_event, columns)


def _inputs(particles: Particles, cells: Deposits, muons: Collection) -> ak.Array:
    kept = ~cells.pileup
    event = np.repeat(np.arange(particles.n_event), np.diff(cells.offsets))[kept]
    pt = (cells.em + cells.hadronic)[kept] * c.JET_SCALE
    event = np.concatenate([event, muons.event])
    pt = np.concatenate([pt, muons["pt"]])
    eta = np.concatenate([cells.eta[kept], muons["eta"]])
    phi = np.concatenate([particles.phi[cells.particle[kept]], muons["phi"]])
    order = np.argsort(event, kind="stable")
    pt, eta, phi = pt[order], eta[order], phi[order]
    columns = {
        "px": pt * np.cos(phi),
        "py": pt * np.sin(phi),
        "pz": pt * np.sinh(eta),
        "E": pt * np.cosh(eta),
    }
    counts = np.bincount(event, minlength=particles.n_event)
    return ak.unflatten(ak.zip(columns, with_name="Momentum4D"), counts)


def _labels(
    particles: Particles, event: Integers, around: tuple[Floats, Floats]
) -> npt.NDArray[np.int32]:
    """Flavour of the heaviest hadron with pt above 5 GeV within 0.3: b before c before tau."""
    kind = np.abs(particles.pdg)
    tau = kind == TAU
    hadron = (kind > 100) & (kind < 10**6)
    meson, baryon = kind // 100 % 10, kind // 1000 % 10
    flavour = np.where(baryon > 0, baryon, meson)
    heavy = (hadron & ((flavour == BOTTOM) | (flavour == CHARM))) | tau
    rows = np.flatnonzero(heavy & (particles.pt > c.JET_LABEL_MIN_PT) & (particles.interaction < 1))
    owner = np.searchsorted(particles.offsets, rows, side="right") - 1
    offsets = np.searchsorted(owner, np.arange(particles.n_event + 1))
    place = (particles.eta[rows], particles.phi[rows])
    near = pairs(offsets, place, event, around, c.JET_LABEL_RADIUS)
    rank = np.select([tau[rows], flavour[rows] == CHARM], [1, 2], 3)
    best = np.zeros(len(event), dtype=np.int64)
    np.maximum.at(best, near.lepton, rank[near.row])
    return np.array([LIGHT, TAU, CHARM, BOTTOM], dtype=np.int32)[best]


def _nearest(
    leptons: Collection, event: Integers, around: tuple[Floats, Floats]
) -> npt.NDArray[np.int32]:
    place = (leptons["eta"], leptons["phi"])
    near: Pairs = pairs(leptons.offsets, place, event, around, c.JET_RADIUS)
    order = np.lexsort((near.distance, near.lepton))[::-1]
    row = np.full(len(event), NO_LINK)
    row[near.lepton[order]] = near.row[order]
    return leptons.links(row, event)
