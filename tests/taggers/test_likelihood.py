"""The likelihood beside a twin in plain Python and beside correctionlib; files that do not fit."""

from __future__ import annotations

import math
import runpy
from pathlib import Path
from typing import Any

import correctionlib
import numpy as np
import pytest

from lepid.errors import BadTable, NetworkMismatch
from lepid.taggers import catalogue, likelihood
from lepid.taggers.card import Card

TOY = runpy.run_path(str(Path(__file__).resolve().parent.parent / "likelihoods.py"))
N = 400


def ready(path: Path, card: Card) -> likelihood.Densities:
    return likelihood.get(path, catalogue.sha256(path), card.networks[0])


def expected(made: Any, rows: dict[str, Any], **how: Any) -> list[float]:
    return [
        TOY["discriminant"](made, {k: v[i] for k, v in rows.items()}, **how)
        for i in range(len(rows["bins"]))
    ]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    ("card", "twin"),
    [
        ({}, {}),
        ({"neighbour": "value"}, {"neighbour": "value"}),
        ({"plateaus": []}, {"smooth": False}),
    ],
    ids=["Athena", "by value", "no interpolation"],
)
def test_the_slow_twin(tmp_path: Path, seed: int, card: Any, twin: Any) -> None:
    made = TOY["make"](seed)
    rows = TOY["electrons"](seed, N, made)
    found = ready(TOY["write"](tmp_path / "d.json", made), TOY["card"](**card)).evaluate(rows)
    assert np.isfinite(found).all()
    assert len(np.unique(found)) > N / 2
    np.testing.assert_allclose(found, expected(made, rows, **twin), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("quad", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_the_correction_for_pile_up(tmp_path: Path, seed: int, quad: bool) -> None:
    made, grids = TOY["make"](seed), TOY["references"](seed, quad=quad)
    rows = TOY["electrons"](seed, N, made)
    path = TOY["write"](tmp_path / "d.json", made, references=grids)
    found = ready(path, TOY["card"](pileup=True)).evaluate(rows)
    before = ready(path, TOY["card"]()).evaluate(rows)
    assert 0.1 < np.mean(found != before) < 0.95
    np.testing.assert_allclose(found, expected(made, rows, pileup=grids), rtol=1e-9, atol=1e-10)


def test_more_pile_up_than_the_most_counts_as_that(tmp_path: Path) -> None:
    made, grids = TOY["make"](1), TOY["references"](1)
    likely = ready(
        TOY["write"](tmp_path / "d.json", made, references=grids), TOY["card"](pileup=True)
    )
    rows = TOY["electrons"](1, N, made)
    at = {n: likely.evaluate(rows | {"pileup": np.full((N, 1), n)}) for n in (49, 50, 51, 500)}
    assert at[50].tolist() == at[51].tolist() == at[500].tolist()
    assert at[50].tolist() != at[49].tolist()


# --- what is not there --------------------------------------------------------------------------


def test_an_empty_density(tmp_path: Path) -> None:
    made = TOY["make"](3, empty=0.2)
    rows = TOY["electrons"](3, N, made)
    path = TOY["write"](tmp_path / "d.json", made)
    for card, how in (
        (TOY["card"](), {}),
        (TOY["card"](plateaus=[]), {"smooth": False}),
        (TOY["card"](plateaus=[], empty=-1.35), {"smooth": False, "empty": -1.35}),
    ):
        found = ready(path, card).evaluate(rows)
        twin = np.array(expected(made, rows, **how))
        assert 0.1 < np.mean(~np.isfinite(twin) | (twin == -1.35)) < 0.99
        np.testing.assert_allclose(found, twin, rtol=1e-9, atol=1e-12)


def test_what_an_empty_density_gives_is_not_for_numbers_that_are_not_known(tmp_path: Path) -> None:
    made = TOY["make"](3, empty=0.2)
    path = TOY["write"](tmp_path / "d.json", made)
    rows = TOY["electrons"](3, N, made)
    rows["variables"][:, 0] = math.nan
    assert np.isnan(ready(path, TOY["card"](plateaus=[], empty=-1.35)).evaluate(rows)).all()


def test_a_number_that_is_not_known_gives_none_unless_it_is_skipped(tmp_path: Path) -> None:
    made, grids = TOY["make"](4), TOY["references"](4)
    path = TOY["write"](tmp_path / "d.json", made, references=grids)
    likely = ready(path, TOY["card"](pileup=True))
    rows = TOY["electrons"](4, 1, made) | {"bins": np.array([[30.0, 1.0]])}
    assert np.isfinite(likely.evaluate(rows)).all()
    for node, column in (("variables", 0), ("variables", 3), ("bins", 0), ("bins", 1),
                         ("pileup", 0)):  # fmt: skip
        for bad in (math.nan, math.inf, -math.inf):
            broken = {k: v.astype(np.float64) for k, v in rows.items()}
            broken[node][0, column] = bad
            assert np.isnan(likely.evaluate(broken)).all(), (node, column, bad)
    forward = rows | {"bins": np.array([[30.0, 2.2]])}
    without = forward["variables"].copy()
    without[0, 3] = math.nan
    seen = likely.evaluate(forward | {"variables": without})
    assert np.isfinite(seen).all()
    assert seen.tolist() == likely.evaluate(forward).tolist()


def test_no_electron(tmp_path: Path) -> None:
    made = TOY["make"](5)
    likely = ready(TOY["write"](tmp_path / "d.json", made), TOY["card"]())
    assert likely.evaluate(TOY["electrons"](5, 0, made)).shape == (0,)


def test_a_perfect_signal_and_a_perfect_background_are_finite(tmp_path: Path) -> None:
    made = TOY["make"](6, sizes=(2,))
    for _, grids in made.values():
        for kind, content in (("signal", [1.0, 0.0]), ("background", [0.0, 1.0])):
            for row in grids[kind].content:
                row[:] = [d._replace(low=0.0, high=1.0, content=np.array(content)) for d in row]
    likely = ready(TOY["write"](tmp_path / "d.json", made), TOY["card"]())
    rows = TOY["electrons"](6, 2, made) | {"variables": np.array([[0.1] * 4, [0.9] * 4])}
    found = likely.evaluate(rows | {"bins": np.array([[20.0, 1.0]] * 2)})
    assert found.tolist() == pytest.approx(
        [-math.log(1 / (1 - 1e-15) - 1) / 15, -math.log(1e99 - 1) / 15], rel=1e-12
    )


# --- correctionlib ------------------------------------------------------------------------------


def test_correctionlib_gives_the_same_probabilities(tmp_path: Path) -> None:
    made = TOY["make"](7)
    path = TOY["write"](tmp_path / "d.json.gz", made)
    corrections = correctionlib.CorrectionSet.from_file(str(path))
    rows = TOY["electrons"](7, 2000, made)
    # correctionlib computes the bin of a value on an edge with another rounding.
    rows["variables"] += 1e-7
    et, abseta = rows["bins"].T
    product = {}
    for kind in ("signal", "background"):
        terms = [
            np.where(
                ((name == "trt") & ((abseta >= 2.01) | (et > 80)))
                | ((name == "f3") & ((abseta >= 2.37) | (et > 80))),
                1.0,
                corrections[f"{name}_{kind}"].evaluate(et, abseta, rows["variables"][:, v]),
            )
            for v, name in enumerate(made)
        ]
        product[kind] = np.prod(terms, axis=0)
    ratio = product["signal"] / product["background"]
    found = ready(path, TOY["card"](plateaus=[])).evaluate(rows)
    np.testing.assert_allclose(found, np.log(ratio) / 15, rtol=1e-9, atol=1e-12)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    made, grids = TOY["make"](8), TOY["references"](8)
    path = TOY["write"](tmp_path / "d.json", made, references=grids)
    likely = ready(path, TOY["card"](pileup=True))
    density = made["Reta"][1]["background"].content[2][5]
    place = (1, 2, 5, 2)
    start, size = likely.histograms.start[place], likely.histograms.size[place]
    assert likely.histograms.content[start : start + size].tolist() == density.content.tolist()
    assert likely.histograms.low[place] == density.low
    assert likely.references is not None
    assert likely.references[1][1].tolist() == grids["pileup_hard"].content


# --- files that do not fit ----------------------------------------------------------------------


def test_a_density_that_is_missing_is_named_with_what_is_near(tmp_path: Path) -> None:
    made = TOY["make"](9)
    made["Retta"] = made.pop("Reta")
    path = TOY["write"](tmp_path / "d.json", made)
    with pytest.raises(NetworkMismatch, match=r"Reta_signal, Reta_back(.|\n)*near: Retta_signal"):
        ready(path, TOY["card"]())


def test_references_that_are_missing_are_named(tmp_path: Path) -> None:
    grids = TOY["references"](9)
    del grids["pileup_hard"]
    path = TOY["write"](tmp_path / "d.json", TOY["make"](9), references=grids)
    with pytest.raises(NetworkMismatch, match="has no pileup_hard, which"):
        ready(path, TOY["card"](pileup=True))


def test_another_unit_is_an_error(tmp_path: Path) -> None:
    made = TOY["make"](9)
    made["f1"] = ("mm", made["f1"][1])
    path = TOY["write"](tmp_path / "d.json", made)
    with pytest.raises(NetworkMismatch, match=r"f1_signal takes .*x \[mm\], the card .*x \[\]"):
        ready(path, TOY["card"]())


def test_plateaus_that_do_not_fit_the_bins(tmp_path: Path) -> None:
    path = TOY["write"](tmp_path / "d.json", TOY["make"](9))
    for plateaus in (TOY["PLATEAUS"][1:], [[0, 7.5], *TOY["PLATEAUS"][1:]],
                     [[0, 6], [6.5, 8], *TOY["PLATEAUS"][2:]]):  # fmt: skip
        with pytest.raises(NetworkMismatch, match=r"plateaus, .*edges 0, 7, 10, 15, 20, 30, 40"):
            ready(path, TOY["card"](plateaus=plateaus))


def test_densities_in_different_bins(tmp_path: Path) -> None:
    made = TOY["make"](9)
    for kind, grid in made["f3"][1].items():
        made["f3"][1][kind] = grid._replace(abseta_edges=[*range(9), math.inf])
    path = TOY["write"](tmp_path / "d.json", made)
    with pytest.raises(BadTable, match="f3_signal has other bins than the first"):
        ready(path, TOY["card"]())
    grids = TOY["references"](9)
    slope = grids["pileup_slope"]
    grids["pileup_slope"] = slope._replace(et_edges=[*range(10), math.inf])
    path = TOY["write"](tmp_path / "e.json", TOY["make"](9), references=grids)
    with pytest.raises(BadTable, match="pileup_slope has other bins than pileup_loose"):
        ready(path, TOY["card"](pileup=True))
