"""Forests of decision trees: what they are, their file, and how they answer in place of a session.

They run on the CPU, by `features/kernels/forest.py`.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from lepid.errors import BadFile
from lepid.features.kernels import forest as kernels
from lepid.features.kernels.forest import Layout, Tree

SUFFIX = ".npz"
# Its input node, and its output node.
INPUTS, SCORES = "inputs", "scores"
FORMAT = 1
Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
Transform = Literal["identity", "logistic", "softmax", "tanh"]


def _softmax(sums: Floats) -> Floats:
    grown = np.exp(sums - sums.max(axis=1, keepdims=True))
    shares: Floats = grown / grown.sum(axis=1, keepdims=True)
    return shares


def _logistic(sums: Floats) -> Floats:
    with np.errstate(over="ignore"):
        found: Floats = 1 / (1 + np.exp(-sums))
    return found


TRANSFORMS: Mapping[str, Callable[[Floats], Floats]] = {
    "identity": lambda sums: sums,
    "logistic": _logistic,
    "softmax": _softmax,
    "tanh": np.tanh,
}


class Port(NamedTuple):
    """An input or output, described as onnxruntime describes those of a session."""

    name: str
    shape: tuple[str | int, ...]
    type: str = "tensor(float)"


@dataclass(frozen=True)
class Forest:
    """Trees whose leaves add up to scores.

    A score is ``transform(scale * (base + sum of the leaves, tree after tree))``.

    Attributes
    ----------
    inputs : names that the file gives its features
    trees : a row goes left at a split where its float32 is less than the threshold
    group : which score each tree adds to
    base : what each sum begins with
    scale : factor of the sums
    transform : of the sums
    sums : float in which leaves are added: XGBoost adds in float32, the others in float64
    """

    inputs: tuple[str, ...]
    trees: tuple[Tree, ...]
    group: tuple[int, ...]
    base: tuple[float, ...] = (0.0,)
    scale: float = 1.0
    transform: Transform = "identity"
    sums: Literal["float32", "float64"] = "float64"

    @cached_property
    def layout(self) -> Layout:
        """Trees as the kernel takes them."""
        return kernels.layout(self.trees, self.group, self.sums)

    def margins(self, rows: Array) -> Array:
        """Sums before scale and transform, [n, n_output].

        Parameters
        ----------
        rows : [n, n_input] float32; NaN goes where the training sent it
        """
        base = np.array(self.base, self.sums)
        return kernels.sums(np.asarray(rows, np.float32), self.layout, base)

    def evaluate(self, rows: Array) -> Floats:
        """Scores, [n, n_output]."""
        return TRANSFORMS[self.transform](self.margins(rows).astype(np.float64) * self.scale)

    # What follows is what lepid asks of a session of onnxruntime.

    def get_inputs(self) -> list[Port]:
        """The one input, [n, n_input]."""
        return [Port(INPUTS, ("n", len(self.inputs)))]

    def get_outputs(self) -> list[Port]:
        """The one output, [n, n_output]."""
        return [Port(SCORES, ("n", len(self.base)))]

    def get_providers(self) -> list[str]:
        """Where it runs."""
        return ["CPUExecutionProvider"]

    def run(self, names: Sequence[str], fed: Mapping[str, Array]) -> list[Array]:
        """Scores in float32 for each of the `names`, which is `SCORES`."""
        return [self.evaluate(fed[INPUTS]).astype(np.float32) for _ in names]


def below(thresholds: Array, *, or_equal: bool = False) -> npt.NDArray[np.float32]:
    """float32 thresholds at which ``x < threshold`` splits all float32 as the given ones do.

    Parameters
    ----------
    thresholds : [n], of any float
    or_equal : they split by ``x <= threshold``

    Source
    ------
    ours
    """
    wide = np.asarray(thresholds, np.float64)
    with np.errstate(over="ignore"):
        found = wide.astype(np.float32)
        up = np.nextafter(found, np.float32(np.inf))
    # The smallest float32 that does not go left.
    left = found <= wide if or_equal else found < wide
    low: npt.NDArray[np.float32] = np.where(left, up, found).astype(np.float32)
    return low


# --- the file ------------------------------------------------------------------------------------

_DTYPES = {
    "feature": np.int64, "threshold": np.float32, "left": np.int64, "right": np.int64,
    "nan_left": np.bool_, "value": np.float64,
}  # fmt: skip


def write(forest: Forest) -> bytes:
    """The content of a file of it; the same forest gives the same bytes."""
    facts = {
        "lepid_forest": FORMAT, "inputs": forest.inputs, "base": forest.base, "scale": forest.scale,
        "transform": forest.transform, "sums": forest.sums,
    }  # fmt: skip
    arrays: dict[str, Array] = {
        name: np.concatenate([getattr(tree, name) for tree in forest.trees]).astype(dtype)
        for name, dtype in _DTYPES.items()
    }
    sizes = np.array([len(tree.feature) for tree in forest.trees], np.int64)
    content = io.BytesIO()
    text = np.frombuffer(json.dumps(facts).encode(), np.uint8)
    arrays |= {"facts": text, "sizes": sizes, "group": np.array(forest.group, np.int64)}
    np.savez_compressed(content, allow_pickle=False, **arrays)
    return content.getvalue()


def read(path: Path) -> Forest:
    """The forest in the file at `path`.

    Raises
    ------
    BadFile : not a file that `write` made
    """
    try:
        with np.load(path, allow_pickle=False) as content:
            given = {name: content[name] for name in content.files}
        facts = json.loads(given["facts"].tobytes())
        if facts.pop("lepid_forest") != FORMAT:
            raise BadFile(str(path), "is a forest of another version of lepid", (), _AGAIN)
        ends = np.cumsum(given["sizes"])[:-1]
        parts = [np.split(given[name].astype(dtype), ends) for name, dtype in _DTYPES.items()]
        trees = tuple(Tree(*arrays) for arrays in zip(*parts, strict=True))
        facts |= {"inputs": tuple(facts["inputs"]), "base": tuple(facts["base"])}
        return Forest(trees=trees, group=tuple(given["group"].tolist()), **facts)
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        if isinstance(error, BadFile):
            raise
        raise BadFile(str(path), "is not a forest that lepid wrote", (), _AGAIN) from error


_AGAIN = "make it again with `lepid convert`"


@cache
def get(path: Path, digest: str) -> Forest:
    """The forest in a file, read once."""
    return read(path)
