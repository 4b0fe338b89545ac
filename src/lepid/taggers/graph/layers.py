"""What a network of layers is made of, as plain data: what readers give and `layered` builds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

# What needs `alpha`, and what does not.
PLAIN = (
    "linear",
    "sigmoid",
    "rectified",
    "softmax",
    "tanh",
    "hard_sigmoid",
    "abs",
)
SHAPED = ("elu", "leakyrelu", "swish")


@dataclass(frozen=True)
class Activation:
    """A function of `PLAIN` or `SHAPED`, the latter with its number."""

    function: str = "linear"
    alpha: float = 1.0


LINEAR = Activation()


@dataclass(frozen=True, eq=False)
class Affine:
    """weights x + bias, and for a recurrent layer + recurrent h.

    Attributes
    ----------
    weights : [n_output, n_input]
    bias : [n_output]
    recurrent : [n_output, n_output], or None
    """

    weights: Floats
    bias: Floats
    recurrent: Floats | None = None

    @property
    def n_output(self) -> int:
        """Length of what it gives."""
        return len(self.bias)


@dataclass(frozen=True, eq=False)
class Dense:
    """activation(weights x + bias); without weights only what is there."""

    affine: Affine
    activation: Activation = LINEAR


@dataclass(frozen=True, eq=False)
class Normalization:
    """(x + bias) weights, element by element, [n_input] each."""

    bias: Floats
    weights: Floats


@dataclass(frozen=True, eq=False)
class Maxout:
    """The largest of several affine maps, element by element."""

    parts: tuple[Affine, ...]


@dataclass(frozen=True, eq=False)
class Highway:
    """c activation(transform) + (1 - c) x, with c = sigmoid(carry)."""

    transform: Affine
    carry: Affine
    activation: Activation


@dataclass(frozen=True, eq=False)
class Recurrent:
    """One of three recurrences along a sequence, from zeros.

    Attributes
    ----------
    kind : lstm with the gates i, f, o, c; gru with z, r, h; simplernn with h
    gates : name -> affine map with `recurrent`
    activation, inner : of the new content, and of the gates
    """

    kind: Literal["lstm", "gru", "simplernn"]
    gates: dict[str, Affine]
    activation: Activation
    inner: Activation = LINEAR


GATES = {"lstm": ("i", "f", "o", "c"), "gru": ("z", "r", "h"), "simplernn": ("h",)}


@dataclass(frozen=True, eq=False)
class Convolution:
    """Sum over neighbours in a sequence.

    Attributes
    ----------
    weights : [n_output, n_input, n_neighbour]
    bias : [n_output]
    padding : "valid" shortens the sequence, "same" and "causal" add zeros
    dilation : distance of neighbours
    """

    weights: Floats
    bias: Floats
    activation: Activation = LINEAR
    padding: Literal["valid", "same", "causal"] = "valid"
    dilation: int = 1

    @property
    def reach(self) -> int:
        """Steps from the first neighbour to the last."""
        return int(self.weights.shape[2] - 1) * self.dilation


@dataclass(frozen=True, eq=False)
class Embedding:
    """One column holds a category, and a row of a table takes its place.

    Attributes
    ----------
    index : of the column, counted after the embeddings before it
    table : [n_category, n_output]
    """

    index: int
    table: Floats


Layer = Dense | Normalization | Maxout | Highway | Recurrent | Convolution | Embedding
RECURRENT = (Recurrent, Convolution, Embedding)


@dataclass(frozen=True)
class Variable:
    """One input: (x + offset) scale; `default` is what stands in for a missing one."""

    name: str
    offset: float = 0.0
    scale: float = 1.0
    default: float | None = None


@dataclass(frozen=True, eq=False)
class Quantiles:
    """A map of each input to the level of its value among quantiles.

    Attributes
    ----------
    levels : [n_quantile], ascending
    values : [n_input, n_quantile], not descending
    """

    levels: Floats
    values: Floats


@dataclass(frozen=True, eq=False)
class Inputs:
    """One input node.

    Attributes
    ----------
    name : str
    variables : in the order of the columns
    sequence : whether it takes one row per constituent
    quantiles : what is done to the values before `offset` and `scale`
    """

    name: str
    variables: tuple[Variable, ...]
    sequence: bool = False
    quantiles: Quantiles | None = None


@dataclass(frozen=True, eq=False)
class Step:
    """One node of the graph.

    Attributes
    ----------
    kind : one of `KINDS`
    sources : places of earlier steps; for an input, the place of the input node
    layers : of feed_forward, time_distributed and sequence, one after the other
    width : numbers in a row
    """

    kind: str
    sources: tuple[int, ...]
    layers: tuple[Layer, ...] = ()
    width: int = 0


# What each kind takes and gives: one row per lepton, a list of rows, or both: a `sequence` gives
# all of its rows and the last of them.
KINDS = {
    "input": ("", "row"),
    "input_sequence": ("", "rows"),
    "feed_forward": ("row", "row"),
    "time_distributed": ("rows", "rows"),
    "sequence": ("rows", "both"),
    "concatenate": ("row", "row"),
    "add": ("row", "row"),
    "sum": ("rows", "row"),
}


@dataclass(frozen=True)
class Result:
    """Outputs that one step gives: a name for each of its numbers."""

    step: int
    labels: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Layered:
    """A network: input nodes, steps in the order in which they are computed, outputs."""

    inputs: tuple[Inputs, ...]
    steps: tuple[Step, ...]
    results: tuple[Result, ...]
