"""One ONNX session per file, options and process. The only module that imports onnxruntime."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import sys
import threading
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

from lepid.errors import BadInput, NetworkMismatch, ProviderUnavailable, UnknownName, first_line
from lepid.taggers.card import Card, Output
from lepid.taggers.graph import build

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
    threads = os.environ.get("LEPID_THREADS") or "0"
    if not threads.isdecimal():
        raise BadInput("LEPID_THREADS", f"{threads!r} is not a number of threads")
    return Settings(os.environ.get("LEPID_PROVIDER") or "auto", int(threads))


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
    """Whether an NVIDIA driver with a device is there: onnxruntime lists CUDA without one too."""
    names = ("nvcuda.dll",) if sys.platform == "win32" else ("libcuda.so.1", "libcuda.so")
    for name in names:
        try:
            driver = ctypes.CDLL(name)
        except OSError:
            continue
        # Login nodes have the driver and no device, and so has CUDA_VISIBLE_DEVICES="".
        count = ctypes.c_int(0)
        asked = driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count))
        return asked == 0 and count.value > 0
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
    ProviderUnavailable : "cuda" was asked for and is not to be had
    """
    if wanted == "cpu":
        return "cpu"
    problem = _why_no_cuda()
    if problem and wanted == "cuda":
        raise ProviderUnavailable("provider cuda", problem[0], (), problem[1])
    return "cpu" if problem else "cuda"


@cache
def _why_no_cuda() -> tuple[str, str] | None:
    """What is wrong and what to do, or None where a session gets CUDA; tried once."""
    do = "use provider 'auto' or 'cpu', or see `lepid doctor`"
    if PROVIDERS["cuda"] not in onnxruntime.get_available_providers():
        return "this onnxruntime has no CUDA", do
    if not has_device():
        return "no NVIDIA driver with a device on this machine", do
    try:
        _new(build.identity(1), "probe", "cuda", 1)
    except ProviderUnavailable as error:
        return error.wrong, error.do
    return None


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

_LOCKS: dict[int, threading.Lock] = {}


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
        first = first_line(error)
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
    session = _new(build.identity(1), "probe", provider(wanted), 1)
    providers: list[str] = session.get_providers()
    return providers


def get(path: Path, digest: str, options: Settings) -> tuple[Any, str]:
    """Session of the network file and the provider that it really got.

    Raises
    ------
    ProviderUnavailable, NetworkMismatch
    """
    chosen = provider(options.provider)
    process = os.getpid()
    # Threads of a dask worker ask at once. A lock of the process: a fork may copy a held one.
    with _LOCKS.setdefault(process, threading.Lock()):
        return _session(path, digest, chosen, threads(options.threads), process), chosen


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

    Raises
    ------
    NetworkMismatch : onnxruntime stops, or the outputs are not one row per lepton
    """
    n_lepton = len(next(iter(rows.values())))
    scores = {output.name: np.empty(n_lepton, np.float32) for output in card.outputs}
    nodes = list(dict.fromkeys(output.node for output in card.outputs))
    for start in range(0, n_lepton, BATCH):
        part = slice(start, start + BATCH)
        batch = {name: array[part] for name, array in rows.items()}
        try:
            given = dict(zip(nodes, session.run(nodes, batch), strict=True))
        except Exception as error:
            # onnxruntime's exceptions share no base class below Exception.
            wrong = f"onnxruntime cannot run the network: {first_line(error)}"
            raise NetworkMismatch(f"card {card.name}", wrong) from error
        for output in card.outputs:
            scores[output.name][part] = _column(card, output, given[output.node], batch)
    return scores


def _column(
    card: Card, output: Output, values: npt.NDArray[Any], batch: Mapping[str, npt.NDArray[Any]]
) -> npt.NDArray[Any]:
    n_lepton, index = len(next(iter(batch.values()))), output.index or 0
    fits = values.ndim and len(values) == n_lepton
    table = values.reshape(n_lepton, -1) if fits else values.reshape(1, -1)
    if not fits or index >= table.shape[1]:
        wrong = f"{output.node!r} gave the shape {values.shape} for {n_lepton} leptons"
        raise NetworkMismatch(f"card {card.name}", f"{wrong}, {output.name} is column {index}")
    column: npt.NDArray[Any] = table[:, index]
    return column
