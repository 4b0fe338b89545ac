"""What the muon spectrometer and the calorimeter say about a muon, apart from its track."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from simulation import constants as c
from simulation.calorimeter import Deposits
from simulation.collection import Collection, collect
from simulation.cones import pairs
from simulation.particles import Floats

Array = npt.NDArray[Any]
STATIONS = ("inner", "middle", "outer")
NOT_ISOLATED, PARAMETRISED = 1, 0
NO_SEGMENT_PAIR = -1.0


def hits(eta: Floats, phi: Floats, rng: np.random.Generator) -> dict[str, Array]:
    """Precision hits per station and sector, hits of the New Small Wheel, field integral.

    Parameters
    ----------
    eta, phi : [n]
    """
    n, endcap = len(eta), np.abs(eta) > c.ENDCAP_ETA
    eighth = np.pi / 4.0
    distance = np.abs((phi + 0.5 * eighth) % eighth - 0.5 * eighth)
    large = distance < c.LARGE_SECTOR
    overlap = np.abs(distance - c.LARGE_SECTOR) < c.SECTOR_OVERLAP
    columns: dict[str, Array] = {}
    for station in STATIONS:
        mean, width = np.where(endcap[:, None], *c.PRECISION_HITS[station]).T
        crossed = rng.random((2, n)) < c.CHAMBER_EFFICIENCY
        for name, inside, there in (
            ("Large", large | overlap, crossed[0]),
            ("Small", ~large | overlap, crossed[1]),
        ):
            count = np.maximum((mean + width * rng.standard_normal(n)).round(), 3)
            columns[f"{station}{name}Hits"] = np.where(inside & there, count, 0).astype(np.uint8)
    for name, (number, chance) in c.WHEEL_HITS.items():
        columns[name] = np.where(endcap, rng.binomial(number, chance, n), 0).astype(np.uint8)
    slope, mean, width = c.FIELD_INTEGRAL
    field = mean + slope * eta**2 + width * rng.standard_normal(n)
    unmeasured = rng.random(n) < c.FIELD_UNMEASURED
    columns["spectrometerFieldIntegral"] = np.where(unmeasured, 0.0, np.maximum(field, 0.1))
    paired = rng.random(n) < c.SEGMENT_PAIR_RATE
    difference = c.SEGMENT_DELTA_ETA * rng.standard_normal(n)
    columns["segmentDeltaEta"] = np.where(paired, difference, NO_SEGMENT_PAIR)
    return columns


def precision_layers(columns: dict[str, Array]) -> npt.NDArray[np.int64]:
    """Number of stations with precision hits, [n]."""
    found = [columns[f"{s}LargeHits"].astype(int) + columns[f"{s}SmallHits"] > 2 for s in STATIONS]
    return np.sum(found, axis=0)


def mean_loss(eta: Floats) -> Floats:
    """Mean energy loss in the calorimeter, [n], GeV."""
    return c.ENERGY_LOSS[0] + c.ENERGY_LOSS[1] * np.minimum(np.abs(eta), 2.0)


def smeared_loss(eta: Floats, rng: np.random.Generator) -> Floats:
    """Energy loss with its long tail, [n], GeV."""
    tail = rng.exponential(1.0, len(eta)) ** 2 * c.LOSS_TAIL
    return mean_loss(eta) * (1.0 - c.LOSS_TAIL) + mean_loss(eta) * tail


def energy_loss(
    cells: Deposits, muons: Collection, rng: np.random.Generator
) -> tuple[dict[str, Array], Collection]:
    """Columns of the energy loss of muons, and one cluster for each.

    The cluster holds the muon's own loss and what other particles left around it; of those, the
    measured loss has only the nearest cells.
    """
    eta, phi = muons["eta"], muons["phi"]
    n = len(muons)
    own, parametrised = smeared_loss(eta, rng), mean_loss(eta)
    radius = c.MUON_CLUSTER_RADIUS
    near = pairs(cells.offsets, (cells.eta, cells.phi), muons.event, (eta, phi), radius[1])
    energy = (cells.em + cells.hadronic)[near.row] * np.cosh(cells.eta[near.row])
    around = near.total(energy, n)
    close = near.total(energy * (near.distance < radius[0]), n)
    noise = rng.standard_normal((2, n)) * np.array(c.MUON_CLUSTER_NOISE)[:, None] * np.cosh(eta)
    measured = np.maximum(own + close + noise[0], c.MEASURED_LOSS_MIN)
    cluster = np.maximum(own + around + noise[1], c.MEASURED_LOSS_MIN)
    isolated = close < c.LOSS_ISOLATED
    columns = {
        "MeasEnergyLoss": measured,
        "ParamEnergyLoss": parametrised,
        "EnergyLoss": np.where(isolated & (measured > 1.3 * parametrised), measured, parametrised),
        "energyLossType": np.where(isolated, PARAMETRISED, NOT_ISOLATED).astype(np.uint8),
        "clusterLink": (np.arange(n) - muons.offsets[muons.event]).astype(np.int32),
    }
    shape = {"calE": cluster, "calEta": eta, "calPhi": phi, "calM": np.zeros(n)}
    return columns, collect(muons.event, len(muons.offsets) - 1, shape)
