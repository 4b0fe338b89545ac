"""Working points: published ones against literal cuts, the general form against a slow twin."""

from __future__ import annotations

import json
import math
import os
import pickle
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import correctionlib
import correctionlib.schemav2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lepid.errors import BadTable, UnboundTable, UnknownWorkingPoint
from lepid.features import definitions
from lepid.tables import binning, constant, correction, formula
from lepid.working_points import table as working_points
from lepid.working_points.cuts import binned, interpolated
from lepid.working_points.table import Binding, Range, Requirement, Rules, Table

REPOSITORY = Path(__file__).resolve().parent.parent.parent
FLOATS = np.float64


def shipped(name: str) -> Table:
    return working_points.read(REPOSITORY / "wp_tables" / name)


def arrays(**values: Any) -> dict[str, Any]:
    return {name: np.atleast_1d(np.asarray(value, np.float64)) for name, value in values.items()}


# --- muon PLIT ----------------------------------------------------------------------------------

# Cuts at these pt, in GeV: the check values that were worked out from the published numbers.
PT = (5, 8, 12, 17, 22, 28, 36, 50, 80, 105, 150, 200)
PLIT = {
    "R3PLITasPLIVefficiencyTight":
        (3.75, 4.38, 5.4337, 5.9588, 5.9062, 5.6585, 5.2589, 4.5176, 4.425, 4.425, 4.425, 4.425),
    "R3PLITasPLIVefficiencyVeryTight":
        (4.05, 4.6913, 5.7713, 6.4425, 6.7088, 6.5665, 6.2209, 5.4551, 5.3219, 5.325, 5.325, 5.325),
    "R3PLITasPLIVrejectionTight":
        (3.675, 4.2375, 5.2725, 5.7338, 5.6287, 5.2634, 4.606, 3.4348, 3.2557, 3.15, 3.15, 3.15),
    "R3PLITasPLIVrejectionVeryTight":
        (3.975, 4.6275, 5.6587, 6.2925, 6.5438, 6.3442, 5.8599, 4.8265, 4.6451, 4.65, 4.65, 4.65),
    "R2PLITasPLIVefficiencyTight":
        (3.975, 4.47, 5.4525, 5.9925, 5.9287, 5.5982, 5.1668, 4.4449, 4.275, 4.35, 4.35, 4.35),
    "R2PLITasPLIVefficiencyVeryTight":
        (4.2, 4.7625, 5.8275, 6.5175, 6.7838, 6.5906, 6.1766, 5.3959, 5.2113, 5.25, 5.25, 5.25),
    "R2PLITasPLIVrejectionTight":
        (3.9, 4.3537, 5.2912, 5.8087, 5.6625, 5.2272, 4.6122, 3.5228, 3.2471, 3.0, 3.0, 3.0),
    "R2PLITasPLIVrejectionVeryTight":
        (4.2, 4.7287, 5.7188, 6.3675, 6.5925, 6.3763, 5.8299, 4.8176, 4.6795, 4.35, 4.35, 4.35),
    "R3PLITVeryLoose":
        (1.1004, 1.9431, 3.0667, 3.2212, 3.3712, 3.5625, 3.7843, 3.567, 3.9543, 3.375, 3.225, 3.3),
    "R2PLITVeryLoose":
        (1.3566, 2.1174, 3.1318, 3.3187, 3.4125, 3.5625, 3.7594, 3.5423, 3.7707, 3.3, 3.15, 3.075),
}  # fmt: skip
BOUNDARIES = {
    True: (5500, 10000, 15000, 20000, 25000, 32000, 43000, 60000, 95000),
    False: (15000, 20000, 25000, 30000, 40000, 50000, 75000, 100000, 110000, 120000, 160000),
}


def plit(point: str) -> tuple[Table, Requirement]:
    table = shipped(f"muon_plit/atlas-2025-04-25-run{point[1]}.json")
    return table, table.requirements(point)[0]


def slow_segments(table: Table, point: str) -> list[tuple[float, list[float]]]:
    """(lower edge, polynomial) of each segment, read out of the JSON."""
    entries = json.loads(table.tables.text)["corrections"]
    data = next(entry["data"] for entry in entries if entry["name"] == point)
    found = []
    for edge, content in zip(data["edges"], data["content"], strict=False):
        numbers = content if isinstance(content, float) else content["expression"]
        parts = re.fullmatch(r"([-\de.]+)(?:\+\(([-\de.]+)\)\*x)?", str(numbers))
        found.append((float(edge), [float(n) for n in parts.groups() if n]))
    return found


def slow_cut(segments: Sequence[tuple[float, list[float]]], pt: float) -> float:
    polynomial = [p for low, p in segments if pt >= low][-1]
    return polynomial[0] + (polynomial[1] * pt if len(polynomial) > 1 else 0.0)


def test_these_are_all_plit_points() -> None:
    points = [
        p for run in "32" for p in shipped(f"muon_plit/atlas-2025-04-25-run{run}.json").points
    ]
    assert sorted(points) == sorted(PLIT)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("point", PLIT)
