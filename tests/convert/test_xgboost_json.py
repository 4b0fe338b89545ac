"""XGBoost's JSON and UBJ against XGBoost, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lepid.convert import xgboost_json
from lepid.errors import BadFile

xgboost = pytest.importorskip("xgboost")
RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(600, 4)).astype(np.float32)
ROWS[RNG.random(ROWS.shape) < 0.1] = np.nan
SIGNAL = (np.nan_to_num(ROWS[:, 0]) + RNG.normal(size=600) > 0).astype(int)
CLASSES = RNG.integers(0, 3, 600)


def trained(objective: str, rounds: int = 12, **more: Any) -> Any:
    y = CLASSES if "num_class" in more else SIGNAL
    options = {"objective": objective, "max_depth": 3, "nthread": 1, **more}
    return xgboost.train(options, xgboost.DMatrix(ROWS, y), rounds)


def on_thresholds(forest: Any) -> np.ndarray:
    """Rows of thresholds, of their neighbours and of NaN."""
    rng = np.random.default_rng(1)
    cuts = np.concatenate([tree.threshold[tree.feature >= 0] for tree in forest.trees])
    near = np.concatenate([cuts, np.nextafter(cuts, np.float32(9)), np.float32([np.nan, 0])])
    return rng.choice(near, (500, len(forest.inputs)))


@pytest.mark.parametrize("suffix", ["json", "ubj"])
@pytest.mark.parametrize(
    ("objective", "more"),
    [
        ("binary:logistic", {}),
        ("binary:logistic", {"base_score": 0.3, "num_parallel_tree": 2}),
        ("reg:logistic", {"base_score": 0.9}),
        ("binary:logitraw", {"base_score": 0.3}),
        ("reg:squarederror", {}),
        ("multi:softprob", {"num_class": 3}),
    ],
)
def test_margins_are_those_of_xgboost(
    objective: str, more: dict[str, Any], suffix: str, tmp_path: Path
) -> None:
    booster, path = trained(objective, **more), tmp_path / f"bdt.{suffix}"
    booster.save_model(path)
    forest = xgboost_json.read(path)
    assert forest.inputs == ("f0", "f1", "f2", "f3")
    for rows in (ROWS, on_thresholds(forest)):
        n = len(rows)
        margin = booster.inplace_predict(rows, predict_type="margin").reshape(n, -1)
        np.testing.assert_array_equal(forest.margins(rows), margin)
        score = booster.inplace_predict(rows).reshape(n, -1)
        np.testing.assert_allclose(forest.evaluate(rows), score, rtol=0, atol=2e-7)
        assert np.std(score) > 0.01


def test_softmax_gives_probabilities(tmp_path: Path) -> None:
    path = tmp_path / "bdt.json"
    trained("multi:softmax", num_class=3).save_model(path)
    found = xgboost_json.read(path).evaluate(ROWS)
    expected = trained("multi:softprob", num_class=3).inplace_predict(ROWS)
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-7)


def test_names_and_iterations(tmp_path: Path) -> None:
    path, names = tmp_path / "bdt.json", ["pt", "eta", "d0", "z0"]
    data = xgboost.DMatrix(ROWS, SIGNAL, feature_names=names)
    booster = xgboost.train({"objective": "reg:squarederror", "nthread": 1}, data, 8)
    booster.save_model(path)
    forest = xgboost_json.read(path, 5)
    assert forest.inputs == tuple(names)
    expected = booster.predict(data, iteration_range=(0, 5))
    np.testing.assert_array_equal(forest.margins(ROWS)[:, 0], expected)
    with pytest.raises(BadFile, match="has 8 iterations, not 9"):
        xgboost_json.read(path, 9)
    booster.set_attr(best_iteration="4")
    booster.save_model(path)
    with pytest.raises(BadFile, match="5 of 8 iterations are the best") as error:
        xgboost_json.read(path)
    assert "5 or 8" in error.value.do
    assert len(xgboost_json.read(path, 5).trees) == 5


@pytest.fixture
def changed(tmp_path: Path) -> Callable[[Callable[[Any], None]], Path]:
    def write(change: Callable[[Any], None]) -> Path:
        model = json.loads(bytes(trained("binary:logistic", 2).save_raw("json")))
        change(model["learner"])
        path = tmp_path / "bdt.json"
        path.write_text(json.dumps(model))
        return path

    return write


def first(learner: Any) -> Any:
    return learner["gradient_booster"]["model"]["trees"][1]


@pytest.mark.parametrize(
    ("change", "facts"),
    [
        (lambda m: m["gradient_booster"].update(name="dart"), ["'dart'", "booster='gbtree'"]),
        (lambda m: m["objective"].update(name="binary:logistics"), ["near: binary:logistic"]),
        (lambda m: m["objective"].update(name="count:poisson"), ["'count:poisson'"]),
        (lambda m: first(m)["split_type"].__setitem__(2, 1), ["tree 1, node 2", "categories"]),
        (lambda m: first(m)["tree_param"].update(size_leaf_vector="3"), ["tree 1", "several"]),
        (lambda m: first(m)["left_children"].__setitem__(0, 0), ["node 0", "reached twice"]),
        (lambda m: first(m)["right_children"].__setitem__(0, 99), ["node 99", "there are"]),
        (lambda m: first(m)["split_indices"].__setitem__(0, 4), ["node 0", "feature 4"]),
        (lambda m: first(m)["split_conditions"].__setitem__(0, None), ["node 0", "NaN"]),
        (lambda m: first(m)["split_conditions"].__setitem__(-1, None), ["the leaf holds nan"]),
        (lambda m: first(m)["default_left"].pop(), ["tree 1", "one length"]),
        (lambda m: m["learner_model_param"].update(base_score="1"), ["1 is not a probability"]),
        (lambda m: m["learner_model_param"].update(base_score="[1,2]"), ["2 base scores for 1"]),
        (lambda m: m["learner_model_param"].update(num_target="2"), ["2 targets"]),
        (lambda m: m.pop("objective"), ["not a model of XGBoost", "save_model"]),
    ],
)
def test_what_is_refused(
    change: Callable[[Any], None], facts: list[str], changed: Callable[..., Path]
) -> None:
    with pytest.raises(BadFile) as error:
        xgboost_json.read(changed(change))
    assert all(fact in str(error.value) for fact in facts), error.value
    assert "bdt.json" in error.value.where


@pytest.mark.parametrize(
    ("content", "facts"),
    [
        (b"binf\0\0\0?", ["old binary format", "XGBoost 3 dropped", "save_model('model.json')"]),
        (b"bs64AAAA", ["old binary format"]),
        (b"{broken", ["neither JSON nor UBJ", "save it anew"]),
        (b'{"learner": ', ["neither JSON nor UBJ"]),
        (b"\x80\x04pickle", ["neither JSON nor UBJ"]),
        (b"", ["neither JSON nor UBJ"]),
        (b"[]", ["not a model of XGBoost"]),
    ],
)
def test_other_files(content: bytes, facts: list[str], tmp_path: Path) -> None:
    path = tmp_path / "bdt.model"
    with pytest.raises(BadFile, match="cannot be read"):
        xgboost_json.read(path)
    path.write_bytes(content)
    with pytest.raises(BadFile) as error:
        xgboost_json.read(path)
    assert all(fact in str(error.value) for fact in facts), error.value
