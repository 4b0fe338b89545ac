"""Networks that are ready to run; those that take one lepton per call get a batch axis, proven.

A batched graph is kept in the user's cache folder once it has been proven, so that one that lies
there is good.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Mapping
from collections.abc import Sequence as Several
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from lepid.errors import LepidError, NetworkMismatch
from lepid.features.kernels.vertexing import vertex_index
from lepid.files_out import atomic, cache_folder
from lepid.taggers import card_network, forest, inference, session, signature
from lepid.taggers.batching import Sequence
from lepid.taggers.card import Card
from lepid.taggers.card_network import Node
from lepid.taggers.card_outputs import Output
from lepid.taggers.graph import trial, vectorise
from lepid.taggers.graph.vectorise import Vectorised
from lepid.taggers.inference import Network

# Rows by input node, and sequences.
Leptons = tuple[dict[str, npt.NDArray[np.float32]], dict[str, Sequence]]

# Tracks of the leptons on which a batched graph is compared with the original.
LENGTHS = (0, 1, 2, 5, 17, 40)
EACH = 3
# Scores differ by rounding alone; what does not vary by much more than that proves nothing.
RELATIVE, VARIES = 1e-5, 1e-4
# Random weights make a network so steep that rounding shows; a wrong graph is off by about one.
ABSOLUTE, ABSOLUTE_RANDOM = 1e-6, 1e-4

_LOCKS: dict[int, threading.Lock] = {}
_MADE: dict[tuple[object, ...], Network] = {}


def get(
    path: Path, digest: str, card: Card, network: card_network.Network, options: session.Settings
) -> Network:
    """The network that runs the file at `path`, one for each file, card, options and process.

    Raises
    ------
    ProviderUnavailable, NetworkMismatch
    BadFile : not a forest that lepid wrote
    """
    if network.forest:
        trees = forest.get(path, digest)
        signature.check(trees, card, network, path)
        return Network(trees, "leptons", f"card {card.name}")
    n_thread, _ = options.shares(sequences=bool(network.ragged))
    loaded, provider = session.get(path, digest, options, n_thread)
    key = (path, digest, card.name, card.outputs, network, provider, n_thread, os.getpid())
    with _LOCKS.setdefault(os.getpid(), threading.Lock()):
        if key not in _MADE:
            signature.check(loaded, card, network, path)
            takes: Literal["leptons", "one"] = "leptons" if network.batched else "one"
            made = Network(loaded, takes, f"card {card.name}", provider)
            if not network.batched:
                outputs = card.read_from(network)
                made = _batched(made, path, digest, outputs, network.nodes)
            _MADE[key] = made
        return _MADE[key]


def _batched(
    single: Network, path: Path, digest: str, outputs: Several[Output], nodes: Several[Node]
) -> Network:
    """The network with a batch axis, or `single` with the reason."""
    wanted = list(dict.fromkeys(output.node for output in outputs))
    place = _place(digest, wanted)
    options = single.session.get_session_options()
    known = _kept(place)
    if known is None:
        original = path.read_bytes()
        known = vectorise.vectorise(original, wanted)
        lost = [f"{name}: {why}" for name, why in known.left.items() if name not in known.partial]
        reason = "; ".join(lost) or prove(original, known, outputs, nodes, single.where)
        if reason:
            return replace(single, slow=f"{path.name} takes one lepton per call: {reason}")
        if place:
            _keep(place, known.model)
    loaded = session.load(known.model, single.where, single.provider, options.intra_op_num_threads)
    return replace(single, session=loaded, takes="objects", partial=known.partial)


# --- the cache ----------------------------------------------------------------------------------


def _place(digest: str, wanted: Several[str]) -> Path | None:
    """Where the batched graph with these outputs is kept."""
    outputs = hashlib.sha256("\n".join(wanted).encode()).hexdigest()[:16]
    folder = cache_folder()
    name = f"{digest}-{vectorise.VERSION}-{outputs}.onnx"
    return folder / "batched" / name if folder else None


def _kept(path: Path | None) -> Vectorised | None:
    try:
        return vectorise.read(path.read_bytes()) if path else None
    except (OSError, LepidError):
        return None


def _keep(path: Path, model: bytes) -> None:
    # Without a folder to write to every process rewrites the graph again: slower by a second.
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic(path) as partial:
            partial.write_bytes(model)


# --- the proof ----------------------------------------------------------------------------------


def prove(
    original: bytes, known: Vectorised, outputs: Several[Output], nodes: Several[Node], where: str
) -> str:
    """Why the batched graph does not stand in for the original; empty where it does.

    Both run on random leptons with different numbers of tracks, the batched one in batches of
    several sizes: with their own weights, and, because trained outputs may hardly vary and the
    rewriting does not look at weights, with random ones.

    Raises
    ------
    NetworkMismatch : the original does not take every number of tracks
    """
    other = trial.with_random_weights(original, np.random.default_rng(0))
    pairs = (original, known), (other, vectorise.vectorise(other, [*known.outputs, *known.partial]))
    varying: set[str] = set()
    allowed = ABSOLUTE, ABSOLUTE_RANDOM
    for seed, (network, batched) in enumerate(pairs):
        leptons = _leptons(nodes, trial.scales(original), np.random.default_rng(seed))
        right = _original(network, outputs, nodes, leptons, where)
        reason = _compared(batched, outputs, nodes, leptons, right, absolute=allowed[seed])
        if reason:
            return reason
        varying |= {name for name, values in right.items() if np.ptp(values) > VARIES}
    same = [output.name for output in outputs if output.name not in varying]
    if same:
        return f"{', '.join(same)} hardly varies on random leptons, which proves nothing"
    unequal = (_finishes(original, end, name, nodes) for name, end in known.partial.items())
    return next(filter(None, unequal), "")


def _original(
    network: bytes, outputs: Several[Output], nodes: Several[Node], leptons: Leptons, where: str
) -> dict[str, npt.NDArray[Any]]:
    single = Network(session.load(network, where, "cpu", 1), "one", where)
    try:
        return inference.run(single, outputs, nodes, *leptons)
    except NetworkMismatch as error:
        do = "export it for any number of tracks, or say in the card how many it needs (minimum)"
        raise NetworkMismatch(where, f"{error.wrong} (on 0 to 40 tracks)", (), do) from error


def _compared(
    batched: Vectorised,
    outputs: Several[Output],
    nodes: Several[Node],
    leptons: Leptons,
    right: Mapping[str, npt.NDArray[Any]],
    *,
    absolute: float,
) -> str:
    """How the batched network differs by more than `absolute`, empty where it does not."""
    try:
        loaded = session.load(batched.model, "batched graph", "cpu", 1)
        network = Network(loaded, "objects", "batched graph", partial=batched.partial)
        for tokens in (1, 2 * max(LENGTHS), 1024):
            found = inference.run(network, outputs, nodes, *leptons, tokens=tokens)
            for name, values in right.items():
                apart = np.abs(found[name].astype(np.float64) - values)
                allowed = absolute + RELATIVE * np.abs(values) if values.dtype.kind == "f" else 0
                if not (apart <= allowed).all():
                    return f"with a batch axis {name} differs by {apart.max():.2g}"
    except NetworkMismatch as error:
        return error.wrong
    return ""


def _finishes(original: bytes, end: str, output: str, nodes: Several[Node]) -> str:
    """Why the kernel does not finish `output` as the network does; empty where it does.

    Random leptons hardly ever have edges on both sides of the cut: random edges do.
    """
    part = session.load(vectorise.behind(original, end, output), output, "cpu", 1)
    takes = {value.name for value in part.get_inputs()}
    rng = np.random.default_rng(0)
    for length in LENGTHS:
        for mean in (0, -1, -2, -3):
            edges = rng.normal(mean, 1, (length * (length - 1), 1)).astype(np.float32)
            sizes = {n.name: (1 if n.per == "lepton" else length, len(n.inputs)) for n in nodes}
            fed = {name: np.zeros(size, np.float32) for name, size in sizes.items()}
            fed = {name: values for name, values in {**fed, end: edges}.items() if name in takes}
            right = session.call(part, [output], fed, output)[output]
            if not np.array_equal(vertex_index(edges.reshape(1, -1), length)[0], right):
                return f"{output} is not the lowest of the tracks that its edges connect"
    return ""


def _leptons(
    nodes: Several[Node],
    expected: Mapping[str, tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]],
    rng: np.random.Generator,
) -> Leptons:
    """Random inputs of about the size that the network expects."""
    lengths = rng.permutation(np.repeat(LENGTHS, EACH))
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    rows, sequences = {}, {}
    for node in nodes:
        mean, std = expected[node.name]
        size = (len(lengths) if node.per == "lepton" else int(offsets[-1]), len(node.inputs))
        values = (mean + std * rng.normal(size=size)).astype(np.float32)
        if node.per == "lepton":
            rows[node.name] = values
        else:
            sequences[node.name] = Sequence(offsets, np.arange(len(values)), values)
    return rows, sequences
