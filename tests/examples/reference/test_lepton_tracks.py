"""What lepid computes from the tracks of simulated files, against what the simulation stores."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest

import lepid
from lepid.events import schema
from lepid.features import impact, leptons, tracks
from lepid.features.kernels.association import Directions, Pairs, associate, members
from lepid.features.kernels.isolation import ptcone, ptvarcone

TTVA = "Nonprompt_All_MaxWeightTTVA"


@pytest.fixture(scope="module")
def events(reconstructed: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    from simulation import files  # noqa: PLC0415  (the path is set by a fixture)

    path: Path = tmp_path_factory.mktemp("simulation") / "ttbar.root"
    files.write(path, [reconstructed("ttbar_nonallhad", 50)])
    return lepid.open(path)


def flat(collection: Any, names: list[str]) -> tuple[Any, dict[str, Any]]:
    counts = ak.to_numpy(ak.num(collection["pt" if "pt" in names else names[0]]))
    columns = {name: ak.to_numpy(ak.flatten(collection[name])) for name in names}
    return np.concatenate([[0], np.cumsum(counts)]), columns


def rows(link: Any, offsets: Any) -> Any:
    """Flat rows that links [n_event, n] point to, -1 for none."""
    there = link["m_persKey"] != 0
    index = ak.values_astype(link["m_persIndex"], "int64") + ak.Array(offsets[:-1])
    return ak.to_numpy(ak.flatten(ak.where(there, index, -1)))


@pytest.fixture(scope="module")
def all_tracks(events: Any) -> tracks.Tracks:
    collection = events["InDetTrackParticles"]
    names = [name for name in collection.fields if not collection[name].fields]
    offsets, columns = flat(collection, names)
    return tracks.Tracks(offsets, columns, schema.load("physlite").unit)


def around_muons(events: Any, every: tracks.Tracks, max_z0: float = 3.0) -> tuple[Any, Pairs]:
    """Columns of the muons, and the tracks of the primary vertex around them, theirs left out."""
    offsets, muons = flat(events["Muons"], ["pt", "eta", "phi"])
    inner = rows(events["Muons"]["inDetTrackParticleLink"], every.offsets)
    place = Directions(offsets, muons["phi"], eta=muons["eta"])
    pairs = associate(place, every.directions, 0.4)
    vertex = events["InDetTrackParticles"]["vertexLink"]
    linked = ak.to_numpy(ak.flatten(vertex["m_persKey"])) != 0
    first = linked & (ak.to_numpy(ak.flatten(vertex["m_persIndex"])) == 0)
    near = abs(every.columns["btagIp_z0SinTheta"]) < max_z0
    near &= abs(every.columns["d0"]) < 2.0
    own = members(pairs, *leptons.own_tracks_of_muons(inner, inner >= 0))
    return muons, pairs.where((first | (~linked & near))[pairs.rows] & ~own)


def test_the_isolation_of_muons_is_the_stored_one(events: Any, all_tracks: tracks.Tracks) -> None:
    muons, pairs = around_muons(events, all_tracks)
    columns = all_tracks.columns
    pt = np.sin(columns["theta"].astype(float)) / abs(columns["qOverP"].astype(float))
    theta_limit = 2 * np.arctan(np.exp(-2.5))
    inside = (columns["theta"] > theta_limit) & (columns["theta"] < np.pi - theta_limit)
    checked = 0
    for name, least in ((f"{TTVA}_pt500", 500.0), (f"{TTVA}_pt1000", 1000.0), ("", 1000.0)):
        counted = np.where(inside & (pt > least), pt, 0.0)
        label = f"_{name}" if name else ""
        found = {
            f"ptvarcone30{label}": ptvarcone(pairs, counted, muons["pt"] / 1000.0, 0.3),
            f"ptcone20{label}": ptcone(pairs, counted, 0.2),
        }
        for column, values in found.items():
            stored = ak.to_numpy(ak.flatten(events["Muons"][column]))
            np.testing.assert_allclose(values, stored, rtol=2e-6, atol=1e-3)
            checked += np.count_nonzero(stored)
    assert checked > 50


def test_computed_impact_parameters_are_the_stored_ones(
    events: Any, all_tracks: tracks.Tracks
) -> None:
    offsets, vertices = flat(events["PrimaryVertices"], ["vertexType", "z", "covariance_zz"])
    first = impact.primary(offsets, vertices["vertexType"])
    np.testing.assert_array_equal(first, offsets[:-1])
    from simulation import constants as c  # noqa: PLC0415  (the path is set by a fixture)

    size_x, size_y, _ = (np.full(len(first), size) for size in c.BEAM_SPOT_SIZE)
    beam = impact.Beam(
        vertices["z"][first], vertices["covariance_zz"][first], size_x, size_y, 0.0 * size_x
    )
    every = np.arange(int(all_tracks.offsets[-1]))
    event = np.searchsorted(all_tracks.offsets, every, side="right") - 1
    found = impact.computed(all_tracks.columns, every, event, beam)
    # Files keep fewer bits of a track, and of an uncertainty fewer still.
    for name, bits in (("btagIp_d0", 14), ("btagIp_z0SinTheta", 14), ("btagIp_d0Uncertainty", 10)):
        rounding = 2.0 * 2.0**-bits
        stored = all_tracks.columns[name]
        np.testing.assert_allclose(found[name], stored, rtol=rounding, atol=2e-5)


def test_a_prompt_muon_comes_first_among_its_tracks(events: Any, all_tracks: tracks.Tracks) -> None:
    offsets, muons = flat(events["Muons"], ["pt", "eta", "phi"])
    inner = rows(events["Muons"]["inDetTrackParticleLink"], all_tracks.offsets)
    own = leptons.own_tracks_of_muons(inner, inner >= 0)
    place = Directions(offsets, muons["phi"], eta=muons["eta"])
    found = tracks.neighbours(place, all_tracks, own)
    nearest = leptons.nearest(found.pairs)
    flag = found.columns["muon_track"]
    some = nearest >= 0
    assert some.sum() > 20
    assert np.mean(nearest[some] == inner[some]) > 0.9
    assert np.mean(flag[found.pairs.offsets[:-1][some]]) > 0.9
    assert flag.sum() <= len(muons["pt"])
