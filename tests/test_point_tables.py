"""Cells, headings and files of tables of working points."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lepid import errors
from lepid.html_report.points import points_html
from lepid.point_tables import cell, columns, efficiencies, rows, span, title, write
from lepid.working_points import table
from lepid.working_points.grid import grids

TABLES = Path(__file__).resolve().parents[1] / "wp_tables"
CMS = TABLES / "cms_electron_mva_iso" / "winter22.json"
PLIT = TABLES / "muon_plit" / "atlas-2025-04-25-run3.json"


@pytest.mark.parametrize(
    ("cuts", "sigma", "text"),
    [
        ((1.23456, 1.23456, 1.23456), 0.0123, "1.235 ± 0.012"),
        ((1.23456, 1.23456, 1.23456), 0.3, "1.23 ± 0.30"),
        ((123.4, 123.4, 123.4), 42.0, "123 ± 42"),
        ((-1.5, -2.0, -1.0), 0.1, "-2.00 to -1.00 ± 0.10"),
        ((1.23456789, 1.23456789, 1.23456789), np.nan, "1.23457"),
        ((1.0, 1.0, 1.0), 0.0, "1"),
        ((1.5, 1.0, 2.0), np.nan, "1 to 2"),
        ((0.9999999, 0.9999999, 0.9999999), 1e-7, "1.000000 ± 0.000000"),
    ],
)
def test_a_cell_has_the_digits_that_are_known(
    cuts: tuple[float, float, float], sigma: float, text: str
) -> None:
    assert cell(cuts, sigma) == text


def test_one_number_or_two() -> None:
    assert span(np.array([[0.9, 0.9]])) == "0.9"
    assert span(np.array([0.81234, 0.95])) == "0.8123 to 0.95"


def test_rows_and_headings() -> None:
    wp80, _ = grids(table.read(CMS))
    assert title(wp80) == "WP80: score > cut"
    assert efficiencies(wp80) == ""
    assert columns(wp80) == ["pT [GeV]", "|eta| 0 to 0.8", "|eta| 0.8 to 1.479", "|eta| > 1.479"]
    assert [row[0] for row in rows(wp80)] == ["< 10", "> 10"]
    assert rows(wp80)[0][1] == f"{wp80.cuts[0, 0]:.6g}"
    first, *_ = grids(table.read(PLIT))
    assert columns(first) == ["pT [MeV]", "cut"]


def test_files(tmp_path: Path) -> None:
    read = table.read(CMS)
    write(read, tmp_path / "points.csv")
    lines = (tmp_path / "points.csv").read_text().splitlines()
    assert lines[1].startswith("cms_electron_mva_iso,WP80,score,>,pt,GeV,-inf,10,0,0.8,")
    write(read, tmp_path / "points.tex")
    text = (tmp_path / "points.tex").read_text()
    assert text.count(r"\begin{table}") == text.count(r"\end{table}") == 2
    assert r"cms\_electron\_mva\_iso, WP80: score \textgreater{} cut" in text
    assert "$<$10 & $0.997766$" in text
    with pytest.raises(errors.BadInput, match=r"no table of working points has the suffix '.jsn'"):
        write(read, tmp_path / "points.jsn")
    assert len(list(tmp_path.iterdir())) == 2


def test_a_page() -> None:
    page = points_html(table.read(CMS))
    assert page.count("<h2>") == 2
    assert "<td>0.997766</td>" in page
    assert "WP80: score &gt; cut" in page
    assert "lepid:" not in page
