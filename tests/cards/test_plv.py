"""Working points of PLV on stored scores, beside the published conditions one by one."""

from __future__ import annotations

import math
from typing import Any

import awkward as ak
import numpy as np
import pytest

import lepid
from lepid.errors import MissingColumns

pytestmark = pytest.mark.usefixtures("no_search_paths")

COLLECTION = {"muon": "Muons", "electron": "Electrons"}
TTVA = "ptvarcone30_TightTTVA_pt1000"
LOOSE = "ptvarcone30_TightTTVALooseCone_pt1000"
# Polynomial from 12 GeV, where it ends (MeV), the exponential from there, the one of LowPtPLV.
CUTS: dict[tuple[str, str], tuple[list[float], int, tuple[float, ...], list[float]]] = {
    ("muon", "PLVLoose"): (
        [1.05942, -0.0788936, 0.0058481, -0.000186], 18457, (-0.958651, 3.54785, 19.6155),
        [-0.730525, 0.215737, -0.014904, 0.000335],
    ),
    ("muon", "PLVTight"): (
        [0.998203, -0.0597252, -0.000992265], 18603, (-0.929774, 2.9159, 10.2339),
        [0.207732, 0.056019, -0.004141, 0.000099],
    ),
    ("electron", "PLVLoose"): (
        [0.960105, -0.0160896, -0.000106967], 18457, (-0.94386, 3.03257, 28.0508),
        [-1.133747, 0.243588, -0.016259, 0.000345],
    ),
    ("electron", "PLVTight"): (
        [1.13016, -0.0750674, -0.000722487], 16697, (-0.881497, 2.29469, 11.5776),
        [0.152846, 0.041502, -0.002542, 0.000041],
    ),
}  # fmt: skip
PT = (4000, 11999, 12000, 12001, 15000, 16696, 16697, 16698, 18456, 18457, 18458, 18602, 18603,
      18604, 30000, 90000, 400000)  # fmt: skip


def smooth(flavour: str, point: str, pt: float) -> float:
    """Largest PromptLeptonVeto; below 12 GeV none is larger than 1."""
    rising, switch, (a, b, scale), _ = CUTS[flavour, point]
    t = pt / 1000
    if pt < 12000:
        return math.inf
    if pt == switch:
        return 0.0
    if pt < switch:
        return sum(c * t**n for n, c in enumerate(rising))
    return max(-0.88, a + b * math.exp(-t / scale))


def low(flavour: str, point: str, pt: float) -> float:
    """What LowPtPLV exceeds."""
    t = pt / 1000
    cut = sum(c * t**n for n, c in enumerate(CUTS[flavour, point][3]))
    return cut if pt < 12000 else -2.0


def around(cut: float) -> list[float]:
    return [cut - 1e-4, cut + 1e-4] if math.isfinite(cut) else [-0.9, 0.99]


def leptons(flavour: str, lines: list[dict[str, float]]) -> Any:
    usual = {"pt": 3e4, "eta": 0.0, "PromptLeptonVeto": -0.9, "LowPtPLV": 0.9, TTVA: 0.0,
             LOOSE: 0.0, "ptvarcone30": 0.0, "ptvarcone20": 0.0, "topoetcone20": 0.0}  # fmt: skip
    columns = {n: np.array([(usual | line)[n] for line in lines], np.float64) for n in usual}
    collection = ak.unflatten(ak.zip(columns), [len(lines)])
    return ak.zip({COLLECTION[flavour]: collection}, depth_limit=1)


def passed(
    flavour: str, lines: list[dict[str, float]], point: str, network: str = ""
) -> list[bool]:
    tagger = f"{flavour}_plv"
    name = f"{tagger}@{network}" if network else tagger
    events = lepid.decorate(leptons(flavour, lines), name)
    found: list[bool] = events[COLLECTION[flavour], tagger, point][0].to_list()
    return found


