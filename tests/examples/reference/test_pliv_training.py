"""Training of PLIV: the RNN where torch is installed (`lepid[reference]`), its trees and points."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

torch = pytest.importorskip("torch", reason="torch trains the networks (lepid[reference])")
xgboost = pytest.importorskip("xgboost", reason="xgboost grows the trees (lepid[reference])")

from training import trees  # noqa: E402
from training.curves import Scored  # noqa: E402
from training.leptons import Leptons  # noqa: E402
from training.pliv import export, figures, fit, points, results, runs  # noqa: E402
from training.pliv.network import Rnn, probabilities  # noqa: E402

from lepid.convert import lwtnn, tmva_xml, xgboost_json  # noqa: E402
from lepid.taggers import catalogue, forest  # noqa: E402

ROOT = Path(__file__).resolve().parents[3]
QUICK = fit.Settings(epochs=4, batch=128, rate=1e-2)
LABELS = list(fit.CLASSES["electron"])
N_INPUT = 6


def toys(n: int, seed: int = 0) -> fit.Examples:
    """Leptons whose class the second track tells, if they have one, else the first."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, fit.N_TRACK + 1, n)
    target = rng.integers(0, len(LABELS), n)
    tracks = rng.normal(size=(n, fit.N_TRACK, N_INPUT)).astype(np.float32)
    tracks[np.arange(n), np.minimum(lengths, 2) - 1, 0] += 6 * target
    tracks[np.arange(fit.N_TRACK) >= lengths[:, None]] = 0
    return fit.Examples(tracks, lengths, target, np.ones(n, np.float32))


@pytest.fixture(scope="module")
def fitted() -> Any:
    torch.set_num_threads(1)
    return fit.fit(toys(3000), toys(800, 1), len(LABELS), QUICK)


def test_the_losses_fall_and_the_best_network_is_kept(fitted: Any) -> None:
    network, history = fitted
    losses = [epoch["validation"] for epoch in history]
    assert min(losses) < 0.7 * losses[0]
    test = toys(800, 2)
    right = probabilities(network, test.tracks, test.lengths).argmax(axis=1) == test.target
    assert right.mean() > 0.7


def test_what_stands_behind_the_last_track_does_not_count(fitted: Any) -> None:
    network, _ = fitted
    some = toys(200, 3)
    moved = some.tracks.copy()
    moved[np.arange(fit.N_TRACK) >= some.lengths[:, None]] = 7.0
    first, second = (probabilities(network, t, some.lengths) for t in (some.tracks, moved))
    np.testing.assert_array_equal(first, second)
    # Another order is another lepton.
    several = some.lengths > 1
    turned = some.tracks.copy()
    turned[:, [0, 1]] = turned[:, [1, 0]]
    assert np.abs(probabilities(network, turned, some.lengths) - first)[several].max() > 0.01


def test_the_file_of_lwtnn_and_what_lepid_makes_of_it(fitted: Any, tmp_path: Path) -> None:
    network, _ = fitted
    export.write_rnn(network, LABELS, tmp_path)
    layers = lwtnn.read(tmp_path / "rnn.json")
    assert [v.name for v in layers.inputs[0].variables] == list(export.VARIABLES)
    session = onnxruntime.InferenceSession(tmp_path / "rnn.onnx")
    some = toys(60, 4)
    expected = probabilities(network, some.tracks, some.lengths)
    names = [output.name for output in session.get_outputs()]
    assert "prompt" in names
    for length in range(1, fit.N_TRACK + 1):
        mine = some.lengths == length
        found = session.run(LABELS, {"Trk_inputs": some.tracks[mine][:, :length]})
        np.testing.assert_allclose(np.stack(found, -1).reshape(-1, len(LABELS)), expected[mine],
                                   atol=2e-6)  # fmt: skip


def test_a_network_without_training_has_the_size_of_athena() -> None:
    network = Rnn(N_INPUT, 3)
    assert network.lstm.hidden_size == 50
    assert network.dense.out_features == 10


@pytest.fixture(scope="module")
def boosted() -> Any:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(4000, 8)).astype(np.float32)
    values[rng.random(values.shape) < 0.05] = -99.0
    target = values[:, 0] + values[:, 1] * values[:, 2] > 0.3
    halves = np.arange(4000) % 2 == 0, np.arange(4000) % 2 == 1
    given = (trees.Part(values[half], target[half], np.full(half.sum(), 0.7)) for half in halves)
    return trees.fit(*given, runs.TREES | {"seed": 1}, rounds=40, patience=5), values


