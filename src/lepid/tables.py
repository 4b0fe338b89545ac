"""correctionlib files: read, look up, write. The only module that imports correctionlib."""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import correctionlib
import correctionlib.schemav2 as schema
import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from lepid.errors import BadTable, first_line
from lepid.files_out import atomic
from lepid.nodes import Lines, forgiving, parts

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
        except (RuntimeError, IndexError, ValueError) as error:
            wrong = f"not a correctionlib v2 file: {first_line(error)}"
            raise BadTable(self.path, wrong) from error

    def check(self) -> None:
        """Raise `BadTable` if correctionlib cannot evaluate one of the corrections."""
        self._corrections  # noqa: B018  (reading it makes correctionlib parse the file)

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
        entry = self.entry(name)
        return {i["name"]: _bracketed(i.get("description") or "") for i in entry["inputs"]}

    def input_types(self, name: str) -> dict[str, str]:
        """Input names of correction `name` and their types: real, int or string."""
        return {i["name"]: i["type"] for i in self.entry(name)["inputs"]}

    def output_unit(self, name: str) -> str:
        """Unit that the description of the output of correction `name` ends with."""
        return _bracketed(self.entry(name)["output"].get("description") or "")

    def node(self, name: str) -> Node | float:
        """What correction `name` holds: a node of schema v2, or a number."""
        data: Node | float = self.entry(name)["data"]
        return data

    def tolerant(self, instead: Node | float) -> Tables:
        """The same corrections, which give `instead` where these refuse a whole batch.

        See `lepid.nodes.forgiving`.
        """
        content = {**self._content}
        content["corrections"] = [
            {**entry, "data": forgiving(entry["data"], instead)} for entry in content["corrections"]
        ]
        return Tables(self.path, json.dumps(content))

    def parts(self, name: str) -> list[tuple[str, str]]:
        """Where and what: the bins of correction `name`, and the number or formula in each."""
        return list(parts(self.entry(name)["data"]))

    def _lines(self, name: str) -> Lines | None:
        if name not in self._known_lines:
            self._known_lines[name] = Lines.of(self.entry(name)["data"])
        return self._known_lines[name]

    @cached_property
    def _known_lines(self) -> dict[str, Lines | None]:
        return {}

    def entry(self, name: str) -> dict[str, Any]:
        """Correction `name` as it stands in the file."""
        return next(c for c in self._content["corrections"] if c["name"] == name)

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
        lines = self._lines(name)
        if lines and len(inputs) == 1 and isinstance(inputs[0], np.ndarray):
            return lines.evaluate(inputs[0])
        try:
            values = self._corrections[name].evaluate(*inputs)
        except (RuntimeError, IndexError, ValueError) as error:
            raise BadTable(self.path, f"{name}: {first_line(error)}") from error
        return np.asarray(values, dtype=np.float64)


def _bracketed(text: str) -> str:
    found = re.search(r"\[([^\[\]]*)\][ .]*$", text)
    return found[1].strip() if found else ""


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
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, EOFError, zlib.error) as error:
        raise BadTable(str(path), f"cannot be read: {first_line(error)}") from error
    if not isinstance(content, dict) or "corrections" not in content:
        raise BadTable(str(path), "not a correctionlib file: it has no list `corrections`")
    tables = Tables(str(path), text)
    # Densities are large: they are parsed once.
    vars(tables)["_content"] = content
    # A broken file is an error here, not at the first event.
    tables.check()
    return tables


def assemble(path: Path, description: str, corrections: Sequence[Node]) -> Tables:
    """What a correctionlib v2 file of `corrections` at `path` holds.

    Raises
    ------
    BadTable : a correction breaks the rules of schema v2, or cannot be evaluated
    """
    try:
        model = schema.CorrectionSet.model_validate(
            {"schema_version": 2, "description": description, "corrections": list(corrections)}
        )
    except ValidationError as error:
        first = error.errors()[0]
        # pydantic names the kinds of node that it tried, tagged-union[...], in between.
        place = ".".join(str(part) for part in first["loc"] if not re.search(r"[\[(]", str(part)))
        raise BadTable(str(path), f"{place}: {first['msg']}") from error
    tables = Tables(str(path), model.model_dump_json(exclude_unset=True, indent=1) + "\n")
    tables.check()
    return tables


