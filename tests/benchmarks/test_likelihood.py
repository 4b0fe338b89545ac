"""The likelihood of a million electrons against numpy with searchsorted."""

from __future__ import annotations

import json
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from lepid.taggers import catalogue, densities, likelihood
from lepid.taggers.card import Card
from lepid.taggers.densities import Density, Grid

TOY = runpy.run_path(str(Path(__file__).resolve().parent.parent / "likelihoods.py"))
N, N_VARIABLE, N_BIN = 1_000_000, 13, 100


def write(path: Path) -> Path:
    """Thirteen variables in the 7 x 9 bins of the ATLAS likelihood."""
    rng = np.random.default_rng(1)

    def one() -> Density:
        content = rng.random(N_BIN) + 0.1
        return Density(0.0, 1.0, content / content.sum())

    et, abseta = TOY["ET_EDGES"], TOY["ABSETA_EDGES"]
    made = {
        f"v{v}": ("", {kind: Grid(et, abseta, [[one() for _ in abseta[1:]] for _ in et[1:]])
                       for kind in densities.CLASSES})
        for v in range(N_VARIABLE)
    }  # fmt: skip
    densities.write(path, "benchmark", made)
    return path


def card() -> Card:
    nodes = [
        {"name": "variables", "inputs": [f"v{v}" for v in range(N_VARIABLE)]},
        {"name": "bins", "inputs": [{"feature": "et", "unit": "GeV"}, "abseta"]},
    ]
    skip = [{"feature": "v12", "from_abseta": 2.01}, {"feature": "v4", "from_abseta": 2.37}]
    options = {"plateaus": TOY["PLATEAUS"], "neighbour": "index", "skip": skip}
    return Card.model_validate(
        {"tagger": "toy_lh", "network": "toy", "flavour": "electron", "description": "d",
         "source": "ours", "outputs": [{"name": "lh", "node": "discriminant"}],
         "networks": [{"path": "d.json", "likelihood": options, "nodes": nodes}]}
    )  # fmt: skip


def tables(path: Path) -> Any:
    """What numpy takes: edges, and probabilities [class, E_T, |eta|, variable, bin]."""
    entries = json.loads(path.read_text("utf-8"))["corrections"]
    found = {e["name"]: [[n["content"] for n in row["content"]] for row in e["data"]["content"]]
             for e in entries}  # fmt: skip
    content = np.array([[found[f"v{v}_{k}"] for v in range(N_VARIABLE)] for k in densities.CLASSES])
    return np.linspace(0.0, 1.0, N_BIN + 1)[1:-1], np.moveaxis(content, 1, 3)


def with_numpy(edges: Any, content: Any, x: Any, et: Any, abseta: Any) -> Any:
    """The same likelihood, all electrons at once, variable by variable."""
    here = np.searchsorted(TOY["ET_EDGES"][1:-1], et, side="right")
    eta = np.searchsorted(TOY["ABSETA_EDGES"][1:-1], abseta, side="right")
    low, high = np.array(TOY["PLATEAUS"]).T
    below, above = et < low[here], et > high[here]
    step = np.where(below, -1, np.where(above, 1, 0))
    step[(below & (here == 0)) | (above & (here == len(low) - 1))] = 0
    distance = np.where(below, low[here] - et, et - high[here])
    width = np.select([et < 7, et < 10], [2.0, 3.0], 5.0)
    share = np.where(step == 0, 0.0, distance / width)
    there = here + step
    products = np.ones((2, len(et)))
    for v in range(x.shape[1]):
        used = ~(((v == 12) & (abseta >= 2.01)) | ((v == 4) & (abseta >= 2.37)))
        place = np.searchsorted(edges, x[:, v], side="right")
        for k in range(2):
            own = content[k, here, eta, v, place]
            p = own + (content[k, there, eta, v, place] - own) * share
            products[k] *= np.where(used, p, 1.0)
    s, b = np.where(products[0] < 1e-99, 0.0, products[0]), np.maximum(products[1], 1e-99)
    d = np.clip(s / (s + b), 1e-99, 1 - 1e-15)
    return -np.log(1 / d - 1) / 15


def test_a_million_electrons(
    benchmark: Any, row: Callable[..., None], seconds: Callable[..., float], tmp_path: Path
) -> None:
    path = write(tmp_path / "d.json")
    likely = likelihood.get(path, catalogue.sha256(path), card().networks[0])
    rng = np.random.default_rng(2)
    x = rng.uniform(-0.05, 1.05, (N, N_VARIABLE))
    et, abseta = rng.uniform(4, 100, N), rng.uniform(0, 2.47, N)
    rows = {"variables": x, "bins": np.stack([et, abseta], axis=1)}
    found = benchmark.pedantic(lambda: likely.evaluate(rows), rounds=3, warmup_rounds=1)
    edges, content = tables(path)
    np.testing.assert_allclose(
        found, with_numpy(edges, content, x, et, abseta), rtol=1e-7, atol=1e-9
    )
    other = seconds(lambda: with_numpy(edges, content, x, et, abseta), 2)
    own = benchmark.stats.stats.min
    work = f"likelihood of {N:,} electrons, {N_VARIABLE} variables"
    row(work, "numpy searchsorted", own, other, ">= 3")
