"""The command itself: help, exit codes, where text goes, pipes, signals, memory."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import lepid
from lepid.cli.main import main, parser

COMMANDS = ("decorate", "efficiency", "taggers", "show", "doctor", "convert")
LEPID = (sys.executable, "-m", "lepid")


def run(*words: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*LEPID, *map(str, words)], capture_output=True, text=True, check=False, **options
    )


@pytest.mark.parametrize("words", [["--help"], *([name, "--help"] for name in COMMANDS)])
def test_help(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(words)
    out, err = capsys.readouterr()
    assert stopped.value.code == 0
    assert err == ""
    assert out.startswith("usage: lepid")
    if words == ["--help"]:
        assert all(f"  {name} " in out for name in COMMANDS)
    else:
        assert "show this help" in out


@pytest.mark.parametrize("name", ["decorate", "efficiency"])
def test_help_has_an_example_that_parses(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([name, "--help"])
    (example,) = re.findall(r"example: lepid ([^;]+)", capsys.readouterr().out)
    words = [word.strip("'") for word in example.split()]
    assert parser().parse_args(words).command == name


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["--version"])
    assert stopped.value.code == 0
    assert re.fullmatch(r"lepid \d+\.\d+\S*\n", capsys.readouterr().out)


@pytest.mark.parametrize(
    ("words", "facts"),
    [
        ([], ["required: COMMAND"]),
        (["decorat"], ["invalid choice: 'decorat'"]),
        (["decorate", "a.root"], ["-o/--output"]),
        (["show"], ["required: name"]),
        (["efficiency", "a.root", "--tagger", "x", "--step", "0"], ["--step", "'0'", "1 or more"]),
        (["efficiency", "a.root", "--tagger", "x", "--threads", "-1"], ["--threads", "1 or more"]),
        (["efficiency", "a.root", "--tagger", "x", "--provider", "tpu"], ["--provider", "cuda"]),
        (["efficiency", "a.root", "--tagger", "x", "--pt-edges", "1,x"], ["--pt-edges", "1,x"]),
        (["efficiency", "a.root", "--tagger", "x", "--pt-edges", "3,2"], ["increase"]),
        (["efficiency", "a.root", "--tagger", "x", "--abseta-edges", "1"], ["two or more"]),
    ],
)
def test_wrong_usage_is_2(
    words: list[str], facts: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(words)
    out, err = capsys.readouterr()
    assert stopped.value.code == 2
    assert out == ""
    for fact in facts:
        assert fact in err


def test_an_error_is_1_and_on_stderr(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["decorate", str(tmp_path / "no.root"), "-o", str(tmp_path / "o.root")]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("lepid decorate: ")
    assert "no.root: no such file" in err
    assert "Traceback" not in err


def test_an_error_of_the_system_is_1_too(
    phys_sample: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    words = ["decorate", str(phys_sample), "-o", str(tmp_path / "o.parquet"), "--quiet"]
    assert main([*words, "--tagger", "muon_plit"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "lepid decorate: [Errno 28] No space left on device\n"
    assert list(tmp_path.iterdir()) == []


def test_python_m_lepid_from_an_empty_folder(tmp_path: Path) -> None:
    found = run("taggers", "--json", cwd=tmp_path)
    assert found.returncode == 0
    assert found.stderr == ""
    listed = {entry["name"].partition("@")[0] for entry in json.loads(found.stdout)["taggers"]}
    assert listed == set(lepid.list_taggers())


@pytest.mark.parametrize("words", [["taggers"], ["show", "electron_isolation"]])
def test_a_reader_that_stops_is_no_error(words: list[str], tmp_path: Path) -> None:
    """Be it before the first buffer is full, or after."""
    process = subprocess.Popen(
        [*LEPID, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONUNBUFFERED": ""},
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.wait(timeout=300) == 0
    assert process.stderr.read() == ""
    process.stderr.close()


@pytest.mark.parametrize(
    ("number", "code", "suffix"),
    [
        (signal.SIGINT, 130, ".root"),
        (signal.SIGTERM, 143, ".root"),
        (signal.SIGTERM, 143, ".parquet"),
    ],
)
def test_a_killed_run_leaves_nothing_behind(
    phys_sample: Path, tmp_path: Path, number: signal.Signals, code: int, suffix: str
) -> None:
    words = [phys_sample] * 40 + ["-o", tmp_path / f"out{suffix}", "--step", "200", "--quiet"]
    # Of a shell job in the background a child would inherit that Ctrl-C is ignored.
    hears = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    process = subprocess.Popen(
        [*LEPID, "decorate", *map(str, words)],
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=hears,  # noqa: PLW1509  (there are no threads)
    )
    deadline = time.monotonic() + 60
    while not list(tmp_path.iterdir()) and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    halves = [path.name for path in tmp_path.iterdir()]
    process.send_signal(number)
    _, err = process.communicate(timeout=300)
    assert process.returncode == code
    assert halves != []
    assert halves != [f"out{suffix}"]
    assert list(tmp_path.iterdir()) == []
    assert "Traceback" not in err
    if number is signal.SIGINT:
        assert err == "lepid decorate: interrupted, nothing was written\n"


PEAK = """
import resource, sys
from lepid.cli.main import main, parser
assert main(sys.argv[1:]) == 0
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="counts memory as Linux does, in KiB")
@pytest.mark.parametrize("command", ["decorate", "efficiency"])
def test_memory_does_not_grow_with_the_number_of_events(
    phys_sample: Path, tmp_path: Path, command: str
) -> None:
    peaks = []
    for copies in (1, 15):
        words = [command, *[str(phys_sample)] * copies, "--step", "2000", "--quiet"]
        words += ["--tagger", "electron_dnn"]
        words += ["-o", str(tmp_path / "out.root")] if command == "decorate" else []
        found = subprocess.run(
            [sys.executable, "-c", PEAK, *words], capture_output=True, text=True, check=True
        )
        peaks.append(int(found.stderr) / 1024)
    # The events of 14 more copies would be hundreds of MB as Python objects, and 60 MB as arrays.
    assert peaks[1] - peaks[0] < 30, peaks
