"""Confs, network and quantiles of Athena's electron network to a model folder, and back by hand."""

from __future__ import annotations

from bisect import bisect_right
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnxruntime
import pytest

from lepid.convert import athena_conf, electron_dnn
from lepid.convert.athena_conf import ABSETA_EDGES, ET_EDGES, ET_NODES
from lepid.errors import BadFile, BadInput, UnknownName
from lepid.taggers import card_file, discriminants
from lepid.taggers.card import Card
from lepid.working_points import table
from lepid.working_points.table import Table


def convert(area: Any, tmp_path: Path, **points: Path) -> tuple[Path, Card, Table]:
    folder = electron_dnn.convert(points, "mine", tmp_path / "models")
    return folder, card_file.load(folder / "card.toml"), table.read(folder / "points.json")


def scores(folder: Path, rows: Any) -> Any:
    session = onnxruntime.InferenceSession(
        folder / "network.onnx", providers=["CPUExecutionProvider"]
    )
    return session.run(None, {"node_0": np.asarray(rows, np.float32)})


def slow_scores(area: Any, slow: SimpleNamespace, row: list[float]) -> list[float]:
    names = [v["name"] for v in area.network["inputs"][0]["variables"]]
    levels = []
    for name, x in zip(names, row, strict=True):
        q, r = area.quantiles[name].tolist(), area.quantiles["references"].tolist()
        upward = np.interp(x, q, r)
        downward = -np.interp(-x, [-v for v in q[::-1]], [-v for v in r[::-1]])
        inside = float(upward + downward) / 2
        levels.append(r[0] if x <= q[0] else r[-1] if x >= q[-1] else inside)
    found: dict[str, float] = slow.graph(area.network, {"node_0": levels}, {})
    return [found[f"out_{i}"] for i in range(6)]


def test_the_scores_are_those_of_quantiles_and_network(
    area: Any, tmp_path: Path, slow: SimpleNamespace
) -> None:
    folder, card, _ = convert(area, tmp_path, Tight=area.conf("tight"))
    (node,) = card.networks[0].nodes
    names = [v["name"] for v in area.network["inputs"][0]["variables"]]
    rng = np.random.default_rng(0)
    rows = np.stack(
        [rng.choice(area.quantiles[n], 60) + rng.normal(size=60) for n in names], axis=1
    )
    place = names.index("nPixHitsPlusDeadSensors")
    rows[:, place] = np.round(rows[:, place])
    rows = rows.astype(np.float32)
    found = np.stack(scores(folder, rows), axis=1)
    assert [output.node for output in card.outputs] == [f"out_{i}" for i in range(6)]
    expected = [slow_scores(area, slow, row) for row in rows.astype(float).tolist()]
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-6)
    units = {entry.feature: entry.unit for entry in node.inputs}
    assert units["et"] == "MeV"
    assert units["qd0"] == "mm"
    assert "abseta_cluster" in units
    assert [entry.feature for entry in node.inputs].index("et") == names.index("et")


def decision(conf: Any, p: Any, lepton: dict[str, float]) -> bool:
    """One electron as AsgElectronSelectorTool decides, bit by bit."""
    abseta, et = lepton["abseta"], lepton["et"]
    if abseta > 2.47:
        return False
    eta_bin = min(bisect_right(ABSETA_EDGES, abseta), 9)
    et_bin = min(bisect_right(ET_EDGES, et), 9)
    if lepton["nSiHitsPlusDeadSensors"] < conf.silicon[eta_bin]:
        return False
    if lepton["nPixHitsPlusDeadSensors"] < conf.pixel[eta_bin]:
        return False
    if conf.b_layer[eta_bin] == 1 and not lepton["passesBLayer"]:
        return False
    if not conf.ambiguity[eta_bin] & (1 << int(lepton["ambiguityType"])):
        return False
    f_cf, f_pc, f_hf, f_eg, f_lh = conf.fractions[eta_bin]
    below = p[2] * f_pc + p[3] * f_hf + p[4] * f_eg + p[5] * f_lh
    above = p[0] * (1 - f_cf) + p[1] * f_cf
    if not conf.cf_signal:
        above, below = p[0], below + p[1] * f_cf
    for value, cuts in ((np.log(above / below), conf.cuts), (np.log(p[0] / p[1]), conf.cuts_cf)):
        if cuts is None:
            continue
        cut = cuts[et_bin, eta_bin]
        if conf.smooth:
            cut = np.interp(et, ET_NODES, cuts[:, eta_bin])
        if value < cut:
            return False
    return True


def leptons(n: int) -> dict[str, Any]:
    rng = np.random.default_rng(9)
    edges = [
        0.0,
        1.37,
        1.52,
        2.01,
        2.37,
        2.47,
        np.nextafter(2.47, 3),
        2.6,
        *rng.uniform(0, 2.6, 40),
    ]
    nodes = [5.0, 5.5, 7.0, 8.5, 10.0, 45.0, 47.5, 47.6, 300.0, *rng.uniform(4, 80, 40)]
    return {
        "abseta": rng.choice(edges, n),
        "et": rng.choice(nodes, n),
        "nSiHitsPlusDeadSensors": rng.integers(6, 9, n).astype(float),
        "nPixHitsPlusDeadSensors": rng.integers(0, 4, n).astype(float),
        "passesBLayer": rng.integers(0, 2, n).astype(float),
        "ambiguityType": rng.integers(0, 7, n).astype(float),
    }


