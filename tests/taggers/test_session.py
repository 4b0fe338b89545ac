"""Sessions: how many are made, what they get, and what they do with rows."""

from __future__ import annotations

import concurrent.futures
import importlib
import multiprocessing
import os
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import loky
import numpy as np
import pytest

from lepid.errors import BadInput, NetworkMismatch, ProviderUnavailable, UnknownName
from lepid.taggers import session
from lepid.taggers.session import Settings

pytestmark = pytest.mark.usefixtures("no_search_paths", "no_sessions")

CPU = Settings("cpu", 1)


@pytest.fixture
def no_sessions() -> None:
    """No session of an earlier test; and what was found about CUDA is forgotten."""
    session._session.cache_clear()
    session._why_no_cuda.cache_clear()


@pytest.fixture
def count(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Model of every session that is made from here on."""
    made: list[str] = []
    original = session._new

    def new(model: Any, where: str, chosen: str, n_thread: int) -> Any:
        made.append(where)
        return original(model, where, chosen, n_thread)

    monkeypatch.setattr(session, "_new", new)
    return made


# --- one session per file, options and process --------------------------------------------------


def test_one_session_per_file_and_options(
    tmp_path: Path, tiny_network: Any, count: list[str]
) -> None:
    one, two = tiny_network(tmp_path / "one.onnx"), tiny_network(tmp_path / "two.onnx", outputs=4)
    first, provider = session.get(one.path, one.sha256, CPU)
    assert provider == "cpu"
    assert session.get(one.path, one.sha256, CPU)[0] is first
    assert count == [str(one.path)]
    assert session.get(two.path, two.sha256, CPU)[0] is not first
    assert session.get(one.path, one.sha256, Settings("cpu", 2))[0] is not first
    assert len(count) == 3
    # another file under the same name, which the hash tells
    three = tiny_network(tmp_path / "one.onnx", outputs=5)
    replaced, _ = session.get(three.path, three.sha256, CPU)
    assert replaced is not first
    assert replaced.get_outputs()[0].shape[1] == 5
    assert len(count) == 4


def test_threads_that_ask_at_once_get_one_session(
    tmp_path: Path, tiny_network: Any, count: list[str]
) -> None:
    net = tiny_network(tmp_path / "net.onnx")
    barrier = threading.Barrier(8)

    def get(_: int) -> int:
        barrier.wait()
        return id(session.get(net.path, net.sha256, CPU)[0])

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(get, range(8)))) == 1
    assert len(count) == 1


@pytest.mark.parametrize(
    "pool",
    [
        pytest.param(
            lambda: concurrent.futures.ProcessPoolExecutor(
                1, mp_context=multiprocessing.get_context("spawn")
            ),
            id="spawn",
        ),
        pytest.param(lambda: loky.ProcessPoolExecutor(1), id="loky"),
    ],
)
def test_a_worker_makes_one_session_of_one_thread(
    tmp_path: Path, tiny_network: Any, pool: Callable[[], Any], worker_module: Any
) -> None:
    net = tiny_network(tmp_path / "net.onnx")
    with pool() as workers:
        found = workers.submit(worker_module.sessions, str(net.path), net.sha256).result(60)
    assert found == (1, 1)
    assert session.threads(0) >= 1


@pytest.fixture
def worker_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A module that workers can import; this file is none to them."""
    (tmp_path / "lepid_session_worker.py").write_text(
        "from pathlib import Path\n"
        "from lepid.taggers import session\n"
        "def sessions(path, sha256):\n"
        "    made = []\n"
        "    original = session._new\n"
        "    session._new = lambda *a: (made.append(a), original(*a))[1]\n"
        "    for _ in range(10):\n"
        "        session.get(Path(path), sha256, session.Settings('cpu'))\n"
        "    return len(made), made[0][-1]\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    known = os.environ.get("PYTHONPATH")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(tmp_path), known])))
    yield importlib.import_module("lepid_session_worker")
    sys.modules.pop("lepid_session_worker")


# --- settings -----------------------------------------------------------------------------------


def test_settings_come_from_the_block_the_environment_and_the_default(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert session.current_settings() == Settings("auto", 0)
    monkeypatch.setenv("LEPID_PROVIDER", "cpu")
    monkeypatch.setenv("LEPID_THREADS", "3")
    assert session.current_settings() == Settings("cpu", 3)
    with session.settings(threads=2) as inner:
        assert inner == session.current_settings() == Settings("cpu", 2)
        with session.settings(provider="auto", threads=0):
            assert session.current_settings() == Settings("auto", 0)
        assert session.current_settings() == inner
    assert session.current_settings() == Settings("cpu", 3)
    monkeypatch.setenv("LEPID_PROVIDER", "")
    monkeypatch.setenv("LEPID_THREADS", "")
    assert session.current_settings() == Settings("auto", 0)


@pytest.mark.parametrize(
    ("threads", "parallel", "rows", "sequences"),
    [
        (0, 0, (7, 1), (1, 7)),
        (4, 0, (4, 1), (1, 4)),
        (1, 0, (1, 1), (1, 1)),
        (4, 2, (2, 2), (2, 2)),
        (4, 3, (1, 3), (1, 3)),
        (2, 5, (1, 2), (1, 2)),
    ],
)
def test_threads_are_shared_by_the_batches_that_run_at_once(
    monkeypatch: pytest.MonkeyPatch,
    threads: int,
    parallel: int,
    rows: tuple[int, int],
    sequences: tuple[int, int],
) -> None:
    monkeypatch.setattr(session, "_cores", lambda: 7)
    monkeypatch.setattr(multiprocessing, "parent_process", lambda: None)
    monkeypatch.setattr(multiprocessing.current_process(), "_name", "MainProcess")
    chosen = Settings("cpu", threads, parallel)
    assert chosen.shares(sequences=False) == rows
    assert chosen.shares(sequences=True) == sequences
    for each, at_once in (rows, sequences):
        assert each * at_once <= session.threads(threads)


def test_workers_of_a_pool_run_one_batch_on_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multiprocessing.current_process(), "_name", "LokyProcess-1")
    assert Settings().shares(sequences=True) == (1, 1)


def test_parallel_comes_from_the_block_or_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEPID_PARALLEL", "3")
    assert session.current_settings() == Settings("auto", 0, 3)
    with session.settings(parallel=2, threads=5) as inner:
        assert inner == Settings("auto", 5, 2)
    monkeypatch.setenv("LEPID_PARALLEL", "two")
    with pytest.raises(BadInput, match="LEPID_PARALLEL: 'two' is not a number of batches"):
        session.current_settings()
    with pytest.raises(BadInput, match="parallel is -1"):
        Settings(parallel=-1)


def test_settings_end_with_the_block_also_after_an_error() -> None:
    with pytest.raises(ZeroDivisionError), session.settings(provider="cpu"):
        raise ZeroDivisionError
    assert session.current_settings().provider == "auto"


@pytest.mark.parametrize("text", ["many", "-1", "1.5", "²", " 2"])
def test_threads_in_the_environment_are_a_number(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("LEPID_THREADS", text)
    with pytest.raises(BadInput, match=f"LEPID_THREADS: '{text}' is not a number of threads"):
        session.current_settings()


def test_a_provider_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnknownName, match="settings: no provider 'cdua'") as caught:
        Settings("cdua")
    assert "cuda" in caught.value.near
    with pytest.raises(BadInput, match="threads is -1"), session.settings(threads=-1):
        pass
    monkeypatch.setenv("LEPID_PROVIDER", "gpu")
    with pytest.raises(UnknownName) as caught:
        session.current_settings()
    assert caught.value.do == "use one of: auto, cpu, cuda"


def test_threads_of_the_main_process(monkeypatch: pytest.MonkeyPatch) -> None:
    assert session.threads(5) == 5
    monkeypatch.setattr(session, "_cores", lambda: 7)
    in_main = multiprocessing.parent_process() is None
    assert session.threads(0) == (7 if in_main else 1)
    monkeypatch.setattr(multiprocessing.current_process(), "_name", "LokyProcess-1")
    assert session.threads(0) == 1


# --- providers ----------------------------------------------------------------------------------


def without_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "has_device", lambda: False)


def test_cuda_without_a_device_is_an_error_and_auto_takes_the_cpu(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tiny_network: Any
) -> None:
    without_device(monkeypatch)
    providers = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(session.onnxruntime, "get_available_providers", lambda: providers)
    net = tiny_network(tmp_path / "net.onnx")
    with pytest.raises(ProviderUnavailable, match="provider cuda: no NVIDIA driver") as caught:
        session.get(net.path, net.sha256, Settings("cuda"))
    assert "lepid doctor" in caught.value.do
    assert "'cpu'" in caught.value.do
    found, provider = session.get(net.path, net.sha256, Settings("auto"))
    assert provider == "cpu"
    assert found.get_providers() == ["CPUExecutionProvider"]


def test_cuda_that_was_not_built_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session.onnxruntime, "get_available_providers", lambda: ["X"])
    with pytest.raises(ProviderUnavailable, match="this onnxruntime has no CUDA"):
        session.provider("cuda")
    assert session.provider("auto") == session.provider("cpu") == "cpu"


