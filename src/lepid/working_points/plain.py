"""Plain correctionlib files, as experiments publish cuts, into tables of working points."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lepid.errors import BadTable
from lepid.tables import read as read_tables
from lepid.working_points import table
from lepid.working_points.points import Sense
from lepid.working_points.table import Binding, Requirement, Rules, Table


def read(
    path: Path,
    *,
    tagger: str,
    quantity: str,
    sense: Sense,
    bound_to: Binding,
    inputs: Mapping[str, str] | None = None,
) -> Table:
    """Table of a correctionlib file that does not say what its numbers are.

    A correction of pT, E_T or |eta| is a point of its name; one with a category first is a point
    for each key.

    Parameters
    ----------
    inputs : input of the file -> feature, where it has another name

    Raises
    ------
    BadTable : not a correctionlib file, or a correction that is neither of the two
    """
    content = read_tables(path)
    corrections = [
        made for name in content.names for made in _points(str(path), content.entry(name))
    ]
    names = [each["name"] for each in corrections]
    if len(set(names)) < len(names):
        raise BadTable(str(path), f"two points have the same name: {', '.join(names)}")
    given = inputs or {}
    features = {
        i["name"]: given.get(i["name"], i["name"]) for c in corrections for i in c["inputs"]
    }
    rules = Rules(
        tagger=tagger,
        points={
            name: (Requirement(correction=name, quantity=quantity, sense=sense),) for name in names
        },
        inputs=features,
        bound_to=bound_to,
    )
    return table.made(path, content.description or f"from {path.name}", rules, corrections)


def _points(path: str, entry: Mapping[str, Any]) -> list[dict[str, Any]]:
    words = [i["name"] for i in entry["inputs"] if i["type"] == "string"]
    if not words:
        return [dict(entry)]
    data = entry["data"]
    category = isinstance(data, dict) and data.get("nodetype") == "category"
    if len(words) > 1 or not category or data["input"] != words[0]:
        listed = ", ".join(words)
        wrong = f"{entry['name']} has inputs that are words, and not one in front: {listed}"
        raise BadTable(path, wrong)
    rest = [i for i in entry["inputs"] if i["name"] != words[0]]
    return [
        {**entry, "name": str(item["key"]), "inputs": rest, "data": item["value"]}
        for item in data["content"]
    ]