def test_plit_cuts_at_the_check_values(point: str, dtype: type) -> None:
    table, requirement = plit(point)
    pt = np.array(PT, dtype) * dtype(1000)
    cuts = table.cuts(requirement, {"pt": pt.astype(np.float64)})
    np.testing.assert_allclose(cuts, PLIT[point], rtol=0, atol=5.1e-5)


@pytest.mark.parametrize("point", PLIT)
def test_plit_boundaries_belong_to_the_segment_above(point: str) -> None:
    table, requirement = plit(point)
    segments = slow_segments(table, point)
    edges = BOUNDARIES["VeryLoose" not in point or "PLIV" in point]
    assert [low for low, _ in segments] == [-math.inf, *edges]
    for dtype in (np.float32, np.float64):
        for i, edge in enumerate(edges):
            sides = np.array(
                [np.nextafter(dtype(edge), dtype(0)), edge, np.nextafter(dtype(edge), dtype(1e9))]
            ).astype(np.float64)
            expected = [slow_cut(segments[: i + 1], sides[0]), *(
                slow_cut(segments[: i + 2], value) for value in sides[1:]
            )]  # fmt: skip
            assert table.cuts(requirement, {"pt": sides}).tolist() == expected
            assert expected[0] != expected[1]


@pytest.mark.parametrize("point", PLIT)
@given(pt=st.floats(500, 2e6, width=32) | st.floats(500, 2e6))
def test_plit_is_strict_and_agrees_with_the_slow_twin(point: str, pt: float) -> None:
    table, _ = plit(point)
    cut = slow_cut(slow_segments(table, point), pt)
    scores = [np.nextafter(cut, -math.inf), cut, np.nextafter(cut, math.inf), -math.inf, math.inf]
    decided = table.decide(arrays(discriminant=scores), arrays(pt=[pt] * 5))[point]
    assert decided.tolist() == [False, False, True, False, True]


# --- CMS ----------------------------------------------------------------------------------------

CMS = {
    ("cms_electron_mva_iso", "WP80"):
        (0.9977658382002614, 0.993997106416667, 0.9762755411473742,
         0.9999713373348207, 0.9999156614866143, 0.9993228886577514),
    ("cms_electron_mva_iso", "WP90"):
        (0.9870981346957135, 0.9575680783108222, 0.8107974556069606,
         0.9998176342858713, 0.9993697496880594, 0.9929313583297743),
    ("cms_electron_mva_noiso", "WP80"):
        (0.9977658382002614, 0.993997106416667, 0.8976296798367964,
         0.9999713373348207, 0.9999156614866143, 0.9971202352334876),
    ("cms_electron_mva_noiso", "WP90"):
        (0.9870981346957135, 0.9575680783108222, 0.4195020250389494,
         0.9998176342858713, 0.9993697496880594, 0.9655363332685709),
}  # fmt: skip


def slow_category(pt: float, abseta: float) -> int:
    region = 0 if abseta < 0.8 else 1 if abseta < 1.479 else 2
    return region if pt < 10 else region + 3


@pytest.mark.parametrize(("tagger", "point"), CMS)
def test_cms_electron_cuts_and_their_edges(tagger: str, point: str) -> None:
    table = shipped(f"{tagger}/winter22.json")
    pts = [5.0, np.nextafter(10, 0), 10.0, np.nextafter(10, 99), 50.0, 5000.0]
    etas = [
        0.0,
        *(e for c in (0.8, 1.479) for e in (np.nextafter(c, 0), c, np.nextafter(c, 9))),
        2.5,
    ]
    for pt in pts:
        for eta in etas:
            cut = CMS[tagger, point][slow_category(pt, eta)]
            scores = [np.nextafter(cut, -1), cut, np.nextafter(cut, 2)]
            decided = table.decide(arrays(score=scores), arrays(pt=[pt] * 3, abseta=[eta] * 3))
            assert decided[point].tolist() == [False, False, True], (pt, eta)


def test_cms_electron_tables_take_the_supercluster() -> None:
    for tagger in ("cms_electron_mva_iso", "cms_electron_mva_noiso"):
        axes = shipped(f"{tagger}/winter22.json").axes()
        assert axes == {"pt": ("pt", "GeV"), "abseta": ("abseta_supercluster", "")}


@pytest.mark.parametrize(("point", "cut"), [("Medium", 0.08), ("Tight", 0.2)])
def test_cms_muon_points(point: str, cut: float) -> None:
    table = shipped("cms_muon_mva_id/nanoaod-v15.json")
    scores = [np.nextafter(cut, -1), cut, np.nextafter(cut, 2)]
    decided = table.decide(arrays(score=scores), arrays(pt=[3.0, 30.0, 300.0]))
    assert decided[point].tolist() == [False, False, True]


# --- isolation ----------------------------------------------------------------------------------

NAMES = {
    "muon": "Nonprompt_All_MaxWeightTTVA_pt",
    "electron": "Nonprompt_All_MaxWeightTTVALooseCone_pt",
}


