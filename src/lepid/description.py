"""The line ``lepid: {json}`` in the description of a correctionlib file.

It says what the format of the file has no place for.
"""

from __future__ import annotations

import json
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from lepid.errors import BadTable
from lepid.tables import Tables

MARK = "lepid:"
Rules = TypeVar("Rules", bound=BaseModel)


def rules(content: Tables, kind: type[Rules], what: str, writer: str) -> Rules:
    """What the line in the description of `content` says.

    Parameters
    ----------
    kind : what it may say
    what, writer : what the file should be, and the function that writes such files

    Raises
    ------
    BadTable : no such line, or several; not JSON, or not of this kind
    """
    path = content.path
    lines = [line for line in content.description.splitlines() if line.startswith(MARK)]
    if len(lines) != 1:
        wrong = f"not {what}: the description has {len(lines)} lines `{MARK} {{...}}`"
        raise BadTable(path, wrong, (), f"write it with {writer}")
    try:
        return kind.model_validate(json.loads(lines[0].removeprefix(MARK)))
    except json.JSONDecodeError as error:
        raise BadTable(path, f"the `{MARK}` line is not JSON: {error}") from error
    except ValidationError as error:
        found = [(".".join(map(str, e["loc"])), e["msg"]) for e in error.errors()]
        wrong = "; ".join(f"{place}: {message}" for place, message in found)
        raise BadTable(path, f"the `{MARK}` line is wrong: {wrong}") from error


def with_rules(text: str, said: BaseModel) -> str:
    """A description of `text` and the line that says `said`."""
    return f"{text}\n{MARK} {said.model_dump_json(exclude_defaults=True)}"
