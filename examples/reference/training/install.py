"""What was trained, put into this repository."""

from __future__ import annotations

import shutil
from pathlib import Path

from training import pages, stored
from training.electron import runs as electron_runs
from training.plit.runs import SHIPPED
from training.pliv import runs as pliv_runs


def install(output: Path, repository: Path) -> None:
    """Put networks, tables, pictures, answers and scores where they are shipped and tested."""
    plit, pliv, electron = (output / name for name in ("plit", "pliv", "electron"))
    places = {"networks": "models", "wp_tables": "wp_tables", "figures": "docs/figures"}
    for made in (plit, pliv, electron):
        for source, target in places.items():
            shutil.copytree(made / source, repository / target, dirs_exist_ok=True)
    data = repository / "tests" / "data"
    shutil.copy(plit / "closure.npz", data / "plit.npz")
    shutil.copy(pliv / "closure.npz", data / "pliv.npz")
    shutil.copy(electron / "closure.npz", data / "electron_dnn.npz")
    names = list(dict.fromkeys(run.network for run in (*SHIPPED, *pliv_runs.SHIPPED)))
    names += [run.network for run in electron_runs.SHIPPED]
    stored.add_scores(output / "small.root", data / "reference.root", names)
    page = repository / "models" / "README.md"
    for name, folder in (("plit", plit), ("pliv", pliv), ("electron", electron)):
        pages.put(page, name, (folder / "results.md").read_text("utf-8"))
