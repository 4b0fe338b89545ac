"""What must not matter, and what must be nested, on drawn events."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import awkward as ak
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lepid

PLIT = ("PLIT_TPLTmu_pmuxpromp", "PLIT_TPLTmu_pnpxall")
TTVA = "Nonprompt_All_MaxWeightTTVA"
ISOLATION = {
    "Muons": [f"ptvarcone30_{TTVA}_pt1000", f"ptvarcone30_{TTVA}_pt500",
              f"ptcone20_{TTVA}_pt1000", f"ptcone20_{TTVA}_pt500"],
    "Electrons": [f"ptvarcone30_{TTVA}LooseCone_pt1000", f"ptvarcone30_{TTVA}LooseCone_pt500",
                  f"ptcone20_{TTVA}LooseCone_pt1000", f"ptcone20_{TTVA}LooseCone_pt500"],
}  # fmt: skip
TAGGERS = {"Muons": ["muon_plit", "muon_isolation"], "Electrons": ["electron_isolation"]}
# looser -> tighter
NESTED = [
    ("muon_plit", "R2PLITVeryLoose", "R2PLITasPLIVefficiencyTight"),
    ("muon_plit", "R2PLITasPLIVefficiencyTight", "R2PLITasPLIVefficiencyVeryTight"),
    ("muon_plit", "R2PLITasPLIVrejectionTight", "R2PLITasPLIVrejectionVeryTight"),
    ("muon_plit", "R3PLITVeryLoose", "R3PLITasPLIVefficiencyTight"),
    ("muon_plit", "R3PLITasPLIVefficiencyTight", "R3PLITasPLIVefficiencyVeryTight"),
    ("muon_plit", "R3PLITasPLIVrejectionTight", "R3PLITasPLIVrejectionVeryTight"),
    ("muon_isolation", "Loose_VarRad", "Tight_VarRad"),
    ("muon_isolation", "Loose_FixedRad", "Tight_FixedRad"),
    ("muon_isolation", "PflowLoose_VarRad", "PflowTight_VarRad"),
    ("muon_isolation", "PflowLoose_FixedRad", "PflowTight_FixedRad"),
    ("muon_isolation", "TightTrackOnly_VarRad", "Tight_VarRad"),
    ("muon_isolation", "TightTrackOnly_FixedRad", "Tight_FixedRad"),
    ("electron_isolation", "Loose_VarRad", "Tight_VarRad"),
    ("electron_isolation", "TightTrackOnly_VarRad", "Tight_VarRad"),
    ("electron_isolation", "PflowLoose", "PflowTight"),
]
# Drawing is cheap, decorating is not: few examples with many leptons.
few = settings(max_examples=10)


def draw(seed: int, n_event: int = 80) -> Any:
    """Leptons in MeV; edges of bins, zeros and ones are common among the values."""
    rng = np.random.default_rng(seed)
    collections = {}
    for name, columns in ISOLATION.items():
        counts = rng.integers(0, 5, n_event)
        n = int(counts.sum())
        pt = np.where(
            rng.random(n) < 0.3,
            rng.choice([10e3, 15e3, 25e3, 50e3], n),
            4e3 + rng.exponential(3e4, n),
        )
        flat = {"pt": pt.astype("float32"), "eta": rng.uniform(-2.4, 2.4, n)}
        isolated = {c: rng.choice([0.0, 0.02, 0.1, 1.0], n) * rng.uniform(0, pt) for c in columns}
        flat |= isolated | {
            c: rng.normal(0, 0.06, n) * pt for c in ("topoetcone20", "neflowisol20")
        }
        flat |= {PLIT[0]: rng.choice([0.0, 1.0, *rng.uniform(0, 1, 8)], n)}
        flat |= {PLIT[1]: rng.choice([0.0, 1.0, *10 ** rng.uniform(-5, 0, 8)], n)}
        collections[name] = ak.unflatten(ak.zip(flat), counts)
    return ak.zip(collections, depth_limit=1)


def results(events: Any, **options: Any) -> dict[tuple[str, str], list[Any]]:
    decorated = lepid.decorate(events, [t for ts in TAGGERS.values() for t in ts], **options)
    return {
        (collection, tagger): decorated[collection, tagger].to_list()
        for collection, taggers in TAGGERS.items()
        for tagger in taggers
    }


seeds = st.integers(0, 2**31)


@few
@given(seeds)
def test_permuting_leptons_permutes_results(seed: int) -> None:
    events = draw(seed)
    rng = np.random.default_rng(seed)
    shuffled, orders = {}, {}
    for name in events.fields:
        orders[name] = ak.argsort(
            ak.unflatten(rng.random(int(ak.sum(ak.num(events[name])))), ak.num(events[name]))
        )
        shuffled[name] = events[name][orders[name]]
    expected = results(events)
    for key, found in results(ak.zip(shuffled, depth_limit=1)).items():
        moved = [[event[i] for i in order] for event, order in
                 zip(expected[key], orders[key[0]].to_list(), strict=True)]  # fmt: skip
        assert str(found) == str(moved)


@few
@given(seeds, st.lists(st.integers(0, 80), max_size=3))
def test_chunking_changes_nothing(seed: int, cuts: list[int]) -> None:
    events = draw(seed)
    edges = [0, *sorted(cuts), 80]
    parts = [results(events[a:b]) for a, b in pairwise(edges)]
    for key, expected in results(events).items():
        together = [event for part in parts for event in part[key]]
        assert str(together) == str(expected)


@few
@given(seeds)
def test_an_order_of_events_changes_nothing(seed: int) -> None:
    events = draw(seed)
    order = np.random.default_rng(seed).permutation(len(events))
    whole = results(events)
    for key, found in results(events[order]).items():
        assert str(found) == str([whole[key][i] for i in order])


@few
@given(seeds)
def test_a_tighter_point_passes_a_subset(seed: int) -> None:
    decorated = results(draw(seed))
    seen: dict[tuple[str, ...], set[tuple[bool, bool]]] = {case: set() for case in NESTED}
    for (_, tagger), events in decorated.items():
        for lepton in (lepton for event in events for lepton in event):
            for case in (case for case in NESTED if case[0] == tagger):
                _, loose, tight = case
                assert lepton[loose] or not lepton[tight], case
                seen[case].add((lepton[loose], lepton[tight]))
    for case, pairs in seen.items():
        # Without leptons on both sides of a cut nothing would have been compared.
        assert len(pairs) > 1, case


@few
@given(seeds)
def test_units_change_nothing(seed: int) -> None:
    """The same leptons in GeV, under the schema that says so."""
    events = draw(seed)
    in_gev = {}
    for name in events.fields:
        leptons = events[name]
        for column in leptons.fields:
            if column == "pt" or "cone" in column or column == "neflowisol20":
                values = ak.values_astype(leptons[column], "float64") / 1000.0
                leptons = ak.with_field(leptons, values, column)
        in_gev[name] = leptons
    found = results(ak.zip(in_gev, depth_limit=1), schema="plain")
    for (collection, tagger), expected in results(events).items():
        for one, other in zip(found[collection, tagger], expected, strict=True):
            for a, b in zip(one, other, strict=True):
                names = [name for name in a if isinstance(a[name], bool)]
                assert {n: a[n] for n in names} == {n: b[n] for n in names}, (tagger, a, b)


@few
@given(seeds, st.floats(0.0, 1e5))
def test_a_mask_is_a_choice_of_leptons(seed: int, threshold: float) -> None:
    """Masking scores the same leptons, and gives the same, as dropping the others."""
    events = draw(seed)
    mask = {name: events[name, "pt"] > threshold for name in events.fields}
    masked = results(events, where=mask)
    chosen = {name: events[name][mask[name]] for name in events.fields}
    dropped = results(ak.zip(chosen, depth_limit=1))
    for (collection, tagger), expected in dropped.items():
        kept = [
            [lepton for lepton, keep in zip(event, keeps, strict=True) if keep]
            for event, keeps in zip(
                masked[collection, tagger], mask[collection].to_list(), strict=True
            )
        ]
        assert str(kept) == str(expected)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_numbers_keep_their_type(dtype: str) -> None:
    events = draw(0)
    muons = ak.values_astype(events["Muons"], dtype)
    record = lepid.decorate(ak.zip({"Muons": muons}, depth_limit=1))["Muons", "muon_plit"]
    assert str(ak.flatten(record["pmuxpromp"]).type.content) == dtype