def slow_isolation(flavour: str, pt: float, iso: Mapping[str, float]) -> dict[str, bool]:
    """Athena's points in MeV, one lepton; all `variable <= function`."""
    var1000, var500, fix1000, fix500, calo, neutral = (
        iso[name] for name in ("var1000", "var500", "fix1000", "fix500", "calo", "neutral")
    )
    switched1000 = var1000 if pt <= 50e3 else fix1000
    pflow = abs(var500) + 0.4 * max(neutral, 0)
    pflow_switched = abs(var500 if pt <= 50e3 else fix500) + 0.4 * max(neutral, 0)
    points = {
        "TightTrackOnly_VarRad": var1000 <= 0.06 * pt,
        "TightTrackOnly_FixedRad": switched1000 <= 0.06 * pt,
    }
    if flavour == "muon":
        return points | {
            "HighPtTrackOnly": fix1000 <= 1250,
            "Tight_VarRad": var1000 <= 0.04 * pt and calo <= 0.15 * pt,
            "Loose_VarRad": var1000 <= 0.15 * pt and calo <= 0.30 * pt,
            "Tight_FixedRad": switched1000 <= 0.04 * pt and calo <= 0.15 * pt,
            "Loose_FixedRad": switched1000 <= 0.15 * pt and calo <= 0.30 * pt,
            "PflowTight_VarRad": pflow <= 0.045 * pt,
            "PflowLoose_VarRad": pflow <= 0.16 * pt,
            "PflowTight_FixedRad": pflow_switched <= 0.045 * pt,
            "PflowLoose_FixedRad": pflow_switched <= 0.16 * pt,
        }
    return points | {
        "HighPtCaloOnly": calo <= max(0.015 * pt, 3500),
        "Tight_VarRad": var1000 <= 0.06 * pt and calo <= 0.06 * pt,
        "Loose_VarRad": var1000 <= 0.15 * pt and calo <= 0.20 * pt,
        "PflowTight": pflow <= 0.045 * pt,
        "PflowLoose": pflow <= 0.16 * pt,
        "PflowTight_FixedRad": pflow_switched <= 0.045 * pt,
        "PflowLoose_FixedRad": pflow_switched <= 0.16 * pt,
    }


def isolation_columns(flavour: str, iso: Mapping[str, Any], pt: Any) -> dict[str, Any]:
    end = NAMES[flavour]
    names = {
        "var1000": f"ptvarcone30_{end}1000", "var500": f"ptvarcone30_{end}500",
        "fix1000": f"ptcone20_{end}1000", "fix500": f"ptcone20_{end}500",
        "calo": "topoetcone20", "neutral": "neflowisol20",
    }  # fmt: skip
    return arrays(pt=pt, **{names[k]: v for k, v in iso.items()})


def decide_isolation(flavour: str, columns: Mapping[str, Any]) -> dict[str, Any]:
    table = shipped(f"{flavour}_isolation/atlas.json")
    unit_of = {"MeV": "MeV", "": ""}.__getitem__
    values = {
        name: definitions.evaluate(name, unit, columns, unit_of)
        for name, unit in table.quantities().items()
    }
    return table.decide(values, {"pt": columns["pt"]})


LIMITS = (0.0, 0.015, 0.04, 0.045, 0.06, 0.15, 0.16, 0.2, 0.3)
amounts = st.one_of(
    st.floats(-2e4, 2e4), st.sampled_from(LIMITS), st.sampled_from([1250.0, 3500.0])
)


@pytest.mark.parametrize("flavour", NAMES)
@given(
    pt=st.floats(1e3, 5e5)
    | st.sampled_from([5e4, math.nextafter(5e4, 0), math.nextafter(5e4, 1e9)]),
    iso=st.fixed_dictionaries(
        dict.fromkeys(("var1000", "var500", "fix1000", "fix500", "calo", "neutral"), amounts)
    ),
)  # fmt: skip
def test_isolation_points(flavour: str, pt: float, iso: dict[str, float]) -> None:
    # A sampled fraction means exactly that share of pt: the edge of a point.
    iso = {k: v * pt if 0 < abs(v) < 1 else v for k, v in iso.items()}
    decided = decide_isolation(flavour, isolation_columns(flavour, iso, pt))
    expected = slow_isolation(flavour, pt, iso)
    assert {name: bool(passed[0]) for name, passed in decided.items()} == expected


@pytest.mark.parametrize("flavour", NAMES)
def test_isolation_at_the_cut_passes_and_above_fails(flavour: str) -> None:
    pt = 40e3
    zero = dict.fromkeys(("var1000", "var500", "fix1000", "fix500", "calo", "neutral"), 0.0)
    cases = {"TightTrackOnly_VarRad": ("var1000", 0.06), "Loose_VarRad": ("var1000", 0.15)}
    for point, (quantity, share) in cases.items():
        iso = zero | {quantity: np.array([share * pt, np.nextafter(share * pt, 1e9)])}
        columns = isolation_columns(flavour, iso, [pt, pt])
        columns = {k: np.broadcast_to(v, 2) for k, v in columns.items()}
        assert decide_isolation(flavour, columns)[point].tolist() == [True, False]


