"""Training of TightNN and its rivals, where torch is installed (`lepid[reference]`)."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

torch = pytest.importorskip("torch", reason="torch trains the networks (lepid[reference])")

from training.curves import Measured  # noqa: E402
from training.tightnn import compared, export, fit, inputs, network, results, runs  # noqa: E402
from training.tightnn.fit import Settings  # noqa: E402
from training.tightnn.inputs import Muons  # noqa: E402

QUICK = Settings(epochs=6, batch=256, rate=5e-3)


def drawn(n: int = 6000, seed: int = 0) -> Muons:
    """Muons of two classes that differ in three inputs."""
    rng = np.random.default_rng(seed)
    signal = rng.random(n) < 0.6
    given = rng.normal(5, 2, (n, 24)).astype(np.float32)
    for place, shift in ((1, 0.1), (4, 2.0), (5, 1.0)):
        given[:, place] = np.abs(rng.normal(shift * ~signal, 0.3 + 0.2 * shift))
    given[:, 6] = 1
    given[:, 7] = 3
    columns = {
        "pt": 4 * np.exp(rng.exponential(1.0, n)),
        "eta": rng.uniform(-2.5, 2.5, n),
        "iff": np.where(signal, 8, 10),
        "weight": np.where(signal, 1.0, rng.exponential(0.2, n)),
        "split": rng.choice([0, 0, 0, 1, 2], n).astype(np.int8),
        "pileup": rng.normal(46, 12, n),
    }
    return Muons(given, columns)


def parts(muons: Muons) -> list[fit.Part]:
    weight = np.ones(len(muons.inputs))
    return [
        fit.part(muons.inputs[p], muons.signal[p], weight[p])
        for p in (muons.columns["split"] == k for k in (0, 1))
    ]


@pytest.fixture(scope="module")
def fitted() -> fit.Fitted:
    torch.set_num_threads(1)
    return fit.fit("tightnn", *parts(drawn()), QUICK)


def test_the_losses_fall_and_the_classes_are_told_apart(fitted: fit.Fitted) -> None:
    losses = [epoch["validation"] for epoch in fitted.history]
    assert losses[1] < 0.9 * losses[0]
    test = drawn(2000, 1)
    right = (network.scores(fitted.network, test.inputs) > 0.5) == test.signal
    assert right.mean() > 0.9
    assert fitted.seconds > 0


def test_layers_are_those_of_the_talk(fitted: fit.Fitted) -> None:
    dense = [m for m in fitted.network.modules() if isinstance(m, torch.nn.Linear)]
    assert [m.out_features for m in dense] == [64, 128, 64, 32, 8, 1]
    kinds = [type(m).__name__ for m in fitted.network.layers]
    assert kinds[:9] == ["Normalised", "Linear", "ReLU", "BatchNorm1d", "Dropout", "Linear",
                         "ReLU", "BatchNorm1d", "Dropout"]  # fmt: skip
    assert {m.p for m in fitted.network.modules() if isinstance(m, torch.nn.Dropout)} == {0.3}
    assert kinds.count("BatchNorm1d") == 2


def test_inputs_are_normalised_inside_and_a_constant_is_harmless(fitted: fit.Fitted) -> None:
    normalised = fitted.network.layers[0]
    train = drawn().of(drawn().columns["split"] == 0)
    np.testing.assert_allclose(normalised.mean, train.inputs.mean(axis=0), rtol=2e-2, atol=1e-2)
    assert normalised.width[6] == 1


def test_it_stops_early_and_keeps_the_best() -> None:
    settings = QUICK._replace(epochs=40, patience=2, plateau=1, rate=0.3)
    found = fit.fit("tightnn", *parts(drawn(1500)), settings)
    losses = [epoch["validation"] for epoch in found.history]
    again = fit.evaluate(found.network, parts(drawn(1500))[1])["validation"]
    assert again == pytest.approx(min(losses), rel=1e-4)
    assert len(losses) < 40
    assert np.argmin(losses) == len(losses) - 3


def test_the_rate_halves_on_a_plateau() -> None:
    settings = QUICK._replace(epochs=9, patience=99, plateau=2, better=10.0)
    rates = [epoch["rate"] for epoch in fit.fit("tightnn", *parts(drawn(600)), settings).history]
    # Nothing is better by 10: the first is, against nothing, and then every second one halves.
    assert rates == pytest.approx([5e-3 / 2**k for k in (0, 0, 0, 1, 1, 2, 2, 3, 3)])


@pytest.mark.parametrize("kind", ["lstm", "transformer"])
def test_rivals_learn_too(kind: str) -> None:
    settings = QUICK._replace(epochs=4, rate=1e-2)
    found = fit.fit(kind, *parts(drawn(3000)), settings)
    losses = [epoch["validation"] for epoch in found.history]
    assert min(losses) < losses[0]
    assert network.scores(found.network, drawn(50).inputs).shape == (50,)


@pytest.mark.parametrize("n", [1, 2, 700])
def test_the_export_answers_as_the_network_does(fitted: fit.Fitted, tmp_path: Path, n: int) -> None:
    export.export(fitted.network, tmp_path / "n.onnx", n_input=24)
    session = onnxruntime.InferenceSession(str(tmp_path / "n.onnx"))
    assert [(i.name, i.shape[1]) for i in session.get_inputs()] == [("flatten_input", 24)]
    assert [o.name for o in session.get_outputs()] == ["sequential"]
    some = drawn(n, 5).inputs
    answers = session.run(None, {"flatten_input": some})[0]
    assert answers.shape == (n, 1)
    np.testing.assert_allclose(answers[:, 0], network.scores(fitted.network, some), atol=1e-6)


@pytest.fixture
def output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder with the muons of three splits gathered, and quick settings."""
    muons = drawn(20_000)
    folder = tmp_path / "gathered" / inputs.PROCESSES[0]
    folder.mkdir(parents=True)
    np.savez(folder / "000.npz", inputs=muons.inputs, **muons.columns)
    monkeypatch.setattr(
        runs.Run, "settings", property(lambda run: QUICK._replace(epochs=3, seed=run.seed))
    )
    monkeypatch.setattr(runs, "ROUNDS", 20)
    return tmp_path


