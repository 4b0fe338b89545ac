"""Results as json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from training.curves import Measured

from lepid.files_out import atomic


def dump(value: Any, path: Path) -> None:
    """Write a value; numbers that are not finite are none, words of a tuple stand in a row."""
    with atomic(path) as partial:
        partial.write_text(json.dumps(_plain(value), indent=1) + "\n", "utf-8")


def _plain(value: Any) -> Any:
    if isinstance(value, Measured):
        return _plain(value._asdict())
    if isinstance(value, dict):
        words = {" ".join(k) if isinstance(k, tuple) else k: v for k, v in value.items()}
        return {key: _plain(part) for key, part in words.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value
