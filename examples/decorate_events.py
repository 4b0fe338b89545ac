# %% [markdown]
# # Decorate events
# Five lines: open, decorate, use. Run it as a script, or cell by cell in a notebook.

# %%
from __future__ import annotations

import sys
from pathlib import Path

import awkward as ak

import lepid

sample = sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent / "data" / "demo_phys.root"

# %%
events = lepid.open(sample)
events = lepid.decorate(events)
muons = events["Muons"]
plit = muons["muon_plit"]
isolated = muons[plit["R3PLITasPLIVefficiencyTight"]]

# %% [markdown]
# Each tagger is a record: its scores, its discriminant, one boolean per working point, `scored`.

# %%
print("fields of muon_plit:", ", ".join(plit.fields))
print("muons:", ak.count(muons["pt"]), " isolated:", ak.count(isolated["pt"]))
print("first discriminants:", ak.flatten(plit["discriminant"])[:4].to_list())

# %% [markdown]
# The electron network needs class fractions for `D_el`. They are yours to choose: a number each,
# or one number for each of its ten |eta| bins.

# %%
fractions = {"f_CF": 0.1, "f_PC": 0.2, "f_HF": 0.3, "f_LFEg": 0.1, "f_LFH": 0.3}
events = lepid.decorate(events, "electron_dnn", fractions={"electron_dnn": fractions})
print("D_el:", ak.flatten(events["Electrons"]["electron_dnn"]["D_el"])[:4].to_list())

# %% [markdown]
# Working points follow a shifted momentum without running anything again.

# %%
shifted = lepid.decide(events, "muon_plit", pt=1.05 * events["Muons"]["pt"])
point = "R3PLITVeryLoose"
print(f"{point}:", ak.sum(plit[point]), "muons pass, with pt 5 % higher", ak.sum(shifted[point]))

# %% [markdown]
# What came from where, and what these events could not feed:

# %%
lepid.report(events)
