"""Random events of leptons and tracks, shared by the tests of kernels and features."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

from lepid.events import schema
from lepid.features import impact
from lepid.features.kernels.association import Directions
from lepid.features.kernels.selection import HITS
from lepid.features.tracks import Tracks

MEV = schema.load("physlite").unit


class Event(NamedTuple):
    leptons: Directions
    tracks: Tracks
    own: tuple[Any, Any]


def _offsets(counts: Any) -> Any:
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def _columns(rng: np.random.Generator, eta: Any, phi: Any) -> dict[str, Any]:
    n = len(eta)
    theta = 2 * np.arctan(np.exp(-eta))
    pt = 1000 * rng.exponential(1.2, n)
    floats = {
        "theta": theta,
        "phi": phi,
        "qOverP": rng.choice([-1, 1], n) * np.sin(theta) / pt,
        "btagIp_d0": rng.normal(0, 1.5, n),
        "btagIp_z0SinTheta": rng.normal(0, 2, n),
        "btagIp_d0Uncertainty": rng.uniform(0.01, 0.1, n),
        "btagIp_z0SinThetaUncertainty": rng.uniform(0.01, 0.1, n),
    }
    hits = {name: rng.integers(0, 3, n).astype(np.uint8) for name in HITS}
    hits["numberOfSCTHits"] += np.uint8(5)
    for name in (
        "numberOfInnermostPixelLayerHits",
        "numberOfNextToInnermostPixelLayerHits",
        "numberOfInnermostPixelLayerSharedHits",
        "numberOfInnermostPixelLayerSplitHits",
        "numberOfPixelSplitHits",
    ):
        hits[name] = rng.integers(0, 3, n).astype(np.uint8)
    return {name: values.astype(np.float32) for name, values in floats.items()} | hits


def _make(seed: int, n_event: int = 12, lepton: float = 1.5, track: float = 12.0) -> Event:
    rng = np.random.default_rng(seed)
    n_lepton, n_track = rng.poisson(lepton, n_event), rng.poisson(track, n_event)
    eta, phi = rng.uniform(-2.6, 2.6, n_lepton.sum()), rng.uniform(-np.pi, np.pi, n_lepton.sum())
    offsets = _offsets(n_track)
    track_eta = rng.uniform(-2.7, 2.7, offsets[-1])
    track_phi = rng.uniform(-np.pi, np.pi, offsets[-1])
    # Half of the tracks lie around the leptons of their event, so that cones are not empty.
    first = _offsets(n_lepton)
    for event in range(n_event):
        for row in range(offsets[event], offsets[event + 1]):
            if n_lepton[event] and rng.random() < 0.5:
                near = rng.integers(first[event], first[event + 1])
                track_eta[row] = eta[near] + rng.normal(0, 0.25)
                track_phi[row] = np.remainder(phi[near] + rng.normal(0, 0.25), 2 * np.pi) - (
                    2 * np.pi * (rng.random() < 0.5)
                )
    own = np.full(len(eta), -1)
    for event in range(n_event):
        if n_track[event]:
            chosen = rng.integers(offsets[event], offsets[event + 1], n_lepton[event])
            own[first[event] : first[event + 1]] = chosen
    columns = _columns(rng, track_eta, track_phi)
    leptons = Directions(first, phi.astype(np.float32), eta=eta.astype(np.float32))
    return Event(leptons, Tracks(offsets, columns, MEV), (np.arange(len(eta) + 1), own))


def _computed(seed: int, tracks: Tracks) -> tuple[Tracks, impact.Beam]:
    """The tracks without stored impact parameters, and where the events happened."""
    rng = np.random.default_rng(seed)
    n = int(tracks.offsets[-1])
    columns = {name: v for name, v in tracks.columns.items() if name not in impact.STORED}
    columns |= {
        "d0": rng.normal(0, 1.5, n),
        "z0": rng.normal(0, 30, n),
        "vz": rng.normal(0, 1, n),
        "definingParametersCovMatrixDiag_d0_d0": rng.uniform(1e-4, 1e-2, n),
        "definingParametersCovMatrixDiag_z0_z0": rng.uniform(1e-3, 1e-1, n),
        "definingParametersCovMatrixDiag_theta_theta": rng.uniform(1e-8, 1e-6, n),
        "definingParametersCovMatrixOffDiag_z0_theta": rng.uniform(-0.9, 0.9, n),
    }
    n_event = len(tracks.offsets) - 1
    spot = (rng.uniform(0.005, 0.02, n_event) for _ in range(2))
    vertex = rng.normal(0, 3, n_event), rng.uniform(1e-4, 1e-2, n_event)
    beam = impact.Beam(*vertex, *spot, rng.uniform(-2e-5, 2e-5, n_event))
    return Tracks(tracks.offsets, columns, tracks.unit_of), beam


@pytest.fixture(scope="session")
def make() -> Callable[..., Event]:
    """`make(seed, n_event=12, lepton=1.5, track=12.0)`: means per event."""
    return _make


@pytest.fixture(scope="session")
def without_stored() -> Callable[[int, Tracks], tuple[Tracks, impact.Beam]]:
    return _computed
