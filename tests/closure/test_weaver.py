"""Real networks of CMS with lists: ParticleNet on the candidates of a file, a transformer."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import onnxruntime
import pytest

import lepid
from lepid.convert import weaver_folder
from lepid.convert.weaver_folder import Around
from lepid.errors import MissingColumns
from lepid.taggers import card_file, inference, session, signature
from lepid.taggers.batching import Sequence
from lepid.taggers.card import Card
from lepid.taggers.inference import Network

pytestmark = [pytest.mark.real, pytest.mark.usefixtures("no_search_paths")]
SHIPPED = Path(__file__).parents[2] / "models" / "cms_muon_pnet" / "cmssw" / "card.toml"


@pytest.fixture
def muons(real_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ak.Array:
    """Events with candidates; the network of the shipped card is there."""
    folder = tmp_path / "models" / "cms_muon_pnet" / "cmssw"
    folder.mkdir(parents=True)
    shutil.copy(real_data / "models" / "cms_muon_pnet" / "model.onnx", folder)
    monkeypatch.setenv("LEPID_MODELS", str(tmp_path / "models"))
    return lepid.open(real_data / "root" / "coffea_pfnano.root")


def completed(events: ak.Array, every: int) -> ak.Array:
    """With numbers in the four columns that the file lacks, and each `every`th candidate."""
    rng = np.random.default_rng(0)
    plain = {}
    for name, absent in (
        ("Muon", ("jetDF", "mvaMuID")), ("PFCands", ("fromPV", "hcalFraction")), ("SV", ()),
    ):  # fmt: skip
        columns = {field: events[name][field] for field in events[name].fields}
        counts = ak.num(events[name]["pt"])
        for column in absent:
            columns[column] = ak.unflatten(rng.random(int(ak.sum(counts))), counts)
        whole = ak.zip(columns)
        kept = ak.local_index(whole["pt"], axis=1) % every == 0
        plain[name] = whole[kept] if name == "PFCands" else whole
    return ak.zip(plain, depth_limit=1)


def test_the_error_says_what_the_file_lacks(muons: ak.Array) -> None:
    with pytest.raises(MissingColumns) as error:
        lepid.decorate(muons, "cms_muon_pnet")
    text = str(error.value)
    for column in ("Muon.jetDF", "Muon.mvaMuID", "PFCands.fromPV", "PFCands.hcalFraction"):
        assert f"no column {column}" in text or f", {column}" in text
    assert text.count("Muon.") == 2 + 3, text  # three of them are near misses
    assert "SV." not in text


def phi_apart(one: float, other: float) -> float:
    """From `other` to `one`, CMSSW's deltaPhi(one, other)."""
    return (one - other + math.pi) % (2 * math.pi) - math.pi


def near(muon: Any, others: Any) -> list[Any]:
    apart = [
        (o, math.hypot(o["eta"] - muon["eta"], phi_apart(muon["phi"], o["phi"]))) for o in others
    ]
    return [other for other, dr in apart if dr <= 0.4]


