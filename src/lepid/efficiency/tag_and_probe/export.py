"""Efficiencies of probes as files, chosen by suffix."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from lepid.efficiency import json_files
from lepid.efficiency.json_files import Format
from lepid.efficiency.tag_and_probe.result import ProbeEfficiency

FORMAT = Format(
    "lepid tag and probe", 1, "a table of efficiencies of probes", "lepid tag-and-probe -o x.json"
)
Results: TypeAlias = Sequence[ProbeEfficiency]


def restored(content: Any) -> tuple[ProbeEfficiency, ...]:
    """Results of the content of their JSON file.

    Raises
    ------
    KeyError, TypeError, ValueError : it is not complete
    """
    found: tuple[ProbeEfficiency, ...] = json_files.restored(
        tuple[ProbeEfficiency, ...], content["results"]
    )
    return found


def _write_json(results: Results, path: Path) -> None:
    content = {
        "summary": [one.content() for one in results],
        "results": [json_files.plain(one) for one in results],
    }
    json_files.write(FORMAT, content, path)


WRITERS: dict[str, Callable[[Results, Path], None]] = {
    ".json": _write_json,
    ".json.gz": _write_json,
}
