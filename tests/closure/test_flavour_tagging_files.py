"""A tagger on the jets of a file of the flavour-tagging tools, against numpy on its columns."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
import pytest

import lepid
from lepid.cli.main import main

pytestmark = pytest.mark.real

CARD = """
tagger = "jet_mock"
network = "stored"
flavour = "jet"
experiment = "atlas"
description = "scores of a mock tagger"
source = "puma"
fractions = { values = { f_c = 0.1 }, source = "ours" }
working_points = ["points.json"]
outputs = [
    { name = "pb", stored = ["MockTagger_pb"] },
    { name = "pc", stored = ["MockTagger_pc"] },
    { name = "pu", stored = ["MockTagger_pu"] },
]

[discriminants.discriminant]
kind = "log_ratio"
numerator = { pb = "1" }
denominator = { pc = "f_c", pu = "1 - f_c" }
"""
LABELS = """
column = "HadronConeExclTruthLabelID"
[classes]
bjets = 5
cjets = 4
ujets = 0
taujets = 15
"""
CODES = {"bjets": 5, "cjets": 4, "ujets": 0, "taujets": 15}
PT_EDGES, ABSETA_EDGES = (20.0, 200.0, 1000.0), (0.0, 1.0, 2.5)


class Case(NamedTuple):
    """The file, its columns, the discriminant by numpy, and the truth scheme."""

    file: Path
    jets: Any
    score: Any
    labels: Any
    scheme: str


@pytest.fixture
def case(real_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Case:
    folder = tmp_path / "models" / "jet_mock" / "stored"
    folder.mkdir(parents=True)
    (folder / "card.toml").write_text(CARD.replace('working_points = ["points.json"]', ""))
    monkeypatch.setenv("LEPID_MODELS", str(tmp_path / "models"))
    (tmp_path / "labels.toml").write_text(LABELS)
    path = real_data / "root" / "puma_file1.h5"
    with h5py.File(path) as file:
        jets = file["jets"][()]
    pb, pc, pu = (jets[f"MockTagger_{name}"].astype(np.float64) for name in ("pb", "pc", "pu"))
    score = np.log(pb / (0.1 * pc + 0.9 * pu))
    labels = jets["HadronConeExclTruthLabelID"]
    return Case(path, jets, score, labels, str(tmp_path / "labels.toml"))


def test_discriminants(case: Case) -> None:
    events = lepid.decorate(lepid.open(case.file))
    assert events.attrs["lepid"]["jet_mock"]["source"] == "stored"
    found = events.jets.jet_mock
    assert bool(np.all(found.scored))
    np.testing.assert_allclose(found.discriminant, case.score, rtol=1e-12)
    assert found.pb.to_list() == case.jets["MockTagger_pb"].tolist()


@pytest.mark.parametrize("background", [["cjets"], ["ujets"], ["cjets", "ujets", "taujets"]])
def test_area_and_rejection(case: Case, background: list[str]) -> None:
    chunks = lepid.iterate(case.file, "jet_mock", step=300)
    options: Any = {"signal": "bjets", "background": background, "scheme": case.scheme}
    sample = lepid.roc(chunks, "jet_mock", quantity="discriminant", **options)
    signal = case.score[case.labels == 5]
    rest = case.score[np.isin(case.labels, [CODES[name] for name in background])]
    difference = signal[:, None] - rest
    area = np.mean(difference > 0) + np.mean(difference == 0) / 2
    assert sample.curve().area.value == pytest.approx(area, rel=1e-12)
    points = sample.curve().at([0.6, 0.77])
    for cut, efficiency, rejection in zip(points.cut, (0.6, 0.77), points.rejection, strict=True):
        assert np.mean(signal >= cut) >= efficiency > np.mean(signal > cut)
        assert rejection == pytest.approx(len(rest) / np.count_nonzero(rest >= cut))


def test_points_that_are_derived_are_measured(case: Case, tmp_path: Path) -> None:
    """Each bin comes back at the efficiency of its cut, within one jet: the jets are the same."""
    home = tmp_path / "models" / "jet_mock" / "stored"
    table = home / "points.json"
    asked = {"b70": 0.7, "b85": 0.85}
    words = [word for name, value in asked.items() for word in ("--efficiency", f"{name}={value}")]
    edges = ["--pt-edges", ",".join(map(str, PT_EDGES)),
             "--abseta-edges", ",".join(map(str, ABSETA_EDGES))]  # fmt: skip
    common = [str(case.file), "--tagger", "jet_mock", "--scheme", case.scheme, "--quiet", *edges]
    assert main(["working-points", "derive", *common, "--signal", "bjets", "--quantity",
                 "discriminant", "--minimum", "1", "-o", str(table), *words]) == 0  # fmt: skip
    (home / "card.toml").write_text(CARD)
    out = tmp_path / "table.json"
    assert main(["efficiency", *common, "-o", str(out)]) == 0
    found = json.loads(out.read_text())
    assert found["collection"] == "jets"
    events = lepid.decorate(lepid.open(case.file), "jet_mock")
    pt, abseta = case.jets["pt"].astype(np.float64) / 1000, np.abs(case.jets["eta"])
    measured = lepid.measure(
        events, "jet_mock", scheme=case.scheme, pt_edges=PT_EDGES, abseta_edges=ABSETA_EDGES
    )
    for name, value in asked.items():
        passed = np.asarray(events.jets.jet_mock[name])
        for low, high in pairwise(PT_EDGES):
            for near, far in pairwise(ABSETA_EDGES):
                inside = (pt >= low) & (pt < high) & (abseta >= near) & (abseta < far)
                mine = passed[inside & (case.labels == 5)]
                assert np.mean(mine) == pytest.approx(value, abs=1 / len(mine))
        for flavour, code in CODES.items():
            inside = (pt >= PT_EDGES[0]) & (pt < PT_EDGES[-1]) & (abseta < ABSETA_EDGES[-1])
            mine = passed[inside & (case.labels == code)]
            counted = measured.efficiency(name, flavour)
            assert np.sum(counted.passed) == np.count_nonzero(mine)
            assert np.sum(counted.total) == len(mine)


def test_decorated_jets_are_read_back(case: Case, tmp_path: Path) -> None:
    for suffix in (".h5", ".root", ".parquet"):
        out = tmp_path / f"out{suffix}"
        words = ["decorate", str(case.file), "--tagger", "jet_mock", "--quiet", "-o", str(out)]
        assert main([*words, "--truth", case.scheme]) == 0
        back = lepid.open(out)
        np.testing.assert_allclose(back.jets.jet_mock.discriminant, case.score, rtol=1e-12)
        assert back.jets.truth_labels.to_list() == case.labels.tolist()
        assert back.jets.pt.to_list() == case.jets["pt"].tolist()


def test_tracks_are_those_that_are_valid(case: Case) -> None:
    with h5py.File(case.file) as file:
        tracks = file["tracks"][()]
    events = lepid.open(case.file, entry_start=100, entry_stop=110)
    for mine, there in zip(events.tracks.d0.to_list(), tracks[100:110], strict=True):
        assert mine == there["d0"][there["valid"]].tolist()