@pytest.mark.parametrize(("flavour", "point"), CUTS)
def test_all_conditions_hold_together(flavour: str, point: str) -> None:
    isolation = TTVA if flavour == "muon" else LOOSE
    lines, expected = [], []
    for pt in PT:
        upper, lower = smooth(flavour, point, pt), low(flavour, point, pt)
        for veto in (*around(upper), -1.05, -1.0499, -1.1):
            for low_pt in around(lower):
                for cone in (max(1800, 0.15 * pt) - 0.01, max(1800, 0.15 * pt) + 0.01):
                    lines.append({"pt": pt, "PromptLeptonVeto": veto, "LowPtPLV": low_pt,
                                  isolation: cone})  # fmt: skip
                    expected.append(
                        cone <= max(1800, 0.15 * pt) and veto > -1.05 and veto <= upper
                        and low_pt > lower
                    )  # fmt: skip
    assert passed(flavour, lines, point) == expected
    assert 0 < sum(expected) < len(expected)


@pytest.mark.parametrize("flavour", COLLECTION)
def test_cuts_at_their_values(flavour: str) -> None:
    isolation = TTVA if flavour == "muon" else LOOSE
    given = [
        ({"PromptLeptonVeto": -0.88, "pt": 4e5}, True),
        ({"PromptLeptonVeto": math.nextafter(-0.88, 0), "pt": 4e5}, False),
        ({"PromptLeptonVeto": -1.05, "pt": 4e5}, False),
        ({isolation: 1800.0, "pt": 9e3}, True),
        ({isolation: math.nextafter(1800, 2e3), "pt": 9e3}, False),
        ({"LowPtPLV": -2.0}, False),
        ({"LowPtPLV": math.nextafter(-2, 0)}, True),
        # The value for inputs that are missing.
        ({"LowPtPLV": 1.1}, True),
    ]
    found = passed(flavour, [line for line, _ in given], "PLVTight")
    assert found == [right for _, right in given]


@pytest.mark.parametrize("flavour", COLLECTION)
def test_fixed_cuts(flavour: str) -> None:
    cone, calo = ("ptvarcone30", 0.3) if flavour == "muon" else ("ptvarcone20", 0.2)
    given = [
        ({"PromptLeptonVeto": -0.5}, True), ({"PromptLeptonVeto": -0.4999}, False),
        ({"PromptLeptonVeto": -1.1}, True),
        ({cone: 0.15 * 3e4}, True), ({cone: 0.15 * 3e4 + 0.01}, False),
        ({"topoetcone20": calo * 3e4 - 0.01}, True), ({"topoetcone20": calo * 3e4 + 0.01}, False),
    ]  # fmt: skip
    found = passed(flavour, [line for line, _ in given], "FixedCutLoosePLV", "stored-fixed-cut")
    assert found == [right for _, right in given]


def test_electrons_without_the_loose_cone() -> None:
    lines = [{TTVA: 5000.0}, {LOOSE: 5000.0}]
    network, point = "stored-no-loose-cone", "PLVLoose_noLooseCone"
    assert passed("electron", lines, point, network) == [False, True]
    assert passed("electron", lines, "PLVLoose") == [True, False]


def test_a_score_that_is_not_there() -> None:
    lines: list[dict[str, float]] = [{"PromptLeptonVeto": math.nan}, {"LowPtPLV": math.nan}, {}]
    record = lepid.decorate(leptons("muon", lines), "muon_plv")["Muons", "muon_plv"]
    assert record["scored"].to_list() == [[False, False, True]]
    assert record["PLVLoose"].to_list() == [[False, False, True]]


def test_without_low_pt_scores_the_fixed_cuts_are_left() -> None:
    events = leptons("muon", [{}])
    kept = [name for name in events["Muons"].fields if name != "LowPtPLV"]
    events = ak.with_field(events, events["Muons"][kept], "Muons")
    record = lepid.decorate(events, "muon_plv")["Muons", "muon_plv"]
    assert record["FixedCutLoosePLV"].to_list() == [[True]]
    with pytest.raises(MissingColumns, match="LowPtPLV"):
        lepid.decorate(events, "muon_plv@stored")


def test_scores_of_pliv_that_a_file_holds() -> None:
    events = leptons("electron", [{}, {}])
    for name, value in (("BARR", -0.5), ("ECAP", 0.5)):
        column = ak.Array([[value, np.nan]])
        collection = ak.with_field(events["Electrons"], column, f"PromptLeptonImprovedVeto{name}")
        events = ak.with_field(events, collection, "Electrons")
    record = lepid.decorate(events, "electron_pliv")["Electrons", "electron_pliv"]
    assert record["barrel"][0, 0] == -0.5
    assert record["endcap"][0, 0] == 0.5
    assert record["scored"].to_list() == [[True, False]]
