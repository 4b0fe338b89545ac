"""Make the reference sample, its validation page and the reference networks.

What is there already is kept: an interrupted run goes on where it stopped.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.metadata
import importlib.util
import json
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
# Step -> module -> package. What the events depend on is noted with them.
PACKAGES = {
    "sample": {"fastjet": "fastjet", "pythia8mc": "pythia8mc", "sklearn": "scikit-learn"},
    "page": {"pythia8mc": "pythia8mc", "sklearn": "scikit-learn"},
    "networks": {"torch": "torch", "xgboost": "xgboost"},
    "tag-and-probe": {},
}
NOTED = ("fastjet", "pythia8mc", "numpy", "numba")
PAGE = "validation.html"
SMALL = "small.root"
MADE_WITH = "made-with.json"
MOST_SEED = 900_000

Job = tuple[str, Callable[..., Any], tuple[Any, ...]]


def main() -> None:
    """Run the steps that the command line asks for."""
    arguments = _parser().parse_args()
    _check_packages([arguments.only] if arguments.only else list(PACKAGES))
    output: Path = arguments.output.resolve()
    output.mkdir(parents=True, exist_ok=True)
    _check_folder(output, arguments.seed, arguments.scale)
    started = time.monotonic()
    steps = {
        "sample": make_sample,
        "page": make_page,
        "networks": make_networks,
        "tag-and-probe": make_probes,
    }
    for name, make in steps.items():
        if arguments.only in (None, name):
            make(output, arguments)
    say(f"done in {_minutes(time.monotonic() - started)}: {output}")


def make_sample(output: Path, arguments: argparse.Namespace) -> None:
    """Minimum-bias events, then all files: those to train on, to validate and to commit."""
    from sample import plan, produce  # noqa: PLC0415  (only where the packages are there)

    for leftover in output.glob("**/.*.part[.-]*"):
        leftover.unlink()
    pool = output / "pool"
    minimum_bias = [
        (f"pool/{path.name}", produce.make_pool, (path, seed, n_event))
        for seed, n_event in plan.pool_parts(arguments.seed, arguments.scale)
        if not (path := pool / f"{seed}.npz").is_file()
    ]
    parts = plan.parts(arguments.seed, arguments.scale)
    jobs = [
        (part.name, produce.make_part, (part, output))
        for part in parts
        if not produce.is_made(part, output)
    ]
    say(f"sample: {len(parts) - len(jobs)} of {len(parts)} files are there")
    if not (small := output / SMALL).is_file():
        jobs.append((SMALL, produce.make_small, (small, plan.small_parts(arguments.seed), pool)))
    run([minimum_bias, jobs], arguments.jobs)


def make_page(output: Path, _: argparse.Namespace) -> None:
    """The validation page of the sample."""
    from validation import page  # noqa: PLC0415  (only where the packages are there)

    page.write(output, output / PAGE)
    say(f"{PAGE} is written")


def make_networks(output: Path, arguments: argparse.Namespace) -> None:
    """The reference networks, their rivals, and what both can do."""
    from training import install  # noqa: PLC0415  (only where the packages are there)
    from training.derived import results, samples  # noqa: PLC0415  (the same)
    from training.parts import PARTS  # noqa: PLC0415  (the same)

    parts = PARTS.values()
    gather = [job for part in parts for job in part.gather(output)]
    run([gather, [job for part in parts for job in part.train(output)]], arguments.jobs)
    for part in parts:
        part.finish(output)
    results.write(samples.read(output), output / samples.FOLDER)
    say(f"networks and what they can do are in {', '.join(PARTS)} of {output}")
    if arguments.install:
        install.install(output, HERE.parents[1])
        say("they are put into this repository")


def make_probes(output: Path, arguments: argparse.Namespace) -> None:
    """Tag and probe with the networks of this repository, against the truth."""
    from probes import steps  # noqa: PLC0415  (only where the packages are there)

    run([steps.gather(output)], arguments.jobs)
    steps.finish(output)
    say(f"tag and probe is in {steps.FOLDER} of {output}")
    if arguments.install:
        steps.install(output, HERE.parents[1])


def run(stages: Sequence[Sequence[Job]], n_process: int) -> None:
    """Run the jobs of each stage side by side; the first that fails stops all.

    Each worker computes on one core; Ctrl-C waits for the files that are in work.
    """
    if not any(stages):
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(n_process, context, initializer=_start_worker) as workers:
        try:
            for jobs in stages:
                _run_stage(jobs, workers)
        except KeyboardInterrupt:
            say("stopping when the files in work are complete; the same command goes on from here")
            workers.shutdown(cancel_futures=True)
            sys.exit(130)
        except BaseException:
            workers.shutdown(cancel_futures=True)
            raise


def _run_stage(jobs: Sequence[Job], workers: ProcessPoolExecutor) -> None:
    started = time.monotonic()
    futures = {workers.submit(work, *given): name for name, work, given in jobs}
    for done, future in enumerate(as_completed(futures), 1):
        name = futures[future]
        _check(name, future)
        left = (time.monotonic() - started) / done * (len(jobs) - done)
        say(f"{done:3d} of {len(jobs)}  {name:32s}  about {_minutes(left)} left")


def _check(name: str, future: Any) -> None:
    try:
        future.result()
    except BrokenProcessPool:
        sys.exit(f"{name}: a worker was killed, perhaps for want of memory; say JOBS=1, it goes on")
    except Exception as error:
        sys.exit(f"{name}: {type(error).__name__}: {error}")


def _start_worker() -> None:
    """Compile once, and leave Ctrl-C and the terminal to the parent: fastjet has a banner."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    from sample import produce  # noqa: PLC0415  (a worker imports for itself)

    produce.warm_up()


