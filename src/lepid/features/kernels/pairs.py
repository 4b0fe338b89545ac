"""Pairs of two leptons of an event: a tag and a probe."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lepid.features.kernels.compiled import kernel

Integers = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


def ordered_pairs(offsets: Integers, tag: Bools, probe: Bools) -> tuple[Integers, Integers]:
    """Rows of the tag and of the probe of every ordered pair of two leptons of an event.

    A lepton pairs with each other one, so that a probe comes once for each tag of its event, and
    two leptons that are both tag and probe come twice, once with each as the probe.

    Parameters
    ----------
    offsets : [n_event + 1], where the leptons of each event begin
    tag, probe : [n_lepton]

    Returns
    -------
    [n_pair] twice, ordered by event, tag and probe
    """
    n_pair = _count(offsets, tag, probe)
    tags, probes = np.empty(n_pair, np.int64), np.empty(n_pair, np.int64)
    _fill(offsets, tag, probe, tags, probes)
    return tags, probes


@kernel
def _count(offsets: Integers, tag: Bools, probe: Bools) -> int:
    n_pair = 0
    for event in range(len(offsets) - 1):
        n_tag, n_probe, n_both = 0, 0, 0
        for row in range(offsets[event], offsets[event + 1]):
            n_tag += tag[row]
            n_probe += probe[row]
            n_both += tag[row] and probe[row]
        n_pair += n_tag * n_probe - n_both
    return n_pair


@kernel
def _fill(offsets: Integers, tag: Bools, probe: Bools, tags: Integers, probes: Integers) -> None:
    place = 0
    for event in range(len(offsets) - 1):
        for one in range(offsets[event], offsets[event + 1]):
            if not tag[one]:
                continue
            for other in range(offsets[event], offsets[event + 1]):
                if probe[other] and other != one:
                    tags[place], probes[place] = one, other
                    place += 1
