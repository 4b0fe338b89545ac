"""decorate() with a network that takes tracks, against the time that the network itself takes.

Needs a reference network: one that is shipped, or one in LEPID_MODELS.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import awkward as ak
import pytest

import lepid
from lepid.taggers import catalogue, session

COPIES = 50
COLLECTIONS = [
    "Muons", "MuonClusters", "Electrons", "egammaClusters", "GSFTrackParticles",
    "InDetTrackParticles", "PrimaryVertices", "EventInfo",
]  # fmt: skip


def networks(tagger: str) -> list[str]:
    """Reference networks of a tagger that are on this machine."""
    cards = [card for card in catalogue.networks(tagger) if card.reference]
    there = (card for card in cards if all(catalogue.find(card, part) for part in card.networks))
    return [card.name for card in there]


@pytest.mark.parametrize("tagger", ["muon_plit", "electron_plit"])
def test_decorate(
    reference_sample: Path,
    monkeypatch: pytest.MonkeyPatch,
    benchmark: Any,
    row: Callable[..., None],
    tagger: str,
) -> None:
    names = networks(tagger)
    if not names:
        pytest.skip(f"no reference network of {tagger}, shipped or in LEPID_MODELS")
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
        lepid.decorate(events, names[0])
        whole = time.process_time() - start
        ratios.append((whole / spent[0], whole, spent[0]))

    with lepid.settings(provider="cpu", threads=1):
        benchmark.pedantic(run, rounds=7, warmup_rounds=1)
    _, whole, inside = sorted(ratios[1:])[len(ratios[1:]) // 2]
    collection = {"muon_plit": "Muons", "electron_plit": "Electrons"}[tagger]
    n_lepton = int(ak.count(events[collection]["pt"]))
    work = f"decorate(events, {names[0]!r}), {n_lepton} leptons"
    row(work, "in session.run", whole, inside, "<= 1.25", inverse=True)
