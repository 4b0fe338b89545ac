"""What was trained, put into this repository."""

from __future__ import annotations

import shutil
from pathlib import Path

from training import pages, stored
from training.electron import runs as electron_runs
from training.plit.runs import SHIPPED
from training.pliv import runs as pliv_runs
from training.tightnn import runs as tightnn_runs

# Folders of the output that are made by a training each.
PARTS = ("plit", "pliv", "electron", "tightnn", "soft")
# Part -> name in tests/data of what its networks answered when they were exported.
CLOSURES = {
    "plit": "plit",
    "pliv": "pliv",
    "electron": "electron_dnn",
    "tightnn": "tightnn",
    "soft": "softbdt",
}


def install(output: Path, repository: Path) -> None:
    """Put networks, tables, pictures, answers and scores where they are shipped and tested."""
    places = {"networks": "models", "wp_tables": "wp_tables", "figures": "docs/figures"}
    for part in PARTS:
        for source, target in places.items():
            shutil.copytree(output / part / source, repository / target, dirs_exist_ok=True)
    data = repository / "tests" / "data"
    for part, name in CLOSURES.items():
        shutil.copy(output / part / "closure.npz", data / f"{name}.npz")
    names = list(dict.fromkeys(run.network for run in (*SHIPPED, *pliv_runs.SHIPPED)))
    names += [run.network for run in (*electron_runs.SHIPPED, *tightnn_runs.SHIPPED)]
    stored.add_scores(output / "small.root", data / "reference.root", names)
    page = repository / "models" / "README.md"
    for part in PARTS:
        pages.put(page, part, (output / part / "results.md").read_text("utf-8"))
