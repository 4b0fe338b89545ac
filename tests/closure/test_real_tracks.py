"""PLIT networks on real PHYSLITE files, which thin away some of their inputs: what is said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import lepid
from lepid.errors import MissingColumns

pytestmark = [pytest.mark.real, pytest.mark.usefixtures("no_search_paths")]

RNTUPLE = "skhep_uproot-physlite-rntuple_v1-0-0-0.root"
TREE = "coffea_PHYSLITE_example.root"
OLD = "skhep_uproot-issue-123a.root"
INNERMOST = {
    f"InDetTrackParticles.numberOf{name}"
    for name in ("InnermostPixelLayerSharedHits", "InnermostPixelLayerSplitHits", "PixelSplitHits")
}
NEXT = {"InDetTrackParticles.numberOfNextToInnermostPixelLayerHits"}
MUON = {"Muons.MeasEnergyLoss"}
ELECTRON = {"Electrons.ptvarcone30", "Electrons.topoetcone30"}
# For impact parameters, which no file stores: no file has the covariance of its vertices.
VERTEX = {"PrimaryVertices.covariance"}
# Of release 21, with the covariance of tracks in one column.
OLD_TRACKS = {
    *(f"InDetTrackParticles.definingParametersCovMatrix{name}"
      for name in ("Diag", "OffDiag")),
    *(f"EventInfo.beamPosSigma{axis}" for axis in ("X", "Y", "XY")),
}  # fmt: skip
ABSENT = {
    (RNTUPLE, "muon"): MUON | INNERMOST | NEXT | VERTEX | {"MuonClusters"},
    (TREE, "muon"): MUON | INNERMOST | NEXT | VERTEX | {"MuonClusters"},
    (OLD, "muon"): MUON | INNERMOST | VERTEX | OLD_TRACKS | {
        "Muons.clusterLink", "Muons.ptvarcone30_Nonprompt_All_MaxWeightTTVA_pt500",
    },
    (RNTUPLE, "electron"): ELECTRON | INNERMOST | NEXT | VERTEX,
    (TREE, "electron"): ELECTRON | INNERMOST | NEXT | VERTEX,
    (OLD, "electron"): ELECTRON | INNERMOST | VERTEX | OLD_TRACKS | {
        "GSFTrackParticles.originalTrackParticle",
    },
}  # fmt: skip


@pytest.mark.parametrize(("name", "flavour"), list(ABSENT))
def test_the_error_names_exactly_what_is_absent(
    real_data: Path, plit_network: Callable[..., Path], name: str, flavour: str
) -> None:
    plit_network(flavour)
    events = lepid.open(real_data / "root" / name)
    with pytest.raises(MissingColumns) as caught:
        lepid.decorate(events, f"{flavour}_plit@small")
    named = set()
    for part in caught.value.wrong.split("; "):
        kind, _, names = part.partition(" (needed by")[0].removeprefix("no ").partition(" ")
        assert kind in ("column", "collection")
        named |= set(names.split(", "))
    assert named == ABSENT[name, flavour]
    assert "InDetTrackParticles.numberOfPixelHits" in caught.value.near


@pytest.mark.parametrize("name", [RNTUPLE, TREE])
def test_without_a_name_the_tagger_is_left_out(
    real_data: Path, plit_network: Callable[..., Path], name: str
) -> None:
    plit_network("muon")
    decorated = lepid.decorate(lepid.open(real_data / "root" / name))
    assert "muon_plit" not in decorated["Muons"].fields
    assert "left_out" in decorated.attrs["lepid"]["muon_plit"]
