"""Reconstructed events as ROOT files with ATLAS names and units, which read like DAOD_PHYS."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import numpy.typing as npt
import uproot
from simulation import constants as c
from simulation.collection import NO_LINK, Array, Collection
from simulation.particles import Particles
from simulation.reconstruction import Reconstructed

from lepid.files_out import atomic

MEV_PER_GEV = 1000.0
FAST = uproot.ZSTD(3)
SMALL = uproot.LZMA(9)
EVENT_NUMBER = "EventInfoAuxDyn.eventNumber"
LEPTONS = ("electrons", "muons")
SPLITS = ("train", "validation", "test")
# Of ten events in a row: six to train on, two to validate, two to test.
SPLIT_OF_DIGIT = np.array([0, 0, 0, 0, 0, 0, 1, 1, 2, 2], np.int8)

CONTAINERS: dict[str, str] = {
    "tracks": "InDetTrackParticles",
    "gsf_tracks": "GSFTrackParticles",
    "combined_tracks": "CombinedMuonTrackParticles",
    "extrapolated_tracks": "ExtrapolatedMuonTrackParticles",
    "electrons": "Electrons",
    "clusters": "egammaClusters",
    "muons": "Muons",
    "muon_clusters": "MuonClusters",
    "primary_vertices": "PrimaryVertices",
    "jets": "AntiKt4EMPFlowJets",
    "secondary_vertices": "SecondaryVertices",
    "truth_particles": "TruthParticles",
}
# Target of each link. A key is a number that names the container, as in a real file.
TARGETS: dict[str, str] = {
    "trackParticleLinks": "gsf_tracks",
    "caloClusterLinks": "clusters",
    "originalTrackParticle": "tracks",
    "inDetTrackParticleLink": "tracks",
    "combinedTrackParticleLink": "combined_tracks",
    "extrapolatedMuonSpectrometerTrackParticleLink": "extrapolated_tracks",
    "clusterLink": "muon_clusters",
    "vertexLink": "primary_vertices",
    "electronLink": "electrons",
    "muonLink": "muons",
    "truthParticleLink": "truth_particles",
    "parentLinks": "truth_particles",
}
# Vectors of links in real files; a tree of uproot holds vectors of one.
NESTED = ("trackParticleLinks", "caloClusterLinks", "parentLinks")
# The first four are those of real files; the rest are invented.
KEYS: dict[str, int] = {
    "gsf_tracks": 776133387,
    "tracks": 490246363,
    "combined_tracks": 873304470,
    "truth_particles": 662974859,
    "extrapolated_tracks": 900_000_101,
}
KEYS |= {name: 900_000_001 + i for i, name in enumerate(CONTAINERS) if name not in KEYS}
ENERGY = re.compile(
    r"pt|m|e|p[xyz]|calE|calM|(pt|ptvar|topoet)cone\d\d.*|neflowisol\d\d|.*EnergyLoss"
    r"|InnerDetectorPt|MuonSpectrometerPt|parameterP[XYZ]"
)
INVERSE_ENERGY = ("qOverP", "QoverPLM")
PARAMETERS = ("d0", "z0", "phi", "theta", "qOverP")
OFF_DIAGONAL = tuple((i, j) for i in range(1, 5) for j in range(i))
AXES = ("xx", "xy", "yy", "xz", "yz", "zz")


def write(
    path: Path,
    batches: Iterable[tuple[Particles, Reconstructed]],
    *,
    skim: bool = False,
    compact: bool = False,
) -> int:
    """Write batches as the tree ``CollectionTree`` of a new file; the number of events in it.

    The file appears under its name when all are written.

    Parameters
    ----------
    skim : leave events without an electron or muon out
    compact : the smallest file instead of the one that is soonest written; holds all in memory

    Raises
    ------
    ValueError : there are no events to write
    """
    chunks = (branches(particles, found) for particles, found in batches)
    if skim:
        chunks = (_with_leptons(chunk) for chunk in chunks)
    if compact:
        chunks = iter([_joined(list(chunks))])
    written = 0
    with atomic(path) as partial:
        with uproot.recreate(partial, compression=SMALL if compact else FAST) as file:
            tree = None
            for chunk in chunks:
                if tree is None:
                    types = {name: _type(array) for name, array in chunk.items()}
                    tree = file.mktree("CollectionTree", types, field_name=_branch_name)
                tree.extend(chunk)
                written += len(chunk[EVENT_NUMBER])
        if not written:
            message = f"no events for {path.name}; generate more, or do not skim them"
            raise ValueError(message)
    return written


def branches(particles: Particles, found: Reconstructed) -> dict[str, Any]:
    """One jagged record array for each container, and one flat array for each event column."""
    chunk: dict[str, Any] = {}
    for name, container in CONTAINERS.items():
        collection: Collection = getattr(found, name)
        if name in LEPTONS:
            collection = _weighted(collection, particles)
        record = ak.zip(_columns(collection), depth_limit=1)
        chunk[f"{container}AuxDyn"] = ak.unflatten(record, np.diff(collection.offsets))
    events = {
        "eventNumber": particles.event_number.astype(np.uint64),
        "runNumber": np.full(particles.n_event, 1, np.uint32),
        "mcChannelNumber": particles.process.astype(np.uint32),
        "mcEventWeight": particles.event_weight.astype(np.float32),
        "averageInteractionsPerCrossing": particles.pileup.astype(np.float32),
        "split": split(particles.event_number),
    }
    spot = dict(zip("XYZ", c.BEAM_SPOT, strict=True))
    spot |= {f"Sigma{axis}": size for axis, size in zip("XYZ", c.BEAM_SPOT_SIZE, strict=True)}
    spot["SigmaXY"] = 0.0
    events |= {
        f"beamPos{name}": np.full(particles.n_event, value, np.float32)
        for name, value in spot.items()
    }
    return chunk | {f"EventInfoAuxDyn.{name}": values for name, values in events.items()}


def split(event_number: npt.NDArray[np.int64]) -> npt.NDArray[np.int8]:
    """Index into `SPLITS` of each event, by its number: leptons of one event stay together."""
    return SPLIT_OF_DIGIT[event_number % len(SPLIT_OF_DIGIT)]


def _weighted(leptons: Collection, particles: Particles) -> Collection:
    """Leptons with the weight to count them with: that of the event times that of a decay."""
    decay = leptons["weight"]
    weight = decay * particles.event_weight[leptons.event]
    return leptons.extended({"weight": weight, "decayWeight": decay})


def _with_leptons(chunk: dict[str, Any]) -> dict[str, Any]:
    """The events of a chunk that have an electron or a muon."""
    count = ak.num(chunk["ElectronsAuxDyn"]) + ak.num(chunk["MuonsAuxDyn"])
    kept = ak.to_numpy(count > 0)
    return {name: array[kept] for name, array in chunk.items()}


def _joined(chunks: list[dict[str, Any]]) -> dict[str, Any]:
    return {name: ak.concatenate([chunk[name] for chunk in chunks]) for name in chunks[0]}


def _columns(collection: Collection) -> dict[str, Any]:
    """Columns in MeV and mm; covariances as flat columns, because of vectors uproot writes right
    only those of one."""
    columns: dict[str, Any] = {}
    for name, values in collection.columns.items():
        if name in TARGETS:
            columns |= _link(name, values)
        elif values.ndim > 1:
            columns |= _elements(name, values)
        else:
            columns[name] = _in_mev(name, values)
    return columns


def _link(name: str, rows: Array) -> Mapping[str, Any]:
    """Key and index of a link; (0, 0) is no link, as in ATLAS files."""
    there = rows != NO_LINK
    key = np.where(there, KEYS[TARGETS[name]], 0).astype(np.uint32)
    index = np.where(there, rows, 0).astype(np.uint32)
    if name in NESTED:
        key, index = (ak.from_numpy(part[:, None], regulararray=True) for part in (key, index))
    return {f"{name}.m_persKey": key, f"{name}.m_persIndex": index}


def _elements(name: str, values: Array) -> Mapping[str, Array]:
    """One column for each element of a covariance, in MeV and mm."""
    if name == "covariance":
        return {f"{name}_{axes}": values[:, i].astype(np.float32) for i, axes in enumerate(AXES)}
    # ATLAS keeps correlation coefficients off the diagonal: they have no unit.
    diagonal = name.endswith("MatrixDiag")
    pairs = [(i, i) for i in range(len(PARAMETERS))] if diagonal else OFF_DIAGONAL
    found = {}
    for place, (i, j) in enumerate(pairs):
        scale = MEV_PER_GEV**-2 if diagonal and PARAMETERS[i] == "qOverP" else 1.0
        label = f"{PARAMETERS[j]}_{PARAMETERS[i]}"
        found[f"{name}_{label}"] = (values[:, place] * scale).astype(np.float32)
    return found


def _in_mev(name: str, values: Array) -> Array:
    if values.dtype.kind != "f":
        return values
    if ENERGY.fullmatch(name):
        return (values * MEV_PER_GEV).astype(np.float32)
    if name in INVERSE_ENERGY:
        return (values / MEV_PER_GEV).astype(np.float32)
    return values.astype(np.float32)


def _type(array: Any) -> Any:
    return array.dtype if isinstance(array, np.ndarray) else array.type.content


def _branch_name(outer: str, inner: str) -> str:
    return f"{outer}.{inner}" if outer else inner
