"""What a likelihood is made of, as its user says it, and the card of what comes out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from pydantic import ValidationError

from lepid.analysis.labels import scheme_named
from lepid.errors import BadInput, UnknownName, first_line
from lepid.features.definitions import FEATURES
from lepid.taggers.card import Card
from lepid.taggers.card_likelihood import BINS, VARIABLES

FILE = "densities.json.gz"
# Those of the ATLAS likelihood, and where it leaves two of them out.
ATLAS = (
    "el_d0significance", "Eratio", "deltaEta1", "f1", "f3", "Reta", "el_rhad", "Rphi",
    "trackParticleLinks.d0", "weta2", "dPOverP", "deltaPhiRescaled2",
    "transformed_e_probability_ht",
)  # fmt: skip
UNITS = {"trackParticleLinks.d0": "mm"}
SKIP = {
    "transformed_e_probability_ht": {"from_abseta": 2.01},
    "f3": {"from_abseta": 2.37, "above_et": 80.0},
}


@dataclass(frozen=True)
class Recipe:
    """What a likelihood is made of.

    Attributes
    ----------
    variables : features, or columns of the electrons
    et, abseta : features that the densities are binned in
    et_edges : GeV, ascending; electrons outside are in the first and the last bin
    abseta_edges : ascending, the same
    signal, background : classes of the truth scheme
    scheme : truth scheme
    weight : column of events or electrons, ``"Electrons.weight"``; empty for none
    only : column and the value that it has for what is used, ``"EventInfo.split=0"``; empty for all
    n_bin : bins of each density
    minimum : electrons that each bin of E_T and |eta| needs at least
    reference : whether the likelihood runs only when it is named, as those of lepid's simulation
    """

    variables: tuple[str, ...] = ATLAS
    et: str = "et"
    abseta: str = "abseta_cluster"
    et_edges: tuple[float, ...] = (0.0, 10.0, 15.0, 20.0, 30.0, 40.0, float("inf"))
    abseta_edges: tuple[float, ...] = (0.0, 0.8, 1.37, 1.52, 2.01, float("inf"))
    signal: tuple[str, ...] = ("El",)
    background: tuple[str, ...] = ("PC", "HF", "LFEg", "LFH")
    scheme: str = "dnn"
    weight: str = ""
    only: str = ""
    n_bin: int = 100
    minimum: int = 50
    reference: bool = False

    def check(self) -> None:
        """Raise `BadInput` if it contradicts itself."""
        for name in ("et_edges", "abseta_edges"):
            edges = getattr(self, name)
            if len(edges) < 2 or not all(low < high for low, high in pairwise(edges)):
                raise BadInput(name, f"do not ascend, or are fewer than two: {list(edges)}")
        if not self.variables:
            raise BadInput("variables", "none is given")
        if self.n_bin < 2:
            raise BadInput("n_bin", f"{self.n_bin}, expected two or more")
        self.chosen()

    def chosen(self) -> tuple[str, float]:
        """Column of `only` and the value that is used; empty and 0 for all."""
        if not self.only:
            return "", 0.0
        name, _, value = self.only.partition("=")
        try:
            return name, float(value)
        except ValueError:
            do = "write COLUMN=NUMBER, as EventInfo.split=0"
            raise BadInput("only", f"{self.only!r} names no column and number", (), do) from None

    def codes(self) -> dict[str, list[int]]:
        """Codes of the truth classes of ``"signal"`` and ``"background"``.

        Raises
        ------
        UnknownName : a class that the truth scheme does not have
        BadInput : a class in both, or none in one
        """
        classes = {name: code for code, name in scheme_named(self.scheme).classes.items()}
        for name in (*self.signal, *self.background):
            if name not in classes:
                raise UnknownName.of(f"truth scheme {self.scheme}", "class", name, classes)
        both = set(self.signal) & set(self.background)
        if both or not (self.signal and self.background):
            wrong = f"{min(both)} is in both" if both else "one of them has no class"
            raise BadInput("signal and background", wrong)
        return {
            "signal": [classes[name] for name in self.signal],
            "background": [classes[name] for name in self.background],
        }

    def card(self, folder: Path, sha256: str) -> Card:
        """Card of the likelihood that will lie in `folder`, its densities with this hash.

        Raises
        ------
        BadInput : the names of the folders are none of a tagger and a network
        """
        names = [{"feature": name, "unit": unit(name)} for name in self.variables]
        bins = [{"feature": self.et, "unit": "GeV"}, {"feature": self.abseta}]
        skip = [{"feature": name, **SKIP[name]} for name in self.variables if name in SKIP]
        truth = f"{', '.join(self.signal)} against {', '.join(self.background)}"
        keys = {
            "tagger": folder.resolve().parent.name,
            "network": folder.resolve().name,
            "flavour": "electron",
            "reference": self.reference,
            "description": f"electron likelihood, {truth}",
            "source": "ours: lepid likelihood build",
            "outputs": [
                {"name": "lh", "doc": "transformed likelihood ratio", "node": "discriminant"}],
            "discriminants": {"D_LH": {"kind": "score", "output": "lh"}},
            "networks": [{
                "file": FILE,
                "sha256": sha256,
                "likelihood": {"plateaus": plateaus(self.et_edges), "skip": skip},
                "nodes": [{"name": VARIABLES, "inputs": names}, {"name": BINS, "inputs": bins}],
            }],
        }  # fmt: skip
        try:
            return Card.model_validate(keys)
        except ValidationError as error:
            do = "name it MODELS/TAGGER/NETWORK, the tagger in small letters, digits and _"
            wrong = f"no card can lie there: {first_line(error)}"
            raise BadInput(str(folder), wrong, (), do) from error


def plateaus(et_edges: Sequence[float]) -> list[list[float]]:
    """The centre of each bin of E_T, and all of what lies before the first and behind the last."""
    centres = [(low + high) / 2 for low, high in pairwise(et_edges)]
    if len(centres) > 1 and math.isinf(et_edges[-1]):
        centres[-1] = et_edges[-2] + (et_edges[-2] - et_edges[-3]) / 2
    flat = [[centre, centre] for centre in centres]
    flat[0][0], flat[-1][1] = float(et_edges[0]), float("inf")
    return flat


def unit(variable: str) -> str:
    """Unit of a variable in the densities."""
    feature = FEATURES.get(variable)
    return feature.unit if feature else UNITS.get(variable, "")
