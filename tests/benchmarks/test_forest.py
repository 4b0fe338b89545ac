"""A million muons through a thousand trees, one thread, against XGBoost and onnxruntime."""

from __future__ import annotations

import runpy
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lepid.convert import xgboost_json
from lepid.taggers import session

ONNX_OF = runpy.run_path(str(Path(__file__).parents[1] / "tree_ensemble.py"))["onnx_of"]
N_MUON, N_INPUT, N_TREE = 1_000_000, 24, 1000


def cpu(function: Callable[[], Any]) -> float:
    """CPU seconds: all run in one thread, and what else the machine does counts less."""
    start = time.process_time()
    function()
    return time.process_time() - start


@pytest.mark.parametrize("depth", [4, 6, 9])
def test_a_thousand_trees(
    depth: int,
    tmp_path: Path,
    benchmark: Any,
    row: Callable[..., None],
) -> None:
    xgboost = pytest.importorskip("xgboost")
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(20_000, N_INPUT)).astype(np.float32)
    signal = rows[:, 0] * rows[:, 1] + rows[:, 2] + rng.normal(size=len(rows)) > 0
    # Deep trees cost time in proportion: fewer of them and fewer muons, the same question.
    n_tree, n_muon = (N_TREE, N_MUON) if depth < 9 else (N_TREE // 5, N_MUON // 5)
    options = {"objective": "binary:logistic", "max_depth": depth, "eta": 0.05, "nthread": 1}
    booster = xgboost.train(options, xgboost.DMatrix(rows, signal), n_tree)
    booster.save_model(tmp_path / "bdt.json")
    forest = xgboost_json.read(tmp_path / "bdt.json")
    muons = rng.normal(size=(n_muon, N_INPUT)).astype(np.float32)
    expected = booster.inplace_predict(muons[:1000], predict_type="margin")
    np.testing.assert_array_equal(forest.margins(muons[:1000])[:, 0], expected)
    # What onnxruntime would take for the same trees: the reason why lepid has a kernel.
    onnx = session.load(ONNX_OF(replace(forest, transform="identity")), "trees", "cpu", 1)
    few = muons[: n_muon // 10]
    (sums,) = onnx.run(None, {"inputs": few})
    np.testing.assert_allclose(sums, forest.margins(few), rtol=0, atol=1e-4)
    benchmark.pedantic(lambda: forest.evaluate(muons), rounds=1)
    own = min(cpu(lambda: forest.evaluate(muons)) for _ in range(2))
    other = min(cpu(lambda: booster.inplace_predict(muons)) for _ in range(2))
    alone = 10 * min(cpu(lambda: onnx.run(None, {"inputs": few})) for _ in range(2))
    work = f"{n_muon} muons, {n_tree} trees of depth {depth}, CPU time of one thread"
    row(work, "xgboost inplace_predict", own, other, "1.5 times its time at most")
    row(work, "onnxruntime, sums of a tenth of the muons, ten times", own, alone, "none")
    assert own < 1.5 * other
