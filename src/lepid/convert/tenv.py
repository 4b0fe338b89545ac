"""The `.conf` files of Athena's egamma tools: ROOT's TEnv with arrays separated by semicolons."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from lepid.errors import BadFile, near_misses

_LINE = re.compile(r"\s*(\+?)([^\s:(]+)(?:\([^)]*\))?[\s:]\s*(.*?)\s*")
FLAGS = {"true": True, "on": True, "yes": True, "ok": True, "1": True}
FLAGS |= {"false": False, "off": False, "no": False, "not": False, "0": False}


@dataclass(frozen=True)
class Env:
    """Keys of one file and their text.

    Attributes
    ----------
    path : str
    values : key -> text
    """

    path: str
    values: dict[str, str]

    def __contains__(self, key: str) -> bool:
        return key in self.values

    def check(
        self, known: Collection[str], ignored: Iterable[str] = (), others: str = "", what: str = ""
    ) -> None:
        """Raise `BadFile` if a key is not among those `known` or `ignored`.

        Files with the key `others` are a conf of `what`, and the message says so.
        """
        if others in self.values:
            raise BadFile(self.path, f"has the key {others}: it is a conf of {what}")
        unknown = [key for key in self.values if key not in known and key not in set(ignored)]
        if unknown:
            near = [match for key in unknown for match in near_misses(key, known)]
            do = "mend the key, or say which to ignore"
            raise BadFile(self.path, f"unknown key {', '.join(unknown)}", near, do)

    def text(self, key: str) -> str:
        """Text of a key.

        Raises
        ------
        BadFile : the file does not have it
        """
        if not self.values.get(key):
            near = near_misses(key, self.values)
            raise BadFile(self.path, f"it has no {key}", near)
        return self.values[key]

    def words(self, key: str) -> tuple[str, ...]:
        """Words that commas separate."""
        return tuple(word.strip() for word in self.text(key).split(",") if word.strip())

    def flag(self, key: str, default: bool = False) -> bool:
        """Whether a key is true; `default` without it."""
        if key not in self.values:
            return default
        found = FLAGS.get(self.values[key].lower())
        if found is None:
            raise BadFile(self.path, f"{key} is {self.values[key]!r}, expected true or false")
        return found

    def number(self, key: str, default: float) -> float:
        """One finite number; `default` without the key."""
        return self.numbers(key, 1)[0] if key in self.values else default

    def numbers(self, key: str, *lengths: int) -> tuple[float, ...]:
        """Numbers that semicolons separate, as many as one of `lengths`; empty without the key.

        Raises
        ------
        BadFile : one is not a finite number, or there are more or fewer
        """
        if key not in self.values:
            return ()
        # A semicolon may stand behind the last number.
        parts = self.values[key].strip().removesuffix(";").split(";")
        found = []
        for place, part in enumerate(parts):
            try:
                value = float(part)
            except ValueError:
                value = math.nan
            if not math.isfinite(value):
                wrong = f"number {place} of {key} is {part.strip()!r}, expected a number"
                do = "put ; between numbers, also at the end of a line that a + continues"
                raise BadFile(self.path, wrong, (), do)
            found.append(value)
        if len(found) not in lengths:
            expected = " or ".join(map(str, lengths))
            raise BadFile(self.path, f"{key} has {len(found)} numbers, expected {expected}")
        return tuple(found)

    def integers(self, key: str, *lengths: int) -> tuple[int, ...]:
        """The same for integers.

        Raises
        ------
        BadFile : one is not an integer, or there are more or fewer
        """
        found = self.numbers(key, *lengths)
        wrong = [value for value in found if value != int(value)]
        if wrong:
            raise BadFile(self.path, f"{key} holds {wrong[0]}, expected integers")
        return tuple(int(value) for value in found)


def read(path: Path) -> Env:
    """Keys and text of the file at `path`; ``+key: text`` continues a key.

    Raises
    ------
    BadFile : cannot be read, a line is no ``key: text``, a key stands twice
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadFile(str(path), f"cannot be read: {error}") from error
    values: dict[str, str] = {}
    for place, line in enumerate(lines, start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        found = _LINE.fullmatch(line)
        if not found:
            raise BadFile(str(path), f"line {place} is no `key: text`: {line.strip()[:60]!r}")
        more, key, text = found.groups()
        if more:
            if key not in values:
                near = near_misses(key, values)
                wrong = f"line {place} continues {key}, which does not stand above"
                raise BadFile(str(path), wrong, near)
            values[key] = f"{values[key]} {text}"
        elif values.setdefault(key, text) != text:
            # ROOT takes the first and says so on a terminal that nobody reads.
            raise BadFile(str(path), f"line {place}: {key} stands there twice, with other text")
    return Env(str(path), values)