def test_trees_are_the_same_in_all_files(boosted: Any, tmp_path: Path) -> None:
    booster, values = boosted
    names = [f"x{i}" for i in range(8)]
    made = export.write_trees(booster, names, tmp_path / "trees", tmp_path / "trees.xml")
    assert made.inputs == tuple(names)
    best = (0, booster.best_iteration + 1)
    chance = booster.predict(xgboost.DMatrix(values), iteration_range=best)
    score = made.evaluate(values)[:, 0]
    # -1 is prompt: what the trees are trained on is that a lepton is not.
    np.testing.assert_allclose(score, 2 * chance.astype(np.float64) - 1, atol=1e-6)
    read = forest.read(tmp_path / "trees.npz")
    np.testing.assert_array_equal(read.evaluate(values)[:, 0], score)
    xml = tmva_xml.read(tmp_path / "trees.xml")
    assert xml.inputs == tuple(names)
    np.testing.assert_allclose(xml.evaluate(values)[:, 0], score, atol=1e-6)
    again = xgboost_json.read(tmp_path / "trees.json")
    assert len(again.trees) == booster.best_iteration + 1
    session = onnxruntime.InferenceSession(tmp_path / "trees.onnx")
    (found,) = session.run(None, {"inputs": values})
    np.testing.assert_allclose(found[:, 0], score, atol=1e-6)


def test_trees_at_their_thresholds(boosted: Any, tmp_path: Path) -> None:
    booster, _ = boosted
    made = export.write_trees(
        booster, [f"x{i}" for i in range(8)], tmp_path / "trees", tmp_path / "trees.xml"
    )
    tree = made.trees[0]
    rows = np.zeros((3 * len(tree.feature), 8), np.float32)
    for k, (feature, threshold) in enumerate(zip(tree.feature, tree.threshold, strict=True)):
        if feature >= 0:
            near = [threshold, np.nextafter(threshold, np.float32(-9)), threshold]
            rows[3 * k : 3 * k + 3, feature] = np.array(near, np.float32)
    expected = made.evaluate(rows)[:, 0]
    np.testing.assert_allclose(tmva_xml.read(tmp_path / "trees.xml").evaluate(rows)[:, 0],
                               expected, atol=1e-6)  # fmt: skip
    (found,) = onnxruntime.InferenceSession(tmp_path / "trees.onnx").run(None, {"inputs": rows})
    np.testing.assert_allclose(found[:, 0], expected, atol=1e-6)


def leptons(n: int, n_input: int = 2, seed: int = 0) -> Leptons:
    rng = np.random.default_rng(seed)
    lengths = rng.integers(0, fit.N_TRACK + 1, n)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    nothing = np.zeros(offsets[-1], np.int64)
    columns = {
        "iff": rng.choice([4, 2, 5, 8, 9, 10], n), "pt": rng.uniform(8, 150, n),
        "eta": rng.uniform(-2.5, 2.5, n), "weight": rng.uniform(0.5, 2, n),
        "split": rng.integers(0, 3, n), "pileup": np.full(n, 40.0),
    }  # fmt: skip
    tracks = rng.normal(size=(offsets[-1], N_INPUT)).astype(np.float32)
    inputs = rng.normal(size=(n, n_input)).astype(np.float32)
    return Leptons(inputs, tracks, offsets, nothing, nothing, np.zeros((n, 0), np.float32), columns)


@pytest.mark.parametrize("flavour", ["muon", "electron"])
def test_examples_have_the_tracks_in_their_order_and_a_class(flavour: str) -> None:
    some = leptons(300)
    found = fit.examples(some, flavour, some.columns["weight"])
    names = list(fit.CLASSES[flavour])
    prompt, conversion = (4, 5) if flavour == "muon" else (2, 5)
    expected = {prompt: "prompt", 8: "non_prompt_b", 9: "non_prompt_c", 10: "non_prompt_light"}
    if flavour == "electron":
        expected[conversion] = "conversion"
    for i in range(300):
        mine = some.tracks[some.offsets[i] : some.offsets[i + 1]]
        np.testing.assert_array_equal(found.tracks[i, : len(mine)], mine)
        assert not found.tracks[i, len(mine) :].any()
        code = int(some.columns["iff"][i])
        assert names[found.target[i]] == expected.get(code, "non_prompt_light")


def test_without_a_jet_the_answer_of_the_rnn_is_absent_too() -> None:
    some = leptons(3)
    some.inputs[:, 1] = [0.1, -99.0, 0.2]
    values = runs.filled(some, [runs.RNN_INPUT, runs.DR], np.array([0.7, 0.7, -1.0]))
    assert values[:, 0].tolist() == pytest.approx([0.7, -99.0, -1.0])


