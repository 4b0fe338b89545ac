"""ROOT files beside Athena's confs, written by uproot and read back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uproot

from lepid.convert.athena_files import Density, read_densities, read_graph_cuts, read_quantiles
from lepid.errors import BadFile, NoLeptons

GRAPHS = ([10.0, 30.0, 60.0], [0.1, 0.5, 0.9]), ([60.0, 10.0, 20.0], [3.0, 1.0, 2.0])


def quantiles(path: Path, **branches: Any) -> Path:
    with uproot.recreate(path) as file:
        file["tree"] = {name: np.asarray(values) for name, values in branches.items()}
    return path


def test_quantiles_in_the_order_that_is_asked_for(tmp_path: Path) -> None:
    path = quantiles(
        tmp_path / "q.root", references=[0.0, 0.5, 1.0], a=[1.0, 2.0, 2.0],
        b=np.array([-1.0, 0.0, 3.0], np.float32),
    )  # fmt: skip
    found = read_quantiles(path, ["b", "a"])
    np.testing.assert_array_equal(found.levels, [0.0, 0.5, 1.0])
    np.testing.assert_array_equal(found.values, [[-1.0, 0.0, 3.0], [1.0, 2.0, 2.0]])
    assert found.values.dtype == np.float64


@pytest.mark.parametrize(
    ("branches", "facts"),
    [
        ({"references": [0.0, 1.0], "aa": [0.0, 1.0]}, ["no branch a", "near: aa"]),
        ({"a": [0.0, 1.0]}, ["no branch references"]),
        ({"references": [0.0, 1.0], "a": [1.0, 0.0]}, ["a is not", "ascend"]),
        ({"references": [1.0, 0.0], "a": [0.0, 1.0]}, ["references is not", "ascend"]),
        ({"references": [0.0, 1.0], "a": [0.0, np.nan]}, ["a is not", "finite"]),
        ({"references": [0.0], "a": [0.0]}, ["1 entries"]),
    ],
)
def test_quantiles_that_are_none(branches: Any, facts: list[str], tmp_path: Path) -> None:
    path = quantiles(tmp_path / "q.root", **branches)
    with pytest.raises(BadFile) as caught:
        read_quantiles(path, ["a"])
    assert all(fact in str(caught.value) for fact in ["q.root", *facts])


def test_other_files_for_quantiles(tmp_path: Path) -> None:
    with uproot.recreate(tmp_path / "other.root") as file:
        file["wood"] = {"a": np.zeros(2)}
    with pytest.raises(NoLeptons, match=r"other\.root: no tree 'tree'"):
        read_quantiles(tmp_path / "other.root", ["a"])
    (tmp_path / "text.root").write_text("text")
    with pytest.raises(BadFile, match=r"text\.root"):
        read_quantiles(tmp_path / "text.root", ["a"])


def test_densities_keep_what_is_outside(tmp_path: Path) -> None:
    path = tmp_path / "pdf.root"
    counts = np.array([1.0, 2.0, 4.0])
    with uproot.recreate(path) as file:
        for kind in ("sig", "bkg"):
            name = f"el_eratio/{kind}/el_eratio_{kind}_smoothed_hist_from_KDE_et20eta0.60"
            file[name] = counts * (1 + (kind == "bkg")), np.array([0.0, 0.5, 0.75, 1.0])
        name = "el_TRT_PID/sig/el_TRT_PID_sig_smoothed_hist_from_KDE_et4eta0.00"
        file[name] = uproot.writing.identify.to_TH1x(
            fName=None, fTitle="", data=np.array([9.0, 1.0, 2.0, 8.0]), fEntries=3, fTsumw=3,
            fTsumw2=3, fTsumwx=0, fTsumwx2=0, fSumw2=None,
            fXaxis=uproot.writing.identify.to_TAxis("xaxis", "", 2, 0.0, 1.0, None),
        )  # fmt: skip
        file["el_eratio/note"] = counts, np.array([0.0, 0.5, 0.75, 1.0])
    found = read_densities(path)
    assert set(found) == {
        Density("el_eratio", "sig", 20.0, 0.6), Density("el_eratio", "bkg", 20.0, 0.6),
        Density("el_TRT_PID", "sig", 4.0, 0.0),
    }  # fmt: skip
    background = found[Density("el_eratio", "bkg", 20.0, 0.6)]
    np.testing.assert_array_equal(background.edges, [0.0, 0.5, 0.75, 1.0])
    np.testing.assert_array_equal(background.contents, [0.0, 2.0, 4.0, 8.0, 0.0])
    outside = found[Density("el_TRT_PID", "sig", 4.0, 0.0)]
    np.testing.assert_array_equal(outside.contents, [9.0, 1.0, 2.0, 8.0])


def test_densities_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "pdf.root"
    with uproot.recreate(path) as file:
        file["h"] = np.ones(2), np.arange(3.0)
    with pytest.raises(BadFile, match=r"pdf\.root: no histogram is called"):
        read_densities(path)
    with uproot.recreate(path) as file:
        name = "el_f1_sig_smoothed_hist_from_KDE_et20eta0.60"
        file[name] = np.array([1.0, np.nan]), np.arange(3.0)
    with pytest.raises(BadFile, match=r"el_f1_sig.*not finite"):
        read_densities(path)


def graphs(path: Path, points: Any = GRAPHS, edges: Any = (0.0, 1.37, 2.47), **more: Any) -> Path:
    with uproot.recreate(path) as file:
        for i, (x, y) in enumerate(points):
            # In the order of the file, whatever the names say.
            file[f"graph{9 - i}"] = uproot.as_TGraph({"x": np.array(x), "y": np.array(y)})
        file[more.get("binning", "binning")] = np.zeros(len(edges) - 1), np.array(edges)
    return path


def test_graphs_in_the_order_of_the_file_with_points_in_that_of_pt(tmp_path: Path) -> None:
    found = read_graph_cuts(graphs(tmp_path / "wp.root"))
    np.testing.assert_array_equal(found.abseta_edges, [0.0, 1.37, 2.47])
    np.testing.assert_array_equal(found.graphs[0], [[10.0, 30.0, 60.0], [0.1, 0.5, 0.9]])
    np.testing.assert_array_equal(found.graphs[1], [[10.0, 20.0, 60.0], [1.0, 2.0, 3.0]])


@pytest.mark.parametrize(
    ("keys", "facts"),
    [
        ({"binning": "binings"}, ["no histogram binning", "near: binings"]),
        ({"points": GRAPHS[:1]}, ["1 graphs for the 2 bins"]),
        ({"points": [([1.0, np.nan], [1.0, 2.0])] * 2}, ["graph graph9", "not finite"]),
        ({"points": [([1.0, 1.0], [1.0, 2.0])] * 2}, ["graph graph9", "same pt"]),
    ],
)
def test_graphs_that_are_none(keys: Any, facts: list[str], tmp_path: Path) -> None:
    path = graphs(tmp_path / "wp.root", **keys)
    with pytest.raises(BadFile) as caught:
        read_graph_cuts(path)
    assert all(fact in str(caught.value) for fact in ["wp.root", *facts])
