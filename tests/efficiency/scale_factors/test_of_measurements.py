"""Scale factors of what pairs measured: what varies together, what is refused, and what is true."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from lepid.efficiency import counting
from lepid.efficiency.counting import EfficiencyTable
from lepid.efficiency.scale_factors.of_measurements import scale_factors
from lepid.efficiency.tag_and_probe.bins import Ends, Measured, Method, Yields
from lepid.efficiency.tag_and_probe.pair_table import Histogram, PassFail
from lepid.efficiency.tag_and_probe.result import ProbeEfficiency
from lepid.errors import BadInput, UnknownName, UnknownWorkingPoint

EDGES = (10.0, 30.0, 60.0), (0.0, 2.5)
NOTHING = Histogram(np.zeros(1), np.zeros(1))
MASSES = PassFail(np.array([80.0, 100.0]), NOTHING, NOTHING)


def bins(*values: float) -> tuple[Measured, ...]:
    """Bins with these efficiencies, 0.02 below and 0.01 above."""
    ends = [Ends(value, value - 0.02, value + 0.01) for value in values]
    return tuple(Measured(one, "count", Yields(1, 1, 0, 0), MASSES) for one in ends)


def pairs(values: Any = (0.8, 0.9), point: str = "Tight", **changes: Any) -> ProbeEfficiency:
    ways = {
        name: tuple(bins(*way) for way in each) for name, each in changes.pop("ways", {}).items()
    }
    identity = {"tagger": "toy@one", "collection": "Muons", "resonance": "Z", "probe": "pt > 5"}
    identity |= {name: changes.pop(name) for name in identity if name in changes}
    return replace(
        ProbeEfficiency(point, Method("count"), EDGES, bins(*values), ways, identity), **changes
    )


def table(efficiency: float = 0.9, n: int = 4000, **changes: Any) -> EfficiencyTable:
    rng = np.random.default_rng(4)
    fields = {"collection": "Muons", "pt_edges": EDGES[0], "abseta_edges": EDGES[1], **changes}
    empty = counting.empty(
        "toy", "one", classes=["Prompt", "Fake"], working_points=["Tight"], **fields
    )
    return counting.count(
        empty,
        decisions={"Tight": rng.random(n) < efficiency},
        scored=np.ones(n, bool),
        truth_class=np.arange(n) % 2,
        pt=rng.uniform(10, 60, n),
        abseta=rng.uniform(0, 2.5, n),
    )


def test_a_source_of_both_varies_both_together() -> None:
    data = pairs(ways={"window": [(0.82, 0.9), (0.79, 0.9)], "background": [(0.8, 0.84)]})
    simulation = pairs((0.9, 0.95), ways={"window": [(0.92, 0.95), (0.90, 0.95)]})
    found = scale_factors(data, simulation).points["Tight"].values
    nominal = np.array([0.8 / 0.9, 0.9 / 0.95])
    together = max(abs(0.82 / 0.92 - nominal[0]), abs(0.79 / 0.90 - nominal[0]))
    assert found["windowup"].ravel() == pytest.approx(nominal + np.array([together, 0]))
    assert found["windowdown"].ravel() == pytest.approx(nominal - np.array([together, 0]))
    alone = 0.06 / 0.95
    assert found["backgroundup"].ravel() == pytest.approx(nominal + np.array([0, alone]))
    stat = [math.hypot(0.01 / e, sf * 0.02 / e) for e, sf in zip((0.9, 0.95), nominal, strict=True)]
    whole = [math.hypot(stat[0], together), math.hypot(stat[1], alone)]
    assert found["statup"].ravel() == pytest.approx(nominal + stat)
    assert found["systup"].ravel() == pytest.approx(nominal + whole)
    assert "tagup" not in found


def test_a_source_of_simulation_alone_counts() -> None:
    found = scale_factors(pairs(), pairs((0.9, 0.9), ways={"tag": [(0.8, 0.9)]}))
    values = found.points["Tight"].values
    assert values["tagup"].ravel() == pytest.approx([0.8 / 0.9 + (1 - 0.8 / 0.9), 1.0])


def test_other_numbers_of_ways_are_two_sources() -> None:
    data = pairs(ways={"window": [(0.82, 0.9), (0.79, 0.9)]})
    simulation = pairs((0.8, 0.9), ways={"window": [(0.84, 0.9)]})
    values = scale_factors(data, simulation).points["Tight"].values
    assert values["window_dataup"].ravel() == pytest.approx([1.025, 1.0])
    assert values["window_simulationup"].ravel() == pytest.approx([2 - 0.8 / 0.84, 1.0])
    assert "windowup" not in values


def test_what_could_not_be_measured_is_nan_and_said() -> None:
    data = pairs((0.8, math.nan), ways={"window": [(math.nan, 0.9)], "tag": [(0.8, math.nan)]})
    point = scale_factors(data, pairs((0.9, 0.9))).points["Tight"]
    assert np.isnan(point.values["nominal"].ravel()).tolist() == [False, True]
    assert np.isnan(point.efficiency.ravel()).tolist() == [False, True]
    assert np.isnan(point.values["windowup"]).all()
    assert np.isnan(point.values["systdown"]).all()
    assert np.isfinite(point.values["statup"][0, 0])
    assert np.isfinite(point.values["tagup"][0, 0])
    assert point.said == (
        "not measured: pT 30 to 60 GeV, |eta| 0 to 2.5",
        "not measured in every way of 'window': pT 10 to 30 GeV, |eta| 0 to 2.5",
    )


def test_counted_simulation_and_fitted_data() -> None:
    simulation = table()
    found = scale_factors(pairs((0.8, 0.85)), simulation, truth_class="Prompt")
    counted = simulation.efficiency("Tight", "Prompt")
    point = found.points["Tight"]
    assert point.values["nominal"] == pytest.approx(np.array([[0.8], [0.85]]) / counted.value)
    assert np.array_equal(point.efficiency, counted.value)
    assert found.about == ("data: pairs of toy@one, count; simulation: Prompt of toy@one")
    assert (found.tagger, found.collection) == ("toy", "Muons")


def test_several_points_and_sources_at_once() -> None:
    data = [pairs((0.8, 0.9), name) for name in ("Loose", "Tight")]
    other = [pairs((0.82, 0.9), name) for name in ("Loose", "Tight")]
    found = scale_factors(data, data[::-1], sources={"model": [other]})
    assert list(found.points) == ["Tight", "Loose"]
    for point in found.points.values():
        assert point.values["nominal"].ravel() == pytest.approx([1, 1])
        assert point.values["modelup"].ravel() == pytest.approx([1.025, 1])
        assert point.values["modeldown"].ravel() == pytest.approx([0.975, 1])
    assert list(scale_factors(data, data, working_points=["Tight"]).points) == ["Tight"]


@pytest.mark.parametrize(
    ("other", "fact"),
    [
        (pairs(tagger="other@one"), "tagger: 'toy' and 'other'"),
        (pairs(collection="Electrons"), "collection: 'Muons' and 'Electrons'"),
        (pairs(probe=""), "probe: 'pt > 5' and ''"),
        (pairs(resonance="J/psi"), "resonance: 'Z' and 'J/psi'"),
        (pairs(edges=((10.0, 30.0, 50.0), (0.0, 2.5))), r"pt_edges: \(10.0, 30.0, 60.0\) and"),
        (pairs(edges=()), "simulation has all probes as one"),
        ([pairs(), pairs()], "2 results for 1 working points"),
        ([pairs(), pairs(point="Loose", probe="")], "not measured with the same pairs"),
        ([], "0 results"),
        (table(abseta_edges=(0.0, 2.4)), "abseta_edges"),
        (table(n=0), "no scored leptons"),
        (pairs(point="Loose"), "no point of both"),
        (pairs((0.0, math.nan)), "no bin has an efficiency"),
    ],
)
def test_other_things_are_refused(other: Any, fact: str) -> None:
    with pytest.raises(BadInput, match=fact):
        scale_factors(pairs(), other)


def test_other_errors() -> None:
    with pytest.raises(BadInput, match="simulation was measured with pairs"):
        scale_factors(pairs(), pairs(), truth_class="Prompt")
    with pytest.raises(UnknownName, match="no truth class 'prompt'"):
        scale_factors(pairs(), table(), truth_class="prompt")
    with pytest.raises(UnknownWorkingPoint, match="Tigt"):
        scale_factors(pairs(), pairs(), working_points=["Tigt"])
    with pytest.raises(UnknownWorkingPoint, match="source fit 0"):
        scale_factors(pairs(), pairs(), sources={"fit": [pairs(point="Loose")]})
    with pytest.raises(BadInput, match="has 3 tables"):
        scale_factors(pairs(), pairs(), sources={"fit": [pairs()] * 3})
    varied = pairs(ways={"window": [(0.8, 0.9)]})
    with pytest.raises(BadInput, match="cannot be called 'window'"):
        scale_factors(varied, pairs(), sources={"window": [pairs()]})
    with pytest.raises(BadInput, match="source 'fit' is not measured in 2 bins"):
        scale_factors(pairs(), pairs(), sources={"fit": [pairs((0.8, math.nan))]})
