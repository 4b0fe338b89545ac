"""Soft leptons, for `make.py`."""

from __future__ import annotations

from pathlib import Path

from training.soft import inputs, results, runs
from training.steps import Job, Part, missing, sources


def _gather(output: Path) -> list[Job]:
    return [
        (f"soft/{flavour}/{path.parent.name}/{path.stem}", inputs.gather, (source, flavour, path))
        for flavour in inputs.FLAVOURS
        for source, path in sources(output, inputs.PROCESSES, output / "soft/gathered" / flavour)
    ]


def _train(output: Path) -> list[Job]:
    folder = output / "soft"
    return [
        job
        for flavour in inputs.FLAVOURS
        for job in missing(
            f"soft/{flavour}", runs.train, folder / f"{flavour}.json",
            flavour, folder / "gathered", folder,
        )
    ]  # fmt: skip


def _finish(output: Path) -> None:
    results.write(output / "soft/gathered", output / "soft")


PART = Part(_gather, _train, _finish, (), "softbdt")
