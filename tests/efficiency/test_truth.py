"""Truth classes against slow twins: one lepton in plain Python, straight from the tables."""

from __future__ import annotations

import itertools
from collections import Counter
from types import SimpleNamespace

import awkward as ak
import numpy as np
import pytest
import uproot
from hypothesis import given
from hypothesis import strategies as st

from lepid.efficiency import truth_codes
from lepid.efficiency.truth import GROUPS, SCHEMES, classify
from lepid.errors import BadInput, MissingColumns, UnknownName


def numbered(names):
    return {name: code for code, name in enumerate(names.split())}


# Every code of MCTruthClassifier, in order.
TYPES = numbered(
    "Unknown UnknownElectron IsoElectron NonIsoElectron BkgElectron UnknownMuon IsoMuon NonIsoMuon "
    "BkgMuon UnknownTau IsoTau NonIsoTau BkgTau UnknownPhoton IsoPhoton NonIsoPhoton BkgPhoton "
    "Hadron Neutrino NuclFrag NonPrimary GenParticle SUSYParticle BBbarMesonPart BottomMesonPart "
    "CCbarMesonPart CharmedMesonPart BottomBaryonPart CharmedBaryonPart StrangeBaryonPart "
    "LightBaryonPart StrangeMesonPart LightMesonPart BJet CJet LJet GJet TauJet UnknownJet "
    "OtherBSMParticle"
)
ORIGINS = numbered(
    "NonDefined SingleElec SingleMuon SinglePhot SingleTau PhotonConv DalitzDec ElMagProc Mu "
    "TauLep top QuarkWeakDec WBoson ZBoson Higgs HiggsMSSM HeavyBoson WBosonLRSM NuREle NuRMu "
    "NuRTau LQ SUSY LightMeson StrangeMeson CharmedMeson BottomMeson CCbarMeson JPsi BBbarMeson "
    "LightBaryon StrangeBaryon CharmedBaryon BottomBaryon PionDecay KaonDecay BremPhot PromptPhot "
    "UndrPhot ISRPhot FSRPhot NucReact PiZero DiBoson ZorHeavyBoson QCD OtherBSM MultiBoson"
)
TY = SimpleNamespace(**TYPES)
OR = SimpleNamespace(**ORIGINS)

ELECTRON, PHOTON, MUON = 11, 22, 13
NO_TRUTH = -99999
LIGHT_ORIGINS = (42, 23, 24, 30, 31, 34, 35)
B_ORIGINS = (26, 29, 33)
C_ORIGINS = (25, 27, 32)

ELECTRON_COLUMNS = (
    *("truthType", "truthOrigin", "truthPdgId"),
    *("firstEgMotherTruthType", "firstEgMotherTruthOrigin", "firstEgMotherPdgId"),
    *("lastEgMotherTruthType", "lastEgMotherTruthOrigin", "lastEgMotherPdgId"),
    *("fallbackTruthType", "fallbackDR", "truthStatus", "charge"),
)
ELECTRON_ABSENT = (0, 0, 0, 0, 0, 0, -1, -1, -1, -1, 9.0, 0, 0)
MUON_COLUMNS = (
    *("truthType", "truthOrigin", "fallbackTruthType", "fallbackDR", "truthStatus"),
    *("truthParentCount", "truthParentPdgId", "charge", "truthPdgId", "truthDR"),
)
MUON_ABSENT = (0, 0, -1, 9.0, 0, 0, 0, 0, 0, 9.0)


