"""What lepid working-points writes: tables, pages and pictures, by suffix."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lepid.files_out import write_text
from lepid.html_report.points import points_html
from lepid.plotting.figure import SUFFIXES, png, save
from lepid.plotting.points import figure, kinds
from lepid.point_tables import WRITERS, write
from lepid.working_points.table import Table

HTML = ".html"
OUTPUTS = (*WRITERS, HTML, *SUFFIXES)


def add_picture(command: argparse.ArgumentParser) -> None:
    """Add what says which picture is drawn, and how."""
    command.add_argument(
        "--picture", default="", metavar="KIND",
        help="what a .png, .pdf or .svg shows: a quantity, for its cuts, or efficiency",
    )  # fmt: skip
    command.add_argument("--style", choices=("atlas", "cms"), help="style of pictures")


def write_all(some: Table, paths: Sequence[Path], arguments: argparse.Namespace) -> None:
    """Write a table in the formats that the suffixes name; nothing if one cannot be drawn."""
    # Every picture is drawn before anything is written.
    pages = [_page(some, path, arguments) for path in paths]
    for path, page in zip(paths, pages, strict=True):
        if isinstance(page, str):
            write_text(page, path)
        elif page is not None:
            save(page, path)
        else:
            write(some, path)


def _page(some: Table, path: Path, arguments: argparse.Namespace) -> Any:
    """Page or picture that a suffix asks for; None for a table."""
    if path.suffix.lower() in SUFFIXES:
        return figure(some, arguments.picture, style=arguments.style)
    if path.suffix.lower() != HTML:
        return None
    images = {kind: png(figure(some, kind, style=arguments.style)) for kind in kinds(some)}
    return points_html(some, images)
