"""One ONNX session per file, options and process. The only module that imports onnxruntime."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime

from lepid.errors import BadInput, NetworkMismatch, ProviderUnavailable, UnknownName, first_line
from lepid.taggers.graph import build

PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}


@dataclass(frozen=True)
class Settings:
    """How networks are run.

    Attributes
    ----------
    provider : "auto" (CUDA where there is a device, else CPU), "cpu" or "cuda"
    threads : threads in all; 0 means all cores in the main process, 1 in a worker of a pool
    parallel : batches that run at once and share the threads; 0 means 1 for networks that take
        one row per lepton, and as many as there are threads for those that take sequences
    """

    provider: str = "auto"
    threads: int = 0
    parallel: int = 0

    def __post_init__(self) -> None:
        if self.provider not in ("auto", *PROVIDERS):
            raise UnknownName.of("settings", "provider", self.provider, ["auto", *PROVIDERS])
        if self.threads < 0:
            raise BadInput("settings", f"threads is {self.threads}, expected 0 or more")
        if self.parallel < 0:
            raise BadInput("settings", f"parallel is {self.parallel}, expected 0 or more")

    def shares(self, sequences: bool) -> tuple[int, int]:
        """Threads of one call of a network, and calls at once.

        Small products of matrices gain little from several threads, and several batches a lot.
        """
        total = threads(self.threads)
        at_once = self.parallel or (total if sequences else 1)
        return max(1, total // at_once), min(at_once, total)


_SETTINGS: ContextVar[Settings | None] = ContextVar("lepid_settings", default=None)


def current_settings() -> Settings:
    """The settings in force: those of `settings`, else those of the environment.

    `LEPID_PROVIDER`, `LEPID_THREADS` and `LEPID_PARALLEL` hold them.

    Raises
    ------
    UnknownName, BadInput : a variable holds something else
    """
    chosen = _SETTINGS.get()
    if chosen is not None:
        return chosen
    provider = os.environ.get("LEPID_PROVIDER") or "auto"
    return Settings(
        provider, _number("LEPID_THREADS", "threads"), _number("LEPID_PARALLEL", "batches")
    )


def _number(variable: str, what: str) -> int:
    text = os.environ.get(variable) or "0"
    if not text.isdecimal():
        raise BadInput(variable, f"{text!r} is not a number of {what}")
    return int(text)


@contextmanager
def settings(
    provider: str | None = None, threads: int | None = None, parallel: int | None = None
) -> Iterator[Settings]:
    """Run networks with this provider and these numbers of threads inside the block.

    Parameters
    ----------
    provider : "auto", "cpu" or "cuda"; with "cuda" the absence of a device is an error
    threads : threads in all, 0 to decide by the process
    parallel : batches that run at once and share the threads, 0 to decide by the network

    Raises
    ------
    UnknownName, BadInput : not a provider, not a number of threads or batches
    """
    given = {"provider": provider, "threads": threads, "parallel": parallel}
    changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    chosen = replace(current_settings(), **changes)
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
        # TF32 is on by default and moves scores by 1e-3. Batches of many sizes would double the
        # arena again and again.
        choices = {"use_tf32": "0", "arena_extend_strategy": "kSameAsRequested"}
        names.insert(0, (PROVIDERS["cuda"], choices))
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


def get(path: Path, digest: str, options: Settings, n_thread: int = 0) -> tuple[Any, str]:
    """Session of the network file and the provider that it really got.

    Parameters
    ----------
    n_thread : threads of one call, 0 for those of a network that takes one row per lepton

    Raises
    ------
    ProviderUnavailable, NetworkMismatch
    """
    chosen = provider(options.provider)
    process = os.getpid()
    wanted = n_thread or options.shares(sequences=False)[0]
    # Threads of a dask worker ask at once. A lock of the process: a fork may copy a held one.
    with _LOCKS.setdefault(process, threading.Lock()):
        return _session(path, digest, chosen, wanted, process), chosen


def load(model: bytes, where: str, chosen: str, n_thread: int) -> Any:
    """Session of a network in memory on the provider "cpu" or "cuda"; `where` stands in errors.

    Raises
    ------
    ProviderUnavailable, NetworkMismatch
    """
    return _new(model, where, chosen, n_thread)


def call(
    session: Any, nodes: Sequence[str], fed: Mapping[str, npt.NDArray[Any]], where: str
) -> dict[str, npt.NDArray[Any]]:
    """What the network answers at its output `nodes`.

    Raises
    ------
    NetworkMismatch : onnxruntime stops
    """
    try:
        if session.get_providers()[0] == PROVIDERS["cuda"]:
            answers = _bound(session, nodes, fed, "cuda")
        else:
            answers = session.run(nodes, fed)
    except Exception as error:
        # onnxruntime's exceptions share no base class below Exception.
        wrong = f"onnxruntime cannot run the network: {first_line(error)}"
        raise NetworkMismatch(where, wrong) from error
    return dict(zip(nodes, answers, strict=True))


def _bound(
    session: Any, nodes: Sequence[str], fed: Mapping[str, npt.NDArray[Any]], device: str
) -> list[Any]:
    """Answers with all inputs and outputs bound to `device`, each copied once."""
    binding = session.io_binding()
    for name, array in fed.items():
        value = onnxruntime.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(array), device, 0)
        binding.bind_ortvalue_input(name, value)
    for node in nodes:
        binding.bind_output(node, device)
    session.run_with_iobinding(binding)
    answers: list[Any] = binding.copy_outputs_to_cpu()
    return answers