def slow_electron(t, o, pdg, mt, mo, mp, lt, lo, lp, fallback, dr, status, charge, flips):
    light = o in LIGHT_ORIGINS or mo in LIGHT_ORIGINS
    if t == TY.BkgElectron:
        if o in (OR.PhotonConv, OR.ElMagProc) and mt == TY.IsoPhoton and mo == OR.PromptPhot:
            return 5  # rule 1
        if o == OR.PhotonConv and mt == TY.IsoPhoton and mo == OR.Higgs:
            return 5  # 2
        if o == OR.PhotonConv and mt == TY.UnknownPhoton and mo == OR.NonDefined:
            return 5  # 3
        if o in (OR.PhotonConv, OR.ElMagProc) and mt == TY.BkgPhoton and mo == OR.UndrPhot:
            return 5  # 4
    if t == TY.BkgPhoton and o == OR.UndrPhot:
        return 5  # 5
    if t == TY.IsoPhoton and pdg == PHOTON:
        return 5  # 6
    if t == TY.BkgElectron:
        if o == OR.ElMagProc and mt == TY.UnknownPhoton and mo == OR.NonDefined:
            return 5  # 7
        if o == OR.ElMagProc and mt == TY.NonIsoPhoton and mo == OR.FSRPhot:
            return 5  # 7
        if o == OR.PhotonConv and mt == TY.Unknown and mo == OR.ZBoson:
            return 5  # 8
        if mt == TY.BkgElectron and o == OR.PhotonConv and mo == OR.PhotonConv:
            if abs(mp) == ELECTRON and abs(pdg) == ELECTRON:
                if lt == -1 or (lt == TY.GenParticle and lp in (PHOTON, ELECTRON, -ELECTRON)):
                    return 5  # 9
    if t in (TY.NonIsoElectron, TY.NonIsoPhoton) and (o == OR.Mu or mo == OR.Mu):
        return 6  # 10
    if t == TY.BkgElectron and mo == OR.Mu:
        return 6  # 11
    if t in (TY.UnknownMuon, TY.IsoMuon, TY.NonIsoMuon, TY.BkgMuon):
        return 6  # 12
    if t in (TY.NonIsoElectron, TY.NonIsoPhoton) and o == OR.TauLep:
        return 7  # 13
    if mt in (TY.NonIsoElectron, TY.NonIsoPhoton) and mo == OR.TauLep:
        return 7  # 14
    if t == TY.Hadron or (fallback == TY.Hadron and dr < 0.05):
        return 10  # 15
    if mt == TY.BkgElectron and o in (OR.DalitzDec, OR.ElMagProc) and light:
        return 10  # 16
    if t == TY.BkgElectron and (o == OR.DalitzDec or mo == OR.DalitzDec or light):
        return 10  # 17
    if t == TY.BkgPhoton and light:
        return 10  # 18
    if o in B_ORIGINS or mo in B_ORIGINS:
        return 8  # 19
    if t != TY.IsoElectron and (o in C_ORIGINS or mo in C_ORIGINS):
        return 9  # 20
    return slow_prompt_or_rest(t, o, pdg, mt, mo, mp, lt, lo, lp, status, charge, flips)


def slow_prompt_or_rest(t, o, pdg, mt, mo, mp, lt, lo, lp, status, charge, flips):
    is_electron = abs(pdg) == ELECTRON
    fsr = is_electron and (
        (o == OR.FSRPhot and t == TY.NonIsoPhoton)
        or (t, o, mt, mo) == (TY.BkgElectron, OR.PhotonConv, TY.NonIsoPhoton, OR.FSRPhot)
    )
    if t == TY.IsoElectron or (mt == TY.IsoElectron and abs(mp) == ELECTRON) or fsr:  # 21
        if not flips or fsr or NO_TRUTH in (mp, pdg if charge == 0 else None):
            return 2
        return 3 if mp * (charge or -pdg) > 0 else 2
    if o == OR.NonDefined and mo == OR.NonDefined:  # 22
        if status in (1, 20001):
            if t == mt == TY.Unknown or t == mt == TY.UnknownElectron or t == TY.UnknownPhoton:
                return 1
        elif t in (TY.Unknown, TY.UnknownPhoton) and mt == TY.Unknown:
            return 1
    if (t, o, pdg) == (TY.NonIsoPhoton, OR.FSRPhot, PHOTON) and mt == mo == mp == 0:
        if lt == -1 or lt == lo == lp == 0:
            return 1  # 22
    return 0  # 23


def slow_muon(t, o, fallback, dr, status, parents, parent, charge, pdg, distance, flips):
    if t == TY.NonIsoMuon and o == OR.TauLep:
        return 7  # rule 1
    if t == TY.BkgMuon and o in LIGHT_ORIGINS:
        return 10  # 2
    if t == TY.Hadron or (fallback == TY.Hadron and dr < 0.05):
        return 10  # 2
    if o in B_ORIGINS:
        return 8  # 3
    if t != TY.IsoMuon and o in C_ORIGINS:
        return 9  # 4
    if t == TY.IsoMuon and o in (2, 10, 12, 13, 14, 15, 22, 43, 27, 29, 16):  # 5
        opposite = (pdg == MUON and charge > 0) or (pdg == -MUON and charge < 0)
        return 11 if flips and distance < 0.025 and opposite else 4
    if t == TY.UnknownMuon and o == OR.NonDefined:
        return 1  # 6
    if status not in (1, 20001) and (t, o) in ((0, 0), (NO_TRUTH, NO_TRUTH)):
        return 1  # 6
    if t in (TY.IsoElectron, TY.NonIsoElectron, TY.BkgElectron):
        return 12  # 7
    if (t, o) == (0, 0) and parents == 1:
        return PARENT_CLASS.get(abs(parent), 0)  # 8
    return 0  # 9


