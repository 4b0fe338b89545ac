"""One tagger on flat columns: inputs, network, discriminants, working points."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lepid.deciding import Bools, Columns, check_units, decide, only
from lepid.errors import BadInput
from lepid.events.schema import Schema
from lepid.features import definitions
from lepid.taggers import discriminants, inference, inputs, likelihood, twin
from lepid.taggers import plan as plans
from lepid.taggers.batching import Sequence, together
from lepid.taggers.card_network import Network, Node
from lepid.taggers.plan import Plan

Floats = npt.NDArray[np.float64]
Around = Callable[[Node, npt.NDArray[np.int64]], Sequence]
Rows = Mapping[str, npt.NDArray[Any]]
Sequences = Mapping[str, Sequence]
Change = Callable[[Network, Rows, Sequences, Bools], tuple[Rows, Sequences]]
# Column that a caller adds to those of the events.
WHERE = "<where>"


def evaluate(
    plan: Plan,
    schema: Schema,
    collection: str,
    columns: Columns,
    around: Around | None = None,
    *,
    change: Change | None = None,
) -> dict[str, Any]:
    """Fields of the result, [n_lepton] each, from the columns that the plan names.

    An output with one number per track is a `Sequence` that tells which tracks they belong to.

    Parameters
    ----------
    around : input node, leptons [k] -> what the node takes of the tracks around them; needed by
        networks that take tracks
    change : network, its rows and sequences, which leptons [n_lepton] these are -> the rows and
        sequences that it is fed in place of these
    """
    check_units(columns["pt"], schema, f"events.{collection}")
    valid = np.ones(len(columns["pt"]), np.bool_)
    if WHERE in columns:
        valid &= _chosen(columns[WHERE], collection)
    outputs: dict[str, npt.NDArray[Any]] = {}
    each: dict[str, Sequence] = {}
    flags: dict[str, Bools] = {}
    if plan.source == "network":
        outputs, each, valid = _run(plan, schema, columns, valid, around, change=change)
        flags = _flags(plan, schema, columns)
    elif plan.stored:
        outputs, valid = _stored(plan, columns, valid)
    fractions = plan.fractions
    if plans.binned_fractions(plan):
        feature = plan.card.fractions.abseta
        abseta = definitions.evaluate(feature, "", columns, schema.unit)
        valid &= np.isfinite(abseta)
        fractions_of_lepton = discriminants.per_lepton(plan.card.fractions, fractions, abseta)
    else:
        fractions_of_lepton = {name: float(value[0]) for name, value in fractions.items()}
    values = {
        name: discriminants.evaluate(form, outputs, fractions_of_lepton)
        for name, form in plan.forms.items()
    }
    decisions = {}
    for name, column in plan.decisions.items():
        decisions[name], known = _stored_decision(columns[column])
        valid &= known
    for table in plan.tables:
        decided, inside = decide(plan.card, table, {**outputs, **values}, columns, schema)
        decisions |= decided
        valid &= inside
    own = {**outputs, **values, **decisions, **flags}
    return {**{name: only(valid, value) for name, value in own.items()}, **each, "scored": valid}


def _chosen(mask: npt.NDArray[Any], collection: str) -> Bools:
    # An empty mask has no type.
    if len(mask) and mask.dtype != np.bool_:
        wrong = f"expected true or false for each lepton, found {mask.dtype}"
        raise BadInput(f"where[{collection!r}]", wrong, (), "pass a mask, not indices")
    return mask.astype(np.bool_)


def _stored_decision(column: npt.NDArray[Any]) -> tuple[Bools, Bools]:
    """Whether each lepton passes, and whether the file says so."""
    known = ~np.isnan(column) if column.dtype.kind == "f" else np.ones(len(column), np.bool_)
    return known & column.astype(np.bool_), known


def _stored(
    plan: Plan, columns: Columns, valid: Bools
) -> tuple[dict[str, npt.NDArray[Any]], Bools]:
    outputs = {}
    for output in plan.card.outputs:
        score = columns[plan.stored[output.name]]
        score = score if score.dtype.kind == "f" else score.astype(np.float64)
        valid = valid & np.isfinite(score)
        if output.absent is not None:
            valid &= score != output.absent
        outputs[output.name] = score
    return outputs, valid


def _run(
    plan: Plan,
    schema: Schema,
    columns: Columns,
    valid: Bools,
    around: Around | None,
    *,
    change: Change | None,
) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Sequence], Bools]:
    """Numbers per lepton, numbers per track, and which leptons have them."""
    n_lepton = len(valid)
    single = [o.name for o in plan.card.outputs if o.per == "lepton"]
    # A likelihood is computed and cut on in float64, as in Athena.
    exact = any(network.likelihood for network, _, _ in plan.networks)
    kind = np.float64 if exact else np.float32
    outputs: dict[str, npt.NDArray[Any]] = {o: np.full(n_lepton, np.nan, kind) for o in single}
    each: dict[str, list[tuple[npt.NDArray[np.int64], Sequence]]] = {}
    scored = np.zeros(n_lepton, np.bool_)
    rows: Rows
    sequences: Sequences
    for network, path, digest in plan.networks:
        chosen = valid & inputs.valid(network, columns, schema.unit)
        if network.abseta:
            abseta = definitions.evaluate("abseta", "", columns, schema.unit)
            chosen &= _in(abseta, network.abseta)
        if network.gives:
            rows, sequences, chosen = _inputs(network, schema, columns, chosen, around)
            if change:
                rows, sequences = change(network, rows, sequences, chosen)
            given = _given(plan, (network, path, digest), rows, sequences, chosen)
            columns = {**columns, **given}
            continue
        scores: Mapping[str, npt.NDArray[Any]]
        if network.likelihood:
            own = {name: column[chosen] for name, column in columns.items()}
            exactly: Rows = {n.name: inputs.values(n, own, schema.unit) for n in network.nodes}
            if change:
                exactly, _ = change(network, exactly, {}, chosen)
            densities = likelihood.get(Path(path), digest, network)
            scores = {single[0]: densities.evaluate(exactly)}
        else:
            rows, sequences, chosen = _inputs(network, schema, columns, chosen, around)
            if change:
                rows, sequences = change(network, rows, sequences, chosen)
            scores = _scores(plan, (network, path, digest), rows, sequences)
        for output in plan.card.outputs:
            if output.per == "lepton":
                outputs[output.name][chosen] = scores[output.name]
            else:
                among = replace(sequences[network.ragged[0].name], values=scores[output.name])
                each.setdefault(output.name, []).append((np.flatnonzero(chosen), among))
        # A network can answer finite inputs with NaN.
        chosen[chosen] = np.logical_and.reduce([np.isfinite(scores[name]) for name in single])
        scored |= chosen
    return outputs, {name: together(n_lepton, parts) for name, parts in each.items()}, scored


def _scores(
    plan: Plan,
    part: tuple[Network, str, str],
    rows: Mapping[str, npt.NDArray[np.float32]],
    sequences: Mapping[str, Sequence],
) -> dict[str, npt.NDArray[Any]]:
    """What is read from a network."""
    network, path, digest = part
    ready = twin.get(Path(path), digest, plan.card, network, plan.options)
    _, at_once = plan.options.shares(sequences=bool(network.ragged) or network.forest)
    outputs = plan.card.read_from(network)
    return inference.run(ready, outputs, network.nodes, rows, sequences, at_once=at_once)


def _given(
    plan: Plan,
    part: tuple[Network, str, str],
    rows: Mapping[str, npt.NDArray[np.float32]],
    sequences: Mapping[str, Sequence],
    chosen: Bools,
) -> dict[str, Floats]:
    """Columns [n_lepton] that a network gives those after it, NaN where it was not fed."""
    scores = _scores(plan, part, rows, sequences)
    lengths = [sequence.lengths for sequence in sequences.values()]
    empty = np.logical_and.reduce([length == 0 for length in lengths]) if lengths else False
    found = {}
    for output in part[0].gives:
        score = scores[output.name].astype(np.float64)
        found[output.name] = np.full(len(chosen), np.nan)
        absent = output.absent
        found[output.name][chosen] = score if absent is None else np.where(empty, absent, score)
    return found


def _flags(plan: Plan, schema: Schema, columns: Columns) -> dict[str, Bools]:
    """Whether each lepton is one of those that its network was trained on."""
    inside = np.zeros(len(columns["pt"]), np.bool_)
    for network in plan.card.parts:
        if network.training is None:
            return {}
        pt = definitions.evaluate("pt", "GeV", columns, schema.unit)
        abseta = definitions.evaluate("abseta", "", columns, schema.unit)
        inside |= (
            _in(pt, network.training.pt)
            & _in(abseta, network.training.abseta)
            & _in(abseta, network.abseta or (0.0, np.inf))
        )
    return {"in_training": inside}


def _in(values: npt.NDArray[Any], bounds: tuple[float, float]) -> Bools:
    return (values >= bounds[0]) & (values < bounds[1])


def _inputs(
    network: Network, schema: Schema, columns: Columns, chosen: Bools, around: Around | None
) -> tuple[dict[str, npt.NDArray[np.float32]], dict[str, Sequence], Bools]:
    """Inputs of those of the chosen leptons for which all are finite, and which these are."""
    selected = {name: column[chosen] for name, column in columns.items()}
    finite = np.ones(int(chosen.sum()), np.bool_)
    rows, sequences = {}, {}
    for node in network.nodes:
        if node.per == "lepton":
            rows[node.name], good = inputs.build(node, selected, schema.unit)
        elif around is None:
            wrong = f"the network takes one row per {node.per} ({node.name}), and there are none"
            raise BadInput(f"events, {node.per}s", wrong, (), "pass around=")
        else:
            sequences[node.name] = around(node, np.flatnonzero(chosen))
            good = sequences[node.name].finite()
        finite &= good
    rows = {name: values[finite] for name, values in rows.items()}
    sequences = {name: sequence.of(finite) for name, sequence in sequences.items()}
    chosen = chosen.copy()
    chosen[chosen] = finite
    return rows, sequences, chosen
