"""Networks of weaver as model folders, from a small one to the scores of leptons."""

from __future__ import annotations

import math
import runpy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import awkward as ak
import numpy as np
import pytest

import lepid
from lepid.convert import weaver_folder
from lepid.convert.weaver_folder import Around
from lepid.errors import BadCard, BadFile, BadInput, LepidError, NetworkMismatch, UnknownName
from lepid.taggers import card_file

pytestmark = pytest.mark.usefixtures("no_search_paths")
SMALL = SimpleNamespace(**runpy.run_path(str(Path(__file__).parents[1] / "small_weaver.py")))
NAMES: dict[str, Any] = {"tagger": "muon_mine", "network": "small", "flavour": "muon"}
FEATURES = {
    "pf_deta": ("deta_lepton", ""), "pf_pt": ("pt", "GeV"), "pf_d0": ("d0", "cm"),
    "mu_pt": ("pt", "GeV"), "mu_dxy": ("dxy", "cm"),
}  # fmt: skip
CANDIDATES = {"pf": Around("candidate", 0.5)}


def convert(folder: Path, said: Any = None, graph: str = SMALL.GRAPH, **options: Any) -> Path:
    model, path = SMALL.write(folder, said, graph)
    given: dict[str, Any] = {"around": CANDIDATES, "features": FEATURES, **NAMES, **options}
    return weaver_folder.convert(model, path, folder / "models", **given)


def collection(rng: np.random.Generator, counts: Any, low: float, **more: Any) -> ak.Array:
    n = int(sum(counts))
    columns = {
        "pt": rng.uniform(low, 9, n).astype(np.float32), "eta": rng.uniform(-0.4, 0.4, n),
        "phi": rng.uniform(-math.pi, math.pi, n) / 6 + math.pi, **more,
    }  # fmt: skip
    return ak.zip({name: ak.unflatten(values, counts) for name, values in columns.items()})


def events() -> ak.Array:
    rng = np.random.default_rng(3)
    n_muon, n_other = rng.integers(0, 3, 30), rng.integers(0, 40, 30)
    d0 = rng.normal(size=n_other.sum())
    d0[::11] = np.nan
    muons = collection(rng, n_muon, 3, dxy=rng.normal(size=n_muon.sum()) * 3)
    return ak.zip({"Muon": muons, "PFCands": collection(rng, n_other, 0.1, d0=d0)}, depth_limit=1)


def slow(muon: Any, others: Any, *, wrap: bool) -> list[float]:
    """CMSSW's rule, one muon, and the graph of the small network."""
    points, features = [], []
    for other in others:
        deta = other["eta"] - muon["eta"]
        dphi = (other["phi"] - muon["phi"] + math.pi) % (2 * math.pi) - math.pi
        if math.hypot(deta, dphi) <= 0.5:
            pt = min(max((other["pt"] - 2) * 0.5, -0.5), 1.5)
            points.append(deta)
            features.append([pt, -3.0 if math.isnan(other["d0"]) else other["d0"]])
    points, features = points[:4], features[:4]
    there = list(points)
    while len(points) < 3:
        again = there[len(points) % len(there)] if there else 0.0
        points.append(again if wrap else 9.0)
    sums = [sum(each[i] for each in features) for i in range(2)]
    total = sum(points)
    lepton = [muon["pt"] * 0.25, min(muon["dxy"], 2.0)]
    return [2 * sums[0] + lepton[0], 2 * sums[1] + lepton[1], 2 * total + total]


