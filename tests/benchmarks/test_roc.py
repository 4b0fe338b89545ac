"""Efficiency against pT in 50 bins of a million leptons, one thread, against puma."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lepid.efficiency.roc.bins import binned

N_LEPTON, N_BIN = 1_000_000, 50
RIVAL = Path(__file__).resolve().parent / "rivals" / "puma_var_vs_eff.py"
PUMA = "puma-hep==0.5.6"


def puma_python(folder: Path) -> str:
    """Python that has puma: LEPID_PUMA_PYTHON, or one in an environment made for it."""
    named = os.environ.get("LEPID_PUMA_PYTHON")
    if named:
        return named
    made = folder / "bin" / "python"
    for words in (
        [sys.executable, "-m", "venv", str(folder)],
        [str(made), "-m", "pip", "install", "--quiet", PUMA],
    ):
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"no {PUMA} here: {done.stderr.strip().splitlines()[-1:]}")
    return str(made)


def test_against_var_vs_eff_of_puma(
    benchmark: Any, row: Callable[..., None], seconds: Callable[..., float], tmp_path: Path
) -> None:
    rng = np.random.default_rng(1)
    signal = rng.random(N_LEPTON) < 0.5
    score = rng.normal(signal * 1.5, 1.0)
    pt = np.minimum(rng.exponential(30.0, N_LEPTON), 99.9)
    np.savez(tmp_path / "leptons.npz", signal=signal, score=score, pt=pt)
    edges = np.linspace(0.0, 100.0, N_BIN + 1)

    def own() -> Any:
        return binned(score, signal, pt, edges, efficiency=0.8)

    found = benchmark.pedantic(own, rounds=3, warmup_rounds=1)
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": ""}
    words = [puma_python(tmp_path / "puma"), str(RIVAL), str(tmp_path), str(N_BIN)]
    done = subprocess.run(words, capture_output=True, text=True, check=True, env=environment)
    other = json.loads(done.stdout.splitlines()[-1])
    for part, rival in zip((found.signal, found.background), other["efficiencies"], strict=True):
        np.testing.assert_allclose(part.value, rival, atol=1e-3)
    work = f"efficiency against pT in {N_BIN} bins, a million leptons in memory"
    row(work, f"VarVsEff of {PUMA}", seconds(own, 5), other["seconds"], "5 times faster")
