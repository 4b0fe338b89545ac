"""Every error that lepid raises: what is wrong, where, what is near, what to do.

The classes take facts and build the text here, so that no message is written at the place
where it is raised. Each derives from `LepidError` and from the builtin that a caller would
expect to catch.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Self


def near_misses(name: str, candidates: Iterable[str], n: int = 3) -> list[str]:
    """Candidates that look like `name`, best first: close spellings, then shared beginnings."""
    pool = sorted({str(candidate) for candidate in candidates})
    lowered = {candidate.lower(): candidate for candidate in reversed(pool)}
    close = difflib.get_close_matches(name.lower(), list(lowered), n=n, cutoff=0.6)
    found = [lowered[match] for match in close]
    stem = name.lower().split("_")[0]
    if len(stem) >= 4:
        found += [c for c in pool if c.lower().startswith(stem) and c not in found]
    return found[:n]


def _near_each(names: Iterable[str], candidates: Iterable[str]) -> list[str]:
    pool = list(candidates)
    return list(dict.fromkeys(match for name in names for match in near_misses(name, pool)))


def first_line(error: BaseException) -> str:
    """First line of what `error` says, or its type if it says nothing."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _several(items: Iterable[str]) -> str:
    return ", ".join(items)


def _lacks(kind: str, missing: Mapping[str, str]) -> str:
    by_need: dict[str, list[str]] = {}
    for name, need in missing.items():
        by_need.setdefault(need, []).append(name)
    return "; ".join(
        f"no {kind} {_several(names)} (needed by {need})" for need, names in by_need.items()
    )


class LepidError(Exception):
    """Base of all lepid errors: `<where>: <what is wrong>`, then `near:` and `do:` lines."""

    def __init__(self, where: str, wrong: str, near: Sequence[str] = (), do: str = "") -> None:
        # OSError would take several arguments for errno and filename.
        super().__init__(f"{where}: {wrong}")
        self.where, self.wrong, self.near, self.do = where, wrong, tuple(near), do

    # KeyError prints the repr of its argument and OSError reorders its own: one text for all.
    def __str__(self) -> str:
        lines = [f"{self.where}: {self.wrong}"]
        if self.near:
            lines.append(f"  near: {_several(self.near)}")
        if self.do:
            lines.append(f"  do:   {self.do}")
        return "\n".join(lines)

    # A coffea executor pickles the error of a worker back to the user.
    def __reduce__(self) -> tuple[type[Self], tuple[str, str, tuple[str, ...], str]]:
        return type(self), (self.where, self.wrong, self.near, self.do)


class MissingColumns(LepidError, KeyError):
    """Columns that a tagger needs are not in the events; all of them are listed at once."""

    @classmethod
    def of(
        cls, where: str, missing: Mapping[str, str], available: Iterable[str], do: str = ""
    ) -> Self:
        """`missing` maps each absent column to what needs it."""
        near = _near_each(missing, available)
        do = do or "add the columns to the file, or give schema= with the names of these events"
        return cls(where, _lacks("column", missing), near, do)

    @classmethod
    def in_collections(
        cls, missing: Mapping[str, Mapping[str, str]], available: Mapping[str, Iterable[str]]
    ) -> Self:
        """`missing` maps collections to their absent columns, each with what needs it.

        A collection that is not among those `available` is missing itself.
        """
        if len(missing) == 1 and (lost := next(iter(missing))) in available:
            return cls.of(f"events.{lost}", missing[lost], available[lost])
        there = {name: columns for name, columns in missing.items() if name in available}
        named = {f"{c}.{name}": need for c, names in there.items() for name, need in names.items()}
        lost_needs = {
            c: next(iter(names.values())) for c, names in missing.items() if c not in there
        }
        near = [f"{c}.{n}" for c, names in there.items() for n in _near_each(names, available[c])]
        wrong = [_lacks("column", named), _lacks("collection", lost_needs)]
        do = cls.of("events", named, ()).do
        near += _near_each(lost_needs, available)
        return cls("events", "; ".join(filter(None, wrong)), near, do)

    @classmethod
    def together(cls, errors: Sequence[LepidError]) -> Self:
        """One error that lists what several said."""
        places = dict.fromkeys(error.where for error in errors)
        near = dict.fromkeys(name for error in errors for name in error.near)
        do = dict.fromkeys(error.do for error in errors if error.do)
        wrong = "; ".join(error.wrong for error in errors)
        return cls(_several(places), wrong, list(near), "; ".join(do))


