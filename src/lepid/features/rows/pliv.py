"""What PLIV takes of leptons: -99 without a track jet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from lepid.features.feature import ABSENT, PLIV_INPUT, TTVA, Feature, or_absent
from lepid.features.rows.plit import calo_ratio

Array = npt.NDArray[Any]


# Of the bins in pt that PLIV numbers from 1, GeV.
PT_EDGES = (10.0, 15.0, 20.0, 25.0, 32.0, 43.0, 100.0)
_PLIV = "Athena LeptonTaggers/src/DecoratePromptLeptonImproved.cxx"
_DR = f"{PLIV_INPUT}DRlj"


def _beside(compute: Callable[..., Array]) -> Callable[..., Array]:
    """What `compute` gives for leptons with a track jet, whose dr comes last; -99 for others."""

    def found(*columns: Array) -> Array:
        dr = columns[-1]
        value = np.where(dr == ABSENT, ABSENT, compute(*columns[:-1]))
        return np.where(np.isnan(dr), np.nan, value)

    return found


def _pt_bin(pt: Array) -> Array:
    place = np.searchsorted(PT_EDGES, pt, side="right").clip(1, len(PT_EDGES) - 1)
    return np.where(np.isnan(pt), np.nan, place)


def _isolation_ratio(isolation: Array, pt: Array) -> Array:
    # What is not there is -99 before it is divided, as in Athena.
    isolation = or_absent(isolation)
    return np.where(pt > 0, isolation / np.where(pt > 0, pt, 1.0), np.where(pt <= 0, ABSENT, pt))


def _beside_row(compute: Callable[..., Array], unit: str = "", **needs: str) -> Feature:
    """Feature of leptons with a track jet."""
    return Feature({**needs, _DR: ""}, unit, _beside(compute), _PLIV)


def _isolation_row(column: str) -> Feature:
    return _beside_row(_isolation_ratio, **{column: "MeV", "pt": "MeV"})


DERIVED: dict[str, tuple[Feature, ...]] = {
    f"{PLIV_INPUT}MVAXBin": (_beside_row(_pt_bin, pt="GeV"),),
    f"{PLIV_INPUT}PtRel": (_beside_row(np.multiply, "MeV", pt="MeV", track_jet_sine=""),),
    f"{PLIV_INPUT}Topoetcone30rel": (_isolation_row("topoetcone30"),),
    f"{PLIV_INPUT}Ptvarcone30rel": (_isolation_row("ptvarcone30"),),
    f"{PLIV_INPUT}Ptvarcone30_TightTTVA_pt500rel": (
        _isolation_row(f"ptvarcone30_{TTVA}_pt500"),
        _isolation_row("ptvarcone30_TightTTVA_pt500"),
    ),
    f"{PLIV_INPUT}CaloClusterERel": (
        _beside_row(calo_ratio, **{"clusterLink.calE": "MeV", "ParamEnergyLoss": "MeV"}),
    ),
    f"{PLIV_INPUT}CaloClusterSumEtRel": (_isolation_row("caloClusterSumEt"),),
    f"{PLIV_INPUT}PromptLeptonRNN_prompt": (_beside_row(np.positive, PromptLeptonRNN_prompt=""),),
}
