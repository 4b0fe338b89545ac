"""Whether a network file takes and gives what its card says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lepid.errors import NetworkMismatch
from lepid.taggers.card import Card, Network, Node, Output

NUMBERS = ("tensor(float)", "tensor(double)", "tensor(float16)")


def check(session: Any, card: Card, network: Network, path: Path) -> None:
    """Compare the inputs and outputs of the file with those of the card.

    Raises
    ------
    NetworkMismatch : lists every difference
    """
    inputs = {i.name: i for i in session.get_inputs()}
    outputs = {o.name: o for o in session.get_outputs()}
    problems = [problem for node in network.nodes for problem in _misfed(node, inputs)]
    fed = {node.name for node in network.nodes}
    unfed = [name for name in inputs if name not in fed]
    problems += [f"the network takes {name!r}, which the card does not feed" for name in unfed]
    problems += [problem for output in card.outputs for problem in _misread(output, outputs)]
    if problems:
        raise NetworkMismatch(str(path), "; ".join(dict.fromkeys(problems)), (), "see the card")


def _misfed(node: Node, inputs: Mapping[str, Any]) -> Iterator[str]:
    if node.name not in inputs:
        yield f"the card feeds {node.name!r}, the network takes {', '.join(inputs)}"
        return
    found = inputs[node.name]
    if found.type != "tensor(float)":
        yield f"{node.name!r} takes {found.type}, lepid feeds tensor(float)"
    if not found.shape:  # not known before it runs
        return
    if len(found.shape) != 2:
        yield f"{node.name!r} has the shape {found.shape}, expected [n_lepton, n_input]"
        return
    n_lepton, width = found.shape
    if isinstance(n_lepton, int):
        yield f"{node.name!r} takes exactly {n_lepton} leptons per call, not any number"
    if isinstance(width, int) and width != len(node.inputs):
        wrong = f"the card lists {len(node.inputs)} inputs for {node.name!r}"
        yield f"{wrong}, the network takes {width}"


def _misread(output: Output, outputs: Mapping[str, Any]) -> Iterator[str]:
    if output.node not in outputs:
        yield f"the card reads {output.node!r}, the network gives {', '.join(outputs)}"
        return
    found = outputs[output.node]
    if found.type not in NUMBERS:
        yield f"{output.node!r} gives {found.type}, expected one of {', '.join(NUMBERS)}"
        return
    width = found.shape[-1] if len(found.shape) > 1 else 1
    if not found.shape or not isinstance(width, int):
        return
    if output.index is None and width > 1:
        yield f"{output.node!r} has {width} columns, the card does not say which is {output.name}"
    if output.index is not None and output.index >= width:
        yield f"{output.name} is column {output.index} of {width}"
