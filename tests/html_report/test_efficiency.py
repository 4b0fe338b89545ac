"""The page holds every number and picture, refers to nothing outside, and is well formed."""

from __future__ import annotations

import base64
import math
import re
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

from lepid.efficiency import counting
from lepid.efficiency.counting import EfficiencyTable
from lepid.html_report.efficiency import efficiency_html

VOID = {"meta", "img"}
PICTURE = b"\x89PNG\r\n\x1a\n not really a picture"


class Page(HTMLParser):
    """Checks that tags close in order; collects tables and images."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.images: list[dict[str, str | None]] = []
        self.rows: list[list[str]] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        if tag == "img":
            self.images.append(dict(attrs))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if {"td", "th"} & set(self.open):
            self.rows[-1][-1] += data


def table_of(weighted: bool = False, **changes: Any) -> EfficiencyTable:
    options = {"classes": ("prompt", "b<c", "light"), "working_points": ("Loose", "Tight&Iso")}
    options |= {"pt_edges": (10.0, 20.0, math.inf), "abseta_edges": (0.0, 1.37, 2.5)}
    options |= {"sources": ("a.root", "b.root"), "metadata": {"sha256": "0b5a"}}
    return counting.count(
        counting.empty("electron_dnn", "stored", **(options | changes)),
        decisions={"Loose": [True] * 4 + [False], "Tight&Iso": [True, False, False, False, True]},
        scored=[True, True, True, True, False],
        truth_class=["prompt", "prompt", "b<c", "b<c", "prompt"],
        pt=[15.0, 30.0, 15.0, 5.0, 50.0],
        abseta=[1.0, 1.0, 2.0, 2.0, 1.0],
        weight=[0.5, 2.0, 1.0, 1.0, 1.0] if weighted else None,
    )


def test_inclusive_numbers_are_those_of_the_table() -> None:
    table = table_of()
    page = Page(efficiency_html(table, {}))
    assert page.rows[0] == ["truth class", "leptons", "Loose", "Tight&Iso"]
    assert page.rows[1][:2] == ["prompt", "2"]
    result = table.efficiency("Tight&Iso", "prompt", ())
    up, down = float(result.high - result.value), float(result.value - result.low)
    assert page.rows[1][3] == f"0.500+{up:.3f}\N{MINUS SIGN}{down:.3f}1 passed"
    assert page.rows[2][:2] == ["b<c", "2"]


def test_binned_tables_leave_out_empty_bins() -> None:
    rows = Page(efficiency_html(table_of(), {})).rows
    binned = [row[:2] for row in rows if row[0][:1].isdigit() or row[0][:1] == ">"]
    assert binned == [
        *(["10 to 20", "1"], ["> 20", "1"], ["10 to 20", "1"]),
        *(["0 to 1.37", "2"], ["1.37 to 2.5", "2"]),
    ]
    assert not any(row[0] == "light" for row in rows)


def test_what_was_left_out_is_said() -> None:
    rows = Page(efficiency_html(table_of(), {})).rows
    assert rows[-3:] == [
        ["truth class", "unscored", "outside the bins"],
        ["prompt", "1", "0"],
        ["b<c", "0", "1"],
    ]


def test_origin_and_interval_are_named() -> None:
    text = efficiency_html(table_of(weighted=True), {})
    for fact in ("a.root, b.root", "0b5a", "clopper-pearson, effective counts, 68.3 %"):
        assert f"<dd>{fact}</dd>" in text
    assert Page(text).rows[0][1] == "sum of weights"
    assert Page(text).rows[1][1] == "2.5"


def test_pictures_are_inside_with_a_text() -> None:
    page = Page(efficiency_html(table_of(), {"efficiency against pT": PICTURE}))
    (image,) = page.images
    assert image["alt"] == "electron_dnn: efficiency against pT"
    data = (image["src"] or "").removeprefix("data:image/png;base64,")
    assert base64.b64decode(data, validate=True) == PICTURE


def test_nothing_outside_is_referred_to() -> None:
    text = efficiency_html(table_of(), {"efficiency against pT": PICTURE})
    assert not re.search(r"https?:|<script|<link|@import|url\(", text)


def test_names_are_text_and_not_markup() -> None:
    text = efficiency_html(table_of(collection="<script>alert(1)</script>"), {})
    assert "<script" not in text
    assert "&lt;script&gt;" in text


@pytest.mark.parametrize("weight", [None, []])
def test_page_of_no_leptons(weight: list[float] | None) -> None:
    nothing = np.zeros(0)
    table = counting.count(
        counting.empty("muon_plit", "stored", classes=["prompt"], working_points=["Tight"]),
        decisions={"Tight": nothing},
        scored=nothing,
        truth_class=nothing,
        pt=nothing,
        abseta=nothing,
        weight=weight,
    )
    text = efficiency_html(table, {})
    assert "No scored leptons" in text
    assert Page(text).rows == []