PARENT_CLASS = {
    **dict.fromkeys((6, 23, 24, 25), 40),
    15: 70,
    **dict.fromkeys((5, 511, 521, 531, 541, 513, 10511, 553, 100553, 5122, 5132, 5332), 80),
    **dict.fromkeys((4, 411, 421, 431, 413, 10411, 20413, 4122, 4132, 4412, 4422, 4444), 90),
    # c-cbar, light, quarks, leptons, diquarks, nuclei, BSM
    **dict.fromkeys((441, 443, 10441, 20443, 100443, 30443, 211, 321, 2212, 3122), 0),
    **dict.fromkeys((0, 3, 11, 13, 21, 22, 42, 4203, 5203, 1000020040, 1000005, 9900041), 0),
}


def grid(axes):
    """Flat columns of every combination of the values of the axes."""
    columns = np.meshgrid(*(np.array(values) for values in axes.values()), indexing="ij")
    return {name: column.ravel() for name, column in zip(axes, columns, strict=True)}


def drawn(columns, choices, seed=1):
    """The columns and more of them, whose values are drawn from their choices."""
    generator = np.random.default_rng(seed)
    n = len(columns["truthType"])
    return columns | {name: generator.choice(values, n) for name, values in choices.items()}


def slow(flavour, columns, flips):
    twin, names, absent = {
        "electron": (slow_electron, ELECTRON_COLUMNS, ELECTRON_ABSENT),
        "muon": (slow_muon, MUON_COLUMNS, MUON_ABSENT),
    }[flavour]
    assert set(columns) <= set(names)
    rows = [
        columns[name].tolist() if name in columns else itertools.repeat(default)
        for name, default in zip(names, absent, strict=True)
    ]
    return np.array([twin(*row, flips) for row in zip(*rows, strict=False)], np.int8)


def assert_equals_twin(flavour, columns, flips=False):
    fast = classify("iff", flavour, columns, charge_flips=flips)
    expected = slow(flavour, columns, flips)
    assert fast.dtype == np.int8
    wrong = np.flatnonzero(fast != expected)[:3]
    found = [({k: v[i] for k, v in columns.items()}, fast[i], expected[i]) for i in wrong]
    assert not found
    return fast


def lepton(**codes):
    """Columns of one lepton; what is not given is 0."""
    needed = dict.fromkeys(ELECTRON_COLUMNS[:6], 0) | {"charge": -1}
    return {name: np.array([value]) for name, value in (needed | codes).items()}


def electron(t, o, mt=0, mo=0, pdg=11, mp=0, **more):
    names = ("truthType", "truthOrigin", "firstEgMotherTruthType", "firstEgMotherTruthOrigin")
    codes = dict(zip(names, (t, o, mt, mo), strict=True))
    return lepton(**codes, truthPdgId=pdg, firstEgMotherPdgId=mp, **more)


ALL_T, ALL_O = [*range(40), NO_TRUTH], [*range(48), NO_TRUTH]
# The codes that a rule names (one of each set of origins, in RULE_*), and neutral ones.
RULE_T = [0, 1, 2, 3, 4, 5, 6, 7, 8, 13, 14, 15, 16, 17, 20]
RULE_O = [0, 5, 6, 7, 8, 9, 38, 40, 34, 26, 27, 10]
MOTHER_T = [0, 1, 2, 3, 4, 13, 14, 15, 16, 20, NO_TRUTH]
MOTHER_O = [0, 5, 6, 8, 9, 13, 14, 37, 38, 40, 10, NO_TRUTH]
MOTHER_O_ALL = [*MOTHER_O, *LIGHT_ORIGINS, *B_ORIGINS, *C_ORIGINS]
PDGS, MOTHER_PDGS = [11, -11, 22, 211, NO_TRUTH], [0, 11, -11, 22, NO_TRUTH]
STATUSES = [0, 1, 2, 20001, NO_TRUTH]
FIRST_T, FIRST_O, FIRST_PDG = ELECTRON_COLUMNS[3:6]


@pytest.mark.parametrize(
    ("types", "origins", "mother_types", "mother_origins"),
    [(ALL_T, ALL_O, MOTHER_T, MOTHER_O_ALL), (RULE_T, RULE_O, ALL_T, ALL_O)],
    ids=["every lepton, mothers of a rule", "leptons of a rule, every mother"],
)
def test_electrons_equal_the_twin_on_every_pair_of_codes(
    types, origins, mother_types, mother_origins
):
    codes = grid(
        {"truthType": types, "truthOrigin": origins, FIRST_T: mother_types, FIRST_O: mother_origins}
    )
    columns = drawn(codes, {"truthPdgId": PDGS, FIRST_PDG: MOTHER_PDGS, "charge": [-1, 0, 1]})
    fast = assert_equals_twin("electron", columns, flips=True)
    assert set(fast.tolist()) == {0, 1, 2, 3, 5, 6, 7, 8, 9, 10}
    without = classify("iff", "electron", columns)
    np.testing.assert_array_equal(without, np.where(fast == 3, 2, fast))


