"""What the nodes of correctionlib schema v2 say: as text, and as straight lines for numpy."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise, product
from typing import Any, Self

import numpy as np
import numpy.typing as npt

_NUMBER = r"[-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?"
_LINE = re.compile(rf"({_NUMBER})(?:\+\(({_NUMBER})\)\*x)?")
_SLOPE = re.compile(rf"({_NUMBER})\*x")


@dataclass(frozen=True)
class Lines:
    """Straight lines in bins of one input: most published cuts are that.

    correctionlib evaluates one lepton after the other; numpy gives the same numbers, bit by bit,
    in half the time.

    Attributes
    ----------
    inner : [n_bin - 1], where one line ends and the next begins
    offset, slope : [n_bin]
    """

    inner: npt.NDArray[np.float64]
    offset: npt.NDArray[np.float64]
    slope: npt.NDArray[np.float64]

    @classmethod
    def of(cls, node: Any) -> Self | None:
        """The lines of a node; None if it is anything else.

        Numbers must stand in formulas and edges must be whole: correctionlib reads other JSON
        numbers one unit in the last place off, and its answer is the one to give.
        """
        if not isinstance(node, dict):
            return None
        edges: list[float] = []
        leaves = [node]
        if node.get("nodetype") == "binning" and node.get("flow") == "clamp":
            if not isinstance(node["edges"], list):
                return None
            edges = [float(edge) for edge in node["edges"]][1:-1]
            leaves = node["content"]
        lines = [_line(leaf) for leaf in leaves]
        if not all(edge.is_integer() for edge in edges) or None in lines:
            return None
        offset, slope = zip(*[line for line in lines if line], strict=True)
        return cls(np.array(edges), np.array(offset), np.array(slope))

    def evaluate(self, x: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        """Value of the line at each `x`, [n] float64."""
        exact = np.asarray(x, dtype=np.float64)
        index = np.searchsorted(self.inner, exact, side="right")
        values: npt.NDArray[np.float64] = self.offset[index] + self.slope[index] * exact
        return values


def _line(node: Any) -> tuple[float, float] | None:
    if not isinstance(node, dict) or node.get("nodetype") != "formula":
        return None
    if len(node["variables"]) != 1 or node.get("parameters"):
        return None
    text = node["expression"].replace(" ", "")
    if found := _LINE.fullmatch(text):
        return float(found[1]), float(found[2] or 0.0)
    found = _SLOPE.fullmatch(text)
    return (0.0, float(found[1])) if found else None


def parts(node: Any) -> Iterator[tuple[str, str]]:
    """(bin, content) of a node of schema v2, its bins inside each other joined by a comma."""
    kind = node.get("nodetype") if isinstance(node, dict) else None
    if kind is None:
        yield "", f"{node:g}"
    elif kind == "formula":
        names = dict(zip("xyzt", node["variables"], strict=False))
        yield "", re.sub(r"\b[xyzt]\b", lambda found: names[found[0]], node["expression"])
    elif kind in ("binning", "multibinning"):
        inputs = node["inputs"] if kind == "multibinning" else [node["input"]]
        edges = node["edges"] if kind == "multibinning" else [node["edges"]]
        axes = [list(_bins(*axis)) for axis in zip(inputs, edges, strict=True)]
        for place, content in zip(product(*axes), node["content"], strict=True):
            for where, text in parts(content):
                yield ", ".join(filter(None, [*place, where])), text
    else:
        yield "", f"a {kind}"


def _bins(name: str, edges: Any) -> Iterator[str]:
    """``low <= name < high`` for each bin, without the ends that are infinite."""
    if isinstance(edges, dict):
        edges = np.linspace(edges["low"], edges["high"], edges["n"] + 1).tolist()
    for low, high in pairwise(float(edge) for edge in edges):
        above = f"{low:g} <= " if math.isfinite(low) else ""
        below = f" < {high:g}" if math.isfinite(high) else ""
        yield f"{above}{name}{below}" if above or below else ""


def edges(node: Any) -> dict[str, list[float]]:
    """Input -> all edges at which a node of schema v2 or one inside it changes, ascending."""
    found: dict[str, set[float]] = {}
    _collect(node, found)
    return {name: sorted(values) for name, values in found.items()}


def _collect(node: Any, found: dict[str, set[float]]) -> None:
    kind = node.get("nodetype") if isinstance(node, dict) else None
    if kind not in ("binning", "multibinning"):
        return
    inputs = node["inputs"] if kind == "multibinning" else [node["input"]]
    each = node["edges"] if kind == "multibinning" else [node["edges"]]
    for name, own in zip(inputs, each, strict=True):
        line = np.linspace(own["low"], own["high"], own["n"] + 1) if isinstance(own, dict) else own
        found.setdefault(name, set()).update(float(edge) for edge in line)
    for content in node["content"]:
        _collect(content, found)


def walk(node: Any) -> Iterator[dict[str, Any]]:
    """Every node of schema v2 inside `node`, itself first."""
    if isinstance(node, list):
        for part in node:
            yield from walk(part)
    if not isinstance(node, dict):
        return
    if "nodetype" in node:
        yield node
    for part in node.values():
        yield from walk(part)


def keys(node: Any) -> dict[str, list[Any]]:
    """Input -> all keys that a category node in `node` has for it, in the order of the file."""
    found: dict[str, dict[Any, None]] = {}
    for one in walk(node):
        if one["nodetype"] == "category":
            mine = found.setdefault(one["input"], {})
            mine |= dict.fromkeys(item["key"] for item in one["content"])
    return {name: list(known) for name, known in found.items()}


def forgiving(node: Any, instead: Any) -> Any:
    """Copy of `node` that gives `instead` where it would refuse a whole batch for one value.

    That is outside bins whose flow is ``error``, and for a key that a category does not have.
    """
    if isinstance(node, list):
        return [forgiving(part, instead) for part in node]
    if not isinstance(node, dict):
        return node
    copy = {name: forgiving(part, instead) for name, part in node.items()}
    if copy.get("nodetype") in ("binning", "multibinning") and copy["flow"] == "error":
        copy["flow"] = instead
    if copy.get("nodetype") == "category" and copy.get("default") is None:
        copy["default"] = instead
    return copy
