"""What all parts of a card share."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict

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