def test_electrons_equal_the_twin_on_every_pdg_id_with_the_optional_columns():
    codes = grid(
        {
            "truthType": RULE_T,
            "truthOrigin": RULE_O,
            "truthPdgId": PDGS,
            FIRST_T: MOTHER_T,
            FIRST_O: MOTHER_O,
        }
    )
    more = {FIRST_PDG: MOTHER_PDGS, "truthStatus": STATUSES, "charge": [-1, 0, 1]}
    more |= LAST_MOTHER | {
        "fallbackTruthType": [-1, 4, 17],
        "fallbackDR": [0.0, 0.049, 0.05, np.nan],
    }
    assert_equals_twin("electron", drawn(codes, more), flips=True)


LAST_MOTHER = {
    "lastEgMotherTruthType": [-1, 0, 2, 21],
    "lastEgMotherTruthOrigin": [-1, 0, 10],
    "lastEgMotherPdgId": [-1, 0, 11, -11, 22, -22, 13],
}
SIGNS = {"truthPdgId": PDGS, FIRST_PDG: MOTHER_PDGS, "charge": [-1, 0, 1]}
CONVERTED = {"truthType": [4], "truthOrigin": [5], FIRST_T: [4, 15], FIRST_O: [5, 40]}
RADIATED = {"truthType": [15], "truthOrigin": [40], FIRST_T: [0, 2], FIRST_O: [0, 10]}
UNDEFINED = {"truthType": ALL_T, "truthOrigin": [0], FIRST_T: ALL_T, FIRST_O: [0]}


@pytest.mark.parametrize(
    "axes",
    [
        CONVERTED | SIGNS,
        CONVERTED | SIGNS | LAST_MOTHER,
        RADIATED | SIGNS,
        RADIATED | SIGNS | LAST_MOTHER,
        UNDEFINED | {"truthPdgId": PDGS, FIRST_PDG: MOTHER_PDGS, "truthStatus": STATUSES},
    ],
    ids=["converted", "converted, last", "radiated", "radiated, last", "undefined"],
)
def test_electrons_equal_the_twin_on_every_choice_of_a_rule_that_takes_more_columns(axes):
    assert_equals_twin("electron", grid(axes), flips="charge" in axes)


def test_muons_equal_the_twin_on_every_combination():
    codes = grid(
        {
            "truthType": ALL_T,
            "truthOrigin": ALL_O,
            "truthStatus": STATUSES,
            "truthParentCount": [0, 1, 2],
            "truthParentPdgId": [0, 13, 24, 443, 511],
        }
    )
    more = {"fallbackTruthType": [-1, 17], "fallbackDR": [0.049, 0.05, np.nan]}
    more |= {"charge": [-1, 1], "truthPdgId": [13, -13, 211], "truthDR": [0.02, 0.025, np.nan]}
    columns = drawn(codes, more)
    fast = assert_equals_twin("muon", columns, flips=True)
    assert set(fast.tolist()) == {0, 1, 4, 7, 8, 9, 10, 11, 12, 40, 80}
    without = classify("iff", "muon", columns)
    np.testing.assert_array_equal(without, np.where(fast == 11, 4, fast))
    bare = {name: codes[name] for name in ("truthType", "truthOrigin")}
    assert_equals_twin("muon", bare)