@pytest.mark.parametrize("flavour", NAMES)
def test_negative_neutral_flow_counts_as_none(flavour: str) -> None:
    iso = {"var1000": 0.0, "var500": 0.045 * 20e3, "fix1000": 0.0, "fix500": 0.0, "calo": 0.0}
    for neutral, passes in ((-5e3, True), (0.0, True), (1.0, False)):
        columns = isolation_columns(flavour, iso | {"neutral": neutral}, 20e3)
        point = "PflowTight_VarRad" if flavour == "muon" else "PflowTight"
        assert decide_isolation(flavour, columns)[point].tolist() == [passes]


@pytest.mark.parametrize("flavour", NAMES)
def test_isolation_that_is_nan_fails_and_warns_nobody(flavour: str) -> None:
    iso = dict.fromkeys(("var1000", "var500", "fix1000", "fix500", "calo", "neutral"), np.nan)
    decided = decide_isolation(flavour, isolation_columns(flavour, iso, 20e3))
    assert not any(passed[0] for passed in decided.values())


# --- the general form: Athena's electron points -------------------------------------------------

ET_UPPER = [7, 10, 15, 20, 25, 30, 35, 40, 45, 6000]
ETA_UPPER = [0.1, 0.6, 0.8, 1.15, 1.37, 1.52, 1.81, 2.01, 2.37, 2.47]
ET_NODES = [5.5, 8.5, 12.5, 17.5, 22.5, 27.5, 32.5, 37.5, 42.5, 47.5]
RNG = np.random.default_rng(20240509)
CUTS = RNG.normal(2, 1, (10, 10))
CUTS_CF = np.round(RNG.normal(1, 1, (10, 10)), 3)
PIXELS = [2, 2, 2, 2, 2, 1, 1, 1, 1, 0]
SILICON = [7, 7, 8, 7, 7, 7, 6, 7, 7, 5]
BLAYER = [1, 1, 1, 1, 1, 1, 1, 1, 0, 0]
# bits of the ambiguity types that are let through: 8 types, none of them in the last bin
MASKS = [0b1, 0b10011, 0b11111111, 0b1, 0b10001, 0b1, 0b11, 0b111, 0b1, 0b0]


def slow_electron(e: Mapping[str, float], smooth: bool) -> dict[str, bool]:
    """Athena's selector, one electron: E_T in MeV; fails where a value is below its cut."""
    et, abseta = e["et"] / 1000, abs(e["eta"])
    if abseta > 2.47:
        return {"Tight": False, "TightNoCF": False}
    i_et = next((i for i, upper in enumerate(ET_UPPER) if et < upper), 9)
    i_eta = next((i for i, upper in enumerate(ETA_UPPER) if abseta < upper), 9)
    cut = CUTS[i_et, i_eta]
    if smooth and 5.5 < et < 47.5:
        low = max(i for i, node in enumerate(ET_NODES) if node <= et)
        low = min(low, 8)
        left, right = CUTS[low, i_eta], CUTS[low + 1, i_eta]
        width = ET_NODES[low + 1] - ET_NODES[low]
        cut = left + (right - left) * (et - ET_NODES[low]) / width
    elif smooth:
        cut = CUTS[0, i_eta] if et <= 5.5 else CUTS[9, i_eta]
    hits = e["pixel"] >= PIXELS[i_eta] and e["silicon"] >= SILICON[i_eta]
    b_layer = not BLAYER[i_eta] or bool(e["blayer"])
    ambiguity = bool(MASKS[i_eta] & (1 << int(e["ambiguity"])))
    mva = not e["D_el"] < cut
    good = hits and b_layer and ambiguity and mva
    return {"Tight": good and not e["D_CF"] < CUTS_CF[i_et, i_eta], "TightNoCF": good}


def athena_table(path: Path, smooth: bool, unit: str = "GeV") -> Table:
    scale = 1 if unit == "GeV" else 1000
    et = {"et": f"transverse energy [{unit}]"}
    eta = {"abseta": "|eta| of the cluster"}
    edges_et = [0, *(scale * edge for edge in ET_UPPER)]
    edges_eta = [0, *ETA_UPPER]
    nodes = [scale * node for node in ET_NODES]
    mva = interpolated(nodes, edges_eta, CUTS) if smooth else binned(edges_et, edges_eta, CUTS)
    flips = binned(edges_et, edges_eta, CUTS_CF)
    per_eta = {"pixel": PIXELS, "silicon": SILICON, "blayer": BLAYER, "ambiguity": MASKS}
    corrections = [
        correction("mva", "cut on D_el", et | eta, ("cut", "cut"), mva),
        correction("cf", "cut on D_CF", et | eta, ("cut", "cut"), flips),
        *(
            correction(name, name, eta, ("cut", "cut"), binning("abseta", edges_eta, cuts))
            for name, cuts in per_eta.items()
        ),
    ]  # fmt: skip
    rectangular = (
        Requirement(correction="pixel", quantity="nPixHitsPlusDeadSensors", sense=">="),
        Requirement(correction="silicon", quantity="nSiHitsPlusDeadSensors", sense=">="),
        Requirement(correction="blayer", quantity="passesBLayer", sense=">="),
        Requirement(correction="ambiguity", quantity="ambiguityType", sense="bit"),
        Requirement(correction="mva", quantity="D_el", sense=">="),
    )
    charge_flip = Requirement(correction="cf", quantity="D_CF", sense=">=")
    rules = Rules(
        tagger="electron_dnn",
        points={"Tight": (*rectangular, charge_flip), "TightNoCF": rectangular},
        inputs={"et": "pt", "abseta": "abseta"},
        range=(Range(feature="abseta", high=2.47),),
        bound_to=Binding(sha256=("a" * 64,)),
    )
    working_points.write(path, "electron points of a test\nin two lines", rules, corrections)
    return working_points.read(path)