def save(path: Path, tables: Tables) -> None:
    """Write `tables` to `path`, gzipped if it ends in ``.gz``.

    Raises
    ------
    BadFile : the folder does not exist or cannot be written to
    """
    raw = tables.text.encode()
    with atomic(path) as partial:
        partial.write_bytes(gzip.compress(raw, mtime=0) if path.suffix == ".gz" else raw)


def write_corrections(path: Path, description: str, corrections: Sequence[Node]) -> None:
    """Write `corrections` as one correctionlib v2 file, gzipped if `path` ends in ``.gz``.

    Raises
    ------
    BadTable : a correction breaks the rules of schema v2; nothing is written
    """
    save(path, assemble(path, description, corrections))


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


def formula(text: str, *variables: str) -> Node:
    """Node that evaluates the TFormula `text`; `x`, `y` in it are the inputs `variables`."""
    return {
        "nodetype": "formula",
        "expression": text,
        "parser": "TFormula",
        "variables": list(variables),
    }


def binning(variable: str, edges: Sequence[float | str], content: Sequence[Node | float]) -> Node:
    """Node of bins ``edges[i] <= x < edges[i+1]``; values outside take the nearest bin."""
    return {
        "nodetype": "binning",
        "input": variable,
        "edges": [_edge(edge) for edge in edges],
        "content": [entry if isinstance(entry, dict) else float(entry) for entry in content],
        "flow": "clamp",
    }


def _edge(edge: float | str) -> float | str:
    # JSON has no infinity; correctionlib takes the words.
    return float(edge) if np.isfinite(float(edge)) else str(float(edge))


def constant(value: float, variable: str) -> Node | float:
    """Node that is `value` to the last digit, whatever `variable` is.

    Raises
    ------
    BadTable : `value` is not finite
    """
    value = _finite(value)
    # correctionlib reads longer JSON numbers one ulp off; the text of a formula is exact.
    short = round(value, 6) == value and abs(value) < 1e9
    return value if short else formula(digits(value), variable)


def digits(value: float) -> str:
    """`value` to the last digit, as formulas take it."""
    # correctionlib's formulas know 1e16 and not 1e+16.
    return repr(value).replace("e+", "e")


def _finite(value: float) -> float:
    if not np.isfinite(value):
        raise BadTable("cut", f"{value} is not a finite number")
    return float(value)


def line(variable: str, left: tuple[float, float], right: tuple[float, float]) -> Node:
    """Node that is the straight line through two points, to the last digit.

    Raises
    ------
    BadTable : a coordinate is not finite
    """
    (x0, y0), (x1, y1) = ([digits(_finite(each)) for each in point] for point in (left, right))
    return formula(f"{y0}+({y1}-({y0}))*(x-({x0}))/({x1}-({x0}))", variable)


def piecewise_linear(variable: str, nodes: Sequence[float], values: Sequence[float]) -> Node:
    """Node that is linear between `nodes` and constant outside them.

    Source
    ------
    Athena AsgElectronSelectorTool, `doSmoothBinInterpolation`: E_T nodes 5.5, 8.5, ..., 47.5 GeV.
    """
    x, y = [float(node) for node in nodes], [_finite(value) for value in values]
    if len(x) != len(y) or len(x) < 1 or not all(np.diff(x) > 0):
        wrong = f"{len(x)} nodes for {len(y)} values, or nodes not ascending"
        raise BadTable("piecewise_linear", wrong)
    lines = [line(variable, *ends) for ends in pairwise(zip(x, y, strict=True))]
    ends = constant(y[0], variable), constant(y[-1], variable)
    return binning(variable, ["-inf", *x, "inf"], [ends[0], *lines, ends[1]])
