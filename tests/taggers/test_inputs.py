"""Rows of a network against a slow twin, and the only cast to float32."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lepid.taggers import inputs
from lepid.taggers.card_network import Network, Node

MEV = {"GeV": "MeV", "MeV": "MeV", "": ""}.__getitem__


def node(*entries: Any) -> Node:
    return Node.model_validate({"name": "x", "inputs": list(entries)})


def build(entries: list[Any], columns: dict[str, Any]) -> tuple[Any, Any]:
    flat = {name: np.atleast_1d(np.asarray(value)) for name, value in columns.items()}
    return inputs.build(node(*entries), flat, MEV)


@given(
    pt=st.lists(st.floats(500, 1e7, width=32), min_size=1, max_size=8),
    mean=st.floats(-100, 100),
    std=st.floats(0.01, 100),
)
def test_rows_are_in_card_order_and_scaled_before_they_are_float32(
    pt: list[float], mean: float, std: float
) -> None:
    pts = np.array(pt, np.float32)
    eta = np.linspace(-2, 2, len(pts))
    entries = ["abseta", {"feature": "pt", "unit": "GeV", "mean": mean, "std": std}, "eta"]
    rows, finite = build(entries, {"pt": pts, "eta": eta})
    assert rows.dtype == np.float32
    assert rows.shape == (len(pts), 3)
    for i in range(len(pts)):
        slow = [abs(eta[i]), (float(pts[i]) / 1000 - mean) / std, eta[i]]
        assert rows[i].tolist() == [float(np.float32(value)) for value in slow]
    assert finite.all()


def test_the_unit_of_the_card_counts() -> None:
    columns = {"pt": np.array([27300.0], np.float32)}
    for unit, expected in (("GeV", 27.3), ("MeV", 27300.0)):
        rows, _ = build([{"feature": "pt", "unit": unit}], columns)
        assert rows[0, 0] == np.float32(expected)


def test_what_is_not_finite_marks_its_lepton_only() -> None:
    values = np.array([1.0, np.nan, np.inf, -np.inf, 1e39, 1.0])
    rows, finite = build(["a", "b"], {"a": values, "b": np.ones(6)})
    assert finite.tolist() == [True, False, False, False, False, True]
    assert rows[0].tolist() == [1.0, 1.0]


def test_infinity_is_taken_where_the_card_says_so_and_overflow_is_not() -> None:
    values = np.array([1.0, np.nan, np.inf, -np.inf, 1e39])
    rows, finite = build([{"feature": "a", "infinite": True}], {"a": values})
    assert finite.tolist() == [True, False, True, True, False]
    assert rows[2:4, 0].tolist() == [np.inf, -np.inf]
    _, finite = build([{"feature": "a", "infinite": True, "nan": True}], {"a": values})
    assert finite.tolist() == [True, True, True, True, False]


def test_garbage_that_overflows_is_not_finite_and_warns_nobody() -> None:
    entries = [{"feature": "a", "std": 1e-300}]
    _, finite = build(entries, {"a": np.array([1e32, 1e300, 1e-310])})
    assert finite.tolist() == [False, False, True]


def test_a_default_stands_in_for_what_is_not_finite_before_scaling() -> None:
    entry = {"feature": "a", "default": -99.0, "default_source": "Athena", "mean": 1.0, "std": 2.0}
    rows, finite = build([entry], {"a": np.array([3.0, np.nan, np.inf])})
    assert rows[:, 0].tolist() == [1.0, -50.0, -50.0]
    assert finite.all()


def test_a_default_stands_in_for_unused_memory_too() -> None:
    values = np.array([1e32, 1.01e32, -1e32, -1.01e32, 3e38, 0.0])
    entry = {"feature": "a", "default": 5.0, "default_source": "CMSSW"}
    rows, finite = build([entry], {"a": values})
    assert rows[:, 0].tolist() == np.float32([1e32, 5, -1e32, 5, 5, 0]).tolist()
    assert finite.all()


@given(x=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=8), lower=st.floats(-3, 0))
def test_rows_are_clipped_after_they_are_scaled(x: list[float], lower: float) -> None:
    entry = {"feature": "a", "mean": 2.0, "std": 4.0, "lower": lower, "upper": lower + 2}
    rows, _ = build([entry, {"feature": "a", "upper": 1.0}, "a"], {"a": np.array(x)})
    for found, value in zip(rows.tolist(), x, strict=True):
        clipped = min(max((value - 2) / 4, lower), lower + 2)
        assert found == [float(np.float32(each)) for each in (clipped, min(value, 1.0), value)]


def test_nan_goes_to_networks_that_know_what_to_do_with_it() -> None:
    values = np.array([1.0, np.nan, np.inf, -np.inf])
    columns = {"a": values, "b": np.ones(4)}
    rows, finite = build([{"feature": "a", "nan": True, "std": 2.0}, "b"], columns)
    assert finite.tolist() == [True, True, False, False]
    assert np.isnan(rows[1, 0])
    assert rows[0].tolist() == [0.5, 1.0]
    # The key is that of one input alone.
    _, finite = build([{"feature": "b", "nan": True}, "a"], columns)
    assert finite.tolist() == [True, False, False, False]
    clipped, finite = build([{"feature": "a", "nan": True, "upper": 0.5}], columns)
    assert np.isnan(clipped[1, 0])
    assert finite.tolist() == [True, True, True, False]


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.bool_, np.float32])
def test_columns_of_every_dtype(dtype: type) -> None:
    rows, finite = build(["n"], {"n": np.array([0, 1], dtype)})
    assert rows[:, 0].tolist() == [0.0, 1.0]
    assert finite.all()


def test_no_leptons() -> None:
    rows, finite = build(["a", "b"], {"a": np.zeros(0), "b": np.zeros(0)})
    assert rows.shape == (0, 2)
    assert finite.shape == (0,)
    assert finite.dtype == np.bool_


def test_needs_are_columns_with_the_feature_that_wants_them() -> None:
    network = Network.model_validate(
        {"path": "a", "abseta": [0, 1],
         "nodes": [{"name": "x", "inputs": ["pt", "pflow_isolation_muon"]},
                   {"name": "z", "inputs": ["nPixHitsPlusDeadSensors"]}]}
    )  # fmt: skip
    assert inputs.needs(network) == {
        "pt": "pt",
        "ptvarcone30_Nonprompt_All_MaxWeightTTVA_pt500": "pflow_isolation_muon",
        "neflowisol20": "pflow_isolation_muon",
        "trackParticleLinks.numberOfPixelHits": "nPixHitsPlusDeadSensors",
        "trackParticleLinks.numberOfPixelDeadSensors": "nPixHitsPlusDeadSensors",
        "eta": "the range of |eta|",
    }


# --- switches, absent inputs, conditions --------------------------------------------------------


def network(entries: list[Any], **more: Any) -> Network:
    keys = {key: more.pop(key) for key in ("switches",) if key in more}
    nodes = [{"name": "x", "inputs": entries, **keys}]
    return Network.model_validate({"path": "a", "nodes": nodes, **more})


def test_a_switch_changes_what_is_needed_and_what_is_fed() -> None:
    columns = {"pt": 1e4, "InnerDetectorPt": 1.1e4, "MuonSpectrometerPt": 0.8e4}
    flat = {name: np.array([value]) for name, value in columns.items()}
    plain, off = network(["rhoPrime"]), network(["rhoPrime"], switches=["DisablePtCuts"])
    assert list(inputs.needs(plain)) == ["rhoPrime"]
    assert inputs.needs(off) == {"pt": "rhoPrime"}
    assert inputs.build(plain.nodes[0], flat, MEV)[0].tolist() == [[np.float32(0.3)]]
    assert inputs.build(off.nodes[0], flat, MEV)[0].tolist() == [[0]]
    raw = network(["rhoPrime"], switches=["TurnOffMomCorr"])
    assert "inDetTrackParticleLink.qOverP" in inputs.needs(raw)
    assert "InnerDetectorPt" not in inputs.needs(raw)


def test_an_optional_input_may_be_absent_and_no_other() -> None:
    entry = {
        "feature": "reducedChi2_ME", "default": 0.9, "default_source": "mine", "optional": True
    }  # fmt: skip
    some = network([entry, "a"])
    outer = "extrapolatedMuonSpectrometerTrackParticleLink"
    there = {"pt", "a"}
    lost = inputs.absent(some, there.__contains__)
    assert lost == {
        "reducedChi2_ME": (
            "input reducedChi2_ME is 0.9 for all: the file has not what it is made of (mine)"
        )
    }
    assert list(inputs.needs(some, lost)) == ["a"]
    rows, finite = inputs.build(some.nodes[0], {"a": np.array([1.0, 2.0])}, MEV)
    assert rows.tolist() == [[np.float32(0.9), 1], [np.float32(0.9), 2]]
    assert finite.all()
    # With one of two ingredients it is still absent, with both it is none.
    there |= {f"{outer}.chiSquared"}
    assert inputs.absent(some, there.__contains__)
    there |= {f"{outer}.numberDoF"}
    assert inputs.absent(some, there.__contains__) == {}
    assert inputs.absent(network(["reducedChi2_ME", "a"]), {"a"}.__contains__) == {}


def test_conditions_are_closed_joined_and_false_for_what_is_no_number() -> None:
    conditions = [
        {"feature": "pt", "unit": "GeV", "low": 4, "doc": "pt"},
        {"feature": "abseta", "high": 2.5, "doc": "eta"},
        {"feature": "n", "low": 0, "high": 0, "doc": "n"},
    ]
    some = network(["a"], valid=conditions)
    assert list(inputs.needs(some)) == ["a", "pt", "eta", "n"]
    rows = [
        (4000, 2.5, 0, True), (3999.9, 0, 0, False), (5000, -2.5, 0, True), (5000, -2.6, 0, False),
        (5000, 0, 1, False), (5000, 0, -1, False), (np.nan, 0, 0, False), (5000, np.nan, 0, False),
        (np.inf, 0, 0, True),
    ]  # fmt: skip
    pt, eta, n, expected = (np.array(column) for column in zip(*rows, strict=True))
    found = inputs.valid(some, {"pt": pt, "eta": eta, "n": n}, MEV)
    assert found.tolist() == expected.tolist()
    assert inputs.valid(network(["a"]), {"pt": pt}, MEV).all()
