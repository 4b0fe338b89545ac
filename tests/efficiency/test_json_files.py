"""What is written as JSON comes back to the last bit, or not at all."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lepid.efficiency import json_files
from lepid.efficiency.json_files import Format
from lepid.errors import BadFile

FORM = Format("test", 3, "a thing", "this test")
NUMBERS = st.floats(allow_nan=True, allow_infinity=True).filter(lambda x: x != -math.inf)


class Inner(NamedTuple):
    value: float
    name: str


@dataclass(frozen=True)
class Outer:
    inner: Inner | None
    pairs: tuple[float, float]
    several: tuple[tuple[Inner, ...], ...]
    named: Mapping[str, npt.NDArray[np.float64]]
    valid: bool
    number: int


def there_and_back(value: Outer, path: Path) -> Outer:
    json_files.write(FORM, {"one": json_files.plain(value)}, path)
    content = json_files.load(path)
    found: Outer = json_files.parsed(
        path, FORM, content, lambda x: json_files.restored(Outer, x["one"])
    )
    return found


@given(st.lists(NUMBERS, min_size=3, max_size=3), st.booleans(), st.sampled_from(["", ".gz"]))
def test_everything_comes_back(
    tmp_path_factory: pytest.TempPathFactory, numbers: list[float], some: bool, gz: str
) -> None:
    a, b, c = numbers
    inner = Inner(a, "NaN, 1e999 and \u03b7")
    outer = Outer(inner if some else None, (b, c), ((inner,), ()), {"x": np.array([a, b])}, some, 7)
    path = tmp_path_factory.getbasetemp() / f"outer.json{gz}"
    found = there_and_back(outer, path)
    assert repr(found) == repr(outer)
    assert found.named["x"].dtype == np.float64
    assert found.named["x"].tobytes() == outer.named["x"].tobytes() or np.isnan(numbers).any()


def test_negative_zero_and_thirds_keep_their_bits(tmp_path: Path) -> None:
    numbers = np.array([-0.0, 1 / 3, 5e-324, math.inf])
    outer = Outer(None, (-0.0, 1 / 3), (), {"x": numbers}, True, 1)
    found = there_and_back(outer, tmp_path / "x.json")
    assert found.named["x"].tobytes() == numbers.tobytes()
    assert math.copysign(1, found.pairs[0]) == -1


@pytest.mark.parametrize(
    ("content", "fact"),
    [
        ("[]", "not a thing of lepid"),
        ('{"format": "other"}', "not a thing of lepid"),
        ('{"format": "test", "version": 4}', "version 4 of the format; this lepid reads 3"),
        ('{"format": "test", "version": 3}', "not a complete thing"),
        ("{", "cannot be read as JSON"),
    ],
)
def test_other_files_are_errors(tmp_path: Path, content: str, fact: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(content)
    with pytest.raises(BadFile, match=fact):
        json_files.parsed(path, FORM, json_files.load(path), lambda x: x["one"])
    with pytest.raises(BadFile, match="cannot be read as JSON"):
        json_files.load(tmp_path / "none.json")


@pytest.mark.parametrize(
    "change",
    [
        {"pairs": [1.0]},
        {"inner": {"value": 1.0}},
        {"valid": "yes"},
        {"several": 1},
        {"named": {"x": ["a"]}},
        {"number": None},
    ],
)
def test_wrong_parts_are_errors(change: dict[str, object]) -> None:
    outer = Outer(Inner(1.0, "a"), (1.0, 2.0), (), {}, True, 1)
    content = json.loads(json.dumps(json_files.plain(outer))) | change
    with pytest.raises((KeyError, TypeError, ValueError)):
        json_files.restored(Outer, content)
