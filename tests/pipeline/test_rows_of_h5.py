"""Rows of HDF5 through the pipeline: networks on columns, labels, weights; the same from ROOT."""

from __future__ import annotations

import json
from itertools import chain
from pathlib import Path

import h5py
import numpy as np
import pytest

import lepid
from lepid.cli.main import main
from lepid.errors import MissingColumns

pytestmark = pytest.mark.usefixtures("no_search_paths")

INPUTS = {"pt": "pt,GeV", "eta": "eta", "iso": "ptvarcone30TTVARel_stored"}
TAGGER = "muon_plit@reference-run3"
WEIGHTS, BIAS = np.array([0.02, -0.3, 4.0]), -0.5


def rows(n: int) -> np.ndarray:
    """Muons in MeV, with labels and weights."""
    random = np.random.default_rng(7)
    table = np.empty(n, [
        ("pt", "f4"), ("eta", "f4"), (INPUTS["iso"], "f2"), ("flavour_label", "i4"),
        ("mcWeight", "f4"),
    ])  # fmt: skip
    table["pt"] = random.uniform(5e3, 1e5, n)
    table["eta"] = random.uniform(-2.5, 2.5, n)
    table[INPUTS["iso"]] = random.exponential(0.2, n)
    table["flavour_label"] = random.integers(0, 2, n)
    table["mcWeight"] = random.normal(1.0, 0.5, n)
    return table


def expected(table: np.ndarray) -> np.ndarray:
    given = np.stack([table["pt"] / 1e3, table["eta"], table[INPUTS["iso"]]], axis=1)
    return 1 / (1 + np.exp(-(given.astype(np.float64) @ WEIGHTS + BIAS)))


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """File of 500 muons, and a network that takes three of their columns."""
    layers = [{"architecture": "dense", "activation": "sigmoid", "weights": WEIGHTS.tolist(),
               "bias": [BIAS]}]  # fmt: skip
    inputs = [{"name": name, "offset": 0.0, "scale": 1.0} for name in INPUTS]
    network = tmp_path / "network.json"
    network.write_text(json.dumps({"inputs": inputs, "layers": layers, "outputs": ["p"]}))
    words = [f"--feature={name}={feature}" for name, feature in INPUTS.items()]
    words += ["-o", str(tmp_path / "models"), "--tagger", "muon_rows", "--flavour", "muon"]
    assert main(["convert", "lwtnn", str(network), *words]) == 0
    monkeypatch.setenv("LEPID_MODELS", str(tmp_path / "models"))
    with h5py.File(tmp_path / "rows.h5", "w") as file:
        file["muons"] = rows(500)
    return tmp_path / "rows.h5"


def test_a_network_on_columns_of_the_rows(path: Path) -> None:
    table = rows(500)
    whole = lepid.decorate(lepid.open(path), "muon_rows")
    (field,) = (name for name in whole.muons.muon_rows.fields if name != "scored")
    np.testing.assert_allclose(whole.muons.muon_rows[field], expected(table), rtol=1e-5)
    parts = [
        chunk.muons.muon_rows[field].to_list()
        for chunk in lepid.iterate(path, "muon_rows", step=77)
    ]
    assert list(chain.from_iterable(parts)) == whole.muons.muon_rows[field].to_list()


def test_columns_that_the_rows_lack(path: Path, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "few.h5", "w") as file:
        file["muons"] = rows(10)[["pt", "eta", "flavour_label"]]
    with pytest.raises(MissingColumns, match="no column ptvarcone30TTVARel_stored"):
        lepid.decorate(lepid.open(tmp_path / "few.h5"), "muon_rows")


def test_area_with_labels_and_weights_of_columns(path: Path, tmp_path: Path) -> None:
    labels = tmp_path / "labels.toml"
    labels.write_text('column = "flavour_label"\n[classes]\nprompt = 0\nrest = 1\n')
    sample = lepid.roc(
        lepid.iterate(path, "muon_rows", step=123), "muon_rows", signal="prompt",
        scheme=str(labels), weight="muons.mcWeight",
    )  # fmt: skip
    table = rows(500)
    score, weight = expected(table), table["mcWeight"].astype(np.float64)
    prompt = table["flavour_label"] == 0
    pairs = weight[prompt][:, None] * weight[~prompt]
    above = score[prompt][:, None] > score[~prompt]
    assert sample.curve().area.value == pytest.approx(
        np.sum(pairs * above) / np.sum(pairs), rel=1e-9
    )


def test_rows_say_what_their_events_said(reference_sample: Path, tmp_path: Path) -> None:
    """The same leptons as events in ROOT, as decorated rows, and as rows of another tool."""
    words = ["decorate", str(reference_sample), "--tagger", TAGGER, "--quiet"]
    out, bare = tmp_path / "out.h5", tmp_path / "bare.h5"
    assert main([*words, "--truth", "iff", "-o", str(out)]) == 0
    with h5py.File(out) as file, h5py.File(bare, "w") as other:
        table = file["muons"][()]
        names = [
            name.replace("muon_plit", "muon_plit_reference_run3") for name in table.dtype.names
        ]
        names = ["iffClass" if name == "truth_iff" else name for name in names]
        table.dtype.names = names
        other["muons"] = table[[n for n in names if n not in ("truthType", "truthOrigin")]]

    def area(path: Path, tree: str | None = None) -> tuple[float, float, int]:
        chunks = lepid.iterate(path, TAGGER, tree=tree, step=150)
        sample = lepid.roc(chunks, TAGGER, signal="PromptMuon")
        return *sample.curve().area[:2], len(sample.column("pt"))

    whole = area(reference_sample)
    assert area(out, "muons") == whole
    assert area(bare) == whole
    assert whole[2] > 100
