"""Track isolation: sums of transverse momenta around leptons."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from simulation import constants as c
from simulation.collection import Collection
from simulation.cones import Pairs, pairs
from simulation.particles import Bools, Floats, Integers
from simulation.tracks import momentum
from simulation.vertices import associated

MAX_CONE = 0.4
TTVA = "Nonprompt_All_MaxWeightTTVA"


def track_isolation(
    tracks: Collection,
    event: Integers,
    lepton: tuple[Floats, Floats, Floats],
    own: npt.NDArray[np.int64],
    loose_cone: bool,
) -> dict[str, Floats]:
    """Columns ptcone and ptvarcone of leptons, [n_lepton] each, GeV.

    Parameters
    ----------
    event : [n_lepton]
    lepton : pt [GeV], eta, phi, [n_lepton] each
    own : [n_lepton, n]
        Rows of tracks that are part of the lepton, -1 for none.
    loose_cone : tracks without a vertex count up to 5 mm, as for electrons, instead of 3 mm
    """
    track_pt, track_eta = momentum(tracks["theta"], tracks["qOverP"])
    near = pairs(tracks.offsets, (track_eta, tracks["phi"]), event, lepton[1:], MAX_CONE)
    foreign = (near.row[:, None] != own[near.lepton]).all(axis=1)
    near = near.where(foreign & (np.abs(track_eta[near.row]) < c.TRACK_MAX_ABSETA))
    strict = associated(tracks, c.TTVA_MAX_Z0)[near.row]
    cones = _Cones(near, track_pt[near.row], strict, lepton[0])
    columns = {}
    for radius in (0.2, 0.3, 0.4):
        size = round(100 * radius)
        columns[f"ptcone{size}"] = cones.fixed(radius, 1.0)
        columns[f"ptvarcone{size}"] = cones.variable(radius, 1.0)
    if loose_cone:
        cones = cones._replace(counted=associated(tracks, c.TTVA_LOOSE_MAX_Z0)[near.row])
    label = TTVA + "LooseCone" if loose_cone else TTVA
    for threshold in (500, 1000):
        least = 1e-3 * threshold
        columns[f"ptcone20_{label}_pt{threshold}"] = cones.fixed(0.2, least)
        columns[f"ptvarcone30_{label}_pt{threshold}"] = cones.variable(0.3, least)
    return columns


class _Cones(NamedTuple):
    """Pairs of leptons and tracks, pt of the tracks, which of them count [n_pair]; lepton pt."""

    near: Pairs
    track_pt: Floats
    counted: Bools
    pt: Floats

    def fixed(self, radius: Floats | float, least: float) -> Floats:
        """Sum of pt above `least` GeV within a radius, [n_lepton]."""
        used = self.counted & (self.near.distance < radius) & (self.track_pt > least)
        return self.near.total(self.track_pt * used, len(self.pt))

    def variable(self, radius: float, least: float) -> Floats:
        """The same within a cone that shrinks with the pt of the lepton, [n_lepton]."""
        shrinking = np.minimum(radius, c.SHRINKING_CONE / self.pt)
        return self.fixed(shrinking[self.near.lepton], least)
