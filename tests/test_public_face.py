"""The names that `import lepid` gives, and how they are called: the contract, literally."""

from __future__ import annotations

import inspect
import subprocess
import sys
from typing import Any

import pytest

import lepid

NAMES = [
    "EfficiencyTable",
    "LepidError",
    "__version__",
    "add_working_points",
    "associate",
    "charge_flip_rates",
    "charge_pairs",
    "correct",
    "decide",
    "decorate",
    "derive",
    "explain",
    "importance",
    "iterate",
    "list_taggers",
    "measure",
    "open",
    "optimise_fractions",
    "probe_efficiency",
    "read_table",
    "report",
    "roc",
    "scale_factors",
    "settings",
    "tag_and_probe",
    "truth",
    "weights",
    "write_scale_factors",
    "write_table",
    "write_working_points",
]
REQUIRED = inspect.Parameter.empty
# name -> (positional parameters, keyword-only parameters), each with its default
SIGNATURES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "decorate": (
        {"events": REQUIRED, "taggers": None},
        {
            "schema": None,
            "source": "auto",
            "where": None,
            "fractions": None,
            "truth": False,
            "inplace": False,
        },
    ),
    "decide": (
        {"events": REQUIRED, "tagger": REQUIRED},
        {"pt": None, "eta": None, "table": None, "schema": None},
    ),
    "explain": (
        {"events": REQUIRED, "tagger": REQUIRED, "point": REQUIRED},
        {"schema": None},
    ),
    "scale_factors": (
        {"data": REQUIRED, "simulation": REQUIRED},
        {
            "working_points": None,
            "truth_class": None,
            "data_class": None,
            "sources": None,
            "minimum": 20.0,
        },
    ),
    "weights": (
        {"events": REQUIRED, "table": REQUIRED, "working_point": REQUIRED},
        {
            "tagger": None,
            "passed": None,
            "collection": None,
            "where": None,
            "variations": None,
            "correction": None,
            "efficiency": None,
            "inputs": None,
            "per": "lepton",
            "schema": None,
        },
    ),
    "correct": (
        {"events": REQUIRED, "collection": REQUIRED, "table": REQUIRED},
        {"schema": None},
    ),
    "associate": (
        {"events": REQUIRED, "collection": REQUIRED},
        {
            "per": "lepton",
            "which": "nearest",
            "dr": 0.4,
            "pt": 25.0,
            "abseta": 2.5,
            "energy_loss": "none",
            "schema": None,
        },
    ),
    "truth": (
        {"events": REQUIRED, "collection": REQUIRED, "scheme": None},
        {"charge_flips": None, "schema": None},
    ),
    "report": ({"events": REQUIRED}, {}),
    "list_taggers": ({}, {}),
}


def test_the_names_are_these() -> None:
    assert dir(lepid) == NAMES
    assert lepid.__all__ == NAMES
    for name in NAMES:
        assert getattr(lepid, name) is not None


@pytest.mark.parametrize("name", SIGNATURES)
def test_signature(name: str) -> None:
    parameters = inspect.signature(getattr(lepid, name)).parameters.values()
    positional, keywords = SIGNATURES[name]
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    found = [{p.name: p.default for p in parameters if p.kind is kind} for kind in kinds]
    assert found == [positional, keywords]


def test_open_takes_paths_tree_and_a_range() -> None:
    parameters = list(inspect.signature(lepid.open).parameters.values())[:4]
    names = [(parameter.name, parameter.default) for parameter in parameters]
    assert names == [
        ("paths", REQUIRED), ("tree", None), ("entry_start", None), ("entry_stop", None)
    ]  # fmt: skip


def test_iterate_takes_paths_taggers_and_a_step() -> None:
    parameters = inspect.signature(lepid.iterate).parameters
    assert list(parameters)[:2] == ["paths", "taggers"]
    assert parameters["step"].kind is inspect.Parameter.KEYWORD_ONLY
    assert parameters["step"].default == 50_000


@pytest.mark.parametrize("name", [name for name in NAMES if name != "__version__"])
def test_every_name_has_a_docstring(name: str) -> None:
    assert inspect.getdoc(getattr(lepid, name))


def test_import_is_light() -> None:
    """Plots, dask and the packages of other extras are loaded by those who use them."""
    code = "import sys, lepid; print(' '.join(sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout.split()
    heavy = {"matplotlib", "mplhep", "dask_awkward", "dask", "xgboost", "lightgbm", "torch"}
    assert heavy.isdisjoint(loaded)
    assert "lepid.pipeline" in loaded
