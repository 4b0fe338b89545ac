"""decorate() with a network that takes tracks, against the time that the network itself takes."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import awkward as ak
import pytest

import lepid
from lepid.taggers import session

COPIES = 50
COLLECTIONS = [
    "Muons", "MuonClusters", "Electrons", "egammaClusters", "GSFTrackParticles",
    "InDetTrackParticles", "PrimaryVertices", "EventInfo",
]  # fmt: skip


@pytest.mark.parametrize("name", ["muon_plit@reference-run3", "electron_plit@reference-run3"])
def test_decorate(
    reference_sample: Path,
    monkeypatch: pytest.MonkeyPatch,
    benchmark: Any,
    row: Callable[..., None],
    name: str,
) -> None:
    events = ak.materialize(lepid.open(reference_sample)[COLLECTIONS])
    events = ak.to_packed(ak.concatenate([events] * COPIES))
    spent = [0.0]
    original = session.call

    def timed(*arguments: Any) -> Any:
        start = time.process_time()
        found = original(*arguments)
        spent[0] += time.process_time() - start
        return found

    monkeypatch.setattr(session, "call", timed)
    ratios: list[tuple[float, float, float]] = []

    def run() -> None:
        spent[0] = 0.0
        start = time.process_time()
        lepid.decorate(events, name, source="network")
        whole = time.process_time() - start
        ratios.append((whole / spent[0], whole, spent[0]))

    with lepid.settings(provider="cpu", threads=1):
        benchmark.pedantic(run, rounds=7, warmup_rounds=1)
    _, whole, inside = sorted(ratios[1:])[len(ratios[1:]) // 2]
    collection = {"muon": "Muons", "electron": "Electrons"}[name.split("_", maxsplit=1)[0]]
    n_lepton = int(ak.count(events[collection]["pt"]))
    work = f"decorate(events, {name!r}), {n_lepton} leptons"
    row(work, "in session.run", whole, inside, "<= 1.25", inverse=True)
