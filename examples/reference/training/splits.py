"""Which events are for what: places in `simulation.files.SPLITS`."""

from __future__ import annotations

from simulation.files import SPLITS

TRAIN, VALIDATION, TEST = range(len(SPLITS))