def electrons(n: int, smooth: bool) -> list[dict[str, float]]:
    """Random electrons, many of them exactly on an edge, a node or a cut."""
    rng = np.random.default_rng(n)
    ets = [1000.0 * x for x in (*ET_NODES, *ET_UPPER[:-1], 6000, 7000, 3, 5.4999, 47.6)]
    ets += [f(x, 1e9) for x in ets[:20] for f in (np.nextafter, lambda v, _: np.nextafter(v, 0))]
    etas = [0.0, *ETA_UPPER, *(np.nextafter(x, 9) for x in ETA_UPPER)]
    etas += [np.nextafter(x, 0) for x in ETA_UPPER]
    found = []
    for _ in range(n):
        e = {
            "et": float(rng.choice(ets) if rng.random() < 0.6 else rng.uniform(4e3, 1e5)),
            "eta": float(rng.choice(etas) * rng.choice([-1, 1])),
            "pixel": float(rng.integers(0, 5)), "silicon": float(rng.integers(4, 12)),
            "blayer": float(rng.integers(0, 2)), "ambiguity": float(rng.integers(0, 9)),
            "D_el": float(rng.normal(3, 2)), "D_CF": float(rng.normal(1.5, 1)),
        }  # fmt: skip
        i_et = next((i for i, u in enumerate(ET_UPPER) if e["et"] / 1000 < u), 9)
        i_eta = next((i for i, u in enumerate(ETA_UPPER) if abs(e["eta"]) < u), 9)
        if rng.random() < 0.3:
            e["D_CF"] = float(CUTS_CF[i_et, i_eta])
        if rng.random() < 0.3 and (not smooth or e["et"] >= 47500):
            e["D_el"] = float(CUTS[i_et, i_eta])
        if rng.random() < 0.7:
            e |= {"pixel": 4.0, "silicon": 11.0, "blayer": 1.0, "ambiguity": 0.0}
        found.append(e)
    return found


def decide_electrons(table: Table, sample: list[dict[str, float]], scale: float) -> Any:
    columns = {key: np.array([e[key] for e in sample]) for key in sample[0]}
    values = {
        "nPixHitsPlusDeadSensors": columns["pixel"],
        "nSiHitsPlusDeadSensors": columns["silicon"],
        "passesBLayer": columns["blayer"],
        "ambiguityType": columns["ambiguity"],
        "D_el": columns["D_el"],
        "D_CF": columns["D_CF"],
    }
    abseta = np.abs(columns["eta"])
    decided = table.decide(values, {"et": columns["et"] / scale, "abseta": abseta})
    inside = table.inside({"abseta": abseta})
    return {name: passed & inside for name, passed in decided.items()}


@pytest.mark.parametrize("smooth", [True, False], ids=["interpolated", "binned"])
@pytest.mark.parametrize(("unit", "scale"), [("GeV", 1000.0), ("MeV", 1.0)])
def test_athenas_electron_points(tmp_path: Path, smooth: bool, unit: str, scale: float) -> None:
    table = athena_table(tmp_path / "points.json", smooth, unit)
    sample = electrons(3000, smooth)
    decided = decide_electrons(table, sample, scale)
    for name in ("Tight", "TightNoCF"):
        expected = [slow_electron(e, smooth)[name] for e in sample]
        assert decided[name].tolist() == expected
        assert 200 < sum(expected) < 2800
    assert (decided["Tight"] <= decided["TightNoCF"]).all()
    assert (decided["Tight"] < decided["TightNoCF"]).any()


def test_electron_table_says_what_it_compares(tmp_path: Path) -> None:
    table = athena_table(tmp_path / "points.json", smooth=True)
    assert table.points == ["Tight", "TightNoCF"]
    assert table.axes() == {"et": ("pt", "GeV"), "abseta": ("abseta", "")}
    assert list(table.quantities(["TightNoCF"])) == [
        "nPixHitsPlusDeadSensors", "nSiHitsPlusDeadSensors", "passesBLayer", "ambiguityType",
        "D_el",
    ]  # fmt: skip
    assert "D_CF" in table.quantities()
    correctionlib.schemav2.CorrectionSet.model_validate_json(Path(table.path).read_text())


def test_the_range_is_closed_at_both_ends(tmp_path: Path) -> None:
    table = athena_table(tmp_path / "points.json", smooth=True)
    assert table.inside(arrays(abseta=[0, 2.47, np.nextafter(2.47, 9), np.nan])).tolist() == [
        True, True, False, False,
    ]  # fmt: skip
    assert shipped("cms_muon_mva_id/nanoaod-v15.json").inside({}) is None


