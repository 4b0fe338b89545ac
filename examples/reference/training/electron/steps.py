"""The electron networks, for `make.py`."""

from __future__ import annotations

from pathlib import Path

from training.electron import inputs, likelihood, rivals, runs, summary
from training.steps import Job, Part, missing, sources


def _gather(output: Path) -> list[Job]:
    return [
        (f"electron/{path.parent.name}/{path.stem}", inputs.gather, (source, path))
        for source, path in sources(output, inputs.PROCESSES, output / "electron/gathered")
    ]


def _train(output: Path) -> list[Job]:
    folder = output / "electron"
    gathered, densities = folder / "gathered", folder / "networks" / summary.LH_NAME
    jobs = [
        job
        for run in runs.SHIPPED
        for job in missing(
            f"electron/{run.name}", runs.train, folder / f"{run.name}.json", run, gathered, folder
        )
    ]
    jobs += missing(
        summary.LH_NAME, likelihood.build, densities / "card.toml", output / "sample", densities
    )
    trees = folder / summary.RIVALS
    return jobs + missing("electron/rivals", rivals.train, trees, gathered, trees)


def _finish(output: Path) -> None:
    folder = output / "electron"
    runs.complete(folder)
    summary.write(folder / "gathered", folder)


PART = Part(_gather, _train, _finish, tuple(run.network for run in runs.SHIPPED), "electron_dnn")
