"""Every format read back by another reader than lepid, and files that are refused."""

from __future__ import annotations

import csv
import gzip
import json
import math
import re
from pathlib import Path
from typing import Any

import correctionlib
import hist
import numpy as np
import pytest
import uhi.io.json
import uproot

from lepid.efficiency import counting, export, planes
from lepid.efficiency.counting import EfficiencyTable
from lepid.errors import BadFile, BadInput

PT = (5.0, 20.0, 50.0, math.inf)
ABSETA = (0.0, 1.37, 2.5)


def table_of(n: int = 300, **changes: Any) -> EfficiencyTable:
    """Leptons of two of three classes; none above 50 GeV and |eta| of 1.37."""
    rng = np.random.default_rng(7)
    options = {
        "classes": ("prompt", "b_or_c 100%", "light"),
        "working_points": ("Loose", "Tight_97"),
        "pt_edges": PT,
        "abseta_edges": ABSETA,
        "scheme": "iff",
        "collection": "Electrons",
        "sources": ("a_file.root",),
        "metadata": {"sha256": "0b5a"},
    }
    pt = rng.uniform(3.0, 80.0, n)
    return counting.count(
        counting.empty("electron_dnn", "stored", **(options | changes)),
        decisions={"Loose": rng.random(n) < 0.8, "Tight_97": rng.random(n) < 0.3},
        scored=rng.random(n) < 0.9,
        truth_class=rng.integers(0, 2, n),
        pt=pt,
        abseta=np.where(pt > 50.0, 0.5, rng.uniform(0.0, 2.6, n)),
    )


@pytest.mark.parametrize("suffix", [".json", ".json.gz"])
def test_json_reads_back_equal(tmp_path: Path, suffix: str) -> None:
    table = table_of()
    export.write(table, tmp_path / f"table{suffix}")
    again = export.read(tmp_path / f"table{suffix}")
    assert again == table
    assert again + table == table + table
    assert list(tmp_path.iterdir()) == [tmp_path / f"table{suffix}"]


def test_empty_table_reads_back_equal(tmp_path: Path) -> None:
    table = counting.empty("muon_plit", "stored", classes=["prompt"], working_points=["Tight"])
    export.write(table, tmp_path / "table.json")
    assert export.read(tmp_path / "table.json") == table


def test_json_is_strict_and_its_histogram_is_that_of_uhi(tmp_path: Path) -> None:
    table = table_of()
    export.write(table, tmp_path / "table.json")
    text = (tmp_path / "table.json").read_text()
    assert not re.search(r"NaN|Infinity", text)
    content = json.loads(text, object_hook=uhi.io.json.object_hook)
    histogram = hist.Hist(uhi.io.from_sparse(content["histogram"]))
    assert histogram == table.histogram
    first = content["summary"][0]
    inclusive = table.efficiency("Loose", "prompt", ())
    assert (first["truth_class"], first["working_point"]) == ("prompt", "Loose")
    assert (first["passed"], first["total"]) == (inclusive.passed, inclusive.total)


