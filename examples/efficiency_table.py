"""An efficiency table from the command line: `lepid efficiency`, called as a user would."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

SAMPLE = Path(__file__).resolve().parents[1] / "tests" / "data" / "reference.root"


def main() -> None:
    """Write a page, a table for machines and one for a paper into a new folder."""
    folder = Path(tempfile.mkdtemp(prefix="lepid-"))
    outputs = [
        folder / f"electron_isolation{suffix}" for suffix in (".html", ".json", ".tex", ".root")
    ]
    command = [sys.executable, "-m", "lepid", "efficiency", str(SAMPLE)]
    command += ["--tagger", "electron_isolation", "--weight", "Electrons.weight", "--quiet"]
    for path in outputs:
        command += ["-o", str(path)]
    subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
