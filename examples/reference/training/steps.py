"""What a training is to `make.py`: jobs that can be run side by side, then a last step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

# Name, function and arguments; what is there already has none.
Job = tuple[str, Callable[..., Any], tuple[Any, ...]]


class Part(NamedTuple):
    """One training.

    Attributes
    ----------
    gather : folder of the sample -> jobs that make the inputs of the networks
    train : folder of the sample -> jobs that take these
    finish : folder of the sample; writes results.md, figures, wp_tables, networks and closure.npz
    names : of the networks whose scores are in the committed sample, ``tagger@network``
    closure : name in tests/data of what the networks answered when they were exported
    """

    gather: Callable[[Path], list[Job]]
    train: Callable[[Path], list[Job]]
    finish: Callable[[Path], object]
    names: tuple[str, ...]
    closure: str


def sources(output: Path, processes: Iterable[str], gathered: Path) -> Iterator[tuple[Path, Path]]:
    """Files of the sample, and what is to be gathered of each, if it is not there."""
    for process in processes:
        for source in sorted((output / "sample" / process).glob("*.root")):
            path = gathered / process / f"{source.stem}.npz"
            if not path.is_file():
                yield source, path


def missing(name: str, function: Callable[..., Any], path: Path, *arguments: Any) -> list[Job]:
    """One job, unless `path` is there."""
    return [] if path.is_file() else [(name, function, arguments)]