@pytest.mark.parametrize("sign", [1, -1])
def test_parents_of_stable_muons_without_type_give_the_like_classes(sign):
    parents = np.array(list(PARENT_CLASS))
    stable = {
        "truthType": 0 * parents,
        "truthOrigin": 0 * parents,
        "truthStatus": 1 + 0 * parents,
        "truthParentCount": 1 + 0 * parents,
        "truthParentPdgId": sign * parents,
    }
    expected = list(PARENT_CLASS.values())
    found = classify("iff", "muon", stable).tolist()
    assert dict(zip(PARENT_CLASS, found, strict=True)) == PARENT_CLASS
    assert set(expected) == {0, 40, 70, 80, 90}
    # Two parents, or none known, say nothing.
    assert not classify("iff", "muon", stable | {"truthParentCount": 2 + 0 * parents}).any()
    # A particle that is not stable is KnownUnknown before the parents are looked at.
    assert set(classify("iff", "muon", stable | {"truthStatus": 0 * parents}).tolist()) == {1}


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (electron(16, 38, 0, 42), 5),  # rule 5 before 18
        (electron(14, 26, pdg=22), 5),  # 6 before 19
        (electron(3, 26, 0, 8), 6),  # 10 before 19
        (electron(7, 9, 2, 10, mp=11), 6),  # 12 before 21
        (electron(3, 9, 0, 26), 7),  # 13 before 19
        (electron(2, 10, 3, 9), 7),  # 14 before 21
        (electron(17, 26), 10),  # 15 before 19
        (electron(4, 23, 0, 26), 10),  # 17 before 19
        (electron(3, 25, 0, 26), 8),  # 19 before 20
        (electron(2, 26), 8),  # 19 before 21
        (electron(3, 25, 2, 10, mp=11), 9),  # 20 before 21
        (electron(2, 25), 2),  # 20 leaves type 2 to 21
    ],
)
def test_first_rule_wins_for_electrons(columns, expected):
    assert classify("iff", "electron", columns).tolist() == [expected]


@pytest.mark.parametrize(
    ("t", "o", "expected"),
    [
        (6, 29, 8),  # among the prompt origins of rule 5, but rule 3 comes first
        (6, 27, 4),  # rule 4 leaves type 6 alone
        (7, 27, 9),
        (17, 26, 10),  # rule 2 before 3
        (2, 26, 8),  # rule 3 before 7
        (2, 12, 12),
        (5, 0, 1),
        (5, 12, 0),
        (6, 11, 0),
    ],
)
def test_first_rule_wins_for_muons(t, o, expected):
    columns = lepton(truthType=t, truthOrigin=o)
    assert classify("iff", "muon", columns).tolist() == [expected]


def test_lepton_without_truth_is_unknown_electron_and_known_unknown_muon():
    none = {name: np.array([NO_TRUTH]) for name in ELECTRON_COLUMNS if name != "fallbackDR"}
    none |= {"fallbackDR": np.array([float(NO_TRUTH)])}
    assert classify("iff", "electron", none, charge_flips=True).tolist() == [0]
    assert classify("dnn", "electron", none).tolist() == [-1]
    assert classify("iff", "muon", none).tolist() == [1]
    # C++ and Python differ in the sign of a remainder: a status of -99999 is not stable.
    assert classify("iff", "muon", none | {"truthStatus": np.array([1])}).tolist() == [0]


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (electron(2, 13, 2, 13, 11, 11, charge=-1), 2),
        (electron(2, 13, 2, 13, 11, 11, charge=1), 3),
        (electron(2, 13, 2, 13, -11, -11, charge=-1), 3),
        (electron(2, 13, 2, 13, -11, -11, charge=1), 2),
        (electron(4, 5, 2, 13, -11, 11, charge=1), 3),  # trident: the positron was taken
        (electron(2, 13, 2, 13, -11, 11, charge=0), 3),  # the sign of its own PDG id decides
        (electron(2, 13, 2, 13, 11, 11, charge=0), 2),
        (electron(2, 13, 2, 13, 11, 0, charge=1), 2),
        (electron(2, 13, 2, 13, 11, NO_TRUTH, charge=-1), 2),
        (electron(2, 13, 2, 13, NO_TRUTH, 11, charge=0), 2),
        (electron(15, 40, 2, 13, 11, 11, charge=1), 2),  # radiated: the photon has no charge
        (electron(4, 5, 15, 40, 11, 22, charge=1), 2),
    ],
)
def test_charge_flips_of_electrons(columns, expected):
    as_in_files = columns | {"charge": columns["charge"].astype(np.float32)}
    assert classify("iff", "electron", as_in_files, charge_flips=True).tolist() == [expected]
    assert classify("iff", "electron", as_in_files).tolist() == [2]
    names = {2: "El", 3: "CF"}
    (code,) = classify("dnn", "electron", as_in_files).tolist()
    assert SCHEMES["dnn"].classes[code] == names[expected]
    assert classify("dnn", "electron", as_in_files, charge_flips=False).tolist() == [0]


@pytest.mark.parametrize(
    ("pdg", "charge", "distance", "expected"),
    [
        (13, -1, 0.01, 4),
        (13, 1, 0.01, 11),
        (-13, -1, 0.0249, 11),
        (-13, 1, 0.01, 4),
        (13, 1, 0.025, 4),
        (13, 1, np.nan, 4),
        (13, 0, 0.01, 4),
        (0, 1, 0.01, 4),
    ],
)
def test_charge_flips_of_muons(pdg, charge, distance, expected):
    columns = lepton(truthType=6, truthOrigin=13, charge=charge, truthPdgId=pdg, truthDR=distance)
    assert classify("iff", "muon", columns, charge_flips=True).tolist() == [expected]
    assert classify("iff", "muon", columns).tolist() == [4]


