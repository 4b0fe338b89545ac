"""All trainings, in the order in which they are finished: PLIV is measured beside PLIT."""

from __future__ import annotations

from training.electron.steps import PART as ELECTRON
from training.plit.steps import PART as PLIT
from training.pliv.steps import PART as PLIV
from training.soft.steps import PART as SOFT
from training.steps import Part
from training.tightnn.steps import PART as TIGHTNN

# Folder of the output -> what is made there.
PARTS: dict[str, Part] = {
    "plit": PLIT,
    "pliv": PLIV,
    "electron": ELECTRON,
    "tightnn": TIGHTNN,
    "soft": SOFT,
}
