"""correctionlib files: what is read, looked up, built and written, against plain arithmetic."""

from __future__ import annotations

import gzip
import json
import math
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import correctionlib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lepid import tables
from lepid.errors import BadFile, BadTable
from lepid.tables import binning, constant, correction, formula, piecewise_linear

NODES = [5.5, 8.5, 12.5, 17.5, 22.5, 27.5, 32.5, 37.5, 42.5, 47.5]
long_numbers = st.floats(-100, 100, allow_subnormal=False)


def one(data: Any, name: str = "cut", unit: str = " [GeV]") -> dict[str, Any]:
    return correction(name, "a cut", {"et": f"transverse energy{unit}"}, ("cut", "the cut"), data)


def evaluate(data: Any, values: Any) -> list[float]:
    content = tables.assemble(Path("memory"), "about", [one(data)])
    return content.look_up("cut", np.asarray(values, dtype=np.float64)).tolist()


def slow_interpolation(x: float, nodes: list[float], values: list[float]) -> float:
    """Athena's rule: linear between the nodes, constant at and outside the ends."""
    if x <= nodes[0]:
        return values[0]
    for i in range(len(nodes) - 1):
        if x < nodes[i + 1]:
            share = (x - nodes[i]) / (nodes[i + 1] - nodes[i])
            return values[i] + share * (values[i + 1] - values[i])
    return values[-1]


# --- nodes --------------------------------------------------------------------------------------


@given(
    values=st.lists(long_numbers, min_size=10, max_size=10),
    x=st.floats(-10, 100) | st.sampled_from(NODES) | st.sampled_from([math.inf, -math.inf, 1e300]),
)
def test_piecewise_linear_is_athenas_interpolation(values: list[float], x: float) -> None:
    found = evaluate(piecewise_linear("et", NODES, values), [x])[0]
    assert found == pytest.approx(slow_interpolation(x, NODES, values), rel=1e-12, abs=1e-12)


@given(st.lists(long_numbers, min_size=10, max_size=10))
def test_piecewise_linear_hits_the_nodes_to_the_last_digit(values: list[float]) -> None:
    assert evaluate(piecewise_linear("et", NODES, values), NODES) == values


def test_piecewise_linear_takes_numpy_arrays_and_one_node() -> None:
    node = piecewise_linear("et", np.array([-2.5, 1.0]), np.array([-1e-5, 3.0], np.float32))
    assert evaluate(node, [-9.0, -2.5, 1.0]) == [float(np.float32(-1e-5))] * 2 + [3.0]
    assert evaluate(piecewise_linear("et", [7.0], [0.25]), [0.0, 7.0, 9.0]) == [0.25] * 3


@pytest.mark.parametrize(
    ("nodes", "values"), [([1.0, 2.0], [1.0]), ([2.0, 1.0], [1.0, 2.0]), ([], []), ([1, 1], [1, 2])]
)
def test_piecewise_linear_refuses_what_is_no_line(nodes: list[float], values: list[float]) -> None:
    with pytest.raises(BadTable, match=rf"{len(nodes)} nodes for {len(values)} values"):
        piecewise_linear("et", nodes, values)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(
    "build",
    [lambda v: constant(v, "et"), lambda v: piecewise_linear("et", [1.0, 2.0], [v, 1.0])],
    ids=["constant", "line"],
)
def test_a_cut_that_is_not_finite_is_refused(build: Callable[[float], Any], value: float) -> None:
    with pytest.raises(BadTable, match=f"{value} is not a finite number"):
        build(value)


@given(st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False, width=64))
def test_a_constant_keeps_every_digit(value: float) -> None:
    assert evaluate(binning("et", [0, 1], [constant(value, "et")]), [0.5]) == [value]


def test_a_json_number_of_many_digits_would_not_keep_them() -> None:
    # Why `constant` writes text: if correctionlib learns to read all digits, it can go.
    rng = np.random.default_rng(1)
    values = rng.normal(size=300).tolist()
    edges = list(range(301))
    centres = np.arange(300) + 0.5
    assert evaluate(binning("et", edges, [constant(v, "et") for v in values]), centres) == values
    assert evaluate(binning("et", edges, values), centres) != values


def test_bins_are_half_open_and_clamped() -> None:
    node = binning("et", [0.1, 0.6, 1.37], [1.0, 2.0])
    below, above = np.nextafter(0.6, 0), np.nextafter(0.6, 1)
    assert evaluate(node, [-5, 0.1, below, 0.6, above, 1.37, 99]) == [1, 1, 1, 2, 2, 2, 2]