def decide(card: Card, points: Table, p: Any, given: dict[str, Any]) -> dict[str, Any]:
    outputs = {output.name: p[:, i] for i, output in enumerate(card.outputs)}
    fractions = {k: np.array(v) for k, v in card.fractions.values.items()}
    each = discriminants.per_lepton(card.fractions, fractions, given["abseta"])
    values = {
        k: discriminants.evaluate(form[0], outputs, each) for k, form in card.discriminants.items()
    }
    compared = {**given, "abseta_cluster": given["abseta"], **values}
    return points.decide(compared, {"et": given["et"], "abseta": given["abseta"]})


def test_decisions_are_those_of_the_selector(area: Any, tmp_path: Path) -> None:
    confs = {
        "Tight": area.conf("tight"),
        "Loose": area.conf("looser", cfSignal="false", doSmoothBinInterpolation="false"),
        "NoCF": area.conf("tight_no_cf", CutSelectorCF=None, Fractions=fractions_of(area, "tight")),
    }
    _, card, points = convert(area, tmp_path, **confs)
    assert list(card.discriminants) == [
        "D_el", "D_el_cf_background_Loose", "D_CF", "D_CF_ratio"]  # fmt: skip
    rng = np.random.default_rng(1)
    p = rng.dirichlet([1.5] * 6, 3000)
    given = leptons(3000)
    found = decide(card, points, p, given)
    for name, path in confs.items():
        conf = athena_conf.read_dnn(path)
        one = [{k: v[i] for k, v in given.items()} for i in range(3000)]
        expected = [decision(conf, p[i], lepton) for i, lepton in enumerate(one)]
        assert 20 < sum(expected) < 2900
        np.testing.assert_array_equal(found[name], expected)


def fractions_of(area: Any, name: str) -> str:
    text = area.conf(name).read_text()
    return next(line for line in text.splitlines() if line.startswith("Fractions")).split(": ")[1]


def test_a_value_equal_to_the_cut_passes(area: Any, tmp_path: Path) -> None:
    conf = area.conf("tight", CutSelector="; ".join(["0"] * 100), CutSelectorCF=None)
    _, card, points = convert(area, tmp_path, Tight=conf)
    f = {k: v[0] for k, v in card.fractions.values.items()}
    p = np.full((1, 6), 1.0)
    given = {k: v[:1] * 0 for k, v in leptons(1).items()}
    given |= {"nSiHitsPlusDeadSensors": np.array([7.0]), "nPixHitsPlusDeadSensors": np.array([2.0])}
    given |= {"passesBLayer": np.array([1.0]), "et": np.array([20.0])}
    assert f["f_CF"] > 0
    p[0, 2:] = 1.0 / sum(f[name] for name in ("f_PC", "f_HF", "f_LFEg", "f_LFH"))
    assert decide(card, points, p, given)["Tight"] == [
        decision(athena_conf.read_dnn(conf), p[0], {k: v[0] for k, v in given.items()})
    ]
    requirement = points.requirements("Tight")[-1]
    assert (requirement.quantity, requirement.sense) == ("D_el", ">=")


def test_the_requirements_are_in_the_order_of_the_accept_bits(area: Any, tmp_path: Path) -> None:
    _, card, points = convert(area, tmp_path, Tight=area.conf("tight"))
    quantities = [r.quantity for r in points.requirements("Tight")]
    assert quantities == [
        "abseta_cluster", "nSiHitsPlusDeadSensors", "nPixHitsPlusDeadSensors", "passesBLayer",
        "ambiguityType", "D_CF", "D_el",
    ]  # fmt: skip
    assert points.rules.bound_to.sha256 == (card.networks[0].sha256,)
    assert card.fractions.abseta_edges == ABSETA_EDGES
    assert card.fractions.abseta == "abseta_cluster"


def test_a_key_that_is_not_there_is_no_requirement(area: Any, tmp_path: Path) -> None:
    conf = area.conf("tight", CutSelectorCF=None, CutPi=None, CutBL="; ".join("0" * 10))
    _, _, points = convert(area, tmp_path, Tight=conf)
    quantities = [r.quantity for r in points.requirements("Tight")]
    assert quantities == ["abseta_cluster", "nSiHitsPlusDeadSensors", "ambiguityType", "D_el"]


