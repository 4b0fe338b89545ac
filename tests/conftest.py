"""What all tests share: real files, samples, hypothesis profiles, what a marker needs."""

from __future__ import annotations

import ctypes
import hashlib
import os
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import awkward as ak
import numpy as np
import numpy.typing as npt
import pytest
import uproot
from hypothesis import settings
from onnx import helper, numpy_helper

REPOSITORY = Path(__file__).resolve().parent.parent
IN_CI = os.environ.get("CI", "").lower() not in {"", "0", "false"}
REAL_FOLDERS = ("root", "models", "oracles", "working_points")

# A stale cache on disk would hide a change of a kernel, and one folder serves all workers.
os.environ.pop("LEPID_NUMBA_CACHE", None)

settings.register_profile("local", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if IN_CI else "local")


def real_data_folder() -> Path:
    """Folder where the real files are looked for, there or not."""
    named = os.environ.get("LEPID_REAL_DATA")
    return Path(named) if named else REPOSITORY.parent / "shared" / "data"


def why_no_real_data() -> str:
    """Reason why tests on real files cannot run, empty where they can."""
    folder = real_data_folder()
    absent = [name for name in REAL_FOLDERS if not (folder / name).is_dir()]
    if not absent:
        return ""
    return f"no real data: {folder} has no {', '.join(absent)} (set LEPID_REAL_DATA)"


def why_no_gpu() -> str:
    """Reason why tests on a GPU cannot run, empty where they can."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError as error:
        return f"no NVIDIA driver: {error}"
    count = ctypes.c_int(0)
    if driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count)) or not count.value:
        return "an NVIDIA driver, but no device"
    return ""


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Benchmarks are collected only where nothing else runs beside them."""
    benchmarks = REPOSITORY / "tests" / "benchmarks"
    if collection_path == benchmarks and not config.getoption("benchmark_only", False):
        return True
    return None


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip, or in CI fail, a test whose marker asks for what is not here."""
    if item.get_closest_marker("real") and (reason := why_no_real_data()):
        if IN_CI:
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    if item.get_closest_marker("gpu") and (reason := why_no_gpu()):
        pytest.skip(reason)


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Nothing of what tests make goes into the cache of whoever runs them."""
    os.environ["LEPID_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of the real files, with root, models, oracles and working_points in it."""
    if reason := why_no_real_data():
        pytest.fail(f"{reason}; mark the test `real`", pytrace=False)
    return real_data_folder()


@pytest.fixture(scope="session")
def phys_sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A toy in the format of DAOD_PHYS with the scores of all ATLAS taggers: `phys_sample.py`."""
    toy = runpy.run_path(str(REPOSITORY / "tests" / "phys_sample.py"))
    path = tmp_path_factory.mktemp("phys") / "phys.root"
    toy["write"](path, toy["make"]())
    return path


@pytest.fixture(scope="session")
def reference_sample() -> Path:
    """The committed sample of the reference simulation."""
    return REPOSITORY / "tests" / "data" / "reference.root"


@pytest.fixture(scope="session")
def reference_events(reference_sample: Path) -> Any:
    """The first 80 events of the sample as plain records, read with uproot alone."""
    collections: dict[str, dict[str, Any]] = {}
    with uproot.open(reference_sample) as file:
        columns = file["CollectionTree"].arrays(entry_stop=80)
    for name in columns.fields:
        container, dot, column = name.partition("AuxDyn.")
        if dot:
            collections.setdefault(container, {})[column] = columns[name]
    events = {}
    for container, mine in collections.items():
        links = {name.partition(".")[0] for name in mine if "." in name}
        for link in links:
            parts = {part: mine.pop(f"{link}.{part}") for part in ("m_persKey", "m_persIndex")}
            mine[link] = ak.zip(parts)
        events[container] = ak.zip(mine, depth_limit=2)
    return ak.zip(events, depth_limit=1)


@pytest.fixture
def plit_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_search_paths: None
) -> Callable[..., Path]:
    """Function that puts a small PLIT network into LEPID_MODELS: see `small_plit.py`."""
    models = tmp_path / "models"
    monkeypatch.setenv("LEPID_MODELS", str(models))
    install = runpy.run_path(str(REPOSITORY / "tests" / "small_plit.py"))["install"]

    def put(flavour: str, network: str = "small", **own_track: str) -> Path:
        folder: Path = install(models, flavour, network, **own_track)
        return folder

    return put


class TinyNetwork(NamedTuple):
    """An ONNX file that multiplies: y = x @ weights."""

    path: Path
    sha256: str
    weights: npt.NDArray[np.float32]


@pytest.fixture(scope="session")
def tiny_network() -> Callable[..., TinyNetwork]:
    """Writes an ONNX file of one input `x` [n, width] and one output `y` [n, outputs]."""

    def write(
        path: Path, width: int = 3, outputs: int = 2, batch: str | int = "n", kind: int = 1
    ) -> TinyNetwork:
        weights = (np.arange(width * outputs) % 7 - 2).reshape(width, outputs).astype(np.float32)
        dtype = helper.tensor_dtype_to_np_dtype(kind)
        graph = helper.make_graph(
            [helper.make_node("MatMul", ["x", "w"], ["y"])],
            "tiny",
            [helper.make_tensor_value_info("x", kind, [batch, width])],
            [helper.make_tensor_value_info("y", kind, [batch, outputs])],
            [numpy_helper.from_array(weights.astype(dtype), "w")],
        )
        opset = [helper.make_opsetid("", 17)]
        model = helper.make_model(graph, opset_imports=opset, ir_version=9)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(model.SerializeToString())
        return TinyNetwork(path, hashlib.sha256(path.read_bytes()).hexdigest(), weights)

    return write


@pytest.fixture
def no_search_paths(monkeypatch: pytest.MonkeyPatch) -> None:
    """Environment in which lepid finds what it ships, and nothing of whoever runs the tests."""
    for name in ("MODELS", "CALIBRATION", "PROVIDER", "THREADS", "PARALLEL"):
        monkeypatch.delenv(f"LEPID_{name}", raising=False)
