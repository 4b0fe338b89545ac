"""Tables of pairs as JSON files, whose sums come back exactly."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

from lepid.efficiency.tag_and_probe.pair_table import PairTable
from lepid.errors import BadFile
from lepid.files_out import atomic

FORMAT, VERSION = "lepid pairs of tags and probes", 1
# JSON has no infinity, but every reader takes a number too large for it as one.
INFINITY = "1e999"


def write(table: PairTable, path: Path) -> None:
    """Write a table, compressed if the name ends in ``.gz``."""
    content = {"format": FORMAT, "version": VERSION, **table.content()}
    infinite = table.pt_edges[-1] == float("inf"), table.abseta_edges[-1] == float("inf")
    for name, last in zip(("pt_edges", "abseta_edges"), infinite, strict=True):
        if last:
            content[name] = [*content[name][:-1], INFINITY]
    text = json.dumps(content, allow_nan=False).replace(f'"{INFINITY}"', INFINITY)
    data = text.encode("utf-8")
    with atomic(path) as partial:
        partial.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)


def read(path: Path) -> PairTable:
    """Table that `write` stored.

    Raises
    ------
    BadFile : missing, not JSON, or not a complete table of pairs
    """
    try:
        raw = path.read_bytes()
        content = json.loads(gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw)
    except (OSError, EOFError, ValueError) as error:
        raise BadFile(str(path), f"cannot be read as JSON: {error}") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        do = "give a .pairs.json file that lepid tag-and-probe wrote"
        raise BadFile(str(path), "not a table of pairs of lepid", (), do)
    if content.get("version") != VERSION:
        wrong = f"version {content.get('version')} of the format; this lepid reads {VERSION}"
        raise BadFile(str(path), wrong)
    try:
        return PairTable.restored(content)
    except (KeyError, TypeError, ValueError) as error:
        raise BadFile(str(path), f"not a complete table of pairs: {error!r}") from error