def test_the_builders_refuse_what_does_not_fit() -> None:
    with pytest.raises(BadTable, match=r"shape \(10, 10\), expected .*\(9, 10\)"):
        binned(ET_UPPER, [0, *ETA_UPPER], CUTS)
    with pytest.raises(BadTable, match=r"shape \(10, 10\), expected .*\(10, 9\)"):
        interpolated(ET_NODES, ETA_UPPER, CUTS)
    with pytest.raises(BadTable, match="nan is not a finite number"):
        binned([0, 1], [0, 1], [[np.nan]])
    with pytest.raises(BadTable, match="not ascending"):
        interpolated([2.0, 1.0], [0, 1], [[1.0], [2.0]])


# --- a small table of one's own, and what can be wrong with it ----------------------------------

SENSES = {">": (0, 0, 1), ">=": (0, 1, 1), "<": (1, 0, 0), "<=": (1, 1, 0)}


def cut(name: str, value: float, unit: str = "GeV", out: str = "cut") -> dict[str, Any]:
    data = binning("pt", [0, 1000], [value])
    return correction(name, "", {"pt": f"momentum [{unit}]"}, ("cut", out), data)


def rules(**changes: Any) -> Rules:
    point = Requirement(correction="one", quantity="score", sense=">")
    content = {
        "tagger": "my_tagger", "points": {"Loose": (point,)}, "inputs": {"pt": "pt"},
        "bound_to": Binding(columns=("my_score",)),
    }  # fmt: skip
    return Rules(**(content | changes))


def written(tmp_path: Path, *corrections: Any, **changes: Any) -> Table:
    path = tmp_path / "table.json"
    working_points.write(path, "mine", rules(**changes), corrections or [cut("one", 0.5)])
    return working_points.read(path)


@pytest.mark.parametrize("sense", SENSES)
def test_each_sense_below_at_and_above_the_cut(tmp_path: Path, sense: str) -> None:
    point = Requirement(correction="one", quantity="score", sense=sense)  # type: ignore[arg-type]
    table = written(tmp_path, points={"Loose": (point,)})
    decided = table.decide(arrays(score=[0.4, 0.5, 0.6]), arrays(pt=[1, 2, 3]))
    assert decided["Loose"].tolist() == [bool(x) for x in SENSES[sense]]


def test_bits_that_cannot_be(tmp_path: Path) -> None:
    point = Requirement(correction="one", quantity="type", sense="bit")
    table = written(tmp_path, cut("one", 0b101), points={"Loose": (point,)})
    kinds = [0, 1, 2, 62, 63, 64, -1, 0.5, 1e300, np.inf, -np.inf, np.nan]
    decided = table.decide(arrays(type=kinds), arrays(pt=np.ones(len(kinds))))
    assert decided["Loose"].tolist() == [True, False, True] + [False] * 9


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("sense", [">", "<="])
def test_what_is_not_finite_in_an_axis_fails(tmp_path: Path, bad: float, sense: str) -> None:
    point = Requirement(correction="one", quantity="score", sense=sense)  # type: ignore[arg-type]
    table = written(tmp_path, points={"Loose": (point,)})
    score = [1.0 if sense == ">" else 0.0] * 3
    decided = table.decide(arrays(score=score), arrays(pt=[10, bad, 10]))
    assert decided["Loose"].tolist() == [True, False, True]


def test_what_is_not_finite_never_reaches_correctionlib(tmp_path: Path) -> None:
    data = binning("pt", [0, 1000], [0.5]) | {"flow": "error"}
    strict = correction("one", "", {"pt": "[GeV]"}, ("cut", ""), data)
    table = written(tmp_path, strict)
    pt = [10, np.nan, np.inf, -np.inf]
    assert table.decide(arrays(score=[1] * 4), arrays(pt=pt))["Loose"].tolist() == [
        True, False, False, False,
    ]  # fmt: skip
    with pytest.raises(BadTable, match="one: Index above bounds"):
        table.decide(arrays(score=[1.0]), arrays(pt=[2000.0]))


@pytest.mark.parametrize("sense", SENSES)
def test_nan_fails_in_every_sense_and_infinity_compares(tmp_path: Path, sense: str) -> None:
    point = Requirement(correction="one", quantity="score", sense=sense)  # type: ignore[arg-type]
    table = written(tmp_path, points={"Loose": (point,)})
    decided = table.decide(arrays(score=[np.nan, np.inf, -np.inf]), arrays(pt=[1, 1, 1]))
    above = sense.startswith(">")
    assert decided["Loose"].tolist() == [False, above, not above]


def test_no_leptons(tmp_path: Path) -> None:
    decided = written(tmp_path).decide(arrays(score=[]), arrays(pt=[]))
    assert decided["Loose"].shape == (0,)
    assert decided["Loose"].dtype == np.bool_


def test_points_without_their_quantity_are_left_out(tmp_path: Path) -> None:
    other = Requirement(correction="one", quantity="other", sense=">")
    point = Requirement(correction="one", quantity="score", sense=">")
    table = written(tmp_path, points={"Loose": (point,), "Tight": (point, other)})
    assert list(table.decide(arrays(score=[1.0]), arrays(pt=[1.0]))) == ["Loose"]


