"""The folders of a sample: which files there are, what they say of themselves, their events."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulation.processes import PROCESSES

import lepid

SAMPLE, WITH_MPI, OVERLAID = "sample", "mpi", "overlay"
STEP = 4000


@dataclass(frozen=True)
class Part:
    """One file of events.

    `kind` is `SAMPLE`, or `WITH_MPI` or `OVERLAID` for the two to compare; `record` is what was
    noted when the file was made: numbers of events and leptons, seconds, bytes, sums of weights.
    """

    kind: str
    process: str
    path: Path
    record: dict[str, Any]


def parts(folder: Path) -> list[Part]:
    """All files below a folder, in the order of `PROCESSES`.

    Raises
    ------
    FileNotFoundError : there is no sample
    ValueError : a file has no record, or one that does not tell what it should
    """
    if not folder.is_dir():
        message = f"{folder}: no such folder; make the sample with `make reference`"
        raise FileNotFoundError(message)
    found = [
        Part(kind, process, path, _record(path))
        for kind in (SAMPLE, WITH_MPI, OVERLAID)
        for process in PROCESSES
        for path in sorted((folder / kind / process).glob("[!.]*.root"))
    ]
    if not any(part.kind == SAMPLE for part in found):
        message = (
            f"{folder}: no files {SAMPLE}/<process>/<number>.root; "
            "make the sample with `make reference`"
        )
        raise FileNotFoundError(message)
    return found


def chunks(part: Part, step: int = STEP) -> Iterator[Any]:
    """The events of a file, at most `step` of them at a time."""
    for start in range(0, int(part.record["written"]), step):
        yield lepid.open(part.path, entry_start=start, entry_stop=start + step)


NUMBERS = ("events", "written", "bytes", "electrons", "muons")
STEPS = ("generate", "overlay", "detector", "write")


def _record(path: Path) -> dict[str, Any]:
    beside = path.with_suffix(".json")
    if not beside.is_file():
        message = f"{beside}: no such file, and {path.name} needs it; run `make reference` again"
        raise ValueError(message)
    record: dict[str, Any] = json.loads(beside.read_text())
    missing = [name for name in NUMBERS if name not in record]
    missing += [f"seconds.{name}" for name in STEPS if name not in record.get("seconds", ())]
    if missing:
        message = f"{beside}: no {', '.join(missing)}; it was made by another version: remove it"
        raise ValueError(message)
    return record
