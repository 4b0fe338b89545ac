"""What the network and its rivals say of the same electrons."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from training.curves import Scored
from training.electron import likelihood
from training.electron.inputs import Electrons
from training.splits import TEST, VALIDATION

from lepid.efficiency.truth_codes import DNN
from lepid.taggers import card_file, catalogue, discriminants, inference, twin
from lepid.taggers.card import Card
from lepid.taggers.session import Settings

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

NETWORK, TREES, LIKELIHOOD, ECIDS = "DNN", "GBDT", "LH", "ECIDS-like"
CLASSES = ("El", "CF", "PC", "HF", "LFEg", "LFH")
BACKGROUND = CLASSES[2:]


class Compared(NamedTuple):
    """Electrons, and what is said of them.

    Attributes
    ----------
    electrons : Electrons
    classes : tagger -> probabilities of `CLASSES`, [n, 6]
    prompt : tagger -> how much it is prompt rather than background, [n]
    charge : tagger -> how much its charge is right, [n]
    flat : tagger -> part of the prompt electrons of its bin that are less prompt, [n]; equal cuts
        on it are equal efficiencies in each bin of E_T and |eta|
    """

    electrons: Electrons
    classes: Mapping[str, npt.NDArray[np.float32]]
    prompt: Mapping[str, Floats]
    charge: Mapping[str, Floats]
    flat: Mapping[str, Floats]

    def of(self, chosen: npt.NDArray[Any]) -> Compared:
        """Those electrons alone."""
        rest = ({k: v[chosen] for k, v in each.items()} for each in self[1:])
        return Compared(self.electrons.of(chosen), *rest)

    def truth(self, *names: str) -> Bools:
        """Whether an electron is of one of the classes, [n]."""
        codes = [CLASSES.index(name) for name in names]
        return np.isin(self.electrons.columns["truth"], codes)

    def with_scores(self) -> Electrons:
        """The electrons, with what the working points cut on among their columns."""
        scores = {"D_el": self.prompt[NETWORK], "D_CF": self.charge[NETWORK]}
        scores["D_LH"] = self.prompt[LIKELIHOOD]
        return self.electrons._replace(columns={**self.electrons.columns, **scores})

    def scored(self, scores: Mapping[str, Floats], *against: str) -> Scored:
        """`scores` of prompt electrons with the right charge and of the classes `against`."""
        truth = self.electrons.columns["truth"]
        whole = Scored(dict(scores), truth == DNN.El, self.electrons.columns["weight"])
        return whole.of((truth == DNN.El) | self.truth(*against))


def compare(whole: Electrons, folder: Path, rivals: Path, densities: Path) -> Compared:
    """What all say of the electrons of validation and test.

    Parameters
    ----------
    whole : as they were when the rivals were trained
    folder : of the card of the network
    rivals : npz file of `rivals.train`
    densities : folder of the likelihood
    """
    card = card_file.load(folder / "card.toml")
    chosen = np.isin(whole.columns["split"], (VALIDATION, TEST))
    some = whole.of(chosen)
    with np.load(rivals) as file:
        if len(file["ecids"]) != len(chosen):
            message = f"{rivals} is of other electrons; remove it to train anew"
            raise ValueError(message)
        classes = {NETWORK: probabilities(card, folder, some), TREES: file["gbdt"][chosen]}
        charge = {ECIDS: file["ecids"][chosen].astype(np.float64)}
    prompt = {name: d_el(card, p, some.columns["abseta"]) for name, p in classes.items()}
    prompt[LIKELIHOOD] = likelihood.scores(densities, some)
    charge = {name: log_ratio(p, "El", "CF") for name, p in classes.items()} | charge
    flat = {name: flattened(value, some) for name, value in prompt.items()}
    return Compared(some, classes, prompt, charge, flat)


def probabilities(card: Card, folder: Path, some: Electrons) -> npt.NDArray[np.float32]:
    """Outputs of the network beside the `card`, [n, n_output]."""
    (network,) = card.networks
    path = folder / network.file
    ready = twin.get(path, catalogue.sha256(path), card, network, Settings("cpu", 1))
    rows = {network.nodes[0].name: some.inputs}
    found = inference.run(ready, card.outputs, network.nodes, rows, {})
    return np.stack([found[output.name] for output in card.outputs], axis=1)


def d_el(
    card: Card,
    classes: npt.NDArray[np.float32],
    abseta: Floats,
    fractions: Mapping[str, float] | None = None,
) -> Floats:
    """D_el of the card with its fractions, or other ones; also of probabilities of others.

    Parameters
    ----------
    classes : [n, 6]
    abseta : [n]
    """
    given = discriminants.check_fractions(card, dict(fractions or {}))
    outputs = {output.name: classes[:, i] for i, output in enumerate(card.outputs)}
    each = discriminants.per_lepton(card.fractions, given, abseta)
    return discriminants.evaluate(card.discriminants["D_el"][0], outputs, each)


def log_ratio(classes: npt.NDArray[np.float32], one: str, other: str) -> Floats:
    """Logarithm of the ratio of two probabilities, [n]."""
    least = np.finfo(np.float32).tiny
    left, right = (
        np.maximum(classes[:, CLASSES.index(name)], least).astype(np.float64)
        for name in (one, other)
    )
    return np.log(left / right)


def flattened(value: Floats, some: Electrons) -> Floats:
    """Part of the prompt validation electrons of its bin of E_T and |eta| that lie below, [n]."""
    place = likelihood.places(some)
    reference = (some.columns["truth"] == DNN.El) & (some.columns["split"] == VALIDATION)
    found = np.empty(len(value))
    for cell in np.unique(place):
        here = place == cell
        mine = here & reference
        order = np.argsort(value[mine])
        weight = some.columns["weight"][mine][order]
        middles = (np.cumsum(weight) - 0.5 * weight) / weight.sum()
        found[here] = np.interp(value[here], value[mine][order], middles)
    return found
