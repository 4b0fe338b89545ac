"""Files of scale factors: written by lepid, and those of others."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import correctionlib
import numpy as np
import pytest

from lepid.efficiency.scale_factors import file as factor_files
from lepid.efficiency.scale_factors.ratio import Measured, ScaleFactors, ratio
from lepid.errors import BadInput, BadTable, UnknownName, UnknownWorkingPoint

EDGES = np.array([10.0, 20.0, math.inf]), np.array([0.0, 1.5, 2.5])
VALUES = np.array([[0.81, 0.72], [0.9123456, math.nan]])


def factors(**changes: Any) -> ScaleFactors:
    data = Measured(EDGES, VALUES, VALUES - 0.02, VALUES + 0.01, {"fit": (VALUES + 0.03, VALUES)})
    simulation = Measured(EDGES, *(np.full((2, 2), v) for v in (0.9, 0.89, 0.91)))
    points = {"Tight": ratio(data, simulation, ["merged: something"])}
    return ScaleFactors(**{"tagger": "mine", "collection": "Muons", "points": points, **changes})


def nodes_of(name: str, inputs: dict[str, str], data: Any) -> dict[str, Any]:
    """One correction; `inputs`: name -> type and description."""
    listed = []
    for entry, text in inputs.items():
        kind, _, about = text.partition(" ")
        listed.append({"name": entry, "type": kind, "description": about})
    output = {"name": "sf", "type": "real"}
    return {"name": name, "version": 1, "inputs": listed, "output": output, "data": data}


def bins(entry: str, edges: list[float], content: list[Any], flow: str = "error") -> dict[str, Any]:
    return {
        "nodetype": "binning",
        "input": entry,
        "edges": [float(e) for e in edges],
        "content": content,
        "flow": flow,
    }


def keys(entry: str, **content: Any) -> dict[str, Any]:
    items = [{"key": key, "value": value} for key, value in content.items()]
    return {"nodetype": "category", "input": entry, "content": items}


def file(folder: Path, *corrections: dict[str, Any]) -> Path:
    path = folder / "sf.json"
    path.write_text(json.dumps({"schema_version": 2, "corrections": list(corrections)}))
    return path


@pytest.mark.parametrize("suffix", [".json", ".json.gz"])
def test_what_is_written_is_read(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"sf{suffix}"
    wanted = factors(sha256=("ab",), about="data: x")
    factor_files.write(wanted, path)
    opened = factor_files.read(path, "Tight")
    assert opened[2:] == ("mine", "Muons", ("ab",))
    assert opened.factors.variations == (
        "nominal", "systup", "systdown", "statup", "statdown", "fitup", "fitdown"
    )  # fmt: skip
    assert opened.factors.axes["pt"] == ("pt", "GeV", "real")
    places = {"pt": np.array([10, 10, 20, 20, 1e5]), "abseta": np.array([0, 1.5, 0, 1.5, 0])}
    point = wanted.points["Tight"]
    for name in opened.factors.variations:
        expected = np.append(point.values[name].ravel(), point.values[name][1, 0])
        assert opened.factors.evaluate(name, places) == pytest.approx(
            expected, abs=5.1e-7, nan_ok=True
        )
    assert opened.efficiency
    expected = np.append(point.efficiency.ravel(), 0.9)
    assert opened.efficiency.evaluate("nominal", places) == pytest.approx(expected, nan_ok=True)


def test_correctionlib_reads_it_alone(tmp_path: Path) -> None:
    path = tmp_path / "sf.json"
    factor_files.write(factors(), path)
    content = correctionlib.CorrectionSet.from_file(str(path))
    assert list(content) == ["Tight", "Tight_efficiency"]
    assert content["Tight"].evaluate(15.0, 0.5, "nominal") == pytest.approx(0.9)
    assert math.isnan(content["Tight"].evaluate(5.0, 0.5, "nominal"))
    assert math.isnan(content["Tight"].evaluate(25.0, 2.0, "statup"))
    assert content["Tight"].description.startswith("merged: something; not measured: pT 20")


@pytest.mark.parametrize(
    ("pt", "abseta"),
    [(9.9, 1.0), (15.0, 2.5), (math.nan, 1.0), (15.0, math.inf), (-math.inf, 1), (15.0, -0.1)],
)
def test_outside_is_nan_and_stops_no_one_else(tmp_path: Path, pt: float, abseta: float) -> None:
    path = tmp_path / "sf.json"
    factor_files.write(factors(), path)
    lookup = factor_files.read(path, "Tight").factors
    values = {"pt": np.array([pt, 15.0]), "abseta": np.array([abseta, 0.5])}
    found = lookup.evaluate("nominal", values)
    assert math.isnan(found[0])
    assert found[1] == pytest.approx(0.9)


def test_a_file_that_refuses_a_batch_gives_nan_for_its_outside(tmp_path: Path) -> None:
    inner = keys("syst", nominal=bins("pt", [15, 30, 50], [0.9, 0.8]), systup=1.0)
    some = keys("syst", nominal=0.5)
    path = file(
        tmp_path,
        nodes_of(
            "ID",
            {"eta": "real", "pt": "real", "syst": "string"},
            bins("eta", [-2.5, 0, 2.5], [inner, some]),
        ),
    )
    lookup = factor_files.read(path, "ID").factors
    values = {"eta": np.array([-1, -1, -1, 1, 9.0]), "pt": np.array([20, 60, 30.0, 20, 20])}
    found = lookup.evaluate("nominal", values)
    assert found == pytest.approx([0.9, math.nan, 0.8, 0.5, math.nan], nan_ok=True)
    # One of its branches lacks the key.
    up = lookup.evaluate("systup", values)
    assert up == pytest.approx([1, 1, 1, math.nan, math.nan], nan_ok=True)


def test_a_file_that_clamps_does_so(tmp_path: Path) -> None:
    path = file(tmp_path, nodes_of("ID", {"pt": "real"}, bins("pt", [15, 30], [0.9], "clamp")))
    lookup = factor_files.read(path, "ID").factors
    assert lookup.variations == ("nominal",)
    values = np.array([1.0, 99.0, math.nan, math.inf])
    found = lookup.evaluate("nominal", {"pt": values}).tolist()
    # correctionlib would give the last bin.
    assert found == pytest.approx([0.9, 0.9, math.nan, math.nan], nan_ok=True)


def pog(folder: Path) -> Path:
    """In the manner of the EGM POG: year, kind of value, working point; eta of the cluster."""
    inner = keys(
        "ValType",
        sf=keys("WorkingPoint", Tight=bins("pt", [10, 99], [0.9]), Loose=0.95),
        sfup=keys("WorkingPoint", Tight=0.92, Loose=0.97),
        stat=keys("WorkingPoint", Tight=0.02, Loose=0.02),
    )
    inputs = {
        "year": "string",
        "ValType": "string",
        "WorkingPoint": "string",
        "SuperClusterEta": "real",
        "pt": "real",
        "run": "int",
    }
    binned = bins("SuperClusterEta", [-2.5, 2.5], [inner])
    numbers = {"nodetype": "category", "input": "run", "content": [{"key": 3, "value": binned}]}
    return file(folder, nodes_of("Electron-ID-SF", inputs, keys("year", **{"2023": numbers})))


def test_inputs_that_are_told(tmp_path: Path) -> None:
    path = pog(tmp_path)
    told: dict[str, Any] = {"year": "2023", "SuperClusterEta": "eta_sc", "run": 3}
    lookup = factor_files.read(path, "Tight", inputs=told).factors
    assert lookup.fixed == {"year": "2023", "WorkingPoint": "Tight", "run": 3}
    assert lookup.axes["SuperClusterEta"] == ("eta_sc", "", "real")
    # The size of an uncertainty is no weight.
    assert lookup.variations == ("sf", "sfup")
    values = {"SuperClusterEta": np.array([0.0, 0.0]), "pt": np.array([20.0, 5.0])}
    assert lookup.evaluate("sf", values) == pytest.approx([0.9, math.nan], nan_ok=True)
    only = factor_files.read(path, "Tight", inputs=told, variations=["stat"]).factors
    assert only.variations == ("stat",)
    columns = {**told, "run": "run"}
    lookup = factor_files.read(path, "Tight", inputs=columns).factors
    assert lookup.axes["run"] == ("run", "", "int")
    values["run"] = np.array([3, 3])
    assert lookup.evaluate("sf", values)[0] == 0.9
    values["run"] = np.array([4, 3])
    assert math.isnan(lookup.evaluate("sf", values)[0])


def test_unknown_inputs_are_one_error_that_lists_them(tmp_path: Path) -> None:
    with pytest.raises(BadTable) as caught:
        factor_files.read(pog(tmp_path), "Tight")
    text = str(caught.value)
    for fact in (
        "Electron-ID-SF",
        "year (text, one of 2023)",
        "SuperClusterEta (a number",
        "run (a number",
        "inputs={",
    ):
        assert fact in text


@pytest.mark.parametrize(
    ("options", "facts"),
    [
        ({"inputs": {"yaer": "2023"}}, ["no input 'yaer'", "near: year"]),
        ({"inputs": {"year": "2032"}}, ["no year '2032'", "near: 2023"]),
        ({"correction": "Electron-ID"}, ["no correction 'Electron-ID'", "Electron-ID-SF"]),
        ({"efficiency": "eff"}, ["no correction 'eff'", "efficiency="]),
        ({"variations": ["sfdown"]}, ["no variation 'sfdown'", "sfup"]),
        (
            {"inputs": {"year": "2023", "SuperClusterEta": "e", "run": 3, "pt": ("pt", "mev")}},
            ["no unit 'mev'", "MeV"],
        ),
    ],
)
def test_names_that_are_not_there(tmp_path: Path, options: Any, facts: list[str]) -> None:
    told = {"year": "2023", "SuperClusterEta": "eta", "run": 3}
    with pytest.raises(UnknownName) as caught:
        factor_files.read(pog(tmp_path), "Tight", **{"inputs": told, **options})
    assert all(fact in str(caught.value) for fact in facts)


def test_a_working_point_that_no_part_names(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="no correction 'Medium'") as caught:
        factor_files.read(pog(tmp_path), "Medium")
    assert "pass correction= or efficiency= with one of: Electron-ID-SF" in str(caught.value)
    path = tmp_path / "own.json"
    factor_files.write(factors(), path)
    with pytest.raises(UnknownWorkingPoint, match="'Tigth'") as caught:
        factor_files.read(path, "Tigth")
    assert "near: Tight" in str(caught.value)


def test_pt_in_mev_is_not_taken_for_gev(tmp_path: Path) -> None:
    data = keys("syst", nominal=bins("pt", [15e3, 30e3], [0.9]))
    path = file(tmp_path, nodes_of("ID", {"pt": "real", "syst": "string"}, data))
    with pytest.raises(BadTable, match="no unit, and edges up to 30000") as caught:
        factor_files.read(path, "ID")
    assert "('pt', 'MeV')" in str(caught.value)
    told = factor_files.read(path, "ID", inputs={"pt": ("pt", "MeV")}).factors
    assert told.axes["pt"].unit == "MeV"
    named = nodes_of("ID", {"pt": "real momentum [MeV]", "syst": "string"}, data)
    assert factor_files.read(file(tmp_path, named), "ID").factors.axes["pt"].unit == "MeV"


def test_a_correction_of_no_lepton(tmp_path: Path) -> None:
    path = file(tmp_path, nodes_of("ID", {"syst": "string"}, keys("syst", nominal=1.0)))
    with pytest.raises(BadTable, match="no input of 'ID' is a number of the lepton"):
        factor_files.read(path, "ID")


def test_nothing_is_written_where_it_cannot_be(tmp_path: Path) -> None:
    points = factors().points
    path = tmp_path / "sf.json"
    with pytest.raises(BadInput, match="no working points"):
        factor_files.write(factors(points={}), path)
    both = {"Tight": points["Tight"], "Tight_efficiency": points["Tight"]}
    with pytest.raises(BadInput, match="'Tight_efficiency' is that of two corrections"):
        factor_files.write(factors(points=both), path)
    assert list(tmp_path.iterdir()) == []
