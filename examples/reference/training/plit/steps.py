"""PLIT, for `make.py`."""

from __future__ import annotations

from pathlib import Path

from training.plit import results, runs
from training.steps import Job, Part, missing, sources


def _gather(output: Path) -> list[Job]:
    networks = {run.flavour: run.network for run in reversed(runs.SHIPPED)}
    return [
        (f"leptons/{flavour}/{path.parent.name}/{path.stem}", runs.gather, (source, network, path))
        for flavour, network in networks.items()
        for source, path in sources(output, runs.PROCESSES, output / "leptons" / flavour)
    ]


def _train(output: Path) -> list[Job]:
    gathered, folder = output / "leptons", output / "plit"
    return [
        job
        for run in (*runs.SHIPPED, *runs.COMPARED)
        for job in missing(
            f"plit/{run.name}", runs.train, folder / f"{run.name}.json", run, gathered, folder
        )
    ]


def _finish(output: Path) -> None:
    results.write(output / "leptons", output / "plit")


NAMES = tuple(dict.fromkeys(run.network for run in runs.SHIPPED))
PART = Part(_gather, _train, _finish, NAMES, "plit")
