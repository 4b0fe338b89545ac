"""Derived points on independent leptons, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtri
from scipy.stats import chi2

from lepid import errors
from lepid.working_points.bins import Bins
from lepid.working_points.derive import derive
from lepid.working_points.points import Derived, Point, Sample, Wanted

Floats = npt.NDArray[np.float64]
FLAT = (0.6, 0.8, 0.9, 0.95)
BINS = Bins((0.0, 10.0, 15.0, 20.0, 30.0, 40.0, 60.0, np.inf), (0.0, 0.6, 1.2, 1.8, 2.5))
ALL = "all"


def weights(rng: np.random.Generator, n: int, kind: str) -> Floats:
    """One for each, positive, or one in four negative."""
    if kind == "mixed":
        return rng.choice([1.0, 1.0, 1.0, -1.0], n) * rng.uniform(0.5, 1.5, n)
    return np.ones(n) if kind == "one" else rng.uniform(0.2, 1.8, n)


def sample(seed: int, n: int, kind: str = "one") -> Sample:
    """Leptons whose score is normal, shifts with pT and spreads with |eta|."""
    rng = np.random.default_rng(seed)
    pt, abseta = 5.0 + rng.exponential(30.0, n), rng.uniform(0.0, 2.5, n)
    score = np.log(pt) + (1.0 + 0.3 * abseta) * rng.normal(size=n)
    masks = {ALL: np.ones(n, np.bool_)}
    return Sample({"score": score}, masks, pt, abseta, weights(rng, n, kind))


def true_cut(efficiency: float, pt: Floats, abseta: Floats) -> Floats:
    """Cut that has this efficiency at one pT and |eta|."""
    return np.log(pt) - (1.0 + 0.3 * abseta) * ndtri(efficiency)


def flat(*efficiencies: float) -> list[Wanted]:
    return [Wanted(f"e{e}", ALL, e, f"efficiency {e}") for e in efficiencies]


def rising(some: Sample) -> Wanted:
    return Wanted("rising", ALL, 0.95 - 0.3 * np.exp(-some.pt / 20.0), "rises")


def cut_of(derived: Derived, point: Point, some: Sample) -> Floats:
    """Cut on each lepton, by a loop over the bins."""
    cut = np.full(len(some.pt), np.nan)
    for i in range(derived.bins.shape[0]):
        for j in range(derived.bins.shape[1]):
            low, high = derived.bins.pt_edges[i : i + 2]
            left, right = derived.bins.abseta_edges[j : j + 2]
            here = (some.pt >= low) & (some.pt < high)
            here &= (some.abseta >= left) & (some.abseta < right)
            line = point.lines[0][j].at(some.pt[here]) if point.lines else point.cuts[0, i, j]
            cut[here] = line
    return cut


def pulls(derived: Derived, point: Point, other: Sample, target: float | Floats) -> Floats:
    """Efficiency on other leptons less its target, over both uncertainties, for each group."""
    passed = next(iter(other.quantities.values())) > cut_of(derived, point, other)
    miss = other.weight * (passed - target)
    places = point.groups.ravel()[derived.bins.places(other.pt, other.abseta)]
    found = []
    for group in np.unique(point.groups):
        total = other.weight[places == group].sum()
        sigma = np.sqrt((miss[places == group] ** 2).sum()) / total
        own = point.sigma[point.groups == group][0]
        found.append(miss[places == group].sum() / total / np.hypot(sigma, own))
    return np.array(found)


@pytest.mark.parametrize("smoothing", ["", "linear", "pchip"])
@pytest.mark.parametrize("kind", ["one", "positive", "mixed"])
def test_points_hold_on_an_independent_split(kind: str, smoothing: str) -> None:
    found = []
    for seed in (1, 2):
        some, other = sample(seed, 30_000, kind), sample(seed + 100, 30_000, kind)
        # The points of one sample share their leptons: one in each sample is independent.
        wanted = [flat(*FLAT)[seed], rising(some)][seed - 1]
        target = wanted.target if seed == 1 else rising(other).target
        derived = derive(some, [wanted], BINS, smoothing=smoothing)
        found.append(pulls(derived, derived.points[0], other, target))
    every = np.concatenate(found)
    assert len(every) >= 40
    assert np.abs(every).max() < 4
    assert chi2.sf((every**2).sum(), len(every)) > 0.01
    assert chi2.cdf((every**2).sum(), len(every)) > 0.001


@pytest.mark.parametrize("kind", ["one", "mixed"])
def test_cuts_lie_around_the_true_ones(kind: str) -> None:
    narrow = Bins((20.0, 20.5), (0.0, 0.1, 0.2, 0.3))
    rng = np.random.default_rng(6)
    some = sample(3, 60_000, kind)
    some = replace(some, pt=rng.uniform(20, 20.5, 60_000), abseta=rng.uniform(0, 0.3, 60_000))
    score = np.log(some.pt) + (1 + 0.3 * some.abseta) * rng.normal(size=60_000)
    some = replace(some, quantities={"score": score})
    (point,) = derive(some, flat(0.9), narrow).points
    truth = true_cut(0.9, np.full(3, 20.25), np.array([0.05, 0.15, 0.25]))
    assert (np.abs(point.cuts[0, 0] - truth) < 4 * point.spreads[0, 0]).all()
    assert (point.spreads[0] < 0.06).all()
    np.testing.assert_array_equal(point.cuts, np.round(point.cuts, 6))


def test_a_point_like_another_has_its_efficiency_in_each_bin() -> None:
    some, other = sample(4, 40_000, "positive"), sample(104, 40_000, "positive")
    rng = np.random.default_rng(9)
    # Another tagger that knows some of what the score knows.
    both = [s.quantities["score"] + rng.normal(0, 0.3, 40_000) > 2.2 for s in (some, other)]
    wanted = Wanted("AsOther", ALL, both[0].astype(float), "as the other")
    derived = derive(some, [wanted], BINS)
    (point,) = derived.points
    assert point.target.max() - point.target.min() > 0.2
    np.testing.assert_allclose(point.reached, point.target, atol=0.02)
    # Both see the same leptons: the difference is known better than either.
    alone = derive(some, [replace(wanted, target=0.8)], BINS).points[0]
    assert point.sigma.mean() < 0.8 * alone.sigma.mean()
    found = pulls(derived, point, other, both[1].astype(float))
    assert np.abs(found).max() < 4
    assert chi2.sf((found**2).sum(), len(found)) > 0.01


def test_rejection_of_a_class() -> None:
    some = sample(5, 20_000)
    heavy = np.arange(20_000) % 2 == 0
    some = replace(some, populations={**some.populations, "HF": heavy})
    wanted = Wanted("Reject", "HF", 1 / 20, "one in 20")
    (point,) = derive(some, [wanted], BINS, minimum=5).points
    passed = some.quantities["score"] > cut_of(derive(some, [wanted], BINS, minimum=5), point, some)
    assert passed[heavy].mean() == pytest.approx(1 / 20, abs=2e-3)


@pytest.mark.parametrize(("sense", "sign"), [(">", 1), (">=", 1), ("<", -1), ("<=", -1)])
def test_the_senses(sense: Any, sign: int) -> None:
    some = sample(6, 8000)
    turned = replace(some, quantities={"score": sign * some.quantities["score"]})
    (plain,) = derive(some, flat(0.9), BINS).points
    (point,) = derive(turned, flat(0.9), BINS, sense=sense).points
    np.testing.assert_array_equal(point.cuts, sign * plain.cuts)
    np.testing.assert_array_equal(point.spreads, plain.spreads)
    lined = derive(turned, flat(0.9), BINS, sense=sense, smoothing="linear").points[0]
    own = derive(some, flat(0.9), BINS, smoothing="linear").points[0]
    np.testing.assert_array_equal(lined.lines[0][0].cuts, sign * own.lines[0][0].cuts)


def crossing(some: Sample) -> list[Wanted]:
    """Two points whose cuts cross where nothing holds them apart."""
    return [*flat(0.8), rising(some)]


@pytest.mark.parametrize("smoothing", ["", "linear", "pchip"])
def test_a_nested_tighter_point_passes_a_subset(smoothing: str) -> None:
    some = sample(7, 30_000)
    score = some.quantities["score"]

    def passing(nested: bool) -> list[npt.NDArray[np.bool_]]:
        found = derive(some, crossing(some), BINS, nested=nested, smoothing=smoothing)
        order = sorted(found.points, key=lambda p: -p.reached.mean())
        return [score > cut_of(found, point, some) for point in order]

    loose, tight = passing(nested=False)
    assert (tight & ~loose).any()
    loose, tight = passing(nested=True)
    assert not (tight & ~loose).any()
    assert tight.sum() < loose.sum()


def two(seed: int, n: int) -> Sample:
    some = sample(seed, n)
    rng = np.random.default_rng(seed + 50)
    flips = rng.random(n) < 0.3
    d_el = some.quantities["score"] - flips
    d_cf = rng.normal(size=n) - flips
    return replace(
        some, quantities={"D_el": d_el, "D_CF": d_cf}, populations={"El": ~flips, "CF": flips}
    )


def test_two_cuts_reject_charge_flips_at_an_efficiency() -> None:
    some, other = two(8, 60_000), two(108, 60_000)
    wanted = [Wanted(name, "El", e, "", "CF") for name, e in (("Tight", 0.7), ("Loose", 0.9))]
    derived = derive(some, wanted, BINS, nested=True)
    passed = []
    for point in derived.points:
        places = np.divmod(BINS.places(other.pt, other.abseta), BINS.shape[1])
        cuts = [point.cuts[k][places] for k in range(2)]
        ok = (other.quantities["D_el"] > cuts[0]) & (other.quantities["D_CF"] > cuts[1])
        passed.append(ok)
        el, cf = other.populations["El"], other.populations["CF"]
        assert ok[el].mean() == pytest.approx(float(point.target.mean()), abs=0.01)
        (single,) = derive(
            replace(some, quantities={"D_CF": some.quantities["D_CF"]}),
            [replace(wanted[0], target=float(point.target[0, 0]), against="")],
            BINS,
        ).points
        alone = other.quantities["D_CF"] > single.cuts[0][places]
        assert ok[cf].mean() < alone[cf].mean()
    assert not (passed[0] & ~passed[1]).any()


@pytest.mark.parametrize("kind", ["linear", "pchip"])
def test_two_smooth_cuts_keep_the_efficiency_and_the_rejection(kind: str) -> None:
    some, other = two(8, 60_000), two(108, 60_000)
    wanted = [Wanted("Tight", "El", 0.7, "", "CF"), Wanted("Loose", "El", 0.9, "", "CF")]
    steps, smooth = derive(some, wanted, BINS), derive(some, wanted, BINS, smoothing=kind)
    el, cf = other.populations["El"], other.populations["CF"]
    _, column = np.divmod(BINS.places(other.pt, other.abseta), BINS.shape[1])
    for point, before in zip(smooth.points, steps.points, strict=True):
        assert (np.abs(point.reached - point.target) <= 0.11 * point.sigma).all()
        limits = [np.choose(column, [line.at(other.pt) for line in each]) for each in point.lines]
        ok = np.logical_and(
            *(v > cut for v, cut in zip(other.quantities.values(), limits, strict=True))
        )
        places = np.divmod(BINS.places(other.pt, other.abseta), BINS.shape[1])
        old = np.logical_and(
            *(v > c[places] for v, c in zip(other.quantities.values(), before.cuts, strict=True))
        )
        assert ok[el].mean() == pytest.approx(float(point.target.mean()), abs=0.01)
        # What the steps reject, the lines reject within the fluctuations of these flips.
        assert ok[cf].mean() == pytest.approx(old[cf].mean(), rel=0.1)
    nested = derive(some, wanted, BINS, smoothing=kind, nested=True)
    for axis in range(2):
        tight, loose = (point.lines[axis] for point in nested.points)
        pt = np.linspace(0.0, 100.0, 400)
        for own, looser in zip(tight, loose, strict=True):
            assert (own.at(pt) >= looser.at(pt)).all()


@settings(max_examples=20)
@given(st.integers(0, 1000), st.sampled_from([0.25, 4.0]))
def test_order_and_scale_do_not_matter(seed: int, scale: float) -> None:
    some = sample(9, 4000, "positive")
    order = np.random.default_rng(seed).permutation(4000)
    moved = Sample(
        {k: v[order] for k, v in some.quantities.items()},
        {k: v[order] for k, v in some.populations.items()},
        some.pt[order], some.abseta[order], scale * some.weight[order],
    )  # fmt: skip
    for one, other in zip(
        derive(some, flat(0.8), BINS).points, derive(moved, flat(0.8), BINS).points, strict=True
    ):
        np.testing.assert_array_equal(one.cuts, other.cuts)
        np.testing.assert_allclose(one.spreads, other.spreads, atol=2e-6)


def test_merged_bins_share_their_cut_and_are_named() -> None:
    some = sample(10, 1500)
    derived = derive(some, flat(0.95), BINS)
    (point,) = derived.points
    assert list(derived.merged.values()) == [["e0.95"]] * len(point.merged)
    assert point.merged
    for group in np.unique(point.groups):
        assert len(np.unique(point.cuts[0][point.groups == group])) == 1
    assert not derive(some, flat(0.95), BINS, minimum=0.5).merged


def test_infinite_scores_pass_or_fail_and_cuts_stay_finite() -> None:
    some = sample(11, 8000)
    score = some.quantities["score"].copy()
    score[::10], score[1::10] = np.inf, -np.inf
    derived = derive(replace(some, quantities={"score": score}), flat(0.2, 0.5, 0.8), BINS,
                     minimum=1)  # fmt: skip
    for point in derived.points:
        assert np.isfinite(point.cuts).all()
        assert np.isfinite(point.spreads).all()
    assert derived.points[1].reached == pytest.approx(0.5, abs=0.02)


# --- what is refused ----------------------------------------------------------------------------


def bad(change: str) -> tuple[Sample, list[Wanted], dict[str, Any]]:
    some, wanted, options = sample(12, 4000), flat(0.9), {}
    score = some.quantities["score"].copy()
    if change == "NaN":
        score[7] = np.nan
    elif change == "equal":
        score[: len(score) // 2] = -5.0
    elif change == "fine":
        score = 1.0 - 1e-9 * np.abs(score)
    some = replace(some, quantities={"score": score})
    zero, none = np.zeros(4000), np.zeros(4000, np.bool_)
    cases: dict[str, Any] = {
        "zero weights": lambda: (replace(some, weight=zero), wanted, options),
        "infinite weight": lambda: (replace(some, weight=zero + np.inf), wanted, options),
        "no class": lambda: (replace(some, populations={ALL: none}), wanted, options),
        "above": lambda: (some, flat(1.2), options),
        "one": lambda: (some, flat(1.0), options),
        "negative": lambda: (some, flat(-0.1), options),
        "formula": lambda: (some, [replace(wanted[0], target=zero + 1.5)], options),
        "NaN target": lambda: (some, [replace(wanted[0], target=zero + np.nan)], options),
        "twice": lambda: (some, wanted * 2, options),
        "nothing": lambda: (some, [], options),
        "equal": lambda: (some, flat(0.7), options),
        "sense": lambda: (some, wanted, {"sense": "=="}),
        "smoothing": lambda: (some, wanted, {"smoothing": "line"}),
        "minimum": lambda: (some, wanted, {"minimum": 0.0}),
        "against": lambda: (some, [replace(wanted[0], against=ALL)], options),
        "empty": lambda: (replace(some, pt=some.pt + 12), wanted, options),
        "two": lambda: (replace(some, quantities={"a": score, "b": score}), wanted, options),
    }
    return cases.get(change, lambda: (some, wanted, options))()


@pytest.mark.parametrize(
    ("change", "fact"),
    [
        ("NaN", "score of 1 of 4000 leptons is not a number"),
        ("zero weights", "all leptons of all have weight zero"),
        ("infinite weight", "weight: is not finite"),
        ("no class", "there are no leptons of all"),
        ("above", "target is 1.2, not between 0 and 1"),
        ("one", "target is 1, not between 0 and 1"),
        ("negative", "target is -0.1, not between 0 and 1"),
        ("formula", "target is 1.5, not between 0 and 1"),
        ("NaN target", "target is nan"),
        ("twice", "each needs a name of its own"),
        ("nothing", "each needs a name of its own"),
        ("equal", "efficiency 0.7 cannot be reached in pT 10 to 15 GeV"),
        ("fine", "differ only beyond 6 decimals"),
        ("sense", "no sense '=='"),
        ("smoothing", "no smoothing 'line'"),
        ("minimum", "expected more than 0"),
        ("against", "1 quantities to reject"),
        ("empty", "no leptons of all in .* pT 0 to 10 GeV"),
        ("two", "2 quantities and no class to reject"),
    ],
)
def test_what_is_refused(change: str, fact: str) -> None:
    some, wanted, options = bad(change)
    with pytest.raises(errors.LepidError, match=fact):
        derive(some, wanted, BINS, **options)
