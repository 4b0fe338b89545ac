"""What was trained, put into this repository."""

from __future__ import annotations

import shutil
from pathlib import Path

from training import stored
from training.plit.runs import SHIPPED

BEGIN, END = "<!-- plit: begin -->", "<!-- plit: end -->"


def install(output: Path, repository: Path) -> None:
    """Put networks, tables, pictures, answers and scores where they are shipped and tested."""
    plit = output / "plit"
    for source, target in (
        (plit / "networks", repository / "models"),
        (plit / "wp_tables", repository / "wp_tables"),
        (plit / "figures", repository / "models" / "figures"),
    ):
        shutil.copytree(source, target, dirs_exist_ok=True)
    data = repository / "tests" / "data"
    shutil.copy(plit / "closure.npz", data / "plit.npz")
    names = list(dict.fromkeys(run.network for run in SHIPPED))
    stored.add_scores(output / "small.root", data / "reference.root", names)
    page = repository / "models" / "README.md"
    text = page.read_text("utf-8")
    before, after = text.partition(BEGIN)[0], text.partition(END)[2]
    tables = (plit / "results.md").read_text("utf-8")
    page.write_text(f"{before}{BEGIN}\n\n{tables}\n{END}{after}", "utf-8")
