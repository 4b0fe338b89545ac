"""The committed sample: small, complete, its links and labels hold, coffea and lepid open it."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest
import uproot

from lepid.cli.main import main

MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def sample(reference_sample: Path) -> Any:
    return uproot.open(reference_sample)["CollectionTree"]


def flat(sample: Any, branch: str) -> Any:
    return ak.to_numpy(ak.flatten(sample[branch].array()))


def links(sample: Any) -> list[str]:
    suffix = ".m_persKey"
    return [name.removesuffix(suffix) for name in sample.keys() if name.endswith(suffix)]  # noqa: SIM118


def test_it_is_small_and_has_all_processes(sample: Any, reference_sample: Path) -> None:
    from simulation.processes import PROCESSES  # noqa: PLC0415  (the path is set by conftest)

    assert reference_sample.stat().st_size <= 4 * MEGABYTE
    codes = sample["EventInfoAuxDyn.mcChannelNumber"].array(library="np")
    there = {list(PROCESSES)[code] for code in codes}
    assert there == set(PROCESSES) - {"minbias"}


def test_event_numbers_are_unique_and_carry_the_split(sample: Any) -> None:
    from simulation.files import split  # noqa: PLC0415  (the path is set by conftest)

    number = sample["EventInfoAuxDyn.eventNumber"].array(library="np")
    code = sample["EventInfoAuxDyn.mcChannelNumber"].array(library="np")
    assert len({*zip(code, number, strict=True)}) == len(number)
    stored = sample["EventInfoAuxDyn.split"].array(library="np")
    np.testing.assert_array_equal(stored, split(number.astype(np.int64)))
    assert set(stored) == {0, 1, 2}


def test_every_link_has_a_target(sample: Any) -> None:
    from simulation.files import CONTAINERS, KEYS  # noqa: PLC0415  (the path is set by conftest)

    container = {key: CONTAINERS[name] for name, key in KEYS.items()}
    found = links(sample)
    assert len(found) >= 8
    for link in found:
        key = sample[f"{link}.m_persKey"].array()
        index = sample[f"{link}.m_persIndex"].array()
        keys = set(ak.flatten(key, axis=None).to_list()) - {0}
        assert len(keys) == 1, link
        size = ak.values_astype(sample[f"n{container[keys.pop()]}AuxDyn"].array(), np.int64)
        assert ak.all(index[key != 0] < size), link
        assert ak.all(index[key == 0] == 0), link


def test_every_track_has_an_origin_and_tracks_of_pileup_a_pileup_vertex(sample: Any) -> None:
    origin = flat(sample, "InDetTrackParticlesAuxDyn.ftagTruthOriginLabel")
    vertex = flat(sample, "InDetTrackParticlesAuxDyn.ftagTruthVertexIndex")
    assert set(origin) == set(range(8))
    assert np.all(vertex[origin == 0] < 0)
    assert np.all(vertex[origin == 2] == 0)
    # What decays within a tenth of a millimetre keeps the label of the primary vertex.
    assert np.all(vertex[np.isin(origin, (3, 4, 5, 6))] >= 0)
    assert np.mean(vertex[np.isin(origin, (3, 4, 5, 6))] > 0) > 0.9


def test_charge_of_leptons_is_that_of_their_track(sample: Any) -> None:
    charge = sample["MuonsAuxDyn.charge"].array()
    index = sample["MuonsAuxDyn.combinedTrackParticleLink.m_persIndex"].array()
    curvature = sample["CombinedMuonTrackParticlesAuxDyn.qOverP"].array()[index]
    assert ak.all(charge == np.sign(curvature))


def test_coffea_opens_it_in_virtual_mode(reference_sample: Path) -> None:
    from coffea.nanoevents import NanoEventsFactory, PHYSLITESchema  # noqa: PLC0415  (slow)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        events = NanoEventsFactory.from_root(
            {str(reference_sample): "CollectionTree"}, schemaclass=PHYSLITESchema, mode="virtual"
        ).events()
        muons = events["Muons"]
        inner = ak.materialize(muons.trackParticle["pt"])
        assert {"Electrons", "Muons", "InDetTrackParticles", "PrimaryVertices"} <= {*events.fields}
    ratio = ak.to_numpy(ak.drop_none(ak.flatten(inner / muons["pt"])))
    assert len(ratio) > 100
    np.testing.assert_allclose(ratio, 1.0, atol=0.05)


@pytest.mark.parametrize(
    ("tagger", "point", "prompt", "other"),
    [
        ("muon_isolation", "PflowLoose_VarRad", "PromptMuon", "BHadronDecay"),
        ("electron_isolation", "Loose_VarRad", "IsoElectron", "LightFlavorDecay"),
    ],
)
def test_lepid_efficiency_by_iff_class(
    reference_sample: Path,
    capsys: pytest.CaptureFixture[str],
    tagger: str,
    point: str,
    prompt: str,
    other: str,
) -> None:
    collection = "Muons" if tagger.startswith("muon") else "Electrons"
    options = ["--working-point", point, "--weight", f"{collection}.weight", "--quiet", "--json"]
    assert main(["efficiency", str(reference_sample), "--tagger", tagger, *options]) == 0
    rows = {row["truth_class"]: row for row in json.loads(capsys.readouterr().out)}
    assert all(row["low"] <= row["efficiency"] <= row["high"] for row in rows.values())
    assert rows[prompt]["low"] > rows[other]["high"] + 0.2
