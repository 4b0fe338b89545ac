"""Counts against a plain loop over leptons, merging, and what cannot be counted."""

from __future__ import annotations

import functools
import itertools
import math
import operator
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lepid.efficiency import counting
from lepid.efficiency.counting import EfficiencyTable
from lepid.errors import BadInput, UnknownName, UnknownWorkingPoint

CLASSES = ("prompt", "heavy", "light")
POINTS = ("Loose", "Tight")
PT = (5.0, 20.0, 50.0, math.inf)
ABSETA = (0.0, 1.37, 2.5)


def new(**changes: Any) -> EfficiencyTable:
    options = {"classes": CLASSES, "working_points": POINTS, "pt_edges": PT, "abseta_edges": ABSETA}
    return counting.empty("electron_dnn", "stored", **(options | changes))


def columns(n: int = 400, seed: int = 1, weighted: bool = False) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    loose = rng.random(n) < 0.8
    return {
        "decisions": {"Loose": loose, "Tight": loose & (rng.random(n) < 0.5)},
        "scored": rng.random(n) < 0.9,
        "truth_class": rng.choice(CLASSES[:2], n),
        "pt": rng.choice([3.0, 5.0, 19.99, 20.0, 50.0, 700.0], n),
        "abseta": rng.choice([0.0, 1.37, 2.49, 2.5, 2.6], n),
        "weight": rng.choice([0.5, 1.0, 2.25], n) if weighted else None,
    }


def slow(
    data: dict[str, Any], point: str, truth_class: str, pt: tuple[float, float] | None = None
) -> tuple[float, float]:
    """Passed and all, lepton by lepton."""
    passed = total = 0.0
    for i in range(len(data["pt"])):
        inside = pt is None or pt[0] <= data["pt"][i] < pt[1]
        if data["scored"][i] and data["truth_class"][i] == truth_class and inside:
            weight = 1.0 if data["weight"] is None else data["weight"][i]
            total += weight
            passed += weight * bool(data["decisions"][point][i])
    return passed, total


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("truth_class", CLASSES)
def test_counts_are_those_of_a_loop(weighted: bool, point: str, truth_class: str) -> None:
    data = columns(weighted=weighted)
    table = counting.count(new(), **data)
    assert table.weighted is weighted
    inclusive = table.efficiency(point, truth_class, ())
    assert (float(inclusive.passed), float(inclusive.total)) == slow(data, point, truth_class)
    by_pt = table.efficiency(point, truth_class, ("pt",))
    expected = [slow(data, point, truth_class, bin_) for bin_ in itertools.pairwise(PT)]
    assert list(zip(by_pt.passed, by_pt.total, strict=True)) == expected
    assert by_pt.edges[0].tolist() == list(PT)


def test_two_dimensional_bins_and_their_order() -> None:
    data = columns()
    table = counting.count(new(), **data)
    grid = table.efficiency("Loose", "prompt")
    assert grid.value.shape == grid.low.shape == (3, 2)
    turned = table.efficiency("Loose", "prompt", ("abseta", "pt"))
    np.testing.assert_array_equal(turned.total, grid.total.T)
    for i, j in np.ndindex(3, 2):
        mask = data["scored"] & (data["truth_class"] == "prompt")
        mask &= (data["pt"] >= PT[i]) & (data["pt"] < PT[i + 1])
        mask &= (data["abseta"] >= ABSETA[j]) & (data["abseta"] < ABSETA[j + 1])
        assert grid.total[i, j] == mask.sum()
        assert grid.passed[i, j] == (mask & data["decisions"]["Loose"]).sum()


def test_several_classes_add_up_and_count_once() -> None:
    table = counting.count(new(), **columns())
    one, other = (table.efficiency("Tight", name, ()) for name in ("prompt", "heavy"))
    both = table.efficiency("Tight", ["prompt", "heavy", "prompt"], ())
    assert both.total == one.total + other.total
    assert both.passed == one.passed + other.passed


def test_unscored_leptons_are_counted_and_left_out() -> None:
    data = columns()
    data["pt"] = np.where(data["scored"], data["pt"], np.nan)
    table = counting.count(new(), **data)
    for name in CLASSES:
        assert table.unscored[name] == np.sum(~data["scored"] & (data["truth_class"] == name))
    assert float(table.efficiency("Loose", CLASSES, ()).total) == data["scored"].sum()


def test_leptons_outside_the_bins_are_in_the_inclusive_number_only() -> None:
    data = columns()
    table = counting.count(new(), **data)
    out = data["scored"] & ((data["pt"] < PT[0]) | (data["abseta"] >= ABSETA[-1]))
    for name in CLASSES:
        assert table.outside[name] == np.sum(out & (data["truth_class"] == name))
        difference = table.efficiency("Loose", name, ()).total
        difference = difference - table.efficiency("Loose", name).total.sum()
        assert difference == table.outside[name]


def test_default_bins_hold_every_lepton_up_to_2_7() -> None:
    table = new(pt_edges=counting.DEFAULT_PT_EDGES, abseta_edges=counting.DEFAULT_ABSETA_EDGES)
    n = 1000
    rng = np.random.default_rng(5)
    table = counting.count(
        table,
        decisions=dict.fromkeys(POINTS, np.ones(n, bool)),
        scored=np.ones(n, bool),
        truth_class=np.zeros(n, int),
        pt=10.0 ** rng.uniform(-1, 4, n),
        abseta=rng.uniform(0, 2.7, n),
    )
    assert table.outside["prompt"] == 0.0
    assert table.efficiency("Loose", "prompt").total.sum() == n


