"""Whether a network file takes and gives what its card says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from lepid.errors import NetworkMismatch
from lepid.taggers.card import Card
from lepid.taggers.card_network import Network
from lepid.taggers.card_outputs import Output

NUMBERS = ("tensor(float)", "tensor(double)", "tensor(float16)")
INTEGERS = tuple(f"tensor({sign}int{size})" for sign in ("", "u") for size in (8, 16, 32, 64))


def check(session: Any, card: Card, network: Network, path: Path) -> None:
    """Compare the inputs and outputs of the file with those of the card.

    Raises
    ------
    NetworkMismatch : lists every difference
    """
    inputs = {i.name: i for i in session.get_inputs()}
    outputs = {o.name: o for o in session.get_outputs()}
    wanted = {each.name: each for each in _wanted(network)}
    problems = [problem for each in wanted.values() for problem in _misfed(each, inputs)]
    unfed = [name for name in inputs if name not in wanted]
    problems += [f"the network takes {name!r}, which the card does not feed" for name in unfed]
    for output in card.read_from(network):
        before = network.batched + (output.per != "lepton")
        problems += _misread(output, before, outputs)
    if problems:
        raise NetworkMismatch(str(path), "; ".join(dict.fromkeys(problems)), (), "see the card")


class _Wanted(NamedTuple):
    """What the card feeds: axes, of which the last but one may be the inputs, and their number.

    `length` is the number of constituents if it is always the same, else 0.
    """

    name: str
    axes: tuple[str, ...]
    width: int
    length: int


def _wanted(network: Network) -> Iterator[_Wanted]:
    """Everything that the card feeds."""
    for node in network.nodes:
        axes = ["n_lepton"] if network.batched else []
        axes += [f"n_{node.per}"] if node.per != "lepton" else []
        axes = [*(axes or ["1"]), "n_input"]
        if node.transposed:
            axes = [axes[0], "n_input", axes[1] if node.per != "lepton" else "1"]
        length = node.minimum if node.minimum == node.maximum else 0
        yield _Wanted(node.name, tuple(axes), len(node.inputs), length)
        if node.mask:
            yield _Wanted(node.mask, tuple(axes), 1, length)


def _misfed(wanted: _Wanted, inputs: Mapping[str, Any]) -> Iterator[str]:
    name, axes, width, length = wanted
    if name not in inputs:
        yield f"the card feeds {name!r}, the network takes {', '.join(inputs)}"
        return
    found = inputs[name]
    if found.type != "tensor(float)":
        yield f"{name!r} takes {found.type}, lepid feeds tensor(float)"
    if not found.shape:  # not known before it runs
        return
    if len(found.shape) != len(axes):
        yield f"{name!r} has the shape {found.shape}, expected [{', '.join(axes)}]"
        return
    for size, axis in zip(found.shape, axes, strict=True):
        if not isinstance(size, int) or str(size) == axis:
            continue
        if axis == "n_input":
            if size != width:
                yield f"the card lists {width} inputs for {name!r}, the network takes {size}"
        elif axis == "n_lepton" or size != length:
            what = "leptons" if axis == "1" else f"{axis.removeprefix('n_')}s"
            what = what.replace("_vertexs", " vertices")
            fixed = length if axis != "n_lepton" else 0
            number = "one" if axis == "1" else fixed or "any number"
            yield f"{name!r} takes exactly {size} {what} per call, not {number}"


def _misread(output: Output, before: int, outputs: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with an output that has `before` axes of leptons and tracks."""
    if output.node not in outputs:
        yield f"the card reads {output.node!r}, the network gives {', '.join(outputs)}"
        return
    found = outputs[output.node]
    kinds = NUMBERS if output.per == "lepton" else (*NUMBERS, *INTEGERS)
    if found.type not in kinds:
        yield f"{output.node!r} gives {found.type}, expected one of {', '.join(kinds)}"
        return
    width = found.shape[-1] if len(found.shape) > before else 1
    if not found.shape or not isinstance(width, int):
        return
    if output.index is None and width > 1:
        yield f"{output.node!r} has {width} columns, the card does not say which is {output.name}"
    if output.index is not None and output.index >= width:
        yield f"{output.name} is column {output.index} of {width}"
