"""UBJSON, the binary JSON in which XGBoost saves."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

_INTEGERS = {b"i": "b", b"U": "B", b"I": "h", b"l": "i", b"L": "q"}
_NUMBERS = {**_INTEGERS, b"d": "f", b"D": "d"}
_CONSTANTS = {b"Z": None, b"T": True, b"F": False}


def loads(content: bytes) -> Any:
    """The value in `content`; a typed array of numbers comes as a list.

    Raises
    ------
    ValueError : not UBJSON, or cut off

    Source
    ------
    ubjson.org, draft 12
    """
    reader = _Reader(content)
    try:
        value = reader.value(reader.take(1))
    except (struct.error, IndexError, RecursionError, UnicodeDecodeError) as error:
        raise ValueError(f"no UBJSON at byte {reader.at}") from error
    if reader.at != len(content):
        raise ValueError(f"more than one value: it ends at byte {reader.at}")
    return value


class _Reader:
    """A place in the content."""

    def __init__(self, content: bytes) -> None:
        self.content, self.at = content, 0

    def take(self, size: int) -> bytes:
        """The next bytes."""
        found = self.content[self.at : self.at + size]
        if len(found) < size or size < 0:
            raise ValueError(f"is cut off at byte {len(self.content)}")
        self.at += size
        return found

    def number(self, kind: bytes) -> Any:
        """The next number of this type."""
        code = ">" + _NUMBERS[kind]
        return struct.unpack(code, self.take(struct.calcsize(code)))[0]

    def length(self) -> int:
        """The next length."""
        kind = self.take(1)
        if kind not in _INTEGERS:
            raise ValueError(f"no length at byte {self.at - 1}")
        return int(self.number(kind))

    def text(self) -> str:
        """The next text behind its marker, or the key of an object."""
        return self.take(self.length()).decode()

    def value(self, kind: bytes) -> Any:
        """The value behind its marker."""
        if kind in _NUMBERS:
            return self.number(kind)
        if kind in _CONSTANTS:
            return _CONSTANTS[kind]
        if kind == b"S":
            return self.text()
        if kind == b"C":
            return self.take(1).decode()
        if kind == b"[":
            return self.array()
        if kind == b"{":
            return self.object()
        raise ValueError(f"no UBJSON at byte {self.at - 1}")

    def head(self) -> tuple[bytes, int]:
        """Type and number of the entries of a container, if it says so; -1: until its end."""
        kind, size = b"", -1
        if self.content[self.at : self.at + 1] == b"$":
            self.take(1)
            kind = self.take(1)
        if self.content[self.at : self.at + 1] == b"#":
            self.take(1)
            size = self.length()
        if kind and size < 0:
            raise ValueError(f"a type without a length at byte {self.at}")
        return kind, size

    def array(self) -> list[Any]:
        """The entries of an array."""
        kind, size = self.head()
        if kind in _NUMBERS:
            dtype = np.dtype(">" + np.dtype(_NUMBERS[kind]).str[1:])
            found: list[Any] = np.frombuffer(self.take(size * dtype.itemsize), dtype).tolist()
            return found
        if size >= 0:
            return [self.value(kind or self.take(1)) for _ in range(size)]
        entries = []
        while (marker := self.take(1)) != b"]":
            entries.append(self.value(marker))
        return entries

    def object(self) -> dict[str, Any]:
        """The entries of an object."""
        kind, size = self.head()
        found: dict[str, Any] = {}
        while size != 0:
            if size < 0 and self.content[self.at : self.at + 1] == b"}":
                self.take(1)
                break
            key = self.text()
            found[key] = self.value(kind or self.take(1))
            size -= size > 0
        return found