def test_the_old_table_is_untouched() -> None:
    table = new()
    full = counting.count(table, **columns())
    assert table == new()
    again = counting.count(full, **columns())
    assert float(full.efficiency("Loose", "prompt", ()).total) * 2 == float(
        again.efficiency("Loose", "prompt", ()).total
    )


def test_classes_as_places_are_the_same_as_names() -> None:
    data = columns()
    places = np.array([CLASSES.index(name) for name in data["truth_class"]])
    assert counting.count(new(), **data) == counting.count(
        new(), **(data | {"truth_class": places})
    )


def test_no_leptons() -> None:
    nothing = {name: [] for name in POINTS}
    table = counting.count(new(), decisions=nothing, scored=[], truth_class=[], pt=[], abseta=[])
    assert table == new()
    assert table.populated == ()
    inclusive = table.efficiency("Loose", "prompt", ())
    assert math.isnan(inclusive.value)
    assert (float(inclusive.low), float(inclusive.high)) == (0.0, 1.0)


def test_populated_looks_at_leptons_and_not_at_sums() -> None:
    data = columns(2)
    data |= {"scored": [True, True], "truth_class": ["light", "light"], "weight": [1.0, -1.0]}
    table = counting.count(new(), **data)
    assert table.populated == ("light",)
    assert table.negative_weights
    assert table.efficiency("Loose", "light", ()).interval == "normal, negative weights"


@given(st.lists(st.integers(0, 120), min_size=1, max_size=4))
def test_chunks_add_up_to_the_whole(cuts: list[int]) -> None:
    data = columns(120, weighted=True)
    edges = [0, *sorted(cuts), 120]
    parts = []
    for start, stop in itertools.pairwise(edges):
        part = {k: v[start:stop] for k, v in data.items() if k != "decisions"}
        part["decisions"] = {k: v[start:stop] for k, v in data["decisions"].items()}
        parts.append(counting.count(new(), **part))
    # The weights are sums of powers of two: adding them in another order changes nothing.
    assert functools.reduce(operator.add, parts) == counting.count(new(), **data)


def test_sources_join_once() -> None:
    total = new(sources=("a.root", "b.root")) + new(sources=("b.root", "c.root"))
    assert total.sources == ("a.root", "b.root", "c.root")


def test_tables_of_different_things_do_not_add() -> None:
    other = new(pt_edges=(0.0, 10.0), metadata={"sha256": "ab12"}, working_points=("Loose",))
    with pytest.raises(BadInput, match="pt_edges") as caught:
        new() + other
    text = str(caught.value)
    assert "sha256: None and 'ab12'" in text
    assert "working_points: ('Loose', 'Tight') and ('Loose',)" in text
    assert "network" not in text.splitlines()[0]


def test_a_table_travels_between_processes() -> None:
    table = counting.count(new(), **columns())
    assert pickle.loads(pickle.dumps(table)) == table


def test_unknown_names() -> None:
    table = counting.count(new(), **columns())
    with pytest.raises(UnknownWorkingPoint, match="'Tigth'") as caught:
        table.efficiency("Tigth", "prompt")
    assert "near: Tight" in str(caught.value)
    with pytest.raises(UnknownName, match="'promt'"):
        table.efficiency("Tight", ["heavy", "promt"])
    with pytest.raises(UnknownName, match="'eta'"):
        table.efficiency("Tight", "prompt", ("eta",))
    with pytest.raises(BadInput, match="twice"):
        table.efficiency("Tight", "prompt", ("pt", "pt"))


@pytest.mark.parametrize(
    ("change", "error", "fact"),
    [
        ({"pt": np.full(400, np.nan)}, BadInput, r"pt of \d+ of \d+ scored leptons"),
        ({"abseta": np.full(400, np.inf)}, BadInput, r"abseta of \d+ of \d+ scored"),
        ({"weight": np.full(400, np.nan)}, BadInput, r"weight of \d+ of \d+ scored"),
        ({"abseta": np.full(400, -1.0)}, BadInput, "abseta is negative"),
        ({"pt": np.ones(399)}, BadInput, r"pt \[399\]"),
        ({"pt": np.ones((400, 1))}, BadInput, r"pt \[400, 1\]"),
        ({"scored": np.ones(400, int)}, BadInput, "scored is int64, not bool"),
        ({"truth_class": np.full(400, "tau")}, UnknownName, "'tau'"),
        ({"truth_class": np.full(400, 3)}, UnknownName, "place '3'"),
        ({"truth_class": np.full(400, -1)}, UnknownName, "place '-1'"),
        ({"decisions": {"Loose": np.ones(400, bool)}}, BadInput, "no decisions .* Tight"),
        (
            {"decisions": dict.fromkeys([*POINTS, "Medium"], np.ones(400, bool))},
            UnknownWorkingPoint,
            "'Medium'",
        ),
    ],
)
def test_columns_that_cannot_be_counted(
    change: dict[str, Any], error: type[Exception], fact: str
) -> None:
    with pytest.raises(error, match=fact):
        counting.count(new(), **(columns() | change))


@pytest.mark.parametrize(
    "change",
    [
        {"classes": ()},
        {"working_points": ("Loose", "Loose")},
        {"pt_edges": (5.0,)},
        {"pt_edges": (5.0, 5.0)},
        {"pt_edges": (-math.inf, 5.0)},
        {"abseta_edges": (0.0, math.nan)},
    ],
)
def test_tables_that_cannot_be(change: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match=r"truth class|working point|pt edges|abseta edges"):
        new(**change)
