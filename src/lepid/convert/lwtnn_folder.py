"""A network of lwtnn to a model folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lepid.convert import folder, lwtnn
from lepid.errors import UnknownName
from lepid.taggers.graph import layered
from lepid.taggers.graph.layers import Inputs, Layered


def convert(
    path: Path,
    root: Path,
    *,
    tagger: str,
    network: str,
    flavour: str,
    features: Mapping[str, tuple[str, str]] | None = None,
) -> Path:
    """Write `<root>/<tagger>/<network>/` from lwtnn's JSON; its path.

    Parameters
    ----------
    features : input of the file -> column or feature of the leptons, and the unit that the network
        was trained with; an input that is not named is the column of its own name, as it stands

    Raises
    ------
    BadFile, BadCard : the file is not a network that lepid knows, or the names cannot stand in a
        card; nothing is written
    UnknownName : `features` names an input that the file does not have
    """
    layers = lwtnn.read(path)
    given = dict(features or {})
    known = [variable.name for node in layers.inputs for variable in node.variables]
    for name in given:
        if name not in known:
            raise UnknownName.of(str(path), "input", name, known)
    content = layered.build(layers)
    card = folder.card_of(
        {
            "tagger": tagger,
            "network": network,
            "flavour": flavour,
            "description": f"network of lwtnn, {path.name}",
            "source": path.name,
            "outputs": _outputs(layers),
            "networks": [
                {
                    "file": folder.NETWORK,
                    "sha256": folder.sha256(content),
                    "nodes": [_node(node, given, path.name) for node in layers.inputs],
                }
            ],
        }
    )
    return folder.write(root, card, content)


def _outputs(layers: Layered) -> list[dict[str, Any]]:
    found = []
    for name, (step, _) in layered.names(layers).items():
        per = {"per": "track"} if layered.per_track(layers.steps[step]) else {}
        found.append({"name": name, "node": name, **per})
    return found


def _node(node: Inputs, features: Mapping[str, tuple[str, str]], source: str) -> dict[str, Any]:
    inputs = []
    for variable in node.variables:
        name, unit = features.get(variable.name, (variable.name, ""))
        entry: dict[str, Any] = {"feature": name, "unit": unit}
        if variable.default is not None:
            entry |= {"default": variable.default, "default_source": source}
        inputs.append(entry)
    return {"name": node.name, "per": "track" if node.sequence else "lepton", "inputs": inputs}
