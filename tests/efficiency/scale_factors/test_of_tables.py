"""Scale factors out of efficiency tables, beside plain Python."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from lepid.efficiency import counting, intervals
from lepid.efficiency.counting import EfficiencyTable
from lepid.efficiency.scale_factors.of_tables import scale_factors
from lepid.errors import BadInput, UnknownName, UnknownWorkingPoint

PT, ABSETA = (10.0, 20.0, 40.0, math.inf), (0.0, 1.5, 2.5, 2.7)
N = 4000


def table(seed: int, efficiency: float, *, n: int = N, **other: Any) -> EfficiencyTable:
    """Leptons up to |eta| 2.5 of two classes; Tight is half as efficient, few above 40 GeV."""
    rng = np.random.default_rng(seed)
    empty = counting.empty(
        other.pop("tagger", "muon_plit"),
        "stored",
        collection=other.pop("collection", "Muons"),
        classes=["Prompt", "Fake"],
        working_points=other.pop("points", ["Loose", "Tight"]),
        pt_edges=other.pop("pt_edges", PT),
        abseta_edges=ABSETA,
        metadata=other.pop("metadata", None),
    )
    draws = rng.random(n)
    columns = {
        "scored": np.ones(n, bool),
        "truth_class": rng.integers(0, 2, n),
        "pt": np.where(rng.random(n) < 0.003, 50.0, rng.uniform(5, 40, n)),
        "abseta": rng.uniform(0, 2.5, n),
        "weight": rng.choice(other.pop("weights", [1.0]), n),
    }
    passed = {"Loose": draws < efficiency, "Tight": draws < efficiency / 2}
    return counting.count(
        empty, decisions={k: passed[k] for k in empty.working_points}, **columns, **other
    )


def test_bins_merge_where_one_sample_is_thin_and_it_is_said() -> None:
    data, simulation = table(1, 0.8), table(2, 0.9)
    found = scale_factors(data, simulation, truth_class="Prompt", data_class="Prompt")
    assert (found.tagger, found.collection, found.sha256) == ("muon_plit", "Muons", ())
    assert list(found.points) == ["Loose", "Tight"]
    point = found.points["Loose"]
    assert point.said[:2] == (
        "merged: pT 20 to inf GeV, |eta| 0 to 1.5",
        "merged: pT 20 to inf GeV, |eta| 1.5 to 2.5",
    )
    assert [line for line in point.said if "not measured" in line] == [
        "not measured: pT 10 to inf GeV, |eta| 2.5 to 2.7"
    ]
    nominal = point.values["nominal"]
    assert np.isnan(nominal[:, 2]).all()
    assert np.array_equal(nominal[1, :2], nominal[2, :2])
    sums = []
    for one in (data, simulation):
        result = one.efficiency("Loose", "Prompt")
        merged = result.passed[1:, 0].sum(), result.total[1:, 0].sum()
        ends = intervals.clopper_pearson(*map(np.atleast_1d, merged), intervals.ONE_SIGMA)
        sums.append((merged[0] / merged[1], float(ends[0][0]), float(ends[1][0])))
    (d, _, d_high), (m, m_low, _) = sums
    assert nominal[1, 0] == pytest.approx(d / m)
    up = math.hypot((d_high - d) / m, d * (m - m_low) / m**2)
    assert point.values["statup"][1, 0] == pytest.approx(d / m + up)
    assert np.array_equal(point.values["systup"], point.values["statup"], equal_nan=True)
    assert point.efficiency[1, 0] == pytest.approx(m)


def test_the_truth_comes_back_within_its_errors() -> None:
    data, simulation = table(3, 0.72, n=200_000), table(4, 0.9, n=200_000)
    point = scale_factors(data, simulation, minimum=1.0).points["Loose"]
    nominal, up, down = (point.values[k][:2, :2] for k in ("nominal", "statup", "statdown"))
    pulls = (nominal - 0.8) / ((up - down) / 2)
    assert np.abs(pulls).max() < 3.5
    assert np.std(pulls) > 0.1


def test_sources_move_data_alone_and_one_table_counts_to_both_sides() -> None:
    data, simulation = table(1, 0.8), table(2, 0.9)
    other, low = table(5, 0.85), table(6, 0.75)
    found = scale_factors(data, simulation, sources={"fit": [other], "tag": [other, low]})
    values = found.points["Loose"].values
    assert list(values) == [
        "nominal", "systup", "systdown", "statup", "statdown", "fitup", "fitdown", "tagup",
        "tagdown",
    ]  # fmt: skip
    by_itself = scale_factors(other, simulation).points["Loose"].values["nominal"]
    known = np.isfinite(values["nominal"])
    assert known.sum() == 6
    assert values["fitup"][known] == pytest.approx(by_itself[known])
    mirrored = 2 * values["nominal"] - by_itself
    assert values["fitdown"][known] == pytest.approx(mirrored[known])
    down = scale_factors(low, simulation).points["Loose"].values["nominal"]
    assert values["tagdown"][known] == pytest.approx(down[known])
    assert (values["systup"] >= values["statup"])[known].all()


def test_weights_and_classes_count() -> None:
    weighted = table(7, 0.9, weights=[0.5, 2.0])
    mixed = table(8, 0.9, weights=[1.0, -0.2])
    for simulation in (weighted, mixed):
        found = scale_factors(table(1, 0.8), simulation, truth_class=["Prompt", "Fake"])
        result = simulation.efficiency("Loose", ["Prompt", "Fake"])
        assert found.points["Loose"].efficiency[0, 0] == pytest.approx(result.value[0, 0])
    assert "data: Prompt, Fake of muon_plit@stored; simulation: Prompt, Fake" in found.about


@pytest.mark.parametrize(
    ("change", "facts"),
    [
        ({"tagger": "muon_plv"}, "tagger: 'muon_plv' and 'muon_plit'"),
        ({"collection": "Muon"}, "collection: 'Muon' and 'Muons'"),
        ({"pt_edges": (10.0, 30.0, 40.0)}, "pt_edges"),
        ({"metadata": {"sha256": "aa"}}, "sha256: 'aa' and None"),
    ],
)
def test_tables_of_other_things(change: dict[str, Any], facts: str) -> None:
    with pytest.raises(BadInput) as caught:
        scale_factors(table(1, 0.8, **change), table(2, 0.9))
    assert "data and simulation differ" in str(caught.value)
    assert facts in str(caught.value)
    with pytest.raises(BadInput, match="source fit 0 and simulation differ"):
        scale_factors(table(1, 0.8), table(2, 0.9), sources={"fit": [table(3, 0.8, **change)]})


def test_what_else_is_refused() -> None:
    data, simulation = table(1, 0.8), table(2, 0.9)
    with pytest.raises(UnknownWorkingPoint, match="'Tigt'") as caught:
        scale_factors(data, simulation, working_points=["Tigt"])
    assert "near: Tight" in str(caught.value)
    with pytest.raises(UnknownName, match="'prompt'"):
        scale_factors(data, simulation, truth_class="prompt")
    with pytest.raises(BadInput, match="no point of both"):
        scale_factors(table(1, 0.8, points=["Loose"]), table(2, 0.8, points=["Tight"]))
    with pytest.raises(BadInput, match="the table of data has no scored leptons"):
        scale_factors(table(1, 0.8, n=0), simulation)
    with pytest.raises(BadInput, match=r"scale factors of muon_plit\.Loose: no bin"):
        scale_factors(data, simulation, minimum=1e6)
    with pytest.raises(BadInput, match="minimum is 0"):
        scale_factors(data, simulation, minimum=0)
    with pytest.raises(BadInput, match="minimum is nan"):
        scale_factors(data, simulation, minimum=math.nan)
    with pytest.raises(BadInput, match="'stat'"):
        scale_factors(data, simulation, sources={"stat": [data]})
    with pytest.raises(BadInput, match="source 'fit' has 3 tables"):
        scale_factors(data, simulation, sources={"fit": [data] * 3})


@pytest.mark.parametrize("sizes", [(100_000, 4000), (4000, 100_000)])
def test_a_bin_that_is_thin_in_one_table_alone_is_merged(sizes: tuple[int, int]) -> None:
    data, simulation = (table(i, 0.8, n=n) for i, n in enumerate(sizes))
    said = scale_factors(data, simulation, working_points=["Loose"]).points["Loose"].said
    assert "merged: pT 20 to inf GeV, |eta| 1.5 to 2.5" in said
    many = [table(i, 0.8, n=100_000) for i in (1, 2)]
    assert not any("merged" in line for line in scale_factors(*many).points["Loose"].said)