def slow_dnn(iff, t):
    if iff == 10:
        return {TY.BkgElectron: 4, TY.BkgPhoton: 4, TY.Hadron: 5}.get(t, -1)
    return {2: 0, 3: 1, 5: 2, 8: 3, 9: 3}.get(iff, -1)


def test_dnn_classes_follow_from_iff_class_and_type():
    codes = grid({"truthType": ALL_T, "truthOrigin": RULE_O, FIRST_T: MOTHER_T, FIRST_O: MOTHER_O})
    more = {"truthPdgId": PDGS, FIRST_PDG: MOTHER_PDGS, "charge": [-1, 1]}
    columns = drawn(codes, more | {"fallbackTruthType": [-1, 17], "fallbackDR": [0.01]})
    iff = classify("iff", "electron", columns, charge_flips=True)
    types = columns["truthType"].tolist()
    expected = [slow_dnn(code, t) for code, t in zip(iff.tolist(), types, strict=True)]
    found = classify("dnn", "electron", columns)
    np.testing.assert_array_equal(found, expected)
    assert set(found.tolist()) == set(SCHEMES["dnn"].classes)


@pytest.mark.parametrize("flavour", ["electron", "muon"])
def test_cms_classes_are_the_codes_of_gen_part_flav(flavour):
    codes = np.array([0, 1, 3, 4, 5, 15, 22], np.uint8)
    found = classify("cms", flavour, {"genPartFlav": codes})
    assert found.dtype == np.int8
    assert found.tolist() == codes.tolist() == list(SCHEMES["cms"].classes)
    assert [SCHEMES["cms"].classes[c] for c in (1, 15, 22, 5)] == [
        *("prompt", "prompt_tau", "prompt_photon_conversion", "bottom")
    ]


@pytest.mark.parametrize("published", [TYPES, ORIGINS])
def test_codes_carry_the_published_names(published):
    enum = truth_codes.Type if published is TYPES else truth_codes.Origin
    assert len(published) == {"Type": 40, "Origin": 48}[enum.__name__]
    assert {code.name: code.value for code in enum} == {
        code.name: published[code.name] for code in enum
    }


def test_schemes_name_the_published_classes():
    names = SCHEMES["iff"].classes
    assert [names[code] for code in range(13)] == [
        *("Unknown", "KnownUnknown", "IsoElectron", "ChargeFlipIsoElectron", "PromptMuon"),
        *("PromptPhotonConversion", "ElectronFromMuon", "TauDecay", "BHadronDecay"),
        *("CHadronDecay", "LightFlavorDecay", "ChargeFlipMuon", "NonMuonlike"),
    ]
    assert [names[code] for code in (40, 70, 80, 90)] == [
        *("PromptMuonLike", "TauDecayLike", "BHadronDecayLike", "CHadronDecayLike")
    ]
    assert SCHEMES["dnn"].classes == {
        -1: "other",
        0: "El",
        1: "CF",
        2: "PC",
        3: "HF",
        4: "LFEg",
        5: "LFH",
    }
    assert all(name == scheme.name for name, scheme in SCHEMES.items())


def test_groups_hold_classes_of_their_scheme_and_the_labels_of_flavour_tagging():
    assert set(GROUPS) == set(SCHEMES)
    for scheme, groups in GROUPS.items():
        assert groups["prompt"]
        assert all(codes <= set(SCHEMES[scheme].classes) for codes in groups.values())
    assert {name: sorted(codes) for name, codes in GROUPS["iff"].items()} == {
        "prompt": [2, 3, 4, 11],
        "elxprompt": [2, 3],
        "elxnoflip": [2],
        "elxflip": [3],
        "elxphconv": [5],
        "muxprompt": [4, 11],
        "npxall": [5, 6, 7, 8, 9, 10, 12, 40, 70, 80, 90],
        "npxtau": [7],
        "npxbjets": [8],
        "npxcjets": [9],
        "npxujets": [10],
    }


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16, np.uint32, np.float32, ">i4"])
def test_columns_of_any_width_give_the_same_classes(dtype):
    columns = grid(
        {
            "truthType": RULE_T,
            "truthOrigin": RULE_O,
            "truthPdgId": [11, 22],
            FIRST_T: [0, 2, 4],
            FIRST_O: [0, 5, 26],
            FIRST_PDG: [0, 11, 22],
        }
    )
    expected = classify("iff", "electron", columns)
    narrow = {name: values.astype(dtype) for name, values in columns.items()}
    np.testing.assert_array_equal(classify("iff", "electron", narrow), expected)


