"""Events of Pythia as `Particles`: batch by batch, thinned, labelled, decayed in the detector."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import awkward as ak
import numpy as np
import numpy.typing as npt
import pythia8mc
from simulation import ancestry, decays
from simulation import constants as c
from simulation.particles import Particles, build
from simulation.processes import PROCESSES, Process, process_code
from simulation.record import Kept, Record, keep, read

EVENTS_PER_SEED = 10_000_000
SEEDS_OF_PYTHIA = 900_000_000
GENERATION, DETECTOR = range(2)


class _LeptonicEvents(pythia8mc.UserHooks):
    """Throws hard processes without a charged lepton away before anything is showered."""

    def canVetoResonanceDecays(self) -> bool:
        return True

    def doVetoResonanceDecays(self, process: Any) -> bool:
        return all(process[i].idAbs() not in {11, 13, 15} for i in range(process.size()))


# Pythia calls it, but Python has to keep it alive.
_LEPTONIC_EVENTS = _LeptonicEvents()


def pythia_of(process: Process, seed: int, mpi: bool = False) -> pythia8mc.Pythia:
    """Pythia ready to generate; `seed` from 1 to 900,000,000.

    Raises
    ------
    RuntimeError : Pythia refuses a setting or does not start
    """
    pythia = pythia8mc.Pythia("", False)
    settings = [
        "Print:quiet = on",
        f"Beams:eCM = {c.CENTRE_OF_MASS_ENERGY}",
        "Random:setSeed = on",
        f"Random:seed = {seed}",
        *process.settings,
    ]
    if not (mpi or process.soft):
        settings.append("PartonLevel:MPI = off")
    for line in settings:
        if not pythia.readString(line):
            message = f"Pythia does not know the setting {line!r}; check its version"
            raise RuntimeError(message)
    if process.leptonic:
        pythia.setUserHooksPtr(_LEPTONIC_EVENTS)
    if not pythia.init():
        message = f"Pythia does not start with {process.settings}; check its version"
        raise RuntimeError(message)
    return pythia


def batches(
    process: str,
    n_event: int,
    seed: int,
    *,
    mpi: bool = False,
    batch: int = 500,
    forced_decays: float = c.FORCED_DECAY_FRACTION,
) -> Iterator[Particles]:
    """Batches of events of one process, the same ones for the same arguments.

    Parameters
    ----------
    process : key of `PROCESSES`
    n_event : in all batches together
    seed : from 0 on; another seed gives other events
    mpi : with multiparton interactions, which an overlay replaces otherwise
    batch : events at a time
    forced_decays : fraction of the events in which one pion or kaon decays to a muon, weighted

    Raises
    ------
    ValueError : unknown process, or numbers out of range
    RuntimeError : Pythia does not start, or gives no more events
    """
    code = process_code(process)
    if not (0 < n_event < EVENTS_PER_SEED and batch > 0 and seed >= 0 and 0 <= forced_decays <= 1):
        message = (
            f"n_event={n_event}, batch={batch}, seed={seed}, forced_decays={forced_decays}: take "
            f"1 to {EVENTS_PER_SEED - 1} events, a batch > 0, a seed >= 0, a fraction from 0 to 1"
        )
        raise ValueError(message)
    start = np.random.default_rng([seed, code, GENERATION]).integers(1, SEEDS_OF_PYTHIA)
    pythia = pythia_of(PROCESSES[process], int(start), mpi)
    done = 0
    while done < n_event:
        generated = pythia.nextBatch(min(batch, n_event - done))
        if not len(generated):
            message = f"{process}: all events of a batch failed in Pythia; check its settings"
            raise RuntimeError(message)
        rng = np.random.default_rng([seed, code, DETECTOR, done])
        particles = replace(
            particles_of(generated, pythia.particleData, rng),
            process=np.full(len(generated), code, np.int16),
            event_number=seed * EVENTS_PER_SEED + done + np.arange(len(generated)),
        )
        yield in_detector(particles, rng, forced_decays)
        done += len(generated)


def particles_of(generated: ak.Array, table: Any, rng: np.random.Generator) -> Particles:
    """Labelled particles of a batch of Pythia, moved to primary vertices inside the beam spot.

    Parameters
    ----------
    generated : [n_event]
        From `pythia.nextBatch`.
    table : `pythia.particleData`
    rng : draws the vertices
    """
    record = read(generated)
    kept = Kept(*keep(record))
    n_event = len(generated)
    vertices = rng.normal(c.BEAM_SPOT, c.BEAM_SPOT_SIZE, (n_event, 3))
    moved = np.repeat(vertices, np.diff(kept.offsets), axis=0).T
    pdg, status = record.pdg[kept.last], record.status[kept.last]
    charge, lifetime = _properties(pdg, table)
    # What a muon radiates is no secondary, however long it lives.
    lasting = (lifetime > c.LONG_LIVED) & (abs(pdg) > 100)
    kinds, origins, tracks = ancestry.label(kept.offsets, pdg, kept.mother, kept.hard, lasting)
    shower = np.isin(abs(pdg), (11, 22))
    return build(
        kept.offsets,
        pdg=pdg,
        charge=charge,
        final=(status > 0) & ~np.isin(abs(pdg), (12, 14, 16)),
        mother=kept.mother,
        **{axis: getattr(record, axis)[kept.last] for axis in ("px", "py", "pz", "e")},
        x=record.x[kept.first] + moved[0],
        y=record.y[kept.first] + moved[1],
        z=record.z[kept.first] + moved[2],
        decay_radius=_decay_radius(record, kept, moved),
        truth_type=kinds,
        truth_origin=origins,
        eg_mother_type=np.where(shower, kinds, 0),
        eg_mother_origin=np.where(shower, origins, 0),
        eg_mother_pdg=np.where(shower, pdg, 0),
        track_origin=tracks,
        event_weight=np.asarray(generated.info.weights[:, 0]),
        primary_vertex=vertices,
    )


def in_detector(particles: Particles, rng: np.random.Generator, forced: float) -> Particles:
    """Particles after conversions, bremsstrahlung and forced decays, with vertex labels."""
    converted = decays.convert(particles, rng)
    radiated = decays.radiate(converted, rng)
    decayed = decays.decay_in_flight(radiated, rng, forced)
    points = np.stack([decayed.x, decayed.y, decayed.z], axis=1)
    labels = ancestry.vertex_labels(decayed.offsets, points, decayed.primary_vertex)
    return replace(decayed, vertex=labels)


def _properties(pdg: npt.NDArray[np.int32], table: Any) -> tuple[npt.NDArray[Any], ...]:
    """Charge and lifetime (ctau, mm) of each particle."""
    unique, back = np.unique(pdg, return_inverse=True)
    charges = np.array([round(table.charge(int(code))) for code in unique], np.int8)
    lifetimes = np.array([table.tau0(int(code)) for code in unique], np.float64)
    return charges[back], lifetimes[back]


def _decay_radius(
    record: Record, kept: Kept, moved: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    counts = np.diff(kept.offsets)
    starts = np.repeat(record.offsets[:-1], counts)
    at = starts + record.daughter[kept.last]
    radius = np.hypot(record.x[at] + moved[0], record.y[at] + moved[1])
    return np.where(record.status[kept.last] > 0, np.inf, radius)
