"""lepid convert tmva, xgboost, lightgbm, sklearn: decision trees to model folders."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from lepid.cli import naming
from lepid.convert import lightgbm_text, sklearn_models, tmva_xml, trees, xgboost_json
from lepid.taggers.forest import TRANSFORMS, Forest

# Format -> what it is, and a file of it.
FORMATS = {
    "tmva": ("decision trees in TMVA's XML", "BDTG.weights.xml"),
    "xgboost": ("decision trees in XGBoost's JSON or UBJ", "bdt.json"),
    "lightgbm": ("decision trees in LightGBM's text", "bdt.txt"),
    "sklearn": ("boosted trees of scikit-learn", "bdt.joblib"),
}


def add(
    command: argparse.ArgumentParser, name: str, run: Callable[[argparse.Namespace], int]
) -> None:
    """Add the arguments of one format to its command."""
    text, file = FORMATS[name]
    more = " --unpickle" if name == "sklearn" else ""
    command.epilog = (
        f"example: lepid convert {name} {file} -o models --tagger muon_mine --flavour muon"
        f" --feature pt_mu=pt,GeV{more}"
    )
    command.add_argument("file", metavar="FILE", type=Path, help=text)
    naming.add(command, name)
    command.add_argument(
        "--output-name", action="append", default=[], metavar="NAME",
        help="name of a score, once for each class; score, or class_0, ... if left out",
    )  # fmt: skip
    command.add_argument(
        "--transform", choices=tuple(TRANSFORMS), default="",
        help="of the sum of the leaves, instead of that of the file",
    )  # fmt: skip
    command.add_argument(
        "--nan", action="store_true",
        help="score leptons with NaN among their inputs, as the training did; else they have none",
    )  # fmt: skip
    if name == "xgboost":
        command.add_argument(
            "--iterations", type=_positive, default=0, metavar="N",
            help="rounds of boosting that are used; all if left out",
        )  # fmt: skip
    if name == "sklearn":
        command.add_argument(
            "--unpickle", action="store_true",
            help="read the file, which runs what is in it: only for files that you trust",
        )  # fmt: skip
    command.set_defaults(run=run)


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 1 or more")
    return int(text)


def run(arguments: argparse.Namespace) -> Path:
    """Convert as the arguments say; the folder that was written."""
    return trees.convert(
        _read(arguments),
        arguments.file.name,
        arguments.output,
        outputs=arguments.output_name,
        transform=arguments.transform,
        nan=arguments.nan,
        **naming.given(arguments),
    )


def _read(arguments: argparse.Namespace) -> Forest:
    path = arguments.file
    if arguments.format == "tmva":
        return tmva_xml.read(path)
    if arguments.format == "xgboost":
        return xgboost_json.read(path, arguments.iterations)
    if arguments.format == "lightgbm":
        return lightgbm_text.read(path)
    model = sklearn_models.load(path, trusted=arguments.unpickle)
    return sklearn_models.read(model, where=str(path))
