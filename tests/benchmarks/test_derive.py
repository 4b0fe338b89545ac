"""Six working points in 10 x 10 bins out of a million leptons, one thread."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
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
RIVAL = Path(__file__).resolve().parent / "rivals" / "ftag_wps.py"
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
    own, other = seconds(lambda: derive(some, wanted, bins), 7), seconds(lambda: np.sort(score), 7)
    work = "six points in 10 x 10 bins, a million leptons in memory"
    row(work, "one np.sort of the scores", own, other, "3 times its time at most")


def ftag_python(folder: Path) -> str:
    """Python that has ftag: LEPID_FTAG_PYTHON, or one in an environment made for it."""
    named = os.environ.get("LEPID_FTAG_PYTHON")
    if named:
        return named
    made = folder / "bin" / "python"
    for words in (
        [sys.executable, "-m", "venv", str(folder)],
        [str(made), "-m", "pip", "install", "--quiet", FTAG],
    ):
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"no {FTAG} here: {done.stderr.strip().splitlines()[-1:]}")
    return str(made)


def leptons(folder: Path) -> Path:
    """The same leptons for both: columns for ftag's script, and events in parquet."""
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
        "truthType": np.where(heavy, 7, 6), "truthOrigin": np.where(heavy, 26, 12),
        "prompt": columns["prompt"], "other": np.float32(1.0) - columns["prompt"],
    })  # fmt: skip
    path = folder / "leptons.parquet"
    counts = np.full(N_LEPTON // PER_EVENT, PER_EVENT)
    ak.to_parquet(ak.zip({"Muons": ak.unflatten(muons, counts)}, depth_limit=1), path)
    return path


def test_against_wps_of_ftag(
    benchmark: Any,
    row: Callable[..., None],
    seconds: Callable[..., float],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = leptons(tmp_path)
    folder = tmp_path / "models" / "muon_new" / "stored"
    folder.mkdir(parents=True)
    (folder / "card.toml").write_text(CARD)
    monkeypatch.setenv("LEPID_MODELS", str(tmp_path / "models"))
    python = ftag_python(tmp_path / "ftag")

    def own(pt: Any = PT, abseta: Any = ABSETA) -> Any:
        events = lepid.decorate(lepid.open(path), "muon_new")
        return lepid.derive(
            events, "muon_new", signal="PromptMuon", pt_edges=pt, abseta_edges=abseta,
            efficiency={f"e{e:g}": e for e in EFFICIENCIES},
        )  # fmt: skip

    benchmark.pedantic(own, rounds=1, warmup_rounds=1)
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": ""}
    words = [python, str(RIVAL), str(tmp_path), *(f"{100 * e:g}" for e in EFFICIENCIES)]
    done = subprocess.run(words, capture_output=True, text=True, check=True, env=environment)
    found = json.loads(done.stdout)
    # Both cut at the same place where both have one bin.
    for point in own((0.0, np.inf), (0.0, np.inf)).derived.points:
        global_cut = found["points"]["plit"][f"{100 * point.target[0, 0]:.0f}"]["cut_value"]
        assert point.cuts[0, 0, 0] == pytest.approx(global_cut, abs=5e-3)
    work = "six points in 10 x 10 bins, a million leptons from file"
    rival = f"wps of {FTAG}, global cuts"
    row(work, rival, seconds(own, 2), found["seconds"], "5 times faster")
