"""The shipped reference networks: answers of torch, and the scores in the committed sample."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import onnx
import onnxruntime
import pytest

import lepid
from lepid.taggers import catalogue, inference, twin
from lepid.taggers.batching import Sequence
from lepid.taggers.card import Card
from lepid.taggers.card_network import Network
from lepid.taggers.session import Settings

pytestmark = pytest.mark.usefixtures("no_search_paths")

CLOSURE = Path(__file__).resolve().parents[1] / "data" / "plit.npz"
LENGTHS = (0, 1, 5, 40)
OFFSETS = np.concatenate([[0], np.cumsum(LENGTHS)])
TRACKS = "muon_plit@reference-run3-tracks"
SAMPLED = [
    f"{flavour}_plit@reference-run{run}" for flavour in ("muon", "electron") for run in (3, 2)
]
STORED = [
    *SAMPLED, "muon_pliv@reference", "electron_pliv@reference",
    "muon_tightnn@reference-run3", "muon_tightnn@reference-run2",
]  # fmt: skip
COLLECTION = {"muon": "Muons", "electron": "Electrons"}
MOST_BYTES = 2_000_000
PARTS = [(name, part) for name in (*SAMPLED, TRACKS)
         for part in range(1 + name.startswith("electron"))]  # fmt: skip


class Shipped:
    """A network, its file, and what torch says of four leptons."""

    def __init__(self, name: str, part: int) -> None:
        self.card: Card = catalogue.load(*name.split("@"))
        self.network: Network = self.card.networks[part]
        self.path, self.digest = catalogue.locate(self.card, self.network)
        self.nodes = [output.node for output in self.card.outputs]
        with np.load(CLOSURE) as file:
            # The variant with numbers per track has the weights of the network without.
            key = f"{name.removesuffix('-tracks')}/{self.network.file}"
            self.lepton, self.tracks, self.torch = (
                file[f"{key}/{kind}"] for kind in ("lepton", "tracks", "scores")
            )

    def call(self, loaded: Any, lepton: int) -> list[Any]:
        low, high = OFFSETS[lepton : lepton + 2]
        fed = {"jet_features": self.lepton[[lepton]], "track_features": self.tracks[low:high]}
        return list(loaded.run(self.nodes, fed))


@pytest.fixture(params=PARTS, ids=lambda given: f"{given[0]}-{given[1]}")
def shipped(request: pytest.FixtureRequest) -> Shipped:
    return Shipped(*request.param)


def test_one_call_per_lepton_gives_what_torch_gives(shipped: Shipped) -> None:
    loaded = onnxruntime.InferenceSession(str(shipped.path), providers=["CPUExecutionProvider"])
    for lepton in range(len(LENGTHS)):
        answers = shipped.call(loaded, lepton)
        assert [np.shape(answer) for answer in answers[:2]] == [(), ()]
        np.testing.assert_allclose(answers[:2], shipped.torch[lepton], atol=1e-5)
    assert np.ptp(shipped.torch[:, 0]) > 1e-3


def test_batches_give_what_torch_gives(shipped: Shipped) -> None:
    ready = twin.get(shipped.path, shipped.digest, shipped.card, shipped.network,
                     Settings("cpu", 1))  # fmt: skip
    assert (ready.takes, ready.slow) == ("objects", "")
    tracks = Sequence(OFFSETS, np.arange(OFFSETS[-1]), shipped.tracks)
    rows = {"jet_features": shipped.lepton}
    given = {"track_features": tracks}
    found = inference.run(ready, shipped.card.outputs, shipped.network.nodes, rows, given)
    scores = np.stack([found[output.name] for output in shipped.card.outputs[:2]], axis=1)
    np.testing.assert_allclose(scores, shipped.torch, atol=1e-5)
    loaded = onnxruntime.InferenceSession(str(shipped.path), providers=["CPUExecutionProvider"])
    for place, output in enumerate(shipped.card.outputs[2:], start=2):
        alone = np.concatenate([shipped.call(loaded, i)[place] for i in range(len(LENGTHS))])
        np.testing.assert_array_equal(found[output.name], alone)


def test_the_file_is_small_and_in_the_convention_of_salt(shipped: Shipped) -> None:
    assert shipped.path.stat().st_size < MOST_BYTES
    graph = onnx.load(shipped.path)
    assert [entry.version for entry in graph.opset_import] == [20]
    shapes = {
        entry.name: [size.dim_param or size.dim_value for size in entry.type.tensor_type.shape.dim]
        for entry in graph.graph.input
    }
    n_track_input = 19 if shipped.card.flavour == "muon" else 18
    assert shapes == {"jet_features": [1, 6], "track_features": ["n_tracks", n_track_input]}
    assert "gnn_config" in {entry.key for entry in graph.metadata_props}
    card = catalogue.folder(shipped.card) / "card.toml"
    assert "Not a network of an experiment" in card.read_text("utf-8").splitlines()[0]


@pytest.mark.parametrize("name", STORED)
def test_the_sample_holds_the_scores_that_its_tracks_give(
    reference_sample: Path, name: str
) -> None:
    card = catalogue.load(*name.split("@"))
    events = lepid.open(reference_sample)
    collection = COLLECTION[card.flavour]
    stored, again = (
        lepid.decorate(events, name, source=source)[collection][card.tagger]
        for source in ("stored", "network")
    )
    assert ak.sum(stored.scored) > 150
    for output in card.outputs:
        left, right = (ak.to_numpy(ak.flatten(r[output.name])) for r in (stored, again))
        np.testing.assert_allclose(left, right, atol=1e-6)


def test_a_prompt_lepton_scores_higher_than_another(reference_sample: Path) -> None:
    events = lepid.open(reference_sample)
    for name in SAMPLED:
        card = catalogue.load(*name.split("@"))
        collection = COLLECTION[card.flavour]
        record = lepid.decorate(events, name)[collection][card.tagger]
        iff = ak.flatten(lepid.truth(events, collection, "iff"))
        score = ak.to_numpy(ak.flatten(record.discriminant))
        prompt = np.isin(iff, (2, 3, 4, 11))
        known = ~np.isin(iff, (0, 1)) & np.isfinite(score)
        assert np.median(score[prompt & known]) > np.median(score[~prompt & known]) + 1.0


def test_the_tracks_of_a_lepton_have_an_origin_and_a_vertex(reference_sample: Path) -> None:
    events = lepid.open(reference_sample)
    muons = lepid.decorate(events, TRACKS).Muons
    record = muons.muon_plit
    origin, vertex, index = record.track_origin, record.vertex_index, record.track_index
    assert ak.all(ak.num(origin, axis=2) == ak.num(index, axis=2))
    truth = events.InDetTrackParticles["ftagTruthOriginLabel"]
    of_track = truth[ak.flatten(index, axis=2)]
    right = ak.flatten(origin, axis=2) == of_track
    most = max(np.bincount(ak.to_numpy(ak.flatten(of_track)))) / ak.count(of_track)
    # Better than to call every track what most of them are.
    assert ak.mean(right) > most + 0.1
    assert ak.min(vertex) >= 0
    assert ak.all(ak.num(vertex, axis=2) == ak.num(index, axis=2))


@pytest.mark.parametrize("size", [1, 7, 64])
def test_no_score_moves_with_the_size_of_batches_or_chunks(
    reference_sample: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    events = lepid.open(reference_sample)
    whole = lepid.decorate(events, SAMPLED[0], source="network").Muons.muon_plit.pmuxpromp
    monkeypatch.setattr("lepid.taggers.batching.TOKENS", 16 * size)
    chunks = [
        chunk.Muons.muon_plit.pmuxpromp
        for chunk in lepid.iterate(reference_sample, SAMPLED[0], step=size * 10, source="network")
    ]
    left, right = (ak.to_numpy(ak.flatten(x)) for x in (whole, ak.concatenate(chunks)))
    np.testing.assert_allclose(left, right, atol=1e-6)
