"""What a derived input is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt


@dataclass(frozen=True)
class Feature:
    """A quantity that is computed from columns.

    Attributes
    ----------
    needs : column -> unit in which `compute` takes it
    unit : unit of the result
    compute : columns [n_lepton], in the order of `needs` -> [n_lepton]
    source : paper, Athena or CMSSW file, or "ours"
    """

    needs: Mapping[str, str]
    unit: str
    compute: Callable[..., npt.NDArray[Any]]
    source: str
