"""Columns of collections and those behind their links, by names alone."""

from __future__ import annotations

import pytest

from lepid.errors import MissingColumns
from lepid.events import schema
from lepid.events.columns import Columns, Place, required

EVENTS = {
    "Electrons": ["pt", "trackParticleLinks", "caloClusterLinks"],
    "GSFTrackParticles": ["phi", "originalTrackParticle"],
    "InDetTrackParticles": ["qOverP", "phi", "definingParametersCovMatrixDiag"],
    "Muons": ["pt", "MeasuredLoss", "clusterLink"],
}
ORIGINAL = "trackParticleLinks.originalTrackParticle"


def columns(collection: str) -> Columns:
    return Columns(schema.load("physlite"), collection, EVENTS)


@pytest.mark.parametrize("name", ["pt", "trackParticleLinks", ORIGINAL, f"{ORIGINAL}.qOverP"])
def test_what_is_there_keeps_its_name(name: str) -> None:
    assert columns("Electrons").find(name) == name


@pytest.mark.parametrize(
    ("name", "absent"),
    [
        ("Pt", ("Electrons", "Pt")),
        ("trackLinks.phi", ("Electrons", "trackLinks.phi")),
        ("trackParticleLinks.theta", ("GSFTrackParticles", "theta")),
        ("trackParticleLinks.original.phi", ("GSFTrackParticles", "original.phi")),
        (f"{ORIGINAL}.theta", ("InDetTrackParticles", "theta")),
        ("caloClusterLinks.calE", ("egammaClusters", "calE")),
        ("pt.x", ("Electrons", "pt.x")),
    ],
)
def test_the_first_place_that_is_absent(name: str, absent: tuple[str, str]) -> None:
    found = columns("Electrons")
    assert found.find(name) is None
    assert found.places(name)[1] == (Place(*absent),)


def test_a_number_of_a_vector_and_the_column_of_another_layout() -> None:
    name = "definingParametersCovMatrixDiag_z0_z0"
    track = columns("Electrons").constituents("track")
    assert track is not None
    assert track.collection == "InDetTrackParticles"
    assert track.find(name) == "definingParametersCovMatrixDiag[1]"
    flat = Columns(track.schema, track.collection, {track.collection: [name]})
    assert flat.find(name) == name
    assert track.find("definingParametersCovMatrixOffDiag_z0_theta") is None


@pytest.mark.parametrize(
    ("there", "absent"),
    [
        (["a", "b"], []),
        (["a"], ["b"]),
        (["b"], ["a"]),
        ([], ["a", "b"]),
    ],
)
def test_a_number_that_another_column_finds_needs_both(there: list[str], absent: list[str]) -> None:
    own = Columns(schema.load("physlite"), "E", {"E": there})
    assert own.find("a[b=2]") == (None if absent else "a[b=2]")
    assert own.places("a[b=2]")[1] == tuple(Place("E", name) for name in absent)


def test_a_name_with_a_dot_is_no_link_where_the_format_has_none() -> None:
    for format in ("nanoaod", "physlite"):
        own = Columns(schema.load(format), "E", {"E": ["gsf.chi2", "trackParticleLinks"]})
        assert own.find("gsf.chi2") == "gsf.chi2"
        assert own.places("gsf.chi2") == ((Place("E", "gsf.chi2"),), ())


def test_constituents_of_a_format() -> None:
    nano = Columns(schema.load("nanoaod"), "Muon", {"Muon": ["pt"]})
    assert nano.constituents("track") is None
    vertex = columns("Muons").constituents("vertex")
    assert vertex is not None
    assert vertex.collection == "PrimaryVertices"
    assert vertex.find("z") is None


def test_one_collection_is_named_as_the_place() -> None:
    with pytest.raises(MissingColumns) as caught:
        columns("Muons").require({"pt": "a", "MeasEnergyLoss": "b"})
    assert caught.value.where == "events.Muons"
    assert caught.value.wrong == "no column MeasEnergyLoss (needed by b)"
    assert caught.value.near == ("MeasuredLoss",)
    assert columns("Muons").require({"pt": "a"}) == {"pt": "pt"}


def test_all_that_is_absent_in_all_collections_is_one_error() -> None:
    muons, electrons = columns("Muons"), columns("Electrons")
    needs = {"MeasEnergyLoss": "b", "clusterLink.calE": "c", "pt": "b"}
    with pytest.raises(MissingColumns) as caught:
        required([(muons, needs), (electrons, {f"{ORIGINAL}.theta": "d"})])
    assert caught.value.where == "events"
    assert caught.value.wrong == (
        "no column Muons.MeasEnergyLoss (needed by b); "
        "no column InDetTrackParticles.theta (needed by d); "
        "no collection MuonClusters (needed by c)"
    )
    assert "Muons.MeasuredLoss" in caught.value.near
    assert "schema=" in caught.value.do
    found = required([(muons, {"pt": "b"}), (electrons, {"caloClusterLinks": "b"})])
    assert found == [{"pt": "pt"}, {"caloClusterLinks": "caloClusterLinks"}]


def test_a_format_follows_its_own_links_only() -> None:
    assert columns("Electrons").follows(f"{ORIGINAL}.qOverP")
    assert columns("Electrons").follows("pt")
    assert not columns("Electrons").follows("gsfTrack.normalizedChi2")
    flat = Columns(schema.load("ntuple"), "mu", {"mu": ["pt"]})
    assert not flat.follows("combinedTrackParticleLink.chiSquared")
