"""Training of the PLIT networks, where torch is installed (`lepid[reference]`)."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

torch = pytest.importorskip("torch", reason="torch trains the networks (lepid[reference])")

from training.leptons import Leptons  # noqa: E402
from training.plit import export, fit, runs  # noqa: E402
from training.plit.fit import Examples, Mirror, Settings  # noqa: E402

N_LEPTON_INPUT, N_TRACK_INPUT = 4, 5
QUICK = Settings(epochs=3, batch=128, rate=5e-3)


def toys(n: int, seed: int = 0, lengths: Any = None) -> Examples:
    """Leptons that are prompt where the first input of their tracks is small."""
    rng = np.random.default_rng(seed)
    counts = rng.poisson(4, n) if lengths is None else np.asarray(lengths)
    offsets = np.concatenate([[0], np.cumsum(counts)])
    target = rng.integers(0, 2, n)
    tracks = rng.normal(size=(offsets[-1], N_TRACK_INPUT)).astype(np.float32)
    tracks[:, 0] += 2 * np.repeat(target, counts)
    origin = (tracks[:, 1] > 0).astype(np.int64)
    vertex = np.where(tracks[:, 2] > 1, -1, (tracks[:, 2] > 0).astype(np.int64))
    lepton = rng.normal(size=(n, N_LEPTON_INPUT)).astype(np.float32)
    return Examples(
        lepton, tracks, offsets, target, np.ones(n, np.float32), origin, vertex
    )  # fmt: skip


@pytest.fixture(scope="module")
def fitted() -> Any:
    torch.set_num_threads(1)
    return fit.fit(toys(2000), toys(500, 1), QUICK)


def test_the_losses_fall_and_the_classes_are_told_apart(fitted: Any) -> None:
    network, history = fitted
    losses = [epoch["classes"] for epoch in history]
    assert losses[-1] < losses[0]
    test = toys(500, 2, lengths=np.full(500, 6))
    right = fit.predict(network, test).argmax(axis=1) == test.target
    assert right.mean() > 0.9
    assert history[-1]["origin_accuracy"] > 0.7


def test_the_network_that_is_kept_is_the_best_one() -> None:
    settings = QUICK._replace(epochs=8, patience=1, rate=0.2)
    network, history = fit.fit(toys(600), toys(300, 1), settings)
    losses = [epoch["classes"] for epoch in history]
    again = fit.evaluate(network, toys(300, 1), settings)["classes"]
    assert again == pytest.approx(min(losses), rel=1e-4)
    assert len(losses) < settings.epochs or np.argmin(losses) >= settings.epochs - 2


def test_padding_changes_no_score(fitted: Any) -> None:
    network, _ = fitted
    some = toys(20, 3, lengths=[0, 1, 5, 12] * 5)
    together = fit.predict(network, some)
    for i, (low, high) in enumerate(pairwise(some.offsets)):
        with torch.no_grad():
            alone = network(
                torch.tensor(some.lepton[[i]]), torch.tensor(some.tracks[None, low:high])
            )
        np.testing.assert_allclose(alone.classes.softmax(-1)[0], together[i], atol=1e-6)


@pytest.mark.parametrize("per_track", [False, True])
def test_the_export_answers_as_the_network_does(
    fitted: Any, tmp_path: Path, per_track: bool
) -> None:
    network, _ = fitted
    path = tmp_path / "network.onnx"
    lepton, track = (
        [f"l{i}" for i in range(N_LEPTON_INPUT)],
        [f"t{i}" for i in range(N_TRACK_INPUT)],
    )
    export.export(network, path, model="M", classes=("a", "b"), lepton=lepton, track=track,
                  per_track=per_track)  # fmt: skip
    loaded = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = [output.name for output in loaded.get_outputs()]
    assert names == ["M_a", "M_b", *(["M_TrackOrigin", "M_VertexIndex"] if per_track else [])]
    found = export.closure(network, toys(50, 4))
    offsets = np.concatenate([[0], np.cumsum(export.CLOSURE_TRACKS)])
    for i, (low, high) in enumerate(pairwise(offsets)):
        fed = {"jet_features": found["lepton"][[i]], "track_features": found["tracks"][low:high]}
        answers = loaded.run(None, fed)
        np.testing.assert_allclose(answers[:2], found["scores"][i], atol=1e-6)
        assert all(len(values) == high - low for values in answers[2:])


@pytest.mark.parametrize("seed", range(20))
def test_vertices_are_the_tracks_that_edges_connect(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(0, 15))
    edges = rng.normal(-1.2, 1, (1 + n, 1 + n))
    edges = edges + edges.T
    found = export.vertices(torch.tensor(edges)).numpy()
    vertex = list(range(n))
    for _ in range(n):
        for i in range(n):
            for j in range(n):
                if edges[1 + i, 1 + j] > 0:
                    vertex[i] = vertex[j] = min(vertex[i], vertex[j])
    np.testing.assert_array_equal(found, vertex)


def test_a_mirror_turns_signs_and_nothing_else() -> None:
    batch = next(fit.padded(toys(200, 5), np.arange(200), 1))[0]
    signs = np.array([1, -1, 1, 1], np.float32), np.array([1, 1, -1, 1, 1], np.float32)
    seen = fit.mirrored(batch, [Mirror(*signs)], np.random.default_rng(0))
    done = (seen.lepton[:, 1] != batch.lepton[:, 1]).numpy()
    assert 0.3 < done.mean() < 0.7
    for sign, old, new in (
        (signs[0], batch.lepton, seen.lepton),
        (signs[1], batch.tracks, seen.tracks),
    ):
        np.testing.assert_array_equal(new[done], old[done] * torch.tensor(sign))
        np.testing.assert_array_equal(new[~done], old[~done])


def leptons(n: int) -> Leptons:
    rng = np.random.default_rng(0)
    offsets = np.zeros(n + 1, np.int64)
    columns = {
        "iff": rng.choice([2, 4, 8, 9, 10], n, p=[0.3, 0.3, 0.1, 0.1, 0.2]),
        "weight": rng.uniform(0.5, 2, n),
        "pileup": rng.normal(runs.PILEUP, runs.PILEUP_WIDTH, n),
    }
    nothing = np.zeros((0, 1), np.float32)
    return Leptons(np.zeros((n, 1), np.float32), nothing, offsets, offsets[:0], offsets[:0],
                   np.zeros((n, 4), np.float32), columns)  # fmt: skip


def test_weights_balance_classes_and_imitate_the_other_run() -> None:
    some = leptons(50_000)
    run3, run2 = (run for run in runs.SHIPPED if run.flavour == "muon")
    for run, mean in ((run3, runs.PILEUP), (run2, runs.PILEUP_RUN2)):
        weight = runs.weights(some, run)
        assert weight[some.prompt].mean() == pytest.approx(1.0)
        assert weight[~some.prompt].mean() == pytest.approx(1.0)
        average = np.average(some.columns["pileup"], weights=weight)
        assert average == pytest.approx(mean, abs=0.5)


def test_hadrons_that_look_like_electrons_weigh_as_much_as_heavy_flavour() -> None:
    some = leptons(5_000)
    run = next(run for run in runs.SHIPPED if run.flavour == "electron")
    weight, iff = runs.weights(some, run), some.columns["iff"]
    assert weight[iff == 10].sum() == pytest.approx(weight[np.isin(iff, (8, 9))].sum())
