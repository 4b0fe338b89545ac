"""Association, selection and the 19 track inputs of PLIT against awkward and vector."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import awkward as ak
import numpy as np
import pytest
import vector

from lepid.events import schema
from lepid.features import tracks
from lepid.features.kernels.association import Directions, associate
from lepid.features.kernels.selection import HITS
from lepid.features.tracks import Tracks
from lepid.taggers import card_file
from lepid.taggers.batching import Sequence

CARD = (
    Path(__file__).resolve().parents[2]
    / "models" / "muon_plit" / "atlas-2025-04-25-run3" / "card.toml"
)  # fmt: skip
INPUTS = card_file.load(CARD).networks[0].nodes[1].inputs
N_EVENT, N_LEPTON, N_TRACK, N_NEAR = 100_000, 1.5, 80, 5
TARGET = ">= 30"


class Sample(NamedTuple):
    leptons: Directions
    tracks: Tracks
    own: tuple[Any, Any]
    columnar: tuple[Any, Any]


def _columns(rng: np.random.Generator, theta: Any, phi: Any) -> dict[str, Any]:
    n = len(theta)
    floats = {
        "theta": theta,
        "phi": phi,
        "qOverP": np.sin(theta) / (400 + rng.exponential(1500, n)),
        "btagIp_d0": rng.normal(0, 0.5, n),
        "btagIp_z0SinTheta": rng.normal(0, 2.0, n),
        "btagIp_d0Uncertainty": rng.uniform(0.01, 0.1, n),
        "btagIp_z0SinThetaUncertainty": rng.uniform(0.01, 0.1, n),
    }
    columns = {name: values.astype(np.float32) for name, values in floats.items()}
    wanted = tracks.needs((entry.feature for entry in INPUTS), columns)
    hits = {n_: rng.integers(0, 2, n).astype(np.uint8) for n_ in wanted if n_ not in columns}
    hits["numberOfPixelHits"] += np.uint8(3)
    hits["numberOfSCTHits"] += np.uint8(7)
    return columns | hits


@pytest.fixture(scope="module")
def sample() -> Sample:
    """Tracks everywhere, and around each lepton as many as in ttbar events; all in memory."""
    rng = np.random.default_rng(1)
    counts = rng.poisson(N_LEPTON, N_EVENT), rng.poisson(N_TRACK, N_EVENT)
    lepton_ends, ends = (np.concatenate([[0], np.cumsum(c)]) for c in counts)
    eta, phi = (rng.uniform(-x, x, lepton_ends[-1]).astype(np.float32) for x in (2.5, np.pi))
    track_eta, track_phi = (rng.uniform(-x, x, ends[-1]) for x in (2.5, np.pi))
    event = np.repeat(np.arange(N_EVENT), counts[0])
    for _ in range(N_NEAR):
        row = ends[event] + (rng.random(len(event)) * counts[1][event]).astype(int)
        track_eta[row] = eta + rng.normal(0, 0.13, len(event))
        turned = phi + rng.normal(0, 0.13, len(event))
        track_phi[row] = np.remainder(turned + np.pi, 2 * np.pi) - np.pi
    columns = _columns(rng, 2 * np.arctan(np.exp(-track_eta)), track_phi)
    own = ends[event] + (rng.random(len(event)) * counts[1][event]).astype(int)
    flat = {"pt": np.full(len(eta), 3e4, np.float32), "eta": eta, "phi": phi, "own": own}
    jagged = columns | {"row": np.arange(ends[-1])}
    columnar = tuple(
        ak.zip({name: ak.unflatten(values, c) for name, values in one.items()}, with_name=label)
        for one, c, label in ((flat, counts[0], "Momentum3D"), (jagged, counts[1], None))
    )
    return Sample(
        Directions(lepton_ends, phi, eta=eta),
        Tracks(ends, columns, schema.load("physlite").unit),
        (np.arange(len(eta) + 1), own),
        columnar,  # type: ignore[arg-type]
    )


def by_kernels(sample: Sample) -> Sequence:
    found = tracks.neighbours(sample.leptons, sample.tracks, sample.own)
    values = tracks.values(INPUTS, found, sample.tracks)
    return Sequence(found.pairs.offsets, found.pairs.rows, values)


def _selected(track: Any) -> tuple[Any, Any]:
    pt, eta = np.sin(track.theta) / abs(track.qOverP), -np.log(np.tan(track.theta / 2))
    hits, holes = sum(track[name] for name in HITS[:4]), sum(track[name] for name in HITS[4:6])
    passed = (
        (pt > 500) & (abs(eta) <= 2.5) & (abs(track.btagIp_d0) < 3.5)
        & (abs(track.btagIp_z0SinTheta) < 5) & (hits >= 8) & (holes <= 2)
        & (track.numberOfPixelHoles <= 1)
        & (track.numberOfPixelSharedHits + track.numberOfSCTSharedHits // 2 <= 1)
    )  # fmt: skip
    return passed, eta


def columnar(sample: Sample) -> tuple[Any, Any]:
    """Rows and inputs in awkward and vector: the fastest of several that were tried.

    Cuts come before pairs, pairs carry what the distance needs and a row number, momenta have
    three components, and the inputs are taken from flat arrays.
    """
    lepton, track = sample.columnar
    passed, eta = _selected(track)
    few = ak.zip(
        {"pt": track.phi, "eta": eta, "phi": track.phi, "row": track.row}, with_name="Momentum3D"
    )[passed]
    left, right = ak.unzip(ak.cartesian([lepton, few], nested=True))
    dr = left.deltaR(right)
    near = dr <= 0.4
    left, right, dr = left[near], right[near], dr[near]
    order = ak.argsort(dr, axis=-1, stable=True)
    left, right = left[order], right[order]
    row, deta, dphi, own = (
        ak.to_numpy(ak.flatten(values, axis=None))
        for values in (right.row, right.deltaeta(left), right.deltaphi(left), left.own == right.row)
    )
    taken = {name: values[row] for name, values in sample.tracks.columns.items()}
    taken |= {"deta_lepton": deta, "dphi_lepton": dphi, "muon_track": own}
    for name in ("d0", "z0SinTheta"):
        taken[f"{name}_significance"] = taken[f"btagIp_{name}"] / taken[f"btagIp_{name}Uncertainty"]
    return row, np.stack([taken[e.feature].astype(np.float32) for e in INPUTS], axis=1)


def test_the_rows_of_plit(
    sample: Sample, benchmark: Any, row: Callable[..., None], seconds: Callable[..., float]
) -> None:
    vector.register_awkward()
    found = benchmark.pedantic(by_kernels, (sample,), rounds=7, warmup_rounds=1)
    rows, values = columnar(sample)
    assert len(found.rows) > 2 * len(sample.leptons.phi)
    # In float32 two nearly equal distances may come in the other order.
    swapped = found.rows != rows
    assert swapped.mean() < 1e-4
    np.testing.assert_allclose(found.values[~swapped], values[~swapped], rtol=1e-4, atol=2e-6)
    rival = seconds(lambda: columnar(sample), 3)
    own = benchmark.stats.stats.min
    n_pair = int(np.sum(np.diff(sample.leptons.offsets) * np.diff(sample.tracks.offsets)))
    alone = seconds(lambda: associate(sample.leptons, sample.tracks.directions, 0.4))
    touched = sum(values.nbytes for values in sample.tracks.columns.values()) + found.values.nbytes
    plain = np.zeros(1 << 25, np.float64)
    bandwidth = plain.nbytes / seconds(plain.sum)
    row(
        "association, selection and 19 track inputs of 100k events",
        "awkward and vector",
        own,
        rival,
        TARGET,
    )
    rates = {
        "pairs_per_second": n_pair / own,
        "pairs_per_second_association": n_pair / alone,
        "bytes_per_second": touched / own,
        "memory_bytes_per_second": bandwidth,
    }
    benchmark.extra_info.update(rates)
    sys.stdout.write(
        f"  {n_pair / own / 1e6:.0f} million pairs/s, association alone "
        f"{n_pair / alone / 1e6:.0f}; {touched / own / 1e9:.1f} GB/s of inputs and results, "
        f"memory reads {bandwidth / 1e9:.1f} GB/s\n"
    )
