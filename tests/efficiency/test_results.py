"""`read_table` gives back what `write_table` was given, of every kind."""

from __future__ import annotations

import math
import runpy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import lepid
from lepid.efficiency import json_files
from lepid.efficiency.tag_and_probe.bins import Method
from lepid.efficiency.tag_and_probe.pair_table import PairTable
from lepid.efficiency.tag_and_probe.result import ProbeEfficiency, probe_efficiency
from lepid.errors import BadFile, BadInput

TOYS = Path(__file__).with_name("tag_and_probe") / "pair_toys.py"


@pytest.fixture(scope="module")
def toys() -> SimpleNamespace:
    return SimpleNamespace(**runpy.run_path(str(TOYS)))


@pytest.fixture(scope="module")
def pairs(toys: SimpleNamespace) -> PairTable:
    table: PairTable = toys.table(np.random.default_rng(1), 3000, 500)
    return table


@pytest.fixture(scope="module")
def fitted(pairs: PairTable) -> ProbeEfficiency:
    """A fit of all probes, and a variation of it."""
    varied = {"background": (Method(background="polynomial"),)}
    return probe_efficiency(pairs, "Tight", variations=varied, inclusive=True)


@pytest.fixture(scope="module")
def counted(pairs: PairTable) -> ProbeEfficiency:
    """Bins without a number too."""
    empty = pairs.values.copy()
    empty[..., 0, 0, :] = 0.0
    thin = PairTable(**{**vars(pairs), "values": empty, "variances": empty})
    return probe_efficiency(thin, "Tight", method=Method("sidebands", peak=(80.0, 102.0)))


def same(one: Any, other: Any) -> bool:
    """Whether two results have the same types, names and bits."""
    return type(one) is type(other) and repr(json_files.plain(one)) == repr(json_files.plain(other))


@pytest.mark.parametrize("suffix", [".json", ".json.gz"])
@pytest.mark.parametrize("name", ["fitted", "counted"])
def test_probes_come_back_to_the_last_bit(
    name: str, suffix: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    result = request.getfixturevalue(name)
    lepid.write_table(result, tmp_path / f"x{suffix}")
    (found,) = lepid.read_table(tmp_path / f"x{suffix}")
    assert same(found, result)
    assert np.array_equal(found.value, result.value, equal_nan=True)
    assert found.content() == result.content()
    if name == "fitted":
        assert found.bins[0].fit.curves.signal["passed"].dtype == np.float64
        assert found.systematics["background"] == result.systematics["background"] > 0
        assert found.method == result.method
    else:
        assert math.isnan(found.value[0, 0])
        assert found.bins[0].notes == ("no pairs",)


def test_pairs_come_back_and_so_does_what_is_measured(pairs: PairTable, tmp_path: Path) -> None:
    path = tmp_path / "x.pairs.json.gz"
    lepid.write_table(pairs, path)
    found = lepid.read_table(path)
    assert np.array_equal(found.values, pairs.values)
    one, other = (probe_efficiency(x, "Tight", method=Method("count")) for x in (found, pairs))
    assert same(one, other)


def test_several_points_stay_in_order(counted: ProbeEfficiency, tmp_path: Path) -> None:
    other = ProbeEfficiency(**{**vars(counted), "working_point": "Loose"})
    lepid.write_table([counted, other], tmp_path / "x.json")
    points = [one.working_point for one in lepid.read_table(tmp_path / "x.json")]
    assert points == ["Tight", "Loose"]


def test_errors(counted: ProbeEfficiency, pairs: PairTable, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    with pytest.raises(BadInput, match=r"'.yaml'"):
        lepid.write_table(counted, tmp_path / "x.yaml")
    with pytest.raises(BadInput, match=r"\.pairs\.json"):
        lepid.write_table(pairs, path)
    assert not path.exists()
    path.write_text("{}")
    with pytest.raises(BadFile, match="nothing that lepid measured") as error:
        lepid.read_table(path)
    assert "lepid tag-and-probe" in error.value.do
    lepid.write_table(counted, path)
    path.write_text(path.read_text().replace('"chi2"', '"chi"').replace('"notes"', '"note"'))
    with pytest.raises(BadFile, match="not a complete table of efficiencies of probes"):
        lepid.read_table(path)
