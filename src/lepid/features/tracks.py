"""Tracks around leptons as the rows of a network, in the order of its card."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from lepid.features import definitions, impact
from lepid.features.kernels import association, selection
from lepid.features.kernels.association import Directions, Pairs
from lepid.features.kernels.rows import Column, filled, taken
from lepid.features.kernels.selection import R22_DEFAULT, TrackCuts

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

CONE = 0.4
KINEMATICS = ("phi", "theta", "qOverP")
# Columns of a pair, not of a track.
DISTANCE = ("dr_lepton", "deta_lepton", "dphi_lepton")
PAIR = (*DISTANCE, "electron_track", "muon_track")
# The same, where there is a track jet for each lepton.
BESIDE_JETS = ("dr_track_jet", "pt_over_track_jet")
# Not known where the lepton is its own track.
PLIT_ALONE = PAIR[1:]


class Input(Protocol):
    """What a card says about one column of a network."""

    @property
    def feature(self) -> str:
        """Name in `definitions.FEATURES`, or of a column of tracks or pairs."""

    @property
    def unit(self) -> str:
        """Unit in which the network takes it."""

    @property
    def mean(self) -> float:
        """What is subtracted."""

    @property
    def std(self) -> float:
        """What is divided by."""

    @property
    def lower(self) -> float | None:
        """What the result is at least."""

    @property
    def upper(self) -> float | None:
        """What the result is at most."""

    @property
    def clipped(self) -> bool:
        """Whether one of these is given."""

    @property
    def default(self) -> float | None:
        """What stands for a number that is not finite."""


@dataclass(frozen=True)
class Tracks:
    """All tracks of events, or other constituents.

    Attributes
    ----------
    offsets : [n_event + 1]
    columns : column -> [n_track], in the units of the format
    unit_of : unit -> the unit of the format for what it measures
    """

    offsets: Integers
    columns: Mapping[str, Array]
    unit_of: Callable[[str], str]

    @property
    def directions(self) -> Directions:
        """Where they point."""
        return Directions(self.offsets, self.columns["phi"], theta=self.columns["theta"])


@dataclass(frozen=True)
class Neighbours:
    """Selected tracks, or other constituents, around leptons.

    Attributes
    ----------
    pairs : in the order of the network
    columns : `PAIR` and `BESIDE_JETS`, as far as they are known, and, where they are computed,
        `impact.STORED`, [n_pair] each
    """

    pairs: Pairs
    columns: Mapping[str, Array]

    def of(self, leptons: Integers) -> Neighbours:
        """Those of the given leptons alone, [k] ascending."""
        lengths = np.diff(self.pairs.offsets)
        if len(leptons) == len(lengths):
            return self
        chosen = np.zeros(len(lengths), np.bool_)
        chosen[leptons] = True
        kept = np.repeat(chosen, lengths)
        offsets = np.concatenate([[0], np.cumsum(lengths[leptons])])
        pairs = self.pairs.where(kept)._replace(offsets=offsets)
        return Neighbours(pairs, {name: column[kept] for name, column in self.columns.items()})


def needs(features: Iterable[str], available: Container[str]) -> dict[str, str]:
    """Column of tracks -> what needs it, for a network that takes `features`.

    Parameters
    ----------
    available : columns that there are: without stored impact parameters, their ingredients count
    """
    found = dict.fromkeys((*KINEMATICS, *selection.HITS), "the selection of tracks")
    stored = impact.source(available) == "stored"
    names = impact.STORED if stored else impact.COMPUTED_FROM
    found |= dict.fromkeys(names, "the impact parameters of tracks")
    for feature in features:
        for column in definitions.needs(feature):
            if column not in (*PAIR, *BESIDE_JETS, *impact.STORED):
                found.setdefault(column, f"input {feature}")
    return found


def neighbours(
    leptons: Directions,
    tracks: Tracks,
    own: tuple[Integers, Integers],
    beam: impact.Beam | None = None,
    *,
    cone: float = CONE,
    cuts: TrackCuts = R22_DEFAULT,
) -> Neighbours:
    """Tracks around each lepton that pass the selection; its own are kept and flagged.

    Parameters
    ----------
    own : offsets [n_lepton + 1] and rows of the lepton's own tracks
    beam : for tracks without stored impact parameters

    Raises
    ------
    BadInput, ValueError : as `associate`, `selected` and `impact.parameters` do

    Source
    ------
    Athena LeptonTaggers/src/DecoratePLIT.cxx
    """
    event = np.repeat(np.arange(len(leptons.offsets) - 1), np.diff(leptons.offsets))

    def accept(lepton: Integers, row: Integers) -> npt.NDArray[np.bool_]:
        place = impact.place(tracks.columns, row, event[lepton], beam)
        return selection.selected(cuts, row, tracks.columns, place, tracks.unit_of)

    near = association.associate(leptons, tracks.directions, cone, accept)
    flag = association.members(near, *own)
    columns: dict[str, Array] = {}
    if impact.source(tracks.columns) == "computed":
        columns |= impact.computed(tracks.columns, near.rows, event[near.leptons], beam)
    columns |= dict(zip(PAIR, (near.dr, near.deta, near.dphi, flag, flag), strict=True))
    return Neighbours(near, columns)


def values(inputs: Iterable[Input], found: Neighbours, tracks: Tracks) -> npt.NDArray[np.float32]:
    """The rows of a network, [n_pair, n_input], float64 up to one rounding at the end.

    Parameters
    ----------
    inputs : one for each column, in the order of the network
    """
    entries = list(inputs)
    chosen = found.pairs.rows
    every = np.arange(len(chosen))
    rows = filled((_column(entry, found, tracks, every) for entry in entries), len(chosen))
    for place, entry in enumerate(entries):
        if entry.clipped:
            # Rounding keeps order, so that it may come before.
            np.clip(rows[:, place], entry.lower, entry.upper, out=rows[:, place])
    return rows


def _column(entry: Input, found: Neighbours, tracks: Tracks, every: Integers) -> Column:
    name, chosen = entry.feature, found.pairs.rows
    plain = name not in definitions.FEATURES and tracks.unit_of(entry.unit) == entry.unit
    if plain and entry.default is None:
        if name in found.columns:
            return Column(found.columns[name], every, entry.mean, entry.std)
        return Column(np.asarray(tracks.columns[name]), chosen, entry.mean, entry.std)
    columns = {
        column: found.columns[column]
        if column in found.columns
        else taken(np.asarray(tracks.columns[column]), chosen)
        for column in definitions.needs(name)
    }
    value = definitions.evaluate(name, entry.unit, columns, tracks.unit_of)
    if entry.default is not None:
        value = definitions.completed(value, entry.default)
    return Column(value, every, entry.mean, entry.std)
