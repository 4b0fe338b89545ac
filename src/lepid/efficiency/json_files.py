"""Results as JSON files that come back to the last bit, and how their parts are spelt."""

from __future__ import annotations

import gzip
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, NamedTuple, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np

from lepid.errors import BadFile
from lepid.files_out import atomic

T = TypeVar("T")
SUFFIXES = (".json", ".json.gz")
# JSON has no infinity, but every reader takes a number too large for it as one.
INFINITY, INFINITY_MARK = "1e999", "\x00infinity"


class Format(NamedTuple):
    """Name and version of what a file holds, and in words what it is and what writes it."""

    name: str
    version: int
    what: str
    writer: str


def write(form: Format, content: Mapping[str, Any], path: Path) -> None:
    """Write `content`, compressed if the name ends in ``.gz``; NaN becomes null."""
    whole = strict({"format": form.name, "version": form.version, **content})
    text = json.dumps(whole, allow_nan=False).replace(json.dumps(INFINITY_MARK), INFINITY)
    data = (text + "\n").encode("utf-8")
    with atomic(path) as partial:
        partial.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)


def load(path: Path, object_hook: Callable[[dict[str, Any]], Any] | None = None) -> Any:
    """What a JSON file holds, compressed or not.

    Raises
    ------
    BadFile : missing, or not JSON
    """
    try:
        raw = path.read_bytes()
        text = gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
        return json.loads(text, object_hook=object_hook)
    except (OSError, EOFError, ValueError) as error:
        raise BadFile(str(path), f"cannot be read as JSON: {error}") from error


def parsed(path: Path, form: Format, content: Any, parse: Callable[[Any], T]) -> T:
    """What `parse` makes of the content of a file in this format.

    Raises
    ------
    BadFile : another format or version, or not complete
    """
    if not isinstance(content, dict) or content.get("format") != form.name:
        do = f"give a file that {form.writer} wrote"
        raise BadFile(str(path), f"not {form.what} of lepid", (), do)
    if content.get("version") != form.version:
        wrong = f"version {content.get('version')} of the format; this lepid reads {form.version}"
        raise BadFile(str(path), wrong)
    try:
        return parse(content)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        what = form.what.partition(" ")[2]
        raise BadFile(str(path), f"not a complete {what}: {error!r}") from error


def strict(content: Any) -> Any:
    """The content with None for NaN and a mark for infinity, which JSON does not have."""
    if isinstance(content, Mapping):
        return {name: strict(value) for name, value in content.items()}
    if isinstance(content, list | tuple):
        return [strict(value) for value in content]
    if isinstance(content, float) and not math.isfinite(content):
        return None if math.isnan(content) else INFINITY_MARK
    return content


def plain(value: Any) -> Any:
    """Dataclasses, named tuples, arrays and numpy's numbers as dictionaries, lists and numbers."""
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if is_dataclass(value):
        return {entry.name: plain(getattr(value, entry.name)) for entry in fields(value)}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {name: plain(part) for name, part in value._asdict().items()}
    if isinstance(value, Mapping):
        return {name: plain(part) for name, part in value.items()}
    return [plain(part) for part in value] if isinstance(value, list | tuple) else value


def restored(kind: Any, content: Any) -> Any:
    """What `plain` was given, of the type `kind`: dataclasses, named tuples, float64 arrays.

    Raises
    ------
    KeyError, TypeError, ValueError : the content is not that of such a type
    """
    origin, parts = get_origin(kind) or kind, get_args(kind)
    if origin in (Union, UnionType):
        (other,) = (part for part in parts if part is not NoneType)
        return None if content is None else restored(other, content)
    if origin in (float, np.ndarray):
        number = np.asarray(content, np.float64)  # None is NaN
        return float(number) if origin is float else number
    if origin is tuple:
        each = [parts[0]] * len(content) if parts[-1] is ... else parts
        return tuple(restored(one, part) for one, part in zip(each, content, strict=True))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {name: restored(parts[1], part) for name, part in content.items()}
    if is_dataclass(origin) or hasattr(origin, "_fields"):
        hints = get_type_hints(origin)
        names = getattr(origin, "_fields", None) or [entry.name for entry in fields(origin)]
        return origin(**{name: restored(hints[name], content[name]) for name in names})
    if not isinstance(content, origin):
        raise TypeError(f"expected {origin.__name__}, found {content!r}")
    return content
