"""Efficiency against pT in 50 bins of a million leptons, one thread, against puma."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from lepid.efficiency.roc.bins import binned

N_LEPTON, N_BIN = 1_000_000, 50
PUMA = "puma-hep==0.5.6"


def test_against_var_vs_eff_of_puma(
    benchmark: Any,
    row: Callable[..., None],
    seconds: Callable[..., float],
    rival: Callable[..., Any],
    tmp_path: Path,
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
    other = rival("puma_var_vs_eff.py", PUMA, [str(tmp_path), str(N_BIN)])
    for part, theirs in zip((found.signal, found.background), other["efficiencies"], strict=True):
        np.testing.assert_allclose(part.value, theirs, atol=1e-3)
    work = f"efficiency against pT in {N_BIN} bins, a million leptons in memory, CPU time"
    name, target = f"VarVsEff of {PUMA}", "5 times faster"
    row(work, name, seconds(own, 5, time.process_time), other["seconds"], target)