def test_no_leptons_give_no_classes():
    empty = {name: np.array([], np.int32) for name in (*ELECTRON_COLUMNS, "genPartFlav")}
    for name, scheme in SCHEMES.items():
        for flavour in scheme.needs:
            found = classify(name, flavour, empty)
            assert (found.shape, found.dtype) == ((0,), np.int8)


columns_of_electrons = st.lists(
    st.tuples(
        *(st.sampled_from(ALL_T), st.sampled_from(ALL_O), st.sampled_from(PDGS)),
        *(st.sampled_from(ALL_T), st.sampled_from(ALL_O), st.sampled_from(MOTHER_PDGS)),
        *(st.sampled_from([-1, *ALL_T]), st.sampled_from([-1, *ALL_O])),
        *(st.sampled_from([-1, *MOTHER_PDGS]), st.sampled_from([-1, *ALL_T])),
        *(st.floats(0, 0.1), st.sampled_from(STATUSES), st.sampled_from([-1, 0, 1])),
    ),
    min_size=1,
    max_size=20,
).map(
    lambda rows: {
        name: np.array(values)
        for name, values in zip(ELECTRON_COLUMNS, zip(*rows, strict=True), strict=True)
    }
)


@given(columns=columns_of_electrons, data=st.data())
def test_each_electron_is_classified_by_itself(columns, data):
    whole = assert_equals_twin("electron", columns, flips=True)
    order = np.array(data.draw(st.permutations(range(len(whole)))))
    shuffled = {name: values[order] for name, values in columns.items()}
    np.testing.assert_array_equal(
        classify("iff", "electron", shuffled, charge_flips=True), whole[order]
    )
    cut = data.draw(st.integers(0, len(whole)))
    chunks = [
        classify("iff", "electron", {n: v[part] for n, v in columns.items()}, charge_flips=True)
        for part in (slice(cut), slice(cut, None))
    ]
    np.testing.assert_array_equal(np.concatenate(chunks), whole)


@given(columns=columns_of_electrons, absent=st.sets(st.sampled_from(ELECTRON_COLUMNS[6:])))
def test_absent_optional_columns_are_as_the_twin_without_them(columns, absent):
    present = {name: values for name, values in columns.items() if name not in absent}
    assert_equals_twin("electron", present, flips="charge" in present)


def test_input_columns_are_left_as_they_are():
    columns = {name: values.astype(np.int64) for name, values in electron(2, 13, mp=-11).items()}
    before = {name: values.copy() for name, values in columns.items()}
    classify("dnn", "electron", columns)
    assert all(np.array_equal(values, before[name]) for name, values in columns.items())


def test_unknown_scheme_names_the_schemes():
    with pytest.raises(UnknownName, match=r"no scheme 'if'(?s:.*)near: iff(?s:.*)cms, dnn, iff"):
        classify("if", "electron", electron(2, 13))


@pytest.mark.parametrize(
    ("scheme", "flavour", "known"),
    [("dnn", "muon", "use it for: electron; or"), ("iff", "tau", "use it for: electron, muon; or")],
)
def test_flavour_that_a_scheme_does_not_cover_is_an_error(scheme, flavour, known):
    with pytest.raises(BadInput, match=rf"'{scheme}' has no classes for flavour '{flavour}'") as e:
        classify(scheme, flavour, electron(2, 13))
    assert e.match(known)


def test_charge_flips_of_cms_are_an_error():
    columns = {"genPartFlav": np.array([1], np.uint8)}
    with pytest.raises(BadInput, match="'cms' does not separate charge flips"):
        classify("cms", "muon", columns, charge_flips=True)
    assert classify("cms", "muon", columns, charge_flips=False).tolist() == [1]


def test_all_missing_columns_are_listed_with_near_names():
    columns = {"truthType": np.array([2]), "firstEgMotherTruthtype": np.array([2])}
    with pytest.raises(MissingColumns) as error:
        classify("dnn", "electron", columns)
    text = str(error.value)
    absent = (*ELECTRON_COLUMNS[1:6], "charge")
    assert f"truth of electrons: no column {', '.join(absent)} (needed by scheme dnn)" in text
    assert "near: truthType, firstEgMotherTruthtype" in text


