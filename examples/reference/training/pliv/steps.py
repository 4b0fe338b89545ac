"""PLIV, for `make.py`."""

from __future__ import annotations

from pathlib import Path

from training.plit import runs as plit
from training.pliv import points, results, runs
from training.steps import Job, Part, missing, sources


def _gather(output: Path) -> list[Job]:
    return [
        (f"pliv/{run.flavour}/{path.parent.name}/{path.stem}", plit.gather,
         (source, run.network, path))
        for run in runs.SHIPPED
        for source, path in sources(output, plit.PROCESSES, output / "pliv/gathered" / run.flavour)
    ]  # fmt: skip


def _train(output: Path) -> list[Job]:
    folder = output / "pliv"
    return [
        job
        for run in runs.SHIPPED
        for job in missing(
            f"pliv/{run.flavour}", runs.train, folder / f"{run.flavour}.json",
            run, folder / "gathered", folder,
        )
    ]  # fmt: skip


def _finish(output: Path) -> None:
    results.write(points.Rival(output / "leptons", output / "plit"), output / "pliv")


PART = Part(_gather, _train, _finish, tuple(run.network for run in runs.SHIPPED), "pliv")
