"""Pairs of a Z with background among them, and the truth about the pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lepid.efficiency.tag_and_probe import pair_table
from lepid.efficiency.tag_and_probe.pair_table import PairTable
from lepid.efficiency.tag_and_probe.resonances import LEPTON_MASSES, RESONANCES
from lepid.efficiency.truth_codes import IFF
from lepid.features.kernels.pairs import ordered_pairs
from probes.inputs import Probes, joined, load

Bools = npt.NDArray[np.bool_]

BACKGROUND = 0.2
BACKGROUNDS = ("ttbar_nonallhad", "Wjets")
RESONANCE = "Z"
PROMPT = (IFF.IsoElectron, IFF.ChargeFlipIsoElectron, IFF.PromptMuon)
WINDOW = RESONANCES[RESONANCE].window


class Channel(NamedTuple):
    """What is measured with one kind of probes.

    Attributes
    ----------
    signal : process with the Z
    tag, probe : least pT (GeV) and what is passed beside ``good``
    points : of `tagger`
    """

    flavour: str
    signal: str
    tagger: str
    points: tuple[str, ...]
    tag: tuple[float, str]
    probe: tuple[float, str]
    pt_edges: Sequence[float]
    abseta_edges: Sequence[float]


PT_EDGES = (10.0, 20.0, 30.0, 40.0, 50.0, 200.0)
ISOLATED = ("Prompt95", "Prompt90", "Prompt80")
TAG = (27.0, "electron_dnn.Tight")
CHANNELS = {
    "electron_dnn": Channel(
        "electron", "Zee", "electron_dnn", ("Loose", "Medium", "Tight"), TAG, (10.0, "good"),
        PT_EDGES, (0.0, 1.37, 2.47),
    ),
    "electron_plit": Channel(
        "electron", "Zee", "electron_plit", ISOLATED, TAG, (10.0, "electron_dnn.Medium"),
        PT_EDGES, (0.0, 1.37, 2.47),
    ),
    "muon_plit": Channel(
        "muon", "Zmumu", "muon_plit", ISOLATED, (27.0, "muon_plit.Prompt80"), (10.0, "good"),
        PT_EDGES, (0.0, 1.2, 2.5),
    ),
}  # fmt: skip


class Mixed(NamedTuple):
    """Tables of pairs: what is measured, and of other events with a Z the truth about it."""

    data: PairTable
    simulation: PairTable
    background: float


def mixed(channel: Channel, gathered: Path, seed: int) -> Mixed:
    """Half of the events with a Z among background; the other half alone.

    Events of other processes are added in random order until their pairs of opposite charge in
    the window are `BACKGROUND` of all. A lepton with a weight below one is there as often.
    """
    rng = np.random.default_rng(seed)
    whole = load(gathered / channel.flavour / channel.signal)
    half = rng.permutation(whole.n_event) < whole.n_event // 2
    data, rest = whole.of(half), whole.of(~half)
    others = joined(load(gathered / channel.flavour / process) for process in BACKGROUNDS)
    others = thinned(others, rng)
    wanted = BACKGROUND / (1.0 - BACKGROUND) * _per_event(channel, data).sum()
    order = rng.permutation(others.n_event)
    enough = np.cumsum(_per_event(channel, others)[order]) <= wanted
    chosen = np.zeros(others.n_event, np.bool_)
    chosen[order[enough]] = True
    both = joined([data, others.of(chosen)])
    table = counted(channel, both)
    n_true, n_all = (
        sum(x.values.sum() for x in t.masses(channel.points[0]).within(*WINDOW)[1:])
        for t in (counted(channel, data, true=True), table)
    )
    return Mixed(table, counted(channel, rest, true=True), float(1.0 - n_true / n_all))


def thinned(probes: Probes, rng: np.random.Generator) -> Probes:
    """The same events, where leptons of forced decays are there as often as they decay."""
    kept = rng.random(probes.n_lepton) < probes.columns["weight"]
    columns = {**probes.columns, "good": probes.columns["good"] & kept}
    return Probes(probes.offsets, columns)


def counted(channel: Channel, probes: Probes, *, true: bool = False) -> PairTable:
    """Pairs of these leptons; if `true`, those of prompt leptons alone."""
    tag, probe = _chosen(channel, probes, true=true)
    table = pair_table.empty(
        tagger=channel.tagger,
        network="reference",
        collection=f"{channel.flavour.capitalize()}s",
        experiment="atlas",
        resonance=RESONANCE,
        tags={"nominal": f"pt > {channel.tag[0]:g} and {channel.tag[1]}"},
        working_points=channel.points,
        mass_edges=RESONANCES[RESONANCE].mass_edges,
        pt_edges=channel.pt_edges,
        abseta_edges=channel.abseta_edges,
        metadata={"probe": f"pt > {channel.probe[0]:g} and {channel.probe[1]}"},
    )
    decisions = {p: probes.columns[f"{channel.tagger}.{p}"] for p in channel.points}
    return pair_table.count(
        table,
        probes.leptons,
        tags={"nominal": tag},
        probe=probe,
        decisions=decisions,
        mass=LEPTON_MASSES[channel.flavour],
    )


def _chosen(channel: Channel, probes: Probes, *, true: bool) -> tuple[Bools, Bools]:
    columns: Mapping[str, npt.NDArray[np.generic]] = probes.columns
    good = columns["good"] & (np.abs(columns["eta"]) < channel.abseta_edges[-1])
    if true:
        good &= np.isin(columns["iff"], PROMPT)
    tag, probe = (
        good & (columns["pt"] > least) & columns[name].astype(np.bool_)
        for least, name in (channel.tag, channel.probe)
    )
    return tag, probe


def _per_event(channel: Channel, probes: Probes) -> npt.NDArray[np.int64]:
    """Number of pairs of opposite charge in the window, [n_event]."""
    leptons = probes.leptons
    one, other = ordered_pairs(probes.offsets, *_chosen(channel, probes, true=False))
    mass = pair_table.invariant_mass(leptons, one, other, LEPTON_MASSES[channel.flavour])
    good = (mass > WINDOW[0]) & (mass < WINDOW[1])
    good &= leptons.charge[one] * leptons.charge[other] < 0
    event = np.searchsorted(probes.offsets, one[good], side="right") - 1
    return np.bincount(event, minlength=probes.n_event)
