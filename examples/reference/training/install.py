"""What was trained, put into this repository."""

from __future__ import annotations

import shutil
from pathlib import Path

from training import pages, stored
from training.derived.samples import FOLDER
from training.parts import PARTS


def install(output: Path, repository: Path) -> None:
    """Put networks, tables, pictures, answers and scores where they are shipped and tested."""
    places = {"networks": "models", "wp_tables": "wp_tables", "figures": "docs/figures"}
    data, page = repository / "tests" / "data", repository / "models" / "README.md"
    for name, part in PARTS.items():
        for source, target in places.items():
            shutil.copytree(output / name / source, repository / target, dirs_exist_ok=True)
        shutil.copy(output / name / "closure.npz", data / f"{part.closure}.npz")
        pages.put(page, name, (output / name / "results.md").read_text("utf-8"))
    shutil.copytree(output / FOLDER / "figures", repository / "docs/figures", dirs_exist_ok=True)
    measured = (output / FOLDER / "results.md").read_text("utf-8")
    pages.put(repository / "docs" / "working_points.md", FOLDER, measured)
    names = [network for part in PARTS.values() for network in part.names]
    stored.add_scores(output / "small.root", data / "reference.root", names)
