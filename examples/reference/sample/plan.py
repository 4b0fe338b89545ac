"""Which files the reference sample consists of."""

from __future__ import annotations

from dataclasses import dataclass

SAMPLE, MPI, OVERLAY, SMALL = "sample", "mpi", "overlay", "small"
# SAMPLE has pile-up and an underlying event out of the pool, and keeps events with a lepton.
# MPI has multiparton interactions and no pile-up; OVERLAY in their place an underlying event.

# Events of each process before the skim: more than 200,000 leptons after the PLIT preselection.
EVENTS = {
    "ttbar_nonallhad": 240_000,
    "ttbar_allhad": 80_000,
    "Zee": 24_000,
    "Zmumu": 24_000,
    "Jpsi_ee": 24_000,
    "Jpsi_mumu": 24_000,
    "Wjets": 24_000,
    "photon_jet": 24_000,
    "dijet": 24_000,
}
VALIDATION_EVENTS = {"ttbar_nonallhad": 2_000, "Zmumu": 4_000}
POOL_EVENTS = 10_000
EVENTS_PER_PART = 8_000
POOL_EVENTS_PER_PART = 1_250
# Of the committed sample: as many as 4 MB hold.
SMALL_EVENTS = {
    "ttbar_nonallhad": 138,
    "ttbar_allhad": 30,
    "Zee": 54,
    "Zmumu": 43,
    "Jpsi_ee": 43,
    "Jpsi_mumu": 26,
    "Wjets": 24,
    "photon_jet": 48,
    "dijet": 48,
}

PARTS_PER_SEED = 1_000
FIRST_OF = {SAMPLE: 0, MPI: 900, OVERLAY: 950, SMALL: 990}


@dataclass(frozen=True)
class Part:
    """One file: `n_event` events of `process`, part `index` of its folder, made with `seed`."""

    folder: str
    process: str
    index: int
    n_event: int
    seed: int

    @property
    def name(self) -> str:
        """Path below the output folder, without a suffix."""
        return f"{self.folder}/{self.process}/{self.index:03d}"


def parts(seed: int, scale: float = 1.0) -> list[Part]:
    """All files of a sample, those that take longest first.

    Parameters
    ----------
    seed : from 0 on
    scale : of the number of events in each file
    """
    folders = ((MPI, VALIDATION_EVENTS), (OVERLAY, VALIDATION_EVENTS), (SAMPLE, EVENTS))
    return [
        Part(folder, process, index, _scaled(size, scale), _seed(seed, folder, index))
        for folder, events in folders
        for process, total in events.items()
        for index, size in enumerate(_sizes(total, EVENTS_PER_PART))
    ]


def small_parts(seed: int) -> list[Part]:
    """What the committed sample consists of: events that are in no other file."""
    number = _seed(seed, SMALL, 0)
    return [Part(SAMPLE, process, 0, size, number) for process, size in SMALL_EVENTS.items()]


def pool_parts(seed: int, scale: float = 1.0) -> list[tuple[int, int]]:
    """Seed and number of events of each part of the pool of minimum-bias events."""
    sizes = _sizes(POOL_EVENTS, POOL_EVENTS_PER_PART)
    return [(_seed(seed, SAMPLE, index), _scaled(size, scale)) for index, size in enumerate(sizes)]


def _seed(seed: int, folder: str, index: int) -> int:
    return seed * PARTS_PER_SEED + FIRST_OF[folder] + index


def _sizes(total: int, most: int) -> list[int]:
    full, rest = divmod(total, most)
    return [most] * full + [rest] * (rest > 0)


def _scaled(size: int, scale: float) -> int:
    return max(round(size * scale), 1)
