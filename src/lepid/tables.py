"""correctionlib files: read, look up, write. The only module that imports correctionlib."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import correctionlib
import correctionlib.schemav2 as schema
import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from lepid.errors import BadTable
from lepid.files_out import atomic

Node = dict[str, Any]


@dataclass(frozen=True)
class Tables:
    """Corrections of one file, by name; picklable, because it keeps the text and not the object.

    Attributes
    ----------
    path : str, where it was read, for messages
    text : str, the JSON
    """

    path: str
    text: str

    @cached_property
    def _content(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self.text)
        return content

    @cached_property
    def _corrections(self) -> correctionlib.CorrectionSet:
        try:
            return correctionlib.CorrectionSet.from_string(self.text)
        except (RuntimeError, ValidationError) as error:
            raise BadTable(
                self.path, f"not a correctionlib v2 file: {_first_line(error)}"
            ) from error

    def __getstate__(self) -> dict[str, str]:
        return {"path": self.path, "text": self.text}

    @property
    def description(self) -> str:
        """Description of the whole set; empty if the file has none."""
        return str(self._content.get("description") or "")

    @property
    def names(self) -> list[str]:
        """Names of the corrections, in file order."""
        return [correction["name"] for correction in self._content["corrections"]]

    def inputs(self, name: str) -> dict[str, str]:
        """Input names of correction `name` and the unit that each description ends with.

        The unit is the text in square brackets, ``[GeV]``; without brackets it is empty.
        """
        entry = next(c for c in self._content["corrections"] if c["name"] == name)
        return {i["name"]: _bracketed(i.get("description") or "") for i in entry["inputs"]}

    def output_unit(self, name: str) -> str:
        """Unit that the description of the output of correction `name` ends with."""
        entry = next(c for c in self._content["corrections"] if c["name"] == name)
        return _bracketed(entry["output"].get("description") or "")

    def look_up(
        self, name: str, *inputs: npt.NDArray[Any] | str | float
    ) -> npt.NDArray[np.float64]:
        """Values of correction `name`, one for each element of the array inputs.

        Parameters
        ----------
        *inputs : [n] arrays or one value for all, in the order of `inputs(name)`

        Raises
        ------
        BadTable : correctionlib refuses an input, for example a value outside the bins
        """
        # correctionlib maps NaN to the last bin: whoever calls has masked non-finite values.
        try:
            values = self._corrections[name].evaluate(*inputs)
        except (RuntimeError, IndexError, ValueError) as error:
            raise BadTable(self.path, f"{name}: {_first_line(error)}") from error
        return np.asarray(values, dtype=np.float64)


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _bracketed(text: str) -> str:
    _, opening, rest = text.rpartition("[")
    return rest.rstrip("] .") if opening else ""


def read(path: Path) -> Tables:
    """Corrections of the file at `path`, plain or gzipped JSON.

    Raises
    ------
    BadTable : missing, not JSON, or not a correctionlib v2 file
    """
    try:
        raw = path.read_bytes()
        text = gzip.decompress(raw).decode() if raw[:2] == b"\x1f\x8b" else raw.decode()
        content = json.loads(text)
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, EOFError) as error:
        raise BadTable(str(path), f"cannot be read: {_first_line(error)}") from error
    if not isinstance(content, dict) or "corrections" not in content:
        raise BadTable(str(path), "not a correctionlib file: it has no list `corrections`")
    tables = Tables(str(path), text)
    tables._corrections  # noqa: B018  (a broken file is an error here, not at the first event)
    return tables


def write_corrections(path: Path, description: str, corrections: Sequence[Node]) -> None:
    """Write `corrections` as one correctionlib v2 file, gzipped if `path` ends in ``.gz``.

    Raises
    ------
    BadTable : a correction breaks the rules of schema v2; nothing is written
    """
    try:
        model = schema.CorrectionSet.model_validate(
            {"schema_version": 2, "description": description, "corrections": list(corrections)}
        )
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise BadTable(str(path), f"{place}: {first['msg']}") from error
    text = model.model_dump_json(exclude_unset=True, indent=1)
    with atomic(path) as partial:
        if path.suffix == ".gz":
            partial.write_bytes(gzip.compress(text.encode(), mtime=0))
        else:
            partial.write_text(text + "\n")


def correction(
    name: str,
    description: str,
    inputs: Mapping[str, str],
    output: tuple[str, str],
    data: Node | float,
) -> Node:
    """One correction of real inputs.

    Parameters
    ----------
    inputs : input name -> description; ends with the unit in square brackets
    output : name and description
    data : a node made by `formula`, `binning` or `piecewise_linear`, or a number
    """
    return {
        "name": name,
        "description": description,
        "version": 1,
        "inputs": [{"name": k, "type": "real", "description": d} for k, d in inputs.items()],
        "output": {"name": output[0], "type": "real", "description": output[1]},
        "data": data,
    }


def formula(text: str, variable: str) -> Node:
    """Node that evaluates the TFormula `text`, in which `x` is the input `variable`."""
    return {
        "nodetype": "formula",
        "expression": text,
        "parser": "TFormula",
        "variables": [variable],
    }


def binning(variable: str, edges: Sequence[float | str], content: Sequence[Node | float]) -> Node:
    """Node of bins ``edges[i] <= x < edges[i+1]``; values outside take the nearest bin."""
    return {
        "nodetype": "binning",
        "input": variable,
        "edges": list(edges),
        "content": list(content),
        "flow": "clamp",
    }


def piecewise_linear(variable: str, nodes: Sequence[float], values: Sequence[float]) -> Node:
    """Node that is linear between `nodes` and constant outside them.

    Source
    ------
    Athena AsgElectronSelectorTool, `doSmoothBinInterpolation`: E_T nodes 5.5, 8.5, ..., 47.5 GeV.
    """
    if len(nodes) != len(values) or len(nodes) < 1 or any(np.diff(nodes) <= 0):
        wrong = f"{len(nodes)} nodes for {len(values)} values, or nodes not ascending"
        raise BadTable("piecewise_linear", wrong)
    lines = [
        # The text keeps every digit; correctionlib reads JSON numbers one ulp off.
        formula(f"{low!r}+({high!r}-({low!r}))*(x-{left!r})/({right!r}-{left!r})", variable)
        for left, right, low, high in zip(nodes, nodes[1:], values, values[1:], strict=False)
    ]
    first, last = formula(repr(values[0]), variable), formula(repr(values[-1]), variable)
    return binning(variable, ["-inf", *nodes, "inf"], [first, *lines, last])
