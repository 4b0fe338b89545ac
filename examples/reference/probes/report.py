"""Results of tag and probe as tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from probes.flips import COARSE, FINE, N_TOY, POINT, Flips
from probes.measured import Compared
from probes.mixed import CHANNELS

Floats = npt.NDArray[np.float64]


def efficiency_table(found: Mapping[str, Mapping[str, Mapping[str, Compared]]]) -> str:
    """One row per channel and method, the working points side by side."""
    head = ["probes", "background", "p of chi2", "largest pull", "mean pull", "mean difference"]
    rows = []
    for name, methods in found.items():
        points = ", ".join(CHANNELS[name].points)
        rows.append([f"`{name}`: {points}", *[""] * (len(head) - 1)])
        for method, values in methods.items():
            facts = [one.content() for one in values.values()]
            rows.append(
                [
                    "",
                    method,
                    ", ".join(f"{one['p_value']:.2g}" for one in facts),
                    ", ".join(f"{one['largest pull']:.1f}" for one in facts),
                    ", ".join(f"{one['mean pull']:+.2f}" for one in facts),
                    ", ".join(f"{one['mean difference']:+.3f}" for one in facts),
                ]
            )
    return _table(head, rows)


def flip_table(halves: Flips) -> str:
    """Rates of one half against the truth of the other."""
    head = [
        "charge flips, abs(eta)",
        "measured",
        "truth of other events",
        "flips among these",
        "pull",
    ]
    rows = []
    for j, (low, high) in enumerate(zip(COARSE[1][:-1], COARSE[1][1:], strict=True)):
        rows.append(
            [
                f"{low:g} to {high:g}",
                f"{halves.value[0, j]:.4f} ± {halves.error[0, j]:.4f}",
                f"{halves.truth[0, j]:.4f} ± {halves.truth_error[0, j]:.4f}",
                f"{halves.flips[0, j]:.0f}",
                f"{halves.pulls[0, j]:+.1f}",
            ]
        )
    return _table(head, rows)


def toy_table(value: Floats, error: Floats, truth: Floats) -> str:
    """Mean rates and pulls of the toys."""
    head = [
        "charges drawn, pT in GeV",
        "abs(eta)",
        "rate",
        "mean of toys",
        "mean pull",
        "its width",
    ]
    pulls = (value - truth) / error
    rows = []
    for i, pts in enumerate(zip(FINE[0][:-1], FINE[0][1:], strict=True)):
        for j, etas in enumerate(zip(FINE[1][:-1], FINE[1][1:], strict=True)):
            some = value[:, i, j]
            rows.append(
                [
                    "{:g} to {:g}".format(*pts),
                    "{:g} to {:g}".format(*etas),
                    f"{truth[j]:g}",
                    f"{some.mean():.4f} ± {some.std(ddof=1) / np.sqrt(len(some)):.4f}",
                    f"{pulls[:, i, j].mean():+.2f}",
                    f"{pulls[:, i, j].std(ddof=1):.2f}",
                ]
            )
    return _table(head, rows)


def text(
    found: Mapping[str, Mapping[str, Mapping[str, Compared]]],
    background: Mapping[str, float],
    halves: Flips,
    toys: tuple[Floats, Floats, Floats],
) -> str:
    """All of it, in words and tables."""
    parts = ", ".join(f"{part:.1%} ({name})" for name, part in background.items())
    probes = "; ".join(
        f"`{name}`: tags pt > {c.tag[0]:g} and {c.tag[1]}, probes pt > {c.probe[0]:g}"
        + (f" and {c.probe[1]}" if "." in c.probe[1] else "")
        for name, c in CHANNELS.items()
    )
    return f"""Half of the events with a Z, and events of ttbar and W+jets among them: of the pairs
of opposite charge between 60 and 120 GeV, the latter are {parts}.
The truth is counted in the other half, which is the simulation of the templates too. Five bins of
pT and two of |eta|; a pull is the difference over the errors of both.
{probes}.

{efficiency_table(found)}

Charge flips of electrons with pt > 20 GeV that pass `{POINT}`, among as much background:

{flip_table(halves)}

The same pairs in {N_TOY} toys: events are drawn with replacement, charges with known rates.

{toy_table(*toys)}
"""


def content(
    found: Mapping[str, Mapping[str, Mapping[str, Compared]]],
    background: Mapping[str, float],
    halves: Flips,
    toys: tuple[Floats, Floats, Floats],
) -> dict[str, Any]:
    """All of it as plain values."""
    value, error, truth = toys
    return {
        "background": dict(background),
        "efficiencies": {
            name: {
                method: {point: one.content() for point, one in points.items()}
                for method, points in methods.items()
            }
            for name, methods in found.items()
        },
        "flips": {key: part.tolist() for key, part in halves._asdict().items()},
        "toys of flips": {
            "truth": truth.tolist(),
            "mean": value.mean(axis=0).tolist(),
            "mean pull": ((value - truth) / error).mean(axis=0).tolist(),
            "pull width": ((value - truth) / error).std(axis=0, ddof=1).tolist(),
        },
    }


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
