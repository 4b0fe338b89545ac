"""Models of scikit-learn against their own predictions, and what is refused."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lepid.convert import sklearn_models
from lepid.errors import BadFile, BadInput, MissingPackage

ensemble = pytest.importorskip("sklearn.ensemble")
joblib = pytest.importorskip("joblib")
RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(500, 4)).astype(np.float32)
GAPS = np.where(RNG.random(ROWS.shape) < 0.1, np.float32(np.nan), ROWS)
SIGNAL = (ROWS[:, 0] + RNG.normal(size=500) > 0).astype(int)
CLASSES = RNG.integers(0, 3, 500)
BOOST, REGRESSION = ensemble.GradientBoostingClassifier, ensemble.GradientBoostingRegressor
HIST, HIST_REGRESSION = (
    ensemble.HistGradientBoostingClassifier,
    ensemble.HistGradientBoostingRegressor,
)


@pytest.mark.parametrize(
    ("model", "y", "gaps"),
    [
        (BOOST(n_estimators=8, random_state=1), SIGNAL, False),
        (BOOST(n_estimators=8, loss="exponential", learning_rate=0.3), SIGNAL, False),
        (BOOST(n_estimators=5, subsample=0.7, random_state=1), CLASSES, False),
        (BOOST(n_estimators=5, init="zero"), SIGNAL, False),
        (REGRESSION(n_estimators=8), SIGNAL, False),
        (HIST(max_iter=8), SIGNAL, True),
        (HIST(max_iter=5), CLASSES, True),
        (HIST_REGRESSION(max_iter=8), SIGNAL, True),
    ],
)
def test_scores_are_those_of_the_model(model: Any, y: np.ndarray, gaps: bool) -> None:
    rows = GAPS if gaps else ROWS
    model.fit(rows, y)
    forest = sklearn_models.read(model, ["a", "b", "c", "d"])
    assert forest.inputs == ("a", "b", "c", "d")
    cuts = np.concatenate([tree.threshold[tree.feature >= 0] for tree in forest.trees])
    near = np.concatenate([cuts, np.nextafter(cuts, np.float32(-9))])
    for given in (rows, np.random.default_rng(1).choice(near, (300, 4))):
        found = forest.evaluate(given)
        if hasattr(model, "predict_proba"):
            expected = model.predict_proba(given)
            expected = expected[:, 1:] if found.shape[1] == 1 else expected
        else:
            expected = model.predict(given)[:, None]
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-14)
        assert np.std(found) > 0.01


def test_names_of_the_training_or_none() -> None:
    model = REGRESSION(n_estimators=1).fit(ROWS, SIGNAL)
    assert sklearn_models.read(model).inputs == ("f0", "f1", "f2", "f3")
    model.feature_names_in_ = np.array(["pt", "eta", "d0", "z0"])
    assert sklearn_models.read(model).inputs == ("pt", "eta", "d0", "z0")
    with pytest.raises(BadInput, match="1 names for 4 features"):
        sklearn_models.read(model, ["pt"])


@pytest.mark.parametrize(
    ("model", "facts"),
    [
        (ensemble.RandomForestClassifier(n_estimators=1), ["RandomForestClassifier", "Boosting"]),
        (HIST_REGRESSION(loss="poisson", max_iter=1), ["'poisson'"]),
        (BOOST(init=ensemble.RandomForestClassifier(n_estimators=1)), ["begins with", "init=None"]),
        (HIST(categorical_features=[0], max_iter=1), ["categories"]),
    ],
)
def test_what_is_refused(model: Any, facts: list[str]) -> None:
    rows = np.abs(np.round(ROWS))
    model.fit(rows, SIGNAL)
    with pytest.raises(BadInput) as error:
        sklearn_models.read(model, where="mine")
    assert error.value.where == "mine"
    assert all(fact in str(error.value) for fact in facts), error.value


def test_a_split_on_categories_and_no_fit() -> None:
    with pytest.raises(BadInput, match="not fitted"):
        sklearn_models.read(BOOST())
    model = HIST(max_iter=2).fit(ROWS, SIGNAL)
    model._predictors[1][0].nodes["is_categorical"][0] = 1
    with pytest.raises(BadFile, match="tree 1, node 0: a split on categories"):
        sklearn_models.read(model)


def test_pickles_are_read_only_if_trusted(tmp_path: Path) -> None:
    model = BOOST(n_estimators=2).fit(ROWS, SIGNAL)
    path = tmp_path / "bdt.joblib"
    joblib.dump(model, path)
    with pytest.raises(BadFile, match="to read one is to run") as error:
        sklearn_models.load(path, trusted=False)
    assert "--unpickle" in error.value.do
    found = sklearn_models.read(sklearn_models.load(path, trusted=True)).evaluate(ROWS)
    np.testing.assert_array_equal(found, sklearn_models.read(model).evaluate(ROWS))
    path.write_bytes(b"nothing")
    with pytest.raises(BadFile, match="cannot be read as a pickle"):
        sklearn_models.load(path, trusted=True)
    with pytest.raises(BadFile, match="cannot be read"):
        sklearn_models.load(tmp_path / "none", trusted=True)


def test_packages_that_are_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "bdt.joblib"
    model = BOOST(n_estimators=1).fit(ROWS, SIGNAL)
    joblib.dump(model, path)
    # What a pickle says that it is made of is imported when it is read.
    monkeypatch.setitem(sys.modules, type(model).__module__, None)
    with pytest.raises(MissingPackage) as error:
        sklearn_models.load(path, trusted=True)
    assert error.value.where == type(model).__module__
    assert str(path) in str(error.value)
    assert "the versions with which" in error.value.do
    monkeypatch.setitem(sys.modules, "joblib", None)
    with pytest.raises(MissingPackage, match="scikit-learn: not installed") as error:
        sklearn_models.load(path, trusted=True)
    assert "to read models of scikit-learn" in str(error.value)
    assert error.value.do == "pip install 'lepid[convert]'"