def _check_packages(steps: Sequence[str]) -> None:
    needed = {module: name for step in steps for module, name in PACKAGES[step].items()}
    absent = [name for module, name in needed.items() if importlib.util.find_spec(module) is None]
    if absent:
        missing = ", ".join(absent)
        sys.exit(f"needs {missing}; say `make reference`, or pip install 'lepid[reference]'")


def _check_folder(output: Path, seed: int, scale: float) -> None:
    """A folder holds what one seed, one scale and one version of the simulation made."""
    code = hashlib.sha256()
    for path in sorted([*HERE.glob("simulation/*.py"), *HERE.glob("sample/*.py")]):
        code.update(path.read_bytes())
    versions = {name: importlib.metadata.version(name) for name in NOTED}
    asked = {"seed": seed, "scale": scale, "code": code.hexdigest()[:12], "versions": versions}
    record = output / MADE_WITH
    if not record.is_file():
        record.write_text(json.dumps(asked, indent=1) + "\n")
        return
    there = json.loads(record.read_text())
    changed = [name for name in asked if asked[name] != there.get(name)]
    if changed:
        facts = "; ".join(f"{name}: {there.get(name)} there, {asked[name]} now" for name in changed)
        sys.exit(f"{output} was made otherwise ({facts}); name another --output or remove it")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("reference-output"), help="folder")
    parser.add_argument("--seed", type=_natural, default=1, help="another one, other events")
    parser.add_argument(
        "--jobs", type=_positive(int), default=os.cpu_count() or 1, help="processes (all cores)"
    )
    parser.add_argument(
        "--scale", type=_positive(float), default=1.0, help="of the number of events in each file"
    )
    parser.add_argument("--only", choices=tuple(PACKAGES), help="one of the steps")
    parser.add_argument(
        "--install", action="store_true", help="put the networks into the repository they came from"
    )
    return parser


def _natural(text: str) -> int:
    value = _number(int, text)
    if not 0 <= value <= MOST_SEED:
        message = f"{text} is not between 0 and {MOST_SEED}"
        raise argparse.ArgumentTypeError(message)
    return int(value)


def _positive(kind: type) -> Callable[[str], Any]:
    def parse(text: str) -> Any:
        value = _number(kind, text)
        if not value > 0:
            message = f"{text} is not above 0"
            raise argparse.ArgumentTypeError(message)
        return value

    return parse


def _number(kind: type, text: str) -> Any:
    try:
        return kind(text)
    except ValueError:
        message = f"{text} is not a number"
        raise argparse.ArgumentTypeError(message) from None


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds > 90 else f"{seconds:.0f} s"


def say(text: str) -> None:
    """A line on stderr at once, also into a file."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
