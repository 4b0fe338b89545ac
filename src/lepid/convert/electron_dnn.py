"""Athena's electron network with its working points to a model folder."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lepid.convert import athena_conf, athena_files, folder, lwtnn
from lepid.convert.athena_conf import ABSETA_EDGES, ET_EDGES, ET_NODES, FRACTIONS, DnnConf
from lepid.errors import BadFile, UnknownName
from lepid.features.electrons import feature_of
from lepid.tables import Node, binning, constant, correction
from lepid.taggers.graph import layered
from lepid.taggers.graph.layers import Layered
from lepid.working_points.cuts import binned, interpolated
from lepid.working_points.table import Binding, Range, Requirement, Rules

CLASSES = {
    "pel": "prompt electron",
    "pcf": "prompt electron with the wrong charge",
    "ppc": "electron from a prompt photon conversion",
    "phf": "electron from heavy flavour",
    "ple": "electron or photon from light flavour",
    "plh": "light hadron",
}
SOURCE = "Athena ElectronPhotonSelectorTools/Root/AsgElectronSelectorTool.cxx"
ET, ABSETA, FORWARD = "et", "abseta_cluster", "isForward"
MENUS = Path(__file__).with_name("menus.toml")
# A variance of d0 that is not positive.
MAY_BE_INFINITE = ("d0significance",)
MAX_ABSETA = ABSETA_EDGES[-1]
INPUTS = {ET: "E_T of the cluster along the track [GeV]", "abseta": "|eta| of the cluster"}


def convert(
    points: Mapping[str, Path], network: str, root: Path, ignored: Iterable[str] = ()
) -> Path:
    """Write `<root>/electron_dnn/<network>/` from one conf per working point; its path.

    Parameters
    ----------
    points : name of a working point -> its conf; all share one network
    ignored : keys that the confs may have and lepid does not know

    Raises
    ------
    BadFile : a file is missing or wrong, or the confs do not belong together; nothing is written
    UnknownName : an input that Athena's selector does not have
    """
    confs = {name: athena_conf.read_dnn(path, ignored) for name, path in points.items()}
    first = _shared(list(confs.values()))
    found = lwtnn.read(athena_conf.calibration(first.model, Path(first.path)))
    prepared = _prepared(first, found)
    content = layered.build(prepared)
    forms = _forms(confs)
    card = folder.card_of(_card(first, network, prepared, folder.sha256(content), forms))
    made = {name: _requirements(name, conf, forms.name(conf)) for name, conf in confs.items()}
    corrections, required = folder.requirements(card, made)
    rules = Rules(
        tagger=card.tagger,
        points=required,
        inputs={ET: ET, "abseta": ABSETA},
        range=(Range(feature=FORWARD, high=0.0),),
        bound_to=Binding(sha256=(card.networks[0].sha256,)),
    )
    return folder.write(root, card, content, (rules, corrections))


def menu(name: str) -> dict[str, Path]:
    """Working points of a menu of Athena -> their confs below `LEPID_CALIBRATION`.

    Raises
    ------
    UnknownName : no menu has this name
    BadFile : a conf is not there
    """
    menus = tomllib.loads(MENUS.read_text(encoding="utf-8"))
    if name not in menus:
        raise UnknownName.of("athena-conf", "menu", name, menus)
    return {point: athena_conf.calibration(path) for point, path in menus[name].items()}


def _shared(confs: Sequence[DnnConf]) -> DnnConf:
    """The first conf, if the others have the same network."""
    first = confs[0]
    for key in ("model", "quantiles", "variables", "multiclass"):
        for other in confs[1:]:
            mine, its = getattr(first, key), getattr(other, key)
            if mine != its:
                wrong = f"its {key} is {its}, that of {first.path} is {mine}"
                raise BadFile(other.path, wrong, (), "convert points of different networks apart")
    return first


def _prepared(conf: DnnConf, network: Layered) -> Layered:
    """The network with the quantile transform in front."""
    if len(network.inputs) != 1 or network.inputs[0].sequence:
        taken = ", ".join(node.name for node in network.inputs)
        raise BadFile(conf.path, f"its network takes {taken}, expected one row per electron")
    (node,) = network.inputs
    names = [variable.name for variable in node.variables]
    # Athena feeds the graph by name, so that the order is the one of the file.
    strange = set(names) ^ set(conf.variables)
    if conf.variables and strange:
        odd = ", ".join(sorted(strange))
        raise BadFile(conf.path, f"only one of Variables and network has {odd}")
    found = layered.names(network)
    if len(found) != (len(CLASSES) if conf.multiclass else 1):
        wrong = f"its network has {len(found)} outputs, multiClass is {conf.multiclass}"
        raise BadFile(conf.path, wrong.lower())
    path = athena_conf.calibration(conf.quantiles, Path(conf.path))
    made = replace(node, quantiles=athena_files.read_quantiles(path, names))
    return replace(network, inputs=(made,))


@dataclass(frozen=True)
class _Forms:
    """Discriminants, by what defines them.

    Attributes
    ----------
    names : fractions and cfSignal -> discriminant
    suffixes : fractions -> what is behind the names of the fractions
    """

    names: dict[tuple[bytes, bool], str]
    suffixes: dict[bytes, str]
    fractions: dict[str, tuple[float, ...]]

    def name(self, conf: DnnConf) -> str:
        """Discriminant that the points of a conf cut on."""
        return self.names[_key(conf), conf.cf_signal]


def _key(conf: DnnConf) -> bytes:
    return b"" if conf.fractions is None else conf.fractions.tobytes()


def _forms(confs: Mapping[str, DnnConf]) -> _Forms:
    """One discriminant for each pair of fractions and cfSignal; the first has the plain name."""
    forms = _Forms({}, {}, {})
    for point, conf in confs.items():
        suffix = forms.suffixes.setdefault(_key(conf), f"_{point}" if forms.suffixes else "")
        name = "D_el" if conf.cf_signal or not conf.multiclass else "D_el_cf_background"
        forms.names.setdefault((_key(conf), conf.cf_signal), name + suffix)
        if conf.fractions is not None:
            columns = conf.fractions.T.tolist()
            forms.fractions.update(
                {f + suffix: tuple(c) for f, c in zip(FRACTIONS, columns, strict=True)}
            )
    return forms


def _card(
    conf: DnnConf, network: str, layers: Layered, digest: str, forms: _Forms
) -> dict[str, Any]:
    nodes = list(layered.names(layers))
    names = list(CLASSES) if conf.multiclass else ["score"]
    docs = list(CLASSES.values()) if conf.multiclass else ["prompt electron"]
    node = layers.inputs[0]
    inputs = [_input(variable.name, conf.path) for variable in node.variables]
    card: dict[str, Any] = {
        "tagger": "electron_dnn",
        "network": network,
        "flavour": "electron",
        "experiment": "atlas",
        "description": f"ATLAS electron identification network of {conf.model}",
        "source": SOURCE,
        "working_points": [folder.POINTS],
        "notes": [f"Made by lepid convert athena-conf; quantiles of {conf.quantiles}."],
        "outputs": [
            {"name": name, "doc": doc, "node": place}
            for name, doc, place in zip(names, docs, nodes, strict=True)
        ],
        "discriminants": _discriminants(conf, forms),
        "networks": [
            {
                "file": folder.NETWORK,
                "sha256": digest,
                "nodes": [
                    {
                        "name": node.name,
                        "inputs": inputs,
                    }
                ],
            }
        ],
    }
    if conf.multiclass:
        card["fractions"] = {
            "abseta_edges": ABSETA_EDGES,
            "abseta": ABSETA,
            "values": forms.fractions,
            "source": "key Fractions of the confs",
        }
    return card


def _input(variable: str, where: str) -> dict[str, Any]:
    feature, unit = feature_of(variable, where)
    # The quantile transform takes infinity to its last level.
    return {"feature": feature, "unit": unit, "infinite": feature in MAY_BE_INFINITE}


def _discriminants(conf: DnnConf, forms: _Forms) -> dict[str, Any]:
    if not conf.multiclass:
        form = {"kind": "logit", "output": "score", "scale": 10.0, "source": SOURCE}
        return dict.fromkeys(forms.names.values(), form)
    found: dict[str, Any] = {}
    for (fractions, cf_signal), name in forms.names.items():
        f = [fraction + forms.suffixes[fractions] for fraction in FRACTIONS]
        below = dict(zip(list(CLASSES)[1:], f, strict=True))
        above = {"pel": "1"}
        if cf_signal:
            above = {"pel": f"1 - {f[0]}", "pcf": below.pop("pcf")}
        found[name] = {
            "kind": "log_ratio",
            "numerator": above,
            "denominator": below,
            "source": f"{SOURCE}, cfSignal {str(cf_signal).lower()}",
        }
    ratio = {"numerator": {"pel": "1"}, "denominator": {"pcf": "1"}, "source": SOURCE}
    return {
        **found,
        "D_CF": {"kind": "log_ratio", **ratio},
        "D_CF_ratio": {"kind": "ratio", **ratio},
    }


def _requirements(
    point: str, conf: DnnConf, discriminant: str
) -> Iterable[tuple[Node, Requirement]]:
    """Corrections and what they are compared with, in the order of Athena's accept bits."""
    edges = (0.0, *ABSETA_EDGES)

    def per_abseta(name: str, quantity: str, sense: Any, values: Any) -> tuple[Node, Requirement]:
        node = binning("abseta", edges, [constant(float(value), "abseta") for value in values])
        return _one(f"{point}_{name}", node, quantity, sense, ("abseta",))

    yield per_abseta("kinematic", ABSETA, "<=", [MAX_ABSETA] * len(ABSETA_EDGES))
    for name, quantity, sense, values in (
        ("NSCT", "nSiHitsPlusDeadSensors", ">=", conf.silicon),
        ("NPixel", "nPixHitsPlusDeadSensors", ">=", conf.pixel),
        ("NBlayer", "passesBLayer", ">=", conf.b_layer),
        ("ambiguity", "ambiguityType", "bit", conf.ambiguity),
    ):
        # A file need not hold what no bin asks for.
        if values is not None and (name != "NBlayer" or values.any()):
            yield per_abseta(name, quantity, sense, values)
    for name, quantity, cuts in (
        # Both are the bit passMVA; Athena looks at charge flips first.
        ("passCF", "D_CF", conf.cuts_cf),
        ("passMVA", discriminant, conf.cuts),
    ):
        if cuts is not None:
            grid = (
                interpolated(ET_NODES, edges, cuts)
                if conf.smooth
                else binned((0.0, *ET_EDGES), edges, cuts)
            )
            yield _one(f"{point}_{name}", grid, quantity, ">=", (ET, "abseta"))


def _one(
    name: str, node: Node, quantity: str, sense: Any, axes: tuple[str, ...]
) -> tuple[Node, Requirement]:
    inputs = {axis: INPUTS[axis] for axis in axes}
    made = correction(name, f"cut on {quantity}", inputs, ("cut", quantity), node)
    return made, Requirement(correction=name, quantity=quantity, sense=sense)
