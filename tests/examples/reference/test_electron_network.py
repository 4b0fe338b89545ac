"""The electron network in torch: its form as JSON of lwtnn, quantiles, weights, the fit."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from lepid.convert import lwtnn
from lepid.convert.athena_conf import ABSETA_EDGES
from lepid.taggers.graph import layered

torch = pytest.importorskip("torch", reason="torch trains the networks (lepid[reference])")

from training.electron import fit, network  # noqa: E402  (needs torch)
from training.electron.inputs import VARIABLES, Electrons  # noqa: E402  (needs torch)

torch.set_num_threads(1)


def electrons(n: int, n_class: int = 6) -> tuple[Electrons, np.ndarray]:
    rng = np.random.default_rng(3)
    target = np.minimum(rng.integers(0, 3 * n_class, n), n_class - 1)
    columns = {
        "et": rng.uniform(5, 60, n) * (1 + target),
        "abseta": rng.uniform(0, 2.47, n),
        "truth": target,
    }
    return Electrons(rng.normal(size=(n, 21)).astype(np.float32) + target[:, None], columns), target


@pytest.mark.parametrize("n_output", [6, 1])
def test_the_json_is_the_rounded_network(n_output: int, tmp_path: Path) -> None:
    torch.manual_seed(1)
    net = network.Dnn(len(VARIABLES), n_output)
    for batch in net.normalise:
        for values in (batch.weight, batch.bias, batch.running_mean):
            torch.nn.init.normal_(values.detach())
        batch.running_var.uniform_(0.2, 2.0)
    levels = np.random.default_rng(2).random((50, len(VARIABLES))).astype(np.float32)
    before = network.probabilities(net, levels)
    expected = network.probabilities(network.rounded(net), levels)
    assert 0 < np.abs(expected - before).max() < 0.02
    path = tmp_path / "network.json"
    path.write_text(json.dumps(network.lwtnn(net, VARIABLES)))
    session = onnxruntime.InferenceSession(layered.build(lwtnn.read(path)))
    found = np.stack(session.run(None, {"node_0": levels}), axis=1)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
    whole = json.loads(path.read_text())["layers"][0]["weights"]
    assert all(isinstance(value, int) for value in whole)
    assert max(map(abs, whole)) == network.LARGEST


def test_quantiles_are_levels_of_the_weighted_electrons() -> None:
    some, _ = electrons(20_000)
    weight = np.random.default_rng(1).exponential(size=20_000)
    quantiles = fit.quantiles_of(some.inputs, weight)
    levels = quantiles.of(some.inputs)
    for cut in (0.1, 0.5, 0.9):
        below = [np.average(column < cut, weights=weight) for column in levels.T]
        np.testing.assert_allclose(below, cut, atol=0.003)


def test_classes_weigh_the_same_and_are_alike_in_et_and_eta() -> None:
    some, target = electrons(60_000)
    weight = fit.weights(some, target)
    sums = np.bincount(target, weight)
    np.testing.assert_allclose(sums, sums[0], rtol=1e-6)
    edges = (0.0, *ABSETA_EDGES)
    shapes = [
        np.histogram(some.columns["abseta"][target == c], edges, weights=weight[target == c])[0]
        for c in range(6)
    ]
    np.testing.assert_allclose(shapes, np.broadcast_to(shapes[0], (6, 10)), rtol=0.2)
    # A class of few is not learnt by heart.
    few = np.flatnonzero((target != 1) | (np.cumsum(target == 1) <= 20))
    weight, target = fit.weights(some.of(few), target[few]), target[few]
    largest = np.bincount(target).argmax()
    ratio = weight[target == 1].mean() / weight[target == largest].mean()
    assert ratio == pytest.approx(fit.MOST_OF_CLASS)


def test_a_fit_learns_what_there_is_and_keeps_the_best() -> None:
    some, target = electrons(5000)
    quantiles = fit.quantiles_of(some.inputs, np.ones(len(target)))
    train, validation = (
        fit.part(some.of(rows), target[rows], quantiles)
        for rows in (slice(0, 4000), slice(4000, None))
    )
    settings = fit.Settings(epochs=4, batch=100, rate=5e-4)
    net, history = fit.fit(train, validation, 6, settings)
    losses = [epoch["validation"] for epoch in history]
    assert fit.evaluate(net, validation) == pytest.approx(min(losses), rel=1e-5)
    assert min(losses) < 0.5 * np.log(6)
