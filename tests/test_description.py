"""The line that lepid writes into the description of correctionlib files."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict

from lepid.description import assemble_with_rules, check_correction, rules, with_rules
from lepid.errors import BadTable
from lepid.tables import Tables, assemble, correction, read, save


class Said(BaseModel):
    """A number."""

    model_config = ConfigDict(extra="forbid")

    number: int
    other: int = 7


def content(description: str) -> Tables:
    return assemble(Path("x.json"), description, [correction("c", "", {"pt": ""}, ("o", ""), 1.0)])


def test_what_is_written_is_read() -> None:
    text = with_rules("two\nlines", Said(number=3))
    assert text == 'two\nlines\nlepid: {"number":3}'
    assert rules(content(text), Said, "numbers", "f") == Said(number=3)


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("nothing", ["not numbers", "has 0 lines `lepid: {...}`", "write it with f"]),
        (with_rules(with_rules("a", Said(number=1)), Said(number=1)), ["has 2 lines"]),
        ("lepid: {", ["line is not JSON"]),
        ('lepid: {"number": "x", "nomber": 1}', ["line is wrong", "number:", "nomber:"]),
    ],
)
def test_what_is_no_line(text: str, facts: list[str]) -> None:
    with pytest.raises(BadTable) as caught:
        rules(content(text), Said, "numbers", "f")
    assert all(fact in str(caught.value) for fact in ["x.json", *facts])


def test_what_is_said_beside_corrections(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    entries = [correction("c", "", {"pt": "momentum [GeV]"}, ("o", ""), 1.0)]
    save(path, assemble_with_rules(path, "text", Said(number=3), entries))
    assert rules(read(path), Said, "a test", "nobody").number == 3
    check_correction(read(path), "a test", "c", {"pt": "pt"})
    with pytest.raises(BadTable, match=r"a test names the correction 'cc'(.|\n)*near: c"):
        check_correction(read(path), "a test", "cc", {"pt": "pt"})
