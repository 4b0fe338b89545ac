"""`correction validate` and `correction summary` accept all that lepid writes and ships."""

from __future__ import annotations

import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from correctionlib import cli

import lepid
from lepid.efficiency.tag_and_probe.bins import Method
from lepid.efficiency.tag_and_probe.charge_flips import ChargeTable
from lepid.efficiency.tag_and_probe.resonances import RESONANCES

TESTS = Path(__file__).resolve().parents[1]
TABLES = sorted((TESTS.parent / "wp_tables").rglob("*.json"))


@pytest.fixture(scope="module")
def toys() -> SimpleNamespace:
    path = TESTS / "efficiency" / "tag_and_probe" / "pair_toys.py"
    return SimpleNamespace(**runpy.run_path(str(path)))


@pytest.fixture(scope="module")
def muons(phys_sample: Path) -> Any:
    return lepid.decorate(lepid.open(phys_sample), "muon_plit")


def probes(toys: SimpleNamespace, muons: Any, path: Path) -> None:
    pairs = toys.table(np.random.default_rng(1), 3000, 300)
    varied = {"tag": (Method("count", peak=(84.0, 98.0)),)}
    result = lepid.probe_efficiency(pairs, "Tight", method=Method("count"), variations=varied)
    lepid.write_table(result, path.with_suffix(".correctionlib.json"))


def probe_factors(toys: SimpleNamespace, muons: Any, path: Path) -> None:
    results = [
        lepid.probe_efficiency(
            toys.table(np.random.default_rng(seed), 3000, 0), "Tight", method=Method("count"),
            variations={"window": (Method("count", peak=(84.0, 98.0)),)},
        )
        for seed in (1, 2)
    ]  # fmt: skip
    lepid.write_scale_factors(lepid.scale_factors(*results), path)


def flips(toys: SimpleNamespace, muons: Any, path: Path) -> None:
    leptons, _, _ = toys.draw(np.random.default_rng(3), 20_000, 2000)
    edges = {"pt_edges": (20.0, 150.0), "abseta_edges": (0.0, 0.9, 1.6, 2.4)}
    table = ChargeTable.empty("Electrons", "", "Z", **edges, mass_edges=RESONANCES["Z"].mass_edges)
    counted = table.counted(leptons, np.ones(len(leptons.pt), bool), 0.0)
    rates = lepid.charge_flip_rates(counted)
    lepid.write_table(rates, path.with_suffix(".correctionlib.json"))
    lepid.write_scale_factors(lepid.scale_factors(rates, rates), path.with_name("sf.json"))


def efficiency(toys: SimpleNamespace, muons: Any, path: Path) -> None:
    lepid.write_table(lepid.measure(muons, "muon_plit"), path.with_suffix(".correctionlib.json"))


def table_factors(toys: SimpleNamespace, muons: Any, path: Path) -> None:
    table = lepid.measure(muons, "muon_plit", pt_edges=(5, 20, 100), abseta_edges=(0, 2.5))
    factors = lepid.scale_factors(table, table, sources={"model": [table]})
    lepid.write_scale_factors(factors, path.with_suffix(".json.gz"))


def points(toys: SimpleNamespace, muons: Any, path: Path) -> None:
    edges = {"pt_edges": [10.0, 20.0, 50.0], "abseta_edges": [0.0, 1.3, 2.5]}
    named = lepid.derive(muons, "muon_plit", signal="PromptMuon", efficiency={"Mine": 0.8}, **edges)
    lepid.write_working_points(named, path)


WRITERS: tuple[Callable[..., None], ...] = (
    probes, probe_factors, flips, efficiency, table_factors, points,
)  # fmt: skip


def check(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run both commands as the shell would, and expect that they are content."""
    for words in (["validate", "--version", "2"], ["summary"]):
        monkeypatch.setattr(sys, "argv", ["correction", *words, str(path)])
        assert cli.main() == 0


@pytest.mark.parametrize("write", WRITERS)
def test_what_is_written(
    write: Callable[..., None],
    toys: SimpleNamespace,
    muons: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write(toys, muons, tmp_path / "x.json")
    paths = sorted(tmp_path.iterdir())
    assert paths
    for path in paths:
        check(path, monkeypatch)
    assert "All OK" in capsys.readouterr().out


@pytest.mark.parametrize("path", TABLES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_what_is_shipped(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check(path, monkeypatch)


def test_they_notice_what_is_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.json"
    path.write_text(TABLES[0].read_text().replace('"nodetype"', '"node"'))
    monkeypatch.setattr(sys, "argv", ["correction", "validate", "--version", "2", str(path)])
    assert cli.main() != 0
