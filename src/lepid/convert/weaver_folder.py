"""A network of weaver to a model folder.

Source
------
CMSSW RecoBTag/FeatureTools (center_norm_pad, catch_infs), whose rule for numbers that are not
finite differs from that of weaver's training: before the standardisation, not after
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from lepid.convert import folder, weaver
from lepid.convert.weaver import MASK, Group, Preprocessing, Variable
from lepid.errors import BadFile, BadInput, UnknownName, near_misses
from lepid.taggers import session, signature

# Bounds that stand for none.
NONE = 1e32
KINDS = ("track", "candidate", "secondary_vertex")
Order = Literal["nearest", "stored", "pt"]
Features = Mapping[str, tuple[str, str]]


@dataclass(frozen=True)
class Around:
    """Of what some input nodes take lists: `kind`, within `cone` of the lepton."""

    kind: str
    cone: float | None = None


def convert(
    model: Path,
    preprocessing: Path,
    root: Path,
    *,
    tagger: str,
    network: str,
    flavour: str,
    around: Mapping[str, Around] | None = None,
    order: Order = "stored",
    wrap: Sequence[str] = (),
    features: Features | None = None,
    outputs: Sequence[str] = (),
) -> Path:
    """Write `<root>/<tagger>/<network>/` with a network that weaver exported; its path.

    Parameters
    ----------
    model, preprocessing : ONNX and JSON, as weaver writes them
    around : what the names of input nodes begin with, ``pf`` for ``pf_features`` -> of what they
        take lists; the others take one row per lepton
    order : of these lists; beyond the longest length they are cut
    wrap : input nodes that are filled with what is there once more, which the JSON does not say
    features : variable of the file -> column or feature, and the unit of the training; one that is
        not named is the column of its own name, as it stands
    outputs : names of the scores, instead of the labels of the file

    Raises
    ------
    BadFile : a file cannot be read, or the JSON is not weaver's
    NetworkMismatch : the ONNX file takes or gives something else than the JSON says
    UnknownName : a name that the file does not have
    BadInput : lists of which `around` says nothing, other numbers of names
    BadCard : the names cannot stand in a card; nothing is written
    """
    said = weaver.read(preprocessing)
    given, kinds = dict(features or {}), dict(around or {})
    _check(said, preprocessing.name, given, kinds, wrap)
    try:
        content = model.read_bytes()
    except OSError as error:
        raise BadFile(str(model), f"cannot be read: {error}") from error
    loaded = session.load(content, str(model), "cpu", 1)
    node = [output.name for output in loaded.get_outputs()]
    if len(node) != 1:
        raise BadFile(str(model), f"gives {', '.join(node)}, expected one output")
    labels = _named(said, outputs, preprocessing.name)
    nodes = _nodes(said, preprocessing.name, around=kinds, order=order, wrap=wrap, features=given)
    card = folder.card_of(
        {
            "tagger": tagger,
            "network": network,
            "flavour": flavour,
            "description": f"network of weaver, {model.name}",
            "source": f"{model.name}, {preprocessing.name}",
            "outputs": [
                {"name": name, "doc": label * (label != name), "node": node[0], "index": index}
                for index, (name, label) in enumerate(labels)
            ],
            "networks": [
                {
                    "file": folder.NETWORK,
                    "sha256": folder.sha256(content),
                    "nodes": list(nodes),
                }
            ],
        }
    )
    signature.check(loaded, card, card.networks[0], model)
    return folder.write(root, card, content)


def _named(said: Preprocessing, names: Sequence[str], where: str) -> list[tuple[str, str]]:
    """Name and label of each class."""
    if names and len(names) != len(said.labels):
        wrong = f"{len(names)} names of outputs, the network gives {len(said.labels)}"
        raise BadInput(where, wrong, (), f"in this order: {', '.join(said.labels)}")
    return list(zip(names or said.labels, said.labels, strict=True))


def _check(
    said: Preprocessing,
    where: str,
    features: Features,
    around: Mapping[str, Around],
    wrap: Sequence[str],
) -> None:
    """Raise `UnknownName` for names that the file does not have, `BadInput` for missing ones."""
    groups = [group.name for group in said.groups]
    variables = [each.name for group in said.groups for each in group.variables]
    prefixes = [group.prefix for group in said.groups]
    for kind, names, known in (
        ("variable", features, variables), ("list of inputs", around, prefixes),
        ("input", wrap, groups),
    ):  # fmt: skip
        for name in names:
            if name not in known:
                raise UnknownName.of(where, kind, name, set(known))
    for each in around.values():
        if each.kind not in KINDS:
            raise UnknownName.of(where, "kind of constituents", each.kind, KINDS)
    for group in said.groups:
        listed = group.longest > 1 and not group.name.endswith(MASK)
        if listed and group.prefix not in around:
            wrong = f"{group.name} takes up to {group.longest} rows, and nothing says of what"
            raise BadInput(where, wrong, (), f"say it: --around {group.prefix}=candidate")


def _nodes(
    said: Preprocessing,
    source: str,
    *,
    around: Mapping[str, Around],
    order: Order,
    wrap: Sequence[str],
    features: Features,
) -> Iterator[dict[str, Any]]:
    """Input nodes of the card; a mask belongs to the last node of its list."""
    masks = [group for group in said.groups if group.name.endswith(MASK)]
    fed = [group for group in said.groups if group not in masks]
    owners = {_owner(mask, fed, source).name: mask.name for mask in masks}
    for group in fed:
        inputs = [_input(each, features, source) for each in group.variables]
        node: dict[str, Any] = {"name": group.name, "transposed": True, "inputs": inputs}
        if group.prefix in around:
            pads = [each.pad for each in group.variables]
            same = pads[0] if len(set(pads)) == 1 else pads
            node |= {
                "minimum": group.shortest, "maximum": group.longest,
                "pad": "wrap" if group.name in wrap else same,
                "mask": owners.get(group.name, ""),
            } | _constituents(around[group.prefix], order)  # fmt: skip
        yield node


def _constituents(around: Around, order: Order) -> dict[str, Any]:
    cone = {} if around.cone is None else {"cone": around.cone}
    # Tracks have one order, that of Athena.
    return {"per": around.kind, **cone} | ({} if around.kind == "track" else {"order": order})


def _owner(mask: Group, fed: Sequence[Group], source: str) -> Group:
    """The node of which `mask` says what is there."""
    lists = [group for group in fed if group.prefix == mask.prefix]
    if not lists:
        wrong = f"{mask.name} is the mask of nothing: no input {mask.prefix}_..."
        raise BadFile(source, wrong, near_misses(mask.prefix, [group.name for group in fed]))
    variable, last = mask.variables[0], lists[-1]
    plain = (variable.median, variable.norm_factor, variable.pad) == (0.0, 1.0, 0.0)
    lengths = {(group.shortest, group.longest) for group in (mask, last)}
    if len(mask.variables) > 1 or not plain or len(lengths) > 1:
        wrong = f"{mask.name} is not 1 for each of {last.name} and 0 for what is added"
        raise BadFile(source, wrong, (), "lepid knows no other mask")
    return last


def _input(variable: Variable, features: Features, source: str) -> dict[str, Any]:
    feature, unit = features.get(variable.name, (variable.name, ""))
    entry: dict[str, Any] = {"feature": feature, "unit": unit, "mean": variable.median}
    entry |= {"std": 1 / variable.norm_factor, "default": variable.replace_inf_value}
    if variable.lower_bound > -NONE:
        entry["lower"] = variable.lower_bound
    if variable.upper_bound < NONE:
        entry["upper"] = variable.upper_bound
    return {**entry, "default_source": source}
