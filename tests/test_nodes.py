"""Straight lines against correctionlib, bit by bit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import correctionlib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lepid.nodes import Lines, edges, forgiving, keys, walk
from lepid.tables import binning, formula, piecewise_linear, read

TABLES = Path(__file__).resolve().parents[1] / "wp_tables"
ONE_INPUT = [
    (path, entry["name"])
    for path in sorted(TABLES.glob("*/*.json"))
    for entry in json.loads(path.read_text(encoding="utf-8"))["corrections"]
    if len(entry["inputs"]) == 1
]


@pytest.mark.parametrize(
    ("path", "name"), ONE_INPUT, ids=[f"{p.parent.name}-{p.stem}-{n}" for p, n in ONE_INPUT]
)
def test_shipped_cuts_equal_those_of_correctionlib(path: Path, name: str) -> None:
    rng = np.random.default_rng(3)
    edges = np.arange(0.0, 200_000.0, 500.0)
    near = [edges, np.nextafter(edges, -np.inf), np.nextafter(edges, np.inf)]
    pt = np.concatenate([*near, rng.exponential(4e4, 20_000), [-1.0, 1e7]])
    expected = correctionlib.CorrectionSet.from_file(str(path))[name].evaluate(pt)
    np.testing.assert_array_equal(read(path).look_up(name, pt), expected)


def test_the_plit_points_are_lines() -> None:
    for run in (2, 3):
        path = TABLES / "muon_plit" / f"atlas-2025-04-25-run{run}.json"
        for entry in json.loads(path.read_text(encoding="utf-8"))["corrections"]:
            lines = Lines.of(entry["data"])
            assert lines is not None
            assert len(lines.offset) == len(lines.inner) + 1


@given(
    st.lists(st.integers(-50, 50), min_size=1, max_size=6, unique=True),
    st.data(),
)
def test_lines_are_those_of_the_slow_twin(inner: list[int], data: st.DataObject) -> None:
    inner = sorted(inner)
    pairs = st.tuples(st.floats(-5, 5), st.floats(-5, 5))
    found = data.draw(st.lists(pairs, min_size=len(inner) + 1, max_size=len(inner) + 1))
    content = [formula(f"{a!r}+({b!r})*x", "pt") for a, b in found]
    lines = Lines.of(binning("pt", ["-inf", *inner, "inf"], content))
    assert lines is not None
    for x in [*inner, *data.draw(st.lists(st.floats(-100, 100), max_size=5))]:
        a, b = found[sum(edge <= x for edge in inner)]
        assert lines.evaluate(np.array([x])).tolist() == [a + b * x]


@pytest.mark.parametrize(
    "node",
    [
        1.5,
        formula("max(0.015*x,3500)", "pt"),
        formula("0.06*x+1e9*(x>50000)", "pt"),
        binning("pt", ["-inf", 0.5, "inf"], [formula("1", "pt"), formula("2", "pt")]),
        binning("pt", ["-inf", 5, "inf"], [1.25, formula("2", "pt")]),
        piecewise_linear("et", [5.5, 8.5], [1.0, 2.0]),
        {"nodetype": "binning", "input": "pt", "edges": [0, 1], "content": [1.0], "flow": "error"},
        {"nodetype": "category", "input": "wp", "content": []},
    ],
    ids=["number", "function", "switch", "edge", "content", "interpolation", "flow", "category"],
)
def test_anything_else_is_left_to_correctionlib(node: Any) -> None:
    assert Lines.of(node) is None


def test_edges_of_a_node_and_those_inside_it() -> None:
    inner = {
        "nodetype": "binning",
        "input": "abseta",
        "edges": [0.0, 1.5, "inf"],
        "content": [1, 2],
    }
    other = {"nodetype": "binning", "input": "abseta", "edges": {"n": 2, "low": 0, "high": 2},
             "content": [1, 2]}  # fmt: skip
    node = {"nodetype": "binning", "input": "pt", "edges": [5, 20, 50], "content": [inner, other]}
    assert edges(node) == {"pt": [5, 20, 50], "abseta": [0, 1, 1.5, 2, np.inf]}
    plane = {"nodetype": "multibinning", "inputs": ["pt", "abseta"], "edges": [[0, 1], [0, 2]],
             "content": [3.0]}  # fmt: skip
    assert edges(plane) == {"pt": [0, 1], "abseta": [0, 2]}
    assert edges(1.0) == edges({"nodetype": "formula", "expression": "x"}) == {}


def nested() -> dict[str, Any]:
    """Bins of a category of bins behind a transform."""
    inner = {"nodetype": "binning", "input": "pt", "edges": [0.0, 1.0], "content": [0.5]}
    category = {
        "nodetype": "category",
        "input": "kind",
        "content": [{"key": "a", "value": {**inner, "flow": "error"}}, {"key": "b", "value": 2.0}],
    }
    bins = {"nodetype": "multibinning", "inputs": ["eta"], "edges": [[0.0, 2.0]]}
    rule = {"nodetype": "formula", "expression": "abs(x)", "parser": "TFormula", "variables": []}
    content = [{**bins, "content": [category], "flow": "clamp"}, {**category, "default": 7.0}]
    whole = {"nodetype": "binning", "input": "x", "edges": [0.0, 1.0, 2.0], "flow": "error"}
    transformed = {"nodetype": "transform", "input": "eta", "rule": rule}
    return {**transformed, "content": {**whole, "content": content}}


def test_every_node_is_walked() -> None:
    kinds = [node["nodetype"] for node in walk(nested())]
    assert kinds == [
        "transform", "formula", "binning", "multibinning", "category", "binning", "category",
        "binning",
    ]  # fmt: skip
    assert keys(nested()) == {"kind": ["a", "b"]}
    assert keys(1.0) == {}


def test_what_refuses_gives_something_else_instead() -> None:
    before = nested()
    after = forgiving(before, 9.0)
    assert before == nested()
    flows = [node["flow"] for node in walk(after) if "flow" in node]
    assert flows == [9.0, "clamp", 9.0, 9.0]
    defaults = [node["default"] for node in walk(after) if node["nodetype"] == "category"]
    assert defaults == [9.0, 7.0]
