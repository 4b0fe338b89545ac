"""TEnv files: comments, continued keys, arrays, and what is wrong with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from lepid.convert import tenv
from lepid.convert.tenv import Env
from lepid.errors import BadFile


def env(tmp_path: Path, text: str) -> Env:
    path = tmp_path / "some.conf"
    path.write_text(text)
    return tenv.read(path)


def test_every_form_of_a_line(tmp_path: Path) -> None:
    found = env(
        tmp_path,
        """
        # a comment: with a colon
  # CutBL: 7
CutPi: 2; 2; 1
CutBL(Int):   1
  Name :value with # no comment
Tab\ttext
+CutPi: ;3
+CutPi: ; 4;
Empty:
""",
    )
    assert found.values == {
        "CutPi": "2; 2; 1 ;3 ; 4;", "CutBL": "1", "Name": ":value with # no comment",
        "Tab": "text", "Empty": "",
    }  # fmt: skip
    assert found.integers("CutPi", 5) == (2, 2, 1, 3, 4)
    assert found.numbers("absent", 3) == ()
    assert "CutBL" in found
    assert "Cut" not in found


def test_words_flags_and_numbers(tmp_path: Path) -> None:
    found = env(tmp_path, "a: x, y,z\nb: TRUE\nc: 0\nd: -1e-3;2\ne: 7.5\n")
    assert found.words("a") == ("x", "y", "z")
    assert found.flag("b")
    assert not found.flag("c", default=True)
    assert found.flag("absent", default=True)
    assert found.numbers("d", 2) == (-0.001, 2.0)
    assert found.number("e", 1.0) == 7.5
    assert found.number("absent", 1.0) == 1.0


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("justaword\n", ["line 1", "justaword"]),
        ("a: 1\nb: 2\na: 3\n", ["line 3", "a stands there twice"]),
        ("CutBL: 1\n+CutBl: 2\n", ["line 2 continues CutBl", "near: CutBL"]),
    ],
)
def test_lines_that_mean_nothing(text: str, facts: list[str], tmp_path: Path) -> None:
    with pytest.raises(BadFile) as caught:
        env(tmp_path, text)
    assert all(fact in str(caught.value) for fact in ["some.conf", *facts])


def test_the_same_line_twice_is_no_contradiction(tmp_path: Path) -> None:
    assert env(tmp_path, "a: 1\na: 1\n").values == {"a": "1"}


@pytest.mark.parametrize(
    ("value", "facts"),
    [
        ("1; x; 3", ["number 1 of k is 'x'"]),
        ("1; 2 3", ["number 1 of k is '2 3'", "put ;"]),
        ("1;; 2", ["number 1 of k is ''"]),
        ("1; inf; 2", ["number 1 of k is 'inf'"]),
        ("1; 2", ["k has 2 numbers, expected 3 or 4"]),
        ("1; 2.5; 3", ["k holds 2.5, expected integers"]),
    ],
)
def test_numbers_that_are_none_or_too_few(value: str, facts: list[str], tmp_path: Path) -> None:
    with pytest.raises(BadFile) as caught:
        env(tmp_path, f"k: {value}\n").integers("k", 3, 4)
    assert all(fact in str(caught.value) for fact in facts)


def test_other_errors(tmp_path: Path) -> None:
    found = env(tmp_path, "CutSelektor: 1\nb: maybe\n")
    with pytest.raises(BadFile, match=r"(?s)it has no CutSelector.*near: CutSelektor"):
        found.text("CutSelector")
    with pytest.raises(BadFile, match="'maybe', expected true or false"):
        found.flag("b")
    with pytest.raises(BadFile, match=r"(?s)unknown key CutSelektor, b.*near: CutSelector"):
        found.check(["CutSelector"])
    with pytest.raises(BadFile, match="unknown key b"):
        found.check(["CutSelector"], ["CutSelektor"])
    with pytest.raises(BadFile, match="has the key b: it is a conf of bees"):
        found.check([], [], "b", "bees")
    with pytest.raises(BadFile, match="cannot be read"):
        tenv.read(tmp_path / "absent.conf")
