"""Peak memory of a million leptons through a network that takes tracks, against a tenth of them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

TAGGER = "muon_plit@reference-run3"
COLLECTIONS = "Muons,MuonClusters,InDetTrackParticles,PrimaryVertices,EventInfo"
# The sample again and again makes chunks as large as those of an analysis.
COPIES = 20
FEW, MANY = 100_000, 1_000_000
CHILD = """
import resource, sys
import awkward as ak
import lepid

path, tagger, collections, copies, n_wanted = sys.argv[1:]
events = ak.materialize(lepid.open(path)[collections.split(",")])
chunk = ak.to_packed(ak.concatenate([events] * int(copies)))
n_scored = 0
with lepid.settings(provider="cpu"):
    while n_scored < int(n_wanted):
        muons = lepid.decorate(chunk, tagger, source="network").Muons
        n_scored += int(ak.sum(muons.muon_plit.scored))
print(n_scored, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def peak(path: Path, n_wanted: int) -> tuple[int, float]:
    """Leptons that were scored chunk after chunk, and the peak memory of the process in MB."""
    arguments = [str(path), TAGGER, COLLECTIONS, str(COPIES), str(n_wanted)]
    command = [sys.executable, "-c", CHILD, *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    n_scored, kilobytes = done.stdout.split()
    return int(n_scored), int(kilobytes) / 1024


def test_peak_memory(reference_sample: Path, benchmark: Any, row: Callable[..., None]) -> None:
    few, small = peak(reference_sample, FEW)
    found = benchmark.pedantic(lambda: peak(reference_sample, MANY), rounds=1)
    many, large = found
    assert FEW <= few < 1.2 * FEW
    assert MANY <= many < 1.2 * MANY
    work = f"peak memory, {many} muons in chunks"
    row(work, f"{few} muons", large, small, "<= 1.3", inverse=True, unit="MB")
