"""lwtnn's JSON, sequential or graph, to the layers of a network.

Source
------
lwtnn src/parse_json.cxx and include/lwtnn/generic
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from lepid.convert.lwtnn_layers import SEQUENTIAL, Bad, number, read_layer
from lepid.errors import BadFile, near_misses
from lepid.taggers.graph.layers import (
    KINDS,
    Inputs,
    Layer,
    Layered,
    Result,
    Step,
    Variable,
)

ROWS, SEQUENCE = "inputs", "sequence"
NEEDS = {"row": "one row per lepton", "rows": "a list of rows"}


def read(path: Path) -> Layered:
    """The network in the JSON file at `path`.

    A sequential network takes `inputs`, or `sequence` if it has a recurrent layer; a graph has the
    input nodes that the file names.

    Raises
    ------
    BadFile : no such file, not JSON, or not a network that lepid knows; names the layer
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise BadFile(str(path), f"cannot be read as JSON: {error}") from error
    return of(data, str(path))


def of(data: Any, where: str) -> Layered:
    """The network in parsed JSON; `where` stands in errors.

    Raises
    ------
    BadFile : not a network that lepid knows; names the layer
    """
    try:
        keys = _keys(data, "the file", "inputs", "layers", "outputs")
        return _graph(keys) if "nodes" in keys else _sequential(keys)
    except Bad as bad:
        raise BadFile(where, bad.wrong, bad.near, bad.do) from None


def _keys(data: Any, place: str, *wanted: str) -> Mapping[str, Any]:
    """`data` if it is an object with these keys."""
    if not isinstance(data, dict):
        raise Bad(f"{place} is not an object {{...}}: not a network of lwtnn")
    missing = [key for key in wanted if key not in data]
    if missing:
        near = [match for key in missing for match in near_misses(key, data)]
        raise Bad(f"{place} has no {', '.join(missing)}: not a network of lwtnn", near)
    return data