def test_a_driver_without_cuda_libraries_is_tried_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tiny_network: Any
) -> None:
    # Such a machine falls back silently: the session says which providers it has.
    tried: list[str] = []
    original = session.onnxruntime.InferenceSession

    def fall_back(model: Any, options: Any, providers: list[Any]) -> Any:
        tried.append(str(providers[0]))
        return original(model, options, providers=["CPUExecutionProvider"])

    providers = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(session.onnxruntime, "get_available_providers", lambda: providers)
    monkeypatch.setattr(session.onnxruntime, "InferenceSession", fall_back)
    monkeypatch.setattr(session, "has_device", lambda: True)
    with pytest.raises(ProviderUnavailable, match="fell back to CPUExecutionProvider") as caught:
        session.provider("cuda")
    assert "lepid[cuda]" in caught.value.do
    net = tiny_network(tmp_path / "net.onnx")
    for _ in range(3):
        assert session.get(net.path, net.sha256, Settings("auto"))[1] == "cpu"
    assert [name for name in tried if "CUDA" in name] == [tried[0]]


class Driver:
    """Stands in for the driver library: error codes and the number of devices."""

    def __init__(self, start: int, asked: int, devices: int) -> None:
        self.start, self.asked, self.devices = start, asked, devices

    def cuInit(self, flags: int) -> int:
        return self.start

    def cuDeviceGetCount(self, pointer: Any) -> int:
        pointer._obj.value = self.devices
        return self.asked


