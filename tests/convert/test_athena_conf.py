"""Confs of the electron selectors to plain data: every key, lengths, contradictions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lepid.convert import athena_conf
from lepid.errors import BadFile


def test_every_key_of_the_network(area: Any) -> None:
    path = area.conf("tight")
    conf = athena_conf.read_dnn(path)
    text = dict(line.split(": ", 1) for line in path.read_text().splitlines())
    assert conf.path == str(path)
    assert conf.model == text["inputModelFileName"]
    assert conf.quantiles == text["inputQuantileFileName"]
    assert ",".join(conf.variables) == text["Variables"]
    assert (conf.multiclass, conf.cf_signal, conf.smooth) == (True, True, True)
    for key, found, shape in (
        ("Fractions", conf.fractions, (10, 5)),
        ("CutSelector", conf.cuts, (10, 10)),
        ("CutSelectorCF", conf.cuts_cf, (10, 10)),
        ("CutPi", conf.pixel, (10,)),
        ("CutSCT", conf.silicon, (10,)),
        ("CutBL", conf.b_layer, (10,)),
        ("CutAmbiguity", conf.ambiguity, (10,)),
    ):
        assert found is not None
        assert found.shape == shape
        assert found.ravel().tolist() == [float(x) for x in text[key].split(";")]


def test_defaults_of_the_network(area: Any) -> None:
    keys = dict.fromkeys(
        ("inputModelFileName", "inputQuantileFileName", "Variables", "multiClass", "Fractions",
         "CutSelectorCF", "CutAmbiguity", "CutBL", "CutPi", "CutSCT", "doSmoothBinInterpolation")
    )  # fmt: skip
    conf = athena_conf.read_dnn(area.conf("bare", **keys))
    assert conf.model.endswith("mc16_20210204/ElectronDNNNetwork.json")
    assert conf.quantiles.endswith("mc16_20210204/ElectronDNNQuantileTransformer.root")
    assert (conf.variables, conf.multiclass, conf.cf_signal, conf.smooth) == (
        (),
        False,
        True,
        False,
    )
    optional = (
        conf.fractions,
        conf.cuts_cf,
        conf.pixel,
        conf.silicon,
        conf.b_layer,
        conf.ambiguity,
    )
    assert all(each is None for each in optional)


@pytest.mark.parametrize(
    ("keys", "facts"),
    [
        ({"CutSelector": None}, ["no CutSelector", "near: CutSelectorCF"]),
        ({"CutSelector": "1; 2"}, ["CutSelector has 2 numbers, expected 100"]),
        ({"Fractions": "; ".join("1" * 60)}, ["Fractions has 60 numbers, expected 50"]),
        ({"CutPi": "1; 2; 3"}, ["CutPi has 3 numbers, expected 10"]),
        ({"CutPixel": "1"}, ["unknown key CutPixel", "near: CutPi"]),
        ({"CutBL": "; ".join("2" * 10)}, ["CutBL holds 2"]),
        ({"CutAmbiguity": "; ".join(["-1"] * 10)}, ["CutAmbiguity holds -1"]),
        ({"Fractions": None}, ["multiClass is true and there are no Fractions"]),
        ({"multiClass": "false"}, ["there are Fractions"]),
        ({"multiClass": None, "Fractions": None}, ["there is a CutSelectorCF"]),
        ({"multiClass": "perhaps"}, ["multiClass is 'perhaps'"]),
        ({"CutLikelihood": "1"}, ["conf of the likelihood, not of the network"]),
    ],
)
def test_what_is_wrong_with_a_conf_of_the_network(
    keys: dict[str, str | None], facts: list[str], area: Any
) -> None:
    with pytest.raises(BadFile) as caught:
        athena_conf.read_dnn(area.conf("bad", **keys))
    assert all(fact in str(caught.value) for fact in ["bad.conf", *facts]), str(caught.value)


def test_a_key_can_be_ignored(area: Any) -> None:
    path = area.conf("more", Comment="by hand")
    with pytest.raises(BadFile, match="unknown key Comment"):
        athena_conf.read_dnn(path)
    assert athena_conf.read_dnn(path, ["Comment"]).multiclass


def likelihood(tmp_path: Path, **keys: Any) -> Path:
    made: dict[str, Any] = {
        "inputPDFFileName": "ElectronPhotonSelectorTools/offline/pdfs.root",
        "VariableNames": "el_d0significance, el_eratio,el_TRT_PID",
        "CutLikelihood": list(np.arange(100) / 100),
        "CutLikelihoodPileupCorrection": [-0.001] * 100,
        "CutLikelihood4GeV": [0.5] * 10,
        "CutA0": [2.0] * 90,
        "CutWstotAtHighET": [4.0] * 10,
        "CutSi": [7] * 10,
        "useOneExtraHighETLHBin": "true",
        "doSmoothBinInterpolation": "true",
        "DiscHardCutForPileupTransform": [0.4] * 100,
        "PileupMaxForPileupTransform": 60,
    }
    made |= keys
    lines = []
    for key, value in made.items():
        if isinstance(value, list):
            half = len(value) // 2
            text = "; ".join(map(str, value[:half])), "; ".join(map(str, value[half:]))
            lines += [f"{key}: {text[0]};", f"+{key}: {text[1]}"]
        elif value is not None:
            lines.append(f"{key}: {value}")
    path = tmp_path / "lh.conf"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_every_key_of_the_likelihood(tmp_path: Path) -> None:
    conf = athena_conf.read_likelihood(likelihood(tmp_path))
    assert conf.densities == "ElectronPhotonSelectorTools/offline/pdfs.root"
    assert conf.variables == ("el_d0significance", "el_eratio", "el_TRT_PID")
    assert conf.flags["useOneExtraHighETLHBin"]
    assert not conf.flags["doPileupTransform"]
    assert conf.numbers == {
        "HighETBinThreshold": 125.0, "DiscMaxForPileupTransform": 2.0,
        "PileupMaxForPileupTransform": 60.0,
    }  # fmt: skip
    assert {key: value.shape for key, value in conf.arrays.items()} == {
        "CutLikelihood": (10, 10), "CutLikelihoodPileupCorrection": (10, 10),
        "CutLikelihood4GeV": (10,), "DiscHardCutForPileupTransform": (10, 10), "CutA0": (9, 10),
        "CutWstotAtHighET": (10,), "CutSi": (10,),
    }  # fmt: skip
    assert conf.arrays["CutLikelihood"][3, 7] == 0.37


@pytest.mark.parametrize(
    ("keys", "facts"),
    [
        ({"useOneExtraHighETLHBin": None}, ["CutLikelihood has 100 numbers, expected 90"]),
        ({"CutA0": [1.0] * 100}, ["CutA0 has 100 numbers, expected 90"]),
        ({"CutSi": [1] * 9}, ["CutSi has 9 numbers, expected 10"]),
        ({"CutSilicon": 1}, ["unknown key CutSilicon", "near: CutSi"]),
        ({"inputPDFFileName": None}, ["no inputPDFFileName"]),
        ({"VariableNames": None}, ["no VariableNames"]),
        ({"CutSelector": 1}, ["conf of the network, not of the likelihood"]),
        ({"CutSi": [7.5] * 10}, ["CutSi holds 7.5, expected integers"]),
        ({"CutBL": [2] * 10}, ["CutBL holds 2, expected 0 or 1"]),
        ({"CutAmbiguity": [-1] * 10}, ["CutAmbiguity holds -1"]),
    ],
)
def test_what_is_wrong_with_a_conf_of_the_likelihood(
    keys: dict[str, Any], facts: list[str], tmp_path: Path
) -> None:
    with pytest.raises(BadFile) as caught:
        athena_conf.read_likelihood(likelihood(tmp_path, **keys))
    assert all(fact in str(caught.value) for fact in ["lh.conf", *facts]), str(caught.value)


def test_files_are_found_above_the_conf_and_below_the_roots(
    area: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"{area.folder.relative_to(area.root)}/network.json"
    monkeypatch.delenv("LEPID_CALIBRATION", raising=False)
    assert athena_conf.calibration(name, area.conf("x")).samefile(area.folder / "network.json")
    elsewhere = tmp_path / "elsewhere.conf"
    with pytest.raises(BadFile, match=r"network\.json .*above"):
        athena_conf.calibration(name, elsewhere)
    monkeypatch.setenv("LEPID_CALIBRATION", f"{tmp_path}:{area.root}")
    assert athena_conf.calibration(name, elsewhere).samefile(area.folder / "network.json")
    assert athena_conf.calibration(str(area.folder / "network.json")).is_file()
