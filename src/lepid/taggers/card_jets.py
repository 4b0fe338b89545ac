"""Which jets belong to leptons, as a card says it."""

from __future__ import annotations

import numpy as np
from pydantic import Field, FiniteFloat

from lepid.features.jets import EnergyLoss, Rules
from lepid.taggers.part import Part


class Jets(Part):
    """The jet that inputs called ``jet_...`` are about: the nearest one that counts."""

    dr: FiniteFloat = Field(default=Rules.dr, gt=0, lt=np.pi, description="its dR is below")
    pt: FiniteFloat = Field(default=Rules.pt, ge=0, description="GeV, its pt is above")
    abseta: FiniteFloat = Field(default=Rules.abseta, gt=0, description="its |eta| is below")
    energy_loss: EnergyLoss = Field(
        default=Rules.energy_loss,
        description="phi of the energy loss that is taken out of the jet where a muon is added",
    )

    @property
    def rules(self) -> Rules:
        """The same for `lepid.features.jets`."""
        return Rules(self.dr, self.pt, self.abseta, self.energy_loss)
