"""Tag and probe, for `make.py`: leptons of the sample, then what is measured."""

from __future__ import annotations

import shutil
from pathlib import Path

from training import pages
from training.records import dump
from training.steps import Job, sources

from lepid.files_out import atomic
from probes import figures, flips, inputs, report
from probes.measured import Compared, compared
from probes.mixed import BACKGROUNDS, CHANNELS

FOLDER = "probes"
SEED = 1


def gather(output: Path) -> list[Job]:
    """Jobs that make what is not there."""
    signals = {channel.flavour: channel.signal for channel in CHANNELS.values()}
    return [
        (f"{path.parent.name} {flavour}s", inputs.gather, (source, flavour, path))
        for flavour, signal in signals.items()
        for source, path in sources(
            output, (signal, *BACKGROUNDS), output / FOLDER / "gathered" / flavour
        )
    ]


def finish(output: Path) -> None:
    """Measure, and write results.md, results.json and pictures."""
    folder = output / FOLDER
    gathered = folder / "gathered"
    found: dict[str, dict[str, dict[str, Compared]]] = {}
    background = {}
    for name in CHANNELS:
        pairs, found[name] = compared(name, gathered, SEED)
        background[name] = pairs.background
    rates = flips.halves(gathered, SEED), flips.toys(gathered, SEED)
    dump(report.content(found, background, *rates), folder / "results.json")
    with atomic(folder / "results.md") as partial:
        partial.write_text(report.text(found, background, *rates), "utf-8")
    figures.write(found, folder / "figures")


def install(output: Path, repository: Path) -> None:
    """Put pictures and tables where they are shown."""
    folder = output / FOLDER
    shutil.copytree(folder / "figures", repository / "docs" / "figures", dirs_exist_ok=True)
    text = (folder / "results.md").read_text("utf-8")
    pages.put(repository / "docs" / "tag_and_probe.md", FOLDER, text)