def test_a_binary_network(area: Any, tmp_path: Path) -> None:
    area.network["layers"][2] |= {"weights": [0.1] * 16, "bias": [0.0], "activation": "sigmoid"}
    area.network["outputs"] = {"out_0": {"labels": ["out_0"], "node_index": 3}}
    rewrite(area)
    conf = area.conf("t", multiClass=None, Fractions=None, CutSelectorCF=None)
    _, card, points = convert(area, tmp_path, Tight=conf)
    assert [output.name for output in card.outputs] == ["score"]
    (form,) = card.discriminants["D_el"]
    assert (form.kind, form.scale, form.output) == ("logit", 10.0, "score")
    assert points.requirements("Tight")[-1].quantity == "D_el"


def rewrite(area: Any) -> None:
    import json  # noqa: PLC0415

    (area.folder / "network.json").write_text(json.dumps(area.network))


def test_a_menu_is_found_below_the_calibration_area(
    area: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("VeryLoose", "Loose", "Medium", "Tight"):
        area.conf(f"ElectronDNNMulticlass{name}")
    monkeypatch.setenv("LEPID_CALIBRATION", str(area.root))
    found = electron_dnn.menu("atlas-mc20-20240509")
    assert list(found) == ["VeryLoose", "Loose", "Medium", "Tight"]
    assert all(path.is_file() for path in found.values())
    with pytest.raises(UnknownName, match="near: atlas-mc20-20240509"):
        electron_dnn.menu("atlas-mc20-2024")
    monkeypatch.delenv("LEPID_CALIBRATION")
    with pytest.raises(BadFile, match=r"(?s)VeryLoose\.conf.*set LEPID_CALIBRATION"):
        electron_dnn.menu("atlas-mc20-20240509")


def missing_model(area: Any) -> dict[str, Path]:
    return {"Tight": area.conf("tight", inputModelFileName="no/where.json")}


def missing_quantiles(area: Any) -> dict[str, Path]:
    return {"Tight": area.conf("tight", inputQuantileFileName="no/where.root")}


def two_networks(area: Any) -> dict[str, Path]:
    return {"A": area.conf("a"), "B": area.conf("b", inputModelFileName="other.json")}


def fewer_variables(area: Any) -> dict[str, Path]:
    return {"Tight": area.conf("tight", Variables="eta,et")}


def unknown_variable(area: Any) -> dict[str, Path]:
    text = (area.folder / "network.json").read_text()
    (area.folder / "network.json").write_text(text.replace('"Reta"', '"Rheta"'))
    variables = next(
        line.split(": ")[1]
        for line in area.conf("x").read_text().splitlines()
        if "Variables" in line
    )
    return {"Tight": area.conf("tight", Variables=variables.replace("Reta", "Rheta"))}


def unknown_variable_with_quantiles(area: Any) -> dict[str, Path]:
    import uproot  # noqa: PLC0415

    found = unknown_variable(area)
    with uproot.recreate(area.folder / "quantiles.root") as file:
        file["tree"] = {**area.quantiles, "Rheta": area.quantiles["Reta"]}
    return found


def binary(area: Any) -> dict[str, Path]:
    return {"T": area.conf("t", multiClass=None, Fractions=None, CutSelectorCF=None)}


def name_of_a_field(area: Any) -> dict[str, Path]:
    return {"pel": area.conf("tight")}


def sequence(area: Any) -> dict[str, Path]:
    area.network["inputs"].append(
        {"name": "more", "variables": area.network["inputs"][0]["variables"]}
    )
    rewrite(area)
    return {"Tight": area.conf("tight")}


@pytest.mark.parametrize(
    ("make", "kind", "facts"),
    [
        (missing_model, BadFile, ["tight.conf", "no/where.json", "LEPID_CALIBRATION"]),
        (missing_quantiles, BadFile, ["tight.conf", "no/where.root"]),
        (two_networks, BadFile, ["b.conf", "its model is other.json", "a.conf"]),
        (fewer_variables, BadFile, ["tight.conf", "only one of", "Reta"]),
        (unknown_variable, BadFile, ["quantiles.root", "no branch Rheta", "near: Reta"]),
        (unknown_variable_with_quantiles, UnknownName, ["tight.conf", "'Rheta'", "near: Reta"]),
        (binary, BadFile, ["6 outputs", "multiclass is false"]),
        (name_of_a_field, BadInput, ["pel"]),
        (sequence, BadFile, ["node_0, more", "one row per electron"]),
    ],
)
def test_what_does_not_fit_is_said_and_nothing_is_written(
    make: Any, kind: type[Exception], facts: list[str], area: Any, tmp_path: Path
) -> None:
    points = make(area)
    with pytest.raises(kind) as caught:
        electron_dnn.convert(points, "mine", tmp_path / "models")
    assert all(fact in str(caught.value) for fact in facts), str(caught.value)
    assert not (tmp_path / "models").exists()


def test_a_folder_that_is_there_is_left_alone(area: Any, tmp_path: Path) -> None:
    folder, *_ = convert(area, tmp_path, Tight=area.conf("tight"))
    before = (folder / "card.toml").read_bytes()
    with pytest.raises(BadFile, match="is there already"):
        convert(area, tmp_path, Loose=area.conf("loose"))
    assert (folder / "card.toml").read_bytes() == before
    assert [path.name for path in folder.parent.iterdir()] == ["mine"]
