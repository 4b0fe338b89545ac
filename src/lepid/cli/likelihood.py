"""lepid likelihood build: densities of labelled electrons and a card that uses them."""

from __future__ import annotations

import argparse
from dataclasses import fields
from pathlib import Path
from typing import Any

from lepid.analysis.building import build_likelihood
from lepid.analysis.recipe import Recipe
from lepid.cli import terminal
from lepid.events import files


def build(arguments: argparse.Namespace) -> int:
    """Build the likelihood of the command line and say what it is."""
    folder = Path(arguments.output)
    given = {field.name: getattr(arguments, field.name, None) for field in fields(Recipe)}
    chosen: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in given.items()
        if value is not None
    }
    recipe = Recipe(**chosen)
    total = files.count(arguments.files, arguments.tree)
    with terminal.progress(total, "events", quiet=arguments.quiet) as advance:
        card = build_likelihood(
            arguments.files, folder, recipe, schema=arguments.schema, tree=arguments.tree,
            step=arguments.step, advance=advance,
        )  # fmt: skip
    facts = {
        "card": str(folder / "card.toml"),
        "tagger": card.name,
        "description": card.description,
    }
    if arguments.json:
        terminal.say_json(facts)
        return 0
    models = folder.resolve().parent.parent
    terminal.say_wrapped(f"{card.name}: {card.description}, {len(recipe.variables)} variables")
    terminal.say(f"written: {folder}")
    terminal.say_wrapped(
        f"to use it: LEPID_MODELS={models} lepid decorate ... --tagger {card.name}"
    )
    return 0