@pytest.mark.parametrize("wrap", [False, True])
def test_scores_follow_the_rule(
    wrap: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    convert(tmp_path, wrap=["pf_points"] if wrap else [])
    monkeypatch.setenv("LEPID_MODELS", str(tmp_path / "models"))
    given = events()
    found = lepid.decorate(given, "muon_mine")["Muon"]["muon_mine"]
    assert found.fields[:3] == ["label_a", "label_b", "label_c"]
    lengths = set()
    for muons, others, scores in zip(
        given["Muon"].to_list(), given["PFCands"].to_list(), found.to_list(), strict=True
    ):
        for muon, score in zip(muons, scores, strict=True):
            expected = slow(muon, others, wrap=wrap)
            assert score["scored"]
            right = [score[f"label_{name}"] for name in "abc"]
            assert right == pytest.approx(expected, rel=1e-5, abs=1e-5)
            lengths.add(len(others) > 20)
    assert lengths == {True, False}
    for part in (slice(0, 0), slice(7, 19)):
        again = lepid.decorate(given[part], "muon_mine")["Muon"]["muon_mine"]
        assert again.to_list() == found[part].to_list()


def test_the_card(tmp_path: Path) -> None:
    card = card_file.load(convert(tmp_path, order="pt", outputs=["a", "b", "c"]) / "card.toml")
    points, features, lepton = card.networks[0].nodes
    assert [output.name for output in card.outputs] == ["a", "b", "c"]
    assert [output.doc for output in card.outputs] == ["label_a", "label_b", "label_c"]
    assert (points.pad, points.mask, points.minimum, points.maximum) == (9.0, "", 3, 4)
    assert (features.pad, features.mask, features.cone, features.order) == (
        0.0,
        "pf_mask",
        0.5,
        "pt",
    )
    assert (lepton.per, lepton.transposed, lepton.mask, lepton.minimum) == ("lepton", True, "", 0)
    pt = features.inputs[0]
    assert (pt.feature, pt.unit, pt.mean, pt.std, pt.lower, pt.upper) == (
        "pt",
        "GeV",
        2,
        2,
        -0.5,
        1.5,
    )
    assert (pt.default, pt.default_source) == (0.0, "preprocess.json")
    assert (lepton.inputs[0].upper, lepton.inputs[1].upper) == (None, 2.0)


def test_each_variable_has_a_padding_of_its_own(tmp_path: Path) -> None:
    said = SMALL.preprocessing()
    said["pf_features"]["var_infos"]["pf_d0"]["pad"] = -1
    card = card_file.load(convert(tmp_path, said) / "card.toml")
    assert card.networks[0].nodes[1].pad == (0.0, -1.0)


def test_tracks_have_the_order_of_athena(tmp_path: Path) -> None:
    card = card_file.load(convert(tmp_path, around={"pf": Around("track")}) / "card.toml")
    assert [(node.per, node.order) for node in card.networks[0].nodes[:2]] == [
        ("track", "nearest"), ("track", "nearest"),
    ]  # fmt: skip


def narrow() -> dict[str, Any]:
    said = SMALL.preprocessing()
    said["pf_features"] = SMALL.group({"pf_pt": SMALL.info()}, min_length=3, max_length=4)
    return dict(said)


def without_mask() -> dict[str, Any]:
    said = SMALL.preprocessing()
    said["ev_mask"] = said.pop("pf_mask")
    said["input_names"][2] = "ev_mask"
    return dict(said)


def mask(**changes: Any) -> dict[str, Any]:
    said = SMALL.preprocessing()
    lengths = {key: changes.pop(key) for key in ("max_length",) if key in changes}
    said["pf_mask"] |= lengths
    said["pf_mask"]["var_infos"]["pf_mask"] |= changes
    return dict(said)


@pytest.mark.parametrize(
    ("options", "kind", "facts"),
    [
        ({"around": {}}, BadInput, ["pf_points takes up to 4 rows", "--around pf=candidate"]),
        ({"around": {"p": Around("candidate")}}, UnknownName, ["no list of inputs 'p'", "pf"]),
        ({"around": {"pf": Around("candidates")}}, UnknownName,
         ["'candidates'", "near: candidate"]),
        ({"around": {"pf": Around("candidate", -1.0)}}, BadCard, ["cone", "greater than 0"]),
        ({"around": {"pf": Around("track", 0.3)}}, BadCard, ["cone and order are for candidates"]),
        ({"wrap": ["pf"]}, UnknownName, ["no input 'pf'", "pf_mask"]),
        ({"features": {"pf_p": ("pt", "")}}, UnknownName, ["no variable 'pf_p'", "near: pf_pt"]),
        ({"outputs": ["a"]}, BadInput, ["1 names of outputs, the network gives 3", "label_a"]),
        ({"tagger": "Mine"}, BadCard, ["tagger"]),
        ({"said": without_mask()}, BadFile, ["ev_mask is the mask of nothing"]),
        ({"said": mask(pad=1)}, BadFile, ["pf_mask is not 1 for each of pf_features"]),
        ({"said": mask(norm_factor=2)}, BadFile, ["lepid knows no other mask"]),
        ({"said": mask(max_length=9)}, BadFile, ["pf_mask is not 1 for each of pf_features"]),
        ({"said": narrow(), "features": {}}, NetworkMismatch,
         ["lists 1 inputs for 'pf_features', the network takes 2"]),
        ({"graph": SMALL.GRAPH.replace("] softmax)", "] softmax, float[n, 1] b)")},
         BadFile, ["gives softmax, b, expected one output"]),
    ],
)  # fmt: skip
def test_what_is_refused(
    options: dict[str, Any], kind: type[LepidError], facts: list[str], tmp_path: Path
) -> None:
    with pytest.raises(kind) as error:
        convert(tmp_path, **options)
    assert all(fact in str(error.value) for fact in facts), error.value
    assert not (tmp_path / "models").exists()


def test_files_that_are_not_there(tmp_path: Path) -> None:
    model, path = SMALL.write(tmp_path)
    model.unlink()
    given: dict[str, Any] = {"around": CANDIDATES, **NAMES}
    with pytest.raises(BadFile, match="cannot be read") as error:
        weaver_folder.convert(model, path, tmp_path / "models", **given)
    assert error.value.where == str(model)
    model.write_bytes(b"no network")
    with pytest.raises(LepidError) as wrong:
        weaver_folder.convert(model, path, tmp_path / "models", **given)
    assert str(model) in str(wrong.value)
    path.unlink()
    with pytest.raises(BadFile, match=r"preprocess\.json"):
        weaver_folder.convert(model, path, tmp_path / "models", **given)
