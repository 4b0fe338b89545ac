"""What was trained, put into this repository."""

from __future__ import annotations

import shutil
from pathlib import Path

from training import pages, stored
from training.electron import runs as electron_runs
from training.plit.runs import SHIPPED


def install(output: Path, repository: Path) -> None:
    """Put networks, tables, pictures, answers and scores where they are shipped and tested."""
    plit, electron, soft = output / "plit", output / "electron", output / "soft"
    for source, target in (
        (plit / "networks", repository / "models"),
        (plit / "wp_tables", repository / "wp_tables"),
        (plit / "figures", repository / "docs" / "figures"),
        (electron / "networks", repository / "models"),
        (electron / "wp_tables", repository / "wp_tables"),
        (electron / "figures", repository / "docs" / "figures"),
        (soft / "networks", repository / "models"),
        (soft / "wp_tables", repository / "wp_tables"),
        (soft / "figures", repository / "docs" / "figures"),
    ):
        shutil.copytree(source, target, dirs_exist_ok=True)
    data = repository / "tests" / "data"
    shutil.copy(plit / "closure.npz", data / "plit.npz")
    shutil.copy(electron / "closure.npz", data / "electron_dnn.npz")
    shutil.copy(soft / "closure.npz", data / "softbdt.npz")
    names = list(dict.fromkeys(run.network for run in SHIPPED))
    names += [run.network for run in electron_runs.SHIPPED]
    stored.add_scores(output / "small.root", data / "reference.root", names)
    page = repository / "models" / "README.md"
    for name, folder in (("plit", plit), ("electron", electron), ("soft", soft)):
        pages.put(page, name, (folder / "results.md").read_text("utf-8"))