def _variables(entries: Any, place: str, defaults: Mapping[str, Any]) -> tuple[Variable, ...]:
    if not isinstance(entries, list) or not entries:
        raise Bad(f"{place} has no inputs")
    found = []
    for entry in entries:
        keys = _keys(entry, f"an input of {place}", "name", "offset", "scale")
        name = str(keys["name"])
        default = keys.get("default", defaults.get(name))
        found.append(
            Variable(
                name,
                number(keys["offset"], f"offset of {name}"),
                number(keys["scale"], f"scale of {name}"),
                None if default is None else number(default, f"default of {name}"),
            )
        )
    names = [variable.name for variable in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise Bad(f"{place} has the input {twice[0]!r} twice")
    return tuple(found)


def _sequential(data: Mapping[str, Any]) -> Layered:
    variables = _variables(data["inputs"], "the file", data.get("defaults") or {})
    layers: dict[bool, list[Layer]] = {True: [], False: []}
    width = len(variables)
    for place, entry in enumerate(data["layers"]):
        kind = entry.get("architecture") if isinstance(entry, dict) else None
        if kind in SEQUENTIAL and layers[False]:
            raise Bad(f"layer {place} ({kind}) stands after one that is not recurrent")
        found, width = read_layer(entry, place, width)
        layers[kind in SEQUENTIAL].extend(found)
    recurrent = bool(layers[True])
    kind = "input_sequence" if recurrent else "input"
    steps = [Step(kind, (0,), width=len(variables))]
    if recurrent:
        steps.append(Step("sequence", (0,), tuple(layers[True])))
    steps.append(Step("feed_forward", (len(steps) - 1,), tuple(layers[False]), width))
    node = Inputs(SEQUENCE if recurrent else ROWS, variables, recurrent)
    result = _result(data["outputs"], len(steps) - 1, width, "the file")
    return Layered((node,), tuple(steps), (result,))


def _result(labels: Any, step: int, width: int, place: str) -> Result:
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise Bad(f"the outputs of {place} are not a list of labels")
    if len(labels) != width:
        raise Bad(f"{place} has {len(labels)} output labels for {width} numbers")
    twice = sorted({label for label in labels if labels.count(label) > 1})
    if twice:
        raise Bad(f"{place} has the output {twice[0]!r} twice")
    return Result(step, tuple(labels))


def _graph(data: Mapping[str, Any]) -> Layered:
    inputs = []
    for key in ("inputs", "input_sequences"):
        for entry in data.get(key, []):
            node = _keys(entry, f"an entry of {key}", "name", "variables")
            variables = _variables(node["variables"], f"node {node['name']}", {})
            inputs.append(Inputs(str(node["name"]), variables, key == "input_sequences"))
    walk = _Walk(data, tuple(inputs))
    results = []
    for name, entry in _keys(data["outputs"], "outputs").items():
        output = _keys(entry, f"output {name}", "labels", "node_index")
        step = walk.step(output["node_index"], f"output {name}")
        results.append(_result(output["labels"], step, walk.steps[step].width, f"output {name}"))
    if not results:
        raise Bad("the file has no output")
    return Layered(tuple(inputs), tuple(walk.steps), tuple(results))


class _Walk:
    """Nodes of a graph in the order in which they are computed."""

    def __init__(self, data: Mapping[str, Any], inputs: tuple[Inputs, ...]) -> None:
        self.nodes, self.layers, self.inputs = data["nodes"], data["layers"], inputs
        self.steps: list[Step] = []
        self.places: dict[int, int] = {}
        self.open: set[int] = set()

    def step(self, index: Any, who: str) -> int:
        """Place of node `index` among the steps; it is read when it is first asked for."""
        if not isinstance(index, int) or not 0 <= index < len(self.nodes):
            raise Bad(f"{who} names node {index!r}, there are {len(self.nodes)}")
        if index in self.open:
            raise Bad(f"node {index} depends on itself")
        if index not in self.places:
            self.open.add(index)
            step = self._read(index)
            self.open.discard(index)
            self.steps.append(step)
            self.places[index] = len(self.steps) - 1
        return self.places[index]

    def _read(self, index: int) -> Step:
        node = _keys(self.nodes[index], f"node {index}", "type", "sources")
        kind, sources = node["type"], node["sources"]
        if kind not in KINDS:
            self._unknown(index, kind)
        who = f"node {index} ({kind})"
        if not isinstance(sources, list) or not sources:
            raise Bad(f"{who} has no sources")
        if kind not in ("concatenate", "add") and len(sources) != 1:
            raise Bad(f"{who} takes one source, found {len(sources)}")
        if kind in ("input", "input_sequence"):
            return self._input(who, kind, sources[0], node)
        places = [self.step(source, who) for source in sources]
        for source, place in zip(sources, places, strict=True):
            given = KINDS[self.steps[place].kind][1]
            if given not in (KINDS[kind][0], "both"):
                other = f"node {source} ({self.steps[place].kind})"
                raise Bad(f"{who} takes {NEEDS[KINDS[kind][0]]}, {other} gives {NEEDS[given]}")
        widths = [self.steps[place].width for place in places]
        if kind in ("feed_forward", "time_distributed", "sequence"):
            layers, width = self._layers(who, kind, node, widths[0])
            return Step(kind, tuple(places), layers, width)
        if kind == "add" and len(set(widths)) > 1:
            raise Bad(f"{who} adds rows of {', '.join(map(str, widths))} numbers")
        return Step(kind, tuple(places), (), sum(widths) if kind == "concatenate" else widths[0])

    def _unknown(self, index: int, kind: Any) -> NoReturn:
        near = near_misses(str(kind), KINDS)
        known = f"lepid knows the types {', '.join(KINDS)}"
        raise Bad(f"node {index} has the type {kind!r}, which is not supported", near, known)

    def _input(self, who: str, kind: str, source: Any, node: Mapping[str, Any]) -> Step:
        # Inputs and sequences are counted apart.
        sequence = kind == "input_sequence"
        places = [i for i, node in enumerate(self.inputs) if node.sequence == sequence]
        if not isinstance(source, int) or not 0 <= source < len(places):
            raise Bad(f"{who} names input {source!r}, there are {len(places)}")
        width = len(self.inputs[places[source]].variables)
        if node.get("size") != width:
            name = self.inputs[places[source]].name
            raise Bad(f"{who} has the size {node.get('size')!r}, {name} has {width} variables")
        return Step(kind, (places[source],), (), width)

    def _layers(
        self, who: str, kind: str, node: Mapping[str, Any], width: int
    ) -> tuple[tuple[Layer, ...], int]:
        place = node.get("layer_index")
        if not isinstance(place, int) or not 0 <= place < len(self.layers):
            raise Bad(f"{who} names layer {place!r}, there are {len(self.layers)}")
        entry = self.layers[place]
        layers, n_output = read_layer(entry, place, width)
        if (entry["architecture"] in SEQUENTIAL) != (kind == "sequence"):
            wrong = f"{who} cannot hold layer {place} ({entry['architecture']})"
            raise Bad(wrong, (), f"only a node of the type sequence holds {', '.join(SEQUENTIAL)}")
        return layers, n_output
