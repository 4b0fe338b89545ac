"""One file of the reference sample: events, overlay, detector, ROOT; and what it took."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from sample.plan import MPI, SAMPLE, Part
from simulation import files, generate
from simulation.overlay import overlay
from simulation.overlay import pool as minimum_bias
from simulation.particles import Particles, build, columns, concatenate
from simulation.reconstruction import Reconstructed, reconstruct

from lepid.files_out import atomic

Made = TypeVar("Made")
OVERLAY_STREAM = 3
STEPS = ("generate", "overlay", "detector", "write")


def make_pool(path: Path, seed: int, n_event: int) -> None:
    """Write minimum-bias events as an npz file."""
    made = columns(minimum_bias(n_event, seed))
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic(path) as incomplete:
        np.savez(incomplete, **made)


@cache
def read_pool(folder: Path) -> Particles:
    """All minimum-bias events of a folder, read once in each process.

    Raises
    ------
    FileNotFoundError : the folder has none
    """
    found = sorted(folder.glob("*.npz"))
    if not found:
        message = f"no minimum-bias events in {folder}; run `make reference`, it makes them first"
        raise FileNotFoundError(message)
    parts = []
    for path in found:
        with np.load(path) as arrays:
            parts.append(build(**arrays))
    return concatenate(parts)


def is_made(part: Part, output: Path) -> bool:
    """The file of a part is complete: what it took is written after it."""
    return (output / f"{part.name}.json").is_file() and (output / f"{part.name}.root").is_file()


def make_part(part: Part, output: Path) -> dict[str, Any]:
    """Write the ROOT file of a part and, beside it, what is in it and how long each step took."""
    path = output / f"{part.name}.root"
    path.parent.mkdir(parents=True, exist_ok=True)
    clock: Counter[str] = Counter()
    totals: Counter[str] = Counter()
    started = time.perf_counter()
    written = files.write(
        path,
        _counted(events(part, output / "pool", clock), totals),
        skim=part.folder == SAMPLE,
    )
    total = time.perf_counter() - started
    clock["write"] = total - sum(clock.values())
    facts = {
        "process": part.process,
        "seed": part.seed,
        "events": part.n_event,
        "written": written,
        "electrons": int(totals["electrons"]),
        "muons": int(totals["muons"]),
        "sum_of_weights": totals["weights"],
        "seconds": {step: round(clock[step], 3) for step in STEPS},
        "bytes": path.stat().st_size,
    }
    path.with_suffix(".json").write_text(json.dumps(facts, indent=1) + "\n")
    return facts


def warm_up() -> None:
    """Compile all kernels, so that no file is charged for it."""
    hard = next(generate.batches("ttbar_nonallhad", 20, 0))
    laid = overlay(hard, minimum_bias(20, 0), np.random.default_rng(0))
    reconstruct(laid, 0)


def events(
    part: Part, pool: Path, clock: Counter[str] | None = None
) -> Iterator[tuple[Particles, Reconstructed]]:
    """Batches of a part: what was generated with its overlay, and what the detector sees.

    Parameters
    ----------
    pool : folder of the minimum-bias events
    clock : step -> seconds, to add to
    """
    clock = Counter() if clock is None else clock
    mpi = part.folder == MPI
    generated = generate.batches(part.process, part.n_event, part.seed, mpi=mpi)
    while (hard := _timed(clock, "generate", partial(next, generated, None))) is not None:
        laid = hard if mpi else _timed(clock, "overlay", partial(_overlaid, part, hard, pool))
        yield laid, _timed(clock, "detector", partial(reconstruct, laid, part.seed))


def make_small(path: Path, parts: Sequence[Part], pool: Path) -> int:
    """Write parts into one small file; the number of events."""
    batches = (batch for part in parts for batch in events(part, pool))
    return files.write(path, batches, skim=True, compact=True)


def _overlaid(part: Part, hard: Particles, pool: Path) -> Particles:
    batch = int(hard.event_number[0])
    rng = np.random.default_rng([part.seed, OVERLAY_STREAM, int(hard.process[0]), batch])
    pileup = {} if part.folder == SAMPLE else {"mean": 0.0, "spread": 0.0}
    return overlay(hard, read_pool(pool), rng, **pileup)


def _counted(
    batches: Iterator[tuple[Particles, Reconstructed]], totals: Counter[str]
) -> Iterator[tuple[Particles, Reconstructed]]:
    for particles, found in batches:
        totals["weights"] += float(particles.event_weight.sum())
        totals["electrons"] += len(found.electrons)
        totals["muons"] += len(found.muons)
        yield particles, found


def _timed(clock: Counter[str], step: str, work: Callable[[], Made]) -> Made:
    started = time.perf_counter()
    made = work()
    clock[step] += time.perf_counter() - started
    return made