@pytest.mark.slow
def test_one_training_after_another_and_what_is_written(output: Path) -> None:
    gathered = output / "gathered"
    for run in runs.ALL:
        runs.train(run, gathered, output)
    results.write(gathered, output)
    tables = json.loads((output / "results.json").read_text())
    assert set(tables["all"]) == {"run3", "run2"}
    for name, found in tables["all"].items():
        cuts, nn = (found["points"][key] for key in (compared.TIGHT, compared.FLAT))
        assert nn["signal"]["value"] == pytest.approx(cuts["signal"]["value"], abs=0.08)
        assert nn["gain"]["value"] == pytest.approx(
            cuts["background"]["value"] / nn["background"]["value"], rel=1e-6
        )
        assert 0.9 < nn["area"]["value"] <= 1
        # The inputs that make the difference come first, of those that make none little is lost.
        lost = list(tables["ranking"][name].items())
        assert lost[0][0] == "momentumBalanceSignificance"
        assert abs(lost[-1][1]["value"]) < 0.01
    assert set(tables["rivals"]) == {"run3", "run3-gbdt", "run3-lstm", "run3-transformer"}
    assert all(row["seconds"] > 0 < row["microseconds"] for row in tables["rivals"].values())
    kinds = ("none", "flat", "signal", "background")
    assert list(tables["reweighting"]) == [f"{kind}-{seed}" for kind in kinds for seed in (1, 2)]
    pictures = {path.name for path in (output / "figures").glob("*.png")}
    assert pictures == {f"tightnn-{name}.png" for name in (
        "acceptance-run2", "acceptance-run3", "scores", "reweighting", "training", "ranking",
        "correlations")}  # fmt: skip
    for run in runs.SHIPPED:
        folder = output / "networks" / run.network.replace("@", "/")
        assert {path.name for path in folder.iterdir()} == {
            "card.toml", "metrics.json", "network.onnx"}  # fmt: skip
    text = (output / "results.md").read_text()
    assert "nan" not in text
    with np.load(output / "closure.npz") as file:
        assert {name.split("/")[-1] for name in file.files} == {"inputs", "scores"}


def test_scores_of_other_muons_are_refused(output: Path) -> None:
    run = replace(runs.RUN3, network="")
    runs.train(run, output / "gathered", output)
    fewer = drawn(500)
    with pytest.raises(ValueError, match=r"run3\.npz is of other muons"):
        compared.compare(run, [], fewer, output)


def test_percents() -> None:
    cases = {
        (0.3047, 0.0098): "30.5 ± 1.0",
        (0.5, 0.0032): "50.0 ± 0.3",
        (0.004, 0.0004): "0.40 ± 0.04",
    }
    for (value, error), expected in cases.items():
        assert results.percent(Measured(value, error)) == expected
