"""What the benchmarks share: best times, and one line for each rival."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture(scope="session")
def seconds() -> Callable[..., float]:
    """Best time of a few: `seconds(function, repeat=3)`."""

    def best(function: Callable[[], Any], repeat: int = 3) -> float:
        times = []
        for _ in range(repeat):
            start = time.perf_counter()
            function()
            times.append(time.perf_counter() - start)
        return min(times)

    return best


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
