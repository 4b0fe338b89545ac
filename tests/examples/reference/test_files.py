"""Files of the simulation: what coffea and lepid make of them."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest

import lepid
from lepid.events.objects.links import covariance, linked_rows


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


@pytest.mark.parametrize("mode", ["eager", "virtual"])
def test_coffea_follows_the_links_of_leptons(written: Any, mode: str) -> None:
    from coffea.nanoevents import NanoEventsFactory, PHYSLITESchema  # noqa: PLC0415  (slow)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        factory = NanoEventsFactory.from_root(
            {str(written[0]): "CollectionTree"}, schemaclass=PHYSLITESchema, mode=mode
        )
        events = factory.events()
        muons, electrons = events["Muons"], events["Electrons"]
        for one, other in (
            (muons.trackParticle["pt"], muons["pt"]),
            (electrons.trackParticle["phi"], electrons["phi"]),
            (ak.flatten(electrons.trackParticles["phi"], axis=2), electrons["phi"]),
            (electrons.trackParticle["theta"], 2 * np.arctan(np.exp(-electrons["eta"]))),
        ):
            assert ak.num(one).to_list() == ak.num(other).to_list()
            assert len(ak.flatten(other)) > 10
            np.testing.assert_allclose(*(flat_of(column) for column in (one, other)), rtol=0.05)
        clusters = ak.flatten(electrons.caloClusters["calEta"], axis=2)
        assert ak.max(abs(clusters - electrons["eta"])) < 0.2


def flat_of(column: Any) -> np.ndarray:
    return ak.to_numpy(ak.flatten(ak.materialize(column)))


def test_lepid_reads_links_and_covariances_of_tracks(written: Any) -> None:
    path, _, found = written
    events = lepid.open(path)
    rows = {
        "gsf": linked_rows(events["Electrons"], "trackParticleLinks"),
        "inner": linked_rows(events["GSFTrackParticles"], "originalTrackParticle"),
        "muon": linked_rows(events["Muons"], "inDetTrackParticleLink", 490246363),
        "truth": linked_rows(events["Muons"], "truthParticleLink"),
        "parent": linked_rows(events["TruthParticles"], "parentLinks"),
        "track": linked_rows(events["InDetTrackParticles"], "truthParticleLink"),
    }
    expected = {
        "gsf": found.electrons["trackParticleLinks"],
        "inner": found.gsf_tracks["originalTrackParticle"],
        "muon": found.muons["inDetTrackParticleLink"],
        "truth": found.muons["truthParticleLink"],
        "parent": found.truth_particles["parentLinks"],
        "track": found.tracks["truthParticleLink"],
    }
    for name, column in rows.items():
        np.testing.assert_array_equal(flat_of(column), expected[name], name)
    tracks, off = events["InDetTrackParticles"], found.tracks["definingParametersCovMatrixOffDiag"]
    np.testing.assert_allclose(flat_of(covariance(tracks, "z0", "theta")), off[:, 4], rtol=1e-6)
    variance = found.tracks["definingParametersCovMatrixDiag"][:, 1]
    np.testing.assert_allclose(flat_of(covariance(tracks, "z0", "z0")), variance, rtol=1e-6)


def test_truth_of_a_muon_has_its_momentum_in_mev(written: Any) -> None:
    events = lepid.open(written[0])
    muons, truth = events["Muons"], events["TruthParticles"]
    row = linked_rows(muons, "truthParticleLink")
    prompt = (muons["truthType"] == 6) & (row >= 0)
    pt = np.hypot(truth["px"], truth["py"])[row[prompt]]
    assert len(ak.flatten(pt)) > 10
    assert abs(np.median(flat_of(muons["pt"][prompt] / pt)) - 1) < 0.01
    square = truth["e"] ** 2 - truth["px"] ** 2 - truth["py"] ** 2 - truth["pz"] ** 2
    slow = abs(square - truth["m"] ** 2) < 1e-3 * truth["e"] ** 2 + 1.0
    assert ak.all(slow)


def test_leptons_of_one_event_stay_in_one_split() -> None:
    from simulation import files  # noqa: PLC0415  (the path is set by conftest)

    number = np.arange(1000)
    share = np.bincount(files.split(number)) / 1000
    assert share.tolist() == [0.6, 0.2, 0.2]
    assert len(files.SPLITS) == len(share)
