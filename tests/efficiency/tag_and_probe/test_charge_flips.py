"""Charge-flip rates against the truth of toys."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import chi2

from lepid.efficiency.tag_and_probe.charge_flips import ChargeTable, charge_flip_rates
from lepid.efficiency.tag_and_probe.resonances import RESONANCES
from lepid.errors import BadInput


def blank(toys: SimpleNamespace, **changes: object) -> ChargeTable:
    edges = {
        # One bin of pT: a line through the sidebands holds where pT does not shape the mass.
        "pt_edges": (20.0, 150.0),
        "abseta_edges": (0.0, 0.4, 0.9, 1.25, 1.6, 2.0, 2.4),
        "mass_edges": RESONANCES["Z"].mass_edges,
    }
    return ChargeTable.empty("Electrons", "", "Z", **{**edges, **changes})


@pytest.fixture(scope="module")
def pairs(toys: SimpleNamespace) -> ChargeTable:
    leptons, _, _ = toys.draw(np.random.default_rng(11), 80_000, 20_000)
    return blank(toys).counted(leptons, np.ones(len(leptons.pt), bool), 0.0)


def test_rates_agree_with_the_truth(pairs: ChargeTable, toys: SimpleNamespace) -> None:
    rates = charge_flip_rates(pairs)
    pulls = ((rates.value[0] - np.repeat(toys.FLIPS[0], 2)) / rates.error[0]).ravel()
    assert len(pulls) == 6
    assert np.abs(pulls).max() < 4.0
    assert chi2.sf((pulls**2).sum(), 6) > 0.01
    assert chi2.sf(rates.chi2, rates.ndof) > 0.001


def test_a_rate_at_its_limit_is_none(pairs: ChargeTable) -> None:
    """Without pairs of the same charge nothing bounds the rate from below."""
    none = replace(pairs, values=pairs.values.copy())
    none.values[:, :, 1] = 0.0
    none.values[:, :, 1, :20] = 1.0
    rates = charge_flip_rates(none)
    assert np.isnan(rates.value).all()
    assert np.isnan(rates.error).all()


def test_each_pair_is_there_once(pairs: ChargeTable, toys: SimpleNamespace) -> None:
    assert pairs.values.sum() <= 100_000
    n_bin = pairs.values.shape[0]
    below = np.tril(np.ones((n_bin, n_bin), bool), -1)
    assert pairs.values[below].sum() == 0.0


def test_parts_add_up_exactly(toys: SimpleNamespace) -> None:
    rng = np.random.default_rng(12)
    parts = [toys.draw(rng, 500, 100)[0] for _ in range(2)]
    every = np.ones(len(parts[0].pt), bool)
    added = sum((blank(toys).counted(p, every, 0.0) for p in parts), start=blank(toys))
    after = blank(toys).counted(parts[0], every, 0.0).counted(parts[1], every, 0.0)
    assert np.array_equal(added.values, after.values)


def test_errors(pairs: ChargeTable, toys: SimpleNamespace) -> None:
    with pytest.raises(BadInput, match="no pair in the peak"):
        charge_flip_rates(blank(toys))
    with pytest.raises(BadInput, match="pt edges must increase"):
        blank(toys, pt_edges=(20.0, 10.0))
    with pytest.raises(BadInput, match="pt_edges"):
        pairs + blank(toys, pt_edges=(20.0, 30.0))
    leptons, passed, _ = toys.draw(np.random.default_rng(13), 10, 0)
    weighted = leptons._replace(weight=2.0 * leptons.weight)
    with pytest.raises(BadInput, match="without weights"):
        blank(toys).counted(weighted, np.ones(len(passed), bool), 0.0)