class UnknownName(LepidError, KeyError):
    """A name that the user gave is not among those that exist."""

    @classmethod
    def of(cls, where: str, kind: str, name: str, known: Iterable[str], do: str = "") -> Self:
        known = sorted(known)
        listed = _several(known) if known else "none"
        return cls(
            where, f"no {kind} {name!r}", near_misses(name, known), do or f"use one of: {listed}"
        )


class UnknownTagger(UnknownName):
    """No card has this tagger or network name."""


class UnknownWorkingPoint(UnknownName):
    """The tagger has no working point of this name."""


class UnknownSchema(LepidError, ValueError):
    """The events match no schema that lepid knows."""

    @classmethod
    def of(cls, fields: Sequence[str], known: Mapping[str, Sequence[str]]) -> Self:
        shown = _several(fields[:12]) + (", ..." if len(fields) > 12 else "")
        wrong = f"no lepton collection found among the fields [{shown}]"
        expected = "; ".join(f"{name}: {'/'.join(names)}" for name, names in known.items())
        near = _near_each((n for names in known.values() for n in names), fields)
        return cls("events", wrong, near, f"pass schema= (known collections: {expected})")


class AmbiguousSchema(LepidError, ValueError):
    """The events match more than one schema, whose units differ."""

    @classmethod
    def of(cls, matches: Mapping[str, Sequence[str]]) -> Self:
        found = "; ".join(f"{name} ({_several(names)})" for name, names in matches.items())
        return cls(
            "events",
            f"the fields match several schemas: {found}",
            (),
            f"pass schema= with one of: {_several(matches)}",
        )


class WrongUnits(LepidError, ValueError):
    """Every transverse momentum is outside 0.5 GeV to 10 TeV in the unit of the schema."""

    @classmethod
    def of(cls, where: str, unit: str, low: float, high: float, schema: str) -> Self:
        wrong = (
            f"all pt lie outside 0.5 to 10000 GeV if read in {unit}, the unit of schema "
            f"{schema!r}: they run from {low:.6g} to {high:.6g}"
        )
        return cls(where, wrong, (), "pass the schema whose unit these events use, or scale pt")


class BadCard(LepidError, ValueError):
    """A tagger card breaks the rules of `lepid.taggers.card`."""

    @classmethod
    def of(cls, path: str, problems: Sequence[str], near: Sequence[str] = ()) -> Self:
        return cls(
            path, "; ".join(problems), near, "see `lepid show <tagger>` for a card that loads"
        )


class BadTable(LepidError, ValueError):
    """A correctionlib file that cannot serve as working points or corrections."""


class UnboundTable(LepidError, ValueError):
    """Working points that belong to another network than the one that made the scores."""

    @classmethod
    def of(cls, path: str, bound_to: str, used_with: str) -> Self:
        wrong = f"these working points are bound to {bound_to}, but were used with {used_with}"
        do = "derive working points for this network, or name the table that belongs to it"
        return cls(path, wrong, (), do)


class MissingNetwork(LepidError, FileNotFoundError):
    """The network file of a card is not on this machine."""

    @classmethod
    def of(cls, where: str, file: str, looked: Sequence[str], do: str) -> Self:
        places = _several(looked) if looked else "no folder is set"
        return cls(where, f"network file {file} not found (looked in: {places})", (), do)


class ChangedNetwork(LepidError, ValueError):
    """The network file is not the one whose sha256 the card states."""

    @classmethod
    def of(cls, path: str, expected: str, found: str) -> Self:
        wrong = f"sha256 is {found[:16]}..., the card states {expected[:16]}..."
        return cls(path, wrong, (), "restore the file, or make a new card for the new network")


class NetworkMismatch(LepidError, ValueError):
    """The inputs or outputs of a network file do not fit its card."""

    @classmethod
    def conf(cls, path: str, menu: str) -> Self:
        """`path` is a conf of a menu of Athena, and no network."""
        wrong = "is a configuration of Athena; lepid runs what is made of it"
        do = f"convert its menu once: lepid convert athena-conf --menu {menu} -o FOLDER, "
        return cls(path, wrong, (), f"{do}with FOLDER in LEPID_MODELS")


class BadInput(LepidError, ValueError):
    """An argument or a value that lepid cannot work with."""


class BadFile(LepidError, OSError):
    """A file that cannot be read or written as what it should be."""


class NoLeptons(LepidError, ValueError):
    """A file or record without any lepton collection."""


class ProviderUnavailable(LepidError, RuntimeError):
    """An execution provider was asked for and is not to be had."""


class MissingPackage(LepidError, ImportError):
    """An optional package is needed and not installed."""

    @classmethod
    def of(cls, package: str, purpose: str, extra: str) -> Self:
        return cls(package, f"not installed, needed {purpose}", (), f"pip install 'lepid[{extra}]'")