def test_columns_of_charge_flips_are_needed_only_where_they_are_separated():
    bare = {name: values for name, values in electron(2, 13).items() if name != "charge"}
    assert classify("iff", "electron", bare).tolist() == [2]
    assert classify("dnn", "electron", bare, charge_flips=False).tolist() == [0]
    with pytest.raises(MissingColumns, match=r"no column charge \(needed by scheme iff\)"):
        classify("iff", "electron", bare, charge_flips=True)
    muon = {name: bare[name] for name in ("truthType", "truthOrigin")}
    with pytest.raises(MissingColumns, match="charge, truthPdgId, truthDR"):
        classify("iff", "muon", muon, charge_flips=True)
    assert SCHEMES["iff"].required("muon") == ("truthType", "truthOrigin")
    assert SCHEMES["dnn"].required("electron")[-1] == "charge"


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("truthType", [2.5], r"truthType \(float64\) holds other than whole numbers"),
        ("charge", [np.nan], r"charge \(float64\) holds other than whole numbers"),
        ("charge", [np.inf], r"charge \(float64\) holds other than whole numbers"),
        ("truthPdgId", ["11"], r"truthPdgId \(<U2\) holds other than whole numbers"),
        ("truthOrigin", [10, 10], r"not flat and equally long: .*truthOrigin \(2,\)"),
        ("truthOrigin", [[10]], r"not flat and equally long: .*truthOrigin \(1, 1\)"),
    ],
)
def test_column_that_is_not_one_code_per_lepton_is_an_error(name, values, message):
    with pytest.raises(BadInput, match=message):
        classify("dnn", "electron", electron(2, 13) | {name: np.array(values)})


@pytest.mark.parametrize("strange", [2, 13, 200])
def test_undocumented_gen_part_flav_is_an_error(strange):
    with pytest.raises(BadInput, match=rf"gives no lepton: \[{strange}\](?s:.*)15 prompt_tau"):
        classify("cms", "muon", {"genPartFlav": np.array([1, strange], np.uint8)})


def columns_of_file(path, tree, prefix, names):
    with uproot.open(path) as file:
        return {name: ak.to_numpy(ak.flatten(file[tree][prefix + name].array())) for name in names}


def counts(scheme, flavour, columns, **options):
    found = Counter(classify(scheme, flavour, columns, **options).tolist())
    return {SCHEMES[scheme].classes[code]: n for code, n in found.items()}


@pytest.mark.real
def test_leptons_of_a_physlite_file(real_data):
    path = real_data / "root" / "skhep_uproot-physlite-rntuple_v1-0-0-0.root"
    names = (*ELECTRON_COLUMNS[:6], "charge")
    electrons = columns_of_file(path, "EventData", "AnalysisElectronsAuxDyn:", names)
    muons = columns_of_file(path, "EventData", "AnalysisMuonsAuxDyn:", MUON_COLUMNS[:2])
    assert_equals_twin("electron", electrons, flips=True)
    assert_equals_twin("muon", muons)
    expected = {"IsoElectron": 22, "LightFlavorDecay": 17, "BHadronDecay": 8}
    expected |= {"ElectronFromMuon": 5, "KnownUnknown": 4, "CHadronDecay": 1}
    assert counts("iff", "electron", electrons) == expected
    expected = {"PromptMuon": 46, "BHadronDecay": 24, "CHadronDecay": 10}
    assert counts("iff", "muon", muons) == expected | {"KnownUnknown": 5, "LightFlavorDecay": 3}
    expected = {"El": 22, "HF": 9, "LFEg": 9, "LFH": 8, "other": 9}
    assert counts("dnn", "electron", electrons) == expected


@pytest.mark.real
def test_leptons_of_a_release_21_file(real_data):
    path = real_data / "root" / "skhep_uproot-issue-123a.root"
    muons = columns_of_file(path, "CollectionTree", "AnalysisMuonsAuxDyn.", MUON_COLUMNS[:2])
    assert_equals_twin("muon", muons)
    expected = {"PromptMuon": 37, "CHadronDecay": 4, "BHadronDecay": 3, "TauDecay": 2}
    assert counts("iff", "muon", muons) == expected | {"KnownUnknown": 4, "LightFlavorDecay": 1}


@pytest.mark.real
def test_leptons_of_a_nanoaod_file(real_data):
    path = real_data / "root" / "coffea_nano_tt_v12.root"
    electrons = columns_of_file(path, "Events", "Electron_", ["genPartFlav"])
    expected = {"unmatched": 167, "bottom": 63, "prompt": 48, "charm": 12}
    expected |= {"prompt_tau": 10, "light_or_unknown": 10}
    assert counts("cms", "electron", electrons) == expected
