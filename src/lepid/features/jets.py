"""Leptons and jets: which belong together, and what one is relative to the other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from lepid.features.kernels import relative
from lepid.features.kernels.association import Directions, Pairs, associate
from lepid.features.kernels.relative import AXES, OBSERVABLES, Momenta

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

EnergyLoss = Literal["none", "at muon", "at jet"]
ENERGY_LOSS = "EnergyLoss"
KINEMATICS = ("pt", "eta", "phi")
# What a lepton is relative to its jet, for each axis.
RELATIVE = tuple(f"{name}{axis}" for axis in AXES for name in OBSERVABLES)


@dataclass(frozen=True)
class Rules:
    """Which jets count, how near, and what is added to them.

    Attributes
    ----------
    dr : distance of lepton and jet is below
    pt : GeV, pt of the jet is above
    abseta : |eta| of the jet is below
    energy_loss : phi of what the muon lost in the calorimeter, which is taken out of the jet where
        the muon is added to it: that of the muon, that of the jet as Athena has it, or "none" for
        nothing taken out

    Source
    ------
    ATLAS soft muon tagging: arXiv:2012.00578 and the talk that presents TightNN, for the cuts; for
    the energy Athena FlavorTagDiscriminants/Root/BTagMuonAugmenter.cxx
    """

    dr: float = 0.4
    pt: float = 25.0
    abseta: float = 2.5
    energy_loss: EnergyLoss = "none"

    def accepted(self, pt: Array, eta: Array) -> Bools:
        """Jets that count, [n_jet].

        Parameters
        ----------
        pt : GeV
        """
        return np.asarray((pt > self.pt) & (np.abs(eta) < self.abseta))


def momenta(offsets: Integers, columns: Mapping[str, Array]) -> Momenta:
    """Those of a table with the columns `KINEMATICS`."""
    return Momenta(offsets, *(columns[name] for name in KINEMATICS))


def near_leptons(leptons: Momenta, jets: Momenta, accepted: Bools, dr: float) -> Pairs:
    """All jets with a distance below `dr` around each lepton, the nearest first.

    Parameters
    ----------
    accepted : [n_jet], those that count
    """
    return _near(leptons, jets, dr, lambda _, jet: np.asarray(accepted[jet]))


def near_jets(leptons: Momenta, jets: Momenta, accepted: Bools, dr: float) -> Pairs:
    """All leptons with a distance below `dr` around each jet that counts, the nearest first."""
    return _near(jets, leptons, dr, lambda jet, _: np.asarray(accepted[jet]))


def _near(centres: Momenta, others: Momenta, dr: float, accept: Any) -> Pairs:
    place, other = (Directions(one.offsets, one.phi, eta=one.eta) for one in (centres, others))
    found = associate(place, other, dr, accept)
    # Its cone is closed, and knows float32 only.
    return found.where(found.dr < dr)


def observed(
    leptons: Momenta,
    jets: Momenta,
    rows: tuple[Integers, Integers],
    wanted: Iterable[str],
    rules: Rules,
    *,
    loss: Array | None = None,
) -> dict[str, Floats]:
    """Some of `RELATIVE` -> [n_pair], NaN where there is no pair.

    Parameters
    ----------
    rows : of the lepton and of the jet of each pair, -1 for none
    loss : [n_lepton], energy lost in the calorimeter, in the unit of pt

    Source
    ------
    `relative.relative`
    """
    names = list(wanted)
    axes = tuple(axis for axis in AXES if any(f"{o}{axis}" in names for o in OBSERVABLES))
    at_jet = rules.energy_loss == "at jet"
    found = relative.relative(leptons, jets, rows, axes, loss, loss_at_jet=at_jet)
    return {name: found[name] for name in names}


def ratio(value: Array, to: Array) -> Array:
    """`value` over `to`, NaN where that is zero."""
    known = np.abs(to) > 0
    return np.where(known, value / np.where(known, to, 1.0), np.nan)


def not_zero(value: Array) -> Array:
    """1 for a number that is not 0, 0 for 0, NaN for NaN."""
    return np.where(np.isnan(value), np.nan, value != 0)


def signed(d0: Array, variance: Array, phi: Array, jet_phi: Array) -> Array:
    """Significance of an impact parameter, [n].

    It is positive where the track passes the beam on the side to which the jet goes, and NaN
    without a variance.

    Parameters
    ----------
    d0, variance, phi : [n], of the track; the variance in the unit of d0, squared
    jet_phi : [n]

    Source
    ------
    Athena FlavorTagDiscriminants: ip3d_signed_d0_significance
    """
    ahead = np.sin(jet_phi - phi) * d0
    size = np.abs(d0) / np.sqrt(np.where(variance > 0, variance, np.nan))
    return np.where(np.isnan(ahead), np.nan, np.copysign(size, ahead))
