"""What the benchmarks share: best times, rivals in environments of their own, one line for each."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def seconds() -> Callable[..., float]:
    """Best time of a few: `seconds(function, repeat=3)`.

    With ``clock=time.process_time`` it is that of the processor, of all threads together, which the
    load of a shared machine disturbs less.
    """

    def best(
        function: Callable[[], Any],
        repeat: int = 3,
        clock: Callable[[], float] = time.perf_counter,
    ) -> float:
        times = []
        for _ in range(repeat):
            start = clock()
            function()
            times.append(clock() - start)
        return min(times)

    return best


RIVALS = Path(__file__).resolve().parent / "rivals"
# One thread for all that a rival may use.
ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"
)


@pytest.fixture(scope="session")
def rival(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """JSON that a script of `rivals` prints: `rival("ftag_wps.py", "package==1.0", words)`.

    The script runs with the Python that a variable such as LEPID_FTAG_PYTHON names (the first word
    of its name), else in an environment with that package, which is made once and kept in the
    cache of pytest.
    """

    def run(script: str, package: str, words: Sequence[str]) -> Any:
        variable = f"LEPID_{script.partition('_')[0].upper()}_PYTHON"
        folder = request.config.cache.mkdir("rivals") / package
        python = os.environ.get(variable) or _with_package(folder, package)
        environment = {**os.environ, **ONE_THREAD, "PYTHONPATH": ""}
        command = [python, str(RIVALS / script), *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        if done.returncode:
            pytest.fail(f"{script}: {done.stderr[-2000:]}")
        return json.loads(done.stdout.splitlines()[-1])

    return run


def _with_package(folder: Path, package: str) -> str:
    python, ready = folder / "bin" / "python", folder / "ready"
    if ready.exists():
        return str(python)
    shutil.rmtree(folder, ignore_errors=True)
    for words in (
        [sys.executable, "-m", "venv", str(folder)],
        [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", package],
    ):
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"no {package} here: {(done.stderr or done.stdout)[-500:]}")
    ready.touch()
    return str(python)


@pytest.fixture
def compare(benchmark: Any) -> Callable[[str, float], None]:
    """Prints how many times longer a rival takes than what was benchmarked."""

    def line(rival: str, rival_seconds: float) -> None:
        own = benchmark.stats.stats.min
        benchmark.extra_info[rival] = rival_seconds / own
        text = f"{rival}: {rival_seconds * 1e3:.1f} ms, {rival_seconds / own:.2f} x lepid"
        sys.stdout.write(f"\n  {text} ({own * 1e3:.1f} ms)\n")

    return line


@pytest.fixture
def row(benchmark: Any) -> Callable[..., None]:
    """One line: work, rival, both times, ratio, target.

    It goes to the terminal and, where LEPID_BENCH_JSON names a file, to it as a line of json. The
    ratio is that of the rival's time to lepid's; `inverse` turns it round.
    """

    def line(
        work: str,
        rival: str,
        own: float,
        other: float,
        target: str,
        *,
        inverse: bool = False,
        unit: str = "s",
    ) -> None:
        ratio = own / other if inverse else other / own
        facts = {
            "work": work, "rival": rival, "lepid": round(own, 4), "other": round(other, 4),
            "unit": unit, "ratio": round(ratio, 3), "target": target,
        }  # fmt: skip
        benchmark.extra_info[rival] = facts
        shown = [f"{n * 1e3:.0f} ms" if unit == "s" else f"{n:.0f} {unit}" for n in (own, other)]
        sys.stdout.write(f"\n  {work} | {rival} | {' | '.join(shown)} | {ratio:.2f} | {target}\n")
        if os.environ.get("LEPID_BENCH_JSON"):
            with open(os.environ["LEPID_BENCH_JSON"], "a", encoding="utf-8") as file:
                file.write(json.dumps(facts) + "\n")

    return line
