"""Truth classes out of one column, and the files that say what its numbers are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lepid.efficiency.stored_truth import classes_of, load
from lepid.efficiency.truth import SCHEMES
from lepid.errors import BadInput

TEXT = """
column = "HadronConeExclTruthLabelID"
[classes]
bjets = 5
light = [0, 21, -1]
cjets = 4
"""


def scheme(tmp_path: Path, text: str = TEXT) -> Path:
    path = tmp_path / "labels.toml"
    path.write_text(text)
    return path


def test_a_file_says_what_the_numbers_are(tmp_path: Path) -> None:
    found = load(scheme(tmp_path))
    assert found.classes == {5: "bjets", 0: "light", 4: "cjets"}
    assert found.codes == {5: 5, 0: 0, 21: 0, -1: 0, 4: 4}
    for flavour in ("electron", "muon", "jet"):
        assert found.required(flavour) == ("HadronConeExclTruthLabelID",)


@given(st.lists(st.sampled_from([5, 0, 21, -1, 4])), st.sampled_from(["i1", "i4", "i8", "f4"]))
def test_classes_have_a_slow_twin(
    tmp_path_factory: pytest.TempPathFactory, codes: list[int], kind: str
) -> None:
    found = load(scheme(tmp_path_factory.getbasetemp()))
    expected = [{5: 5, 4: 4}.get(code, 0) for code in codes]
    assert classes_of(found, "c", np.array(codes, kind)).tolist() == expected


def test_classes_of_iff_as_they_are_stored() -> None:
    codes = np.array(list(SCHEMES["iff"].classes), np.uint8)
    assert classes_of(SCHEMES["iff"], "iffClass", codes).tolist() == codes.tolist()


@pytest.mark.parametrize(
    ("values", "fact"),
    [
        ([5, 7, 99, 7], "column c holds 7, 99, which is no class"),
        ([5, np.nan], "column c holds other than whole numbers"),
        ([5, np.inf], "column c holds other than whole numbers"),
        ([5, 4.5], "column c holds other than whole numbers"),
    ],
)
def test_a_number_that_is_no_class(tmp_path: Path, values: list[float], fact: str) -> None:
    with pytest.raises(BadInput) as caught:
        classes_of(load(scheme(tmp_path)), "c", np.array(values))
    assert fact in str(caught.value)
    assert "labels.toml" in caught.value.where


def test_the_classes_that_are_known_are_said(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as caught:
        classes_of(load(scheme(tmp_path)), "c", np.array([15]))
    assert caught.value.do == "known: -1 light, 0 light, 4 cjets, 5 bjets, 21 light"


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("column = ", "not a truth scheme: TOMLDecodeError"),
        ("column = 'a'", r"has no column and \[classes\]"),
        ("[classes]\na = 1", r"has no column and \[classes\]"),
        ("column = 3\n[classes]\na = 1", r"has no column and \[classes\]"),
        ("column = 'a'\n[classes]", r"has no column and \[classes\]"),
        ("column = 'a'\n[class]\na = 1", "unknown key 'class'"),
        ("column = 'a'\n[classes]\na = 'x'", "class 'a' is 'x', not whole numbers"),
        ("column = 'a'\n[classes]\na = 1.0", "class 'a' is 1.0, not whole numbers"),
        ("column = 'a'\n[classes]\na = true", "class 'a' is True, not whole numbers"),
        ("column = 'a'\n[classes]\na = []", r"class 'a' is \[\], not whole numbers"),
        ("column = 'a'\n[classes]\na = [1, 2]\nb = 2", "2 is twice"),
    ],
)
def test_what_is_no_scheme(tmp_path: Path, text: str, fact: str) -> None:
    with pytest.raises(BadInput, match=fact):
        load(scheme(tmp_path, text))


def test_a_key_that_is_nearly_right(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as caught:
        load(scheme(tmp_path, "colum = 'a'\n[classes]\na = 1"))
    assert caught.value.near == ("column",)


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no such truth scheme file"):
        load(tmp_path / "absent.toml")
