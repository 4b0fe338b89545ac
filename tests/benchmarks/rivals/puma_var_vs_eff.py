"""CPU seconds that `VarVsEff` of puma takes; runs with the Python that has it.

Called with a folder that holds leptons.npz and a number of bins. Prints seconds, and efficiencies
of signal and background in bins, as JSON.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np
from puma import VarVsEff


def main(folder: str, n_bin: int) -> None:
    data = np.load(Path(folder) / "leptons.npz")
    signal, times = data["signal"], []
    for _ in range(5):
        start = time.process_time()
        made = VarVsEff(
            x_var_sig=data["pt"][signal], disc_sig=data["score"][signal],
            x_var_bkg=data["pt"][~signal], disc_bkg=data["score"][~signal],
            bins=np.linspace(0.0, 100.0, n_bin + 1), working_point=0.8, flat_per_bin=False,
        )  # fmt: skip
        found = made.sig_eff[0].tolist(), made.bkg_eff[0].tolist()
        times.append(time.process_time() - start)
    sys.stdout.write(json.dumps({"seconds": min(times), "efficiencies": found}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