def cmssw(muon: Any, candidates: Any, vertices: Any) -> dict[str, float]:
    """All variables of one muon by CMSSW's name, from the words of its configuration."""
    jet, alone = muon["jetRelIso"], muon["pfRelIso04_all"]
    said: dict[str, Any] = {
        "dxy": math.log(abs(muon["dxy"])), "dz": math.log(abs(muon["dz"])),
        "sip3d": muon["sip3d"], "segmentComp": muon["segmentComp"], "LepGood_jetDF": muon["jetDF"],
        "LepGood_jetPtRatio": min(1 / (1 + jet), 1.5) if jet > -1 else 1 / (1 + alone),
        "LepGood_jetNDauChargedMVASel": muon["jetNDauCharged"],
        "LepGood_dz": math.log(abs(muon["dz"])), "LepGood_eta": muon["eta"],
        "LepGood_miniRelIsoNeutral": muon["miniPFRelIso_all"] - muon["miniPFRelIso_chg"],
        "LepGood_jetPtRelv2": muon["jetPtRelv2"],
        "LepGood_miniRelIsoCharged": muon["miniPFRelIso_chg"], "mvaId": muon["mvaMuID"],
    }  # fmt: skip
    said = {f"MuonSelected_{name}": [value] for name, value in said.items()}
    kinds = {"isElectron": 11, "isMuon": 13, "isNeutralHadron": 130, "isPhoton": 22,
             "isChargedHadron": 211}  # fmt: skip
    for one in near(muon, candidates):
        row = {
            "pt": one["pt"], "eta_rel": muon["eta"] - one["eta"],
            "phi_rel": phi_apart(muon["phi"], one["phi"]), "charge": one["charge"],
            "fromPV": one["fromPV"], "puppiWeightNoLep": one["puppiWeightNoLep"],
            "hcalFraction": one["hcalFraction"], "mask": 1.0,
            "dzSig": one["dz"] / max(one["dzErr"], 1e-6) if one["dzErr"] >= 0 else 0.0,
            "dxySig": one["d0"] / max(one["d0Err"], 1e-6) if one["d0Err"] >= 0 else 0.0,
        } | {name: float(abs(one["pdgId"]) == code) for name, code in kinds.items()}  # fmt: skip
        for name, value in row.items():
            said.setdefault(f"PF_{name}", []).append(value)
    for one in near(muon, vertices):
        row = {name: one[name] for name in ("pt", "mass", "phi", "eta", "dlenSig", "dxy", "ndof")}
        row |= {"chi2": one["chi2"] * one["ndof"], "nTracks": one["ntracks"], "mask": 1.0}
        row["cospAngle"] = math.cos(one["pAngle"])
        for name, value in row.items():
            said.setdefault(f"SV_{name}", []).append(value)
    return said


