"""Text, tables, JSON and progress: in a pipe and on a terminal."""

from __future__ import annotations

import io
import json
import re
import sys
from pathlib import Path

import pytest

from lepid.cli import terminal
from lepid.cli.main import main

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Screen(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True

    def lines(self) -> list[str]:
        return [line.rstrip() for line in ESCAPES.sub("", self.getvalue()).splitlines()]


def screen(monkeypatch: pytest.MonkeyPatch) -> Screen:
    """stdout as a terminal of 100 columns; no fixture, because pytest sets stdout after those."""
    made = Screen()
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr(sys, "stdout", made)
    return made


@pytest.mark.parametrize(
    "words",
    [
        ["taggers"],
        ["doctor"],
        ["show", "electron_dnn"],
        ["show", "electron_isolation"],
        ["show", "muon_plit"],
        ["show", "cms_electron_pfid_dnn"],
    ],
)
def test_everything_fits_100_columns(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    shown = screen(monkeypatch)
    assert main(words) == 0
    lines = shown.lines()
    assert len(lines) > 5
    # A path cannot be folded.
    too_wide = [line for line in lines if len(line) > 100 and "/" not in line]
    assert too_wide == []


def test_a_table_on_a_terminal_is_drawn_and_folded(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = screen(monkeypatch)
    terminal.say_table("things", ("name", "text"), [("one", "word " * 40), ("two", "short")])
    lines = shown.lines()
    assert lines[0] == "things"
    assert any("─" in line for line in lines)
    assert max(map(len, lines)) <= 100
    assert sum("word" in line for line in lines) > 1


def test_a_table_in_a_pipe_is_one_line_per_row(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [("one", "word " * 40 + "end"), ("three", "short")]
    terminal.say_table("things", ("name", "text"), rows)
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["things", "name   text"]
    assert lines[2] == "one    " + "word " * 40 + "end"
    assert lines[3] == "three  short"


def test_a_table_without_rows(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.say_table("things", ("name", "text"), [])
    assert capsys.readouterr().out == "things\nname  text\n"


def test_long_lines_are_folded_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = screen(monkeypatch)
    line = "  key: " + ", ".join(f"column_{i}" for i in range(40))
    terminal.say_wrapped(line)
    folded = shown.lines()
    assert len(folded) > 2
    assert max(map(len, folded)) <= 100
    assert all(one.startswith("      column") for one in folded[1:])
    assert " ".join(one.strip() for one in folded) == line.strip()
    pipe = io.StringIO()
    monkeypatch.setattr(sys, "stdout", pipe)
    terminal.say_wrapped(line)
    assert pipe.getvalue() == line + "\n"


def test_json_is_json_also_of_paths_and_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.say_json({"path": Path("a") / "b", "number": 1.5})
    assert json.loads(capsys.readouterr().out) == {"path": str(Path("a") / "b"), "number": 1.5}


def test_progress_in_a_pipe_is_a_line_per_tenth(capsys: pytest.CaptureFixture[str]) -> None:
    with terminal.progress(1000, "events", quiet=False) as advance:
        for _ in range(100):
            advance(10)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [f"{k * 100}/1000 events" for k in range(1, 11)]


@pytest.mark.parametrize(("total", "steps"), [(3, [1, 1, 1]), (10, [10]), (0, [0])])
def test_progress_of_few(total: int, steps: list[int], capsys: pytest.CaptureFixture[str]) -> None:
    with terminal.progress(total, "events", quiet=False) as advance:
        for step in steps:
            advance(step)
    lines = capsys.readouterr().err.splitlines()
    assert lines == ([f"{sum(steps[: i + 1])}/{total} events" for i in range(len(steps))]
                     if total else [])  # fmt: skip


def test_quiet_progress_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with terminal.progress(10, "events", quiet=True) as advance:
        advance(10)
    assert capsys.readouterr().err == ""


def test_progress_on_a_terminal_is_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = Screen()
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setattr(sys, "stderr", shown)
    with terminal.progress(10, "events", quiet=False) as advance:
        advance(4)
        advance(6)
    text = "\n".join(shown.lines())
    assert "events" in text
    assert "10/10" in text
    assert "━" in text
