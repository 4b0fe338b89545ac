"""A likelihood out of the committed sample: its densities, its card, and what it cannot be."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest

import lepid
from lepid.analysis.building import build_likelihood
from lepid.analysis.recipe import Recipe, plateaus
from lepid.errors import BadFile, BadInput, MissingColumns, UnknownName
from lepid.tables import read
from lepid.taggers import densities
from lepid.taggers.smoothing import smoothed

VARIABLES = ("Eratio", "f3", "el_rhad_calo", "trackParticleLinks.d0", "dPOverP")
RECIPE = Recipe(
    variables=VARIABLES, abseta="abseta_calo", et_edges=(0, 20, math.inf),
    abseta_edges=(0, 1.37, math.inf), minimum=1, n_bin=20, weight="Electrons.weight",
)  # fmt: skip


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_search_paths: None) -> Path:
    monkeypatch.setenv("LEPID_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


def changed(**changes: Any) -> Recipe:
    return dataclasses.replace(RECIPE, **changes)


def test_the_card_runs_and_tells_electrons_from_others(
    models: Path, reference_sample: Path
) -> None:
    card = build_likelihood(reference_sample, models / "electron_lh" / "mine", RECIPE)
    assert card.name == "electron_lh@mine"
    assert [entry.unit for entry in card.networks[0].nodes[0].inputs] == ["", "", "", "mm", ""]
    events = lepid.decorate(lepid.open(reference_sample), "electron_lh@mine", truth="dnn")
    electrons = ak.flatten(events["Electrons"])
    assert ak.all(electrons["electron_lh"]["scored"])
    found = electrons["electron_lh"]["D_LH"].to_numpy()
    assert found.dtype == np.float64
    prompt = electrons["truth_dnn"].to_numpy() == 0
    other = np.isin(electrons["truth_dnn"].to_numpy(), [2, 3, 4, 5])
    assert min(prompt.sum(), other.sum()) > 20
    above = (found[prompt][:, None] > found[other][None, :]).mean()
    assert above > 0.75


def test_densities_are_those_of_the_electrons_of_a_bin(
    models: Path, reference_sample: Path
) -> None:
    folder = models / "electron_lh" / "mine"
    build_likelihood(reference_sample, folder, RECIPE, step=70)
    events = lepid.open(reference_sample)
    truth = ak.flatten(lepid.truth(events, "Electrons", "dnn")).to_numpy()
    electrons = events["Electrons"]
    clusters, tracks = events["egammaClusters"], events["GSFTrackParticles"]
    at = ak.firsts(electrons["caloClusterLinks"]["m_persIndex"], axis=2)
    track = ak.firsts(electrons["trackParticleLinks"]["m_persIndex"], axis=2)
    energy, eta = (ak.flatten(clusters[n][at]).to_numpy() for n in ("calE", "calEta"))
    theta = ak.flatten(tracks["theta"][track]).to_numpy()
    et = energy.astype(np.float64) * np.sin(theta.astype(np.float64)) / 1000
    f3, weight = (ak.flatten(electrons[n]).to_numpy().astype(float) for n in ("f3", "weight"))
    used = np.isin(truth, [0, 2, 3, 4, 5])
    low, high = np.quantile(f3[used], (0.001, 0.999))
    grid = densities.grid(read(folder / "densities.json.gz"), "f3_background")
    here = (truth >= 2) & (et >= 20) & (np.abs(eta) < 1.37)
    assert here.sum() > 5
    expected = smoothed(f3[here], weight[here], low, high, 20)
    found = grid.content[1][0]
    assert (found.low, found.high) == (low, high)
    np.testing.assert_allclose(found.content, expected, rtol=1e-6)


def test_it_is_the_same_in_steps(models: Path, reference_sample: Path) -> None:
    hashes = {
        build_likelihood(reference_sample, models / name / "electron_lh" / "a", RECIPE, step=step)
        .networks[0].sha256
        for name, step in (("one", 1000), ("two", 50))
    }  # fmt: skip
    assert len(hashes) == 1


def test_only_what_has_the_value_is_used(models: Path, reference_sample: Path) -> None:
    events = lepid.open(reference_sample)
    truth = lepid.truth(events, "Electrons", "dnn")
    training = ak.flatten(truth[events["EventInfo"]["split"] == 0]).to_numpy()
    assert 0 < (training >= 0).sum() < ak.sum(truth >= 0)
    folder = models / "electron_lh" / "mine"
    build_likelihood(reference_sample, folder, changed(only="EventInfo.split=0"))
    counted = read(folder / "densities.json.gz").text
    signal, others = (training == 0).sum(), np.isin(training, range(2, 6)).sum()
    assert f"electrons: {signal} of signal, {others} of background" in counted


def test_it_runs_by_name_only_if_it_is_a_reference(models: Path, reference_sample: Path) -> None:
    build_likelihood(reference_sample, models / "toy_lh" / "mine", changed(reference=True))
    with pytest.raises(BadInput, match="toy_lh@mine"):
        lepid.decorate(lepid.open(reference_sample), "toy_lh")


def test_plateaus_lie_in_their_bins() -> None:
    assert plateaus([0, 10, 20, math.inf]) == [[0, 5], [15, 15], [25, math.inf]]
    assert plateaus([5, 10]) == [[5, math.inf]]
    assert plateaus([0, math.inf]) == [[0, math.inf]]


# --- what is an error ---------------------------------------------------------------------------


ERRORS = {
    "a class": ({"signal": ("Ell",)}, UnknownName, "no class 'Ell'(.|\n)*near: El"),
    "a class twice": ({"background": ("El",)}, BadInput, "El is in both"),
    "no class": ({"background": ()}, BadInput, "one of them has no class"),
    "a scheme": ({"scheme": "dnnn"}, UnknownName, "near: dnn"),
    "a column": ({"variables": ("f3", "Retta")}, MissingColumns, "Retta(.|\n)*near: Reta"),
    "few": ({"minimum": 10**6}, BadInput, r"\d+ of signal in E_T 0 to 20 GeV, \|eta\| 0 to 1.37"),
    "one value": ({"variables": ("f3", "m")}, BadInput, "variable m: .* same for nearly all"),
    "a weight": ({"weight": "Electrons.charge"}, BadInput, "'Electrons.charge' .*: is negative"),
    "only": ({"only": "EventInfo.split"}, BadInput, "only: 'EventInfo.split' (.|\n)*COLUMN=NUMBER"),
    "only of nothing": (
        {"only": "EventInfo.spilt=0"},
        BadInput,
        "EventInfo.spilt(.|\n)*near: .*split",
    ),
    "edges": ({"et_edges": (0, 20, 10)}, BadInput, "et_edges: do not ascend"),
    "one edge": ({"abseta_edges": (1.0,)}, BadInput, "abseta_edges: do not ascend"),
    "no variable": ({"variables": ()}, BadInput, "variables: none"),
    "one bin": ({"n_bin": 1}, BadInput, "n_bin: 1"),
}


@pytest.mark.parametrize("kind", ERRORS)
def test_what_cannot_be_built(kind: str, models: Path, reference_sample: Path) -> None:
    changes, error, fact = ERRORS[kind]
    with pytest.raises(error, match=fact):
        build_likelihood(reference_sample, models / "electron_lh" / "mine", changed(**changes))
    assert not models.exists()


def test_a_card_that_is_there_stays(models: Path, reference_sample: Path) -> None:
    folder = models / "electron_lh" / "mine"
    folder.mkdir(parents=True)
    (folder / "card.toml").write_text("x", encoding="utf-8")
    with pytest.raises(BadFile, match=r"card\.toml: is there already"):
        build_likelihood(reference_sample, folder, RECIPE)
    assert (folder / "card.toml").read_text("utf-8") == "x"


def test_a_folder_whose_names_are_no_tagger(models: Path, reference_sample: Path) -> None:
    with pytest.raises(BadInput, match=r"Electron-LH/mine(.|\n)*MODELS/TAGGER/NETWORK"):
        build_likelihood(reference_sample, models / "Electron-LH" / "mine", RECIPE)
