"""`make reference`: which files there are, that a run is resumed, and that a seed is a sample."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import awkward as ak
import pytest
import uproot

pytest.importorskip("pythia8mc", reason="pythia8mc makes the events (lepid[reference])")

SCRIPT = Path(__file__).resolve().parents[3] / "examples" / "reference" / "make.py"


@pytest.fixture(scope="module")
def minimum_bias() -> Any:
    """The same few events for all: Pythia takes ten seconds to begin with them."""
    return import_module("simulation.overlay").pool(10, 1)


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, minimum_bias: Any) -> Any:
    """The driver with few events, all in this process, and no code to compare."""
    make, plan = import_module("make"), import_module("sample.plan")
    monkeypatch.setattr(plan, "EVENTS", {"Zee": 30})
    monkeypatch.setattr(plan, "EVENTS_PER_PART", 15)
    monkeypatch.setattr(plan, "VALIDATION_EVENTS", {"Zmumu": 10})
    monkeypatch.setattr(plan, "SMALL_EVENTS", {"Zee": 10, "Zmumu": 10})
    monkeypatch.setattr(plan, "POOL_EVENTS", 10)
    produce = import_module("sample.produce")
    produce.read_pool.cache_clear()
    monkeypatch.setattr(produce, "minimum_bias", lambda *_: minimum_bias)
    monkeypatch.setattr(make, "HERE", tmp_path / "code")
    make.ran = []

    def run(stages: Any, _: int) -> None:
        for name, work, given in (job for jobs in stages for job in jobs):
            make.ran.append(name)
            work(*given)

    monkeypatch.setattr(make, "run", run)
    return make


def start(make: Any, monkeypatch: pytest.MonkeyPatch, *words: object) -> list[str]:
    """The jobs of a run that makes the sample, in order."""
    monkeypatch.setattr(sys, "argv", ["make.py", "--only", "sample", *map(str, words)])
    make.ran.clear()
    make.main()
    return list(make.ran)


def digest(path: Path) -> str:
    """Hash of all columns of a file."""
    tree = uproot.open(path)["CollectionTree"]
    found = hashlib.sha256()
    for name in tree.keys():  # noqa: SIM118 a TTree iterates over its branches
        array = tree[name].array()
        found.update(name.encode() + str(array.type).encode())
        found.update(ak.to_numpy(ak.flatten(array, axis=None)).tobytes())
    return found.hexdigest()


def test_parts_make_the_whole_and_no_event_twice() -> None:
    plan = import_module("sample.plan")
    parts = plan.parts(3)
    events = Counter()  # type: ignore[var-annotated]
    for part in parts:
        events[part.folder, part.process] += part.n_event
    assert {key[1]: n for key, n in events.items() if key[0] == plan.SAMPLE} == plan.EVENTS
    assert {key[1]: n for key, n in events.items() if key[0] == plan.MPI} == plan.VALIDATION_EVENTS
    every = [*parts, *plan.small_parts(3), *plan.parts(4)]
    assert len({(part.process, part.seed) for part in every}) == len(every)
    assert len({part.name for part in parts}) == len(parts)


def test_a_run_makes_all_files_and_a_second_one_none(
    tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = start(tiny, monkeypatch, "--output", tmp_path)
    assert names[0].startswith("pool/")
    assert names[1:] == [
        "mpi/Zmumu/000",
        "overlay/Zmumu/000",
        "sample/Zee/000",
        "sample/Zee/001",
        "small.root",
    ]
    facts = json.loads((tmp_path / "sample/Zee/001.json").read_text())
    tree = uproot.open(tmp_path / "sample/Zee/001.root")["CollectionTree"]
    assert facts["events"] == 15
    assert facts["written"] == tree.num_entries < 15
    assert facts["electrons"] == ak.sum(ak.num(tree["ElectronsAuxDyn.pt"].array()))
    assert set(facts["seconds"]) == {"generate", "overlay", "detector", "write"}
    assert start(tiny, monkeypatch, "--output", tmp_path) == []


def test_what_is_missing_is_made_again_the_same(
    tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(tiny, monkeypatch, "--output", tmp_path)
    lost, kept = tmp_path / "sample/Zee/001.root", tmp_path / "sample/Zee/000.root"
    before, age = digest(lost), kept.stat().st_mtime_ns
    lost.with_suffix(".json").unlink()  # as if it had been interrupted while it was written
    leftover = lost.with_name(".001.part.root")
    leftover.write_bytes(b"half")
    assert start(tiny, monkeypatch, "--output", tmp_path) == ["sample/Zee/001"]
    assert digest(lost) == before
    assert kept.stat().st_mtime_ns == age
    assert not leftover.exists()


def test_a_seed_is_a_sample(tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        start(tiny, monkeypatch, "--output", tmp_path / name, "--seed", seed)
    for file in ("sample/Zee/000.root", "mpi/Zmumu/000.root", "small.root"):
        first, again, other = (digest(tmp_path / name / file) for name in "abc")
        assert first == again
        assert first != other


def test_a_folder_keeps_to_one_seed_and_one_code(
    tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(tiny, monkeypatch, "--output", tmp_path)
    with pytest.raises(SystemExit, match=r"seed: 1 there, 2 now.*name another --output"):
        start(tiny, monkeypatch, "--output", tmp_path, "--seed", 2)
    module = tmp_path / "code" / "simulation" / "tracks.py"
    module.parent.mkdir(parents=True)
    module.write_text("MAX = 3")
    with pytest.raises(SystemExit, match=r"made otherwise \(code: "):
        start(tiny, monkeypatch, "--output", tmp_path)


def test_a_missing_package_is_named(
    tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        tiny, "PACKAGES", {"sample": {"fastjet": "fastjet", "no_such": "no_such_package"}}
    )
    with pytest.raises(SystemExit, match=r"needs no_such_package; say .*lepid\[reference\]"):
        start(tiny, monkeypatch, "--output", tmp_path)


@pytest.mark.parametrize(
    ("words", "facts"),
    [
        (["--seed", "-1"], "-1 is not between 0 and 900000"),
        (["--jobs", "0"], "0 is not above 0"),
        (["--scale", "x"], "x is not a number"),
        (["--only", "plots"], "invalid choice: 'plots'"),
        (["--ouput", "x"], "unrecognized arguments: --ouput"),
    ],
)
def test_wrong_options(
    tiny: Any,
    words: list[str],
    facts: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as stopped:
        start(tiny, monkeypatch, *words)
    assert stopped.value.code == 2
    assert facts in capsys.readouterr().err


def test_a_failed_file_is_named(tmp_path: Path) -> None:
    make, produce = import_module("make"), import_module("sample.produce")
    future = import_module("concurrent.futures").Future()
    future.set_exception(ValueError("no events"))
    with pytest.raises(SystemExit, match="Zee/000: ValueError: no events"):
        make._check("Zee/000", future)
    with pytest.raises(FileNotFoundError, match=r"no minimum-bias .*make reference"):
        produce.read_pool(tmp_path / "nowhere")


@pytest.mark.slow
def test_an_interrupted_run_goes_on(tmp_path: Path) -> None:
    words = [sys.executable, str(SCRIPT), "--output", str(tmp_path), "--only", "sample"]
    words += ["--jobs", "1", "--scale", "0.001"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    # Of a shell job in the background a child would inherit that Ctrl-C is ignored.
    hears = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    pipe = {"stderr": subprocess.PIPE, "text": True, "env": environment, "preexec_fn": hears}
    with subprocess.Popen(words, **pipe) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "sample/" in line:
                break
        process.send_signal(signal.SIGINT)
        said = process.stderr.read()
        assert process.wait(timeout=120) == 130
    assert "goes on from here" in said
    made = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*/*/*.json")}
    assert len(made) > 4
    again = subprocess.Popen(words, **pipe)
    with again as process:
        assert process.stderr is not None
        first = process.stderr.readline()
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        process.stderr.read()
        process.wait(timeout=120)
    assert f"sample: {len(made)} of " in first
    assert all(path.stat().st_mtime_ns == age for path, age in made.items())
