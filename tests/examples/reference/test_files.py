"""Files of the simulation: what coffea and lepid make of them."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest

import lepid


@pytest.fixture(scope="module")
def written(reconstructed: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any, Any]:
    from simulation import files  # noqa: PLC0415  (the path is set by a fixture)

    particles, found = reconstructed("ttbar_nonallhad", 50)
    path = tmp_path_factory.mktemp("simulation") / "ttbar.root"
    assert files.write(path, [(particles, found)]) == particles.n_event
    return path, particles, found


def test_lepid_reads_it_in_mev_with_all_leptons(written: Any) -> None:
    path, _, found = written
    events = lepid.open(path)
    for name, collection in (("Muons", found.muons), ("Electrons", found.electrons)):
        pt = ak.to_numpy(ak.flatten(events[name]["pt"]))
        np.testing.assert_allclose(pt, collection["pt"] * 1000.0, rtol=1e-6)
    assert events["EventInfo"].fields[:2] == ["eventNumber", "runNumber"]


def test_covariance_is_in_mev_and_correlations_have_no_unit(written: Any) -> None:
    path, _, found = written
    tracks = lepid.open(path)["InDetTrackParticles"]
    diagonal = found.tracks["definingParametersCovMatrixDiag"]
    expected = {"d0_d0": diagonal[:, 0], "qOverP_qOverP": diagonal[:, 4] / 1e6}
    for label, values in expected.items():
        column = tracks[f"definingParametersCovMatrixDiag_{label}"]
        np.testing.assert_allclose(ak.to_numpy(ak.flatten(column)), values, rtol=1e-6)
    names = [name for name in tracks.fields if "MatrixOffDiag" in name]
    assert len(names) == 10
    assert all(ak.max(abs(tracks[name])) <= 1.0 for name in names)
    last = ak.to_numpy(ak.flatten(tracks["definingParametersCovMatrixOffDiag_theta_qOverP"]))
    np.testing.assert_allclose(
        last, found.tracks["definingParametersCovMatrixOffDiag"][:, 9], rtol=1e-6
    )


def test_links_lead_to_the_track_of_the_muon(written: Any) -> None:
    path, _, found = written
    events = lepid.open(path)
    link = events["Muons"]["inDetTrackParticleLink"]
    there = link["m_persKey"] != 0
    index = link["m_persIndex"][there]
    tracks = events["InDetTrackParticles"]
    pt = np.abs(np.sin(tracks["theta"]) / tracks["qOverP"])[index]
    ratio = ak.to_numpy(ak.flatten(pt / events["Muons"]["pt"][there]))
    assert len(ratio) > 10
    assert abs(np.median(ratio) - 1.0) < 0.1
    assert int(ak.sum(there)) == int((found.muons["inDetTrackParticleLink"] >= 0).sum())


def test_isolation_points_and_truth_come_out(written: Any) -> None:
    events = lepid.open(written[0])
    events = lepid.decorate(events, ["muon_isolation", "electron_isolation"])
    table = lepid.measure(events, "muon_isolation")
    assert "PromptMuon" in table.populated
    prompt = table.efficiency("PflowLoose_VarRad", "PromptMuon", by=())
    heavy = table.efficiency("PflowLoose_VarRad", "BHadronDecay", by=())
    assert float(prompt.value) > float(heavy.value)


def test_coffea_follows_the_links_of_muons(written: Any) -> None:
    from coffea.nanoevents import NanoEventsFactory, PHYSLITESchema  # noqa: PLC0415  (slow)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        factory = NanoEventsFactory.from_root(
            {str(written[0]): "CollectionTree"}, schemaclass=PHYSLITESchema, mode="virtual"
        )
        muons = factory.events()["Muons"]
        inner = ak.materialize(muons.trackParticle["pt"])
    pairs = ak.flatten(ak.zip([inner, muons["pt"]]))
    one, other = (ak.to_numpy(ak.drop_none(column)) for column in ak.unzip(pairs))
    np.testing.assert_allclose(one, other, rtol=0.05)


def test_leptons_of_one_event_stay_in_one_split() -> None:
    from simulation import files  # noqa: PLC0415  (the path is set by conftest)

    number = np.arange(1000)
    share = np.bincount(files.split(number)) / 1000
    assert share.tolist() == [0.6, 0.2, 0.2]
    assert len(files.SPLITS) == len(share)
