"""LightGBM's text against LightGBM, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lepid.convert import lightgbm_text
from lepid.errors import BadFile

lightgbm = pytest.importorskip("lightgbm")
ZEROS = np.float32([0, 1e-35, -1e-35, 9e-36, 1.1e-35, -1.1e-35])
RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(600, 4)).astype(np.float32)
ROWS[:, 3] = RNG.choice(np.float32([-1, 0, 1]), 600)
GAPS = np.where(RNG.random(ROWS.shape) < 0.1, np.float32(np.nan), ROWS)
SIGNAL = (ROWS[:, 0] + RNG.normal(size=600) > 0).astype(int)
CLASSES = RNG.integers(0, 3, 600)


def trained(rows: np.ndarray = ROWS, **options: Any) -> Any:
    y = CLASSES if "num_class" in options else SIGNAL
    given = {"objective": "binary", "num_leaves": 8, "verbose": -1, "num_threads": 1, **options}
    return lightgbm.train(given, lightgbm.Dataset(rows.astype(np.float64), y), 12)


@pytest.mark.parametrize("rows", [ROWS, GAPS], ids=["whole", "gaps"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"objective": "multiclass", "num_class": 3},
        {"objective": "multiclassova", "num_class": 3, "sigmoid": 0.5},
        {"objective": "regression"},
        {"objective": "cross_entropy"},
        {"sigmoid": 2.0, "boosting": "dart"},
        {"boosting": "rf", "bagging_fraction": 0.5, "bagging_freq": 1},
        {"use_missing": False},
        {"min_gain_to_split": 1e9},
    ],
)
def test_scores_are_those_of_lightgbm(
    rows: np.ndarray, options: dict[str, Any], tmp_path: Path
) -> None:
    booster, path = trained(rows, **options), tmp_path / "bdt.txt"
    booster.save_model(path)
    forest = lightgbm_text.read(path)
    assert forest.inputs == ("Column_0", "Column_1", "Column_2", "Column_3")
    cuts = [tree.threshold[tree.feature >= 0] for tree in forest.trees]
    near = np.concatenate([*cuts, *(np.nextafter(c, np.float32(-9)) for c in cuts), ZEROS])
    on_thresholds = np.random.default_rng(1).choice(near, (500, 4))
    for given in (ROWS, GAPS, on_thresholds):
        expected = booster.predict(given.astype(np.float64), num_threads=1).reshape(len(given), -1)
        np.testing.assert_allclose(forest.evaluate(given), expected, rtol=0, atol=1e-14)
    if "min_gain_to_split" not in options:
        assert np.std(expected) > 0.01


@pytest.mark.parametrize(
    ("old", "new", "facts"),
    [
        ("objective=binary sigmoid:1", "objective=binar", ["'binar'", "near: binary"]),
        ("objective=binary sigmoid:1", "objective=regression sqrt", ["'regression sqrt'"]),
        ("decision_type=2", "decision_type=3", ["tree 0, node 0", "categories"]),
        ("decision_type=2", "decision_type=6", ["tree 0, node 0", "zero_as_missing=false"]),
        ("is_linear=0", "is_linear=1", ["tree 0", "linear_tree=false"]),
        ("left_child=", "left_child=0 ", ["tree 0", "one length"]),
        ("split_feature=0", "split_feature=9", ["tree 0, node 0", "feature 9"]),
        ("num_leaves=", "num_leafs=", ["not a model of LightGBM"]),
        ("\nend of trees", "\n", ["cut off", "save_model"]),
        ("tree\n", "something\n", ["not a model of LightGBM"]),
    ],
)
def test_what_is_refused(old: str, new: str, facts: list[str], tmp_path: Path) -> None:
    text = trained().model_to_string()
    assert old in text
    path = tmp_path / "bdt.txt"
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(BadFile) as error:
        lightgbm_text.read(path)
    assert all(fact in str(error.value) for fact in facts), error.value


def test_no_text(tmp_path: Path) -> None:
    path = tmp_path / "bdt.txt"
    with pytest.raises(BadFile, match="cannot be read"):
        lightgbm_text.read(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(BadFile, match="save_model"):
        lightgbm_text.read(path)
