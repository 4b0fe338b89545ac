"""Discriminants against scalar twins that follow the published formulas."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lepid.errors import BadInput, UnknownName
from lepid.taggers import catalogue, discriminants
from lepid.taggers.card import Card
from lepid.taggers.card_outputs import Form

CLASSES = ("pel", "pcf", "ppc", "phf", "ple", "plh")
ATHENA = ("f_CF", "f_PC", "f_HF", "f_LFEg", "f_LFH")
EDGES = (0.1, 0.6, 0.8, 1.15, 1.37, 1.52, 1.81, 2.01, 2.37, 2.47)
scores = st.lists(
    st.floats(0, 1, width=32) | st.sampled_from([0.0, 1.0, float(np.float32(1e-30))]),
    min_size=6,
    max_size=6,
)
fraction = st.floats(0, 1)


@pytest.fixture(scope="module")
def electron_dnn() -> Card:
    return catalogue.load("electron_dnn", "stored")


def outputs(values: Any) -> dict[str, Any]:
    table = np.atleast_2d(np.asarray(values, np.float32))
    return {name: table[:, i] for i, name in enumerate(CLASSES)}


def log_ratio(above: float, below: float) -> float:
    """ln(above/below) with the limits of a zero."""
    if math.isnan(above) or math.isnan(below) or (above == 0 and below == 0):
        return math.nan
    if above == 0:
        return -math.inf
    return math.inf if below == 0 else math.log(above / below)


def slow_athena(p: list[float], f: dict[str, float], cf_signal: bool) -> float:
    background = p[2] * f["f_PC"] + p[3] * f["f_HF"] + p[4] * f["f_LFEg"] + p[5] * f["f_LFH"]
    if cf_signal:
        return log_ratio(p[0] * (1 - f["f_CF"]) + p[1] * f["f_CF"], background)
    return log_ratio(p[0], p[1] * f["f_CF"] + background)


def slow_talk(p: list[float], f: dict[str, float]) -> float:
    last = 1 - f["f_PC"] - f["f_HF"] - f["f_LFEg"]
    below = p[2] * f["f_PC"] + p[3] * f["f_HF"] + p[4] * f["f_LFEg"] + p[5] * last
    return log_ratio(p[0] * f["f_El"] + p[1] * (1 - f["f_El"]), below)


def value(card: Card, name: str, p: list[float], fractions: dict[str, Any]) -> float:
    given_fractions = discriminants.check_fractions(card, fractions)
    form, reason = discriminants.choose(card, name, given_fractions)
    assert form is not None, reason
    plain = {k: float(v[0]) for k, v in given_fractions.items()}
    return float(discriminants.evaluate(form, outputs(p), plain)[0])


def same(found: float, expected: float) -> bool:
    if math.isnan(expected) or math.isinf(expected):
        return found == expected or (math.isnan(found) and math.isnan(expected))
    return found == pytest.approx(expected, rel=1e-9, abs=1e-9)


# --- the electron DNN ---------------------------------------------------------------------------


@given(p=scores, f=st.tuples(*[fraction] * 5))
def test_d_el_in_athenas_convention(electron_dnn: Card, p: list[float], f: Any) -> None:
    fractions = dict(zip(ATHENA, f, strict=True))
    assert same(value(electron_dnn, "D_el", p, fractions), slow_athena(p, fractions, True))
    background = value(electron_dnn, "D_el_cf_background", p, fractions)
    assert same(background, slow_athena(p, fractions, False))


@given(p=scores, f=st.tuples(fraction, *[st.floats(0, 0.33)] * 3))
def test_d_el_in_the_convention_of_the_talk(electron_dnn: Card, p: list[float], f: Any) -> None:
    fractions = dict(zip(("f_El", "f_PC", "f_HF", "f_LFEg"), f, strict=True))
    assert same(value(electron_dnn, "D_el", p, fractions), slow_talk(p, fractions))


def test_both_conventions_agree_where_the_last_fraction_is_the_rest(electron_dnn: Card) -> None:
    p = [0.5, 0.1, 0.1, 0.05, 0.05, 0.2]
    talk = {"f_El": 0.75, "f_PC": 0.25, "f_HF": 0.25, "f_LFEg": 0.25}
    athena = {"f_CF": 0.25, "f_PC": 0.25, "f_HF": 0.25, "f_LFEg": 0.25, "f_LFH": 0.25}
    first = value(electron_dnn, "D_el", p, talk)
    assert first == pytest.approx(value(electron_dnn, "D_el", p, athena), rel=1e-14)
    # by hand: ln((0.75 0.5 + 0.25 0.1) / (0.25 (0.1 + 0.05 + 0.05 + 0.2)))
    assert first == pytest.approx(math.log(0.4 / 0.1), rel=1e-6)


@given(p=scores)
def test_d_cf_is_the_logarithm_and_d_cf_ratio_is_not(electron_dnn: Card, p: list[float]) -> None:
    assert same(value(electron_dnn, "D_CF", p, {}), log_ratio(p[0], p[1]))
    ratio = value(electron_dnn, "D_CF_ratio", p, {})
    expected = math.nan if p[0] == p[1] == 0 else math.inf if p[1] == 0 else p[0] / p[1]
    assert same(ratio, expected)


def test_a_discriminant_without_its_fractions_has_a_reason(electron_dnn: Card) -> None:
    form, reason = discriminants.choose(electron_dnn, "D_el", {"f_CF": 0.1})
    assert form is None
    assert reason == (
        "D_el needs the fractions f_CF, f_HF, f_LFEg, f_LFH, f_PC or f_El, f_HF, f_LFEg, f_PC, "
        "which nobody gave"
    )
    assert discriminants.choose(electron_dnn, "D_CF", {})[1] == ""


def test_the_form_with_most_fractions_is_taken(electron_dnn: Card) -> None:
    form, _ = discriminants.choose(electron_dnn, "D_el", dict.fromkeys((*ATHENA, "f_El")))
    assert form is not None
    assert form.fractions == set(ATHENA)


# --- fractions ----------------------------------------------------------------------------------


def slow_bin(abseta: float) -> int:
    for i, upper in enumerate(EDGES):
        if abseta < upper:
            return i
    return 9


@given(st.floats(0, 5) | st.sampled_from([0.0, *EDGES]) | st.sampled_from(
    [math.nextafter(e, side) for e in EDGES for side in (0, 9)]))  # fmt: skip
def test_the_bin_of_a_fraction_has_an_open_upper_edge(electron_dnn: Card, abseta: float) -> None:
    values = {"f_CF": np.arange(10.0), "f_PC": np.array([0.3])}
    found = discriminants.per_lepton(electron_dnn.fractions, values, np.array([abseta]))
    assert np.asarray(found["f_CF"]).tolist() == [slow_bin(abseta)]
    assert found["f_PC"] == 0.3


def test_a_fraction_per_bin_gives_each_lepton_its_own(electron_dnn: Card) -> None:
    f_cf = [0.05 * (i + 1) for i in range(10)]
    given_fractions: dict[str, Any] = dict.fromkeys(ATHENA, 0.2) | {"f_CF": f_cf}
    checked = discriminants.check_fractions(electron_dnn, given_fractions)
    abseta = np.array([0.0, 0.1, 0.7, 1.4, 2.4, 2.47, 3.0])
    p = np.random.default_rng(2).dirichlet(np.ones(6), len(abseta)).astype(np.float32)
    form, _ = discriminants.choose(electron_dnn, "D_el", checked)
    assert form is not None
    per_lepton = discriminants.per_lepton(electron_dnn.fractions, checked, abseta)
    found = discriminants.evaluate(form, outputs(p), per_lepton)
    for i, eta in enumerate(abseta):
        own = dict.fromkeys(ATHENA, 0.2) | {"f_CF": f_cf[slow_bin(eta)]}
        assert found[i] == pytest.approx(slow_athena(p[i].tolist(), own, True), rel=1e-12)


def test_an_unknown_fraction_names_the_near_ones(electron_dnn: Card) -> None:
    with pytest.raises(UnknownName, match="electron_dnn@stored: no fraction 'f_LHF'") as caught:
        discriminants.check_fractions(electron_dnn, {"f_LHF": 0.1})
    assert "f_LFH" in caught.value.near
    assert "f_El" in caught.value.do


@pytest.mark.parametrize(
    "bad",
    [
        [0.1, 0.2],
        [0.1] * 11,
        [[0.1] * 10],
        [],
        math.nan,
        math.inf,
        [0.1] * 9 + [math.nan],
        "much",
        None,
        {"a": 1},
        [[1], [1, 2]],
    ],
    ids=str,
)
def test_a_fraction_is_a_finite_number_or_one_per_bin(electron_dnn: Card, bad: Any) -> None:
    with pytest.raises(BadInput, match="f_CF: expected a finite number or 10 numbers") as caught:
        discriminants.check_fractions(electron_dnn, {"f_CF": bad})
    assert repr(bad) in caught.value.wrong


@pytest.mark.parametrize("good", [0, 1, 0.5, [0.5], np.float32(0.5), np.full(10, 0.1), (0.1,) * 10])
def test_numbers_of_many_kinds_are_fractions(electron_dnn: Card, good: Any) -> None:
    found = discriminants.check_fractions(electron_dnn, {"f_CF": good})["f_CF"]
    assert found.tolist() == np.atleast_1d(good).tolist()


def binless(**changes: Any) -> Card:
    content: dict[str, Any] = {
        "tagger": "mine", "network": "one", "flavour": "muon", "description": "d", "source": "ours",
        "outputs": [{"name": "p", "stored": ["p"]}, {"name": "q", "stored": ["q"]}],
        "discriminants": {"D": {"kind": "log_ratio", "numerator": {"p": "1"},
                                "denominator": {"q": "f"}}},
    }  # fmt: skip
    return Card.model_validate(content | changes)


def test_a_card_without_bins_takes_numbers_only() -> None:
    with pytest.raises(BadInput, match=r"expected a finite number, found \[\]"):
        discriminants.check_fractions(binless(), {"f": []})
    with pytest.raises(BadInput, match="expected a finite number, found"):
        discriminants.check_fractions(binless(), {"f": [0.1, 0.2]})
    assert discriminants.check_fractions(binless(), {"f": 0.5})["f"].tolist() == [0.5]


def test_published_fractions_of_a_card_stand_until_others_are_given() -> None:
    card = binless(fractions={"values": {"f": 0.25}})
    assert discriminants.check_fractions(card, {})["f"].tolist() == [0.25]
    assert discriminants.check_fractions(card, {"f": 0.5})["f"].tolist() == [0.5]


# --- the other forms ----------------------------------------------------------------------------


@given(st.floats(0, 1, width=32), st.floats(0, 1, width=32))
@pytest.mark.parametrize("tagger", ["muon_plit", "electron_plit"])
def test_plit_is_the_log_ratio_without_fractions(tagger: str, x: float, y: float) -> None:
    card = catalogue.load(tagger, "stored")
    names = [output.name for output in card.outputs]
    form, _ = discriminants.choose(card, "discriminant", {})
    assert form is not None
    given_scores = {n: np.array([v], np.float32) for n, v in zip(names, (x, y), strict=True)}
    assert same(float(discriminants.evaluate(form, given_scores, {})[0]), log_ratio(x, y))


def test_a_score_stays_what_it_is() -> None:
    form = Form(kind="score", output="s")
    score = np.array([0.1, -0.5, np.nan, np.inf], np.float32)
    found = discriminants.evaluate(form, {"s": score}, {})
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, score.astype(np.float64))


def slow_logit(score: float, scale: float) -> float:
    """Clipped in float32, where 1 - 1e-15 is 1."""
    s = np.float32(score)
    s = max(np.float32(1e-30), min(np.float32(1 - 1e-15), s))
    inverse = 1 / float(s) - 1
    return math.inf if inverse == 0 else -math.log(inverse) / scale


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scale", [10.0, 15.0])
@given(s=st.floats(0, 1, width=32) | st.sampled_from([0.0, 1.0, 0.5, -0.1, 1.1, 1e-38]))
def test_logit_against_its_twin(dtype: type, scale: float, s: float) -> None:
    form = Form(kind="logit", output="s", scale=scale)
    found = float(discriminants.evaluate(form, {"s": np.array([s], dtype)}, {})[0])
    assert same(found, slow_logit(s, scale))


@pytest.mark.parametrize(("scale", "lowest"), [(10.0, -6.907755), (15.0, -4.605170)])
def test_logit_at_its_ends(scale: float, lowest: float) -> None:
    form = Form(kind="logit", output="s", scale=scale)
    ends = np.array([0.0, 0.5, 1.0, np.nan], np.float32)
    found = discriminants.evaluate(form, {"s": ends}, {})
    assert found[0] == pytest.approx(lowest, abs=1e-5)
    assert found[1] == 0.0
    assert found[2] == math.inf
    assert math.isnan(found[3])


@pytest.mark.parametrize(
    ("p", "q", "log", "ratio"),
    [
        (0.0, 1.0, -math.inf, 0.0),
        (1.0, 0.0, math.inf, math.inf),
        (0.0, 0.0, math.nan, math.nan),
        (math.nan, 1.0, math.nan, math.nan),
        (1.0, math.nan, math.nan, math.nan),
        (-1.0, 1.0, math.nan, -1.0),
        (1.0, math.inf, -math.inf, 0.0),
        (1.0, 1e-45, math.log(float(np.float32(1.0)) / float(np.float32(1e-45))), None),
    ],
)
def test_zero_gives_the_limit_and_nobody_is_warned(
    p: float, q: float, log: float, ratio: float | None
) -> None:
    given_scores = {"p": np.array([p], np.float32), "q": np.array([q], np.float32)}
    parts: dict[str, Any] = {"numerator": {"p": "1"}, "denominator": {"q": "1"}}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        logarithm = discriminants.evaluate(Form(kind="log_ratio", **parts), given_scores, {})
        plain = discriminants.evaluate(Form(kind="ratio", **parts), given_scores, {})
    assert same(float(logarithm[0]), log)
    assert ratio is None or same(float(plain[0]), ratio)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1", 1.0), ("f_a", 0.25), ("1 - f_a", 0.75), ("1-f_a-f_b", 0.25), ("-f_a", -0.25),
        ("f_a + f_b", 0.75), ("+ 2.5 - f_b", 2.0), (" 1 - f_a + f_b ", 1.25),
    ],
)  # fmt: skip
def test_weights(text: str, expected: float) -> None:
    assert discriminants.weight(text, {"f_a": 0.25, "f_b": 0.5}) == expected
    # the card accepts what the evaluation understands
    form = Form(kind="ratio", numerator={"p": text}, denominator={"p": "1"})
    assert form.fractions == {f for f in ("f_a", "f_b") if f in text}


def test_no_leptons() -> None:
    form = Form(kind="log_ratio", numerator={"p": "1"}, denominator={"q": "1"})
    empty = {"p": np.zeros(0, np.float32), "q": np.zeros(0, np.float32)}
    assert discriminants.evaluate(form, empty, {}).shape == (0,)
