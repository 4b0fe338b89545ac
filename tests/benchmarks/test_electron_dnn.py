"""decorate() of a million electrons against the network alone, and against one call for each."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import onnxruntime
import pytest

import lepid
from lepid.taggers import catalogue, session

NAME = "electron_dnn@reference"
N_ELECTRON = 1_000_000
COLLECTIONS = ["Electrons", "egammaClusters", "GSFTrackParticles"]
# Of one call per electron.
N_PART = 2_000


@pytest.fixture(scope="module")
def events(reference_sample: Path) -> Any:
    """The committed sample as often as it takes, with the columns that the network needs."""
    accessed: list[Any] = []
    lepid.decorate(lepid.open(reference_sample, accessed=accessed), NAME, source="network")
    read = {str(name) for name in accessed}
    some = lepid.open(reference_sample)
    kept = {
        collection: some[collection][
            [field for field in some[collection].fields if any(field in n for n in read)]
        ]
        for collection in COLLECTIONS
    }
    small = ak.to_packed(ak.materialize(ak.zip(kept, depth_limit=1)))
    copies = -(-N_ELECTRON // int(ak.count(small.Electrons["pt"])))
    return ak.to_packed(small[np.tile(np.arange(len(small)), copies)])


def test_a_million_electrons(
    events: Any, monkeypatch: pytest.MonkeyPatch, benchmark: Any, row: Callable[..., None]
) -> None:
    spent: list[float] = []
    given: list[Any] = []
    original = session.call

    def timed(loaded: Any, nodes: Any, fed: Any, where: str) -> Any:
        start = time.process_time()
        found = original(loaded, nodes, fed, where)
        spent[-1] += time.process_time() - start
        given.append((fed["node_0"][:N_PART], found[nodes[0]][:N_PART]))
        return found

    monkeypatch.setattr(session, "call", timed)
    whole: list[float] = []

    def run() -> Any:
        spent.append(0.0)
        start = time.process_time()
        found = lepid.decorate(events, NAME, source="network")
        whole.append(time.process_time() - start)
        return found

    with lepid.settings(provider="cpu", threads=1):
        record = ak.flatten(benchmark.pedantic(run, rounds=3).Electrons.electron_dnn)
    n_electron = len(record)
    assert n_electron >= N_ELECTRON
    assert ak.mean(record.scored) > 0.9
    inside, total = min(zip(spent, whole, strict=True), key=lambda pair: pair[1] / pair[0])
    work = f"decorate(events, {NAME!r}), {n_electron} electrons, one thread"
    row(work, "in session.run", total, inside, "<= 1.5", inverse=True)
    each = one_by_one(*max(given, key=lambda pair: len(pair[0])))
    row(work, f"one call for each, from {N_PART}", total, each * n_electron, ">= 20")


def one_by_one(rows: Any, expected: Any) -> float:
    """Seconds that one call takes for one electron whose inputs are ready."""
    card = catalogue.load(*NAME.split("@"))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    path = str(catalogue.locate(card, card.networks[0])[0])
    loaded = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    nodes = [output.node for output in card.outputs]
    start = time.process_time()
    found = [loaded.run(nodes, {"node_0": rows[i : i + 1]})[0][0] for i in range(len(rows))]
    seconds = time.process_time() - start
    np.testing.assert_allclose(found, expected, atol=1e-5)
    return seconds / len(rows)
