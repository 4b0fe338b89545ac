"""Derived working points of a reference network, as lepid writes them."""

from __future__ import annotations

from collections.abc import Mapping

from lepid.taggers.card import Card
from lepid.working_points.points import Derived
from lepid.working_points.table import Binding
from lepid.working_points.written import Named

SAMPLE = "of lepid's own simulation"
AXES = {"pt": "pt", "abseta": "abseta"}


def named(card: Card, derived: Derived, axes: Mapping[str, str] = AXES) -> Named:
    """The points for the networks of a card, and for scores of them that a file holds."""
    digests = tuple(network.sha256 for network in card.networks)
    bound_to = Binding(sha256=digests, columns=card.stored_columns)
    return Named(card.tagger, card.network, derived, axes, bound_to, units={}, fractions={})
