"""What every command says, and how: text, tables, json, progress."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

MIN_WIDTH = 60


def say(text: str = "") -> None:
    """Write a line to stdout."""
    sys.stdout.write(text + "\n")


def say_wrapped(text: str) -> None:
    """Write lines to stdout: folded at the width of a terminal, whole in a pipe."""
    if not sys.stdout.isatty():
        say(text)
        return
    width = max(MIN_WIDTH, shutil.get_terminal_size((100, 24)).columns)
    for line in text.splitlines():
        hanging = " " * (len(line) - len(line.lstrip()) + 4)
        say(textwrap.fill(line, width, subsequent_indent=hanging, break_on_hyphens=False))


def say_json(value: Any) -> None:
    """Write `value` to stdout as JSON."""
    say(json.dumps(value, indent=2, default=str))


def say_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Write a table to stdout: drawn in a terminal, whole lines in a pipe."""
    if not sys.stdout.isatty():
        widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]
        say(title)
        for row in (columns, *rows):
            cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
            say("  ".join(cells).rstrip())
        return
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    for number, column in enumerate(columns):
        table.add_column(column, overflow="fold", no_wrap=number == 0)
    for row in rows:
        table.add_row(*row)
    Console(highlight=False).print(table)


@contextmanager
def progress(total: int, unit: str, *, quiet: bool) -> Iterator[Callable[[int], None]]:
    """Function that moves the progress on by a number: a bar on a terminal, else a line per tenth.

    It is written to stderr.
    """
    if quiet or not sys.stderr.isatty():
        yield _Lines(total, unit, quiet=quiet).advance
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True)) as bar:
        task = bar.add_task(unit, total=total)
        yield lambda number: bar.advance(task, number)


class _Lines:
    """Progress as one line for each tenth of the work."""

    def __init__(self, total: int, unit: str, *, quiet: bool) -> None:
        self._total, self._unit, self._quiet, self._done = max(total, 1), unit, quiet, 0

    def advance(self, number: int) -> None:
        tenth = self._done * 10 // self._total
        self._done += number
        if not self._quiet and self._done * 10 // self._total > tenth:
            sys.stderr.write(f"{self._done}/{self._total} {self._unit}\n")
