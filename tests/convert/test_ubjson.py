"""UBJSON: every type, and what is no UBJSON."""

from __future__ import annotations

import struct

import pytest

from lepid.convert import ubjson


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (b"i\xff", -1),
        (b"U\xff", 255),
        (b"I\x01\x00", 256),
        (b"l\xff\xff\xff\xfe", -2),
        (b"L" + struct.pack(">q", -(2**40)), -(2**40)),
        (b"d" + struct.pack(">f", 0.5), 0.5),
        (b"D" + struct.pack(">d", 0.1), 0.1),
        (b"Z", None),
        (b"T", True),
        (b"F", False),
        (b"Si\x02ab", "ab"),
        (b"Cx", "x"),
        (b"[]", []),
        (b"[TF]", [True, False]),
        (b"[#i\x02TZ", [True, None]),
        (b"[$U#i\x03\x01\x02\x03", [1, 2, 3]),
        (b"[$l#i\x01\x00\x00\x00\x07", [7]),
        (b"[$d#i\x01" + struct.pack(">f", -2.0), [-2.0]),
        (b"[$C#i\x02ab", ["a", "b"]),
        (b"{}", {}),
        (b"{i\x01aTi\x01b[]}", {"a": True, "b": []}),
        (b"{#i\x01i\x01aT", {"a": True}),
        (b"{$i#i\x02i\x01a\x01i\x01b\x02", {"a": 1, "b": 2}),
        (b"{#i\x00", {}),
    ],
)
def test_values(content: bytes, value: object) -> None:
    assert ubjson.loads(content) == value
    for n in range(len(content)):
        with pytest.raises(ValueError, match="byte"):
            ubjson.loads(content[:n])
    with pytest.raises(ValueError, match="more than one value"):
        ubjson.loads(content + b"Z")


@pytest.mark.parametrize("content", [b"x", b"[x", b"Sx", b"[$i", b"[$i]", b"{i\x01a", b"Si\xff"])
def test_no_ubjson(content: bytes) -> None:
    with pytest.raises(ValueError, match="byte"):
        ubjson.loads(content)
