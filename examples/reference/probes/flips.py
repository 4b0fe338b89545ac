"""Rates of charge flips of electrons against their truth."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lepid.efficiency.tag_and_probe.charge_flips import ChargeTable, charge_flip_rates
from lepid.efficiency.tag_and_probe.pair_table import invariant_mass
from lepid.efficiency.tag_and_probe.resonances import LEPTON_MASSES, RESONANCES
from lepid.efficiency.truth_codes import IFF
from lepid.features.kernels.pairs import ordered_pairs
from probes.inputs import Probes, joined, load
from probes.mixed import BACKGROUND, BACKGROUNDS, PROMPT, RESONANCE, WINDOW, thinned

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

SIGNAL, FLAVOUR = "Zee", "electron"
# Isolated electrons: those that pass the DNN have hardly any flips left.
LEAST_PT, POINT = 20.0, "electron_plit.Prompt95"
COARSE = ((20.0, 200.0), (0.0, 1.37, 2.0, 2.47))
FINE = ((20.0, 40.0, 200.0), (0.0, 1.37, 2.0, 2.47))
# Rates of the toys in bins of |eta|, about ten times those of the sample: every bin has flips.
TOY_RATES = (0.01, 0.04, 0.08)
N_TOY = 40


class Flips(NamedTuple):
    """Rates that were measured with their errors, and true ones with theirs, [n_pt, n_abseta]."""

    value: Floats
    error: Floats
    truth: Floats
    truth_error: Floats
    flips: Floats

    @property
    def pulls(self) -> Floats:
        """Distance of both over the errors of both, [n_pt, n_abseta]."""
        return (self.value - self.truth) / np.hypot(self.error, self.truth_error)


def halves(gathered: Path, seed: int) -> Flips:
    """Rates of one half of the events, among background, against the truth of the other half."""
    rng = np.random.default_rng(seed)
    signal, others = read(gathered, rng)
    half = rng.permutation(signal.n_event) < signal.n_event // 2
    data = with_background(signal.of(half), others, rng)
    found = charge_flip_rates(counted(data, COARSE))
    rest = signal.of(~half)
    electrons, flips = (_legs(rest, flipped=flipped, bins=COARSE) for flipped in (False, True))
    truth = flips / electrons
    return Flips(found.value, found.error, truth, np.sqrt(np.maximum(flips, 1)) / electrons, flips)


def toys(gathered: Path, seed: int) -> tuple[Floats, Floats, Floats]:
    """Rates of `N_TOY` toys, their errors [n_toy, n_pt, n_abseta] and the truth [n_abseta].

    Each draws the events anew, and the charges of their prompt electrons with known rates.
    """
    rng = np.random.default_rng(seed)
    signal, others = read(gathered, rng)
    truth = np.array(TOY_RATES)
    found = []
    for _ in range(N_TOY):
        drawn = repeated(signal, rng.integers(0, signal.n_event, signal.n_event))
        columns = drawn.columns
        born = np.where(columns["iff"] == IFF.ChargeFlipIsoElectron, -1, 1) * columns["charge"]
        place = np.searchsorted(FINE[1], np.abs(columns["eta"]), side="right") - 1
        wrong = rng.random(drawn.n_lepton) < truth[np.minimum(place, len(truth) - 1)]
        prompt = np.isin(columns["iff"], PROMPT)
        charge = np.where(prompt, np.where(wrong, -born, born), columns["charge"])
        data = Probes(drawn.offsets, {**columns, "charge": charge})
        found.append(charge_flip_rates(counted(with_background(data, others, rng), FINE)))
    return np.array([r.value for r in found]), np.array([r.error for r in found]), truth


def _legs(probes: Probes, *, flipped: bool, bins: Any) -> Floats:
    """Prompt electrons, those with the wrong charge alone or all, in pairs, [n_pt, n_abseta]."""
    prompt = chosen(probes) & np.isin(probes.columns["iff"], PROMPT)
    leptons = probes.leptons
    one, other = ordered_pairs(probes.offsets, prompt, prompt)
    mass = invariant_mass(leptons, one, other, LEPTON_MASSES[FLAVOUR])
    peak = RESONANCES[RESONANCE].peak
    kept = other[(mass > peak[0]) & (mass < peak[1])]
    if flipped:
        kept = kept[probes.columns["iff"][kept] == IFF.ChargeFlipIsoElectron]
    pt, abseta = leptons.pt[kept], np.abs(leptons.eta[kept])
    return np.histogram2d(pt, abseta, bins=[np.array(edges) for edges in bins])[0]


def chosen(probes: Probes) -> Bools:
    """Electrons whose charges are looked at, [n_lepton]."""
    columns = probes.columns
    good = columns["good"] & columns[POINT] & (columns["pt"] > LEAST_PT)
    return np.asarray(good & (np.abs(columns["eta"]) < COARSE[1][-1]))


def read(gathered: Path, rng: np.random.Generator) -> tuple[Probes, Probes]:
    """Events with a Z, and others."""
    folder = gathered / FLAVOUR
    others = joined(load(folder / process) for process in BACKGROUNDS)
    return load(folder / SIGNAL), thinned(others, rng)


def pairs_per_event(probes: Probes) -> Integers:
    """Number of pairs of opposite charge in the window, [n_event]."""
    leptons, mask = probes.leptons, chosen(probes)
    one, other = ordered_pairs(probes.offsets, mask, mask)
    one, other = one[one < other], other[one < other]
    mass = invariant_mass(leptons, one, other, LEPTON_MASSES[FLAVOUR])
    good = (mass > WINDOW[0]) & (mass < WINDOW[1])
    good &= leptons.charge[one] * leptons.charge[other] < 0
    event = np.searchsorted(probes.offsets, one[good], side="right") - 1
    return np.bincount(event, minlength=probes.n_event)


def with_background(data: Probes, others: Probes, rng: np.random.Generator) -> Probes:
    """Events among which `BACKGROUND` of the pairs are of other processes.

    Events are drawn with replacement: there are too few of them.
    """
    number = pairs_per_event(others)
    there = np.flatnonzero(number)
    wanted = BACKGROUND / (1.0 - BACKGROUND) * pairs_per_event(data).sum()
    drawn = rng.choice(there, int(wanted), replace=True)
    drawn = drawn[: int(np.searchsorted(np.cumsum(number[drawn]), wanted))]
    # Pairs of the same charge come at their own rate.
    rest = np.flatnonzero(number == 0)
    more = rng.poisson(len(drawn) / len(there), len(rest))
    return joined([data, repeated(others, np.concatenate([drawn, np.repeat(rest, more)]))])


def repeated(probes: Probes, events: Integers) -> Probes:
    """Those events, each as often as it is named."""
    lengths = np.diff(probes.offsets)[events]
    begins = np.repeat(probes.offsets[events], lengths)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    rows = begins + np.arange(offsets[-1]) - np.repeat(offsets[:-1], lengths)
    return Probes(offsets, {name: column[rows] for name, column in probes.columns.items()})


def counted(probes: Probes, bins: Any) -> ChargeTable:
    """Pairs of these electrons."""
    empty = ChargeTable.empty(
        "Electrons",
        f"pt > {LEAST_PT:g} and {POINT}",
        RESONANCE,
        pt_edges=bins[0],
        abseta_edges=bins[1],
        mass_edges=RESONANCES[RESONANCE].mass_edges,
    )
    return empty.counted(probes.leptons, chosen(probes), LEPTON_MASSES[FLAVOUR])