@pytest.mark.parametrize(
    ("driver", "expected"),
    [
        (Driver(0, 0, 2), True),
        (Driver(0, 0, 0), False),
        (Driver(100, 0, 1), False),
        (Driver(0, 3, 1), False),
        (None, False),
    ],
)
def test_a_device_needs_a_driver_that_counts_one(
    monkeypatch: pytest.MonkeyPatch, driver: Driver | None, expected: bool
) -> None:
    def load(name: str) -> Driver:
        if driver is None:
            raise OSError(name)
        return driver

    session.has_device.cache_clear()
    monkeypatch.setattr(session.ctypes, "CDLL", load)
    try:
        assert session.has_device() is expected
    finally:
        session.has_device.cache_clear()


def test_probe_says_what_a_session_really_gets() -> None:
    assert session.probe("cpu") == ["CPUExecutionProvider"]


def test_packages_are_those_that_are_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    found = session.packages()
    assert found
    assert set(found) <= {"onnxruntime", "onnxruntime-gpu"}
    assert all(number[0].isdigit() for number in found.values())
    monkeypatch.setattr(session, "version", lambda name: "1.0")
    assert session.packages() == {"onnxruntime-gpu": "1.0", "onnxruntime": "1.0"}


@pytest.mark.gpu
def test_a_session_on_the_gpu_gives_the_same(tmp_path: Path, tiny_network: Any) -> None:
    net = tiny_network(tmp_path / "net.onnx")
    rows = np.random.default_rng(0).normal(size=(100, 3)).astype(np.float32)
    found, provider = session.get(net.path, net.sha256, Settings("cuda"))
    assert provider == "cuda"
    (scores,) = session.call(found, ["y"], {"x": rows}, "here").values()
    np.testing.assert_allclose(scores, rows @ net.weights, rtol=1e-5, atol=1e-6)


# --- running ------------------------------------------------------------------------------------


def test_what_is_no_network_is_an_error_with_its_path(tmp_path: Path) -> None:
    file = tmp_path / "net.onnx"
    file.write_bytes(b"not a network")
    with pytest.raises(NetworkMismatch, match="onnxruntime cannot load it") as caught:
        session.get(file, "x", CPU)
    assert caught.value.where == str(file)


class OnGPU:
    """A session that runs on the CPU and says that it is on a GPU."""

    def __init__(self, session: Any) -> None:
        self.session, self.bound = session, []

    def get_providers(self) -> list[str]:
        return ["CUDAExecutionProvider", "CPUExecutionProvider"]

    def io_binding(self) -> Any:
        return self.session.io_binding()

    def run_with_iobinding(self, binding: Any) -> None:
        self.bound.append(binding)
        self.session.run_with_iobinding(binding)


def test_on_a_gpu_inputs_and_outputs_are_bound_to_it(
    tmp_path: Path, tiny_network: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    net = tiny_network(tmp_path / "net.onnx")
    fake = OnGPU(session.get(net.path, net.sha256, CPU)[0])
    original, devices = session._bound, []

    def on_cpu(own: Any, nodes: Any, fed: Any, device: str) -> Any:
        devices.append(device)
        return original(own, nodes, fed, "cpu")

    monkeypatch.setattr(session, "_bound", on_cpu)
    rows = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)[::2]
    found = session.call(fake, ["y"], {"x": rows}, "here")
    np.testing.assert_allclose(found["y"], rows @ net.weights, rtol=1e-6, atol=1e-6)
    assert devices == ["cuda"]
    assert len(fake.bound) == 1
    with pytest.raises(NetworkMismatch, match="here: onnxruntime cannot run the network"):
        session.call(fake, ["y"], {"x": rows[:, :2]}, "here")


def test_cuda_is_asked_for_without_tf32(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    class Made:
        def __init__(self, model: Any, options: Any, providers: list[Any]) -> None:
            asked.append((providers, options.intra_op_num_threads))

        def get_providers(self) -> list[str]:
            return ["CUDAExecutionProvider", "CPUExecutionProvider"]

    monkeypatch.setattr(session.onnxruntime, "InferenceSession", Made)
    session.load(b"model", "here", "cuda", 3)
    ((first, *others), n_thread) = asked[0]
    assert first == (
        "CUDAExecutionProvider", {"use_tf32": "0", "arena_extend_strategy": "kSameAsRequested"}
    )  # fmt: skip
    assert others == ["CPUExecutionProvider"]
    assert n_thread == 3
