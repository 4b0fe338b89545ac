"""Fractions of a discriminant that reject a mixture of backgrounds best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lepid.analysis.labelled import Asked, Chunks, Labelled, read
from lepid.analysis.labels import scheme_named
from lepid.analysis.measurement import SCORED, TRUTH, WEIGHT
from lepid.errors import BadInput, UnknownName
from lepid.events.schema import Schema
from lepid.provenance import facts_about
from lepid.taggers import catalogue, discriminants
from lepid.taggers.card import Card
from lepid.taggers.card_outputs import Form
from lepid.working_points.curve import Curve

Floats = npt.NDArray[np.float64]
# Leptons of a class that are used: more change the third digit of a fraction.
MOST = 50_000
STARTS, SEED = 4, 1


class Mixture(NamedTuple):
    """Scores and weights of signal and of a mixture of backgrounds.

    Attributes
    ----------
    signal, background : output -> [n]
    signal_weights, background_weights : [n]; those of the background add up to 1
    """

    signal: Mapping[str, Floats]
    signal_weights: Floats
    background: Mapping[str, Floats]
    background_weights: Floats

    def left(self, form: Form, fractions: Mapping[str, float], efficiency: float) -> float:
        """Part of the background that passes the cut with this efficiency of the signal."""
        signal = discriminants.evaluate(form, self.signal, fractions)
        known = np.isfinite(signal)
        rows = np.flatnonzero(known)
        cut = Curve.of(rows, signal[known], self.signal_weights[known]).cut(efficiency)
        passed = discriminants.evaluate(form, self.background, fractions) > cut
        return float(self.background_weights[passed].sum())


def optimise_fractions(
    events: Chunks,
    tagger: str,
    *,
    discriminant: str,
    signal: str | Sequence[str],
    background: Mapping[str, float],
    efficiency: float,
    scheme: str | None = None,
    weight: Any = None,
    schema: str | Path | Schema | None = None,
) -> dict[str, float]:
    """Fractions with which a discriminant rejects a mixture of backgrounds best.

    Parameters
    ----------
    events : decorated events, or several chunks of them
    discriminant : whose fractions are wanted
    signal : truth class or classes
    background : truth class -> its share of the mixture
    efficiency : of the signal, at which the rejection counts
    scheme, weight, schema : as in `measure`

    Returns
    -------
    Fraction -> value, as `decorate` takes them. Those that only weigh the background add up to 1.

    Raises
    ------
    UnknownName : no such class or discriminant
    BadInput : it has no fractions, a share is not positive, a class has no leptons, or the
        efficiency is not between 0 and 1

    Source
    ------
    Ours: Nelder and Mead's simplex on the background that is left, from several starts.
    """
    if not 0.0 < efficiency < 1.0:
        raise BadInput("fractions", f"efficiency is {efficiency:g}, not between 0 and 1")
    if not background or not all(share > 0.0 for share in background.values()):
        raise BadInput(
            "fractions", f"shares of the background must be positive: {dict(background)}"
        )
    chunks = [events] if hasattr(events, "fields") else list(events)
    if not chunks:
        raise BadInput("fractions", "there are no events")
    card = catalogue.load(*facts_about(chunks[0], tagger)["card"].split("@"))
    form = _form(card, discriminant)
    outputs = tuple(dict.fromkeys([*form.numerator, *form.denominator]))
    asked = Asked(tagger, outputs, scheme, weight, {}, ("pt", "abseta"), schema)
    names = (signal,) if isinstance(signal, str) else tuple(signal)
    mixture = _mixture(read(chunks, asked), outputs, names, background)
    return best(mixture, form, efficiency)


def _form(card: Card, name: str) -> Form:
    if name not in card.discriminants:
        raise UnknownName.of(card.name, "discriminant", name, card.discriminants)
    form = max(card.discriminants[name], key=lambda each: len(each.fractions))
    if not form.fractions:
        raise BadInput(card.name, f"{name} has no fractions")
    return form


def _mixture(
    found: Labelled,
    outputs: Sequence[str],
    signal: Sequence[str],
    background: Mapping[str, float],
) -> Mixture:
    codes = {name: code for code, name in scheme_named(found.scheme).classes.items()}
    shares = {**dict.fromkeys(signal, 0.0), **background}
    weights, rows = found.column(WEIGHT).astype(np.float64), {}
    for name in shares:
        if name not in codes:
            raise UnknownName.of(f"truth scheme {found.scheme}", "class", name, codes)
        own = np.flatnonzero(found.column(SCORED) & (found.column(TRUTH) == codes[name]))
        rows[name] = own[:: max(1, -(-len(own) // MOST))]
        if not weights[rows[name]].sum() > 0.0:
            raise BadInput("fractions", f"leptons of {name} have no weight, or there are none")
    total = sum(background.values())
    scaled = [
        weights[rows[n]] * (share / total / weights[rows[n]].sum())
        for n, share in background.items()
    ]
    one, others = (np.concatenate([rows[n] for n in group]) for group in (signal, background))
    scores = {name: found.column(f"<{name}>") for name in outputs}
    return Mixture(
        {name: column[one] for name, column in scores.items()}, weights[one],
        {name: column[others] for name, column in scores.items()}, np.concatenate(scaled),
    )  # fmt: skip


def best(mixture: Mixture, form: Form, efficiency: float) -> dict[str, float]:
    """Fractions of `form` that leave least of the mixture.

    Parameters
    ----------
    efficiency : of the signal
    """
    from scipy.optimize import minimize  # noqa: PLC0415  (half a second to load)

    every = sorted(form.fractions)
    # Where each background has a fraction of its own, only their ratios matter.
    shared = sorted(set(form.denominator.values()) & set(every))
    if len(shared) < len(form.denominator) or set(shared) & set(form.numerator.values()):
        shared = []
    alone = [name for name in every if name not in shared]

    def fractions(x: Floats) -> dict[str, float]:
        # Logistic and softmax keep them between 0 and 1.
        found = {name: float(1.0 / (1.0 + np.exp(-x[i]))) for i, name in enumerate(alone)}
        powers = np.exp(x[len(alone) :] - x[len(alone) :].max(initial=-np.inf))
        return found | dict(zip(shared, (powers / powers.sum()).tolist(), strict=True))

    rng = np.random.default_rng(SEED)
    starts = [np.zeros(len(every)), *rng.normal(0.0, 1.5, (STARTS - 1, len(every)))]
    found = [
        minimize(
            lambda x: mixture.left(form, fractions(x), efficiency), start, method="Nelder-Mead",
            options={"xatol": 1e-2, "fatol": 1e-6, "maxiter": 60 * len(every)},
        )
        for start in starts
    ]  # fmt: skip
    least = min(found, key=lambda each: float(each.fun))
    return {name: round(value, 4) for name, value in fractions(least.x).items()}
