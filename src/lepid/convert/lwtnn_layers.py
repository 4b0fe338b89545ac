"""One layer of lwtnn's JSON: numbers, shapes, activations."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NoReturn

import numpy as np
import numpy.typing as npt

from lepid.errors import near_misses
from lepid.taggers.graph.layers import (
    GATES,
    PLAIN,
    SHAPED,
    Activation,
    Affine,
    Convolution,
    Dense,
    Embedding,
    Highway,
    Layer,
    Maxout,
    Normalization,
    Recurrent,
)

# Layers that work on a list of rows.
SEQUENTIAL = ("lstm", "gru", "simplernn", "conv1d", "embedding")
PADDINGS = ("valid", "same", "causal")
Read = tuple[tuple[Layer, ...], int]


class Bad(Exception):
    """What is wrong with a part of a file, without the name of the file."""

    def __init__(self, wrong: str, near: Sequence[str] = (), do: str = "") -> None:
        super().__init__(wrong)
        self.wrong, self.near, self.do = wrong, tuple(near), do


def number(value: Any, place: str) -> float:
    """`value` as a finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise Bad(f"{place} is {value!r}, expected a number")
    return float(value)


def read_layer(entry: Any, place: int, n_input: int) -> Read:
    """The layers that one entry stands for, and how many numbers come out.

    Raises
    ------
    Bad : a kind or an activation that is not supported, numbers that do not fit
    """
    if not isinstance(entry, dict) or "architecture" not in entry:
        raise Bad(f"layer {place} has no architecture")
    kind = entry["architecture"]
    if kind not in _READERS:
        near = near_misses(str(kind), _READERS)
        known = f"lepid knows the architectures {', '.join(_READERS)}"
        raise Bad(f"layer {place} has the architecture {kind!r}, not supported", near, known)
    return _READERS[kind](_Entry(entry, f"layer {place} ({kind})"), n_input)


class _Entry:
    """A layer or a part of one."""

    def __init__(self, keys: Mapping[str, Any], who: str) -> None:
        self.keys, self.who = keys, who

    def fail(self, wrong: str, near: Sequence[str] = (), do: str = "") -> NoReturn:
        raise Bad(f"{self.who}: {wrong}", near, do)

    def numbers(self, key: str, *, needed: bool = True) -> npt.NDArray[np.float64]:
        value = self.keys.get(key, None if needed else [])
        try:
            found = np.array(value, np.float64)
        except (TypeError, ValueError):
            found = np.array(np.nan)
        if found.ndim != 1 or not np.isfinite(found).all():
            self.fail(f"{key} is not a list of finite numbers")
        return found

    def matrix(self, key: str, n_column: int) -> npt.NDArray[np.float64]:
        """Numbers row by row, [n, `n_column`]."""
        flat = self.numbers(key)
        if not flat.size or flat.size % n_column:
            self.fail(f"{key} has {flat.size} numbers, expected a multiple of {n_column}")
        return flat.reshape(-1, n_column)

    def affine(self, n_input: int, *, recurrent: bool = False) -> Affine:
        weights, bias = self.matrix("weights", n_input), self.numbers("bias")
        if len(weights) != len(bias):
            self.fail(f"{len(weights)} rows of weights and {len(bias)} of bias")
        if not recurrent:
            return Affine(weights, bias)
        again = self.matrix("U", len(bias))
        if len(again) != len(bias):
            self.fail(f"{len(again)} rows of U and {len(bias)} of bias")
        return Affine(weights, bias, again)

    def parts(self, key: str, kind: type) -> Any:
        value = self.keys.get(key)
        if not isinstance(value, kind) or not value:
            self.fail(f"it has no {key}")
        return value

    def component(self, name: str) -> _Entry:
        components = self.parts("components", dict)
        if name not in components:
            self.fail(f"it has no component {name!r}", near_misses(name, components))
        return _Entry(components[name], f"{self.who}, component {name}")

    def sublayers(self) -> list[_Entry]:
        entries = self.parts("sublayers", list)
        return [_Entry(e, f"{self.who}, sublayer {i}") for i, e in enumerate(entries)]

    def activation(self, key: str = "activation") -> Activation:
        value = self.keys.get(key)
        if isinstance(value, dict):
            function, alpha = value.get("function"), value.get("alpha")
        else:
            # Files written before alpha existed mean 1 for elu; lwtnn has no value for others.
            function, alpha = value, 1.0 if value == "elu" else None
        if function not in (*PLAIN, *SHAPED):
            known = f"lepid knows the activations {', '.join((*PLAIN, *SHAPED))}"
            near = near_misses(str(function), (*PLAIN, *SHAPED))
            self.fail(f"the {key} is {function!r}, not supported", near, known)
        if function in PLAIN:
            return Activation(function)
        if alpha is None:
            self.fail(f"the {key} {function} has no alpha")
        return Activation(function, number(alpha, f"{self.who}: alpha"))


