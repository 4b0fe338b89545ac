"""What all parts of a card share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict

from lepid.errors import near_misses
from lepid.units import FACTORS


def _unit(name: str) -> str:
    if name not in FACTORS:
        known = ", ".join(unit for unit in FACTORS if unit)
        raise ValueError(f"unknown unit {name!r}, known: {known}")
    return name


Unit = Annotated[str, BeforeValidator(_unit)]


class Part(BaseModel):
    """A part of a card: fixed once made, and no key that is not listed."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", protected_namespaces=(), ser_json_inf_nan="constants"
    )


def repeated(names: Iterable[str]) -> str:
    """The names that come more than once, as text."""
    found = list(names)
    return ", ".join(sorted({name for name in found if found.count(name) > 1}))


def hint(name: str, known: Iterable[str]) -> str:
    """Which `known` names are near, as text behind an error."""
    near = near_misses(name, known)
    return f" (near: {', '.join(near)})" if near else ""
