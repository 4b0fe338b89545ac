"""The tagger card: all that lepid knows about one network of one tagger, as data.

A card is a TOML file `models/<tagger>/<network>/card.toml`. The classes below say what it may
hold; an unknown key, a wrong type or two parts that contradict each other is a `BadCard`.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from lepid.taggers.card_jets import Jets
from lepid.taggers.card_likelihood import DISCRIMINANT
from lepid.taggers.card_network import Network
from lepid.taggers.card_outputs import Bits, Decision, Form, Fractions, Output
from lepid.taggers.part import Part, hint, repeated


class Card(Part):
    """One network of one tagger."""

    tagger: str = Field(pattern="^[a-z0-9]+(_[a-z0-9]+)*$")
    network: str = Field(pattern=r"^[A-Za-z0-9][\w.-]*$")
    flavour: Literal["electron", "muon", "jet"]
    experiment: Literal["atlas", "cms", ""] = ""
    description: str
    source: str = Field(description="paper or file that defines the tagger, or 'ours'")
    reference: bool = Field(
        default=False, description="trained on lepid's simulation: runs only by name"
    )
    outputs: tuple[Output, ...] = ()
    fractions: Fractions = Fractions()
    discriminants: dict[str, tuple[Form, ...]] = Field(default_factory=dict)
    decisions: tuple[Decision, ...] = ()
    bits: tuple[Bits, ...] = Field(default=(), description="the first that fits the files counts")
    working_points: tuple[str, ...] = Field(default=(), description="tables, <tagger>/<file>.json")
    networks: tuple[Network, ...] = Field(
        default=(),
        description="parts, for disjoint ranges of |eta|, after those that give them columns",
    )
    jets: Jets = Field(default=Jets(), description="which jet inputs called jet_... are about")
    notes: tuple[str, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _one_form(cls, value: Any) -> Any:
        if isinstance(value, dict) and isinstance(value.get("discriminants"), dict):
            forms = value["discriminants"]
            single = {k: (v if isinstance(v, list | tuple) else [v]) for k, v in forms.items()}
            return {**value, "discriminants": single}
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not (self.outputs or self.decisions):
            raise ValueError("a card has outputs or decisions")
        if self.flavour == "jet" and self.networks:
            raise ValueError("jets have scores that files hold; networks are for leptons")
        twice = repeated(self.fields)
        if twice:
            raise ValueError(f"the same field twice: {twice}")
        outputs = [output.name for output in self.outputs if output.per == "lepton"]
        for name, forms in self.discriminants.items():
            if not forms:
                raise ValueError(f"discriminant {name} has no form")
            unknown = set().union(*(form.outputs for form in forms)) - set(outputs)
            if unknown:
                wrong = f"discriminant {name} uses unknown output {min(unknown)!r}"
                raise ValueError(wrong + hint(min(unknown), outputs))
            signatures = [frozenset(form.fractions) for form in forms]
            if len(set(signatures)) < len(signatures):
                raise ValueError(f"forms of discriminant {name} do not differ in their fractions")
        unused = set(self.fractions.values) - self.known_fractions
        if unused:
            wrong = f"no discriminant uses the fraction {min(unused)!r}"
            raise ValueError(wrong + hint(min(unused), self.known_fractions))
        return self

    @model_validator(mode="after")
    def _masked(self) -> Self:
        twice = next(filter(None, (repeated(bits.names) for bits in self.bits)), "")
        if twice:
            raise ValueError(f"bits name the requirement twice: {twice}")
        if any(decision.mask for decision in self.decisions) != bool(self.bits):
            raise ValueError("bits say what the masks of decisions mean, and neither is without")
        if not self.bits:
            return self
        if [bool(bits.beside) for bits in self.bits] != [True] * (len(self.bits) - 1) + [False]:
            raise ValueError("the last of the bits, and no other, has no beside")
        return self

    @model_validator(mode="after")
    def _readable(self) -> Self:
        if not self.networks:
            lost = [output.name for output in self.outputs if not output.stored]
            if lost:
                wrong = "has no stored column, and the card no network"
                raise ValueError(f"output {', '.join(lost)} {wrong}")
            return self
        if not self.outputs or not all(output.node for output in self.outputs):
            raise ValueError("a network has outputs, and each names its node")
        parts = self.parts
        if not parts or self.networks[-len(parts) :] != parts:
            raise ValueError("what gives columns to other networks stands in front of them")
        given = [name for network in self.networks for name in network.given]
        if repeated(given):
            raise ValueError(f"two networks give {repeated(given)}")
        each = [output.name for output in self.outputs if output.per != "lepton"]
        lists = [[node.per for node in network.ragged] for network in parts]
        if each and any(kinds != ["track"] for kinds in lists):
            wrong = "is one number per track, and a network does not take exactly one list of them"
            raise ValueError(f"output {', '.join(each)} {wrong}")
        wrong_node = [o.node for o in self.outputs if o.node != DISCRIMINANT]
        if any(network.likelihood for network in self.networks) and wrong_node:
            raise ValueError(f"a likelihood has one output, at the node {DISCRIMINANT!r}")
        places = [f"{output.node}[{output.index or 0}]" for output in self.outputs]
        if repeated(places):
            raise ValueError(f"two outputs read the same number: {repeated(places)}")
        if len(parts) > 1:
            ranges = sorted(part.abseta for part in parts if part.abseta)
            if len(ranges) < len(parts):
                raise ValueError("several networks in a card each need a range of abseta")
            if any(left[1] > right[0] for left, right in pairwise(ranges)):
                raise ValueError("the ranges of abseta of the networks overlap")
        if len({network.training is None for network in parts}) > 1:
            raise ValueError("all networks of a card state their training, or none")
        return self

    @property
    def parts(self) -> tuple[Network, ...]:
        """The networks that give the outputs."""
        return tuple(network for network in self.networks if not network.gives)

    def read_from(self, network: Network) -> tuple[Output, ...]:
        """What is read from one of its networks."""
        return network.gives or self.outputs

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of all fields that it gives a lepton, but for those of tables."""
        points = (decision.name for decision in self.decisions)
        return (*(o.name for o in self.outputs), *self.discriminants, *points, *self.flags)

    @property
    def flags(self) -> tuple[str, ...]:
        """Names of the fields that say what became of a lepton, and which tracks it has."""
        trained = any(network.training for network in self.networks)
        each = any(output.per == "track" for output in self.outputs)
        return ("scored", *["in_training"] * trained, *["track_index"] * each)

    @property
    def known_fractions(self) -> set[str]:
        """Fractions that its discriminants use."""
        return {
            f for forms in self.discriminants.values() for form in forms for f in form.fractions
        }

    @property
    def name(self) -> str:
        """`tagger@network`, as users type it."""
        return f"{self.tagger}@{self.network}"

    @property
    def stored_columns(self) -> tuple[str, ...]:
        """Every column name that may hold one of its scores."""
        return tuple(column for output in self.outputs for column in output.stored)
