"""What report() prints."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import lepid


def test_report_says_where_everything_came_from(
    events: Any, own_network: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = own_network()
    decorated = lepid.decorate(events)
    assert lepid.report(decorated) is None
    out, err = capsys.readouterr()
    assert err == ""
    lines = out.splitlines()
    assert "electron_dnn: Electrons, electron_dnn@stored, source stored" in lines
    assert "muon_own: Muons, muon_own@mine, source network" in lines
    assert "muon_plit: Muons, muon_plit@stored, source stored" in lines
    assert "  scores: PLIT_TPLTmu_pmuxpromp, PLIT_TPLTmu_pnpxall" in lines
    assert f"  scores: {folder / 'net.onnx'}" in lines
    digest = decorated.attrs["lepid"]["muon_own"]["sha256"][0]
    assert f"  sha256: {digest[:16]}" in lines
    assert "  provider: cpu" in lines
    assert "  decisions: DFCommonElectronsDNNLoose" in lines
    assert "  tables: atlas-2025-04-25-run2.json, atlas-2025-04-25-run3.json" in lines
    (reason,) = [line for line in lines if line.startswith("  but: ")]
    assert "D_el needs the fractions" in reason
    assert "; " in reason


def test_taggers_with_one_reason_are_left_out_together(
    events: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    lepid.report(lepid.decorate(events))
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("left out")]
    (cms,) = [line for line in lines if "cms_muon_mva_id" in line]
    assert cms.startswith("left out: cms_electron_mva_iso, cms_electron_mva_noiso, ")
    assert cms.endswith("is of cms, the events are not")
    (likelihood,) = [line for line in lines if line.startswith("left out: electron_lh: ")]
    assert "DFCommonElectronsLHVeryLoose" in likelihood


def test_report_of_events_without_tagger(events: Any, capsys: pytest.CaptureFixture[str]) -> None:
    lepid.report(events)
    assert capsys.readouterr().out == "no tagger: these events are not decorated\n"
