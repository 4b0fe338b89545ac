"""The electron network beside its rivals: equal efficiencies, cuts, pairs, errors, tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr
from simulation.constants import ELECTRON_MASS
from training import curves, pages
from training.curves import Measured
from training.electron import compared, inputs, likelihood, results, tables
from training.electron.compared import CLASSES, ECIDS, LIKELIHOOD, NETWORK, TREES, Compared
from training.electron.inputs import Electrons
from training.splits import TEST, VALIDATION
from validation.masses import pair_mass

import lepid
from lepid.errors import BadInput
from lepid.tables import correction
from lepid.taggers import catalogue
from lepid.working_points import table
from lepid.working_points.cuts import binned
from lepid.working_points.table import SENSES, Binding, Requirement, Rules

SHAPE = (len(likelihood.CUTS.pt_edges) - 1, len(likelihood.CUTS.abseta_edges) - 1)


def drawn(n: int, seed: int = 1) -> Electrons:
    """Electrons that are prompt in every second place."""
    rng = np.random.default_rng(seed)
    columns = {
        "et": 5 + rng.exponential(25, n),
        "abseta": rng.uniform(0, 2.47, n),
        "truth": np.where(np.arange(n) % 2, rng.integers(0, 6, n), 0),
        "split": rng.integers(1, 3, n),
        "weight": rng.uniform(0.5, 1.5, n),
    }
    return Electrons(rng.normal(size=(n, 21)).astype(np.float32), columns)


def compared_of(some: Electrons, seed: int = 2) -> Compared:
    """Taggers that know something, and each something else."""
    rng = np.random.default_rng(seed)
    n, code = len(some.inputs), some.columns["truth"].astype(int)
    logits = {name: rng.normal(size=(n, 6)) for name in (NETWORK, TREES)}
    for values in logits.values():
        values[np.arange(n), code] += 2
    classes = {k: (np.exp(v) / np.exp(v).sum(1, keepdims=True)).astype(np.float32)
               for k, v in logits.items()}  # fmt: skip
    prompt = {name: np.log(p[:, 0] / p[:, 2:].sum(axis=1)) for name, p in classes.items()}
    prompt[LIKELIHOOD] = (code == 0) + rng.normal(size=n)
    charge = {name: compared.log_ratio(p, "El", "CF") for name, p in classes.items()}
    charge[ECIDS] = (code != 1) + rng.normal(size=n)
    flat = {name: compared.flattened(value, some) for name, value in prompt.items()}
    return Compared(some, classes, prompt, charge, flat)


# --- errors ---------------------------------------------------------------------------------


@given(st.integers(1, 60), st.integers(0, 60))
def test_a_fraction_has_the_error_of_a_binomial(n: int, k: int) -> None:
    passed = np.arange(n) < min(k, n)
    found = curves.fraction(passed, np.full(n, 0.3))
    part = min(k, n) / n
    assert found.value == pytest.approx(part)
    assert found.error == pytest.approx(max(np.sqrt(part * (1 - part) / n), 1 / n))


def test_a_fraction_of_nothing_is_unknown() -> None:
    assert curves.fraction(np.zeros(0, bool), np.zeros(0)).text() == "-"


def test_a_ratio_that_no_sample_changes_has_no_error() -> None:
    assert Measured(1.0, 0.0).text() == "1.0 (few left)"
    assert Measured(0.5, 0.6).text() == "0.5 (few left)"
    assert Measured(44.0, 50.0).text() == "44 (few left)"


# --- equal efficiencies ---------------------------------------------------------------------


def test_a_cut_on_the_level_has_one_efficiency_in_every_bin() -> None:
    some = drawn(20_000)
    value = 0.1 * some.columns["et"] + some.columns["abseta"] ** 2 + some.inputs[:, 0]
    level = compared.flattened(value, some)
    place = likelihood.places(some)
    mine = (some.columns["truth"] == 0) & (some.columns["split"] == VALIDATION)
    for cell in np.unique(place):
        here = mine & (place == cell)
        weight = some.columns["weight"][here]
        for cut in (0.1, 0.5):
            part = weight[level[here] > cut].sum() / weight.sum()
            assert abs(part - (1 - cut)) <= weight.max() / weight.sum()
        order = np.argsort(value[place == cell])
        assert (np.diff(level[place == cell][order]) >= 0).all()


def test_bins_are_those_of_a_loop() -> None:
    some = drawn(500)
    some.columns["et"][:3] = (7.0, 45.0, 6.999)
    some.columns["abseta"][:3] = (0.8, 2.01, 0.0)
    expected = []
    for et, abseta in zip(some.columns["et"], some.columns["abseta"], strict=True):
        row = max(i for i in range(SHAPE[0]) if likelihood.CUTS.pt_edges[i] <= et)
        column = max(i for i in range(SHAPE[1]) if likelihood.CUTS.abseta_edges[i] <= abseta)
        expected.append(row * SHAPE[1] + column)
    assert likelihood.places(some).tolist() == expected


def test_cuts_leave_as_many_as_are_wanted() -> None:
    some = drawn(50_000)
    some.columns["weight"][:] = 1.0
    rng = np.random.default_rng(3)
    value = rng.normal(size=len(some.inputs))
    shared = rng.random(len(value)) < 0.9
    wanted = shared & (rng.random(len(value)) < 0.8)
    found = likelihood.cuts(some, value, wanted, shared)
    place = likelihood.places(some)
    for cell in range(found.size):
        here = place == cell
        assert wanted[here].any()
        passed = shared & here & (value >= found.flat[cell])
        assert passed.sum() == (wanted & here).sum()


def test_a_bin_without_electrons_is_an_error() -> None:
    some = drawn(50)
    nobody = np.zeros(50, bool)
    with pytest.raises(BadInput, match="there are no leptons of prompt electrons"):
        likelihood.cuts(some, np.zeros(50), nobody, nobody)
    somebody = some.columns["et"] > 20.0
    with pytest.raises(BadInput, match=r"no leptons of prompt electrons in .* bins: pT 0 to 7 GeV"):
        likelihood.cuts(some, np.arange(50.0), somebody, somebody)


@pytest.fixture
def points(tmp_path: Path) -> table.Table:
    def cut(name: str, value: float) -> Any:
        grid = np.full(SHAPE, value)
        node = binned(likelihood.CUTS.pt_edges, likelihood.CUTS.abseta_edges, grid)
        return correction(name, "", likelihood.INPUTS, ("cut", ""), node)

    rules = Rules(
        tagger="electron_dnn",
        points={
            "Loose": (
                Requirement(correction="pixel", quantity="nPixHitsPlusDeadSensors", sense=">="),
                Requirement(correction="mva", quantity="D_el", sense=">="),
            )
        },
        inputs={"et": "et", "abseta": "abseta_calo"},
        bound_to=Binding(sha256=("0" * 64,)),
    )
    table.write(tmp_path / "points.json", "toy", rules, [cut("pixel", 2.0), cut("mva", 0.5)])
    return table.read(tmp_path / "points.json")


def test_decisions_are_those_of_the_table(points: table.Table) -> None:
    some = drawn(300)
    rng = np.random.default_rng(4)
    more = {name: rng.integers(0, 4, 300) for name in inputs.FEATURES if name not in some.columns}
    columns = {**some.columns, **more, "D_el": rng.normal(size=300)}
    known = Electrons(some.inputs, columns)
    pixel = columns["nPix"] >= 2
    assert (
        likelihood.decisions(points, known)["Loose"] == (pixel & (columns["D_el"] >= 0.5))
    ).all()
    alone = likelihood.decisions(points, known, without=likelihood.SCORES)
    assert (alone["Loose"] == pixel).all()
    assert 0 < pixel.sum() < 300
    assert set(SENSES) >= {">="}


# --- what is measured -----------------------------------------------------------------------


def test_fractions_of_the_background_add_up_to_one() -> None:
    for name in results.BACKGROUND:
        given = results.shared(name, 0.97)
        assert sum(given.values()) == pytest.approx(1.0)
        assert given[results.FRACTIONS[name]] == 0.97


def test_rejections_are_those_of_a_count() -> None:
    test = results.of_test(compared_of(drawn(6000)))
    assert (test.electrons.columns["split"] == TEST).all()
    found = results.of_background(test, ("LFH",))["rejection"][LIKELIHOOD][1]
    level, weight = test.flat[LIKELIHOOD], test.electrons.columns["weight"]
    prompt, other = test.truth("El"), test.truth("LFH")
    cuts = np.sort(level[prompt])[::-1]
    cut = next(c for c in cuts
               if weight[prompt & (level >= c)].sum() >= 0.9 * weight[prompt].sum())  # fmt: skip
    expected = weight[other].sum() / weight[other & (level >= cut)].sum()
    assert found.value == pytest.approx(expected, rel=0.02)


def test_masses_of_pairs() -> None:
    pt, eta, phi = (np.array([[45.0, 45.0], [20.0, 30.0]]), np.array([[0.3, 0.3], [1.0, -0.5]]),
                    np.array([[0.0, np.pi], [0.2, 1.4]]))  # fmt: skip
    found = pair_mass(pt, eta, phi, ELECTRON_MASS)
    expected = np.sqrt(2 * pt.prod(1) * (np.cosh(eta[:, 0] - eta[:, 1])
                                         - np.cos(phi[:, 0] - phi[:, 1])))  # fmt: skip
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert found[0] == pytest.approx(90.0)


def test_pairs_are_of_one_event_of_zee() -> None:
    zee = inputs.PROCESSES.index("Zee")
    some = drawn(7)
    columns = {
        **some.columns,
        "process": np.array([zee, zee, zee, zee, 0, 0, zee]),
        "split": np.array([TEST, TEST, TEST, TEST, TEST, TEST, VALIDATION]),
        "event": np.array([5, 9, 5, 9, 5, 5, 9]),
        "pt": np.array([40.0, 40, 50, 10, 40, 40, 40]),
        "eta": np.zeros(7), "phi": np.linspace(0, 3, 7),
        "charge": np.array([1.0, 1, 1, -1, 1, 1, 1]),
    }  # fmt: skip
    said = Compared(Electrons(some.inputs, columns), {}, {}, {}, {})
    pairs, _, same = results.pairs_of_z(said)
    # The other electron of event 9 is below 15 GeV.
    assert pairs.tolist() == [[0, 2]]
    assert same.tolist() == [True]


def test_rank_correlations_are_those_of_scipy() -> None:
    rng = np.random.default_rng(5)
    values = rng.normal(size=(200, 3)).astype(np.float32)
    values[:, 1] += values[:, 0]
    values[:, 2] = np.round(values[:, 2])
    expected = spearmanr(values).statistic
    np.testing.assert_allclose(results.rank_correlation(values), expected, atol=1e-12)
    values[:, 1] = 3.0
    assert results.rank_correlation(values)[1].tolist() == [0.0, 0.0, 0.0]


def test_a_probability_of_zero_has_a_logarithm() -> None:
    found = compared.log_ratio(np.array([[0, 1, 0, 0, 0, 0]], np.float32), "El", "CF")
    assert found[0] < -80
    assert np.isfinite(found).all()


def test_tables_have_a_row_for_each_class() -> None:
    test = results.of_test(compared_of(drawn(3000)))
    found = {
        "number": {name: int(test.truth(name).sum()) for name in CLASSES},
        "classes": {"LFH": results.of_background(test, ("LFH",))},
        "charge": results.of_charge(test),
        "et": {"LFH": results.in_bins(test, "LFH")},
    }
    text = tables.background_table(found)
    assert text.splitlines()[2].startswith(f"| LFH | {found['number']['LFH']:,} | DNN |")
    assert len({line.count("|") for line in text.splitlines()}) == 1
    assert tables.charge_table(found).count("\n") == 6
    assert "| LFH |" in tables.et_table(found)


# --- the page -------------------------------------------------------------------------------


def test_tables_come_between_their_marks(tmp_path: Path) -> None:
    page = tmp_path / "README.md"
    page.write_text("a\n<!-- x: begin -->\nold\n<!-- x: end -->\nb\n", "utf-8")
    pages.put(page, "x", "new\n")
    pages.put(page, "x", "new\n")
    expected = "a\n<!-- x: begin -->\n\nnew\n\n<!-- x: end -->\nb\n"
    assert page.read_text("utf-8") == expected
    with pytest.raises(ValueError, match="has not both <!-- y: begin -->"):
        pages.put(page, "y", "new")
    assert page.read_text("utf-8") == expected


# --- the likelihood that is shipped ---------------------------------------------------------


def test_the_likelihood_of_gathered_electrons_is_that_of_decorate(reference_sample: Path) -> None:
    events = lepid.open(reference_sample)
    some = inputs.of_events(events)
    card = catalogue.load(*likelihood.NAME.split("@"))
    found = likelihood.scores(catalogue.folder(card), some)
    events = lepid.decorate(events, likelihood.NAME)
    record = events.Electrons.electron_lh
    pt = np.asarray([x for event in events.Electrons.pt for x in event], np.float64) / 1000
    decorated = np.asarray([x for event in record.D_LH for x in event])
    rows = [int(np.argmin(np.abs(pt - value))) for value in some.columns["pt"]]
    np.testing.assert_allclose(found, decorated[rows], atol=1e-5)
