"""One ONNX session per file, options and process. The only module that imports onnxruntime."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime

from lepid.errors import BadInput, NetworkMismatch, ProviderUnavailable, UnknownName
from lepid.taggers import graph
from lepid.taggers.card import Card, Network

PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
# A call with a million rows keeps gigabytes in onnxruntime's arena; 8192 rows are as fast.
BATCH = 8192


@dataclass(frozen=True)
class Settings:
    """How networks are run.

    Attributes
    ----------
    provider : "auto" (CUDA where there is a device, else CPU), "cpu" or "cuda"
    threads : threads of one session; 0 means all cores in the main process, 1 in a worker
    """

    provider: str = "auto"
    threads: int = 0

    def __post_init__(self) -> None:
        if self.provider not in ("auto", *PROVIDERS):
            raise UnknownName.of("settings", "provider", self.provider, ["auto", *PROVIDERS])
        if self.threads < 0:
            raise BadInput("settings", f"threads is {self.threads}, expected 0 or more")


_SETTINGS: ContextVar[Settings | None] = ContextVar("lepid_settings", default=None)


def current_settings() -> Settings:
    """The settings in force: those of `settings`, else `LEPID_PROVIDER` and `LEPID_THREADS`.

    Raises
    ------
    UnknownName, BadInput : a variable holds something else
    """
    chosen = _SETTINGS.get()
    if chosen is not None:
        return chosen
    threads = os.environ.get("LEPID_THREADS", "0")
    if not threads.isdigit():
        raise BadInput("LEPID_THREADS", f"{threads!r} is not a number of threads")
    return Settings(os.environ.get("LEPID_PROVIDER", "auto"), int(threads))


@contextmanager
def settings(provider: str | None = None, threads: int | None = None) -> Iterator[Settings]:
    """Run networks with this provider and this number of threads inside the block.

    Parameters
    ----------
    provider : "auto", "cpu" or "cuda"; with "cuda" the absence of a device is an error
    threads : threads of one session, 0 to decide by the process

    Raises
    ------
    UnknownName, BadInput : not a provider, not a number of threads
    """
    now = current_settings()
    chosen = Settings(
        now.provider if provider is None else provider, now.threads if threads is None else threads
    )
    token = _SETTINGS.set(chosen)
    try:
        yield chosen
    finally:
        _SETTINGS.reset(token)


# --- what this machine has ----------------------------------------------------------------------


@cache
def has_device() -> bool:
    """Whether an NVIDIA driver is there. onnxruntime lists CUDA even on machines without one."""
    names = ("nvcuda.dll",) if sys.platform == "win32" else ("libcuda.so.1", "libcuda.so")
    for name in names:
        try:
            ctypes.CDLL(name)
        except OSError:
            continue
        return True
    return False


def packages() -> dict[str, str]:
    """Installed onnxruntime packages and their versions; two at once overwrite each other."""
    found = {}
    for name in ("onnxruntime-gpu", "onnxruntime"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def provider(wanted: str) -> str:
    """Provider that a session gets for `wanted`: "cpu" or "cuda".

    Raises
    ------
    ProviderUnavailable : "cuda" was asked for and there is no driver or no such build
    """
    built = PROVIDERS["cuda"] in onnxruntime.get_available_providers()
    if wanted == "cuda" and not (has_device() and built):
        wrong = "no NVIDIA driver on this machine" if built else "this onnxruntime has no CUDA"
        do = "use provider 'auto' or 'cpu', or see `lepid doctor`"
        raise ProviderUnavailable("provider cuda", wrong, (), do)
    return "cuda" if wanted != "cpu" and has_device() and built else "cpu"


def threads(wanted: int) -> int:
    """Threads of a session; worker processes of a pool get one each."""
    if wanted:
        return wanted
    in_pool = multiprocessing.parent_process() is not None
    in_pool |= multiprocessing.current_process().name != "MainProcess"
    return 1 if in_pool else _cores()


def _cores() -> int:
    # A batch system gives a job fewer cores than the machine has.
    allowed = getattr(os, "sched_getaffinity", None)
    return len(allowed(0)) if allowed else os.cpu_count() or 1


# --- sessions -----------------------------------------------------------------------------------


@cache
def _session(path: Path, digest: str, chosen: str, n_thread: int, process: int) -> Any:
    # The hash and the process are keys: another file under the same name, or a forked worker,
    # gets a session of its own.
    return _new(str(path), str(path), chosen, n_thread)


def _new(model: str | bytes, where: str, chosen: str, n_thread: int) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = n_thread
    options.inter_op_num_threads = 1
    # A thread that spins between two small calls burns a core that a pool needs.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 4
    names: list[Any] = [PROVIDERS["cpu"]]
    if chosen == "cuda":
        # TF32 is on by default and moves scores by 1e-3.
        names.insert(0, (PROVIDERS["cuda"], {"use_tf32": "0"}))
    try:
        session = onnxruntime.InferenceSession(model, options, providers=names)
    except Exception as error:
        # onnxruntime's exceptions share no base class below Exception.
        first = str(error).splitlines()[0]
        raise NetworkMismatch(where, f"onnxruntime cannot load it: {first}") from error
    if PROVIDERS[chosen] not in session.get_providers():
        wrong = f"onnxruntime fell back to {', '.join(session.get_providers())}"
        do = "install the CUDA libraries (pip install 'lepid[cuda]'), or use provider 'cpu'"
        raise ProviderUnavailable("provider cuda", wrong, (), do)
    return session


def probe(wanted: str) -> list[str]:
    """Providers that a session for `wanted` really gets on this machine.

    Raises
    ------
    ProviderUnavailable : "cuda" is not to be had
    """
    session = _new(graph.identity(1), "probe", provider(wanted), 1)
    providers: list[str] = session.get_providers()
    return providers


def get(path: Path, digest: str, options: Settings) -> tuple[Any, str]:
    """Session of the network file and the provider that it really got.

    Raises
    ------
    ProviderUnavailable, NetworkMismatch
    """
    chosen = provider(options.provider)
    n_thread = threads(options.threads)
    try:
        return _session(path, digest, chosen, n_thread, os.getpid()), chosen
    except ProviderUnavailable:
        if options.provider == "cuda":
            raise
        return _session(path, digest, "cpu", n_thread, os.getpid()), "cpu"


def check(session: Any, card: Card, network: Network, path: Path) -> None:
    """Compare the inputs and outputs of the file with those of the card.

    Raises
    ------
    NetworkMismatch : lists every difference
    """
    inputs = {i.name: i for i in session.get_inputs()}
    outputs = {o.name: o for o in session.get_outputs()}
    problems = []
    for node in network.nodes:
        if node.name not in inputs:
            problems.append(f"the card feeds {node.name!r}, the network takes {', '.join(inputs)}")
            continue
        width = inputs[node.name].shape[-1]
        if isinstance(width, int) and width != len(node.inputs):
            wrong = f"the card lists {len(node.inputs)} inputs for {node.name!r}"
            problems.append(f"{wrong}, the network takes {width}")
    fed = {node.name for node in network.nodes}
    unfed = [name for name in inputs if name not in fed]
    problems += [f"the network takes {name!r}, which the card does not feed" for name in unfed]
    for output in card.outputs:
        if output.node not in outputs:
            found = ", ".join(outputs)
            problems.append(f"the card reads {output.node!r}, the network gives {found}")
        elif output.index is not None:
            width = outputs[output.node].shape[-1]
            if isinstance(width, int) and output.index >= width:
                problems.append(f"{output.name} is column {output.index} of {width}")
    if problems:
        raise NetworkMismatch(str(path), "; ".join(dict.fromkeys(problems)), (), "see the card")


def run(
    session: Any, card: Card, rows: Mapping[str, npt.NDArray[np.float32]]
) -> dict[str, npt.NDArray[np.float32]]:
    """Scores of each lepton, by output name, in bounded memory.

    Parameters
    ----------
    rows : input node -> [n_lepton, n_input]

    Returns
    -------
    output name -> [n_lepton]
    """
    nodes = list(dict.fromkeys(output.node for output in card.outputs))
    n_lepton = len(next(iter(rows.values())))
    parts = []
    for start in range(0, max(n_lepton, 1), BATCH):
        batch = {name: array[start : start + BATCH] for name, array in rows.items()}
        parts.append(session.run(nodes, batch))
    whole = {n: np.concatenate([p[i] for p in parts]) for i, n in enumerate(nodes)}
    scores = {}
    for output in card.outputs:
        values = whole[output.node].reshape(n_lepton, -1)
        scores[output.name] = values[:, output.index or 0]
    return scores