@given(
    pt=st.lists(st.floats(1, 1e4), min_size=1, max_size=20),
    seed=st.integers(0, 10),
    chunk=st.integers(1, 7),
)
def test_order_and_chunks_change_nothing(pt: list[float], seed: int, chunk: int) -> None:
    table = shipped("cms_electron_mva_iso/winter22.json")
    rng = np.random.default_rng(seed)
    n = len(pt)
    columns = {"score": rng.uniform(0.9, 1, n), "pt": np.array(pt), "abseta": rng.uniform(0, 3, n)}

    def decide(part: Any) -> Any:
        taken = {name: column[part] for name, column in columns.items()}
        return table.decide({"score": taken.pop("score")}, taken)["WP90"]

    whole = decide(slice(None))
    order = rng.permutation(n)
    assert decide(order).tolist() == whole[order].tolist()
    parts = [decide(slice(start, start + chunk)) for start in range(0, n, chunk)]
    assert np.concatenate(parts).tolist() == whole.tolist()


def test_an_unknown_point_names_the_near_ones(tmp_path: Path) -> None:
    table = written(tmp_path)
    with pytest.raises(UnknownWorkingPoint, match="no working point 'Losse'") as caught:
        table.requirements("Losse")
    assert caught.value.near == ("Loose",)
    assert caught.value.where == table.path
    with pytest.raises(UnknownWorkingPoint):
        table.quantities(["Tihgt"])


def test_a_table_goes_through_pickle(tmp_path: Path) -> None:
    table = written(tmp_path)
    table.decide(arrays(score=[1.0]), arrays(pt=[1.0]))
    again = pickle.loads(pickle.dumps(table))
    assert again.rules == table.rules
    assert again.decide(arrays(score=[1.0]), arrays(pt=[1.0]))["Loose"].tolist() == [True]


def test_a_rewritten_file_is_read_anew(tmp_path: Path) -> None:
    table = written(tmp_path)
    path = Path(table.path)
    text = path.read_text().replace("Loose", "Other")
    stat = path.stat()
    path.write_text(text)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1_000_000))
    assert working_points.read(path).points == ["Other"]


# --- binding ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bound", "sha256", "path", "columns", "fits"),
    [
        (Binding(inputs=True), "b" * 64, "any", (), True),
        (Binding(inputs=True), "", "", ("x",), True),
        (Binding(sha256=("a" * 64,)), "a" * 64, "any", (), True),
        (Binding(sha256=("a" * 64,)), "b" * 64, "any", (), False),
        (Binding(sha256=("a" * 64, "b" * 64)), "b" * 64, "any", (), True),
        (Binding(path=("area/net.onnx",)), "b" * 64, "area/net.onnx", (), True),
        (Binding(path=("area/net.onnx",)), "b" * 64, "area/other.onnx", (), False),
        (Binding(columns=("p", "q")), "", "", ("p", "q"), True),
        (Binding(columns=("p", "q")), "", "", ("q", "p"), True),
        (Binding(columns=("p", "q")), "", "", ("p", "r"), False),
        (Binding(columns=("p", "q")), "b" * 64, "net", (), False),
        (Binding(sha256=("a" * 64,)), "", "", ("p",), False),
        (Binding(), "a" * 64, "net", (), False),
        (Binding(), "", "", (), False),
    ],
)
def test_binding(
    tmp_path: Path, bound: Binding, sha256: str, path: str, columns: tuple[str, ...], fits: bool
) -> None:
    table = written(tmp_path, bound_to=bound)
    if fits:
        assert table.check_binding(sha256, path, columns) is None
        return
    with pytest.raises(UnboundTable, match="these working points are bound to") as caught:
        table.check_binding(sha256, path, columns)
    assert caught.value.where == table.path
    assert table.binding_text() in caught.value.wrong
    assert all(column in caught.value.wrong for column in columns)
    assert sha256[:16] in caught.value.wrong or columns


def test_binding_in_words(tmp_path: Path) -> None:
    bound = Binding(sha256=("a" * 64,), path=("p/net.onnx",), columns=("x", "y"))
    words = written(tmp_path, bound_to=bound).binding_text()
    assert words == f"sha256 {'a' * 16}... or p/net.onnx or the columns x, y"
    assert written(tmp_path, bound_to=Binding(inputs=True)).binding_text().startswith("columns of")
    assert written(tmp_path, bound_to=Binding()).binding_text() == "nothing"


# --- files that are no working points -----------------------------------------------------------


def rewritten(tmp_path: Path, old: str, new: str) -> Path:
    path = Path(written(tmp_path).path)
    text = path.read_text()
    assert old in text
    broken = tmp_path / "broken.json"
    broken.write_text(text.replace(old, new))
    return broken


