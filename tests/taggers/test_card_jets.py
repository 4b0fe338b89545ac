"""What a card may say of jets, and inputs that are about them, through `lepid.decorate`."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest

import lepid
from lepid.errors import BadCard, BadInput, MissingColumns
from lepid.features.jets import Rules
from lepid.features.leptons import JET_COLUMNS
from lepid.taggers import card_file
from lepid.taggers.card_jets import Jets

pytestmark = pytest.mark.usefixtures("no_search_paths")

CARD = """
tagger = "{flavour}_mine"
network = "one"
flavour = "{flavour}"
description = "d"
source = "ours"
{jets}

[[outputs]]
name = "p"
node = "y"
index = 0

[[networks]]
file = "net.onnx"
sha256 = "{sha256}"

[[networks.nodes]]
name = "x"
inputs = [{inputs}]
"""
# Inputs of Athena's regression of b jets, in its order: leptons inside of jets.
MUONS = [
    "quality", "pt", "eta", "phi", "scatteringCurvatureSignificance",
    "scatteringNeighbourSignificance", "EnergyLoss", "MeasEnergyLoss", "segmentDeltaEta",
    "combinedTrackParticleLink.d0", "muon_z0SinTheta",
    "combinedTrackParticleLink.definingParametersCovMatrixDiag_d0_d0",
    "combinedTrackParticleLink.qOverP",
    "combinedTrackParticleLink.definingParametersCovMatrixDiag_theta_theta",
]  # fmt: skip
ELECTRONS = [
    "pt", "eta", "phi", "deltaEta1", "deltaPhiRescaled2", "Rhad", "Eratio", "weta2", "Rphi",
    "Reta", "wtots1", "f1", "f3", "jet_ptfrac", "jet_dr", "trackParticleLinks.numberOfPixelHits",
    "trackParticleLinks.eProbabilityHT", "trackParticleLinks.qOverP", "nSCTHitsPlusDeadSensors",
    "trackParticleLinks.d0",
]  # fmt: skip
MORE_ELECTRONS = [
    "jet_ptrel", "abseta", "et", "d0significance", "ptvarcone30Rel", "dPOverP", "EoverP", "Rhad1",
]  # fmt: skip

UNITS = {"et": "MeV", "muon_z0SinTheta": "mm"}


@pytest.fixture
def install(
    tiny_network: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., np.ndarray[Any, Any]]:
    """Puts a card with a network that multiplies into LEPID_MODELS; gives its weights."""
    monkeypatch.setenv("LEPID_MODELS", str(tmp_path))

    def put(inputs: list[str], flavour: str = "muon", jets: str = "") -> np.ndarray[Any, Any]:
        folder = tmp_path / f"{flavour}_mine" / "one"
        network = tiny_network(folder / "net.onnx", len(inputs), 1)
        units = ((name, UNITS.get(name, "")) for name in inputs)
        listed = ", ".join(f'{{ feature = "{name}", unit = "{unit}" }}' for name, unit in units)
        text = CARD.format(flavour=flavour, jets=jets, inputs=listed, sha256=network.sha256)
        (folder / "card.toml").write_text(text, "utf-8")
        weights: np.ndarray[Any, Any] = network.weights[:, 0].astype(np.float64)
        return weights

    return put


def scores(events: Any, flavour: str = "muon") -> Any:
    collection = {"muon": "Muons", "electron": "Electrons"}[flavour]
    found = lepid.decorate(events, f"{flavour}_mine@one")[collection, f"{flavour}_mine"]
    return ak.flatten(found)


def flat(values: Any) -> Any:
    return ak.to_numpy(ak.flatten(values)).astype(np.float64)


def test_what_an_analyst_gets_is_what_a_network_gets(
    install: Callable[..., Any], reference_events: Any
) -> None:
    names = [f"jet_{name}" for name in ("dr", "ptrel_added", "z", "ptfrac")]
    weights = install(names, jets='jets = { dr = 0.3, pt = 30.0, energy_loss = "at jet" }')
    found = scores(reference_events)
    expected = lepid.associate(reference_events, "Muons", dr=0.3, pt=30, energy_loss="at jet")
    has = flat(expected.index) >= 0
    assert 0 < has.sum() < len(has)
    columns = np.stack([flat(expected[name.removeprefix("jet_")]) for name in names], axis=1)
    assert ak.to_numpy(found.scored).tolist() == has.tolist()
    np.testing.assert_allclose(
        ak.to_numpy(found.p)[has], (columns @ weights)[has], rtol=1e-4, atol=1e-2
    )
    assert np.isnan(ak.to_numpy(found.p)[~has]).all()


def test_where_the_jet_is(install: Callable[..., Any], reference_events: Any) -> None:
    weights = install(["jet_pt", "jet_eta", "jet_phi"])
    found = scores(reference_events)
    place = lepid.associate(reference_events, "Muons").index
    jets = reference_events.AntiKt4EMPFlowJets[place[place >= 0]]
    expected = (
        flat(jets.pt) * weights[0] + flat(jets.eta) * weights[1] + flat(jets.phi) * weights[2]
    )
    np.testing.assert_allclose(ak.to_numpy(found.p)[ak.to_numpy(found.scored)], expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("flavour", "names"),
    [("muon", MUONS), ("electron", ELECTRONS), ("electron", [*ELECTRONS, *MORE_ELECTRONS])],
)
def test_inputs_of_soft_leptons(
    install: Callable[..., Any], reference_events: Any, flavour: str, names: list[str]
) -> None:
    install(names, flavour)
    found = scores(reference_events, flavour)
    assert ak.sum(found.scored) > 10
    assert np.isfinite(ak.to_numpy(found.p[found.scored])).all()


def test_a_file_that_holds_the_column_itself(
    install: Callable[..., Any], reference_events: Any
) -> None:
    weights = install(["jet_z", "pt"])
    events = ak.copy(reference_events)
    events["Muons", "jet_z"] = ak.zeros_like(events.Muons.pt) + 7.0
    found = scores(events)
    expected = 7.0 * weights[0] + flat(events.Muons.pt) * weights[1]
    np.testing.assert_allclose(ak.to_numpy(found.p), expected, rtol=1e-5)


def test_what_is_missing_is_one_error(install: Callable[..., Any], reference_events: Any) -> None:
    install(["jet_ptrel_added"], jets='jets = { energy_loss = "at muon" }')
    events = ak.copy(reference_events)
    del events["Muons", "EnergyLoss"]
    del events["AntiKt4EMPFlowJets", "eta"]
    with pytest.raises(MissingColumns) as caught:
        scores(events)
    assert all(fact in str(caught.value) for fact in ("Muons.EnergyLoss", "Jets.eta", "jet_ptrel"))
    install(["jet_ptrel_added"])
    with pytest.raises(MissingColumns) as caught:
        scores(events)
    assert "EnergyLoss" not in str(caught.value)


def test_a_format_without_jets(
    install: Callable[..., Any], tmp_path: Path, reference_events: Any
) -> None:
    install(["jet_dr"])
    schema = tmp_path / "bare.toml"
    text = 'name = "bare"\nexperiment = ""\n[units]\nenergy = "MeV"\n'
    schema.write_text(text + '[collections.muon]\nnames = ["Muons"]\n', "utf-8")
    with pytest.raises(BadInput, match=r"needs jets, and the format 'bare' has none"):
        lepid.decorate(reference_events, "muon_mine@one", schema=schema)


# --- the card -----------------------------------------------------------------------------------


def load(tmp_path: Path, jets: str) -> Any:
    folder = tmp_path / "muon_mine" / "one"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "card.toml"
    text = CARD.format(flavour="muon", jets=jets, inputs='"jet_dr"', sha256="0" * 64)
    path.write_text(text, "utf-8")
    return card_file.load(path)


def test_what_is_not_said_is_as_in_rules(tmp_path: Path) -> None:
    assert load(tmp_path, "").jets == Jets()
    assert Jets().rules == Rules()
    said = 'jets = { dr = 0.5, pt = 20.0, abseta = 2.4, energy_loss = "at jet" }'
    assert load(tmp_path, said).jets.rules == Rules(0.5, 20.0, 2.4, "at jet")


def test_a_card_is_written_as_it_is_read(tmp_path: Path) -> None:
    card = load(tmp_path, 'jets = { dr = 0.5, energy_loss = "at jet" }')
    path = tmp_path / "muon_mine" / "one" / "card.toml"
    path.write_text(card_file.dump(card), "utf-8")
    assert card_file.load(path) == card


@pytest.mark.parametrize(
    ("jets", "facts"),
    [
        ("jets = { dR = 0.4 }", ["jets", "dR", "dr"]),
        ("jets = { dr = 0.0 }", ["jets.dr", "greater than 0"]),
        (f"jets = {{ dr = {math.pi + 1e-9} }}", ["jets.dr", "less than 3.14"]),
        ("jets = { pt = -1.0 }", ["jets.pt"]),
        ("jets = { pt = inf }", ["jets.pt", "finite"]),
        ("jets = { abseta = 0.0 }", ["jets.abseta"]),
        ('jets = { energy_loss = "muon" }', ["jets.energy_loss", "'at muon'"]),
    ],
)
def test_what_a_card_may_not_say(tmp_path: Path, jets: str, facts: list[str]) -> None:
    with pytest.raises(BadCard) as caught:
        load(tmp_path, jets)
    assert all(fact in str(caught.value) for fact in facts), str(caught.value)


def test_every_column_of_jets_has_a_way() -> None:
    expected = {f"jet_{n}" for n in ("pt", "eta", "phi")} | {
        f"jet_{name}{axis}"
        for name in ("dr", "ptfrac", "ptrel", "z")
        for axis in ("", "_added", "_removed")
    }
    assert set(JET_COLUMNS) == expected
