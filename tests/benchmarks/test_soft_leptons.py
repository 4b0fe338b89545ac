"""Nearest jets and soft-muon observables against awkward and vector."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import awkward as ak
import numpy as np
import pytest
import vector

from lepid.features.jets import Rules, momenta, observed
from lepid.features.kernels.relative import OBSERVABLES, Momenta, nearest

N_EVENT, N_LEPTON, N_JET = 100_000, 1.5, 7.0
TARGET = ">= 25"
# The jet as it is, and with the muon added and its energy loss taken out.
WANTED = tuple(f"{name}{axis}" for axis in ("", "_added") for name in OBSERVABLES)
RULES = Rules(energy_loss="at jet")


class Sample(NamedTuple):
    leptons: Momenta
    jets: Momenta
    loss: Any
    columnar: tuple[Any, Any]


@pytest.fixture(scope="module")
def sample() -> Sample:
    """Muons of which two of three lie in a jet of their event; MeV, in memory."""
    rng = np.random.default_rng(1)
    counts = rng.poisson(N_LEPTON, N_EVENT), rng.poisson(N_JET, N_EVENT)
    ends = [np.concatenate([[0], np.cumsum(c)]) for c in counts]
    n_lepton, n_jet = (int(end[-1]) for end in ends)
    eta, phi = rng.uniform(-2.7, 2.7, n_jet), rng.uniform(-np.pi, np.pi, n_jet)
    event = np.repeat(np.arange(N_EVENT), counts[0])
    jet = ends[1][event] + (rng.random(n_lepton) * counts[1][event]).astype(int)
    inside = (counts[1][event] > 0) & (rng.random(n_lepton) < 0.67)
    jet = np.where(inside, jet, 0)
    spread = rng.normal(0, 0.12, (2, n_lepton))
    place = [
        np.where(inside, eta[jet] + spread[0], rng.uniform(-2.7, 2.7, n_lepton)),
        np.where(inside, phi[jet] + spread[1], rng.uniform(-np.pi, np.pi, n_lepton)),
    ]
    place[1] = np.remainder(place[1] + np.pi, 2 * np.pi) - np.pi
    pt = 4000 + rng.exponential(8000, n_lepton), 15_000 + rng.exponential(30_000, n_jet)
    lost = rng.uniform(2000, 4000, n_lepton).astype(np.float32)
    named = [
        dict(zip(("pt", "eta", "phi"), (a.astype(np.float32) for a in one), strict=True))
        for one in ((pt[0], *place), (pt[1], eta, phi))
    ]
    with_loss = (named[0] | {"loss": lost}, named[1])
    columnar = tuple(
        ak.zip({name: ak.unflatten(v, c) for name, v in one.items()}, with_name="Momentum3D")
        for one, c in zip(with_loss, counts, strict=True)
    )
    made = (momenta(end, one) for end, one in zip(ends, named, strict=True))
    return Sample(*made, lost, columnar)  # type: ignore[arg-type]


def by_kernels(sample: Sample) -> tuple[Any, dict[str, Any]]:
    """Row of the jet of each muon, and its observables."""
    good = RULES.accepted(sample.jets.pt / 1000, sample.jets.eta)
    rows = nearest(sample.leptons, sample.jets, good, RULES.dr)
    pairs = np.arange(len(rows)), rows
    return rows, observed(sample.leptons, sample.jets, pairs, WANTED, RULES, loss=sample.loss)


def columnar(sample: Sample) -> list[Any]:
    """The same in awkward and vector, of the muons with a jet: the fastest of several.

    Jets that do not count go first, the distance is computed once for each pair, and all else
    for the nearest jet alone, in the float32 of the columns.
    """
    muon, jet = sample.columnar
    jet = jet[(jet.pt > 25_000) & (abs(jet.eta) < 2.5)]
    left, right = ak.unzip(ak.cartesian([muon, jet], nested=True))
    dr = left.deltaR(right)
    place = ak.argmin(dr, axis=-1, keepdims=True)
    dr, jet = ak.firsts(dr[place], axis=-1), ak.firsts(right[place], axis=-1)
    near = ak.fill_none(dr < 0.4, False)
    muon, jet, dr = muon[near], jet[near], dr[near]
    lost = vector.zip({"pt": muon.loss / np.cosh(muon.eta), "eta": muon.eta, "phi": jet.phi})
    found = []
    for axis in (jet, jet.add(muon).subtract(lost)):
        distance = dr if axis is jet else muon.deltaR(axis)
        perpendicular = muon.cross(axis).mag / axis.mag
        found += [distance, muon.pt / axis.pt, perpendicular, muon.dot(axis) / axis.mag2]
    return [ak.to_numpy(ak.flatten(column)) for column in found]


def test_soft_muons(
    sample: Sample, benchmark: Any, row: Callable[..., None], seconds: Callable[..., float]
) -> None:
    vector.register_awkward()
    rows, found = benchmark.pedantic(by_kernels, (sample,), rounds=21, warmup_rounds=2)
    expected = columnar(sample)
    near = rows >= 0
    assert near.sum() == len(expected[0]) > 50_000
    for name, column in zip(WANTED, expected, strict=True):
        # float32 knows a small angle to 1e-6.
        np.testing.assert_allclose(
            found[name][near], column, rtol=2e-3, atol=0.5 * ("rel" in name) + 2e-5
        )
    rival = seconds(lambda: columnar(sample), 5)
    own = benchmark.stats.stats.min
    row("nearest jet and 8 observables, 100k events", "awkward and vector", own, rival, TARGET)
    good = RULES.accepted(sample.jets.pt / 1000, sample.jets.eta)
    alone = seconds(lambda: nearest(sample.leptons, sample.jets, good, RULES.dr), 11)
    n_pair = int(np.sum(np.diff(sample.leptons.offsets) * np.diff(sample.jets.offsets)))
    sys.stdout.write(
        f"  nearest jet alone {alone * 1e3:.1f} ms, {n_pair / alone / 1e6:.0f} million pairs/s; "
        f"{len(expected[0]) * len(WANTED) / (own - alone) / 1e6:.0f} million observables/s\n"
    )