def test_bins_reach_infinity_from_numbers_and_from_words() -> None:
    for ends in ((-math.inf, math.inf), ("-inf", "inf"), (np.float64(-np.inf), np.inf)):
        node = binning("et", [ends[0], 10.0, ends[1]], [1.0, 2.0])
        assert evaluate(node, [-1e300, 9.99, 10.0, 1e300]) == [1, 1, 2, 2]


def test_formula_sees_its_variable_as_x() -> None:
    assert evaluate(formula("2.5+(-1e-05)*x", "et"), [0.0, 1e5]) == [2.5, 1.5]


# --- reading ------------------------------------------------------------------------------------


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "t.json"
    two = [one(1.5), one(binning("et", [0, 10], [2.0]), "other", " [MeV].")]
    tables.write_corrections(file, "first line\nsecond line", two)
    return file


def test_what_a_file_says_of_itself(path: Path) -> None:
    found = tables.read(path)
    assert found.path == str(path)
    assert found.description == "first line\nsecond line"
    assert found.names == ["cut", "other"]
    assert found.inputs("cut") == {"et": "GeV"}
    assert found.inputs("other") == {"et": "MeV"}
    assert found.input_types("cut") == {"et": "real"}
    assert found.output_unit("cut") == ""


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("pt [GeV]", "GeV"),
        ("pt [GeV].", "GeV"),
        ("pt [ MeV ] ", "MeV"),
        ("pt", ""),
        ("", ""),
        ("pt [] ", ""),
        ("a[1] in [1/MeV]", "1/MeV"),
        # only the end of the text is a unit
        ("E_T [GeV], at the cluster", ""),
        ("counts [0] of pt", ""),
    ],
)
def test_the_unit_is_the_bracket_at_the_end(text: str, unit: str) -> None:
    content = tables.assemble(Path("m"), "", [correction("c", "", {"x": text}, ("cut", text), 1.0)])
    assert content.inputs("c") == {"x": unit}
    assert content.output_unit("c") == unit


def test_look_up_takes_arrays_single_values_and_nothing(path: Path) -> None:
    found = tables.read(path)
    assert found.look_up("other", np.array([1.0, 50.0], np.float32)).tolist() == [2.0, 2.0]
    assert found.look_up("cut", np.zeros(0)).shape == (0,)
    assert found.look_up("cut", 3.0).item() == 1.5


def test_tables_go_through_pickle_also_after_use(path: Path) -> None:
    found = tables.read(path)
    found.look_up("cut", np.ones(1))
    again = pickle.loads(pickle.dumps(found))
    assert again == found
    assert again.look_up("cut", np.ones(2)).tolist() == [1.5, 1.5]


def test_gzip_is_read_whatever_the_name(path: Path, tmp_path: Path) -> None:
    packed = tmp_path / "packed.json"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert tables.read(packed).names == ["cut", "other"]


GOOD = json.dumps(
    {"schema_version": 2, "description": "d", "corrections": [one(1.0)]}
)  # fmt: skip


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"not json", "cannot be read"),
        (b"\xff\xfe\x00", "cannot be read"),
        (b"", "cannot be read"),
        (gzip.compress(GOOD.encode())[:-12], "cannot be read"),
        (gzip.compress(GOOD.encode())[:12] + b"\xff" * 40, "cannot be read"),
        (b"[1, 2]", "no list `corrections`"),
        (b'{"schema_version": 2}', "no list `corrections`"),
        (b'{"corrections": []}', "not a correctionlib v2 file"),
        (b'{"schema_version": 2, "corrections": [{}]}', "not a correctionlib v2 file"),
        (b'{"schema_version": 2, "corrections": 3}', "not a correctionlib v2 file"),
        (GOOD.replace('"schema_version": 2', '"schema_version": 1').encode(), "schema v2"),
        (GOOD.replace("1.0}", '{"nodetype": "formula", "expression": "2*(x", '
                              '"parser": "TFormula", "variables": ["et"]}}').encode(),
         "not a correctionlib v2 file"),
    ],
    ids=["text", "bytes", "empty", "cut gzip", "bad gzip", "list", "none", "version missing",
         "no name", "number", "version 1", "formula"],
)  # fmt: skip
def test_what_is_no_table_is_an_error_when_read(
    tmp_path: Path, content: bytes, message: str
) -> None:
    file = tmp_path / "bad.json"
    file.write_bytes(content)
    with pytest.raises(BadTable, match=message) as caught:
        tables.read(file)
    assert caught.value.where == str(file)


