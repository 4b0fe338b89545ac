"""What a derived input is; columns and links that many are made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

# What Athena gives a network for a quantity that is not there.
ABSENT = -99.0
# Decorations of PLIV begin so.
PLIV_INPUT = "PromptLeptonImprovedInput_"
TTVA = "Nonprompt_All_MaxWeightTTVA"
# The best GSF track of an electron, the ID track from which it was made, and the cluster.
TRACK = "trackParticleLinks"
ORIGINAL = f"{TRACK}.originalTrackParticle"
CLUSTER = "caloClusterLinks"
# The tracks of a muon: of the ID, of the spectrometer taken back to the beam, and both together.
INNER = "inDetTrackParticleLink"
OUTER = "extrapolatedMuonSpectrometerTrackParticleLink"
COMBINED = "combinedTrackParticleLink"


@dataclass(frozen=True)
class Feature:
    """A quantity that is computed from columns.

    Attributes
    ----------
    needs : column -> unit in which `compute` takes it
    unit : unit of the result
    compute : columns [n_lepton], in the order of `needs` -> [n_lepton]
    source : paper, Athena or CMSSW file, or "ours"
    """

    needs: Mapping[str, str]
    unit: str
    compute: Callable[..., npt.NDArray[Any]]
    source: str


def or_absent(value: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """`value` with `ABSENT` where it is NaN."""
    return np.where(np.isnan(value), ABSENT, value)
