"""The CMS particle-flow electron network against its right answers, through `lepid.decorate`."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import onnx
import pytest

import lepid
from lepid.errors import (
    ChangedNetwork,
    MissingColumns,
    MissingNetwork,
    NetworkMismatch,
)
from lepid.taggers import catalogue, inference

pytestmark = [pytest.mark.real, pytest.mark.usefixtures("no_search_paths")]

TAGGER = "cms_electron_pfid_dnn"
CLASSES = ["sig_isolated", "sig_nonisolated", "bkg_nonisolated", "bkg_tau", "bkg_photon"]
NETWORKS = {
    "run3summer21-eb-highpt": "Run3Summer21_120X_EB_highpT",
    "run3winter22-exteta1": "Run3Winter22_122X_exteta1",
}


def oracle(real_data: Path, network: str) -> tuple[ak.Array, Any]:
    """Events of 0 to 4 electrons with the raw inputs as columns, and the probabilities."""
    with np.load(real_data / "oracles" / f"{TAGGER}_{NETWORKS[network]}.npz") as file:
        names, raw = file["feature_names"].tolist(), file["raw_input"]
        right = file["probabilities_float64"]
    flat = ak.Array(dict(zip(names, raw.T.copy(), strict=True)))
    return ak.Array({"Electron": ak.unflatten(flat, np.tile(range(5), len(raw) // 10))}), right


@pytest.fixture(params=NETWORKS)
def network(
    request: pytest.FixtureRequest, real_data: Path, monkeypatch: pytest.MonkeyPatch
) -> str:
    monkeypatch.setenv("LEPID_MODELS", str(real_data / "models"))
    return str(request.param)


def scores(events: Any) -> Any:
    record = ak.flatten(events["Electron"][TAGGER])
    return np.stack([ak.to_numpy(record[name]) for name in CLASSES], axis=1)


def test_all_five_classes_to_1e_5(network: str, real_data: Path) -> None:
    events, right = oracle(real_data, network)
    found = lepid.decorate(events, f"{TAGGER}@{network}", schema="plain")
    np.testing.assert_allclose(scores(found), right, rtol=0, atol=1e-5)
    assert right.std(axis=0).min() > 1e-3
    assert ak.all(found["Electron"][TAGGER]["scored"], axis=None)
    np.testing.assert_allclose(scores(found).sum(axis=1), 1, atol=1e-5)


def test_what_is_noted_about_it(network: str, real_data: Path) -> None:
    events, _ = oracle(real_data, network)
    found = lepid.decorate(events, f"{TAGGER}@{network}", schema="plain")
    facts = found.attrs["lepid"][TAGGER]
    card = catalogue.load(TAGGER, network)
    assert facts["sha256"] == [card.networks[0].sha256]
    assert facts["card"] == card.name
    assert facts["source"] == "network"


def test_where_chooses_the_electrons_worth_scoring(network: str, real_data: Path) -> None:
    events, right = oracle(real_data, network)
    mask = events["Electron"]["pt"] > np.median(ak.flatten(events["Electron"]["pt"]))
    found = lepid.decorate(events, f"{TAGGER}@{network}", schema="plain", where={"Electron": mask})
    chosen = ak.to_numpy(ak.flatten(mask))
    assert 0 < chosen.sum() < len(chosen)
    np.testing.assert_allclose(scores(found)[chosen], right[chosen], rtol=0, atol=1e-5)
    assert np.isnan(scores(found)[~chosen]).all()
    assert ak.flatten(found["Electron"][TAGGER]["scored"]).tolist() == chosen.tolist()


def test_order_and_batch_size_change_nothing(
    network: str, real_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events, _ = oracle(real_data, network)
    name = f"{TAGGER}@{network}"
    whole = scores(lepid.decorate(events, name, schema="plain"))
    monkeypatch.setattr(inference, "ROWS", 7)
    np.testing.assert_array_equal(scores(lepid.decorate(events, name, schema="plain")), whole)
    backwards = scores(lepid.decorate(events[::-1], name, schema="plain"))
    counts = ak.num(events["Electron"])
    parts = np.split(whole, np.cumsum(counts)[:-1])
    np.testing.assert_array_equal(backwards, np.concatenate(parts[::-1]))


def test_an_input_that_is_not_finite_is_not_scored(network: str, real_data: Path) -> None:
    events, right = oracle(real_data, network)
    fbrem = ak.to_numpy(ak.flatten(events["Electron"]["fbrem"])).copy()
    fbrem[:3] = [np.nan, np.inf, 1e300]
    counts = ak.num(events["Electron"])
    electrons = ak.with_field(events["Electron"], ak.unflatten(fbrem, counts), "fbrem")
    broken = ak.with_field(events, electrons, "Electron")
    found = lepid.decorate(broken, f"{TAGGER}@{network}", schema="plain")
    assert np.isnan(scores(found)[:3]).all()
    np.testing.assert_allclose(scores(found)[3:], right[3:], rtol=0, atol=1e-5)
    assert ak.sum(~ak.flatten(found["Electron"][TAGGER]["scored"])) == 3


def test_no_events_and_events_without_electrons(network: str, real_data: Path) -> None:
    events, _ = oracle(real_data, network)
    for few in (events[:0], events[:1], events[ak.num(events["Electron"]) == 0]):
        found = lepid.decorate(few, f"{TAGGER}@{network}", schema="plain")
        assert scores(found).shape == (0, 5)
        assert len(found) == len(few)


def test_missing_inputs_are_listed(network: str, real_data: Path) -> None:
    events, _ = oracle(real_data, network)
    few = ak.Array({"Electron": events["Electron"][["pt", "fbrem", "dr03TkSumPt"]]})
    with pytest.raises(MissingColumns) as caught:
        lepid.decorate(few, f"{TAGGER}@{network}", schema="plain")
    for column in set(events["Electron"].fields) - {"pt", "fbrem", "dr03TkSumPt"}:
        assert column in caught.value.wrong
    assert "fbrem" not in caught.value.wrong.replace("dr03TkSumPt", "")


def files(real_data: Path, folder: Path, network: str) -> Path:
    """A folder for LEPID_MODELS with a copy of one network, and the copy."""
    name = f"{TAGGER}_{NETWORKS[network]}.onnx"
    copy = folder / TAGGER / name
    copy.parent.mkdir()
    shutil.copy(real_data / "models" / TAGGER / name, copy)
    copy.chmod(0o644)
    return copy


def test_a_network_that_is_missing_or_changed(
    network: str, real_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events, _ = oracle(real_data, network)
    name = f"{TAGGER}@{network}"
    monkeypatch.setenv("LEPID_MODELS", str(tmp_path))
    with pytest.raises(MissingNetwork) as missing:
        lepid.decorate(events, name, schema="plain")
    assert NETWORKS[network] in missing.value.wrong
    assert str(tmp_path / TAGGER) in missing.value.wrong
    assert "LEPID_MODELS" in missing.value.do
    copy = files(real_data, tmp_path, network)
    assert lepid.decorate(events, name, schema="plain").attrs["lepid"][TAGGER]["sha256"]
    model = onnx.load(copy)
    model.doc_string = "changed"
    onnx.save(model, copy)
    with pytest.raises(ChangedNetwork) as changed:
        lepid.decorate(events, name, schema="plain")
    assert changed.value.where == str(copy)
    assert catalogue.load(TAGGER, network).networks[0].sha256[:16] in changed.value.wrong


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('    { feature = "fbrem"', '    # { feature = "fbrem"',
         "inputs for 'FirstLayer_input', the network"),
        ('name = "FirstLayer_input"', 'name = "first"',
         "feeds 'first', the network takes FirstLayer_input"),
        ('node = "probabilities"\nindex = 4', 'node = "probs"\nindex = 4',
         "reads 'probs', the network gives"),
        ("index = 4", "index = 5", "bkg_photon is column 5 of 5"),
        ("index = 0", "",
         "'probabilities' has 5 columns, the card does not say which is sig_isolated"),
    ],
)  # fmt: skip
def test_a_card_that_does_not_fit_the_network(
    network: str, real_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    old: str, new: str, message: str,
) -> None:  # fmt: skip
    events, _ = oracle(real_data, network)
    files(real_data, tmp_path, network)
    shipped = catalogue.folder(catalogue.load(TAGGER, network)) / "card.toml"
    card = tmp_path / TAGGER / network / "card.toml"
    card.parent.mkdir()
    text = shipped.read_text()
    assert old in text
    card.write_text(text.replace(old, new, 1))
    monkeypatch.setenv("LEPID_MODELS", str(tmp_path))
    with pytest.raises(NetworkMismatch) as caught:
        lepid.decorate(events, f"{TAGGER}@{network}", schema="plain")
    assert message in caught.value.wrong


def test_with_both_networks_there_one_must_be_named(
    real_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEPID_MODELS", str(real_data / "models"))
    events, _ = oracle(real_data, "run3winter22-exteta1")
    with pytest.raises(lepid.LepidError, match="several networks") as caught:
        lepid.decorate(events, TAGGER, schema="plain")
    assert all(f"{TAGGER}@{name}" in str(caught.value) for name in NETWORKS)
    everything = lepid.decorate(events, schema="plain")
    assert "several networks" in everything.attrs["lepid"][TAGGER]["left_out"]
