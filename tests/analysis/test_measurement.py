"""measure(): decorated events into efficiency tables, against a count in plain Python."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from typing import Any

import awkward as ak
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lepid
from lepid import errors
from lepid.efficiency import truth as rules

POINT = "R3PLITVeryLoose"
COLUMNS = ("PLIT_TPLTmu_pmuxpromp", "PLIT_TPLTmu_pnpxall")
N_EVENT = 200
EDGES = {"pt_edges": [0.0, 20.0, 40.0, math.inf], "abseta_edges": [0.0, 1.0, 2.5]}


def make(**changes: Any) -> Any:
    """Muons in MeV with PLIT scores, truth and weights; a change is a column [n_lepton]."""
    rng = np.random.default_rng(3)
    counts = rng.integers(0, 4, N_EVENT)
    n = int(counts.sum())
    columns = {
        "pt": (4e3 + rng.exponential(3e4, n)).astype("float32"),
        "eta": rng.uniform(-2.4, 2.4, n).astype("float32"),
        "truthType": rng.choice([6, 7, 8], n),
        "truthOrigin": rng.choice([12, 26], n),
        COLUMNS[0]: rng.uniform(0.1, 0.99, n),
        COLUMNS[1]: 10 ** rng.uniform(-4, 0, n),
        "w": rng.normal(1.0, 1.0, n),
    }
    columns |= {name: change(columns[name]) for name, change in changes.items()}
    muons = ak.unflatten(ak.zip(columns), counts)
    weight = rng.normal(1.0, 1.0, N_EVENT)
    return ak.zip({"Muons": muons, "genWeight": weight}, depth_limit=1)


@pytest.fixture(scope="module")
def decorated() -> Any:
    events = make()
    mask = {"Muons": events["Muons", "eta"] > -2.0}
    return lepid.decorate(events, "muon_plit", where=mask)


def by_hand(decorated: Any, weight: str | None) -> dict[tuple[str, bool, int, int], float]:
    """Sum of weights per (class, passed, pt bin, |eta| bin), lepton by lepton."""
    classes = rules.SCHEMES["iff"].classes
    sums: Counter[tuple[str, bool, int, int]] = Counter()
    truth = lepid.truth(decorated, "Muons").to_list()
    for event, codes in zip(decorated.to_list(), truth, strict=True):
        for muon, code in zip(event["Muons"], codes, strict=True):
            result, name = muon["muon_plit"], classes[code]
            if not result["scored"]:
                continue
            pt_bin = sum(muon["pt"] / 1e3 >= edge for edge in EDGES["pt_edges"]) - 1
            eta_bin = sum(abs(muon["eta"]) >= edge for edge in EDGES["abseta_edges"]) - 1
            value = {"genWeight": event["genWeight"], "Muons.w": muon["w"], None: 1.0}[weight]
            sums[name, result[POINT], pt_bin, eta_bin] += value
    return dict(sums)


@pytest.mark.parametrize("weight", [None, "genWeight", "Muons.w"])
def test_table_equals_a_count_by_hand(decorated: Any, weight: str | None) -> None:
    table = lepid.measure(decorated, "muon_plit", weight=weight, **EDGES)
    expected = by_hand(decorated, weight)
    assert len(expected) > 15
    for name in ("PromptMuon", "BHadronDecay"):
        result = table.efficiency(POINT, name)
        for i in range(3):
            for j in range(2):
                passed, failed = (expected.get((name, p, i, j), 0.0) for p in (True, False))
                assert result.passed[i, j] == pytest.approx(passed, rel=1e-12, abs=1e-12)
                assert result.total[i, j] == pytest.approx(passed + failed, rel=1e-12, abs=1e-12)
    assert table.weighted is (weight is not None)
    assert table.negative_weights is (weight is not None)


def test_table_says_what_was_measured(decorated: Any) -> None:
    table = lepid.measure(decorated, "muon_plit", origin="a.root")
    assert (table.tagger, table.network, table.collection) == ("muon_plit", "stored", "Muons")
    assert (table.scheme, table.experiment, table.sources) == ("iff", "atlas", ("a.root",))
    assert table.working_points[0] == "R2PLITasPLIVefficiencyTight"
    assert len(table.working_points) == 10


def test_unscored_leptons_are_left_out_and_counted(decorated: Any) -> None:
    table = lepid.measure(decorated, "muon_plit")
    truth = lepid.truth(decorated, "Muons")
    lost = ~decorated["Muons", "muon_plit", "scored"]
    assert table.unscored["PromptMuon"] == ak.sum(lost & (truth == 4)) > 3
    assert sum(table.unscored.values()) == ak.sum(lost)
    total = table.efficiency(POINT, list(table.classes), by=()).total
    assert total == ak.sum(~lost)


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("column", ["pt", "eta"])
def test_leptons_that_fit_no_bin_count_as_unscored(column: str, value: float) -> None:
    def spoil(values: Any) -> Any:
        values = values.copy()
        values[[4, 9]] = value
        return values

    decorated = lepid.decorate(make(**{column: spoil}), "muon_plit")
    table = lepid.measure(decorated, "muon_plit")
    assert sum(table.unscored.values()) == 2


@settings(max_examples=20)
@given(cuts=st.lists(st.integers(0, N_EVENT), max_size=5), weighted=st.booleans())
def test_chunks_add_up_to_the_whole(decorated: Any, cuts: list[int], weighted: bool) -> None:
    # Weights that are whole numbers add up exactly, in any order.
    weight = np.round(ak.to_numpy(decorated["genWeight"]) * 8) if weighted else None
    edges = [0, *sorted(cuts), N_EVENT]
    parts = [
        lepid.measure(decorated[a:b], "muon_plit", weight=None if weight is None else weight[a:b])
        for a, b in itertools.pairwise(edges)
    ]
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    whole = lepid.measure(decorated, "muon_plit", weight=weight)
    assert total.histogram == whole.histogram
    assert total.unscored == whole.unscored


def test_weights_as_arrays_and_by_name_are_the_same(decorated: Any) -> None:
    for name, array in (
        ("genWeight", decorated["genWeight"]),
        ("genWeight", ak.to_numpy(decorated["genWeight"])),
        ("genWeight", decorated["genWeight"].to_list()),
        ("Muons.w", decorated["Muons", "w"]),
    ):
        by_name = lepid.measure(decorated, "muon_plit", weight=name)
        assert lepid.measure(decorated, "muon_plit", weight=array).histogram == by_name.histogram


@pytest.mark.parametrize(
    ("weight", "facts"),
    [
        ("genWeigth", ["no column 'genWeigth'", "near: genWeight"]),
        ("Muons.ww", ["no column 'Muons.ww'", "Muons.w"]),
        (2.0, ["weight", "one number for each event or for each lepton"]),
        (np.ones(5), ["weight", "one number for each event or for each lepton"]),
        (np.full(N_EVENT, np.nan), ["weight of", "not finite"]),
    ],
)
def test_weights_that_are_none(decorated: Any, weight: Any, facts: list[str]) -> None:
    with pytest.raises(errors.BadInput) as caught:
        lepid.measure(decorated, "muon_plit", weight=weight)
    for fact in facts:
        assert fact in str(caught.value)


def test_events_without_truth(decorated: Any) -> None:
    bare = ak.with_field(decorated, ak.without_field(decorated["Muons"], "truthType"), "Muons")
    with pytest.raises(errors.MissingColumns, match="no column truthType"):
        lepid.measure(bare, "muon_plit")


def test_events_without_eta() -> None:
    events = make()
    bare = ak.with_field(events, ak.without_field(events["Muons"], "eta"), "Muons")
    with pytest.raises(errors.MissingColumns, match="needed by the bins of muon_plit"):
        lepid.measure(lepid.decorate(bare, "muon_plit"), "muon_plit")


def test_events_that_are_not_decorated(decorated: Any) -> None:
    with pytest.raises(errors.BadInput, match="not decorated") as caught:
        lepid.measure(make(), "muon_plit")
    assert caught.value.do == "events = lepid.decorate(events, 'muon_plit')"
    with pytest.raises(errors.BadInput, match="decorated with muon_plit@stored"):
        lepid.measure(decorated, "muon_plit@other")


def test_a_tagger_without_working_points_says_why() -> None:
    events = make()
    electrons = events["Muons"][["pt", "eta"]]
    for name in ("PLIT_PLITel_pelxpromp", "PLIT_PLITel_pnpxall"):
        electrons = ak.with_field(electrons, electrons["eta"] * 0 + 0.5, name)
    events = ak.zip({"Electrons": electrons}, depth_limit=1)
    with pytest.raises(errors.BadInput, match="no working points here: its card has none"):
        lepid.measure(lepid.decorate(events, "electron_plit"), "electron_plit")


def test_unknown_scheme_and_wrong_edges(decorated: Any) -> None:
    with pytest.raises(errors.UnknownName, match="no truth scheme 'if'"):
        lepid.measure(decorated, "muon_plit", scheme="if")
    with pytest.raises(errors.BadInput, match="pt edges must increase"):
        lepid.measure(decorated, "muon_plit", pt_edges=[3.0, 2.0])


def test_nothing_is_changed(decorated: Any) -> None:
    before = str(decorated.to_list())
    lepid.measure(decorated, "muon_plit", weight="genWeight")
    assert str(decorated.to_list()) == before