def _dense(entry: _Entry, n_input: int) -> Read:
    # lwtnn leaves out what has no numbers.
    bias = entry.numbers("bias", needed=False)
    if entry.numbers("weights", needed=False).size:
        weights = entry.matrix("weights", n_input)
    else:
        weights = np.empty((0, n_input))
    n_output = len(weights) or n_input
    if bias.size and bias.size != n_output:
        entry.fail(f"{n_output} rows of weights and {bias.size} of bias")
    return (Dense(Affine(weights, bias), entry.activation()),), n_output


def _normalization(entry: _Entry, n_input: int) -> Read:
    bias, weights = entry.numbers("bias"), entry.numbers("weights")
    if not len(bias) == len(weights) == n_input:
        entry.fail(f"{len(weights)} weights and {len(bias)} bias for {n_input} numbers")
    return (Normalization(bias, weights),), n_input


def _maxout(entry: _Entry, n_input: int) -> Read:
    parts = tuple(part.affine(n_input) for part in entry.sublayers())
    sizes = {part.n_output for part in parts}
    if len(sizes) > 1:
        entry.fail(f"its sublayers give {', '.join(map(str, sorted(sizes)))} numbers")
    return (Maxout(parts),), sizes.pop()


def _highway(entry: _Entry, n_input: int) -> Read:
    transform, carry = (entry.component(name).affine(n_input) for name in ("t", "carry"))
    if not transform.n_output == carry.n_output == n_input:
        sizes = f"{transform.n_output} and {carry.n_output}"
        entry.fail(f"its components give {sizes} numbers, expected {n_input}")
    return (Highway(transform, carry, entry.activation()),), n_input


def _recurrence(kind: Literal["lstm", "gru", "simplernn"]) -> Callable[[_Entry, int], Read]:
    def read(entry: _Entry, n_input: int) -> Read:
        gates = {
            name: entry.component(name).affine(n_input, recurrent=True) for name in GATES[kind]
        }
        sizes = {gate.n_output for gate in gates.values()}
        if len(sizes) > 1:
            entry.fail(f"its components give {', '.join(map(str, sorted(sizes)))} numbers")
        inner = Activation() if kind == "simplernn" else entry.activation("inner_activation")
        return (Recurrent(kind, gates, entry.activation(), inner),), sizes.pop()

    return read


def _convolution(entry: _Entry, n_input: int) -> Read:
    weights, bias = entry.numbers("weights"), entry.numbers("bias")
    if not bias.size or not weights.size or weights.size % (n_input * bias.size):
        entry.fail(f"{weights.size} weights and {bias.size} bias for {n_input} numbers")
    padding, dilation = entry.keys.get("padding", "valid"), entry.keys.get("dilation_rate", 1)
    if padding not in PADDINGS:
        entry.fail(f"the padding is {padding!r}, not supported", PADDINGS)
    if isinstance(dilation, bool) or not isinstance(dilation, int) or dilation < 1:
        entry.fail(f"the dilation_rate is {dilation!r}, expected 1 or more")
    activation = entry.activation()
    if activation.function == "softmax":
        # lwtnn takes it along the sequence, which nobody trains.
        entry.fail("the activation is 'softmax', not supported here")
    kernel = weights.reshape(bias.size, n_input, -1)
    return (Convolution(kernel, bias, activation, padding, dilation),), len(bias)


def _embedding(entry: _Entry, n_input: int) -> Read:
    layers: list[Layer] = []
    width = n_input
    for part in entry.sublayers():
        index, n_output = part.keys.get("index"), part.keys.get("n_out")
        if not isinstance(index, int) or not 0 <= index < width:
            part.fail(f"the index is {index!r}, expected 0 to {width - 1}")
        if not isinstance(n_output, int) or n_output < 1:
            part.fail(f"n_out is {n_output!r}, expected 1 or more")
        weights = part.numbers("weights")
        if not weights.size or weights.size % n_output:
            part.fail(f"weights has {weights.size} numbers, expected a multiple of {n_output}")
        layers.append(Embedding(index, weights.reshape(n_output, -1).T))
        width += n_output - 1
    return tuple(layers), width


_READERS: dict[str, Callable[[_Entry, int], Read]] = {
    "dense": _dense,
    "normalization": _normalization,
    "maxout": _maxout,
    "highway": _highway,
    "lstm": _recurrence("lstm"),
    "gru": _recurrence("gru"),
    "simplernn": _recurrence("simplernn"),
    "conv1d": _convolution,
    "embedding": _embedding,
}
