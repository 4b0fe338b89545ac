"""Efficiencies of probes, measured in several ways, against their truth."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.stats import chi2

from lepid.efficiency.tag_and_probe.bins import Method, fitted_range
from lepid.efficiency.tag_and_probe.resonances import RESONANCES
from lepid.efficiency.tag_and_probe.result import ProbeEfficiency, probe_efficiency
from probes.mixed import CHANNELS, Mixed, mixed

Floats = npt.NDArray[np.float64]

NOMINAL = "template and CMS shape"
METHODS = {
    NOMINAL: Method(signal="template", background="cms"),
    "template and exponential": Method(signal="template"),
    "Crystal Ball and CMS shape": Method(background="cms"),
    "Crystal Ball and exponential": Method(),
    "template and same-sign pairs": Method(signal="template", background="same-sign"),
    "same-sign pairs subtracted": Method("same-sign"),
    "sidebands": Method("sidebands"),
    "not subtracted": Method("count"),
}


class Compared(NamedTuple):
    """One working point, measured in one way.

    Attributes
    ----------
    found : among background
    truth : of other events, counted without background in the same range of masses
    """

    found: ProbeEfficiency
    truth: ProbeEfficiency

    @property
    def pulls(self) -> Floats:
        """Distance of both over the errors of both, [n_pt, n_abseta]."""
        found, truth = self.found, self.truth
        above = found.value > truth.value
        errors = [
            np.where(up, one.high - one.value, one.value - one.low)
            for one, up in ((found, ~above), (truth, above))
        ]
        return np.asarray((found.value - truth.value) / np.hypot(*errors))

    def content(self) -> dict[str, Any]:
        """Numbers of this point and method."""
        pulls = self.pulls[np.isfinite(self.pulls)]
        square = float((pulls**2).sum())
        return {
            "bins": len(pulls),
            "without a number": int(self.found.value.size - len(pulls)),
            "counted": sum(one.how == "count" for one in self.found.bins),
            "chi2": square,
            "p_value": float(chi2.sf(square, len(pulls))),
            "largest pull": float(np.abs(pulls).max()),
            "mean pull": float(pulls.mean()),
            "mean difference": float(np.nanmean(self.found.value - self.truth.value)),
            "pulls": self.pulls.tolist(),
            "value": self.found.value.tolist(),
            "truth": self.truth.value.tolist(),
            "fits below p of 0.01": sum(
                one.fit is not None and one.fit.p_value < 0.01 for one in self.found.bins
            ),
        }


def compared(name: str, gathered: Path, seed: int) -> tuple[Mixed, dict[str, dict[str, Compared]]]:
    """Pairs of a channel, and method -> working point -> what was found."""
    channel = CHANNELS[name]
    pairs = mixed(channel, gathered, seed)
    found: dict[str, dict[str, Compared]] = {}
    for text, method in METHODS.items():
        found[text] = {}
        for point in channel.points:
            one = probe_efficiency(pairs.data, point, method=method, simulation=pairs.simulation)
            count = Method("count", peak=fitted_range(method, RESONANCES["Z"]))
            truth = probe_efficiency(pairs.simulation, point, method=count)
            found[text][point] = Compared(one, truth)
    return pairs, found
