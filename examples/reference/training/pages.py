"""Tables between two marks of a page."""

from __future__ import annotations

from pathlib import Path


def put(page: Path, name: str, tables: str) -> None:
    """Put tables between the two marks ``<!-- name: begin -->`` and end of a page."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    text = page.read_text("utf-8")
    if not 0 <= text.find(begin) < text.find(end):
        message = f"{page} has not both {begin} and {end}"
        raise ValueError(message)
    before, after = text.partition(begin)[0], text.partition(end)[2]
    page.write_text(f"{before}{begin}\n\n{tables}\n{end}{after}", "utf-8")
