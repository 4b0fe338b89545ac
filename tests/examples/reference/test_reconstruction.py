"""The whole detector on events of Pythia: links, ranges, and the same result twice."""

from __future__ import annotations

import hashlib
from dataclasses import fields

import numpy as np
import pytest
from simulation.collection import collect
from simulation.particles import build
from simulation.reconstruction import reconstruct

LINKS = {
    "tracks": {"vertexLink": "primary_vertices"},
    "gsf_tracks": {"originalTrackParticle": "tracks"},
    "electrons": {"trackParticleLinks": "gsf_tracks", "caloClusterLinks": "clusters"},
    "muons": {
        "inDetTrackParticleLink": "tracks",
        "combinedTrackParticleLink": "combined_tracks",
        "extrapolatedMuonSpectrometerTrackParticleLink": "extrapolated_tracks",
        "clusterLink": "muon_clusters",
    },
    "jets": {"muonLink": "muons", "electronLink": "electrons"},
    "secondary_vertices": {"muonLink": "muons", "electronLink": "electrons"},
}
ALWAYS = {"gsf_tracks", "electrons", "muons"}


def hashed(result):
    digest = hashlib.sha256()
    for field in fields(result):
        collection = getattr(result, field.name)
        digest.update(collection.offsets.tobytes())
        for name in sorted(collection.columns):
            digest.update(np.ascontiguousarray(collection[name]).tobytes())
    return digest.hexdigest()


@pytest.fixture(scope="module")
def event(reconstructed):
    return reconstructed("ttbar_nonallhad", 40)


def test_links_point_into_the_same_event(event):
    _, result = event
    for source, links in LINKS.items():
        collection = getattr(result, source)
        for name, target in links.items():
            there = np.diff(getattr(result, target).offsets)[collection.event]
            link = collection[name]
            assert link.dtype == np.int32
            assert (link < there).all(), name
            assert (link >= (0 if source in ALWAYS else -1)).all(), name


def test_every_column_is_finite_and_has_a_row_per_object(event):
    particles, result = event
    for field in fields(result):
        collection = getattr(result, field.name)
        assert len(collection.offsets) == particles.n_event + 1
        for name, column in collection.columns.items():
            assert len(column) == len(collection), name
            assert np.isfinite(column.astype(float)).all(), (field.name, name)


def test_the_primary_vertex_comes_first(event):
    particles, result = event
    vertices = result.primary_vertices
    assert (np.diff(vertices.offsets) >= 1).all()
    assert (vertices["vertexType"][vertices.offsets[:-1]] == 1).all()
    first = vertices["z"][vertices.offsets[:-1]]
    assert first == pytest.approx(particles.primary_vertex[:, 2], abs=0.5)


def test_truth_of_leptons_is_that_of_their_particle(event):
    particles, result = event
    truth = result.truth_particles
    for name in ("electrons", "muons"):
        leptons = getattr(result, name)
        there = leptons["truthParticleLink"] >= 0
        assert there.mean() > 0.5
        link = truth.rows(leptons["truthParticleLink"], leptons.event)
        row = truth["uid"][link] - 1 + particles.offsets[leptons.event]
        leptons = collect(
            leptons.event[there],
            particles.n_event,
            {column: values[there] for column, values in leptons.columns.items()},
        )
        row = row[there]
        assert (leptons["truthType"] == particles.truth_type[row]).all()
        assert (leptons["truthOrigin"] == particles.truth_origin[row]).all()
        assert (leptons["truthPdgId"] == particles.pdg[row]).all()
        assert (leptons["weight"] == particles.weight[row]).all()
    muons = result.muons
    assert (np.abs(muons["truthPdgId"]) == 13).all()


def test_the_same_seed_gives_the_same_columns(event):
    particles, result = event
    assert hashed(reconstruct(particles, 1)) == hashed(result)
    assert hashed(reconstruct(particles, 2)) != hashed(result)


def test_most_prompt_leptons_are_found_isolated(reconstructed):
    particles, result = reconstructed("Zmumu", 60)
    muons = result.muons
    prompt = muons["truthType"] == 6
    assert prompt.sum() > 50
    assert np.median(muons["ptvarcone30"][prompt]) == 0.0
    assert (muons["charge"][prompt] == -np.sign(muons["truthPdgId"][prompt])).all()
    total = np.bincount(muons.event[prompt], minlength=particles.n_event)
    pair = np.flatnonzero(total == 2)
    mass = []
    for event in pair:
        rows = np.flatnonzero(prompt & (muons.event == event))
        pt, eta, phi = (muons[name][rows] for name in ("pt", "eta", "phi"))
        mass.append(np.sqrt(2 * pt.prod() * (np.cosh(eta[0] - eta[1]) - np.cos(phi[0] - phi[1]))))
    assert np.median(mass) == pytest.approx(91.2, abs=2.0)


def test_jets_hold_the_soft_muons(event):
    particles, result = event
    jets, muons = result.jets, result.muons
    assert len(jets) > 3 * particles.n_event
    flavour = jets["HadronConeExclTruthLabelID"]
    assert set(np.unique(flavour)) <= {0, 4, 5, 15}
    assert (flavour == 5).sum() > particles.n_event
    heavy = np.isin(muons["truthOrigin"], (25, 26, 32, 33)) & (muons["pt"] > 4)
    inside = np.zeros(len(muons), bool)
    linked = jets["muonLink"] >= 0
    inside[muons.rows(jets["muonLink"], jets.event)[linked]] = True
    assert inside[heavy].mean() > 0.7


def test_no_events_are_an_error():
    with pytest.raises(ValueError, match="no events to reconstruct"):
        reconstruct(build([0]), 1)


def test_events_without_particles_are_reconstructed(gun):
    result = reconstruct(gun([[], []]), 1)
    assert len(result.primary_vertices) == 2
    assert len(result.tracks) == len(result.electrons) == len(result.muons) == len(result.jets) == 0
