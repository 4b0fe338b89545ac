"""The main job from the command line: decorate leptons, then efficiency tables with plots.

Without arguments it runs on the committed reference sample; with `--real` on real ATLAS and CMS
files, which it looks for in the folder that LEPID_REAL_DATA names. What it prints last are the
tables and plots that it wrote.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
TABLES = (".html", ".json", ".png")


class Job(NamedTuple):
    """A file, the taggers whose efficiency it can show, and networks to run on its tracks.

    Collision data has no truth, and so no efficiency.
    """

    file: str
    taggers: tuple[str, ...]
    networks: tuple[str, ...] = ()


PLIT = ("electron_plit@reference-run3", "muon_plit@reference-run3")
DEMO = (Job("reference.root", ("electron_isolation", "muon_isolation", *PLIT), PLIT),)
REAL = (
    Job(
        "skhep_uproot-physlite-rntuple_v1-0-0-0.root",
        ("electron_dnn", "electron_lh", "electron_isolation", "muon_isolation"),
    ),
    Job("coffea_PHYSLITE_example.root", ("electron_lh", "electron_isolation")),
    Job("coffea_nano_tt_v12.root", ("cms_electron_mva_iso", "cms_electron_mva_noiso")),
    Job("egammatnp_DYto2E.root", ()),
)


def real_folder() -> Path:
    """Folder with the real files; stops with what to do where it is not there."""
    named = os.environ.get("LEPID_REAL_DATA")
    folder = Path(named) if named else HERE.parent.parent / "shared" / "data"
    absent = [job.file for job in REAL if not (folder / "root" / job.file).is_file()]
    if absent:
        sys.exit(f"no real files: {folder}/root has no {', '.join(absent)}; set LEPID_REAL_DATA")
    return folder / "root"


def lepid(*arguments: str | Path) -> None:
    """Run one lepid command, shown as a user would type it."""
    words = [str(argument) for argument in arguments]
    print("$ lepid", *(os.path.relpath(word) if os.path.isabs(word) else word for word in words))
    sys.stdout.flush()
    subprocess.run([Path(sys.executable).with_name("lepid"), *words], check=True)


def run(job: Job, folder: Path, output: Path) -> list[Path]:
    """Decorate one file and count what passes; the tables and plots that were written."""
    stem = job.file.removesuffix(".root")
    lepid("decorate", folder / job.file, "-o", output / f"{stem}_decorated.root")
    if job.networks:
        named = [word for network in job.networks for word in ("--tagger", network)]
        scored = output / f"{stem}_networks.root"
        lepid("decorate", folder / job.file, "-o", scored, "--source", "network", *named)
    written = []
    for tagger in job.taggers:
        name = tagger.replace("@", "_")
        paths = [output / f"{stem}_{name}{suffix}" for suffix in TABLES]
        outputs = [word for path in paths for word in ("-o", path)]
        lepid("efficiency", folder / job.file, "--tagger", tagger, *outputs)
        written += paths
    return written


def main() -> None:
    """Run the demo into the folder that `--output` names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("demo-output"))
    parser.add_argument("--real", action="store_true", help="run on the real files")
    arguments = parser.parse_args()
    folder = real_folder() if arguments.real else HERE.parent / "tests" / "data"
    output = arguments.output.resolve()
    output.mkdir(parents=True, exist_ok=True)
    written = [
        path for job in (REAL if arguments.real else DEMO) for path in run(job, folder, output)
    ]
    absent = [path for path in written if not path.is_file()]
    if absent:
        sys.exit(f"not written: {', '.join(map(str, absent))}")
    print("\ntables and plots:")
    for path in written:
        print(f"  {path}")


if __name__ == "__main__":
    main()
