"""Six working points in 10 x 10 bins out of a million leptons, one thread."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pyarrow
import pytest

import lepid
from lepid.working_points.bins import Bins
from lepid.working_points.derive import derive
from lepid.working_points.points import Sample, Wanted

CARD = """
tagger = "muon_new"
network = "stored"
flavour = "muon"
description = "a tagger whose working points are not there yet"
source = "ours"
outputs = [
    { name = "prompt", doc = "prompt", stored = ["prompt"] },
    { name = "other", doc = "all others", stored = ["other"] },
]

[discriminants.discriminant]
kind = "log_ratio"
numerator = { prompt = "1" }
denominator = { other = "1" }
source = "ours"
"""
N_LEPTON, PER_EVENT = 1_000_000, 4
EFFICIENCIES = (0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
PT = (20.0, 23.0, 26.0, 30.0, 35.0, 40.0, 50.0, 60.0, 80.0, 100.0, np.inf)
ABSETA = tuple(float(edge) for edge in np.linspace(0.0, 2.5, 11))
FTAG = "atlas-ftag-tools==0.3.6"


def test_against_one_sort(
    benchmark: Any, row: Callable[..., None], seconds: Callable[..., float]
) -> None:
    rng = np.random.default_rng(1)
    score, pt = rng.normal(size=N_LEPTON), 20.0 + rng.exponential(30.0, N_LEPTON)
    mask = {"all": np.ones(N_LEPTON, np.bool_)}
    weight = rng.uniform(0.5, 1.5, N_LEPTON)
    some = Sample({"score": score}, mask, pt, rng.uniform(0, 2.5, N_LEPTON), weight)
    wanted = [Wanted(f"e{e}", "all", e, "") for e in EFFICIENCIES]
    bins = Bins(PT, ABSETA)
    found = benchmark.pedantic(lambda: derive(some, wanted, bins), rounds=3, warmup_rounds=1)
    assert not found.merged
    own, other = (
        seconds(work, 7, time.process_time)
        for work in (lambda: derive(some, wanted, bins), lambda: np.sort(score))
    )
    work = "six points in 10 x 10 bins, a million leptons in memory, CPU time"
    row(work, "one np.sort of the scores", own, other, "3 times its time at most")


def leptons(folder: Path) -> Path:
    """The same leptons for both: columns for ftag's script, and events in parquet.

    Neither file is compressed. That of ftag has a label, this one the truth codes that give it.
    """
    rng = np.random.default_rng(2)
    heavy = rng.random(N_LEPTON) < 0.5
    score = rng.normal(np.where(heavy, -1.0, 3.0), 1.5)
    columns = {
        "pt": (20e3 + 1.0 + rng.exponential(3e4, N_LEPTON)).astype(np.float32),
        "eta": rng.uniform(-2.49, 2.49, N_LEPTON).astype(np.float32),
        "prompt": (1.0 / (1.0 + np.exp(-score))).astype(np.float32),
    }
    np.savez(folder / "leptons.npz", heavy=heavy, **columns)
    muons = ak.zip({
        "pt": columns["pt"], "eta": columns["eta"],
        "truthType": np.where(heavy, 7, 6).astype("i4"),
        "truthOrigin": np.where(heavy, 26, 12).astype("i4"),
        "prompt": columns["prompt"], "other": np.float32(1.0) - columns["prompt"],
    })  # fmt: skip
    path = folder / "leptons.parquet"
    counts = np.full(N_LEPTON // PER_EVENT, PER_EVENT)
    ak.to_parquet(
        ak.zip({"Muons": ak.unflatten(muons, counts)}, depth_limit=1), path, compression=None
    )
    return path


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Arrow reads files with all cores otherwise."""
    before = pyarrow.cpu_count(), pyarrow.io_thread_count()
    pyarrow.set_cpu_count(1)
    pyarrow.set_io_thread_count(1)
    yield
    pyarrow.set_cpu_count(before[0])
    pyarrow.set_io_thread_count(before[1])


@pytest.mark.usefixtures("one_thread")
def test_against_wps_of_ftag(
    benchmark: Any,
    row: Callable[..., None],
    seconds: Callable[..., float],
    rival: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """lepid opens, makes the discriminant, classifies and derives; wps reads scores and labels."""
    path = leptons(tmp_path)
    folder = tmp_path / "models" / "muon_new" / "stored"
    folder.mkdir(parents=True)
    (folder / "card.toml").write_text(CARD)
    monkeypatch.setenv("LEPID_MODELS", str(tmp_path / "models"))

    def own(pt: Any = PT, abseta: Any = ABSETA) -> Any:
        events = lepid.decorate(lepid.open(path), "muon_new")
        return lepid.derive(
            events, "muon_new", signal="PromptMuon", pt_edges=pt, abseta_edges=abseta,
            efficiency={f"e{e:g}": e for e in EFFICIENCIES},
        )  # fmt: skip

    benchmark.pedantic(own, rounds=1, warmup_rounds=1)
    percent = [f"{100 * e:g}" for e in EFFICIENCIES]
    found = rival("ftag_wps.py", FTAG, [str(tmp_path), *percent])
    # Both cut at the same place where both have one bin.
    for point in own((0.0, np.inf), (0.0, np.inf)).derived.points:
        global_cut = found["points"]["plit"][f"{100 * point.target[0, 0]:.0f}"]["cut_value"]
        assert point.cuts[0, 0, 0] == pytest.approx(global_cut, abs=5e-3)
    work = "six points in 10 x 10 bins, a million leptons from file, CPU time"
    name = f"wps of {FTAG}, global cuts"
    row(work, name, seconds(own, 5, time.process_time), found["seconds"], "5 times faster")