@pytest.mark.parametrize(
    ("old", "new", "message", "near"),
    [
        ("lepid:", "other:", "the description has 0 lines `lepid:", ()),
        ("mine", "lepid: {}", "the description has 2 lines `lepid:", ()),
        ('lepid: {\\"tagger', "lepid: {tagger", "is not JSON", ()),
        ('\\"tagger\\"', '\\"taggger\\"', "taggger: Extra inputs are not permitted", ()),
        ('\\"tagger\\":\\"my_tagger\\",', "", "tagger: Field required", ()),
        ('\\">\\"', '\\"=>\\"', r"points\.Loose\.0\.sense: Input should be '>', '>='", ()),
        ('\\"correction\\":\\"one\\"', '\\"correction\\":\\"onne\\"',
         "working point 'Loose' names the correction 'onne', which is not there", ("one",)),
        ('\\"inputs\\":{\\"pt\\":\\"pt\\"}', '\\"inputs\\":{\\"ptt\\":\\"pt\\"}',
         r"no feature is named for the inputs \['pt'\] of 'one'", ("ptt",)),
        ("momentum [GeV]", "momentum [gev]",
         "input 'pt' has the unknown unit 'gev'", ("GeV", "1/GeV", "TeV")),
        ('"description": "cut"', '"description": "cut [%]"',
         "cut on 'score' has the unknown unit '%'", ()),
        ('"pt",\n     "type": "real"', '"pt",\n     "type": "int"',
         "input 'pt' of 'one' is int", ()),
        ('{\\"Loose\\":[', '{\\"Empty\\":[],\\"Loose\\":[',
         "working point 'Empty' has no requirement", ()),
    ],
)  # fmt: skip
def test_a_file_that_does_not_fit_its_lepid_line(
    tmp_path: Path, old: str, new: str, message: str, near: tuple[str, ...]
) -> None:
    path = rewritten(tmp_path, old, new)
    with pytest.raises(BadTable, match=message) as caught:
        working_points.read(path)
    assert caught.value.where == str(path)
    assert caught.value.near == near
    assert "http" not in str(caught.value)


def test_a_plain_correctionlib_file_is_no_table(tmp_path: Path) -> None:
    path = tmp_path / "plain.json"
    content = {"schema_version": 2, "corrections": [cut("one", 1.0)]}
    path.write_text(json.dumps(content))
    with pytest.raises(BadTable, match="not working points") as caught:
        working_points.read(path)
    assert "working_points.table.write" in caught.value.do


@pytest.mark.parametrize(
    ("corrections", "changes", "message"),
    [
        ([cut("other", 1.0)], {}, "names the correction 'one'"),
        ([correction("one", "", {}, ("cut", ""), 1.0)], {}, "correction 'one' has no input"),
        ([correction("one", "", {"pt": "[GeV]", "charge": "q"}, ("cut", ""), 1.0)], {},
         r"inputs \['charge'\]"),
        ([cut("one", 1.0, "furlong")], {}, "unknown unit 'furlong'"),
        ([cut("one", 1.0), cut("two", 1.0, "MeV")],
         {"points": {"A": (Requirement(correction="one", quantity="s", sense=">"),
                           Requirement(correction="two", quantity="s", sense=">"))}},
         "input 'pt' has two units, 'GeV' and 'MeV'"),
        ([cut("one", 1.0, out="[GeV]"), cut("two", 1.0, out="[MeV]")],
         {"points": {"A": (Requirement(correction="one", quantity="s", sense=">"),
                           Requirement(correction="two", quantity="s", sense=">"))}},
         "cut on 's' has two units, 'GeV' and 'MeV'"),
        ([cut("one", 1.0)], {"range": (Range(feature="pt", unit="Gev", low=4.0),)},
         "range of 'pt' has the unknown unit 'Gev'"),
        ([correction("one", "", {"pt": "[GeV]"}, ("cut", ""), formula("2*(x", "pt"))], {},
         "not a correctionlib v2 file"),
    ],
)  # fmt: skip
def test_write_refuses_what_read_would_refuse(
    tmp_path: Path, corrections: list[Any], changes: dict[str, Any], message: str
) -> None:
    path = tmp_path / "table.json"
    with pytest.raises(BadTable, match=message):
        working_points.write(path, "mine", rules(**changes), corrections)
    assert not list(tmp_path.iterdir())


def test_write_refuses_a_description_that_holds_the_mark(tmp_path: Path) -> None:
    with pytest.raises(BadTable, match="2 lines"):
        working_points.write(tmp_path / "t.json", "a\nlepid: me", rules(), [cut("one", 1.0)])


def test_rules_without_points_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 1 item"):
        rules(points={})


def test_gzipped_tables_are_the_same(tmp_path: Path) -> None:
    path = tmp_path / "table.json.gz"
    working_points.write(path, "mine", rules(), [cut("one", 0.123456789012345)])
    table = working_points.read(path)
    assert table.points == ["Loose"]
    assert table.cuts(table.requirements("Loose")[0], arrays(pt=[5.0])).tolist() == pytest.approx(
        [0.123456789012345], rel=1e-15
    )


def test_a_constant_cut_is_exact(tmp_path: Path) -> None:
    value = 0.9977658382002614
    data = binning("pt", [0, 10], [constant(value, "pt")])
    table = written(tmp_path, correction("one", "", {"pt": "[GeV]"}, ("cut", ""), data))
    assert table.decide(arrays(score=[value]), arrays(pt=[1.0]))["Loose"].tolist() == [False]
