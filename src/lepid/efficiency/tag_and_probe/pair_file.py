"""Tables of pairs as JSON files, whose sums come back exactly."""

from __future__ import annotations

from pathlib import Path

from lepid.efficiency import json_files
from lepid.efficiency.json_files import Format
from lepid.efficiency.tag_and_probe.pair_table import PairTable

SUFFIXES = (".pairs.json", ".pairs.json.gz")
FORMAT = Format(
    "lepid pairs of tags and probes", 1, "a table of pairs", "lepid tag-and-probe -o x.pairs.json"
)


def write(table: PairTable, path: Path) -> None:
    """Write a table, compressed if the name ends in ``.gz``."""
    json_files.write(FORMAT, table.content(), path)


def read(path: Path) -> PairTable:
    """Table that `write` stored.

    Raises
    ------
    BadFile : missing, not JSON, or not a complete table of pairs
    """
    return json_files.parsed(path, FORMAT, json_files.load(path), PairTable.restored)
