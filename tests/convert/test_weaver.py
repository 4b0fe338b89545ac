"""weaver's preprocess.json: what it says, and what is wrong with it."""

from __future__ import annotations

import json
import runpy
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lepid.convert import weaver
from lepid.convert.weaver import Variable
from lepid.errors import BadFile

SMALL = SimpleNamespace(**runpy.run_path(str(Path(__file__).parents[1] / "small_weaver.py")))


def test_what_it_says(tmp_path: Path) -> None:
    _, path = SMALL.write(tmp_path)
    said = weaver.read(path)
    assert said.labels == ("label_a", "label_b", "label_c")
    assert [group.name for group in said.groups] == [
        "pf_points",
        "pf_features",
        "pf_mask",
        "lepton",
    ]
    assert [group.prefix for group in said.groups] == ["pf", "pf", "pf", "lepton"]
    assert [(group.shortest, group.longest) for group in said.groups] == [(3, 4)] * 3 + [(1, 1)]
    assert said.groups[1].variables == (
        Variable("pf_pt", 2.0, 0.5, 0.0, -0.5, 1.5, 0.0),
        Variable("pf_d0", 0.0, 1.0, -3.0, -1e32, 1e32, 0.0),
    )


def test_pad_may_be_left_out_and_one_length_is_both(tmp_path: Path) -> None:
    said = SMALL.preprocessing()
    del said["pf_points"]["var_infos"]["pf_deta"]["pad"]
    said["pf_points"] |= {"var_length": 7}
    found = weaver.read(SMALL.write(tmp_path, said)[1]).groups[0]
    assert (found.shortest, found.longest, found.variables[0].pad) == (7, 7, 0.0)


def edited(*keys: str, value: Any = None) -> Callable[[dict[str, Any]], None]:
    """Function that sets what is at these keys, or removes it if None."""

    def change(said: dict[str, Any]) -> None:
        for key in keys[:-1]:
            said = said[key]
        said.pop(keys[-1])
        if value is not None:
            said[keys[-1]] = value

    return change


def added(*keys: str) -> Callable[[dict[str, Any]], None]:
    def change(said: dict[str, Any]) -> None:
        for key in keys[:-1]:
            said = said[key]
        said[keys[-1]] = {}

    return change


PT = ("pf_features", "var_infos", "pf_pt")


@pytest.mark.parametrize(
    ("change", "facts"),
    [
        (edited("output_names"), ["output_names is missing"]),
        (edited("output_names", value=[]), ["output_names: expected names, found []"]),
        (edited("output_names", value="a"), ["output_names: expected a list, found 'a'"]),
        (edited("input_names", value=["pf_points"] * 2), ["pf_points stands there twice"]),
        (edited("lepton"), ["lepton is missing"]),
        (edited("lepton", value=[1]), ["lepton: expected a table, found [1]"]),
        (added("lepto"), ["lepto: unknown key", "near: lepton"]),
        (added("lepton", "var_name"), ["lepton.var_name: unknown key", "near: var_names"]),
        (added("lepton", "var_infos", "mu_eta"), ["lepton.var_infos.mu_eta: unknown key"]),
        (edited("lepton", "var_infos", "mu_pt"), ["lepton.var_infos.mu_pt is missing"]),
        (edited("lepton", "var_length"), ["lepton.min_length is missing"]),
        (edited("lepton", "var_length", value=0.5), ["var_length: expected a whole number"]),
        (edited("lepton", "var_length", value=0), ["lepton: 0 to 0 rows"]),
        (edited("pf_mask", "min_length", value=5), ["pf_mask: 5 to 4 rows"]),
        (added(*PT, "center"), ["pf_features.var_infos.pf_pt.center: unknown key"]),
        (edited(*PT, "median"), ["pf_features.var_infos.pf_pt.median is missing"]),
        (edited(*PT, "median", value="2"), ["pf_pt.median: expected a number, found '2'"]),
        (edited(*PT, "median", value=True), ["pf_pt.median: expected a number, found True"]),
        (edited(*PT, "pad", value=float("nan")), ["pf_pt.pad: expected a number, found nan"]),
        (edited(*PT, "norm_factor", value=0.0), ["pf_pt.norm_factor: 0 is not above 0"]),
        (edited(*PT, "upper_bound", value=-0.5), ["pf_pt: lower_bound is not below upper_bound"]),
    ],
)
def test_what_is_wrong(
    change: Callable[[dict[str, Any]], None], facts: list[str], tmp_path: Path
) -> None:
    said = SMALL.preprocessing()
    change(said)
    _, path = SMALL.write(tmp_path, said)
    with pytest.raises(BadFile) as error:
        weaver.read(path)
    assert error.value.where == str(path)
    assert all(fact in str(error.value) for fact in facts), error.value


def test_no_json(tmp_path: Path) -> None:
    path = tmp_path / "preprocess.json"
    with pytest.raises(BadFile, match="cannot be read as JSON"):
        weaver.read(path)
    path.write_text("{")
    with pytest.raises(BadFile, match="cannot be read as JSON"):
        weaver.read(path)
    path.write_text(json.dumps([1]))
    with pytest.raises(BadFile, match=r"is not a preprocess\.json"):
        weaver.read(path)
