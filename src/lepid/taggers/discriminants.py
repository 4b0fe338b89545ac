"""Scores to one number: log-ratios with fractions, ratios, plain scores, logits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from lepid.errors import BadInput, UnknownName
from lepid.taggers.card import Card
from lepid.taggers.card_outputs import TERM, Form, Fractions

Floats = npt.NDArray[np.float64]
Values = Mapping[str, float | npt.NDArray[Any]]


def choose(card: Card, name: str, fractions: Mapping[str, Any]) -> tuple[Form | None, str]:
    """The form of discriminant `name` whose fractions are all given, and else the reason.

    Returns
    -------
    (form, "") or (None, why it is absent)
    """
    forms = card.discriminants[name]
    fitting = [form for form in forms if form.fractions <= set(fractions)]
    if fitting:
        # The form with the most fractions is the one that the caller meant.
        return max(fitting, key=lambda form: len(form.fractions)), ""
    needs = " or ".join(", ".join(sorted(form.fractions)) for form in forms)
    return None, f"{name} needs the fractions {needs}, which nobody gave"


def check_fractions(card: Card, given: Mapping[str, Any]) -> dict[str, npt.NDArray[np.float64]]:
    """All fractions that are known: the published ones of the card, replaced by the given ones.

    Raises
    ------
    UnknownName : no discriminant of the tagger has such a fraction
    BadInput : not a finite number, or not one number per bin of the card
    """
    values: dict[str, npt.NDArray[np.float64]] = {}
    for name, value in {**card.fractions.values, **given}.items():
        if name not in card.known_fractions:
            raise UnknownName.of(card.name, "fraction", name, card.known_fractions)
        values[name] = _fraction(card, name, value)
    return values


def _fraction(card: Card, name: str, value: Any) -> npt.NDArray[np.float64]:
    bins = len(card.fractions.abseta_edges)
    try:
        array = np.atleast_1d(np.asarray(value, dtype=np.float64))
    except (TypeError, ValueError):
        array = np.full(1, np.nan)
    if array.shape not in {(1,), (bins or 1,)} or not np.isfinite(array).all():
        several = f" or {bins} numbers, one per |eta| bin" if bins else ""
        wrong = f"fraction {name}: expected a finite number{several}, found {value!r}"
        raise BadInput(card.name, wrong)
    return array


def per_lepton(fractions: Fractions, values: Mapping[str, Floats], abseta: Floats) -> Values:
    """Fractions of the |eta| bin of each lepton; one number where all bins have the same.

    Source
    ------
    Athena AsgElectronSelectorTool: bins have upper edges, and the last one is open.
    """
    index = np.searchsorted(np.asarray(fractions.abseta_edges), abseta, side="right")
    index = np.minimum(index, max(len(fractions.abseta_edges) - 1, 0))
    return {n: (v[index] if v.size > 1 else float(v[0])) for n, v in values.items()}


def evaluate(form: Form, outputs: Mapping[str, npt.NDArray[Any]], fractions: Values) -> Floats:
    """The discriminant of each lepton.

    Parameters
    ----------
    outputs : name -> scores [n_lepton]
    fractions : name -> number, or one per lepton [n_lepton]

    Returns
    -------
    [n_lepton] float64; a zero in a denominator gives the limit: +inf, -inf, or NaN for 0/0.
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if form.output:
            score = np.asarray(outputs[form.output])
            return score.astype(np.float64) if form.kind == "score" else _logit(score, form.scale)
        above = _weighted(form.numerator, outputs, fractions)
        below = _weighted(form.denominator, outputs, fractions)
        ratio = above / below
        return np.log(ratio) if form.kind == "log_ratio" else ratio


def _weighted(
    weights: Mapping[str, str], outputs: Mapping[str, npt.NDArray[Any]], fractions: Values
) -> Floats:
    terms = [weight(text, fractions) * outputs[o].astype(np.float64) for o, text in weights.items()]
    return np.asarray(sum(terms[1:], start=terms[0]), dtype=np.float64)


def weight(text: str, fractions: Values) -> Floats | float:
    """Value of a weight such as ``"1 - f_PC - f_HF"``."""
    total: Floats | float = 0.0
    for sign, term in TERM.findall(text):
        value = float(term) if term[0].isdigit() else fractions[term]
        total = total - value if sign == "-" else total + value
    return total


def _logit(score: npt.NDArray[Any], scale: float) -> Floats:
    # Athena clips in float32, so that a score of exactly 1 gives +inf; we follow it.
    clipped = np.clip(score.astype(np.float32), np.float32(1e-30), np.float32(1 - 1e-15))
    return np.asarray(-np.log(1.0 / clipped.astype(np.float64) - 1.0) / scale)
