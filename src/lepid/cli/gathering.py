"""Long work over files: in chunks, with progress, kept after each file and gone on with."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, Self, TypeVar

from lepid.cli import terminal
from lepid.cli.outputs import check
from lepid.errors import BadInput
from lepid.events import files
from lepid.pipeline import add_working_points, decorate_new
from lepid.taggers import plan as plans
from lepid.taggers import session


class Sum(Protocol):
    """What adds up, and knows the files that it is the sum of."""

    @property
    def sources(self) -> tuple[str, ...]:
        """Input files."""

    def __add__(self, other: Self, /) -> Self:
        """The sum."""


T = TypeVar("T", bound=Sum)


@dataclass(frozen=True)
class Checkpoint(Generic[T]):
    """Where the sum so far is kept.

    Attributes
    ----------
    suffixes : that its name may have
    read, write : of the sum
    facts : argument -> what it has to be for this sum, any of several
    """

    suffixes: tuple[str, ...]
    read: Callable[[Path], T]
    write: Callable[[T, Path], None]
    facts: Callable[[T], Mapping[str, Sequence[Any]]]

    def begun(self, path: Path, arguments: argparse.Namespace, paths: Sequence[str]) -> T | None:
        """What an earlier run of the same command had measured when it ended.

        Raises
        ------
        BadInput : that was another command, or other files
        BadFile : nothing of this kind can be kept or read there
        """
        check([path], self.suffixes, arguments.files)
        if not path.exists():
            return None
        found = self.read(path)
        wrong = []
        for name, known in self.facts(found).items():
            given = getattr(arguments, name)
            if given not in known:
                wrong.append(f"--{name.replace('_', '-')} {given} is not what it has")
        others = [name for name in found.sources if name not in paths]
        wrong += [f"{name} is in it and not asked for" for name in others]
        if wrong:
            do = "run the same command again, or name another checkpoint"
            raise BadInput(str(path), "; ".join(wrong), (), do)
        return found


def gathered(
    arguments: argparse.Namespace,
    taggers: Sequence[str],
    part: Callable[[Any, str], T],
    checkpoint: Checkpoint[T],
    columns: Sequence[str | None] = (),
) -> T:
    """Sum of what `part` makes of the decorated events of each chunk and its path.

    Parameters
    ----------
    columns : other columns that it takes, such as ``EventInfo.weight``

    Raises
    ------
    BadInput : there is no file; or as `Checkpoint.begun`
    """
    kept = Path(arguments.checkpoint) if arguments.checkpoint else None
    paths = [str(path) for path in files.expand(arguments.files)]
    found = checkpoint.begun(kept, arguments, paths) if kept else None
    left = [path for path in paths if found is None or path not in found.sources]
    needs = [name.partition(".")[0] for name in columns if name]
    around = plans.takes_surroundings(taggers)
    total = sum(files.count(path, arguments.tree) for path in left)
    with (
        session.settings(arguments.provider, arguments.threads),
        terminal.progress(total, "events", quiet=arguments.quiet) as advance,
    ):
        for path in left:
            for events, _, number in files.chunks(
                path, arguments.step, arguments.tree, arguments.schema, needs, around=around
            ):
                tagged = events
                if taggers:
                    tagged = decorate_new(events, list(taggers), schema=arguments.schema)
                    tagged = add_working_points(tagged, arguments.table, schema=arguments.schema)
                more = part(tagged, path)
                found = more if found is None else found + more
                advance(number)
            # A file is in it whole or not at all.
            if kept and found is not None:
                checkpoint.write(found, kept)
    if found is None:
        raise BadInput("files", "no file was given")
    return found


def refuse_others(
    arguments: argparse.Namespace, stored: Sequence[str], what: str, options: Sequence[str], do: str
) -> None:
    """Raise `BadInput` if files are given beside `stored` parts, or options that only events take.

    Parameters
    ----------
    what : the parts are
    do : what to do instead
    """
    others = [path for path in arguments.files if path not in stored]
    given = [f"--{name.replace('_', '-')}" for name in options if getattr(arguments, name)]
    if others or given:
        wrong = f"{what} are added up as they are, without {', '.join([*others, *given])}"
        raise BadInput(what, wrong, (), do)


def added(parts: Sequence[tuple[str, T]]) -> T:
    """Sum of parts of the work, given with a name each.

    Raises
    ------
    BadInput : two have leptons of the same file, or they do not measure the same thing
    """
    seen: dict[str, str] = {}
    for name, each in parts:
        for source in each.sources:
            if source in seen:
                wrong = f"the leptons of {source} are in {seen[source]} already"
                raise BadInput(name, wrong, (), "add each part once")
        seen |= dict.fromkeys(each.sources, name)
    (_, whole), *others = parts
    for _, each in others:
        whole = whole + each
    return whole