def test_a_file_that_is_not_there_is_a_bad_table(tmp_path: Path) -> None:
    with pytest.raises(BadTable, match="No such file"):
        tables.read(tmp_path / "absent.json")


def test_a_value_that_correctionlib_refuses_is_a_bad_table() -> None:
    node = binning("et", [0.0, 1.0], [1.0]) | {"flow": "error"}
    content = tables.assemble(Path("memory"), "", [one(node)])
    with pytest.raises(BadTable, match=r"cut: Index above bounds") as caught:
        content.look_up("cut", np.array([0.5, 7.0]))
    assert caught.value.where == "memory"
    with pytest.raises(BadTable, match="cut: "):
        content.look_up("cut", np.ones(1), np.ones(1))


# --- writing ------------------------------------------------------------------------------------


def test_gz_is_written_packed_and_the_same_each_time(path: Path, tmp_path: Path) -> None:
    packed = [tmp_path / "a.json.gz", tmp_path / "b.json.gz"]
    for file in packed:
        tables.write_corrections(file, "d", [one(2.0)])
    assert packed[0].read_bytes()[:2] == b"\x1f\x8b"
    assert packed[0].read_bytes() == packed[1].read_bytes()
    # a gzip header holds the time: not here, or the same table would have two hashes
    assert packed[0].read_bytes()[4:8] == bytes(4)
    assert tables.read(packed[0]).look_up("cut", np.ones(1)).tolist() == [2.0]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (binning("et", [3, 1], [1.0]), r"corrections\.0\.data\.binning\.edges"),
        (binning("et", [0, 1, 2], [1.0]), r"content length \(1\)"),
        (binning("eta", [0, 1], [1.0]), "input|eta"),
        (formula("2*(x", "et"), "not a correctionlib v2 file"),
        ({"nodetype": "nonsense"}, r"corrections\.0\.data"),
    ],
)
def test_what_breaks_the_rules_is_not_written(tmp_path: Path, data: Any, message: str) -> None:
    file = tmp_path / "t.json"
    file.write_text("old")
    with pytest.raises(BadTable, match=message) as caught:
        tables.write_corrections(file, "d", [one(data)])
    assert "tagged-union" not in caught.value.wrong
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_a_folder_that_is_not_there_is_a_bad_file(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="does not exist"):
        tables.write_corrections(tmp_path / "no" / "t.json", "d", [one(1.0)])


def test_files_are_plain_correctionlib(path: Path) -> None:
    plain = correctionlib.CorrectionSet.from_file(str(path))
    assert plain["other"].evaluate(4.0) == 2.0
    command = [sys.executable, "-m", "correctionlib.cli", "validate", "--version", "2", str(path)]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_parts_say_where_each_cut_holds(tmp_path: Path) -> None:
    inner = binning("abseta", [0, 1.37, 2.47], [formula("2*x", "abseta"), 3.5])
    nested = binning("pt", ["-inf", 10, "inf"], [inner, formula("0.1*x+1", "pt")])
    axes = {"pt": "pt [GeV]", "abseta": "|eta|"}
    grid = {
        "nodetype": "multibinning",
        "inputs": ["pt", "abseta"],
        "edges": [[0, 10, 20], {"n": 2, "low": 0.0, "high": 3.0}],
        "content": [1.0, 2.0, 3.0, 4.0],
        "flow": "clamp",
    }
    path = tmp_path / "cuts.json"
    both = [correction(n, "cut", axes, ("c", "cut"), d) for n, d in (("a", nested), ("b", grid))]
    tables.write_corrections(path, "cuts", both)
    written = tables.read(path)
    assert written.parts("a") == [
        ("pt < 10, 0 <= abseta < 1.37", "2*abseta"),
        ("pt < 10, 1.37 <= abseta < 2.47", "3.5"),
        ("10 <= pt", "0.1*pt+1"),
    ]
    assert written.parts("b") == [
        ("0 <= pt < 10, 0 <= abseta < 1.5", "1"),
        ("0 <= pt < 10, 1.5 <= abseta < 3", "2"),
        ("10 <= pt < 20, 0 <= abseta < 1.5", "3"),
        ("10 <= pt < 20, 1.5 <= abseta < 3", "4"),
    ]
