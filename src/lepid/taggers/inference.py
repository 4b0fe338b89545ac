"""Scores of leptons out of a network, batch by batch."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence as Several
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from lepid.errors import NetworkMismatch
from lepid.features.kernels.vertexing import vertex_index
from lepid.taggers import batching, session
from lepid.taggers.batching import Batch, Sequence
from lepid.taggers.card_network import Node
from lepid.taggers.card_outputs import Output

Array = npt.NDArray[Any]
# A call with a million rows keeps gigabytes in onnxruntime's arena. What layers of 256 give for
# 2048 rows stays in the cache; with four times as many each row took a fifth longer.
ROWS = 2048


@dataclass(frozen=True)
class Network:
    """A network that is ready to run.

    Attributes
    ----------
    session : of onnxruntime
    takes : "leptons" if it has a batch axis itself; "objects" if lepid gave it one, in front of
        every input and output; "one" if it takes one lepton per call
    where : place in errors
    provider : "cpu" or "cuda"
    partial : output -> the value that the session gives instead, logits between constituents
    slow : why it takes one lepton per call, if it does
    """

    session: Any
    takes: Literal["leptons", "objects", "one"]
    where: str
    provider: str = "cpu"
    partial: Mapping[str, str] = field(default_factory=dict)
    slow: str = ""

    def kind(self, node: str) -> type[np.generic]:
        """Type of one number per constituent, also where there is none."""
        kinds = {output.name: output.type for output in self.session.get_outputs()}
        return np.int32 if node in self.partial or "int" in kinds[node] else np.float32

    def answers(self, nodes: Several[str], fed: Mapping[str, Array], length: int) -> list[Array]:
        """Values of the output `nodes`, [k, ...] each, for inputs [k, ...].

        Parameters
        ----------
        length : constituents of each lepton
        """
        if self.takes == "one":
            size = len(next(iter(fed.values())))
            each = ({name: array[i] for name, array in fed.items()} for i in range(size))
            found = [session.call(self.session, nodes, one, self.where) for one in each]
            return [np.stack([one[node] for one in found]) for node in nodes]
        asked = [self.partial.get(node, node) for node in nodes]
        given = session.call(self.session, asked, fed, self.where)
        return [
            self._vertices(given[name], length) if node in self.partial else given[name]
            for node, name in zip(nodes, asked, strict=True)
        ]

    def _vertices(self, edges: Array, length: int) -> Array:
        pairs = length * (length - 1)
        if edges.size != len(edges) * pairs or edges.dtype != np.float32:
            found = f"{edges.dtype} of the shape {edges.shape}"
            wrong = f"expected a logit for each of the {pairs} pairs of {length}, found {found}"
            raise NetworkMismatch(self.where, wrong)
        return vertex_index(edges.reshape(len(edges), pairs), length)


def run(
    network: Network,
    outputs: Several[Output],
    nodes: Several[Node],
    rows: Mapping[str, npt.NDArray[np.float32]],
    sequences: Mapping[str, Sequence],
    *,
    at_once: int = 1,
    tokens: int = batching.TOKENS,
) -> dict[str, Array]:
    """Values of each output by name, in bounded memory.

    Parameters
    ----------
    nodes : input nodes of the network
    rows : input node -> [n_lepton, n_input]
    sequences : input node -> what it takes of the constituents around each lepton
    at_once : batches that run at the same time
    tokens : bound of the constituents in a batch

    Returns
    -------
    output -> [n_lepton] float32; one per constituent is [n_total] in the order of its sequence

    Raises
    ------
    NetworkMismatch : onnxruntime stops, or the outputs are not one row per lepton
    """
    ragged = [sequences[node.name] for node in nodes if node.name in sequences]
    n_lepton = len(next(iter(rows.values()))) if rows else len(ragged[0].lengths)
    offsets = [sequence.offsets for sequence in ragged]
    bounds = (tokens,) if ragged else (ROWS, ROWS)
    work = batching.batches(offsets, n_lepton, *bounds)
    step = _Step(network, outputs, nodes, rows, sequences)
    if at_once > 1 and len(work) > 1:
        with ThreadPoolExecutor(at_once) as pool:
            parts = list(pool.map(step, work))
    else:
        parts = [step(batch) for batch in work]
    taken = zip(*parts, strict=True) if parts else [()] * len(outputs)
    results = {}
    for output, values in zip(outputs, taken, strict=True):
        each = output.per != "lepton"
        size = int(offsets[0][-1]) if each else n_lepton
        whole: Array = np.empty(size, network.kind(output.node) if each else np.float32)
        for batch, part in zip(work, values, strict=True):
            whole[batch.places(offsets[0], 0) if each else batch.leptons] = part
        results[output.name] = whole
    return results


@dataclass(frozen=True)
class _Step:
    """One batch: gather, run, take the columns."""

    network: Network
    outputs: Several[Output]
    nodes: Several[Node]
    rows: Mapping[str, npt.NDArray[np.float32]]
    sequences: Mapping[str, Sequence]

    def __call__(self, batch: Batch) -> list[Array]:
        """Values of each output: [k], or [k, length] for one per constituent."""
        length = batch.lengths[0] if batch.lengths else 0
        asked = list(dict.fromkeys(output.node for output in self.outputs))
        found = dict(zip(asked, self.network.answers(asked, self.fed(batch), length), strict=True))
        minimum = max((node.minimum for node in self.nodes), default=0)
        size = (len(batch.leptons), length, max(length, minimum))
        return [_column(self.network, output, found[output.node], size) for output in self.outputs]

    def fed(self, batch: Batch) -> dict[str, Array]:
        """Inputs of the network for these leptons."""
        fed: dict[str, Array] = {}
        which = 0
        for node in self.nodes:
            if node.name in self.sequences:
                values = self.sequences[node.name].packed(batch, which)
                there = np.ones((*values.shape[:2], 1), np.float32)
                fed[node.name] = batching.padded(values, node.minimum, node.pad)
                if node.mask:
                    fed[node.mask] = batching.padded(there, node.minimum, 0.0)
                which += 1
            else:
                values = self.rows[node.name][batch.leptons]
                flat = self.network.takes == "leptons" and not node.transposed
                fed[node.name] = values if flat else values[:, None]
            if node.transposed:
                for name in filter(None, (node.name, node.mask)):
                    fed[name] = np.ascontiguousarray(fed[name].swapaxes(1, 2))
        return fed


def _column(network: Network, output: Output, values: Array, size: tuple[int, int, int]) -> Array:
    """Column of one output: [k], or [k, length] for one per constituent.

    `size` is k, length, and the length with what was added behind.
    """
    each = output.per != "lepton"
    n_lepton, length, fed = size
    if each and not length:
        # onnxruntime gives empty answers of any shape.
        return np.zeros((n_lepton, length), values.dtype)
    index, fixed = output.index or 0, 2 if each else 1
    fits = values.ndim >= fixed and values.shape[:fixed] == (n_lepton, fed)[:fixed]
    table = values.reshape(*values.shape[:fixed], -1) if fits else values.reshape(1, -1)
    if not fits or index >= table.shape[-1]:
        what = f"{n_lepton} leptons" + (f" with {length} {output.per}s each" if each else "")
        wrong = f"{output.node!r} gave the shape {values.shape} for {what}"
        raise NetworkMismatch(network.where, f"{wrong}, {output.name} is column {index}")
    return table[:, :length, index] if each else table[:, index]