def test_inputs_are_those_of_the_card() -> None:
    for run in runs.SHIPPED:
        card = catalogue.load(*run.network.split("@"))
        assert {runs.RNN_INPUT, runs.DR} <= set(runs.names(card))
        assert [f"{part}.npz" for part in run.parts] == [p.file for p in card.parts]


def test_points_keep_as_many_in_each_bin_as_those_of_plit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, n = runs.SHIPPED[0], 30_000
    name = run.network.replace("@", "/")
    rng = np.random.default_rng(1)
    columns = {"pt": 10 + rng.exponential(30, n), "eta": rng.uniform(-2.5, 2.5, n)}
    some = leptons(1)._replace(columns=columns)
    theirs = rng.normal(4, 3, n)
    # Of PLIV the smaller ones are more prompt.
    score, weight = np.tanh(rng.normal(-0.2 * theirs, 1.0)), rng.uniform(0.5, 2, n)
    said = (some, weight, score, theirs)
    monkeypatch.setattr(points, "validation", lambda *_: said)
    shipped = points.table.read(ROOT / "wp_tables" / f"{run.flavour}_plit" / "reference-run3.json")
    monkeypatch.setattr(points, "table_of_plit", lambda *_: shipped)
    folder = tmp_path / "networks" / name
    folder.mkdir(parents=True)
    shutil.copy(ROOT / "models" / name / "card.toml", folder)
    made = points.write(run, points.Rival(tmp_path, tmp_path), tmp_path)
    axes = {"pt": columns["pt"], "abseta": np.abs(columns["eta"])}
    passed, wanted = made.decide({"score": score}, axes), shipped.decide(
        {"discriminant": theirs}, axes)  # fmt: skip
    assert list(made.points) == list(points.POINTS)
    for point, like in points.POINTS.items():
        for low, high in ((10, 15), (20, 25), (43, np.inf)):
            for side in (axes["abseta"] < 1.37, axes["abseta"] >= 1.37):
                here = side & (columns["pt"] >= low) & (columns["pt"] < high)
                kept, goal = (np.average(each[here], weights=weight[here])
                              for each in (passed[point], wanted[like]))  # fmt: skip
                assert kept == pytest.approx(goal, abs=2 / here.sum())


def test_other_leptons_are_no_rival() -> None:
    points.check_same(leptons(50), leptons(50))
    with pytest.raises(ValueError, match="are not the same"):
        points.check_same(leptons(50), leptons(50, seed=1))


def scored_leptons() -> results.Tested:
    some, n = leptons(2000), 2000
    some.columns["iff"][: n // 2] = 4
    rng = np.random.default_rng(2)
    scores = {name: rng.normal(size=n) + 2.0 * some.prompt for name in results.TAGGERS}
    scores["pliv"] = np.tanh(scores["pliv"] - 1)
    return results.Tested("muon", some, Scored(scores, some.prompt, some.columns["weight"]))


def test_tables_and_pictures_say_who_is_better(tmp_path: Path) -> None:
    some = scored_leptons()
    measured = results._measured(some)
    found = measured["rejection"]
    ratio = measured["pliv_to_plit"][0]
    assert ratio.value == pytest.approx(found["pliv"][0].value / found["plit"][0].value)
    assert 0 < ratio.error < ratio.value
    assert set(measured["classes"]) >= {"b", "c", "light"}
    assert measured["bins"]["pt 43 to 100"]["ratio"].sure
    share = {f"{t} {k}": results.fraction(np.arange(9) < 6, np.ones(9))
             for t in ("pliv", "plit") for k in ("prompt", "other")}  # fmt: skip
    tables = {"muon": measured | {"points": {"PLITPrompt90": share}}}
    text = [
        table(tables)
        for table in (
            results.overall_table,
            results.class_table,
            results.bin_table,
            results.point_table,
        )
    ]
    assert "| PLIV to PLIT |" in text[0]
    assert f"| {found['pliv'][1].text()} |" in text[0]
    assert "| muon | PLITPrompt90 | 67 ± 16 % |" in text[3]
    for lines in text:
        widths = {line.replace(r"\|", "").count("|") for line in lines.splitlines()}
        assert len(widths) == 1
    json.dumps(tables)
    figures.write({"muon": ("muon", some.leptons, some.scored)}, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"pliv-rejection.png", "pliv-score.png"}
