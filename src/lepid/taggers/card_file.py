"""Strict loader of tagger cards, its errors with file, key and what is near; and their writer."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from lepid.errors import BadCard, near_misses
from lepid.taggers.card import Card
from lepid.taggers.card_jets import Jets
from lepid.taggers.card_likelihood import Likelihood, PileUp, Skip
from lepid.taggers.card_network import Input, Network, Node
from lepid.taggers.card_outputs import Bits, Decision, Form, Fractions, Output
from lepid.taggers.card_valid import Valid
from lepid.taggers.part import Part


def load(path: Path) -> Card:
    """The card in the TOML file at `path`; its folders must be named tagger and network.

    Raises
    ------
    BadCard : not TOML, an unknown or missing key, a wrong type, parts that contradict
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadCard.of(str(path), [str(error)]) from error
    try:
        card = Card.model_validate(data)
    except ValidationError as error:
        raise _explain(path, error) from error
    if (card.tagger, card.network) != (path.parent.parent.name, path.parent.name):
        place = f"{path.parent.parent.name}/{path.parent.name}"
        raise BadCard.of(str(path), [f"the card of {card.name} lies in the folder {place}"])
    return card


def dump(card: Card) -> str:
    """The TOML of a card: `load` gives the same card back."""
    return "\n".join(_lines("", card.model_dump(exclude_defaults=True))) + "\n"


# Keys that have a section of their own; the others stand on one line, or on one per entry.
WRAPPED = ("inputs", "valid")
SECTIONS = (
    "outputs", "fractions", "discriminants", "decisions", "bits", "networks", "nodes", "gives",
)  # fmt: skip


def _lines(place: str, keys: Mapping[str, Any]) -> Iterator[str]:
    for key, value in keys.items():
        if key not in SECTIONS:
            yield f"{_key(key)} = {_value(value, wrap=key in WRAPPED)}"
    for key in (key for key in keys if key in SECTIONS):
        name, value = f"{place}.{key}".lstrip("."), keys[key]
        if key == "discriminants":
            for each, forms in value.items():
                yield from _several(f"{name}.{_key(each)}", forms)
        elif isinstance(value, Mapping):
            yield from ["", f"[{name}]", *_lines(name, value)]
        else:
            yield from _several(name, value)


def _several(name: str, entries: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for entry in entries:
        yield from ["", f"[[{name}]]", *_lines(name, entry)]


def _key(name: str) -> str:
    return name if re.fullmatch("[A-Za-z0-9_-]+", name) else json.dumps(name)


def _value(value: Any, *, wrap: bool = False) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(k)} = {_value(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list | tuple):
        each = [_value(entry) for entry in value]
        return (
            "[\n" + "".join(f"    {e},\n" for e in each) + "]" if wrap else f"[{', '.join(each)}]"
        )
    if isinstance(value, float) and not isinstance(value, bool):
        return repr(float(value))
    return json.dumps(value, ensure_ascii=False)


def _explain(path: Path, error: ValidationError) -> BadCard:
    problems, near = [], []
    for item in error.errors():
        location = [part for part in item["loc"] if not str(part).startswith("function-")]
        place = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in location).lstrip(".")
        if item["type"] == "extra_forbidden":
            problems.append(f"{place}: unknown key {str(location[-1])!r}")
            near += near_misses(str(location[-1]), _keys_at(location))
        elif item["type"] == "missing":
            problems.append(f"{place}: required key is missing")
        else:
            message = item["msg"].removeprefix("Value error, ")
            problems.append(f"{place}: {message}" if place else message)
    return BadCard.of(str(path), problems, list(dict.fromkeys(near)))


def _keys_at(location: list[int | str]) -> list[str]:
    parts: dict[str, type[Part]] = {
        "outputs": Output, "gives": Output, "discriminants": Form, "fractions": Fractions,
        "decisions": Decision, "bits": Bits, "networks": Network, "nodes": Node, "inputs": Input,
        "jets": Jets, "likelihood": Likelihood, "skip": Skip, "pileup": PileUp, "valid": Valid,
    }  # fmt: skip
    owners = [parts[str(step)] for step in location[:-1] if str(step) in parts]
    return list((owners[-1] if owners else Card).model_fields)
