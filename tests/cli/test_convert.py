"""lepid convert: what it writes, says and refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import uproot

from lepid.cli.main import main, parser
from lepid.taggers import card_file, catalogue
from lepid.working_points import table

pytestmark = pytest.mark.usefixtures("no_search_paths")
TREES = ("tmva", "xgboost", "lightgbm", "sklearn")
FORMATS = ("lwtnn", "athena-conf", "electron-plit-graphs", *TREES)
DENSE = {"architecture": "dense", "weights": [1.0, 2.0], "bias": [0.5], "activation": "linear"}
NETWORK = {
    "inputs": [
        {"name": "pt", "offset": -10.0, "scale": 0.5},
        {"name": "shape", "offset": 0.0, "scale": 1.0, "default": 0.25},
    ],
    "layers": [DENSE],
    "outputs": ["score"],
}


@pytest.fixture
def network(tmp_path: Path) -> Path:
    path = tmp_path / "net.json"
    path.write_text(json.dumps(NETWORK))
    return path


def lwtnn(network: Path, *more: str) -> list[str]:
    output = str(network.parent / "models")
    return ["convert", "lwtnn", str(network), "-o", output, "--tagger", "electron_mine",
            "--flavour", "electron", *more]  # fmt: skip


@pytest.mark.parametrize("name", FORMATS)
def test_help_says_what_it_takes(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["convert", name, "--help"])
    out = capsys.readouterr().out
    assert stopped.value.code == 0
    assert "-o FOLDER" in out
    example = " ".join(out.split("example: lepid ")[1].split())
    words = [word.strip("'") for word in example.split()]
    assert parser().parse_args(words).format == name


def test_help_lists_the_formats(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["convert", "--help"])
    out = capsys.readouterr().out
    assert all(name in out for name in FORMATS)


def test_lwtnn_becomes_a_tagger(
    network: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(lwtnn(network, "--feature", "pt=pt,GeV")) == 0
    out = capsys.readouterr().out
    assert "electron_mine" in out
    assert "LEPID_MODELS=" in out
    folder = network.parent / "models" / "electron_mine" / "lwtnn"
    card = card_file.load(folder / "card.toml")
    ((entry, other),) = [node.inputs for node in card.networks[0].nodes]
    assert (entry.feature, entry.unit, entry.default) == ("pt", "GeV", None)
    assert (other.feature, other.default, other.default_source) == ("shape", 0.25, "net.json")
    monkeypatch.setenv("LEPID_MODELS", str(network.parent / "models"))
    path, _ = catalogue.locate(card, card.networks[0])
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (found,) = session.run(["score"], {"inputs": np.array([[30.0, 1.0]], np.float32)})
    np.testing.assert_allclose(found, [10.0 + 2.0 + 0.5])


def test_json(network: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(lwtnn(network, "--json", "--network", "two")) == 0
    found = json.loads(capsys.readouterr().out)
    assert found == {
        "folder": str(network.parent / "models" / "electron_mine" / "two"),
        "card": "electron_mine@two",
        "outputs": ["score"],
        "inputs": {"inputs": ["pt", "shape"]},
        "working_points": [],
    }


@pytest.mark.parametrize(
    ("more", "facts"),
    [
        (["--feature", "pt"], ["'pt' is not INPUT=COLUMN"]),
        (["--feature", "pt=a", "--feature", "pt=b"], ["pt is given twice"]),
        (["--feature", "ptt=pt"], ["no input 'ptt'", "near: pt"]),
        (["--feature", "pt=pt,Gev"], ["unknown unit 'Gev'"]),
        (["--network", "a/b"], ["network"]),
    ],
)
def test_what_lwtnn_refuses(
    more: list[str], facts: list[str], network: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(lwtnn(network, *more)) == 1
    err = capsys.readouterr().err
    assert all(fact in err for fact in facts), err
    assert not (network.parent / "models").exists()


def test_graphs_become_points_of_a_card(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "wp.root"
    with uproot.recreate(path) as file:
        file["binning"] = np.zeros(1), np.array([0.0, 2.47])
        file["g"] = uproot.as_TGraph({"x": np.array([10.0, 20.0]), "y": np.array([0.0, 1.0])})
    words: list[Any] = ["convert", "electron-plit-graphs", f"isolPLITTightRun3={path}", "-o",
                        tmp_path / "models", "--sense", ">", "--card"]  # fmt: skip
    assert main([*map(str, words), "electron_plit"]) == 1
    assert "electron_plit@atlas-2025-04-25-run3" in capsys.readouterr().err
    assert main([*map(str, words), "electron_plit@atlas-2025-04-25-run3"]) == 0
    assert "working points  isolPLITTightRun3" in capsys.readouterr().out
    folder = tmp_path / "models" / "electron_plit" / "atlas-2025-04-25-run3"
    assert table.read(folder / "points.json").points == ["isolPLITTightRun3"]
    with pytest.raises(SystemExit):
        main([*map(str, words[:6]), "--card", "electron_plit@stored"])


@pytest.mark.parametrize(
    ("words", "fact"),
    [
        ([], "NAME=CONF, or a --menu"),
        (["Tight=t.conf", "--menu", "atlas-mc20-20240509"], "NAME=CONF, or a --menu"),
        (["tight.conf"], "'tight.conf' is not NAME=CONF"),
        (["Tight=absent.conf"], "give --network"),
        (["Tight=absent.conf", "--network", "x"], "absent.conf: cannot be read"),
        (["--menu", "atlas-mc20"], "near: atlas-mc20-20240509"),
        (["--menu", "atlas-mc20-20240509"], "set LEPID_CALIBRATION"),
    ],
)
def test_what_athena_conf_refuses(
    words: list[str], fact: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["convert", "athena-conf", *words, "-o", str(tmp_path / "models")]) == 1
    assert fact in capsys.readouterr().err
    assert not (tmp_path / "models").exists()
