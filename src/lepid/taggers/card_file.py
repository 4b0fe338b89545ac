"""Strict loader of tagger cards: an error names the file, the key and what is near."""

from __future__ import annotations

import tomllib
from pathlib import Path

from pydantic import ValidationError

from lepid.errors import BadCard, near_misses
from lepid.taggers.card import Card, Decision, Form, Fractions, Input, Network, Node, Output
from lepid.taggers.card_likelihood import Likelihood, PileUp, Skip
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
        "outputs": Output, "discriminants": Form, "fractions": Fractions, "decisions": Decision,
        "networks": Network, "nodes": Node, "inputs": Input,
        "likelihood": Likelihood, "skip": Skip, "pileup": PileUp,
    }  # fmt: skip
    owners = [parts[str(step)] for step in location[:-1] if str(step) in parts]
    return list((owners[-1] if owners else Card).model_fields)