def fed(said: dict[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
    """CMSSW's center_norm_pad, one muon."""
    arrays = {}
    for name in said["input_names"]:
        group = said[name]
        low, high = (
            group.get("var_length", group.get(key)) for key in ("min_length", "max_length")
        )
        rows = []
        for variable in group["var_names"]:
            info = group["var_infos"][variable]
            given = variables.get(variable, [])
            length = min(max(len(given), low), high)
            row = [info["pad"]] * length
            for place, value in enumerate(given[:length]):
                kept = value if abs(value) <= 1e32 else info["replace_inf_value"]
                scaled = (kept - info["median"]) * info["norm_factor"]
                row[place] = min(max(scaled, info["lower_bound"]), info["upper_bound"])
            rows.append(row)
        arrays[name] = np.array([rows], np.float32)
    return arrays


@pytest.mark.parametrize("every", [1, 5])
def test_particle_net_on_the_candidates_of_a_file(
    every: int, muons: ak.Array, real_data: Path
) -> None:
    folder = real_data / "models" / "cms_muon_pnet"
    said = json.loads((folder / "preprocess.json").read_text())
    direct = onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
    events = completed(muons, every)
    found = lepid.decorate(events, "cms_muon_pnet")["Muon"]["cms_muon_pnet"]
    labels = ("light", "prompt", "tau", "heavy")
    assert found.fields == [*labels, "scored"]
    lengths, seen = set(), []
    for event, scores in zip(events.to_list(), found.to_list(), strict=True):
        for muon, score in zip(event["Muon"], scores, strict=True):
            variables = cmssw(muon, event["PFCands"], event["SV"])
            (expected,) = direct.run(None, fed(said, variables))
            assert score["scored"]
            right = [score[label] for label in labels]
            np.testing.assert_allclose(right, expected[0], rtol=0, atol=2e-6)
            seen.append(right)
            lengths.add((len(variables.get("PF_pt", [])), len(variables.get("SV_pt", []))))
    assert len(seen) == 10
    assert np.std(seen, axis=0).min() > 1e-3
    # More than are taken, fewer than are needed, with and without vertices.
    assert max(n for n, _ in lengths) > 60 if every == 1 else min(n for n, _ in lengths) < 16
    assert {n > 0 for _, n in lengths} == {True, False}


def test_the_shipped_card_is_what_the_converter_makes(real_data: Path, tmp_path: Path) -> None:
    folder = real_data / "models" / "cms_muon_pnet"
    own = card_file.load(SHIPPED)
    said = json.loads((folder / "preprocess.json").read_text())
    groups = [n for n in said["input_names"] if not n.endswith("_mask")]
    features = {
        variable: (entry.feature, entry.unit)
        for node, group in zip(own.networks[0].nodes, groups, strict=True)
        for entry, variable in zip(node.inputs, said[group]["var_names"], strict=True)
    }
    made = card_file.load(
        weaver_folder.convert(
            folder / "model.onnx", folder / "preprocess.json", tmp_path / "m",
            tagger="cms_muon_pnet", network="cmssw", flavour="muon", features=features,
            around={"pf": Around("candidate"), "sv": Around("secondary_vertex")},
        ) / "card.toml"
    )  # fmt: skip
    assert made.networks[0].nodes == own.networks[0].nodes
    assert made.networks[0].sha256 == own.networks[0].sha256


# Constituents and inputs of each node of the transformer: tracks, neutrals, vertices, and their
# momenta.
WIDTHS = {"input_1": 16, "input_2": 8, "input_3": 14, "input_4": 4, "input_5": 4, "input_6": 4}
LISTS = {"input_1": 29, "input_2": 25, "input_3": 5, "input_4": 29, "input_5": 25, "input_6": 5}


@pytest.mark.parametrize("fixed", [True, False])
def test_a_transformer_on_random_lists(fixed: bool, real_data: Path) -> None:
    path = real_data / "models" / "cms_ak4_part" / "RobustParTAK4.onnx"
    nodes = [
        {"name": name, "per": "candidate", "inputs": [f"x{i}" for i in range(width)],
         "minimum": LISTS[name] if fixed else 1, "maximum": LISTS[name]}
        for name, width in WIDTHS.items()
    ]  # fmt: skip
    card = Card.model_validate(
        {"tagger": "t", "network": "n", "flavour": "muon", "description": "d", "source": "s",
         "outputs": [{"name": f"p{i}", "node": "softmax", "index": i} for i in range(6)],
         "networks": [{"path": "RobustParTAK4.onnx", "nodes": nodes}]}
    )  # fmt: skip
    loaded = session.load(path.read_bytes(), "RobustParTAK4.onnx", "cpu", 1)
    signature.check(loaded, card, card.networks[0], path)
    rng = np.random.default_rng(0)
    n_jet = 40
    lengths = {name: rng.integers(0, most + 3, n_jet) for name, most in LISTS.items()}
    for one, momenta in (("input_1", "input_4"), ("input_2", "input_5"), ("input_3", "input_6")):
        lengths[momenta] = lengths[one]
    whole = {}
    for name, width in WIDTHS.items():
        offsets = np.concatenate([[0], np.cumsum(lengths[name])])
        values = rng.normal(size=(offsets[-1], width)).astype(np.float32)
        whole[name] = Sequence(offsets, np.arange(offsets[-1]), values)
    given = {name: sequence.first(LISTS[name]) for name, sequence in whole.items()}
    found = inference.run(
        Network(loaded, "leptons", "here"), card.outputs, card.networks[0].nodes, {}, given
    )
    scores = np.stack([found[f"p{i}"] for i in range(6)], axis=1)
    for jet in range(n_jet):
        alone = {}
        for name, most in LISTS.items():
            begin, end = whole[name].offsets[jet : jet + 2]
            rows = whole[name].values[begin : min(end, begin + most)]
            padded = np.zeros((most if fixed else max(len(rows), 1), WIDTHS[name]), np.float32)
            padded[: len(rows)] = rows
            alone[name] = padded[None]
        (expected,) = loaded.run(None, alone)
        np.testing.assert_allclose(scores[jet], expected[0], rtol=0, atol=2e-6)
    assert np.std(scores, axis=0).max() > 1e-3