def test_csv_holds_every_bin(tmp_path: Path) -> None:
    table = table_of()
    export.write(table, tmp_path / "table.csv")
    with (tmp_path / "table.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * 2 * (1 + 3 + 2 + 6)
    chosen = [r for r in rows if (r["truth_class"], r["working_point"]) == ("prompt", "Loose")]
    by_pt = table.efficiency("Loose", "prompt", ("pt",))
    for row, passed, total, low in zip(
        (r for r in chosen if r["by"] == "pt"), by_pt.passed, by_pt.total, by_pt.low, strict=True
    ):
        assert (float(row["passed"]), float(row["total"])) == (passed, total)
        assert float(row["efficiency_low"]) == pytest.approx(low, rel=1e-9)
    last = next(r for r in chosen if r["by"] == "pt abseta" and float(r["pt_high"]) == math.inf)
    assert last["pt_low"] == "50"
    nothing = [r for r in chosen if r["total"] == "0"]
    assert [r["efficiency"] for r in nothing] == [""]
    assert int(chosen[0]["unscored"]) == table.unscored["prompt"]
    assert float(chosen[0]["outside"]) == table.outside["prompt"]
    assert chosen[0]["interval"] == "clopper-pearson"


def test_tex_escapes_names_and_balances(tmp_path: Path) -> None:
    export.write(table_of(), tmp_path / "table.tex")
    lines = (tmp_path / "table.tex").read_text().splitlines()
    body = [line for line in lines if not line.startswith("%")]
    text = "\n".join(body)
    assert r"b\_or\_c 100\%" in text
    assert r"Tight\_97" in text
    outside_formulas = re.sub(r"\$[^$]*\$", "", text)
    assert not re.search(r"(?<!\\)[_^#]|(?<![\\}{])%", outside_formulas)
    for name in ("table", "tabular"):
        assert text.count(f"\\begin{{{name}}}") == text.count(f"\\end{{{name}}}") == 1 + 2 + 2
    assert text.count("{") - text.count("}") == text.count(r"\{") - text.count(r"\}")
    columns = {line.count(" & ") for line in body if line.endswith(r"\\")}
    assert columns == {3}
    assert "light" not in text


def test_root_histograms_are_those_of_the_table(tmp_path: Path) -> None:
    table = table_of()
    export.write(table, tmp_path / "table.root")
    with uproot.open(tmp_path / "table.root") as file:
        assert json.loads(str(file["lepid"]))["tagger"] == "electron_dnn"
        folder = file["b_or_c_100_/Tight_97"]
        assert set(folder.classnames(cycle=False).values()) == {"TH2D"}
        result = table.efficiency("Tight_97", "b_or_c 100%")
        np.testing.assert_array_equal(folder["passed"].values(), result.passed)
        np.testing.assert_array_equal(folder["all"].values(), result.total)
        np.testing.assert_allclose(folder["efficiency"].values(), result.value)
        known = result.total > 0
        np.testing.assert_allclose(folder["efficiency_low"].values()[known], result.low[known])
        np.testing.assert_allclose(folder["efficiency_high"].values()[known], result.high[known])
        width = (result.high - result.low)[known] / 2
        np.testing.assert_allclose(folder["efficiency"].errors()[known], width)
        assert np.isnan(folder["efficiency_high"].values()[~known]).all()
        assert "clopper-pearson" in folder["efficiency"].title
        # 50 to infinity is drawn to 100, and holds above that too.
        assert folder["efficiency"].axis(0).edges().tolist() == [5.0, 20.0, 50.0, 100.0]
        assert folder["efficiency"].values(flow=True)[4, 1] == result.value[2, 0]
        inclusive = table.efficiency("Tight_97", "b_or_c 100%", ())
        assert folder["all"].values(flow=True).sum() == inclusive.total
        assert "light" not in file


def test_root_names_that_root_would_take_apart() -> None:
    table = table_of(classes=("tau/had;1", "b", "c"), working_points=("Loose", "Tight_97"))
    assert "tau_had_1/Loose/passed" in planes.histograms(table)


@pytest.mark.parametrize("suffix", [".correctionlib.json", ".correctionlib.json.gz"])
def test_correctionlib_gives_the_numbers_of_the_table(tmp_path: Path, suffix: str) -> None:
    table = table_of()
    path = tmp_path / f"table{suffix}"
    export.write(table, path)
    correction = correctionlib.CorrectionSet.from_file(str(path))["electron_dnn"]
    names = [variable.name for variable in correction.inputs]
    assert names == ["truth_class", "working_point", "value", "pt", "abseta"]
    pt, abseta = np.array([5.0, 19.9, 20.0, 900.0]), np.array([0.0, 1.37, 1.36, 0.1])
    bins = ([0, 0, 1, 2], [0, 1, 0, 0])
    result = table.efficiency("Tight_97", "b_or_c 100%")
    for name, values in (("nominal", result.value), ("up", result.high), ("down", result.low)):
        found = correction.evaluate("b_or_c 100%", "Tight_97", name, pt, abseta)
        np.testing.assert_allclose(found, values[bins], atol=0.5e-6, rtol=0)


def test_correctionlib_has_no_number_where_nothing_was_measured(tmp_path: Path) -> None:
    path = tmp_path / "table.correctionlib.json"
    export.write(table_of(), path)
    correction = correctionlib.CorrectionSet.from_file(str(path))["electron_dnn"]
    pt, abseta = np.array([60.0, 3.0, 30.0]), np.array([2.0, 0.5, 2.7])
    for name in ("nominal", "up", "down"):
        assert np.isnan(correction.evaluate("prompt", "Loose", name, pt, abseta)).all()
    assert "NaN" not in path.read_text().replace("NaN where not measured", "")


def test_correctionlib_of_no_leptons(tmp_path: Path) -> None:
    table = counting.empty("muon_plit", "stored", classes=["prompt"], working_points=["Tight"])
    with pytest.raises(BadInput, match="no scored leptons"):
        export.write(table, tmp_path / "table.correctionlib.json")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "near"), [("table.jsn", ".json"), ("table.rot", ".root"), ("table.xlsx", ".tex")]
)
def test_unknown_suffix(tmp_path: Path, name: str, near: str) -> None:
    with pytest.raises(BadInput, match=re.escape(Path(name).suffix)) as caught:
        export.write(table_of(), tmp_path / name)
    assert near in str(caught.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["table", ".json"])
def test_no_suffix(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInput, match="use one of"):
        export.write(table_of(), tmp_path / name)


def test_a_point_in_the_name_is_no_suffix(tmp_path: Path) -> None:
    export.write(table_of(), tmp_path / "ttbar.v1.2.csv")
    assert (tmp_path / "ttbar.v1.2.csv").is_file()


def test_files_that_hold_no_table(tmp_path: Path) -> None:
    export.write(table_of(), tmp_path / "good.json")
    good = json.loads((tmp_path / "good.json").read_text())
    text = (tmp_path / "good.json").read_text()
    broken = {
        "cannot be read": text[:1000],
        "not an efficiency table": "[1, 2]",
        "version 99": json.dumps(good | {"version": 99}),
        "not a complete": json.dumps({k: v for k, v in good.items() if k != "unscored"}),
    }
    for fact, content in broken.items():
        (tmp_path / "bad.json").write_text(content)
        with pytest.raises(BadFile, match=fact):
            export.read(tmp_path / "bad.json")
    (tmp_path / "bad.json.gz").write_bytes(gzip.compress(text.encode())[:100])
    with pytest.raises(BadFile, match="cannot be read"):
        export.read(tmp_path / "bad.json.gz")
    with pytest.raises(BadFile, match=r"absent\.json"):
        export.read(tmp_path / "absent.json")
