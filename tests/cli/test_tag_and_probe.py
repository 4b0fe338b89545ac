"""lepid tag-and-probe on real electrons: text, json, html, and pairs that add up."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lepid.cli.main import main
from lepid.efficiency.tag_and_probe import pair_file

ARGUMENTS = ["--tagger", "cms_electron_mva_iso", "--tag", "pt > 32 and cutBased == 4", "--quiet"]
SHORT = ["--working-point", "WP80", "--inclusive", "--method", "sidebands"]


@pytest.mark.real
def test_outputs(real_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(real_data / "root" / "egammatnp_DYto2E.root")
    names = ["t.html", "t.json", "t.pairs.json"]
    outputs = [word for name in names for word in ("-o", str(tmp_path / name))]
    assert main(["tag-and-probe", path, *ARGUMENTS, *SHORT, *outputs]) == 0
    assert "all probes" in capsys.readouterr().out
    assert (tmp_path / "t.html").read_text().count("data:image/png") == 1
    (stored,) = json.loads((tmp_path / "t.json").read_text())
    assert 0.85 < stored["bins"][0]["value"] < 0.95
    pairs = str(tmp_path / "t.pairs.json")
    assert main(["tag-and-probe", pairs, pairs, *SHORT, "--json", "--quiet"]) == 0
    (twice,) = json.loads(capsys.readouterr().out)
    assert twice["bins"][0]["value"] == pytest.approx(stored["bins"][0]["value"])
    assert twice["bins"][0]["passed"] == pytest.approx(2 * stored["bins"][0]["passed"])
    assert {"WP80", "WP90"} <= set(pair_file.read(Path(pairs)).working_points)


def test_wrong_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tag-and-probe", "x.root", "--quiet"]) == 1
    assert "--tag" in capsys.readouterr().err
    assert main(["tag-and-probe", "x.root", "y.pairs.json", "--quiet"]) == 1
    assert "one kind" in capsys.readouterr().err
    assert main(["tag-and-probe", "x.root", "--window", "60,90,120", "--quiet"]) == 1
    assert "two ends" in capsys.readouterr().err
