"""TightNN, for `make.py`."""

from __future__ import annotations

from pathlib import Path

from training.steps import Job, Part, missing, sources
from training.tightnn import inputs, results, runs


def _gather(output: Path) -> list[Job]:
    return [
        (f"tightnn/{path.parent.name}/{path.stem}", inputs.gather, (source, path))
        for source, path in sources(output, inputs.PROCESSES, output / "tightnn/gathered")
    ]


def _train(output: Path) -> list[Job]:
    folder = output / "tightnn"
    return [
        job
        for run in runs.ALL
        for job in missing(
            f"tightnn/{run.name}", runs.train, folder / f"{run.name}.json",
            run, folder / "gathered", folder,
        )
    ]  # fmt: skip


def _finish(output: Path) -> None:
    results.write(output / "tightnn/gathered", output / "tightnn")


PART = Part(_gather, _train, _finish, tuple(run.network for run in runs.SHIPPED), "tightnn")
